use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::future::BoxFuture;
use secrecy::SecretString;

use super::challenge::{Offer, offer};
use super::channel_binding::{fingerprint, hash_of_bindings, tls_server_end_point};
use super::kerberos::{ApOptions, KerberosError, Proof, Ticket, Token, TokenKind, prove};
use super::spnego::{self, NegTokenInit, NegTokenResp};
use super::{AuthChannel, AuthError, AuthScheme, AuthStep, Credentials};

/// The HTTP scheme that carries the tokens.
const SCHEME: &str = "Negotiate";

/// Who has tickets for one user: asks a KDC, and remembers them.
pub trait TicketSource: Send + Sync + fmt::Debug {
    /// A ticket for the HTTP service of `host`.
    fn ticket<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Result<Arc<Ticket>, KerberosError>>;

    /// The service of `host` did not accept the ticket it was shown last: the next one is to be a new one.
    fn forget(&self, host: &str);
}

/// The tickets of a user, who signs in by nothing else.
#[derive(Debug, Clone)]
pub struct KerberosCredentials {
    source: Arc<dyn TicketSource>,
}

impl KerberosCredentials {
    /// Credentials that sign in by the tickets of `source`.
    pub fn new(source: Arc<dyn TicketSource>) -> Self {
        Self { source }
    }
}

impl Credentials for KerberosCredentials {
    fn scheme(&self) -> Box<dyn AuthScheme> {
        Box::new(Kerberos::new(Arc::clone(&self.source)))
    }
}

/// Kerberos inside Negotiate (RFC 4559), with the service's proof and the channel binding.
pub(super) struct Kerberos {
    source: Arc<dyn TicketSource>,
    state: KerberosState,
    /// The server forgets after every request who speaks.
    each_request: bool,
    /// A ticket was refused already, so that a refused new one is the end.
    again: bool,
}

enum KerberosState {
    /// No ticket was shown.
    Nobody,
    /// A ticket was shown, and the service has to prove itself.
    Shown(Proof),
    /// A request was served after that.
    Authenticated,
}

impl Kerberos {
    pub(super) fn new(source: Arc<dyn TicketSource>) -> Self {
        Self { source, state: KerberosState::Nobody, each_request: false, again: false }
    }

    fn show(&mut self, ticket: &Ticket, channel: AuthChannel<'_>) -> AuthStep {
        let bindings = channel.server_certificate.and_then(tls_server_end_point);
        let options = ApOptions { channel_bindings: bindings.map(|data| hash_of_bindings(&data)) };
        let (message, proof) = prove(ticket, options, channel.now, rand::random(), rand::random());
        let token = Token { kind: TokenKind::Request, message }.encode();
        let init = NegTokenInit { mechanisms: vec![spnego::KERBEROS.to_vec()], token: Some(token) };
        self.state = KerberosState::Shown(proof);
        AuthStep::Send(SecretString::from(format!("{SCHEME} {}", STANDARD.encode(init.encode()))))
    }
}

impl AuthScheme for Kerberos {
    fn start(&mut self, _channel: AuthChannel<'_>) -> AuthStep {
        match self.state {
            KerberosState::Authenticated if !self.each_request => AuthStep::Done,
            _ => AuthStep::Fetch,
        }
    }

    fn step(&mut self, challenges: &[String], channel: AuthChannel<'_>) -> AuthStep {
        let offered = offer(challenges, SCHEME);
        if offered == Offer::Absent {
            return AuthStep::Failed(AuthError::NotOffered(challenges.to_vec()));
        }
        match std::mem::replace(&mut self.state, KerberosState::Nobody) {
            KerberosState::Nobody => AuthStep::Fetch,
            // Services that look at each request by itself.
            KerberosState::Authenticated => {
                self.each_request = true;
                AuthStep::Fetch
            }
            KerberosState::Shown(_) => {
                if let Offer::Token(token) = &offered {
                    tracing::debug!(host = channel.host, "refused: {}", told(token));
                }
                self.source.forget(channel.host);
                // A service that has a new key since the ticket was made takes a new ticket.
                if !std::mem::replace(&mut self.again, true) {
                    return AuthStep::Fetch;
                }
                AuthStep::Failed(match channel.server_certificate {
                    Some(certificate) => AuthError::RefusedWithBinding(fingerprint(certificate)),
                    None => AuthError::Refused,
                })
            }
        }
    }

    fn fetch<'a>(&'a mut self, channel: AuthChannel<'a>) -> BoxFuture<'a, AuthStep> {
        Box::pin(async move {
            let source = Arc::clone(&self.source);
            match source.ticket(channel.host).await {
                Ok(ticket) => self.show(&ticket, channel),
                Err(KerberosError::Refused(refusal)) => AuthStep::Failed(AuthError::RefusedByKdc(refusal)),
                Err(error) => AuthStep::Failed(AuthError::NoTicket(error.to_string())),
            }
        })
    }

    fn served(&mut self, answers: &[String], channel: AuthChannel<'_>) -> Result<(), AuthError> {
        let KerberosState::Shown(proof) = &self.state else { return Ok(()) };
        let malformed = |why: String| AuthError::Malformed(format!("the server's proof of itself: {why}"));
        match offer(answers, SCHEME) {
            Offer::Token(token) => {
                let reply = reply(&token).ok_or_else(|| malformed("it is no Kerberos".into()))?;
                proof.verify(&reply).map_err(|error| malformed(error.to_string()))?;
            }
            // Its certificate proves an encrypted server, too.
            Offer::Absent | Offer::Bare if channel.encrypted => {
                tracing::debug!(host = channel.host, "the server proves itself by its certificate only");
            }
            Offer::Absent | Offer::Bare => return Err(malformed("there is none".into())),
            Offer::Unreadable => return Err(malformed("it is no base64, or too long".into())),
        }
        self.state = KerberosState::Authenticated;
        self.again = false;
        Ok(())
    }
}

/// AP-REP in a server's token, which is SPNEGO, or bare.
fn reply(token: &[u8]) -> Option<Vec<u8>> {
    let inner = NegTokenResp::decode(token).and_then(|response| response.token);
    let token = Token::decode(inner.as_deref().unwrap_or(token))?;
    (token.kind == TokenKind::Reply).then_some(token.message)
}

/// What a server says of a ticket that it refuses.
fn told(token: &[u8]) -> String {
    let inner = NegTokenResp::decode(token).and_then(|response| response.token);
    let token = Token::decode(inner.as_deref().unwrap_or(token)).filter(|token| token.kind == TokenKind::Error);
    let error = token.and_then(|token| super::kerberos::KdcError::decode(&token.message));
    error.map_or_else(|| "no reason given".to_owned(), |error| error.to_string())
}
