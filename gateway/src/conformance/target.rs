use std::path::PathBuf;
use std::sync::Arc;

use mapi_core::client::ClientSettings;
use secrecy::SecretString;

use super::Trouble;
use crate::config::{AuthScheme, AuthSchemes, TlsVerification, UpstreamConfig};
use crate::line::connector::Connector;
use crate::line::login::Login;
use crate::line::settings::UpstreamSettings;

/// Somebody with a mailbox on the server.
#[derive(Debug, Clone)]
pub struct Person {
    /// The SMTP address.
    pub address: String,
    /// How to reach the mailbox.
    pub settings: ClientSettings,
}

impl Person {
    /// legacyExchangeDN of the mailbox.
    pub fn legacy_dn(&self) -> &str {
        &self.settings.connect.user_dn
    }
}

/// The server under test.
#[derive(Debug, Clone)]
pub struct Target {
    /// In whose mailbox the scenarios work.
    pub user: Person,
    /// Who gets mail, and whose mailbox is tried in vain.
    pub second: Option<Person>,
}

impl Target {
    /// Finds the mailboxes of `user` and `second` (login name and password) as the gateway itself would.
    ///
    /// # Errors
    /// A configuration that cannot be used, refused credentials, a server that cannot be reached.
    pub async fn find(
        config: &UpstreamConfig,
        user: (&str, SecretString),
        second: Option<(&str, SecretString)>,
    ) -> Result<Self, Trouble> {
        let settings = Arc::new(UpstreamSettings::new(config).map_err(|error| Trouble::Other(error.to_string()))?);
        let user = person(&settings, user).await?;
        let second = match second {
            Some(second) => Some(person(&settings, second).await?),
            None => None,
        };
        Ok(Self { user, second })
    }

    /// The server that environment variables name; `None` if `CONFORMANCE_USER` is not set.
    ///
    /// `CONFORMANCE_USER`, `CONFORMANCE_PASSWORD`: in whose mailbox to work. `CONFORMANCE_AUTODISCOVER`: URL of
    /// Autodiscover, if it is not at the usual place; or `CONFORMANCE_URL` (`CONFORMANCE_NSPI_URL`) and
    /// `CONFORMANCE_DN`: URLs and legacyExchangeDN, with `{user}` for the login name. `CONFORMANCE_HOSTS`: further hosts,
    /// with commas, that may be given credentials. `CONFORMANCE_SECOND_USER`, `CONFORMANCE_SECOND_PASSWORD` (the first
    /// user's by default): who gets mail. `CONFORMANCE_CA_FILE`: PEM file of certificates to trust.
    /// `CONFORMANCE_PLAIN_HTTP=1`: allow `http://`, and Basic over it. `CONFORMANCE_ANY_CERTIFICATE=1`: trust anybody.
    ///
    /// # Errors
    /// As [`Target::find`].
    pub async fn from_environment() -> Result<Option<Self>, Trouble> {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let Some(user) = variable("CONFORMANCE_USER") else { return Ok(None) };
        let password = variable("CONFORMANCE_PASSWORD")
            .ok_or_else(|| Trouble::Other("CONFORMANCE_USER without CONFORMANCE_PASSWORD".into()))?;
        let second = variable("CONFORMANCE_SECOND_USER");
        let second_password = variable("CONFORMANCE_SECOND_PASSWORD").unwrap_or_else(|| password.clone());
        let is_on = |name: &str| variable(name).is_some_and(|value| value == "1");
        let hosts = variable("CONFORMANCE_HOSTS").unwrap_or_default();
        let domains = [Some(&user), second.as_ref()];
        let domains = domains.into_iter().flatten().filter_map(|address| Some(address.rsplit_once('@')?.1.to_owned()));
        let config = UpstreamConfig {
            domains: domains.collect(),
            hosts: hosts.split(',').map(str::trim).filter(|host| !host.is_empty()).map(str::to_owned).collect(),
            autodiscover_url: variable("CONFORMANCE_AUTODISCOVER"),
            emsmdb_url: variable("CONFORMANCE_URL"),
            nspi_url: variable("CONFORMANCE_NSPI_URL"),
            legacy_dn: variable("CONFORMANCE_DN"),
            ca_file: variable("CONFORMANCE_CA_FILE").map(PathBuf::from),
            allow_plain_http: is_on("CONFORMANCE_PLAIN_HTTP"),
            auth: match is_on("CONFORMANCE_PLAIN_HTTP") {
                true => AuthSchemes::Named(vec![AuthScheme::Ntlm, AuthScheme::Negotiate, AuthScheme::Basic]),
                false => AuthSchemes::Auto,
            },
            tls_verification: match is_on("CONFORMANCE_ANY_CERTIFICATE") {
                true => TlsVerification::DangerousNone,
                false => TlsVerification::Full,
            },
            ..UpstreamConfig::default()
        };
        let second = second.as_deref().map(|second| (second, SecretString::from(second_password)));
        Self::find(&config, (&user, SecretString::from(password)), second).await.map(Some)
    }
}

async fn person(settings: &Arc<UpstreamSettings>, login: (&str, SecretString)) -> Result<Person, Trouble> {
    let trouble = |error: crate::line::error::UpstreamError| Trouble::Other(format!("{}: {error}", login.0));
    let connector = Connector::new(Arc::clone(settings), Login::new(login.0, login.1)).map_err(trouble)?;
    let settings = connector.mailbox_settings().await.map_err(trouble)?;
    Ok(Person { address: connector.user().to_owned(), settings })
}
