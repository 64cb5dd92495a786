use std::sync::Arc;
use std::time::Instant;

use mail_core::message::Message;
use mapi_core::ErrorCode;
use mapi_core::message::{MessageContent, PropertyBag};
use mapi_core::nspi::AddressEntry;
use mapi_core::property::{PropertyValue, tags};
use smtp_front::submit::{Address, Envelope, Recipient};

use super::sent_copy::Likeness;
use super::{blind_copies, unwanted_copy};
use crate::account::Account;
use crate::convert::mime_to_mapi::{self, Purpose};
use crate::line::directory::Finding;
use crate::line::error::UpstreamError;
use crate::line::upstream::Lane;
use crate::operation::mark::SubmissionMark;
use crate::operation::{Handed, Submission};

/// What the configuration says of sending.
#[derive(Debug, Clone, Default)]
pub struct Sending {
    /// The server keeps a copy in Sent Items.
    pub save_sent: bool,
    /// A client's own copy of a message that it just sent becomes that one.
    pub merge_sent: bool,
    /// Domains whose recipients are all in the address book.
    pub own_domains: Vec<String>,
    /// Bcc recipients get submissions of their own.
    pub separate_bcc: bool,
}

impl Sending {
    /// Whether an address is in one of the domains whose recipients are all in the address book.
    pub fn is_own(&self, address: &Address) -> bool {
        let domain = address.domain().unwrap_or_default();
        self.own_domains.iter().any(|own| own.eq_ignore_ascii_case(domain))
    }
}

impl Account {
    /// How many recipients the server takes in one message, as far as it told.
    pub fn max_recipients(&self) -> usize {
        self.identity.recipient_limit().get()
    }

    /// Whether a recipient certainly does not exist: it is in an own domain and not in the address book. An address book
    /// that can't be asked, or does not say for sure, makes nobody unknown.
    pub async fn is_unknown(&self, address: &Address, sending: &Sending) -> bool {
        if !sending.is_own(address) || address.as_str().eq_ignore_ascii_case(self.context().user()) {
            return false;
        }
        let found = self.identity.find(address.as_str()).await;
        if let Err(error) = &found {
            tracing::debug!(%error, "a recipient could not be looked up");
        }
        matches!(found, Ok(Finding::Nobody))
    }

    /// Sends a message to the envelope's recipients as the account's user. Returns when the upstream has taken it. If the
    /// connection dies meanwhile, what became of the message is looked up by its mark; nothing is repeated.
    ///
    /// # Errors
    /// [`UpstreamError::OutcomeUnknown`] if the connection died and the upstream can't be asked. Content that can't be sent
    /// is [`UpstreamError::Content`], a sender in whose name the user may not send [`UpstreamError::SenderDenied`].
    pub async fn submit(
        &self,
        message: Arc<Message>,
        envelope: Envelope,
        sending: &Sending,
    ) -> Result<(), UpstreamError> {
        let own_addresses = vec![self.context().user().to_owned()];
        let bytes = message.bytes().len() as u64;
        let keeps_copy = sending.save_sent && sending.merge_sent;
        let convert = move || {
            let recipients: Vec<String> = envelope.recipients.iter().map(|to| to.address.to_string()).collect();
            let purpose = Purpose::Submit { own_addresses: &own_addresses, recipients: &recipients };
            let parsed = mime_to_mapi::parse(&message, purpose);
            let mut content = parsed.map_err(|error| UpstreamError::Content(error.to_string()))?;
            request_reports(&mut content.properties, &envelope.recipients);
            Ok::<_, UpstreamError>((content, keeps_copy.then(|| Likeness::of(&message)), Lane::of(message.bytes())))
        };
        let (mut content, likeness, lane) = self.context().share().compute(bytes, convert).await??;
        let other = self.name_sender(&mut content.properties).await;
        let recipients = std::mem::take(&mut content.recipients);
        let mut groups =
            if sending.separate_bcc { blind_copies::groups(recipients) } else { vec![recipients] }.into_iter();
        content.recipients = groups.next().unwrap_or_default();
        let mark = SubmissionMark::put_on(&mut content.properties);
        self.hand_over(lane, &content, &mark).await.map_err(|error| match (error, other) {
            (UpstreamError::Refused { code, .. }, Some(other)) if denies_sender(code) => {
                UpstreamError::SenderDenied(other)
            }
            (error, _) => error,
        })?;
        if !sending.save_sent {
            self.drop_copy(mark);
        } else if let Some(likeness) = likeness {
            self.submissions.note(likeness, mark, Instant::now());
        }
        self.send_blind_copies(lane, &mut content, groups).await
    }

