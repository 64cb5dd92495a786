use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use mapi_core::ErrorCode;
use mapi_core::auth::kerberos::{Principal, Secret};
use mapi_core::auth::{
    AuthError, BearerCredentials, Credentials, KerberosCredentials, PasswordCredentials, PasswordMethod, PlainHttp,
    TicketSource,
};
use mapi_core::autodiscover::{AllowedHosts, AutodiscoverError, Discovery, Found};
use mapi_core::client::dns::Resolver;
use mapi_core::client::{
    Client, ClientError, ClientSettings, Counters, EndpointUrl, Endpoints, Kdcs, KerberosLogin, KerberosSecret,
    Throttles, Timeouts, Tls, TlsSettings, TlsVerification as ClientVerification, post_form,
};
use mapi_core::mailbox::{Mailbox, OpenOptions};
use mapi_core::nspi::AddressBook;
use secrecy::SecretString;

use super::discovered::Discovered;
use super::error::UpstreamError;
use super::login_name::LoginName;
use super::tally::Tally;
use crate::config::{AuthScheme, ConfigError, TlsVerification, UpstreamConfig};
use crate::mailbox::context::AccountContext;

/// How long a KDC may take. They answer in milliseconds.
const KDC_PATIENCE: Duration = Duration::from_secs(5);
/// So many places are asked for what the upstream offers.
const MAX_PLACES: usize = 4;

/// What all accounts share of the upstream: the configuration, TLS set up once, the counters.
pub struct UpstreamSettings {
    config: UpstreamConfig,
    tls: Tls,
    counters: Arc<Counters>,
    tally: Arc<Tally>,
    /// What busy hosts asked for holds for all sessions of all users.
    throttles: Throttles,
    kdcs: Option<Arc<Kdcs>>,
    /// Whether the upstream was seen to offer Bearer.
    offers_bearer: AtomicBool,
    discovered: Discovered,
}

impl UpstreamSettings {
    /// Sets TLS up.
    ///
    /// # Errors
    /// An unreadable `upstream.ca_file`.
    pub fn new(config: &UpstreamConfig) -> Result<Self, ConfigError> {
        let extra_roots =
            match &config.ca_file {
                Some(path) => Some(std::fs::read(path).map_err(|error| {
                    ConfigError::invalid("upstream.ca_file", format!("{}: {error}", path.display()))
                })?),
                None => None,
            };
        let verification = match config.tls_verification {
            TlsVerification::Full => ClientVerification::Full,
            TlsVerification::DangerousNone => ClientVerification::DangerousNone,
        };
        // A machine without root certificates can still speak to a lab server over plain HTTP; https then trusts nobody.
        let allow_no_roots = config.allow_plain_http;
        let tls = Tls::new(&TlsSettings { extra_roots, without_system_roots: false, verification, allow_no_roots });
        let tls = tls.map_err(|error| ConfigError::invalid("upstream.ca_file", error.to_string()))?;
        let lifetime = Duration::from_secs(config.autodiscover_cache_seconds);
        let discovered = Discovered::new(lifetime, config.max_accounts);
        let kdcs = config.kerberos.as_ref().filter(|_| config.auth.allows(AuthScheme::Kerberos)).map(|kerberos| {
            let (realm, servers) = (kerberos.realm.clone(), kerberos.kdc.clone());
            Arc::new(Kdcs { realm, servers, resolver: Resolver::system(), patience: KDC_PATIENCE })
        });
        let offers_bearer = AtomicBool::new(false);
        let (counters, tally, throttles) = (Arc::default(), Arc::default(), Throttles::default());
        Ok(Self { config: config.clone(), tls, counters, tally, throttles, kdcs, offers_bearer, discovered })
    }

    /// What all operations came to.
    pub fn tally(&self) -> &Arc<Tally> {
        &self.tally
    }

    fn plain_http(&self) -> PlainHttp {
        if self.config.allow_plain_http { PlainHttp::Allow } else { PlainHttp::Refuse }
    }

    /// Whether users can log in with a password.
    pub fn takes_passwords(&self) -> bool {
        self.config.auth.take_passwords()
    }

    /// Whether users can log in with an access token: the configuration names Bearer, or leaves the choice to the upstream,
    /// which offers it.
    pub fn takes_tokens(&self) -> bool {
        let auth = &self.config.auth;
        auth.names(AuthScheme::Bearer) || auth.allows(AuthScheme::Bearer) && self.offers_bearer.load(Ordering::Relaxed)
    }

