use std::sync::Arc;

use mapi_core::ErrorCode;
use mapi_core::message::{MessageContent, PropertyBag};
use mapi_core::property::tags::*;
use mapi_core::property::{PropertyKey, PropertyTag, PropertyValue, property_set};

use super::message::flag;
use super::{Message, Special, Store, StoreResult, User, entry_id, headers};
use crate::UnknownRecipient;

/// Mail that left for a domain that is not this server's.
#[derive(Debug, Clone, PartialEq)]
pub struct Outbound {
    /// Address of the author.
    pub from: String,
    /// The recipients outside.
    pub recipients: Vec<String>,
    /// The message as it left: without Bcc rows.
    pub content: MessageContent,
}

/// What became of a submitted message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// The copy in the sender's mailbox, unless it was to be deleted.
    pub sent: Option<u64>,
    /// In whose mailboxes it was delivered, and as which message.
    pub delivered: Vec<(usize, u64)>,
}

/// Who a recipient row names.
enum Target {
    Local(usize),
    Unknown(String),
    Outside(String),
}

/// Properties that belong to the sender's or the reader's copy alone.
const PRIVATE: [PropertyTag; 13] = [
    PidTagSentMailSvrEID,
    PidTagSentMailEntryId,
    PidTagDeleteAfterSubmit,
    PidTagTargetEntryId,
    PidTagFlagStatus,
    PidTagFlagCompleteTime,
    PidTagFollowupIcon,
    PidTagToDoItemFlags,
    PidTagIconIndex,
    PidTagLastVerbExecuted,
    PidTagLastVerbExecutionTime,
    PidTagTransportMessageHeaders,
    PidTagMessageDeliveryTime,
];

impl Store {
    /// Puts a message into somebody's Inbox as new mail; returns its id.
    ///
    /// # Errors
    /// `ecUnknownUser`.
    pub fn deliver(&mut self, address: &str, content: MessageContent) -> StoreResult<u64> {
        let index = self.user_index(address).ok_or(ErrorCode::UNKNOWN_USER)?;
        self.deliver_to(index, content)
    }

    fn deliver_to(&mut self, index: usize, mut content: MessageContent) -> StoreResult<u64> {
        let mailbox = self.mailbox_mut(index).ok_or(ErrorCode::UNKNOWN_USER)?;
        let now = mailbox.now();
        if content.properties.get(PidTagMessageDeliveryTime).is_none() {
            content.properties.set(PidTagMessageDeliveryTime, PropertyValue::Time(now));
        }
        if content.properties.get(PidTagMessageClass).is_none() {
            content.properties.set(PidTagMessageClass, PropertyValue::String("IPM.Note".to_owned()));
        }
        let inbox = mailbox.special(Special::Inbox);
        let id = mailbox.add(inbox, content, false)?;
        mailbox.announce(id);
        Ok(id)
    }

    /// Mail that left for other domains, oldest first.
    pub fn outbound(&self) -> &[Outbound] {
        &self.outbound
    }

    /// Sends a saved message of user `sender` ([MS-OXOMSG] 3.2.5): checks, completes, delivers it, and moves it to where
    /// sent mail belongs.
    ///
    /// # Errors
    /// `ecNoRecipients`, `ecTooManyRecips`, `ecInvalidRecips`, `ecSendAsDenied`, `ecQuotaExceeded`, `ecMaxSubmissionExceeded`, `ecNotFound`;
    /// `ecWarnCancelMessage` if a recipient is refused: then nobody got it.
    pub fn submit(&mut self, sender: usize, id: u64) -> StoreResult<Submission> {
        let user = self.users().get(sender).cloned().ok_or(ErrorCode::UNKNOWN_USER)?;
        let mailbox = self.mailbox(sender).ok_or(ErrorCode::UNKNOWN_USER)?;
        let mut message = mailbox.message(id)?.clone();
        mailbox.may_send(message.size)?;
        let now = mailbox.now();
        let (shown, represented) = self.identities(&message.content.properties, &user)?;
        if message.content.recipients.is_empty() {
            return Err(ErrorCode::NO_RECIPIENTS);
        }
        if self.manners().most_recipients.is_some_and(|most| message.content.recipients.len() > most) {
            return Err(ErrorCode::TOO_MANY_RECIPS);
        }
        let targets: Vec<Target> =
            message.content.recipients.iter().map(|row| self.target(row)).collect::<StoreResult<_>>()?;
        let refuses = self.manners().unknown_recipient == UnknownRecipient::Refuse;
        if refuses && targets.iter().any(|target| matches!(target, Target::Unknown(_))) {
            return Err(ErrorCode::WARN_CANCEL_MESSAGE);
        }
        self.submissions += 1;
        let message_id = format!("<{:012x}.{}@{}>", self.submissions, user.mailbox_guid, domain(&user.address));
        let replace_id = self.manners().replace_message_id;
        let content = Arc::make_mut(&mut message.content);
        let properties = &mut content.properties;
        set_identity(properties, &shown, &represented);
        properties.set(PidTagClientSubmitTime, PropertyValue::Time(now));
        if replace_id || properties.text(PidTagInternetMessageId).is_none_or(str::is_empty) {
            properties.set(PidTagInternetMessageId, PropertyValue::String(message_id));
        }
        for (row, target) in content.recipients.iter_mut().zip(&targets) {
            self.resolve(row, target);
        }
        message.flags = (message.flags & !flag::UNSENT) | flag::SUBMITTED | flag::FROM_ME;
        let delivered = self.distribute(&user, &message, &targets)?;
        let sent = self.file_sent(sender, message)?;
        Ok(Submission { sent, delivered })
    }

