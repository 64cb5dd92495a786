use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use futures::future::BoxFuture;
use secrecy::SecretString;

use super::challenge::{Offer, offer};
use super::integrated::{Carrier, Integrated};
use super::kerberos_scheme::Kerberos;
use super::{
    AuthChannel, AuthError, AuthScheme, AuthStep, BasicCredentials, Credentials, PlainHttp, SignInName, TicketSource,
};

/// Hosts whose choice is remembered.
const MAX_HOSTS: usize = 16;
/// Choices that are told.
const MAX_TOLD: usize = 32;

/// A way in which a password signs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordMethod {
    /// Kerberos inside `Negotiate`.
    Kerberos,
    /// NTLM under the scheme of that name.
    Ntlm,
    /// NTLM inside `Negotiate`.
    Negotiate,
    /// Basic.
    Basic,
}

impl PasswordMethod {
    /// All of them, the strongest first. NTLM is the same in both carriers; the plain one has less that can go wrong.
    pub const ALL: [Self; 4] = [Self::Kerberos, Self::Ntlm, Self::Negotiate, Self::Basic];

    /// The scheme's name in HTTP.
    pub fn scheme(self) -> &'static str {
        match self {
            Self::Ntlm => Carrier::Ntlm.scheme(),
            Self::Kerberos | Self::Negotiate => Carrier::Negotiate.scheme(),
            Self::Basic => "Basic",
        }
    }

    /// For people.
    fn described(self) -> &'static str {
        match self {
            Self::Kerberos => "Kerberos",
            Self::Ntlm => "NTLM",
            Self::Negotiate => "NTLM inside Negotiate",
            Self::Basic => "Basic",
        }
    }
}

/// User name and password, and the ways in which they may sign in. Of these the strongest one is taken that the server
/// offers; what a host offered is remembered for further connections.
#[derive(Clone)]
pub struct PasswordCredentials {
    name: String,
    password: SecretString,
    methods: Vec<PasswordMethod>,
    basic_over_plain_http: PlainHttp,
    tickets: Option<Arc<dyn TicketSource>>,
    chosen: Arc<Mutex<Vec<(String, PasswordMethod)>>>,
    told: Arc<Mutex<Vec<String>>>,
}

impl PasswordCredentials {
    /// Credentials of `name` (`user@domain` or `DOMAIN\user`), to be used with `methods` only, in the order of
    /// [`PasswordMethod::ALL`]. Basic goes over unencrypted connections only if `basic_over_plain_http` allows it.
    pub fn new(
        name: impl Into<String>,
        password: SecretString,
        methods: &[PasswordMethod],
        basic_over_plain_http: PlainHttp,
    ) -> Self {
        let with_password = |method: &PasswordMethod| methods.contains(method) && *method != PasswordMethod::Kerberos;
        Self {
            name: name.into(),
            password,
            methods: PasswordMethod::ALL.into_iter().filter(with_password).collect(),
            basic_over_plain_http,
            tickets: None,
            chosen: Arc::default(),
            told: Arc::default(),
        }
    }

    /// Tries Kerberos first, with the tickets of `source`, which gets them by the same password. The other methods follow
    /// where there is no ticket; not where the KDC refuses the password.
    pub fn with_tickets(mut self, source: Arc<dyn TicketSource>) -> Self {
        if self.tickets.replace(source).is_none() {
            self.methods.insert(0, PasswordMethod::Kerberos);
        }
        self
    }

    fn scheme_of(&self, method: PasswordMethod) -> Box<dyn AuthScheme> {
        let integrated =
            |carrier| Box::new(Integrated::new(SignInName::parse(&self.name), self.password.clone(), carrier));
        match (method, &self.tickets) {
            (PasswordMethod::Kerberos, Some(source)) => Box::new(Kerberos::new(Arc::clone(source))),
            (PasswordMethod::Kerberos, None) => integrated(Carrier::Negotiate),
            (PasswordMethod::Ntlm, _) => integrated(Carrier::Ntlm),
            (PasswordMethod::Negotiate, _) => integrated(Carrier::Negotiate),
            (PasswordMethod::Basic, _) => {
                BasicCredentials::new(&self.name, self.password.clone(), self.basic_over_plain_http).scheme()
            }
        }
    }

