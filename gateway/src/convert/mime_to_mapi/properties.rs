use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mail_core::FlagSet;
use mail_core::message::charset::guess;
use mail_core::message::{Fields, MAX_FIELDS, Mailbox};
use mapi_core::id::OneOffEntryId;
use mapi_core::message::PropertyBag;
use mapi_core::property::{
    FileTime, PropertyKey, PropertyName, PropertyTag, PropertyType, PropertyValue, property_set, tags,
};

use super::purpose::Purpose;
use crate::convert::strings::{BETWEEN_FIELDS, normalized_subject};

const READ: i32 = 0x1;
const UNSENT: i32 = 0x8;
/// Each name takes one of a mailbox's 32,767 named properties for good.
const MAX_CUSTOM: usize = 50;
/// Autocrypt allows 10 KiB.
const MAX_CUSTOM_VALUE: usize = 16 << 10;
/// Fields besides X-* and List-* that have no property of their own and matter to readers.
const CUSTOM: &[&str] = &[
    "archived-at",
    "auto-submitted",
    "autocrypt",
    "autocrypt-gossip",
    "comments",
    "expires",
    "face",
    "feedback-id",
    "followup-to",
    "jabber-id",
    "keywords",
    "mail-copies-to",
    "mail-followup-to",
    "mail-reply-to",
    "newsgroups",
    "openpgp",
    "organization",
    "organisation",
    "original-message-id",
    "precedence",
    "reply-by",
    "resent-cc",
    "resent-date",
    "resent-from",
    "resent-message-id",
    "resent-sender",
    "resent-to",
    "supersedes",
    "user-agent",
];
/// Fields that say what properties say, and those of transport.
const SAID: &[&str] = &[
    "bcc",
    "cc",
    "date",
    "disposition-notification-to",
    "from",
    "importance",
    "in-reply-to",
    "message-id",
    "mime-version",
    "priority",
    "received",
    "references",
    "reply-to",
    "resent-bcc",
    "return-path",
    "return-receipt-to",
    "sender",
    "sensitivity",
    "subject",
    "thread-index",
    "thread-topic",
    "to",
];
/// What only servers may say.
const RESERVED: &[&str] = &["x-ms-exchange-organization-", "x-ms-exchange-forest-", "x-ms-exchange-crosstenant-"];

/// The names, entry id, type and address of a sender.
struct SenderTags {
    name: PropertyTag,
    kind: PropertyTag,
    address: PropertyTag,
    entry_id: PropertyTag,
}

const SENDER: SenderTags = SenderTags {
    name: tags::PidTagSenderName,
    kind: tags::PidTagSenderAddressType,
    address: tags::PidTagSenderEmailAddress,
    entry_id: tags::PidTagSenderEntryId,
};

const REPRESENTING: SenderTags = SenderTags {
    name: tags::PidTagSentRepresentingName,
    kind: tags::PidTagSentRepresentingAddressType,
    address: tags::PidTagSentRepresentingEmailAddress,
    entry_id: tags::PidTagSentRepresentingEntryId,
};

