use std::io;
use std::time::SystemTime;

use chrono::{DateTime, Utc};
use mail_core::message::{Field, Fields, Mailbox, Message};
use mail_core::spool::SpooledMessage;
use smtp_front::submit::SubmitError;

use crate::config::SenderPolicy;
use crate::convert::mapi_to_mime::phrase;
use crate::convert::mime_to_mapi::LIMITS;

/// What is done to the header of a submitted message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderRule {
    /// The mailbox that sends.
    pub mailbox: String,
    /// What is done about another sender in it.
    pub sender: SenderPolicy,
}

/// Reads a message and gives it what is missing in its header: From, Date and Message-ID (RFC 6409 8), and a header at all
/// if it has none. Blocks if the message lies in a file.
///
/// # Errors
/// [`SubmitError::SenderDenied`] if the rule says so, [`SubmitError::Internal`] if the message can't be read.
pub fn complete(message: SpooledMessage, rule: &HeaderRule) -> Result<Message, SubmitError> {
    let internal = |error: io::Error| {
        tracing::error!(%error, "a message that was taken in can't be read");
        SubmitError::Internal("internal error".to_owned())
    };
    let message = Message::within(message.into_bytes().map_err(internal)?, LIMITS);
    let Edit { added, senders_go } = Header::of(&message).edit(rule, SystemTime::now(), rand::random())?;
    if added.is_empty() && !senders_go {
        return Ok(message);
    }
    let goes = |line: &[u8]| senders_go && Field::of(line).is_some_and(|field| field.is("From") || field.is("Sender"));
    Ok(message.amended(added.as_bytes(), goes))
}

/// What matters of a header here.
struct Header<'a> {
    /// All its fields: also those are seen that come after millions of others.
    fields: Fields<'a>,
    /// Whether the message begins with something that is neither a field nor the empty line before the body. Then all of it
    /// is body.
    missing: bool,
    /// Whether there is nothing at all.
    empty: bool,
}

/// What makes a header good.
struct Edit {
    /// Lines that come at the start.
    added: String,
    /// From and Sender go.
    senders_go: bool,
}

impl<'a> Header<'a> {
    fn of(message: &'a Message) -> Self {
        let fields = message.fields();
        let missing = fields.lines().next().is_some_and(|line| Field::of(line).is_none());
        let fields = if missing { Fields::default() } else { fields };
        Self { fields, missing, empty: message.bytes().is_empty() }
    }

    fn edit(&self, rule: &HeaderRule, now: SystemTime, random: [u8; 16]) -> Result<Edit, SubmitError> {
        let mut added = String::new();
        let mut senders_go = false;
        let found = Found::among(self.fields);
        let own = |address: &str| address.eq_ignore_ascii_case(&rule.mailbox);
        let foreign = found.senders.iter().any(|sender| !own(&sender.address));
        match rule.sender {
            SenderPolicy::Reject if foreign => {
                return Err(SubmitError::SenderDenied(format!("this device sends as {} only", rule.mailbox)));
            }
            SenderPolicy::Rewrite if foreign || found.senders.len() != 1 => {
                senders_go = true;
                let name = found.senders.first().map(|sender| &sender.name[..]).unwrap_or_default();
                added.push_str(&format!("From: {}<{}>\r\n", before_address(name), rule.mailbox));
                let original = found.from.filter(|_| foreign);
                if let (Some(original), false) = (original, found.reply_to) {
                    added.push_str("Reply-To:");
                    added.push_str(&String::from_utf8_lossy(original.value));
                    if !added.ends_with("\r\n") {
                        added.push_str("\r\n");
                    }
                }
            }
            _ if found.from.is_none() => added.push_str(&format!("From: <{}>\r\n", rule.mailbox)),
            _ => {}
        }
        if !found.date {
            added.push_str(&format!("Date: {}\r\n", DateTime::<Utc>::from(now).to_rfc2822()));
        }
        if !found.message_id {
            let domain = rule.mailbox.rsplit_once('@').map_or("localhost", |(_, domain)| domain);
            added.push_str(&format!("Message-ID: <{:032x}@{domain}>\r\n", u128::from_be_bytes(random)));
        }
        if self.missing || self.empty {
            added.push_str("\r\n");
        }
        Ok(Edit { added, senders_go })
    }
}

/// What of the fields that matter is there.
#[derive(Default)]
struct Found<'a> {
    /// The first From.
    from: Option<Field<'a>>,
    /// Everybody in all From fields.
    senders: Vec<Mailbox>,
    reply_to: bool,
    date: bool,
    message_id: bool,
}

impl<'a> Found<'a> {
    fn among(fields: Fields<'a>) -> Self {
        let mut found = Self::default();
        for field in fields.iter() {
            if field.is("From") {
                found.from = found.from.or(Some(field));
                found.senders.extend(field.addressed());
            }
            found.reply_to |= field.is("Reply-To");
            found.date |= field.is("Date");
            found.message_id |= field.is("Message-ID");
        }
        found
    }
}

