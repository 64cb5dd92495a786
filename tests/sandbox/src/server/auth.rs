//! Who speaks on a connection: Basic and Bearer for each request, NTLM and Kerberos once for a connection.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use mapi_core::auth::kerberos::Key;
use mapi_core::auth::ntlm::{self, filetime};
use mapi_core::auth::spnego::{self, NegState, NegTokenInit, NegTokenResp};
use mapi_core::auth::{SignInName, hash_of_bindings, tls_server_end_point};
use secrecy::SecretString;

use super::TokenIssuer;
use super::auth_kerberos::{self, KerberosPolicy};
use super::auth_ntlm::{Binding, NtlmServer, Refusal};
use crate::store::{SharedStore, Store};

/// How users sign in.
#[derive(Debug, Clone)]
pub struct AuthPolicy {
    /// What a 401 offers, in this order; nothing else is taken.
    pub schemes: Vec<Scheme>,
    /// What is asked of NTLM and Kerberos on encrypted connections.
    pub channel_binding: ChannelBinding,
    /// DER of the certificate that this server shows on encrypted connections.
    pub certificate: Option<Vec<u8>>,
    /// NetBIOS name of the domain whose users are named as their addresses before `@`.
    pub domain: String,
    /// For [`Scheme::Kerberos`].
    pub kerberos: KerberosPolicy,
}

/// A scheme of HTTP authentication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Kerberos inside Negotiate.
    Kerberos,
    /// NTLM inside Negotiate, as it is or wrapped in SPNEGO.
    Negotiate,
    /// The same, but only wrapped.
    NegotiateWrapped,
    /// NTLM.
    Ntlm,
    /// Access tokens of this server's token endpoint.
    Bearer,
    /// Basic.
    Basic,
}

/// Extended Protection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ChannelBinding {
    /// Bindings are not looked at.
    #[default]
    Off,
    /// A binding must be right, if there is one.
    Accept,
    /// There must be a binding, and it must be right.
    Require,
}

impl Default for AuthPolicy {
    fn default() -> Self {
        Self {
            schemes: vec![Scheme::Basic],
            channel_binding: ChannelBinding::Off,
            certificate: None,
            domain: "SANDBOX".to_owned(),
            kerberos: KerberosPolicy::default(),
        }
    }
}

impl Scheme {
    fn name(self) -> &'static str {
        match self {
            Self::Kerberos | Self::Negotiate | Self::NegotiateWrapped => "Negotiate",
            Self::Ntlm => "NTLM",
            Self::Bearer => "Bearer",
            Self::Basic => "Basic",
        }
    }
}

/// Secrets and refusals that are kept for tests.
const MAX_KEPT: usize = 256;

/// The policy, and what became of those who tried.
pub struct Auth {
    policy: AuthPolicy,
    /// Connections that signed in under another number have to do it again.
    epoch: AtomicU64,
    kept: Mutex<Kept>,
    tokens: TokenIssuer,
}

#[derive(Default)]
struct Kept {
    refusals: Vec<Refusal>,
    session_keys: Vec<[u8; 16]>,
    tickets: usize,
    ticket_keys: Vec<Key>,
}

/// What the server knows of one connection.
pub struct ConnectionAuth {
    encrypted: bool,
    state: Mutex<SignInState>,
    /// What the answer to the request says of the server.
    proof: Mutex<Option<String>>,
}

enum SignInState {
    Nobody,
    Challenged(NtlmServer, Wrapping),
    User { index: usize, epoch: u64 },
}

#[derive(Clone, Copy)]
enum Wrapping {
    Raw,
    Spnego,
}

impl ConnectionAuth {
    pub fn new(encrypted: bool) -> Self {
        Self { encrypted, state: Mutex::new(SignInState::Nobody), proof: Mutex::default() }
    }