/// Sets what the header says (but for recipients and what describes the body).
pub(super) fn set(bag: &mut PropertyBag, fields: Fields<'_>, purpose: Purpose<'_>) {
    text(bag, tags::PidTagMessageClass, "IPM.Note");
    let mut draft = false;
    match purpose {
        Purpose::Append { flags, internal_date, .. } => {
            draft = flags.contains(FlagSet::DRAFT);
            let bits = [(FlagSet::SEEN, READ), (FlagSet::DRAFT, UNSENT)];
            let bits = bits.into_iter().filter(|(flag, _)| flags.contains(*flag)).map(|(_, bit)| bit).sum();
            bag.set(tags::PidTagMessageFlags, PropertyValue::Integer32(bits));
            if internal_date.0 != 0 {
                bag.set(tags::PidTagMessageDeliveryTime, PropertyValue::Time(internal_date));
            }
            if let Some(date) = fields.date("date").and_then(|date| date.unix_seconds) {
                bag.set(tags::PidTagClientSubmitTime, PropertyValue::Time(FileTime::from_unix_seconds(date)));
            }
            senders(bag, fields);
        }
        Purpose::Submit { own_addresses, .. } => representing(bag, fields, own_addresses),
    }
    let sending = draft || matches!(purpose, Purpose::Submit { .. });
    let subject = fields.text("subject").unwrap_or_default();
    text(bag, tags::PidTagConversationTopic, &topic(fields, &subject));
    text(bag, tags::PidTagSubject, &subject);
    for (name, tag) in [
        ("message-id", tags::PidTagInternetMessageId),
        ("in-reply-to", tags::PidTagInReplyToId),
        ("references", tags::PidTagInternetReferences),
    ] {
        if let Some(value) = fields.verbatim(name) {
            text(bag, tag, &value);
        }
    }
    let index = fields.verbatim("thread-index").and_then(|index| STANDARD.decode(index).ok());
    if let Some(index) = index.filter(|index| index.len() >= 22) {
        bag.set(tags::PidTagConversationIndex, PropertyValue::Binary(index));
    }
    importance(bag, fields);
    reply_to(bag, fields);
    bag.set(tags::PidTagInternetCodepage, PropertyValue::Integer32(65001));
    if sending {
        for (name, tag) in [
            ("disposition-notification-to", tags::PidTagReadReceiptRequested),
            ("return-receipt-to", tags::PidTagOriginatorDeliveryReportRequested),
        ] {
            if fields.has(name) {
                bag.set(tag, PropertyValue::Boolean(true));
            }
        }
        custom(bag, fields, draft);
    } else {
        // With a receipt request of somebody else's message a server would send a receipt once it is read.
        let header = guess(fields.raw()).replace('\0', "");
        if !header.trim().is_empty() {
            text(bag, tags::PidTagTransportMessageHeaders, &header);
        }
    }
}

fn text(bag: &mut PropertyBag, tag: PropertyTag, value: &str) {
    bag.set(tag, PropertyValue::String(value.to_owned()));
}

fn topic(fields: Fields<'_>, subject: &str) -> String {
    fields.text("thread-topic").unwrap_or_else(|| normalized_subject(subject).to_owned())
}

fn party(bag: &mut PropertyBag, tags: &SenderTags, mailbox: &Mailbox) {
    let name = if mailbox.name.is_empty() { &mailbox.address } else { &mailbox.name };
    text(bag, tags.name, name);
    text(bag, tags.kind, "SMTP");
    text(bag, tags.address, &mailbox.address);
    bag.set(tags.entry_id, PropertyValue::Binary(OneOffEntryId::smtp(name, &mailbox.address).to_bytes()));
}

fn senders(bag: &mut PropertyBag, fields: Fields<'_>) {
    let from = fields.mailboxes("from").into_iter().next();
    let sender = fields.mailboxes("sender").into_iter().next();
    if let Some(sender) = sender.as_ref().or(from.as_ref()) {
        party(bag, &SENDER, sender);
    }
    if let Some(from) = from.as_ref().or(sender.as_ref()) {
        party(bag, &REPRESENTING, from);
    }
}

/// Who the account's owner sends for, if that is somebody else; the server knows the owner.
fn representing(bag: &mut PropertyBag, fields: Fields<'_>, own_addresses: &[String]) {
    let Some(from) = fields.mailboxes("from").into_iter().next() else { return };
    if !own_addresses.iter().any(|own| own.eq_ignore_ascii_case(&from.address)) {
        party(bag, &REPRESENTING, &from);
    }
}