    /// Asks the upstream, as nobody, what it offers, and remembers it. `false` if it did not say.
    pub(crate) async fn learn_offers(&self) -> bool {
        for url in self.places() {
            let asked = post_form(&url, &self.tls, &self.timeouts(), None, &SecretString::default()).await;
            match asked {
                Ok(answer) if answer.status == 401 => {
                    // Unencrypted no token would be sent.
                    let bearer = url.is_tls() && BearerCredentials::is_offered(&answer.challenges);
                    if self.offers_bearer.swap(bearer, Ordering::Relaxed) != bearer {
                        tracing::info!(%url, bearer, "whether the upstream takes access tokens");
                    }
                    return true;
                }
                Ok(answer) => tracing::debug!(%url, status = answer.status, "does not ask who is there"),
                Err(error) => tracing::debug!(%url, %error, "does not say what it offers"),
            }
        }
        false
    }

    /// Where the upstream asks for credentials, as far as that is known without a user.
    fn places(&self) -> Vec<EndpointUrl> {
        let config = &self.config;
        let configured = [&config.autodiscover_url, &config.emsmdb_url].into_iter().flatten();
        let configured = configured.map(|url| url.replace("{user}", "nobody").replace("{local}", "nobody"));
        let usual =
            config.domains.iter().map(|domain| format!("https://autodiscover.{domain}/autodiscover/autodiscover.xml"));
        let all = configured.chain(usual).take(MAX_PLACES);
        all.filter_map(|url| EndpointUrl::parse(&url, self.plain_http()).ok()).collect()
    }

    /// Tokens go over plain HTTP only if Bearer is named.
    fn bearer(&self, token: SecretString) -> Option<BearerCredentials> {
        let plain = if self.config.auth.names(AuthScheme::Bearer) { self.plain_http() } else { PlainHttp::Refuse };
        BearerCredentials::new(token, plain)
    }

    /// Passwords sign in with what the configuration allows. Basic goes over plain HTTP only if it is named.
    fn credentials(&self, sign_in: &str, password: SecretString) -> PasswordCredentials {
        let auth = &self.config.auth;
        let methods = [
            (AuthScheme::Ntlm, PasswordMethod::Ntlm),
            (AuthScheme::Negotiate, PasswordMethod::Negotiate),
            (AuthScheme::Basic, PasswordMethod::Basic),
        ];
        let allowed = methods.into_iter().filter(|(scheme, _)| auth.allows(*scheme));
        let methods: Vec<_> = allowed.map(|(_, method)| method).collect();
        let basic = if auth.names(AuthScheme::Basic) { self.plain_http() } else { PlainHttp::Refuse };
        let credentials = PasswordCredentials::new(sign_in, password.clone(), &methods, basic);
        match self.tickets(sign_in, KerberosSecret::Secret(Secret::Password(password))) {
            Some(tickets) => credentials.with_tickets(tickets),
            None => credentials,
        }
    }

    /// The Kerberos tickets of a user; `None` if the configuration has no Kerberos, or the name is not one of its realm.
    fn tickets(&self, sign_in: &str, secret: KerberosSecret) -> Option<Arc<dyn TicketSource>> {
        let kdcs = self.kdcs.as_ref()?;
        let Some(client) = Principal::of_user(sign_in, &kdcs.realm) else {
            tracing::debug!(user = sign_in, realm = kdcs.realm, "no name of the Kerberos realm");
            return None;
        };
        Some(Arc::new(KerberosLogin::new(Arc::clone(kdcs), client, secret)))
    }

    fn timeouts(&self) -> Timeouts {
        Timeouts {
            connect: Duration::from_secs(self.config.connect_timeout_seconds),
            first_byte: Duration::from_secs(self.config.request_timeout_seconds),
            ..Timeouts::default()
        }
    }
}

/// Who logs in.
pub struct Login {
    pub(crate) user: String,
    pub(crate) proof: Proof,
    /// The configuration names the mailbox, so that it need not be the own one of who signs in.
    pub(crate) configured: bool,
}

/// What proves who logs in.
#[derive(Clone)]
pub(crate) enum Proof {
    Password(SecretString),
    Token(SecretString),
    Tickets(TicketFile),
}

/// What a mailbox is opened with instead of a password, by Kerberos.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TicketFile {
    /// A keytab with the keys of the mailbox's owner.
    Keytab(PathBuf),
    /// A credential cache with tickets of the mailbox's owner, which somebody else keeps fresh.
    CredentialCache(PathBuf),
}

