use std::sync::Arc;

use conformance::{Person, Target, Trouble};
use secrecy::SecretString;

use crate::account::{Connector, Login, UpstreamSettings};
use crate::config::UpstreamConfig;

/// Finds the mailboxes of `user` and `second` (login name and password) as the gateway itself would.
///
/// # Errors
/// A configuration that cannot be used, refused credentials, a server that cannot be reached.
pub async fn find_target(
    config: &UpstreamConfig,
    user: (&str, SecretString),
    second: Option<(&str, SecretString)>,
) -> Result<Target, Trouble> {
    let settings = Arc::new(UpstreamSettings::new(config).map_err(|error| Trouble::Other(error.to_string()))?);
    let user = person(&settings, user).await?;
    let second = match second {
        Some(second) => Some(person(&settings, second).await?),
        None => None,
    };
    Ok(Target { user, second })
}

async fn person(settings: &Arc<UpstreamSettings>, login: (&str, SecretString)) -> Result<Person, Trouble> {
    let trouble = |error: crate::account::UpstreamError| Trouble::Other(format!("{}: {error}", login.0));
    let connector = Connector::new(Arc::clone(settings), Login::new(login.0, login.1)).map_err(trouble)?;
    let settings = connector.mailbox_settings().await.map_err(trouble)?;
    Ok(Person { address: connector.user().to_owned(), settings })
}