fn importance(bag: &mut PropertyBag, fields: Fields<'_>) {
    let lower = |name| fields.verbatim(name).map(|value| value.to_ascii_lowercase()).unwrap_or_default();
    let priority = lower("x-priority");
    let importance = match (&lower("importance")[..], priority.as_bytes().first(), &lower("priority")[..]) {
        ("high", ..) | ("", Some(b'1' | b'2'), _) | ("", None, "urgent") => Some((2, 1)),
        ("low", ..) | ("", Some(b'4' | b'5'), _) | ("", None, "non-urgent") => Some((0, -1)),
        _ => None,
    };
    if let Some((importance, priority)) = importance {
        bag.set(tags::PidTagImportance, PropertyValue::Integer32(importance));
        bag.set(tags::PidTagPriority, PropertyValue::Integer32(priority));
    }
    let sensitivity = match &lower("sensitivity")[..] {
        "personal" => Some(1),
        "private" => Some(2),
        "company-confidential" => Some(3),
        _ => None,
    };
    if let Some(sensitivity) = sensitivity {
        bag.set(tags::PidTagSensitivity, PropertyValue::Integer32(sensitivity));
    }
    let suppress = lower("x-auto-response-suppress");
    let names = ["dr", "ndr", "rn", "nrn", "oof", "autoreply"];
    let bits = suppress.split(',').map(str::trim).filter_map(|found| {
        if found == "all" { Some(-1) } else { names.iter().position(|name| *name == found).map(|bit| 1 << bit) }
    });
    let bits = bits.fold(0, |all, bit| all | bit);
    if bits != 0 {
        bag.set(tags::PidTagAutoResponseSuppress, PropertyValue::Integer32(bits));
    }
}

/// FlatEntryList ([MS-OXCDATA] 2.3.3)
fn reply_to(bag: &mut PropertyBag, fields: Fields<'_>) {
    let mailboxes = fields.mailboxes("reply-to");
    if mailboxes.is_empty() {
        return;
    }
    let size = |n: usize| u32::try_from(n).unwrap_or(u32::MAX).to_le_bytes();
    let mut entries = Vec::new();
    let mut names = Vec::new();
    for mailbox in &mailboxes {
        let name = if mailbox.name.is_empty() { &mailbox.address } else { &mailbox.name };
        let entry = OneOffEntryId::smtp(name, &mailbox.address).to_bytes();
        entries.extend(size(entry.len()));
        entries.extend(entry);
        entries.resize(entries.len().next_multiple_of(4), 0);
        names.push(name.replace(';', ","));
    }
    let list = [&size(mailboxes.len())[..], &size(entries.len()), &entries].concat();
    bag.set(tags::PidTagReplyRecipientEntries, PropertyValue::Binary(list));
    text(bag, tags::PidTagReplyRecipientNames, &names.join(";"));
}

/// Fields without a property of their own; of a draft, in which a client may keep what only it understands, all.
fn custom(bag: &mut PropertyBag, fields: Fields<'_>, draft: bool) {
    let mut count = 0;
    for field in fields.iter().take(MAX_FIELDS) {
        let name = String::from_utf8_lossy(field.name).to_ascii_lowercase();
        let is_custom = name.starts_with("x-") || name.starts_with("list-") || CUSTOM.contains(&&name[..]);
        let is_other = draft && !name.starts_with("content-") && !SAID.contains(&&name[..]);
        let wanted = (is_custom || is_other)
            && !RESERVED.iter().any(|reserved| name.starts_with(reserved))
            && !matches!(&name[..], "x-priority" | "x-auto-response-suppress")
            && name.len() <= 70;
        if !wanted {
            continue;
        }
        let value = field.text();
        if value.is_empty() || value.len() > MAX_CUSTOM_VALUE {
            continue;
        }
        let property = PropertyName::string(property_set::PS_INTERNET_HEADERS, &name);
        let repeated = bag.get_named(&property, PropertyType::STRING).and_then(|known| match known {
            PropertyValue::String(before) => Some(format!("{before}{BETWEEN_FIELDS}{value}")),
            _ => None,
        });
        let is_new = repeated.is_none();
        if (is_new && count == MAX_CUSTOM) || repeated.as_ref().is_some_and(|all| all.len() > MAX_CUSTOM_VALUE) {
            continue;
        }
        let value = repeated.unwrap_or(value);
        bag.set(PropertyKey::Named(property, PropertyType::STRING), PropertyValue::String(value));
        count += usize::from(is_new);
    }
}