impl Login {
    /// `user` as the client sent it.
    pub fn new(user: &str, password: SecretString) -> Self {
        Self { user: user.trim().to_owned(), proof: Proof::Password(password), configured: false }
    }

    /// `user` as the configuration has it, with a file that the configuration names.
    pub fn with_tickets(user: &str, file: TicketFile) -> Self {
        Self { user: user.trim().to_owned(), proof: Proof::Tickets(file), configured: true }
    }

    /// `user` as the client claims it, with an access token: the upstream decides whether it is this user's.
    pub fn with_token(user: &str, token: SecretString) -> Self {
        Self { user: user.trim().to_owned(), proof: Proof::Token(token), configured: false }
    }

    /// [`Login::with_token`] to a mailbox that the configuration names.
    pub fn to_configured(user: &str, token: SecretString) -> Self {
        Self { configured: true, ..Self::with_token(user, token) }
    }
}

/// Opens sessions for one user.
pub struct Connector {
    settings: Arc<UpstreamSettings>,
    name: LoginName,
    credentials: Arc<dyn Credentials>,
    /// The same, if it is a token.
    bearer: Option<BearerCredentials>,
    /// Whether the mailbox may be one that the user does not own.
    configured: bool,
    target: Mutex<Option<Arc<Target>>>,
}

/// Where a user's mailbox is.
pub(crate) struct Target {
    /// Its URLs.
    pub(crate) endpoints: Endpoints,
    /// Its legacyExchangeDN.
    pub(crate) legacy_dn: String,
}

impl Connector {
    /// A connector for `login`. Nothing is sent yet.
    ///
    /// # Errors
    /// [`UpstreamError::NoMailbox`] for users that the configuration doesn't let in.
    pub fn new(settings: Arc<UpstreamSettings>, login: Login) -> Result<Self, UpstreamError> {
        let name = LoginName::parse(&settings.config, &login.user)?;
        let configured = login.configured;
        let refused = |why: &str| Err(UpstreamError::NoMailbox(why.to_owned()));
        let (credentials, bearer): (Arc<dyn Credentials>, _) = match login.proof {
            Proof::Password(_) if !settings.takes_passwords() => {
                return refused("a password, but upstream.auth takes access tokens only");
            }
            Proof::Token(_) if !settings.config.auth.allows(AuthScheme::Bearer) => {
                return refused("an access token, which the upstream doesn't take by upstream.auth");
            }
            Proof::Tickets(file) => {
                let secret = match file {
                    TicketFile::Keytab(path) => KerberosSecret::Keytab(path),
                    TicketFile::CredentialCache(path) => KerberosSecret::CredentialCache(path),
                };
                match settings.tickets(&name.sign_in, secret) {
                    Some(tickets) => (Arc::new(KerberosCredentials::new(tickets)), None),
                    None => return refused("a name that is none of upstream.kerberos.realm"),
                }
            }
            Proof::Password(password) => (Arc::new(settings.credentials(&name.sign_in, password)), None),
            Proof::Token(token) => match settings.bearer(token) {
                Some(bearer) => (Arc::new(bearer.clone()), Some(bearer)),
                None => return refused("what should be an access token is none"),
            },
        };
        Ok(Self { settings, name, credentials, bearer, configured, target: Mutex::new(None) })
    }

    /// The user's address.
    pub fn user(&self) -> &str {
        &self.name.address
    }

    /// Where operations are counted.
    pub(crate) fn tally(&self) -> &Arc<Tally> {
        self.settings.tally()
    }

    /// For people: which schemes signed in at which host, and why stronger ones did not.
    pub(crate) fn choices(&self) -> Vec<String> {
        self.credentials.choices()
    }

    /// Who signed in to open `mailbox`, in lower case: sessions of different identities are never shared, even if they open
    /// the same mailbox.
    ///
    /// Of a token only the upstream knows whose it is. It opened a session for the mailbox's distinguished name with it and
    /// said that this is the owner; another token of the same owner is the same identity. Anybody else's stays alone.
    pub fn identity(&self, mailbox: &Mailbox) -> String {
        if self.bearer.is_none() {
            return self.name.sign_in.to_lowercase();
        }
        let target = self.target.lock().unwrap_or_else(PoisonError::into_inner);
        match &*target {
            // A colon is in no name that signs in with a password.
            Some(target) if mailbox.info().owner => format!("token:{}", target.legacy_dn.to_lowercase()),
            _ => format!("token:{:032x}", rand::random::<u128>()),
        }
    }

