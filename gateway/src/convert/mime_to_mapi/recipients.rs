use std::collections::BTreeSet;

use mail_core::message::{Fields, MAX_FIELDS, Mailbox};
use mapi_core::message::PropertyBag;
use mapi_core::property::{PropertyValue, tags};

const TO: i32 = 1;
const CC: i32 = 2;
const BCC: i32 = 3;
/// The fields that name recipients.
const KINDS: [(i32, &str); 3] = [(TO, "to"), (CC, "cc"), (BCC, "bcc")];
/// PidTagObjectType and PidTagDisplayType of a mail user.
const MAIL_USER: i32 = 6;

/// The recipient rows of a submission: everybody in the envelope and nobody else, To and Cc where the header says so, all
/// others Bcc. A Bcc field is not looked at.
pub(super) fn of_envelope(envelope: &[String], fields: Fields<'_>) -> Vec<PropertyBag> {
    let mut wanted: BTreeSet<String> = envelope.iter().map(|address| normalized(address)).collect();
    let mut rows = Vec::new();
    for (kind, name) in [(TO, "to"), (CC, "cc")] {
        for mailbox in fields.mailboxes(name) {
            if wanted.remove(&normalized(&mailbox.address)) {
                push(&mut rows, kind, mailbox);
            }
        }
    }
    for address in envelope {
        if wanted.remove(&normalized(address)) {
            let address = address.trim_matches(['<', '>', ' ']).to_owned();
            push(&mut rows, BCC, Mailbox { name: String::new(), address });
        }
    }
    rows
}

/// The recipient rows of a stored message: everybody that the header names.
pub(super) fn of_header(fields: Fields<'_>) -> Vec<PropertyBag> {
    let mut rows = Vec::new();
    for (kind, name) in KINDS {
        fields.mailboxes(name).into_iter().for_each(|mailbox| push(&mut rows, kind, mailbox));
    }
    rows
}

/// The same of a draft, with recipients whose address is yet to be found.
pub(super) fn of_draft(fields: Fields<'_>) -> Vec<PropertyBag> {
    let mut rows = Vec::new();
    for (kind, name) in KINDS {
        for mailbox in fields.named(name).take(MAX_FIELDS).flat_map(|field| field.addressed()) {
            if mailbox.address.contains('@') {
                push(&mut rows, kind, mailbox);
            } else {
                push_unfinished(&mut rows, kind, mailbox);
            }
        }
    }
    rows
}

fn normalized(address: &str) -> String {
    address.trim_matches(['<', '>', ' ']).to_lowercase()
}

fn push(rows: &mut Vec<PropertyBag>, kind: i32, mailbox: Mailbox) {
    let Mailbox { name, address } = mailbox;
    let name = if name.is_empty() { address.clone() } else { name };
    let mut row = row(rows, kind, name);
    for (tag, value) in [
        (tags::PidTagAddressType, "SMTP".into()),
        (tags::PidTagEmailAddress, address.clone()),
        (tags::PidTagSmtpAddress, address),
    ] {
        row.set(tag, PropertyValue::String(value));
    }
    rows.push(row);
}

/// Somebody who has only a name, as in Outlook before names are checked.
fn push_unfinished(rows: &mut Vec<PropertyBag>, kind: i32, mailbox: Mailbox) {
    let Mailbox { name, address } = mailbox;
    let name = match (name.is_empty(), address.is_empty()) {
        (true, true) => return,
        (true, false) => address,
        (false, true) => name,
        (false, false) => format!("{name} <{address}>"),
    };
    let row = row(rows, kind, name);
    rows.push(row);
}

fn row(rows: &[PropertyBag], kind: i32, name: String) -> PropertyBag {
    PropertyBag::from_iter([
        (tags::PidTagRowid, PropertyValue::Integer32(i32::try_from(rows.len()).unwrap_or(i32::MAX))),
        (tags::PidTagRecipientType, PropertyValue::Integer32(kind)),
        (tags::PidTagDisplayName, PropertyValue::String(name)),
        (tags::PidTagObjectType, PropertyValue::Integer32(MAIL_USER)),
        (tags::PidTagDisplayType, PropertyValue::Integer32(0)),
    ])
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use mail_core::message::Message;

    use super::*;

    #[test]
    fn the_envelope_decides() {
        let message = Message::new(Bytes::from_static(
            b"To: Ann <ann@x>, other@x\r\nCc: Group: bo@x, Ann <ann@x>;\r\nBcc: hidden@x\r\n\r\n",
        ));
        let envelope = ["BO@x", "ann@X", "secret@x", "<secret@x>", "bo@x"].map(String::from);
        let rows: Vec<_> = of_envelope(&envelope, message.fields())
            .iter()
            .map(|row| {
                let text = |tag| row.text(tag).expect("set").to_owned();
                let kind = row.integer(tags::PidTagRecipientType).expect("set");
                (kind, text(tags::PidTagDisplayName), text(tags::PidTagSmtpAddress))
            })
            .collect();
        let expected = [(TO, "Ann", "ann@x"), (CC, "bo@x", "bo@x"), (BCC, "secret@x", "secret@x")];
        assert_eq!(rows, expected.map(|(kind, name, address)| (kind, name.to_owned(), address.to_owned())));
    }
}