    /// Removes the server's copy of what was sent. Never by PidTagDeleteAfterSubmit: the copy is the proof, and goes when it
    /// was not needed.
    pub(crate) fn drop_copy(&self, mark: SubmissionMark) {
        let context = Arc::clone(self.context());
        tokio::spawn(async move { unwanted_copy::remove(&mark, &context).await });
    }

    /// Completes who the message is sent for, if that is not the user: entries of the address book go by their entry, so
    /// that also an alias is understood. Returns the address.
    async fn name_sender(&self, properties: &mut PropertyBag) -> Option<String> {
        let address = properties.text(tags::PidTagSentRepresentingEmailAddress)?.to_owned();
        match self.identity.find(&address).await {
            Ok(Finding::Entry(entry)) => represent(properties, &entry),
            Ok(Finding::Nobody | Finding::Unsure) => {}
            Err(error) => tracing::debug!(%error, "a sender could not be looked up"),
        }
        Some(address)
    }

    /// Hands a message over and, if its outcome is unknown, finds that out by the mark that the message carries.
    pub(crate) async fn hand_over(
        &self,
        lane: Lane,
        content: &MessageContent,
        mark: &SubmissionMark,
    ) -> Result<(), UpstreamError> {
        match self.context().upstream.perform(&mut Submission::new(lane, content, mark)).await {
            Ok(Handed::Taken) => Ok(()),
            Ok(Handed::NotTaken(cause)) => Err(UpstreamError::Unreachable(cause)),
            Err(error) => {
                if matches!(error, UpstreamError::Refused { code: ErrorCode::TOO_MANY_RECIPS, .. }) {
                    self.identity.recipient_limit().refused(content.recipients.len());
                }
                Err(error)
            }
        }
    }
}

fn denies_sender(code: ErrorCode) -> bool {
    matches!(code, ErrorCode::ACCESS_DENIED | ErrorCode::SEND_AS_DENIED)
}

/// Names an entry of the address book as the one for whom a message is sent ([MS-OXOMSG] 2.2.1.48 to 2.2.1.52).
fn represent(properties: &mut PropertyBag, entry: &AddressEntry) {
    let (Some(kind), Some(address)) = (&entry.address_type, &entry.email_address) else { return };
    if entry.entry_id.is_empty() {
        return;
    }
    let text = |text: &String| PropertyValue::String(text.clone());
    let named = properties.text(tags::PidTagSentRepresentingName);
    if named.is_none() || named == properties.text(tags::PidTagSentRepresentingEmailAddress) {
        // The header has no name beside the address.
        properties.extend(entry.display_name.as_ref().map(|name| (tags::PidTagSentRepresentingName, text(name))));
    }
    properties.set(tags::PidTagSentRepresentingAddressType, text(kind));
    properties.set(tags::PidTagSentRepresentingEmailAddress, text(address));
    properties.set(tags::PidTagSentRepresentingEntryId, PropertyValue::Binary(entry.entry_id.clone()));
    if let Some(smtp) = &entry.smtp_address {
        properties.set(tags::PidTagSentRepresentingSmtpAddress, text(smtp));
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
    use smtp_front::submit::Notify;

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