    /// Goes on with the token of `newer`, also in sessions that are open. `false` if one of both has none.
    pub(crate) fn renew(&self, newer: &Self) -> bool {
        let (Some(bearer), Some(newer)) = (&self.bearer, &newer.bearer) else { return false };
        bearer.renew(newer);
        true
    }

    /// Opens a session and logs on to the user's mailbox, and subscribes to what happens in it if `subscribe`.
    ///
    /// # Errors
    /// Wrong credentials, no such mailbox, an upstream that can't be reached.
    pub async fn open(&self, subscribe: bool) -> Result<Mailbox, UpstreamError> {
        let known = self.target.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let remembered = known.or_else(|| self.settings.discovered.get(&self.name.address, Instant::now()));
        let old = remembered.is_some();
        let mut target = match remembered {
            Some(target) => target,
            None => self.find().await?,
        };
        let mut opened = self.open_at(&target, subscribe).await;
        if let Err(error) = &opened
            && may_have_moved(error)
        {
            self.settings.discovered.forget(&self.name.address, &target);
            if old && self.configured_target()?.is_none() {
                tracing::info!(user = self.user(), %error, "the mailbox may have moved: Autodiscover is asked again");
                target = self.find().await?;
                opened = self.open_at(&target, subscribe).await;
            }
        }
        match &opened {
            Ok(_) => *self.target.lock().unwrap_or_else(PoisonError::into_inner) = Some(target),
            // The mailbox may have moved: the next attempt looks for it anew.
            Err(_) => *self.target.lock().unwrap_or_else(PoisonError::into_inner) = None,
        }
        opened
    }

    /// What a client of the user's mailbox needs. Looks for the mailbox if the configuration doesn't tell where it is.
    ///
    /// # Errors
    /// Wrong credentials, no such mailbox, an upstream that can't be reached.
    pub async fn mailbox_settings(&self) -> Result<ClientSettings, UpstreamError> {
        Ok(self.client_settings(&*self.find().await?))
    }

    /// Asks the address book for the SMTP addresses of distinguished names, in their order.
    ///
    /// # Errors
    /// [`UpstreamError::Unreachable`] if there is no address book or it can't be reached.
    pub async fn resolve(&self, names: &[String]) -> Result<Vec<Option<String>>, UpstreamError> {
        let book = self.address_book().await?;
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let found = book.resolve_dn_to_smtp(&names).await.map_err(|error| client_error(&error));
        // What the server remembers of the session it forgets by itself, too.
        drop(book.close().await);
        found
    }

    /// The address book; its session opens when it is first asked.
    ///
    /// # Errors
    /// [`UpstreamError::Unreachable`] if there is none.
    pub(crate) async fn address_book(&self) -> Result<AddressBook, UpstreamError> {
        let known = self.target.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let target = match known {
            Some(target) => target,
            None => self.find().await?,
        };
        let no_book = || UpstreamError::Unreachable("no address book is known: set upstream.nspi_url".into());
        AddressBook::new(&self.client_settings(&target)).ok_or_else(no_book)
    }

    async fn open_at(&self, target: &Target, subscribe: bool) -> Result<Mailbox, UpstreamError> {
        let client = Client::new(&self.client_settings(target));
        client.connect().await.map_err(|error| self.of_token(client_error(&error)))?;
        let options = OpenOptions { names: AccountContext::property_names(), subscribe };
        let mailbox = Mailbox::open(client, &target.legacy_dn, options).await;
        self.admitted(mailbox.map_err(|error| self.of_token(error.into()))?)
    }

    /// A logon proves nothing: servers let everybody log on to every mailbox, and show in folders alone what is allowed
    /// ([MS-OXCSTOR] R3905001). A login name opens a mailbox only if the server says that who signed in owns it.
    fn admitted(&self, mailbox: Mailbox) -> Result<Mailbox, UpstreamError> {
        if mailbox.info().owner || self.configured {
            return Ok(mailbox);
        }
        tokio::spawn(async move { mailbox.close().await });
        let why = format!("the upstream does not open the mailbox of {} as its owner's", self.user());
        Err(UpstreamError::NoMailbox(why))
    }