    /// Delivers to everybody a recipient row names, once each.
    fn distribute(&mut self, user: &User, message: &Message, targets: &[Target]) -> StoreResult<Vec<(usize, u64)>> {
        let now = self.clock().now();
        let copy = outgoing(&message.content, domain(&user.address), now, self.manners().shows_bcc);
        let mut delivered: Vec<(usize, u64)> = Vec::new();
        let mut full = Vec::new();
        for target in targets {
            let Target::Local(index) = target else { continue };
            if delivered.iter().any(|(done, _)| done == index) {
                continue;
            }
            let mut copy = copy.clone();
            let receiver = self.users().get(*index).cloned().ok_or(ErrorCode::UNKNOWN_USER)?;
            received_by(&mut copy.properties, &receiver);
            copy.properties.set(PidTagSearchKey, PropertyValue::Binary(message.search_key.to_vec()));
            match self.deliver_to(*index, copy) {
                Ok(id) => delivered.push((*index, id)),
                Err(ErrorCode::QUOTA_EXCEEDED) => full.push(receiver.address),
                Err(error) => return Err(error),
            }
        }
        let pick = |wanted: fn(&Target) -> Option<&String>| targets.iter().filter_map(wanted).cloned().collect();
        let outside: Vec<String> = pick(|target| match target {
            Target::Outside(address) => Some(address),
            _ => None,
        });
        if !outside.is_empty() {
            self.outbound.push(Outbound { from: user.address.clone(), recipients: outside, content: copy });
        }
        let unknown: Vec<String> = pick(|target| match target {
            Target::Unknown(address) => Some(address),
            _ => None,
        });
        if !unknown.is_empty() {
            self.report(&message.content, user, &unknown, "550 5.1.1 no such mailbox here")?;
        }
        if !full.is_empty() {
            self.report(&message.content, user, &full, "552 5.2.2 the mailbox is full")?;
        }
        Ok(delivered)
    }

