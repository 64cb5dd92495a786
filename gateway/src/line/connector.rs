use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use mapi_core::ErrorCode;
use mapi_core::auth::{BearerCredentials, Credentials, KerberosCredentials, PlainHttp};
use mapi_core::autodiscover::{AllowedHosts, AutodiscoverError, Discovery, Found};
use mapi_core::client::dns::Resolver;
use mapi_core::client::{Client, ClientSettings, EndpointUrl, Endpoints, KerberosSecret};
use mapi_core::mailbox::{Mailbox, MailboxError, OpenOptions};
use mapi_core::nspi::AddressBook;
use mapi_core::property::PropertyName;

use super::discovered::Target;
use super::error::{UpstreamError, auth_error, client_error};
use super::login::{Login, Proof, TicketFile};
use super::login_name::LoginName;
use super::settings::UpstreamSettings;
use super::tally::Tally;
use crate::config::{AuthScheme, UpstreamConfig};
use crate::convert::flags;
use crate::own_property;

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
        client.connect().await.map_err(|error| self.not_opened(error.into()))?;
        let options = OpenOptions { names: property_names(), subscribe };
        let mailbox = Mailbox::open(client, &target.legacy_dn, options).await;
        self.admitted(mailbox.map_err(|error| self.not_opened(error))?)
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

    /// Opening a session has no effect. One that took too long is not tried again at once: others wait for this attempt.
    fn not_opened(&self, error: MailboxError) -> UpstreamError {
        if error.is_too_slow() { UpstreamError::Busy(error.to_string()) } else { self.of_token(error.into()) }
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
                self.settings.tls(),
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
            tls: self.settings.tls(),
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

/// The named properties that the gateway uses, so that their ids are asked for together.
pub fn property_names() -> Vec<PropertyName> {
    own_property::KEPT.iter().map(|property| property.name()).chain([flags::keywords_name()]).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

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
