use bytes::Bytes;
use mapi_core::mailbox::SubmitError;
use mapi_core::property::{PropertyValue, tags};

use super::{Account, UpstreamError, blocking};
use crate::convert::mime_to_mapi::{self, Purpose};

impl Account {
    /// Sends a message to `recipients` as the account's user. Returns when the upstream has taken it.
    ///
    /// # Errors
    /// [`UpstreamError::OutcomeUnknown`] if the connection died meanwhile; nothing is repeated. Content that can't be sent
    /// is [`UpstreamError::Content`].
    pub async fn submit(&self, message: Bytes, recipients: Vec<String>, save_sent: bool) -> Result<(), UpstreamError> {
        let own_addresses = vec![self.context.user().to_owned()];
        let convert = move || {
            let purpose = Purpose::Submit { own_addresses: &own_addresses, recipients: &recipients };
            mime_to_mapi::parse(&message, purpose)
        };
        let converted = blocking(convert).await?;
        let mut content = converted.map_err(|error| UpstreamError::Content(error.to_string()))?;
        if !save_sent {
            content.properties.set(tags::PidTagDeleteAfterSubmit, PropertyValue::Boolean(true));
        }
        let (generation, mailbox) = self.context.upstream.mailbox().await?;
        let submitted = mailbox.submit(&content).await;
        let Err(error) = submitted else { return Ok(()) };
        let (cause, unknown) = match error {
            SubmitError::Refused(cause) | SubmitError::NotSent(cause) => (cause, false),
            SubmitError::Unknown(cause) => (cause, true),
        };
        if cause.is_session_lost() {
            self.context.upstream.discard(generation);
        }
        match UpstreamError::from(cause) {
            error if unknown => Err(UpstreamError::OutcomeUnknown(error.to_string())),
            // Nothing was handed over, whatever became of the request that died.
            UpstreamError::OutcomeUnknown(why) => Err(UpstreamError::Unreachable(why)),
            error => Err(error),
        }
    }
}
