//! CATENATE (RFC 4469).

#![allow(clippy::unwrap_used)]

mod support;
#[path = "support/dialogue.rs"]
mod support_dialogue;

use std::sync::Arc;

use imap_front::frame::FrameLimits;
use imap_front::session::{Limits, SessionConfig};
use mail_core::FlagSet;
use support::Memory;
use support_dialogue::Dialogue;

const MESSAGE: &str = "From: a@example.test\r\nSubject: original\r\nMIME-Version: 1.0\r\n\
    Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntext\r\n--b\r\nContent-Type: image/gif\r\n\r\nGIF\r\n--b--\r\n";

fn store() -> Arc<Memory> {
    let store = Memory::new();
    store.folder("INBOX").deliver(MESSAGE);
    store.add("Drafts", None);
    store
}

/// What the newest message of the drafts is.
fn newest(dialogue: &mut Dialogue) -> String {
    let selected = dialogue.say("s SELECT Drafts\r\n");
    assert!(selected.contains("s OK "), "{selected}");
    let shown = dialogue.say("f UID FETCH * BODY.PEEK[]\r\n");
    let (_, literal) = shown.split_once("}\r\n").unwrap();
    literal.rsplit_once(")\r\nf OK").unwrap().0.to_owned()
}

#[test]
fn a_message_is_put_together() {
    let mut dialogue = Dialogue::logged_in(store());
    let header = "Subject: forwarded\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\n";
    let command = format!(
        "a APPEND Drafts (\\Seen \\Draft) CATENATE (TEXT {{{}+}}\r\n{header} URL \"/INBOX;UIDVALIDITY=7/;UID=1/;SECTION=1\" \
         TEXT {{7+}}\r\n\r\n--c\r\n URL \"/inbox/;uid=1/;section=2.MIME\" URL /INBOX/;UID=1/;SECTION=2 TEXT {{9+}}\r\n\r\n--c--\r\n)\r\n",
        header.len()
    );
    let answer = dialogue.say(&command);
    assert_eq!(answer, "a OK [APPENDUID 7 1] APPEND completed\r\n");
    assert_eq!(
        newest(&mut dialogue),
        format!("{header}text\r\n--c\r\nContent-Type: image/gif\r\n\r\nGIF\r\n--c--\r\n")
    );
    let flags = dialogue.store.folder("Drafts").messages()[0].flags;
    assert!(flags.contains(FlagSet::SEEN) && flags.contains(FlagSet::DRAFT));
}

#[test]
fn the_whole_and_pieces() {
    let mut dialogue = Dialogue::logged_in(store());
    for (url, expected) in [
        ("/INBOX/;UID=1", MESSAGE.to_owned()),
        ("/INBOX/;UID=1/;PARTIAL=6.14", "a@example.test".to_owned()),
        ("/INBOX/;UID=1/;SECTION=HEADER.FIELDS%20(SUBJECT)", "Subject: original\r\n\r\n".to_owned()),
        ("/INBOX/;UID=1/;SECTION=1/;PARTIAL=2", "xt".to_owned()),
        ("/INBOX/;UID=1/;SECTION=1/;PARTIAL=1.99999999999", "ext".to_owned()),
    ] {
        let answer = dialogue.say(&format!("a APPEND Drafts CATENATE (URL \"{url}\")\r\n"));
        assert!(answer.contains("a OK [APPENDUID "), "{url}: {answer}");
        assert_eq!(newest(&mut dialogue), expected, "{url}");
    }
    assert!(
        dialogue.say("a APPEND Drafts CATENATE (URL \"/INBOX/;UID=1/;PARTIAL=9999\")\r\n").contains("a NO [CANNOT] ")
    );
}

