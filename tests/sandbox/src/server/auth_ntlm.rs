//! The server's side of NTLM ([MS-NLMP] 3.2.5): a challenge, and the check of what comes back.

use mapi_core::auth::SignInName;
use mapi_core::auth::ntlm::{
    Authenticate, AvPairs, Challenge, Negotiate, ResponseKey, av_flag, av_id, message_integrity_code, negotiate_flag,
    same,
};
use mapi_core::wire::{Reader, WireResult};
use secrecy::SecretString;

/// One exchange, between challenge and answer.
pub struct NtlmServer {
    negotiate: Vec<u8>,
    challenge: Vec<u8>,
    server_challenge: [u8; 8],
}

/// Which channel binding is asked for.
#[derive(Debug, Clone, Copy)]
pub enum Binding {
    /// It is not looked at.
    Any,
    /// This one, or none.
    Optional([u8; 16]),
    /// This one.
    Required([u8; 16]),
}

/// Why somebody is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// No message, or not one of NTLMv2.
    Malformed,
    /// There is no such user.
    UnknownUser,
    /// The password is another one.
    WrongPassword,
    /// The integrity code is missing or wrong.
    Tampered,
    /// There is no channel binding.
    NoBinding,
    /// The channel binding is that of another certificate.
    WrongBinding,
    /// The Kerberos ticket is for another key.
    WrongKey,
    /// The Kerberos ticket is not valid now.
    Outdated,
}

impl NtlmServer {
    /// Answers the client's first message with a challenge.
    ///
    /// # Errors
    /// It is no such message.
    pub fn begin(negotiate: &[u8], server_challenge: [u8; 8], now: u64, domain: &str) -> WireResult<(Self, Vec<u8>)> {
        let offered = Negotiate::decode(negotiate)?.flags;
        let mut target_info = AvPairs::default();
        target_info.set_text(av_id::NB_DOMAIN_NAME, domain);
        target_info.set_text(av_id::NB_COMPUTER_NAME, "EXCHANGE");
        target_info.set(av_id::TIMESTAMP, now.to_le_bytes().to_vec());
        let own = negotiate_flag::TARGET_INFO | negotiate_flag::TARGET_TYPE_DOMAIN;
        let flags = offered | own;
        let challenge = Challenge { flags, server_challenge, target_name: domain.to_owned(), target_info }.encode();
        let server = Self { negotiate: negotiate.to_vec(), challenge: challenge.clone(), server_challenge };
        Ok((server, challenge))
    }

    /// Checks the client's last message against the password of the user that `known` finds; that user, and the session key.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub fn verify(
        self,
        message: &[u8],
        known: impl FnOnce(&SignInName) -> Option<(usize, SecretString)>,
        binding: Binding,
    ) -> Result<(usize, [u8; 16]), Refusal> {
        let decoded = Authenticate::decode(message).map_err(|_| Refusal::Malformed)?;
        let (proof, temp) = decoded.nt_response.split_first_chunk::<16>().ok_or(Refusal::Malformed)?;
        // The pairs stand behind 28 fixed bytes ([MS-NLMP] 2.2.2.7).
        let pairs = temp.get(28..).ok_or(Refusal::Malformed)?;
        let pairs = AvPairs::decode(&mut Reader::new(pairs)).map_err(|_| Refusal::Malformed)?;
        let name = SignInName { user: decoded.user, domain: decoded.domain };
        let (index, password) = known(&name).ok_or(Refusal::UnknownUser)?;
        let key = ResponseKey::new(&password, &name);
        if !same(&key.proof(&self.server_challenge, temp), proof) {
            return Err(Refusal::WrongPassword);
        }
        let session_key = key.session_key(proof);
        // The challenge had a time, so the client must give a code ([MS-NLMP] 3.1.5.1.2).
        let code = decoded.mic.filter(|_| pairs.flags() & av_flag::MIC_PRESENT != 0).ok_or(Refusal::Tampered)?;
        let mut unsigned = message.to_vec();
        unsigned.get_mut(Authenticate::MIC_RANGE).ok_or(Refusal::Malformed)?.fill(0);
        let expected = message_integrity_code(&session_key, [&self.negotiate, &self.challenge, &unsigned]);
        if !same(&expected, &code) {
            return Err(Refusal::Tampered);
        }
        let given = pairs.get(av_id::CHANNEL_BINDINGS).filter(|value| value.iter().any(|&byte| byte != 0));
        match (binding, given) {
            (Binding::Any, _) | (Binding::Optional(_), None) => {}
            (Binding::Required(_), None) => return Err(Refusal::NoBinding),
            (Binding::Optional(wanted) | Binding::Required(wanted), Some(given)) => {
                if given != wanted {
                    return Err(Refusal::WrongBinding);
                }
            }
        }
        Ok((index, *session_key))
    }
}

