use std::sync::Arc;

use mapi_core::mailbox::SubmitError;
use mapi_core::message::{MessageContent, PropertyBag};
use mapi_core::property::{PropertyValue, tags};
use smtp_front::submit::{Envelope, Message, Recipient};

use super::mark::{Outcome, SubmissionMark};
use super::{Account, UpstreamError, blocking};
use crate::convert::mime_to_mapi::{self, Purpose};

impl Account {
    /// Sends a message to the envelope's recipients as the account's user. Returns when the upstream has taken it. If the
    /// connection dies meanwhile, what became of the message is looked up by its mark; nothing is repeated.
    ///
    /// # Errors
    /// [`UpstreamError::OutcomeUnknown`] if the connection died and the upstream can't be asked. Content that can't be sent
    /// is [`UpstreamError::Content`].
    pub async fn submit(&self, message: Message, envelope: Envelope, save_sent: bool) -> Result<(), UpstreamError> {
        let own_addresses = vec![self.context.user().to_owned()];
        let convert = move || {
            let unreadable = |error| UpstreamError::Internal(format!("the spooled message can't be read: {error}"));
            let message = message.into_bytes().map_err(unreadable)?;
            let recipients: Vec<String> = envelope.recipients.iter().map(|to| to.address.to_string()).collect();
            let purpose = Purpose::Submit { own_addresses: &own_addresses, recipients: &recipients };
            let parsed = mime_to_mapi::parse(&message, purpose);
            let mut content = parsed.map_err(|error| UpstreamError::Content(error.to_string()))?;
            request_reports(&mut content.properties, &envelope.recipients);
            Ok::<_, UpstreamError>(content)
        };
        let mut content = blocking(convert).await??;
        let mark = SubmissionMark::put_on(&mut content.properties);
        self.hand_over(&content, &mark).await?;
        if !save_sent {
            // Never PidTagDeleteAfterSubmit: the copy is the proof, and goes when it was not needed.
            let context = Arc::clone(&self.context);
            tokio::spawn(async move { mark.remove_copy(&context).await });
        }
        Ok(())
    }

    async fn hand_over(&self, content: &MessageContent, mark: &SubmissionMark) -> Result<(), UpstreamError> {
        let (generation, mailbox) = self.context.upstream.mailbox().await?;
        let Err(error) = mailbox.submit(content).await else { return Ok(()) };
        let (cause, unknown) = match error {
            SubmitError::Refused(cause) | SubmitError::NotSent(cause) => (cause, false),
            SubmitError::Unknown(cause) => (cause, true),
        };
        if unknown || cause.is_session_lost() {
            self.context.upstream.discard(generation);
        }
        if unknown {
            // The server ends what it still does for the old session before that is closed.
            mailbox.close().await;
            tracing::info!(error = %cause, "the connection died during a submission; looking for the message");
            return match mark.look_up(&self.context).await {
                Ok(Outcome::Taken) => Ok(()),
                Ok(Outcome::NotTaken) => Err(UpstreamError::Unreachable(cause.to_string())),
                Err(error) => Err(UpstreamError::OutcomeUnknown(format!("{cause}, then {error}"))),
            };
        }
        match UpstreamError::from(cause) {
            // Nothing was handed over, whatever became of the request that died.
            UpstreamError::OutcomeUnknown(why) => Err(UpstreamError::Unreachable(why)),
            error => Err(error),
        }
    }
}

/// Asks for reports as NOTIFY says (RFC 3461 4.1), as far as a message in Exchange can: for all recipients alike, reports
/// of success if one of them wants them, and none of failure if nobody does.
fn request_reports(properties: &mut PropertyBag, recipients: &[Recipient]) {
    let notify: Vec<_> = recipients.iter().map(|recipient| recipient.notify).collect();
    if notify.iter().flatten().any(|notify| notify.success) {
        properties.set(tags::PidTagOriginatorDeliveryReportRequested, PropertyValue::Boolean(true));
    }
    if notify.iter().all(|notify| notify.is_some_and(|notify| !notify.failure)) {
        properties.set(tags::PidTagOriginatorNonDeliveryReportRequested, PropertyValue::Boolean(false));
    }
}

#[cfg(test)]
mod tests {
    use smtp_front::submit::{Address, Notify};

    use super::*;

    #[test]
    fn reports_are_asked_for_as_notify_says() {
        let success = Some(Notify { success: true, failure: true, delay: false });
        let delay = Some(Notify { delay: true, ..Notify::default() });
        let never = Some(Notify::default());
        for (notify, delivery, failure) in [
            (vec![None], None, None),
            (vec![None, success], Some(true), None),
            (vec![never], None, Some(false)),
            (vec![never, delay], None, Some(false)),
            (vec![never, None], None, None),
        ] {
            let recipient = |notify: &Option<Notify>| Recipient {
                notify: *notify,
                ..Recipient::new(Address::new_checked("a@example.test".into()))
            };
            let recipients: Vec<Recipient> = notify.iter().map(recipient).collect();
            let mut bag = PropertyBag::default();
            request_reports(&mut bag, &recipients);
            assert_eq!(bag.boolean(tags::PidTagOriginatorDeliveryReportRequested), delivery, "{notify:?}");
            assert_eq!(bag.boolean(tags::PidTagOriginatorNonDeliveryReportRequested), failure, "{notify:?}");
        }
    }
}