    fn remembered(&self, host: &str) -> Option<PasswordMethod> {
        // With one method there is nothing to choose, and nothing to ask for.
        if let [only] = self.methods[..] {
            return Some(only);
        }
        let chosen = self.chosen.lock().unwrap_or_else(PoisonError::into_inner);
        chosen.iter().find(|(known, _)| known == host).map(|(_, method)| *method)
    }

    fn remember(&self, host: &str, method: Option<PasswordMethod>) {
        let mut chosen = self.chosen.lock().unwrap_or_else(PoisonError::into_inner);
        chosen.retain(|(known, _)| known != host);
        if let Some(method) = method {
            if chosen.len() == MAX_HOSTS {
                chosen.remove(0);
            }
            chosen.push((host.to_owned(), method));
        }
    }

    fn tell(&self, host: &str, what: &str) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let line = format!("{host}: {what}");
        if told.len() < MAX_TOLD && !told.contains(&line) {
            told.push(line);
        }
    }

    /// The strongest method that is allowed and offered, and not among those that `failed`.
    fn choose(
        &self,
        challenges: &[String],
        failed: &[PasswordMethod],
        channel: AuthChannel<'_>,
    ) -> Result<PasswordMethod, AuthError> {
        let offered =
            |method: &&PasswordMethod| !failed.contains(method) && offer(challenges, method.scheme()) != Offer::Absent;
        let mut candidates = self.methods.iter().filter(offered).copied().peekable();
        if candidates.peek().is_none() {
            return Err(AuthError::NotOffered(challenges.to_vec()));
        }
        let readable = channel.encrypted || self.basic_over_plain_http == PlainHttp::Allow;
        candidates.find(|method| *method != PasswordMethod::Basic || readable).ok_or(AuthError::PlainHttp)
    }
}

impl Credentials for PasswordCredentials {
    fn scheme(&self) -> Box<dyn AuthScheme> {
        Box::new(Chooser { credentials: self.clone(), scheme: None, failed: Vec::new(), offers: Vec::new() })
    }

    fn choices(&self) -> Vec<String> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl fmt::Debug for PasswordCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("PasswordCredentials");
        out.field("name", &self.name).field("password", &"…").field("methods", &self.methods).finish()
    }
}

/// The state of one connection: no scheme until the server has said what it offers.
struct Chooser {
    credentials: PasswordCredentials,
    scheme: Option<(PasswordMethod, Box<dyn AuthScheme>)>,
    /// What this server turned out not to do, although it offers it.
    failed: Vec<PasswordMethod>,
    /// What the server offered last, if it was asked.
    offers: Vec<String>,
}

impl Chooser {
    /// Gives a method up on this connection, and for this host.
    fn give_up(&mut self, method: PasswordMethod, error: &AuthError, channel: AuthChannel<'_>) {
        self.failed.push(method);
        self.credentials.remember(channel.host, None);
        self.credentials.tell(channel.host, &format!("not {}: {error}", method.described()));
        self.scheme = None;
    }

    fn next(&mut self, failure: Option<AuthError>, channel: AuthChannel<'_>) -> AuthStep {
        match self.credentials.choose(&self.offers, &self.failed, channel) {
            Ok(method) => {
                tracing::debug!(host = channel.host, ?method, "authentication scheme chosen");
                self.credentials.remember(channel.host, Some(method));
                self.begin(method, channel)
            }
            Err(error) => AuthStep::Failed(failure.unwrap_or(error)),
        }
    }

    fn begin(&mut self, method: PasswordMethod, channel: AuthChannel<'_>) -> AuthStep {
        let scheme = self.credentials.scheme_of(method);
        self.scheme.insert((method, scheme)).1.start(channel)
    }
}

impl AuthScheme for Chooser {
    fn start(&mut self, channel: AuthChannel<'_>) -> AuthStep {
        if let Some((_, scheme)) = &mut self.scheme {
            return scheme.start(channel);
        }
        match self.credentials.remembered(channel.host) {
            Some(method) => self.begin(method, channel),
            None => AuthStep::Ask(None),
        }
    }

    fn step(&mut self, challenges: &[String], channel: AuthChannel<'_>) -> AuthStep {
        let mut failure = None;
        self.offers = challenges.to_vec();
        if let Some((method, scheme)) = &mut self.scheme {
            let method = *method;
            match scheme.step(challenges, channel) {
                // Not what it offered formerly, or Negotiate without NTLM: choose anew. Nothing was proved yet, so that this is
                // no second try of a password.
                AuthStep::Failed(error @ (AuthError::NotOffered(_) | AuthError::Malformed(_))) => {
                    self.give_up(method, &error, channel);
                    failure = Some(error);
                }
                // The KDC took the password, so that it is no second try either: the service does not know the ticket.
                AuthStep::Failed(error) if method == PasswordMethod::Kerberos && self.credentials.methods.len() > 1 => {
                    tracing::warn!(host = channel.host, "the service refuses the Kerberos ticket");
                    self.give_up(method, &error, channel);
                    failure = Some(error);
                }
                step => return step,
            }
        }
        self.next(failure, channel)
    }