#[test]
fn what_a_url_does_not_name() {
    let store = store();
    store.add_with("closed", None, false, true, false);
    let mut dialogue = Dialogue::logged_in(store);
    for url in [
        "/INBOX;UIDVALIDITY=8/;UID=1",
        "/INBOX/;UID=2",
        "/nowhere/;UID=1",
        "/closed/;UID=1",
        "/INBOX/;UID=1/;SECTION=3",
        "/INBOX/;UID=1/;SECTION=1.HEADER",
        "imap://host/INBOX/;UID=1",
        "/INBOX",
        "/INBOX/;UID=1/;URLAUTH=anonymous:internal",
    ] {
        // RFC 4469 3: all of a command or none of it.
        let answer =
            dialogue.say(&format!("a APPEND Drafts {{2+}}\r\nab CATENATE (TEXT {{1+}}\r\nx URL \"{url}\")\r\n"));
        assert!(answer.starts_with(&format!("a NO [BADURL \"{url}\"] ")), "{answer}");
        assert!(dialogue.store.folder("Drafts").messages().is_empty(), "{url}");
    }
    let injected = dialogue.say("a APPEND Drafts CATENATE (URL {9+}\r\n/x]\r\n* BY)\r\n");
    assert!(injected.starts_with("a NO [BADURL \"/x???*?BY\"] "), "{injected}");
    assert!(dialogue.say("a APPEND nowhere CATENATE (URL /INBOX/;UID=1)\r\n").starts_with("a NO [TRYCREATE] "));
    assert!(dialogue.say("a APPEND Drafts CATENATE (X)\r\n").starts_with("a BAD "));
}

#[test]
fn sizes_are_bounded_and_large_texts_come_apart() {
    let store = store();
    let after_login = FrameLimits { literals: 16, append: 300, ..Limits::default().after_login };
    let config = SessionConfig { limits: Limits { after_login, ..Limits::default() }, ..SessionConfig::default() };
    let mut dialogue = Dialogue::new(store, config, true);
    dialogue.say("l LOGIN alice secret\r\n");
    let large = "y".repeat(100);
    let text = format!("TEXT {{100+}}\r\n{large}");
    let answer = dialogue.say(&format!("a APPEND Drafts CATENATE ({text} TEXT {{1+}}\r\nz {text})\r\n"));
    assert!(answer.contains("a OK "), "{answer}");
    assert_eq!(newest(&mut dialogue), format!("{large}z{large}"));
    let answer = dialogue.say(&format!("a APPEND Drafts CATENATE ({text} {text} {text})\r\n"));
    assert!(answer.contains("a OK "), "{answer}");
    let answer = dialogue.say(&format!("a APPEND Drafts CATENATE ({text} {text} {text} TEXT {{1+}}\r\nz)\r\n"));
    assert!(answer.contains("a NO [TOOBIG] "), "{answer}");
    let answer = dialogue.say(&format!("a APPEND Drafts CATENATE ({text} {text} URL /INBOX/;UID=1)\r\n"));
    assert!(answer.contains("a NO [TOOBIG] "), "{answer}");
    assert_eq!(dialogue.store.folder("Drafts").messages().len(), 2);
}

#[test]
fn texts_with_nul_and_in_utf8() {
    let mut dialogue = Dialogue::logged_in(store());
    let nul = |form: &str| format!("a APPEND Drafts CATENATE (TEXT {form}{{21+}}\r\nSubject: n\r\n\r\nnul \0\r\n)\r\n");
    assert!(dialogue.say(&nul("")).starts_with("a NO [CANNOT] "));
    assert!(dialogue.say(&nul("~")).starts_with("a OK "));
    assert!(newest(&mut dialogue).contains("base64"));
    let utf8 = "a APPEND Drafts CATENATE (URL /INBOX/;UID=1/;SECTION=1 UTF8 (~{2+}\r\n\u{e9}))\r\n";
    assert!(dialogue.say(utf8).contains("a NO [CANNOT] "));
    dialogue.say("e ENABLE UTF8=ACCEPT\r\n");
    assert!(dialogue.say(utf8).contains("a OK "));
    assert_eq!(newest(&mut dialogue), "text\u{e9}");
}

#[test]
fn it_replaces_a_draft() {
    let mut dialogue = Dialogue::selected(store(), "INBOX");
    let answer = dialogue
        .say("a UID REPLACE 1 INBOX CATENATE (TEXT {14+}\r\nSubject: new\r\n URL /INBOX/;UID=1/;SECTION=TEXT)\r\n");
    assert!(answer.contains("a OK "), "{answer}");
    let messages = dialogue.store.folder("INBOX").messages();
    assert_eq!(messages.iter().map(|row| row.uid).collect::<Vec<_>>(), [2]);
}