/// A display name as it can stand before an address, with a space behind it.
fn before_address(name: &str) -> String {
    let name: String = name.chars().filter(|letter| !letter.is_control()).take(100).collect();
    if name.is_empty() { name } else { phrase(&name) + " " }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;

    fn rule(sender: SenderPolicy) -> HeaderRule {
        HeaderRule { mailbox: "scan@example.test".to_owned(), sender }
    }

    fn completed(message: &str, sender: SenderPolicy) -> Result<String, SubmitError> {
        let completed = complete(Bytes::from(message.to_owned()).into(), &rule(sender))?;
        let text = String::from_utf8(completed.bytes().to_vec()).expect("UTF-8");
        // What differs from run to run is cut out.
        let line = |name: &str, line: &str| line.starts_with(name);
        let stable: Vec<&str> = text
            .split_inclusive("\r\n")
            .map(|text| match text {
                text if line("Date: ", text) && !text.contains("1970") => "Date\r\n",
                text if line("Message-ID: <", text) && text.ends_with("@example.test>\r\n") => "Message-ID\r\n",
                text => text,
            })
            .collect();
        Ok(stable.concat())
    }

    #[test]
    fn what_is_missing_is_added() {
        for (message, expected) in [
            (
                "Subject: x\r\n\r\nbody\r\n",
                "From: <scan@example.test>\r\nDate\r\nMessage-ID\r\nSubject: x\r\n\r\nbody\r\n",
            ),
            ("\r\nbody\r\n", "From: <scan@example.test>\r\nDate\r\nMessage-ID\r\n\r\nbody\r\n"),
            (
                "just text\r\nmore: x\r\n",
                "From: <scan@example.test>\r\nDate\r\nMessage-ID\r\n\r\njust text\r\nmore: x\r\n",
            ),
            ("", "From: <scan@example.test>\r\nDate\r\nMessage-ID\r\n\r\n"),
            ("FROM: scan@example.test\r\nDate: Thu, 1 Jan 1970 00:00:00 +0000\r\nmessage-id : <a@b>\r\n", ""),
        ] {
            let expected = if expected.is_empty() { message } else { expected };
            for policy in [SenderPolicy::Keep, SenderPolicy::Rewrite, SenderPolicy::Reject] {
                assert_eq!(completed(message, policy).as_deref(), Ok(expected), "{message:?}");
            }
        }
    }

    #[test]
    fn other_senders_by_rule() {
        let given = "Date: Thu, 1 Jan 1970 00:00:00 +0000\r\nMessage-ID: <a@b>\r\n";
        let message =
            format!("Sender: x@y\r\nFrom: \"Floor 2\"\r\n <copier@printer.local>\r\n{given}\r\nFrom: body\r\n");
        assert_eq!(completed(&message, SenderPolicy::Keep).as_deref(), Ok(message.as_str()));
        let rewritten = completed(&message, SenderPolicy::Rewrite).expect("taken");
        assert_eq!(
            rewritten,
            format!(
                "From: Floor 2 <scan@example.test>\r\nReply-To: \"Floor 2\"\r\n <copier@printer.local>\r\n{given}\r\nFrom: body\r\n"
            )
        );
        assert!(matches!(completed(&message, SenderPolicy::Reject), Err(SubmitError::SenderDenied(_))));
        let replied = format!("From: copier@printer.local\r\nReply-To: boss@example.test\r\n{given}\r\n");
        assert_eq!(
            completed(&replied, SenderPolicy::Rewrite),
            Ok(format!("From: <scan@example.test>\r\nReply-To: boss@example.test\r\n{given}\r\n"))
        );
        let nameless = format!("From: Scanner\r\n{given}\r\n");
        let rewritten = completed(&nameless, SenderPolicy::Rewrite).expect("taken");
        assert!(rewritten.contains("<scan@example.test>\r\n"), "{rewritten}");
    }

    #[test]
    fn names_are_encoded() {
        assert_eq!(before_address(""), "");
        assert_eq!(before_address("a \"b\" \\c"), "\"a \\\"b\\\" \\\\c\" ");
        assert_eq!(before_address("Büro\r\nX: y"), "=?utf-8?Q?B=C3=BCroX=3A_y?= ");
        assert!(before_address(&"ü".repeat(90)).split(' ').all(|word| word.len() <= 75));
    }

    #[test]
    fn any_number_of_fields_is_taken() {
        let many = "a:\r\n".repeat(1 << 16) + &"From: x@y\r\n b\r\n".repeat(1 << 12);
        let given = "Date: Thu, 1 Jan 1970 00:00:00 +0000\r\nMessage-ID: <a@b>\r\n";
        let rewritten = completed(&format!("{given}{many}\r\nbody"), SenderPolicy::Rewrite).expect("taken");
        let head = "From: b <scan@example.test>\r\nReply-To: x@y\r\n b\r\n";
        assert_eq!(rewritten, format!("{head}{given}{}\r\nbody", "a:\r\n".repeat(1 << 16)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn bodies_are_kept_and_headers_made_once(
            header in "((From|Date|X-A|Sender): [a-z@\" ,<>é]{0,12}\r\n( [a-z]{0,4}\r\n)?){0,4}", body in "[a-z:\r\n ]{0,40}") {
            let message = format!("{header}\r\n{body}");
            let once = complete(Bytes::from(message).into(), &rule(SenderPolicy::Rewrite)).expect("taken");
            let end = format!("\r\n\r\n{body}");
            let once = once.bytes().clone();
            prop_assert!(once.ends_with(end.as_bytes()));
            let twice = complete(once.clone().into(), &rule(SenderPolicy::Reject)).expect("taken");
            prop_assert_eq!(twice.bytes(), &once);
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = complete(Bytes::from(bytes).into(), &rule(SenderPolicy::Rewrite));
        }
    }
}
