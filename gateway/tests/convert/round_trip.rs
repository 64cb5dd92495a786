//! MIME to MAPI to MIME keeps what people see.

use gateway::convert::mime_to_mapi::{Purpose, parse};
use mail_core::{FlagSet, Keywords};
use mapi_core::message::MessageContent;
use mapi_core::property::{FileTime, tags};

use crate::corpus::{corpus, verbatim};
use crate::observe::{Observed, observe};
use crate::support::{raw_rendered, read, rendered};

fn appended(message: &[u8], flags: FlagSet) -> MessageContent {
    let keywords = Keywords::EMPTY;
    parse(&read(message), Purpose::Append { flags, keywords: &keywords, internal_date: FileTime(0) })
        .expect("few recipients")
}

#[test]
fn the_corpus_comes_back() {
    let corpus = corpus();
    assert!(corpus.len() >= 40);
    for (name, message) in &corpus {
        let before = observe(message);
        for flags in [FlagSet::SEEN, FlagSet::DRAFT] {
            let content = appended(message, flags);
            let out = rendered(&content);
            let after = observe(&out);
            let shown = || format!("{name}:\n{}", String::from_utf8_lossy(&out));
            assert_eq!(known(after.clone()), known(before.clone()), "{}", shown());
            // What was rendered is a fixed point.
            let again = rendered(&appended(&out, flags));
            assert_eq!(observe(&again), after, "{}", shown());
        }
    }
}

/// Message-IDs may be made up; everything else must be the same.
fn known(mut observed: Observed) -> Observed {
    if observed.message_id.is_none() {
        observed.message_id = Some("5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a@gateway.test".into());
    }
    observed
}

#[test]
fn signed_and_encrypted_messages_are_not_touched() {
    for (name, message, content) in verbatim() {
        let parsed = appended(&message, FlagSet::SEEN);
        let class = parsed.properties.text(tags::PidTagMessageClass).expect("set");
        assert!(class.starts_with("IPM.Note.SMIME"), "{name}");
        let out = raw_rendered(&parsed);
        let at = out.windows(content.len()).position(|window| window == content);
        assert!(at.is_some(), "{name}: {}", String::from_utf8_lossy(&out));
        assert_eq!(observe(&out).subject, observe(&message).subject);
    }
}

#[test]
fn a_multipart_without_its_end_is_read() {
    let message =
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b\r\nContent-Type: application/pdf; \
                    name=d.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\ncGRm\r\n";
    let content = appended(message, FlagSet::SEEN);
    assert_eq!(content.properties.text(tags::PidTagBody), Some("x"));
    assert_eq!(content.attachments[0].properties.binary(tags::PidTagAttachDataBinary), Some(&b"pdf"[..]));
}

#[test]
fn submissions_hide_what_is_hidden() {
    let message = b"From: Me <me@example.test>\r\nTo: a@example.test, b@example.test\r\nBcc: c@example.test\r\nSubject: s\r\n\
                    Message-ID: <m@x>\r\nX-Mailer: test\r\nReceived: from x\r\nX-MS-Exchange-Organization-SCL: -1\r\n\r\ntext\r\n";
    let own = ["ME@example.test".to_owned()];
    let envelope = ["a@example.test", "c@example.test"].map(String::from);
    let content =
        parse(&read(message), Purpose::Submit { own_addresses: &own, recipients: &envelope }).expect("few recipients");
    let rows: Vec<_> = content
        .recipients
        .iter()
        .map(|row| {
            (row.integer(tags::PidTagRecipientType).unwrap_or(0), row.text(tags::PidTagSmtpAddress).unwrap_or(""))
        })
        .collect();
    assert_eq!(rows, [(1, "a@example.test"), (3, "c@example.test")]);
    let bag = &content.properties;
    for absent in [
        tags::PidTagTransportMessageHeaders,
        tags::PidTagSenderEmailAddress,
        tags::PidTagSentRepresentingEmailAddress,
        tags::PidTagMessageFlags,
        tags::PidTagMessageDeliveryTime,
    ] {
        assert_eq!(bag.get(absent), None, "{absent}");
    }
    let named: Vec<_> =
        bag.iter().filter(|(key, _)| matches!(key, mapi_core::property::PropertyKey::Named(..))).collect();
    assert_eq!(named.len(), 1, "{named:?}");
    let other =
        parse(&read(message), Purpose::Submit { own_addresses: &[], recipients: &envelope }).expect("few recipients");
    assert_eq!(other.properties.text(tags::PidTagSentRepresentingEmailAddress), Some("me@example.test"));
    assert_eq!(other.properties.get(tags::PidTagSenderEmailAddress), None);
}
