use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use secrecy::{ExposeSecret, SecretString};
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::connection::Connection;
use super::{ClientError, Counters, EndpointUrl, ExchangeError, Outgoing, Timeouts, Tls};
use crate::auth::{AuthChannel, AuthError, AuthScheme, AuthStep, Credentials};

/// Largest answer taken, in bytes.
const MAX_ANSWER: usize = 64 * 1024;

/// What a form was answered with. `Debug` shows nothing of the body: it may hold tokens.
pub struct FormAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The WWW-Authenticate values.
    pub challenges: Vec<String>,
    /// The body.
    pub body: Zeroizing<Vec<u8>>,
}

/// Posts a form (`application/x-www-form-urlencoded`) on a connection of its own, with this value of the Authorization
/// header if there is one; for token endpoints (RFC 6749 3.2). Redirects are not followed, nothing is tried twice.
///
/// # Errors
/// [`ClientError::Unreachable`] if the server cannot have got the form; [`ClientError::OutcomeUnknown`] and
/// [`ClientError::TooSlow`] if it may have;
/// [`ClientError::Configuration`] for headers that can't be sent.
pub async fn post_form(
    url: &EndpointUrl,
    tls: &Tls,
    timeouts: &Timeouts,
    authorization: Option<&SecretString>,
    form: &SecretString,
) -> Result<FormAnswer, ClientError> {
    let headers = [
        ("Host", url.host_header()),
        ("Content-Type", "application/x-www-form-urlencoded".to_owned()),
        ("Accept", "application/json".to_owned()),
    ];
    let outgoing = Outgoing {
        target: url.target(),
        headers: &headers,
        // Zeroized when the last reference goes.
        body: Bytes::from_owner(Zeroizing::new(form.expose_secret().as_bytes().to_vec())),
        max_body: 0,
        max_text: MAX_ANSWER,
        limit: timeouts.answer,
    };
    let work = async {
        let counters = Arc::new(Counters::default());
        let mut connection = Connection::open(url, tls, &Nobody, timeouts.connect, &counters).await?;
        connection.exchange(&outgoing, authorization, timeouts).await
    };
    let exchanged = timeout(outgoing.limit, work).await;
    let received = exchanged.map_err(|_| ClientError::TooSlow(outgoing.limit))?;
    let received = received.map_err(|error| match error {
        ExchangeError::NotSent(why) => ClientError::Unreachable(why),
        ExchangeError::Unknown(why) => ClientError::OutcomeUnknown(why),
        ExchangeError::TooSlow(limit) => ClientError::TooSlow(limit),
        ExchangeError::Auth(error) => ClientError::Unauthorized(error),
        ExchangeError::Invalid(why) => ClientError::Configuration(why),
    })?;
    if !received.complete {
        return Err(ClientError::OutcomeUnknown(format!("an answer of more than {MAX_ANSWER} bytes")));
    }
    let challenges = received.head.all("WWW-Authenticate").map(str::to_owned).collect();
    Ok(FormAnswer { status: received.head.status, challenges, body: Zeroizing::new(received.text) })
}

impl fmt::Debug for FormAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FormAnswer").field("status", &self.status).field("bytes", &self.body.len()).finish()
    }
}

/// Whoever posts says who it is by itself.
#[derive(Debug)]
struct Nobody;

impl Credentials for Nobody {
    fn scheme(&self) -> Box<dyn AuthScheme> {
        Box::new(Self)
    }
}

impl AuthScheme for Nobody {
    fn start(&mut self, _channel: AuthChannel<'_>) -> AuthStep {
        AuthStep::Done
    }

    fn step(&mut self, challenges: &[String], _channel: AuthChannel<'_>) -> AuthStep {
        AuthStep::Failed(AuthError::NotOffered(challenges.to_vec()))
    }
}
