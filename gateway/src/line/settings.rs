use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use mapi_core::auth::kerberos::{Principal, Secret};
use mapi_core::auth::{BearerCredentials, PasswordCredentials, PasswordMethod, PlainHttp, TicketSource};
use mapi_core::client::dns::Resolver;
use mapi_core::client::{
    Counters, EndpointUrl, Kdcs, KerberosLogin, KerberosSecret, Throttles, Timeouts, Tls, TlsSettings,
    TlsVerification as ClientVerification, post_form,
};
use secrecy::SecretString;

use super::discovered::Discovered;
use super::tally::Tally;
use crate::config::{AuthScheme, ConfigError, TlsVerification, UpstreamConfig};

/// How long a KDC may take. They answer in milliseconds.
const KDC_PATIENCE: Duration = Duration::from_secs(5);
/// So many places are asked for what the upstream offers.
const MAX_PLACES: usize = 4;

/// What all accounts share of the upstream: the configuration, TLS set up once, the counters.
pub struct UpstreamSettings {
    pub(crate) config: UpstreamConfig,
    tls: RwLock<Tls>,
    pub(super) counters: Arc<Counters>,
    tally: Arc<Tally>,
    /// What busy hosts asked for holds for all sessions of all users.
    pub(super) throttles: Throttles,
    kdcs: Option<Arc<Kdcs>>,
    /// Whether the upstream was seen to offer Bearer.
    offers_bearer: AtomicBool,
    pub(super) discovered: Discovered,
}

impl UpstreamSettings {
    /// Sets TLS up.
    ///
    /// # Errors
    /// An unreadable `upstream.ca_file`.
    pub fn new(config: &UpstreamConfig) -> Result<Self, ConfigError> {
        let tls = RwLock::new(roots(config)?);
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

    /// What new connections check the upstream's certificate with.
    pub(super) fn tls(&self) -> Tls {
        self.tls.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// New connections check the upstream's certificate with `tls`.
    pub fn set_tls(&self, tls: Tls) {
        *self.tls.write().unwrap_or_else(PoisonError::into_inner) = tls;
    }

    /// What all operations came to.
    pub fn tally(&self) -> &Arc<Tally> {
        &self.tally
    }

    /// What was asked of the upstream.
    pub fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }

    /// Hosts that want to be left alone, and for how long.
    pub fn paused_hosts(&self) -> Vec<(String, Duration)> {
        self.throttles.paused()
    }

    /// Whether the upstream answers anything at all to nobody in particular.
    pub(crate) async fn answers(&self) -> bool {
        let domains = self.config.domains.iter().map(|domain| format!("https://{domain}/"));
        let domains = domains.filter_map(|url| EndpointUrl::parse(&url, self.plain_http()).ok());
        let (tls, timeouts) = (self.tls(), self.timeouts());
        for url in self.places().into_iter().chain(domains).take(MAX_PLACES) {
            match post_form(&url, &tls, &timeouts, None, &SecretString::default()).await {
                Ok(_) => return true,
                Err(error) => tracing::debug!(%url, %error, "does not answer"),
            }
        }
        false
    }

    pub(super) fn plain_http(&self) -> PlainHttp {
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
            let asked = post_form(&url, &self.tls(), &self.timeouts(), None, &SecretString::default()).await;
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
    pub(super) fn bearer(&self, token: SecretString) -> Option<BearerCredentials> {
        let plain = if self.config.auth.names(AuthScheme::Bearer) { self.plain_http() } else { PlainHttp::Refuse };
        BearerCredentials::new(token, plain)
    }

    /// Passwords sign in with what the configuration allows. Basic goes over plain HTTP only if it is named.
    pub(super) fn credentials(&self, sign_in: &str, password: SecretString) -> PasswordCredentials {
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
    pub(super) fn tickets(&self, sign_in: &str, secret: KerberosSecret) -> Option<Arc<dyn TicketSource>> {
        let kdcs = self.kdcs.as_ref()?;
        let Some(client) = Principal::of_user(sign_in, &kdcs.realm) else {
            tracing::debug!(user = sign_in, realm = kdcs.realm, "no name of the Kerberos realm");
            return None;
        };
        Some(Arc::new(KerberosLogin::new(Arc::clone(kdcs), client, secret)))
    }

    pub(super) fn timeouts(&self) -> Timeouts {
        Timeouts {
            connect: Duration::from_secs(self.config.connect_timeout_seconds),
            first_byte: Duration::from_secs(self.config.request_timeout_seconds),
            answer: Duration::from_secs(self.config.answer_timeout_seconds),
            slowest: self.config.slowest_bytes_per_second,
            ..Timeouts::default()
        }
    }
}

/// Whom the configuration trusts. Reads `upstream.ca_file`; blocks.
///
/// # Errors
/// A file that can't be read.
pub fn roots(config: &UpstreamConfig) -> Result<Tls, ConfigError> {
    let invalid = |error: String| ConfigError::invalid("upstream.ca_file", error);
    let read = |path: &PathBuf| std::fs::read(path).map_err(|error| invalid(format!("{}: {error}", path.display())));
    let extra_roots = config.ca_file.as_ref().map(read).transpose()?;
    let verification = match config.tls_verification {
        TlsVerification::Full => ClientVerification::Full,
        TlsVerification::DangerousNone => ClientVerification::DangerousNone,
    };
    // A machine without root certificates can still speak to a lab server over plain HTTP; https then trusts nobody.
    let allow_no_roots = config.allow_plain_http;
    let tls = Tls::new(&TlsSettings { extra_roots, without_system_roots: false, verification, allow_no_roots });
    tls.map_err(|error| invalid(error.to_string()))
}