    fn fetch<'a>(&'a mut self, channel: AuthChannel<'a>) -> BoxFuture<'a, AuthStep> {
        Box::pin(async move {
            let Some((method, scheme)) = &mut self.scheme else { return AuthStep::Ask(None) };
            let method = *method;
            let step = scheme.fetch(channel).await;
            match step {
                AuthStep::Failed(error) if !error.is_refusal() && self.credentials.methods.len() > 1 => {
                    tracing::warn!(host = channel.host, user = self.credentials.name, %error, "Kerberos is left out");
                    self.give_up(method, &error, channel);
                    // Where the host's choice was remembered, its offers are not known on this connection.
                    if self.offers.is_empty() { AuthStep::Ask(None) } else { self.next(Some(error), channel) }
                }
                step => step,
            }
        })
    }

    fn served(&mut self, answers: &[String], channel: AuthChannel<'_>) -> Result<(), AuthError> {
        let Some((method, scheme)) = &mut self.scheme else { return Ok(()) };
        scheme.served(answers, channel)?;
        self.credentials.tell(channel.host, method.described());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use secrecy::ExposeSecret;

    use super::super::ntlm::{Authenticate, AvPairs, Challenge, Negotiate};
    use super::super::spnego::{self, NegTokenInit, NegTokenResp};
    use super::*;

    const PLAIN: AuthChannel<'_> =
        AuthChannel { host: "mail.test", encrypted: false, server_certificate: None, now: SystemTime::UNIX_EPOCH };
    const TLS: AuthChannel<'_> = AuthChannel { encrypted: true, server_certificate: Some(b"certificate"), ..PLAIN };

    fn auto() -> PasswordCredentials {
        let password = SecretString::from("secret");
        PasswordCredentials::new("EXAMPLE\\alice", password, &PasswordMethod::ALL, PlainHttp::Refuse)
    }

    fn list(values: &[&str]) -> Vec<String> {
        values.iter().map(|&value| value.to_owned()).collect()
    }

    /// Scheme and token of an Authorization header, and whether the request's body goes with it.
    fn sent(step: AuthStep) -> (String, Vec<u8>, bool) {
        let (header, whole) = match step {
            AuthStep::Send(header) => (header, true),
            AuthStep::Ask(Some(header)) => (header, false),
            other => panic!("{other:?}"),
        };
        let (scheme, token) = header.expose_secret().split_once(' ').expect("a scheme");
        (scheme.to_owned(), STANDARD.decode(token).expect("base64"), whole)
    }

    fn challenge() -> Vec<u8> {
        let target_info = AvPairs::default();
        Challenge { flags: u32::MAX, server_challenge: [1; 8], target_name: "T".into(), target_info }.encode()
    }

    #[test]
    fn the_strongest_offered_scheme_is_taken_and_remembered() {
        let credentials = auto();
        let mut scheme = credentials.scheme();
        assert!(matches!(scheme.start(TLS), AuthStep::Ask(None)));
        let offers = list(&["Negotiate", "NTLM", "Basic realm=\"x\""]);
        let (name, token, whole) = sent(scheme.step(&offers, TLS));
        assert_eq!((name.as_str(), whole), ("NTLM", false));
        assert!(Negotiate::decode(&token).is_ok());

        let (name, token, whole) = sent(scheme.step(&list(&[&format!("NTLM {}", STANDARD.encode(challenge()))]), TLS));
        assert_eq!((name.as_str(), whole), ("NTLM", true));
        let message = Authenticate::decode(&token).expect("a last message");
        assert_eq!((message.domain.as_str(), message.user.as_str()), ("EXAMPLE", "alice"));

        // The request was served: the connection is authenticated, until the server forgets that.
        assert!(matches!(scheme.start(TLS), AuthStep::Done));
        assert!(matches!(scheme.step(&offers, TLS), AuthStep::Reconnect));
        // The next connection doesn't ask any more.
        let mut next = credentials.scheme();
        assert_eq!(sent(next.start(TLS)).0, "NTLM");
        // The server changed its mind.
        assert_eq!(sent(next.step(&list(&["Negotiate"]), TLS)).0, "Negotiate");
    }

    #[test]
    fn basic_never_goes_over_plain_http_by_itself() {
        let mut scheme = auto().scheme();
        scheme.start(PLAIN);
        let step = scheme.step(&list(&["Basic realm=\"x\""]), PLAIN);
        assert!(matches!(step, AuthStep::Failed(AuthError::PlainHttp)), "{step:?}");
        let (name, ..) = sent(auto().scheme().step(&list(&["Basic realm=\"x\", NTLM"]), PLAIN));
        assert_eq!(name, "NTLM");
        let (name, _, whole) = sent(auto().scheme().step(&list(&["Basic realm=\"x\""]), TLS));
        assert_eq!((name.as_str(), whole), ("Basic", true));
    }

    #[test]
    fn what_is_not_allowed_is_not_taken() {
        let only = [PasswordMethod::Negotiate];
        let credentials = PasswordCredentials::new("alice", SecretString::from("secret"), &only, PlainHttp::Refuse);
        let mut scheme = credentials.scheme();
        assert_eq!(sent(scheme.start(TLS)).0, "Negotiate");
        let step = scheme.step(&list(&["NTLM", "Basic realm=\"x\""]), TLS);
        assert!(matches!(step, AuthStep::Failed(AuthError::NotOffered(_))), "{step:?}");
    }

    #[test]
    fn negotiate_with_ntlm_as_it_is_or_wrapped() {
        let mut scheme = auto().scheme();
        scheme.start(TLS);
        let bare = list(&["Negotiate"]);
        assert!(Negotiate::decode(&sent(scheme.step(&bare, TLS)).1).is_ok());
        // The server does not understand that: nothing is lost yet.
        let (_, token, whole) = sent(scheme.step(&bare, TLS));
        let init = NegTokenInit::decode(&token).expect("SPNEGO");
        assert_eq!((init.mechanisms, whole), (vec![spnego::NTLM.to_vec()], false));
        assert!(Negotiate::decode(&init.token.expect("a token")).is_ok());
        let response = NegTokenResp { token: Some(challenge()), ..NegTokenResp::default() }.encode();
        let answer = list(&[&format!("Negotiate {}", STANDARD.encode(response))]);
        let (_, token, whole) = sent(scheme.step(&answer, TLS));
        let response = NegTokenResp::decode(&token).expect("SPNEGO");
        assert!(Authenticate::decode(&response.token.expect("a token")).is_ok() && whole);
        // Negotiate without NTLM: Basic is left, where it is offered.
        for (offers, expected) in [(&["Negotiate"][..], None), (&["Negotiate", "Basic realm=\"x\""], Some("Basic"))] {
            let mut last = auto().scheme();
            last.start(TLS);
            last.step(&list(offers), TLS);
            last.step(&list(offers), TLS);
            match (last.step(&list(offers), TLS), expected) {
                (AuthStep::Failed(AuthError::Malformed(_)), None) => {}
                (step, Some(expected)) => assert_eq!(sent(step).0, expected),
                (step, None) => panic!("{step:?}"),
            }
        }
    }

    #[test]
    fn a_refusal_says_what_it_was_bound_to() {
        for (channel, bound) in [(TLS, true), (PLAIN, false)] {
            let mut scheme = auto().scheme();
            scheme.step(&list(&["NTLM"]), channel);
            scheme.step(&list(&[&format!("NTLM {}", STANDARD.encode(challenge()))]), channel);
            let AuthStep::Failed(error) = scheme.step(&list(&["NTLM"]), channel) else { panic!("refused") };
            assert!(error.is_refusal());
            assert_eq!(matches!(error, AuthError::RefusedWithBinding(_)), bound);
        }
    }

    #[test]
    fn nonsense_ends_the_exchange() {
        for token in ["NTLM !", "NTLM AAAA", "NTLM TlRMTVNTUAABAAAA", "NTLM"] {
            let mut scheme = auto().scheme();
            scheme.step(&list(&["NTLM"]), TLS);
            let step = scheme.step(&list(&[token]), TLS);
            assert!(matches!(step, AuthStep::Failed(AuthError::Malformed(_))), "{token}: {step:?}");
        }
        assert!(!format!("{:?}", auto()).contains("secret"));
    }
}