    /// A token that is good, but not for the mailbox of the user that came with it, is as good as none.
    fn of_token(&self, error: UpstreamError) -> UpstreamError {
        match error {
            UpstreamError::Refused { code: code @ (ErrorCode::ACCESS_DENIED | ErrorCode::LOGIN_PERM), .. }
                if self.bearer.is_some() =>
            {
                let why = format!("the upstream does not open the mailbox of {} with this token: {code}", self.user());
                UpstreamError::NoMailbox(why)
            }
            error => error,
        }
    }

    /// What a session at `target` needs.
    pub(crate) fn client_settings(&self, target: &Target) -> ClientSettings {
        ClientSettings {
            timeouts: self.settings.timeouts(),
            counters: Arc::clone(&self.settings.counters),
            throttles: self.settings.throttles.clone(),
            ..ClientSettings::new(
                target.endpoints.clone(),
                Arc::clone(&self.credentials),
                target.legacy_dn.clone(),
                self.settings.tls.clone(),
            )
        }
    }

    async fn find(&self) -> Result<Arc<Target>, UpstreamError> {
        if let Some(target) = self.configured_target()? {
            return Ok(Arc::new(target));
        }
        let discovered = &self.settings.discovered;
        if let Some(target) = discovered.get(&self.name.address, Instant::now()) {
            return Ok(target);
        }
        let target = Arc::new(self.found_target(self.discover().await?)?);
        discovered.put(&self.name.address, Arc::clone(&target), Instant::now());
        Ok(target)
    }

    /// Where the mailbox is, if the configuration says all of it, so that Autodiscover is not asked.
    ///
    /// # Errors
    /// URLs that can't be used.
    pub(crate) fn configured_target(&self) -> Result<Option<Target>, UpstreamError> {
        let config = &self.settings.config;
        let legacy_dn = config.legacy_dn.as_ref().map(|text| fill_in(text, &self.name, str::to_owned));
        let (Some(emsmdb), Some(legacy_dn)) = (self.configured_url(&config.emsmdb_url)?, legacy_dn) else {
            return Ok(None);
        };
        let nspi = self.configured_url(&config.nspi_url)?;
        Ok(Some(Target { endpoints: Endpoints { emsmdb, nspi }, legacy_dn }))
    }

    /// Where the mailbox is by what Autodiscover found; the configuration's URLs go before.
    ///
    /// # Errors
    /// URLs that can't be used.
    pub(crate) fn found_target(&self, found: Found) -> Result<Target, UpstreamError> {
        let (config, Found { settings, mut endpoints }) = (&self.settings.config, found);
        if let Some(url) = self.configured_url(&config.emsmdb_url)? {
            endpoints.emsmdb = url;
        }
        endpoints.nspi = self.configured_url(&config.nspi_url)?.or(endpoints.nspi);
        Ok(Target { endpoints, legacy_dn: settings.legacy_dn })
    }

    fn configured_url(&self, template: &Option<String>) -> Result<Option<EndpointUrl>, UpstreamError> {
        template.as_ref().map(|text| self.url(&fill_in(text, &self.name, in_url))).transpose()
    }

    fn url(&self, url: &str) -> Result<EndpointUrl, UpstreamError> {
        let unusable = |error| UpstreamError::Unreachable(format!("{url}: {error}"));
        EndpointUrl::parse(url, self.settings.plain_http()).map_err(unusable)
    }

    /// How Autodiscover is asked.
    ///
    /// # Errors
    /// A URL that can't be used.
    pub(crate) fn discovery(&self) -> Result<Discovery, UpstreamError> {
        let config = &self.settings.config;
        Ok(Discovery {
            url: config.autodiscover_url.as_deref().map(|url| self.url(url)).transpose()?,
            allowed: AllowedHosts::new(allowed_hosts(config)),
            plain_http: self.settings.plain_http(),
            credentials: Arc::clone(&self.credentials),
            tls: self.settings.tls.clone(),
            timeouts: self.settings.timeouts(),
            patience: Duration::from_secs(config.autodiscover_timeout_seconds),
            resolver: Resolver::system(),
        })
    }

    async fn discover(&self) -> Result<Found, UpstreamError> {
        self.discovery()?.find(&self.name.address).await.map_err(|error| match error {
            AutodiscoverError::Unauthorized(error) => auth_error(&error),
            AutodiscoverError::Refused(..) => UpstreamError::NoMailbox(error.to_string()),
            AutodiscoverError::NotAllowed(host) => UpstreamError::Unreachable(format!(
                "Autodiscover names the host {host}, which may not be given credentials: add it to upstream.hosts if it is yours"
            )),
            error => UpstreamError::Unreachable(error.to_string()),
        })
    }
}