#[cfg(test)]
mod tests {
    use mapi_core::auth::ntlm::{NtlmClient, NtlmContext};

    use super::*;

    const BINDING: [u8; 16] = [3; 16];

    fn exchange(
        name: &str,
        password: &str,
        given: Option<[u8; 16]>,
        binding: Binding,
        tamper: impl FnOnce(&mut Vec<u8>),
    ) -> Result<usize, Refusal> {
        let mut client = NtlmClient::new(SignInName::parse(name), SecretString::from(password), [9; 8]);
        let context = NtlmContext { channel_bindings: given, target_name: "HTTP/mail.test", now: 5 };
        let first = client.step(&[], &context).expect("a message");
        let (server, challenge) = NtlmServer::begin(&first, [1; 8], 77, "SANDBOX").expect("a challenge");
        let mut last = client.step(&challenge, &context).expect("a message");
        tamper(&mut last);
        let known = |name: &SignInName| (name.user == "alice").then(|| (4, SecretString::from("secret")));
        server.verify(&last, known, binding).map(|(index, _)| index)
    }

    #[test]
    fn only_the_right_password_gets_in() {
        let plain = |name, password| exchange(name, password, None, Binding::Any, |_| {});
        assert_eq!(plain("alice", "secret"), Ok(4));
        assert_eq!(plain("SANDBOX\\alice", "secret"), Ok(4));
        assert_eq!(plain("alice", "Secret"), Err(Refusal::WrongPassword));
        assert_eq!(plain("bob", "secret"), Err(Refusal::UnknownUser));
    }

    #[test]
    fn the_binding_is_enforced_as_configured() {
        let bound = |given, binding| exchange("alice", "secret", given, binding, |_| {});
        assert_eq!(bound(Some(BINDING), Binding::Required(BINDING)), Ok(4));
        assert_eq!(bound(None, Binding::Required(BINDING)), Err(Refusal::NoBinding));
        assert_eq!(bound(Some([4; 16]), Binding::Required(BINDING)), Err(Refusal::WrongBinding));
        assert_eq!(bound(None, Binding::Optional(BINDING)), Ok(4));
        assert_eq!(bound(Some([4; 16]), Binding::Optional(BINDING)), Err(Refusal::WrongBinding));
        assert_eq!(bound(Some([4; 16]), Binding::Any), Ok(4));
    }

    #[test]
    fn nothing_can_be_changed_on_the_way() {
        let changed = |at: usize| exchange("alice", "secret", None, Binding::Any, move |message| message[at] ^= 1);
        // Flags, the code, the proof, what it covers.
        assert_eq!(changed(60), Err(Refusal::Tampered));
        assert_eq!(changed(Authenticate::MIC_RANGE.start), Err(Refusal::Tampered));
        assert_eq!(changed(Authenticate::MIC_RANGE.end + 24), Err(Refusal::WrongPassword));
        assert_eq!(changed(Authenticate::MIC_RANGE.end + 24 + 16 + 40), Err(Refusal::WrongPassword));
    }
}
