//! The header block that a transport would have written: PidTagTransportMessageHeaders of delivered messages.

use super::calendar::{Calendar, calendar};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mapi_core::id::EntryId;
use mapi_core::message::{MessageContent, PropertyBag};
use mapi_core::property::tags::*;
use mapi_core::property::{FileTime, NamedId, PropertyKey, PropertyTag, PropertyValue, property_set};

/// The headers of `content` as it is delivered, each line ended by CRLF. Bcc recipients are the caller's to leave out.
pub fn build(content: &MessageContent, server: &str, now: FileTime) -> String {
    let bag = &content.properties;
    let mut out = String::new();
    line(&mut out, "Received", &format!("from {server} by {server} with mapi; {}", date(now)));
    let author = mailbox(bag, PidTagSentRepresentingName, PidTagSentRepresentingSmtpAddress);
    let sender = mailbox(bag, PidTagSenderName, PidTagSenderSmtpAddress);
    line(&mut out, "From", &author);
    if sender != author {
        line(&mut out, "Sender", &sender);
    }
    for (kind, name) in [(1, "To"), (2, "Cc"), (3, "Bcc")] {
        let list: Vec<String> = content
            .recipients
            .iter()
            .filter(|row| row.integer(PidTagRecipientType) == Some(kind))
            .map(|row| mailbox(row, PidTagDisplayName, PidTagSmtpAddress))
            .collect();
        if !list.is_empty() {
            line(&mut out, name, &list.join(",\r\n\t"));
        }
    }
    let answers = bag.binary(PidTagReplyRecipientEntries).map(reply_to).unwrap_or_default();
    if !answers.is_empty() {
        line(&mut out, "Reply-To", &answers.join(", "));
    }
    let subject = format!(
        "{}{}",
        bag.text(PidTagSubjectPrefix).unwrap_or_default(),
        bag.text(PidTagNormalizedSubject).unwrap_or_default()
    );
    line(&mut out, "Subject", &encoded(&subject));
    line(&mut out, "Date", &date(bag.time(PidTagClientSubmitTime).unwrap_or(now)));
    let texts: [(&str, PropertyTag); 3] = [
        ("Message-ID", PidTagInternetMessageId),
        ("In-Reply-To", PidTagInReplyToId),
        ("References", PidTagInternetReferences),
    ];
    for (name, tag) in texts {
        if let Some(text) = bag.text(tag) {
            line(&mut out, name, text);
        }
    }
    match bag.integer(PidTagImportance) {
        Some(0) => line(&mut out, "Importance", "low"),
        Some(2) => line(&mut out, "Importance", "high"),
        _ => {}
    }
    for (key, value) in bag.iter() {
        if let (PropertyKey::Named(name, _), PropertyValue::String(text)) = (key, value)
            && name.guid == property_set::PS_INTERNET_HEADERS
            && let Some(NamedId::Name(name)) = &name.id
        {
            line(&mut out, name, &encoded(text));
        }
    }
    line(&mut out, "MIME-Version", "1.0");
    out
}

/// `time` as [RFC 5322] 3.3 writes it, in UTC.
pub fn date(time: FileTime) -> String {
    let Calendar { year, month, day, weekday, hour, minute, second } = calendar(time);
    let pick = |names: &'static str, index: u8| {
        let at = usize::from(index) * 3;
        names.get(at..at + 3).unwrap_or("???")
    };
    let weekday = pick("SunMonTueWedThuFriSat", weekday);
    let month = pick("JanFebMarAprMayJunJulAugSepOctNovDec", month.saturating_sub(1));
    format!("{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} +0000")
}

fn line(out: &mut String, name: &str, value: &str) {
    // A line break inside a value would start another header.
    let safe: String = match name {
        "To" | "Cc" | "Bcc" => value.to_owned(),
        _ => value.chars().filter(|c| !matches!(c, '\r' | '\n')).collect(),
    };
    out.push_str(name);
    out.push_str(": ");
    out.push_str(&safe);
    out.push_str("\r\n");
}

fn mailbox(bag: &PropertyBag, name: PropertyTag, address: PropertyTag) -> String {
    let address = bag.text(address).unwrap_or_default();
    let name: String = bag.text(name).unwrap_or_default().chars().filter(|c| !c.is_control()).collect();
    if name.is_empty() || name == address {
        return format!("<{address}>");
    }
    if !name.is_ascii() {
        return format!("{} <{address}>", encoded(&name));
    }
    format!("\"{}\" <{address}>", name.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Whom to answer: the one-off entries of a FlatEntryList ([MS-OXCDATA] 2.3.3).
fn reply_to(list: &[u8]) -> Vec<String> {
    let mut out = Vec::new();
    let mut rest = list.get(8..).unwrap_or_default();
    while let Some((size, after)) = rest.split_first_chunk::<4>() {
        let size = usize::try_from(u32::from_le_bytes(*size)).unwrap_or(usize::MAX);
        let Some(entry) = after.get(..size) else { break };
        if let Ok(EntryId::OneOff(entry)) = EntryId::decode(entry) {
            let name = PropertyValue::String(entry.display_name);
            let address = PropertyValue::String(entry.email_address);
            let bag = PropertyBag::from_iter([(PidTagDisplayName, name), (PidTagSmtpAddress, address)]);
            out.push(mailbox(&bag, PidTagDisplayName, PidTagSmtpAddress));
        }
        rest = after.get(size.next_multiple_of(4)..).unwrap_or_default();
    }
    out
}

/// Text as [RFC 2047] encoded words if it is not plain ASCII.
fn encoded(text: &str) -> String {
    if text.is_ascii() {
        return text.to_owned();
    }
    let mut words = vec![String::new()];
    for c in text.chars() {
        if words.last().is_some_and(|word| word.len() + c.len_utf8() > 42) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.push(c);
        }
    }
    words.iter().map(|word| format!("=?utf-8?B?{}?=", STANDARD.encode(word))).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_the_calendar() {
        assert_eq!(date(FileTime::from_unix_seconds(0)), "Thu, 01 Jan 1970 00:00:00 +0000");
        assert_eq!(date(FileTime::from_unix_seconds(951_782_400)), "Tue, 29 Feb 2000 00:00:00 +0000");
        assert_eq!(date(FileTime::from_unix_seconds(1_767_225_599)), "Wed, 31 Dec 2025 23:59:59 +0000");
    }

    #[test]
    fn values_cannot_start_headers() {
        let mut out = String::new();
        line(&mut out, "Subject", "a\r\nBcc: x");
        assert_eq!(out, "Subject: aBcc: x\r\n");
        assert_eq!(encoded("Grüße"), "=?utf-8?B?R3LDvMOfZQ==?=");
    }
}