/// Whether asking Autodiscover anew may help. A refused password is refused everywhere, and trying it again would count.
fn may_have_moved(error: &UpstreamError) -> bool {
    match error {
        UpstreamError::Refused { code, .. } => matches!(*code, ErrorCode::WRONG_SERVER | ErrorCode::UNKNOWN_USER),
        UpstreamError::Unreachable(_) => true,
        _ => false,
    }
}

/// Hosts that may be given credentials: those of the configured URLs, the domains with their `autodiscover.` hosts, and
/// those that are listed.
fn allowed_hosts(config: &UpstreamConfig) -> Vec<String> {
    let urls = [&config.autodiscover_url, &config.emsmdb_url, &config.nspi_url];
    let of_urls = urls
        .into_iter()
        .flatten()
        .filter_map(|url| EndpointUrl::parse(url, PlainHttp::Allow).ok().map(|url| url.host().to_owned()));
    let of_domains = config.domains.iter().flat_map(|domain| [domain.clone(), format!("autodiscover.{domain}")]);
    of_urls.chain(of_domains).chain(config.hosts.iter().cloned()).collect()
}

/// Puts the login name where a template wants it; `encode` says how the characters of a name are written there.
fn fill_in(template: &str, name: &LoginName, encode: fn(&str) -> String) -> String {
    template.replace("{user}", &encode(&name.address)).replace("{local}", &encode(name.local()))
}

/// Percent-encodes what is not unreserved in URLs (RFC 3986 2.3), `@` excepted.
fn in_url(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~@".contains(&byte);
    name.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// What a failed authentication means: a wrong password, or something that an administrator must change.
fn auth_error(error: &AuthError) -> UpstreamError {
    match error {
        error if error.is_refusal() => UpstreamError::Unauthorized(error.clone()),
        AuthError::PlainHttp => UpstreamError::SignIn(
            "the server offers only Basic or Bearer, and the URL is http://: use https://, or name \"basic\" or \"bearer\" in upstream.auth and set \
             upstream.allow_plain_http, so that anybody on the way can read passwords"
                .into(),
        ),
        AuthError::NotOffered(_) => {
            UpstreamError::SignIn(format!("{error}. Turn one of upstream.auth on in the server, or allow one of these"))
        }
        error => UpstreamError::SignIn(error.to_string()),
    }
}

/// What went wrong below the mailbox, as the account sees it.
pub(crate) fn client_error(error: &ClientError) -> UpstreamError {
    match error {
        ClientError::Unauthorized(error) => auth_error(error),
        ClientError::Busy(_) => UpstreamError::Busy(error.to_string()),
        ClientError::OutcomeUnknown(_) | ClientError::ContextLost(_) => {
            UpstreamError::OutcomeUnknown(error.to_string())
        }
        ClientError::Rejected(code) => UpstreamError::Refused { operation: "Connect or Execute".into(), code: *code },
        ClientError::Unreachable(_)
        | ClientError::HttpStatus(_)
        | ClientError::NotMapi(_)
        | ClientError::Protocol(_)
        | ClientError::Configuration(_) => UpstreamError::Unreachable(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_of_the_server_are_no_wrong_passwords() {
        assert!(matches!(auth_error(&AuthError::Refused), UpstreamError::Unauthorized(_)));
        for error in [AuthError::PlainHttp, AuthError::NotOffered(vec!["Kerberos".into()]), AuthError::ConnectionClosed]
        {
            assert!(matches!(auth_error(&error), UpstreamError::SignIn(_)), "{error}");
        }
    }

    #[test]
    fn credentials_go_only_to_configured_hosts() {
        let config = UpstreamConfig {
            domains: vec!["example.test".into()],
            hosts: vec!["mail.example.test".into()],
            emsmdb_url: Some("https://store.example.test:444/mapi/".into()),
            ..UpstreamConfig::default()
        };
        let hosts = allowed_hosts(&config);
        assert_eq!(hosts, ["store.example.test", "example.test", "autodiscover.example.test", "mail.example.test"]);
        let name = LoginName { address: "a/b&c@d".into(), sign_in: String::new() };
        assert_eq!(fill_in("/o=X/cn={local}", &name, str::to_owned), "/o=X/cn=a/b&c");
        assert_eq!(fill_in("https://h/?m={user}", &name, in_url), "https://h/?m=a%2Fb%26c@d");
    }
}
