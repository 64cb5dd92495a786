//! The service's side of Kerberos inside Negotiate (RFC 4559).

use std::time::SystemTime;

use mapi_core::auth::kerberos::{Accepted, Key, ServiceRefusal, Token, TokenKind, accept};
use mapi_core::auth::spnego::{self, NegState, NegTokenInit, NegTokenResp};

use super::auth_ntlm::{Binding, Refusal};

/// What a service needs to read tickets.
#[derive(Debug, Clone, Default)]
pub struct KerberosPolicy {
    /// The service's keys, as its keytab has them.
    pub keys: Vec<Key>,
    /// The realm whose users are named as their addresses before `@`.
    pub realm: String,
    /// A ticket is asked for with each request, not once for a connection.
    pub each_request: bool,
    /// The service does not prove itself.
    pub mute: bool,
    /// The service's proof is wrong, as that of somebody who can't read tickets.
    pub impostor: bool,
}

/// The Kerberos token in a client's first token of SPNEGO; `None` for other mechanisms.
pub fn request(token: &[u8]) -> Option<Vec<u8>> {
    let init = NegTokenInit::decode(token)?;
    if init.mechanisms.first()?.as_slice() != spnego::KERBEROS {
        return None;
    }
    let token = Token::decode(&init.token?)?;
    (token.kind == TokenKind::Request).then_some(token.message)
}

/// A ticket that was accepted.
pub struct Shown {
    /// The user's name.
    pub user: String,
    /// The session key.
    pub key: Key,
    /// The token that proves the service.
    pub proof: Option<Vec<u8>>,
}

/// Reads a ticket and what goes with it.
///
/// # Errors
/// See [`Refusal`].
pub fn verify(policy: &KerberosPolicy, message: &[u8], binding: Binding) -> Result<Shown, Refusal> {
    let accepted = accept(&policy.keys, message, SystemTime::now(), rand::random()).map_err(refusal)?;
    let Accepted { client, channel_bindings: given, key, mut reply, .. } = accepted;
    let none = given == [0; 16];
    match binding {
        Binding::Required(_) if none => return Err(Refusal::NoBinding),
        Binding::Optional(wanted) | Binding::Required(wanted) if !none && given != wanted => {
            return Err(Refusal::WrongBinding);
        }
        _ => {}
    }
    let [name] = client.parts.as_slice() else { return Err(Refusal::UnknownUser) };
    if client.realm != policy.realm {
        return Err(Refusal::UnknownUser);
    }
    if policy.impostor
        && let Some(last) = reply.last_mut()
    {
        *last ^= 1;
    }
    let response = NegTokenResp {
        state: Some(NegState::AcceptCompleted),
        mechanism: Some(spnego::KERBEROS.to_vec()),
        token: Some(Token { kind: TokenKind::Reply, message: reply }.encode()),
        mechanism_list_mic: None,
    };
    Ok(Shown { user: name.clone(), key, proof: (!policy.mute).then(|| response.encode()) })
}

fn refusal(refusal: ServiceRefusal) -> Refusal {
    match refusal {
        ServiceRefusal::Malformed => Refusal::Malformed,
        ServiceRefusal::WrongKey => Refusal::WrongKey,
        ServiceRefusal::WrongClient => Refusal::Tampered,
        ServiceRefusal::Expired | ServiceRefusal::Clock => Refusal::Outdated,
    }
}
