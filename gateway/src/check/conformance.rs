use std::sync::Arc;

use conformance::{Person, Target};
use secrecy::SecretString;
use thiserror::Error;

use crate::config::{ConfigError, UpstreamConfig};
use crate::line::connector::Connector;
use crate::line::error::UpstreamError;
use crate::line::login::Login;
use crate::line::settings::UpstreamSettings;

/// Why the mailboxes for the conformance suite were not found.
#[derive(Debug, Error)]
pub enum TargetError {
    /// The configuration can't be used.
    #[error("{0}")]
    Config(#[from] ConfigError),
    /// A user may not log in, was refused, or has a server that can't be reached.
    #[error("{user}: {error}")]
    User {
        /// The login name.
        user: String,
        /// Why.
        error: UpstreamError,
    },
}

/// Finds the mailboxes of `user` and `second` (login name and password) as the gateway finds those of its clients.
///
/// # Errors
/// A configuration that cannot be used, refused credentials, a server that cannot be reached.
pub async fn find_target(
    config: &UpstreamConfig,
    user: (&str, SecretString),
    second: Option<(&str, SecretString)>,
) -> Result<Target, TargetError> {
    let settings = Arc::new(UpstreamSettings::new(config)?);
    let user = person(&settings, user).await?;
    let second = match second {
        Some(second) => Some(person(&settings, second).await?),
        None => None,
    };
    Ok(Target { user, second })
}

async fn person(
    settings: &Arc<UpstreamSettings>,
    (user, password): (&str, SecretString),
) -> Result<Person, TargetError> {
    let failed = |error| TargetError::User { user: user.to_owned(), error };
    let connector = Connector::new(Arc::clone(settings), Login::new(user, password)).map_err(failed)?;
    let settings = connector.mailbox_settings().await.map_err(failed)?;
    Ok(Person { address: connector.user().to_owned(), settings })
}