    /// The WWW-Authenticate value that proves the server, for the answer to the request that was just authenticated.
    pub fn take_proof(&self) -> Option<String> {
        self.proof.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Auth {
    /// Nobody has signed in yet.
    pub fn new(policy: AuthPolicy) -> Self {
        Self { policy, epoch: AtomicU64::new(0), kept: Mutex::default(), tokens: TokenIssuer::default() }
    }

    /// The token endpoint.
    pub fn tokens(&self) -> &TokenIssuer {
        &self.tokens
    }

    /// Every connection has to sign in anew.
    pub fn forget_connections(&self) {
        self.epoch.fetch_add(1, Ordering::Relaxed);
    }

    /// Why proofs were refused, the last one at the end.
    pub fn refusals(&self) -> Vec<Refusal> {
        self.kept().refusals.clone()
    }

    /// Session keys of those who were let in.
    pub fn session_keys(&self) -> Vec<[u8; 16]> {
        self.kept().session_keys.clone()
    }

    /// How many Kerberos tickets were accepted.
    pub fn tickets(&self) -> usize {
        self.kept().tickets
    }

    /// The session keys of tickets that were accepted.
    pub fn ticket_keys(&self) -> Vec<Key> {
        self.kept().ticket_keys.clone()
    }

    /// The user of a request. Otherwise the WWW-Authenticate values of the 401.
    ///
    /// # Errors
    /// Nobody has signed in (yet).
    pub fn authenticate(
        &self,
        store: &SharedStore,
        headers: &HeaderMap,
        connection: &ConnectionAuth,
    ) -> Result<usize, Vec<String>> {
        let mut state = connection.state.lock().unwrap_or_else(PoisonError::into_inner);
        let epoch = self.epoch.load(Ordering::Relaxed);
        let Some(authorization) = headers.get(AUTHORIZATION) else {
            return match *state {
                SignInState::User { index, epoch: signed_in } if signed_in == epoch => Ok(index),
                _ => Err(self.offers()),
            };
        };
        let words = authorization.to_str().ok().and_then(|value| value.split_once(' '));
        if let Some((_, token)) = words.filter(|(name, _)| name.eq_ignore_ascii_case(Scheme::Bearer.name())) {
            return self.bearer(store, token.trim());
        }
        let known = words.and_then(|(name, token)| {
            let scheme = self.policy.schemes.iter().find(|scheme| scheme.name().eq_ignore_ascii_case(name))?;
            Some((*scheme, STANDARD.decode(token.trim()).ok()?))
        });
        let Some((scheme, token)) = known else { return Err(self.offers()) };
        if scheme == Scheme::Basic {
            return basic(store, &token).ok_or_else(|| self.offers());
        }
        if scheme.name() == Scheme::Kerberos.name()
            && self.policy.schemes.contains(&Scheme::Kerberos)
            && let Some(message) = auth_kerberos::request(&token)
        {
            let (index, proof) = self.ticket(&message, store, connection.encrypted).ok_or_else(|| self.offers())?;
            let proof = proof.map(|token| format!("{} {}", scheme.name(), STANDARD.encode(token)));
            *connection.proof.lock().unwrap_or_else(PoisonError::into_inner) = proof;
            *state = if self.policy.kerberos.each_request {
                SignInState::Nobody
            } else {
                SignInState::User { index, epoch }
            };
            return Ok(index);
        }
        match std::mem::replace(&mut *state, SignInState::Nobody) {
            SignInState::Challenged(server, wrapping) => {
                let proof = match wrapping {
                    Wrapping::Raw => Some(token),
                    Wrapping::Spnego => NegTokenResp::decode(&token).and_then(|response| response.token),
                };
                let index = self.verify(server, &proof.unwrap_or_default(), store, connection.encrypted);
                index.map_or_else(
                    || Err(self.offers()),
                    |index| {
                        *state = SignInState::User { index, epoch };
                        Ok(index)
                    },
                )
            }
            _ => match self.challenge(scheme, &token) {
                Some((server, wrapping, answer)) => {
                    *state = SignInState::Challenged(server, wrapping);
                    Err(vec![format!("{} {}", scheme.name(), STANDARD.encode(answer))])
                }
                None => Err(self.offers()),
            },
        }
    }

    /// The user of an access token; the 401 says what is wrong with it (RFC 6750 3).
    fn bearer(&self, store: &SharedStore, token: &str) -> Result<usize, Vec<String>> {
        if !self.policy.schemes.contains(&Scheme::Bearer) {
            return Err(self.offers());
        }
        let user = self.tokens.user_of(token);
        let found = user.and_then(|user| {
            let index = store.with(|store| store.user_index(&user));
            index.ok_or_else(|| self.offers().join(", "))
        });
        found.map_err(|refused| {
            let others = self.offers().into_iter().filter(|offer| !offer.starts_with(Scheme::Bearer.name()));
            std::iter::once(refused).chain(others).collect()
        })
    }

    fn offers(&self) -> Vec<String> {
        let value = |scheme: &Scheme| match scheme {
            Scheme::Basic => "Basic realm=\"sandbox\"".to_owned(),
            Scheme::Bearer => "Bearer realm=\"sandbox\"".to_owned(),
            scheme => scheme.name().to_owned(),
        };
        let mut offers: Vec<_> = self.policy.schemes.iter().map(value).collect();
        offers.dedup();
        offers
    }

    /// The user who shows a ticket, and the server's proof.
    fn ticket(&self, message: &[u8], store: &SharedStore, encrypted: bool) -> Option<(usize, Option<Vec<u8>>)> {
        let verified = auth_kerberos::verify(&self.policy.kerberos, message, self.binding(encrypted));
        let found = verified.and_then(|shown| {
            let index = store.with(|store| user_before_at(store, &shown.user)).ok_or(Refusal::UnknownUser)?;
            Ok((index, shown))
        });
        let mut kept = self.kept();
        match found {
            Ok((index, shown)) => {
                kept.tickets += 1;
                if kept.ticket_keys.len() < MAX_KEPT {
                    kept.ticket_keys.push(shown.key);
                }
                Some((index, shown.proof))
            }
            Err(refusal) => {
                kept.refuse(refusal);
                None
            }
        }
    }

    fn binding(&self, encrypted: bool) -> Binding {
        match (encrypted, self.policy.channel_binding) {
            (false, _) | (true, ChannelBinding::Off) => Binding::Any,
            (true, policy) => {
                let data = self.policy.certificate.as_deref().and_then(tls_server_end_point);
                let hash = data.map(|data| hash_of_bindings(&data)).unwrap_or_default();
                if policy == ChannelBinding::Require { Binding::Required(hash) } else { Binding::Optional(hash) }
            }
        }
    }

    fn challenge(&self, scheme: Scheme, token: &[u8]) -> Option<(NtlmServer, Wrapping, Vec<u8>)> {
        let raw = token.starts_with(ntlm::SIGNATURE);
        let begin = |message: &[u8]| {
            NtlmServer::begin(message, rand::random(), filetime(SystemTime::now()), &self.policy.domain).ok()
        };
        if raw && scheme != Scheme::NegotiateWrapped {
            let (server, challenge) = begin(token)?;
            return Some((server, Wrapping::Raw, challenge));
        }
        if raw || scheme == Scheme::Ntlm {
            return None;
        }
        let init = NegTokenInit::decode(token)?;
        if init.mechanisms.first()?.as_slice() != spnego::NTLM {
            return None;
        }
        let (server, challenge) = begin(&init.token?)?;
        let response = NegTokenResp {
            state: Some(NegState::AcceptIncomplete),
            mechanism: Some(spnego::NTLM.to_vec()),
            token: Some(challenge),
            mechanism_list_mic: None,
        };
        Some((server, Wrapping::Spnego, response.encode()))
    }

    fn verify(&self, server: NtlmServer, proof: &[u8], store: &SharedStore, encrypted: bool) -> Option<usize> {
        let binding = self.binding(encrypted);
        let known = |name: &SignInName| {
            store.with(|store| {
                let index = self.user(store, name)?;
                Some((index, SecretString::from(store.users().get(index)?.password.clone())))
            })
        };
        let mut kept = self.kept();
        match server.verify(proof, known, binding) {
            Ok((index, session_key)) => {
                if kept.session_keys.len() < MAX_KEPT {
                    kept.session_keys.push(session_key);
                }
                Some(index)
            }
            Err(refusal) => {
                kept.refuse(refusal);
                None
            }
        }
    }

    fn user(&self, store: &Store, name: &SignInName) -> Option<usize> {
        if name.domain.is_empty() {
            return store.user_index(&name.user);
        }
        user_before_at(store, &name.user).filter(|_| name.domain.eq_ignore_ascii_case(&self.policy.domain))
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn refuse(&mut self, refusal: Refusal) {
        tracing::debug!(?refusal, "sign-in refused");
        if self.refusals.len() < MAX_KEPT {
            self.refusals.push(refusal);
        }
    }
}

/// The user whose address has this before its `@`.
fn user_before_at(store: &Store, name: &str) -> Option<usize> {
    let same = |address: &str| address.split('@').next().is_some_and(|local| local.eq_ignore_ascii_case(name));
    store.users().iter().position(|user| same(&user.address))
}

fn basic(store: &SharedStore, token: &[u8]) -> Option<usize> {
    let (name, password) = std::str::from_utf8(token).ok()?.split_once(':')?;
    store.with(|store| {
        let index = store.user_index(name)?;
        (store.users().get(index)?.password == password).then_some(index)
    })
}
