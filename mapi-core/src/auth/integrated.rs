use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretString;

use super::challenge::{Offer, offer};
use super::channel_binding::{fingerprint, hash_of_bindings, tls_server_end_point};
use super::ntlm::{self, NtlmClient, NtlmContext, filetime};
use super::spnego::{self, NegTokenInit, NegTokenResp};
use super::{AuthChannel, AuthError, AuthScheme, AuthStep, SignInName};

/// NTLM over HTTP, which authenticates a connection ([MS-NTHT]): as the scheme `NTLM`, or inside `Negotiate`.
pub(super) struct Integrated {
    name: SignInName,
    password: SecretString,
    carrier: Carrier,
    wrapping: Wrapping,
    client: NtlmClient,
    state: IntegratedState,
}

/// The HTTP scheme that carries the tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Carrier {
    Ntlm,
    Negotiate,
}

/// Windows takes NTLM inside Negotiate as it is; others want it wrapped as RFC 4559 has it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wrapping {
    Raw,
    Spnego,
}

enum IntegratedState {
    /// Nothing was proved yet.
    Asked,
    /// The proof went out.
    Proved,
    /// A request was served after that.
    Authenticated,
}

impl Integrated {
    pub(super) fn new(name: SignInName, password: SecretString, carrier: Carrier) -> Self {
        let client = NtlmClient::new(name.clone(), password.clone(), rand::random());
        Self { name, password, carrier, wrapping: Wrapping::Raw, client, state: IntegratedState::Asked }
    }

    /// The first message of a new exchange.
    fn begin(&mut self, channel: AuthChannel<'_>) -> AuthStep {
        self.client = NtlmClient::new(self.name.clone(), self.password.clone(), rand::random());
        self.state = IntegratedState::Asked;
        match self.client.step(&[], &context(channel, "")) {
            Ok(message) => AuthStep::Ask(Some(self.header(message))),
            Err(error) => AuthStep::Failed(AuthError::Malformed(error.to_string())),
        }
    }

    fn answer(&mut self, token: &[u8], channel: AuthChannel<'_>) -> AuthStep {
        let unwrapped;
        let challenge = if token.starts_with(ntlm::SIGNATURE) {
            self.wrapping = Wrapping::Raw;
            token
        } else {
            let response = NegTokenResp::decode(token);
            let Some(inner) = response.and_then(|response| response.token) else {
                return malformed("a token that is neither NTLM nor SPNEGO");
            };
            self.wrapping = Wrapping::Spnego;
            unwrapped = inner;
            &unwrapped
        };
        match self.client.step(challenge, &context(channel, &format!("HTTP/{}", channel.host))) {
            Ok(message) => {
                self.state = IntegratedState::Proved;
                AuthStep::Send(self.header(message))
            }
            Err(error) => malformed(&error.to_string()),
        }
    }

    fn header(&self, message: Vec<u8>) -> SecretString {
        let token = match (self.wrapping, &self.state) {
            (Wrapping::Raw, _) => message,
            (Wrapping::Spnego, IntegratedState::Asked) => {
                NegTokenInit { mechanisms: vec![spnego::NTLM.to_vec()], token: Some(message) }.encode()
            }
            (Wrapping::Spnego, _) => NegTokenResp { token: Some(message), ..NegTokenResp::default() }.encode(),
        };
        SecretString::from(format!("{} {}", self.carrier.scheme(), STANDARD.encode(token)))
    }
}

impl AuthScheme for Integrated {
    fn start(&mut self, channel: AuthChannel<'_>) -> AuthStep {
        match self.state {
            IntegratedState::Asked => self.begin(channel),
            IntegratedState::Proved | IntegratedState::Authenticated => {
                self.state = IntegratedState::Authenticated;
                AuthStep::Done
            }
        }
    }

    fn step(&mut self, challenges: &[String], channel: AuthChannel<'_>) -> AuthStep {
        match self.state {
            IntegratedState::Asked => match offer(challenges, self.carrier.scheme()) {
                Offer::Token(token) => self.answer(&token, channel),
                Offer::Absent => AuthStep::Failed(AuthError::NotOffered(challenges.to_vec())),
                // Nothing was proved yet, so that another form costs no failed login.
                Offer::Bare if self.carrier == Carrier::Negotiate && self.wrapping == Wrapping::Raw => {
                    self.wrapping = Wrapping::Spnego;
                    self.begin(channel)
                }
                Offer::Bare => malformed("no challenge after the first message"),
                Offer::Unreadable => malformed("a token that is no base64, or too long"),
            },
            IntegratedState::Proved => AuthStep::Failed(match channel.server_certificate {
                Some(certificate) => AuthError::RefusedWithBinding(fingerprint(certificate)),
                None => AuthError::Refused,
            }),
            IntegratedState::Authenticated => AuthStep::Reconnect,
        }
    }
}

impl Carrier {
    pub(super) fn scheme(self) -> &'static str {
        match self {
            Self::Ntlm => "NTLM",
            Self::Negotiate => "Negotiate",
        }
    }
}

fn context<'a>(channel: AuthChannel<'_>, target_name: &'a str) -> NtlmContext<'a> {
    let bindings = channel.server_certificate.and_then(tls_server_end_point);
    NtlmContext {
        channel_bindings: bindings.map(|data| hash_of_bindings(&data)),
        target_name,
        now: filetime(channel.now),
    }
}

fn malformed(why: &str) -> AuthStep {
    AuthStep::Failed(AuthError::Malformed(why.to_owned()))
}