    /// Tells a sender who did not get the message; one whose own mailbox is full is not told.
    fn report(&mut self, original: &MessageContent, user: &User, failed: &[String], reason: &str) -> StoreResult<()> {
        match self.deliver(&user.address, non_delivery(original, user, failed, reason)) {
            Ok(_) | Err(ErrorCode::QUOTA_EXCEEDED) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Who is shown as the sender, and in whose name the message goes, as the sender's rights allow.
    fn identities(&self, properties: &PropertyBag, user: &User) -> StoreResult<(User, User)> {
        let claimed = properties
            .text(PidTagSentRepresentingSmtpAddress)
            .or_else(|| properties.text(PidTagSentRepresentingEmailAddress))
            .filter(|address| !address.is_empty());
        let Some(claimed) = claimed else { return Ok((user.clone(), user.clone())) };
        let index = self.user_index(claimed).or_else(|| self.user_by_dn(claimed)).ok_or(ErrorCode::SEND_AS_DENIED)?;
        let other = self.users().get(index).ok_or(ErrorCode::SEND_AS_DENIED)?;
        if other == user {
            return Ok((user.clone(), user.clone()));
        }
        let delegates = self.mailbox(index).ok_or(ErrorCode::SEND_AS_DENIED)?.delegates();
        let dn = user.legacy_dn.to_ascii_lowercase();
        if delegates.send_as.contains(&dn) {
            Ok((other.clone(), other.clone()))
        } else if delegates.send_on_behalf.contains(&dn) {
            Ok((user.clone(), other.clone()))
        } else {
            Err(ErrorCode::SEND_AS_DENIED)
        }
    }

    /// The submitted message leaves its folder: to Sent Items, to the folder that it names, or away.
    fn file_sent(&mut self, sender: usize, mut message: Message) -> StoreResult<Option<u64>> {
        let mailbox = self.mailbox_mut(sender).ok_or(ErrorCode::UNKNOWN_USER)?;
        let (id, folder, base) = (message.id, message.folder, message.change_number);
        let properties = &mut Arc::make_mut(&mut message.content).properties;
        let discard = properties.boolean(PidTagDeleteAfterSubmit).unwrap_or(false);
        let named = properties.get(PidTagSentMailSvrEID).and_then(|value| server_id_folder(value.as_bytes()?));
        properties.remove(&PidTagSentMailSvrEID.into());
        properties.remove(&PidTagDeleteAfterSubmit.into());
        if discard {
            mailbox.delete_messages(folder, &[id], true)?;
            return Ok(None);
        }
        let target = named.filter(|id| mailbox.folder(*id).is_ok()).unwrap_or(mailbox.special(Special::SentItems));
        message.read = true;
        mailbox.save(message, base, true)?;
        mailbox.set_read(folder, &[id], true)?;
        Ok(mailbox.move_copy(folder, &[id], target, false)?.first().map(|moved| moved.new))
    }

    fn target(&self, row: &PropertyBag) -> StoreResult<Target> {
        let email = row.text(PidTagEmailAddress);
        if let Some(index) = email.and_then(|dn| self.user_by_dn(dn)) {
            return Ok(Target::Local(index));
        }
        let smtp = row.text(PidTagSmtpAddress).or(email).filter(|address| address.contains('@'));
        let address = smtp.ok_or(ErrorCode::INVALID_RECIPS)?;
        if let Some(index) = self.user_index(address) {
            return Ok(Target::Local(index));
        }
        let ours = self.users().iter().any(|user| domain(&user.address).eq_ignore_ascii_case(domain(address)));
        Ok(if ours { Target::Unknown(address.to_owned()) } else { Target::Outside(address.to_owned()) })
    }

    /// Completes a recipient row as the server's name resolution does: its own users become type EX.
    fn resolve(&self, row: &mut PropertyBag, target: &Target) {
        let text = |text: &str| PropertyValue::String(text.to_owned());
        match target {
            Target::Local(index) => {
                let Some(user) = self.users().get(*index) else { return };
                row.set(PidTagSmtpAddress, text(&user.address));
                if self.manners().resolve_recipients {
                    row.set(PidTagAddressType, text("EX"));
                    row.set(PidTagEmailAddress, text(&user.legacy_dn));
                    row.set(PidTagEntryId, PropertyValue::Binary(user.entry_id()));
                    row.set(PidTagSearchKey, PropertyValue::Binary(user.search_key()));
                    row.set(PidTagRecipientEntryId, PropertyValue::Binary(user.entry_id()));
                }
            }
            Target::Unknown(address) | Target::Outside(address) => drop(row.set(PidTagSmtpAddress, text(address))),
        }
        if row.text(PidTagDisplayName).is_none_or(str::is_empty)
            && let Some(address) = row.text(PidTagSmtpAddress).map(str::to_owned)
        {
            row.set(PidTagDisplayName, PropertyValue::String(address));
        }
    }
}

/// Fills in who sends, and in whose name.
fn set_identity(properties: &mut PropertyBag, sender: &User, represented: &User) {
    let name = properties.text(PidTagSentRepresentingName).filter(|name| !name.is_empty());
    let name = name.unwrap_or(&represented.display_name).to_owned();
    let text = |text: &str| PropertyValue::String(text.to_owned());
    let bytes = PropertyValue::Binary;
    properties.extend([
        (PidTagSenderName, text(&sender.display_name)),
        (PidTagSenderAddressType, text("EX")),
        (PidTagSenderEmailAddress, text(&sender.legacy_dn)),
        (PidTagSenderSmtpAddress, text(&sender.address)),
        (PidTagSenderEntryId, bytes(sender.entry_id())),
        (PidTagSenderSearchKey, bytes(sender.search_key())),
        (PidTagSentRepresentingName, text(&name)),
        (PidTagSentRepresentingAddressType, text("EX")),
        (PidTagSentRepresentingEmailAddress, text(&represented.legacy_dn)),
        (PidTagSentRepresentingSmtpAddress, text(&represented.address)),
        (PidTagSentRepresentingEntryId, bytes(represented.entry_id())),
        (PidTagSentRepresentingSearchKey, bytes(represented.search_key())),
    ]);
}

/// The message as recipients get it: no Bcc rows unless they show, no private properties, with transport headers, unread.
fn outgoing(
    content: &MessageContent,
    server: &str,
    now: mapi_core::property::FileTime,
    shows_bcc: bool,
) -> MessageContent {
    let mut copy = content.clone();
    copy.recipients.retain(|row| shows_bcc || row.integer(PidTagRecipientType) != Some(3));
    let travels = |key: &PropertyKey| match key {
        PropertyKey::Tag(tag) => !PRIVATE.contains(tag),
        PropertyKey::Named(name, _) => {
            ![property_set::PS_PUBLIC_STRINGS, property_set::PS_INTERNET_HEADERS].contains(&name.guid)
        }
    };
    copy.properties =
        content.properties.iter().filter(|(key, _)| travels(key)).map(|(k, v)| (k.clone(), v.clone())).collect();
    let headers =
        headers::build(&MessageContent { properties: content.properties.clone(), ..copy.clone() }, server, now);
    copy.properties.set(PidTagTransportMessageHeaders, PropertyValue::String(headers));
    copy
}

fn received_by(properties: &mut PropertyBag, user: &User) {
    let text = |text: &str| PropertyValue::String(text.to_owned());
    properties.extend([
        (PidTagReceivedByName, text(&user.display_name)),
        (PidTagReceivedByEmailAddress, text(&user.legacy_dn)),
        (PidTagReceivedRepresentingName, text(&user.display_name)),
    ]);
}

/// The report that a message could not be delivered ([MS-OXOMSG] 2.2.2: class REPORT.IPM.Note.NDR).
fn non_delivery(original: &MessageContent, user: &User, unknown: &[String], reason: &str) -> MessageContent {
    let text = |text: &str| PropertyValue::String(text.to_owned());
    let subject = original.properties.text(PidTagNormalizedSubject).unwrap_or_default();
    let list = unknown.join(", ");
    let body = format!("Delivery has failed to these recipients:\r\n\r\n{list}\r\n\r\n{reason}\r\n");
    let server = format!("postmaster@{}", domain(&user.address));
    let properties = PropertyBag::from_iter([
        (PidTagMessageClass, text("REPORT.IPM.Note.NDR")),
        (PidTagSubjectPrefix, text("")),
        (PidTagNormalizedSubject, text(&format!("Undeliverable: {subject}"))),
        (PidTagBody, text(&body)),
        (PidTagReportText, text(&body)),
        (PidTagSenderName, text("Mail Delivery System")),
        (PidTagSenderAddressType, text("SMTP")),
        (PidTagSenderEmailAddress, text(&server)),
        (PidTagSenderSmtpAddress, text(&server)),
        (PidTagSentRepresentingName, text("Mail Delivery System")),
        (PidTagSentRepresentingAddressType, text("SMTP")),
        (PidTagSentRepresentingEmailAddress, text(&server)),
        (PidTagSentRepresentingSmtpAddress, text(&server)),
        (PidTagSentRepresentingEntryId, PropertyValue::Binary(entry_id::one_off("Mail Delivery System", &server))),
    ]);
    let row = |address: &String| {
        PropertyBag::from_iter([
            (PidTagRecipientType, PropertyValue::Integer32(1)),
            (PidTagDisplayName, text(address)),
            (PidTagAddressType, text("SMTP")),
            (PidTagEmailAddress, text(address)),
            (PidTagSmtpAddress, text(address)),
        ])
    };
    MessageContent { properties, recipients: unknown.iter().map(row).collect(), attachments: Vec::new() }
}

/// The folder that a ServerId value names ([MS-OXCDATA] 2.11.1.4).
fn server_id_folder(bytes: &[u8]) -> Option<u64> {
    let folder: [u8; 8] = bytes.get(1..9)?.try_into().ok()?;
    super::counter(mapi_core::id::ObjectId::from_bytes(folder)).filter(|_| bytes.first() == Some(&1))
}

fn domain(address: &str) -> &str {
    address.rsplit_once('@').map_or(address, |(_, domain)| domain)
}
