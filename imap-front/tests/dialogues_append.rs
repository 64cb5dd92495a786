//! What APPEND takes: UTF8=ACCEPT (RFC 6855, RFC 9755), BINARY (RFC 3516), MULTIAPPEND (RFC 3502).

#![allow(clippy::unwrap_used)]

mod support;
#[path = "support/dialogue.rs"]
mod support_dialogue;

use std::sync::Arc;

use futures::{FutureExt, StreamExt};
use imap_front::store::{FolderStore, StoreError};
use mail_core::{FetchNeed, FlagSet};
use support::Memory;
use support_dialogue::Dialogue;

/// A message as the store has it.
fn content(store: &Arc<Memory>, folder: &str, uid: u32) -> Vec<u8> {
    let folder = store.folder(folder);
    let mut messages = folder.fetch(vec![uid], FetchNeed::Full).now_or_never().unwrap().unwrap();
    let (_, message) = messages.next().now_or_never().unwrap().unwrap();
    message.unwrap().content.into_message().bytes().to_vec()
}

/// A literal that the client does not wait for.
fn literal(content: &str) -> String {
    format!("{{{}+}}\r\n{content}", content.len())
}

#[test]
fn mailbox_names_are_utf8_once_enabled() {
    let store = Memory::new();
    store.add("Entw\u{fc}rfe & mehr", None);
    let mut dialogue = Dialogue::logged_in(store.clone());
    let list = |dialogue: &mut Dialogue| dialogue.say("a LIST \"\" \"Entw%\"\r\n");
    assert!(list(&mut dialogue).starts_with("* LIST (\\HasNoChildren) \"/\" \"Entw&APw-rfe &- mehr\"\r\n"));
    assert_eq!(dialogue.say("b ENABLE UTF8=ACCEPT\r\n"), "* ENABLED UTF8=ACCEPT\r\nb OK ENABLE completed\r\n");
    assert!(list(&mut dialogue).starts_with("* LIST (\\HasNoChildren) \"/\" \"Entw\u{fc}rfe & mehr\"\r\n"));
    assert!(
        dialogue.say("c LSUB \"\" \"Entw\u{fc}%\"\r\n").starts_with("* LSUB () \"/\" \"Entw\u{fc}rfe & mehr\"\r\n")
    );
    assert_eq!(
        dialogue.say("d STATUS \"Entw\u{fc}rfe & mehr\" (MESSAGES)\r\n"),
        "* STATUS \"Entw\u{fc}rfe & mehr\" (MESSAGES 0)\r\nd OK STATUS completed\r\n"
    );
    assert!(dialogue.say("e SELECT \"Entw\u{fc}rfe & mehr\"\r\n").contains("e OK [READ-WRITE]"));
    // Modified UTF-7 is none any more.
    assert!(dialogue.say("f STATUS \"Entw&APw-rfe &- mehr\" (MESSAGES)\r\n").starts_with("f NO [NONEXISTENT] "));
    assert_eq!(dialogue.say("g CREATE \"A&-\u{e9}\"\r\n"), "g OK [MAILBOXID (FQSYtw6k)] CREATE completed\r\n");
    assert_eq!(store.calls.lock().unwrap().last().unwrap(), "create A&-\u{e9}");
    for bad in [&b"h CREATE \"\xe9\"\r\n"[..], b"h CREATE {1+}\r\n\xe9\r\n", b"h LIST \"\" \"\xe9\"\r\n"] {
        assert!(dialogue.say_bytes(bad).starts_with("h BAD "), "{bad:?}");
    }
    assert!(dialogue.say("i CREATE \"a\u{85}\"\r\n").starts_with("i BAD "));
}

#[test]
fn texts_are_quoted_in_utf8_once_enabled() {
    let store = Memory::new();
    store.folder("INBOX").deliver("Subject: gr\u{fc}n\r\n\r\n\r\n");
    let mut dialogue = Dialogue::selected(store, "INBOX");
    let subject = |dialogue: &mut Dialogue| dialogue.say("a FETCH 1 ENVELOPE\r\n");
    assert!(subject(&mut dialogue).contains("(NIL {5}\r\ngr\u{fc}n NIL"));
    dialogue.say("b ENABLE UTF8=ACCEPT\r\n");
    assert!(subject(&mut dialogue).contains("(NIL \"gr\u{fc}n\" NIL"));
    // What is fetched of a header is its bytes.
    assert!(dialogue.say("c FETCH 1 BODY.PEEK[HEADER]\r\n").contains("{18}\r\nSubject: gr\u{fc}n\r\n\r\n"));
}

#[test]
fn charsets_contradict_utf8() {
    let store = Memory::new();
    store.folder("INBOX").deliver("Subject: gr\u{fc}n\r\n\r\n\r\n");
    let mut dialogue = Dialogue::selected(store, "INBOX");
    assert!(dialogue.say("a SEARCH CHARSET UTF-8 ALL\r\n").contains("a OK "));
    dialogue.say("b ENABLE UTF8=ACCEPT\r\n");
    assert!(dialogue.say("c SEARCH CHARSET UTF-8 ALL\r\n").starts_with("c BAD "));
    assert!(dialogue.say("d SORT (DATE) US-ASCII ALL\r\n").starts_with("d BAD "));
    assert_eq!(dialogue.say("e SORT (DATE) utf-8 ALL\r\n"), "* SORT 1\r\ne OK SORT completed\r\n");
    assert_eq!(dialogue.say("f SEARCH SUBJECT \"GR\u{dc}N\"\r\n"), "* SEARCH 1\r\nf OK SEARCH completed\r\n");
}

#[test]
fn messages_are_said_to_be_utf8() {
    let store = Memory::new();
    let mut dialogue = Dialogue::logged_in(store.clone());
    let message = "Subject: gr\u{fc}n\r\n\r\nbody\r\n";
    let append = format!("a APPEND INBOX (\\Seen) UTF8 (~{})\r\n", literal(message));
    assert_eq!(dialogue.say(&append), "a NO [CANNOT] Enable UTF8=ACCEPT first\r\n");
    dialogue.say("b ENABLE UTF8=ACCEPT\r\n");
    assert_eq!(dialogue.say(&append), "a OK [APPENDUID 7 1] APPEND completed\r\n");
    assert_eq!(content(&store, "INBOX", 1), message.as_bytes());
    // A large one comes apart.
    let large = format!("{message}{}", "\u{fc}".repeat(50_000));
    let append = format!("c APPEND INBOX UTF8 (~{})\r\n", literal(&large));
    assert_eq!(dialogue.say(&append), "c OK [APPENDUID 7 2] APPEND completed\r\n");
    assert_eq!(content(&store, "INBOX", 2), large.as_bytes());
    // One that waits.
    assert_eq!(dialogue.say("d APPEND INBOX UTF8 (~{6}\r\n"), "+ Ready for literal data\r\n");
    assert!(dialogue.say("A: b\r\n)\r\n").starts_with("d OK "));
}

const PARTS: &str = "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/plain\r\n\
    Content-Transfer-Encoding: quoted-printable\r\n\r\na=3Db\r\n--x\r\nContent-Type: application/octet-stream\r\n\
    Content-Transfer-Encoding: base64\r\n\r\nAAEC\r\n--x\r\nContent-Transfer-Encoding: x-own\r\n\r\n?\r\n--x\r\n\
    Content-Type: message/rfc822\r\n\r\nSubject: in\r\nContent-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n--x--\r\n";

#[test]
fn parts_are_decoded() {
    let store = Memory::new();
    let folder = store.folder("INBOX");
    folder.deliver(PARTS);
    folder.recent.claim(7, 2);
    let mut dialogue = Dialogue::selected(store, "INBOX");
    assert_eq!(
        dialogue
            .say("a FETCH 1 (BINARY.PEEK[1] BINARY.SIZE[2] binary.peek[2]<1.5> BINARY.PEEK[4.1] BINARY.PEEK[7])\r\n"),
        "* 1 FETCH (BINARY[1] {3}\r\na=b BINARY.SIZE[2] 3 BINARY[2]<1> {2}\r\n\u{1}\u{2} BINARY[4.1] {5}\r\nhello \
         BINARY[7] NIL)\r\na OK FETCH completed\r\n"
    );
    assert_eq!(
        dialogue.say("b UID FETCH 1 BINARY[2]\r\n"),
        "* 1 FETCH (UID 1 BINARY[2] ~{3}\r\n\0\u{1}\u{2})\r\n* 1 FETCH (UID 1 FLAGS (\\Seen))\r\nb OK FETCH completed\r\n"
    );
    // What consists of parts, and the message itself, have no encoding.
    let whole = dialogue.say("c FETCH 1 (BINARY.SIZE[] BINARY.PEEK[] BINARY.SIZE[4])\r\n");
    let size = PARTS.len();
    assert!(whole.starts_with(&format!("* 1 FETCH (BINARY.SIZE[] {size} BINARY[] {{{size}}}\r\n")), "{whole}");
    assert!(whole.contains(" BINARY.SIZE[4] 58)\r\n"), "{whole}");
    for bad in ["BINARY[HEADER]", "BINARY[1.MIME]", "BINARY.SIZE[1]<0.5>", "BINARY", "BINARY[1]<0.0>"] {
        assert!(dialogue.say(&format!("d FETCH 1 {bad}\r\n")).starts_with("d BAD "), "{bad}");
    }
}

#[test]
fn unknown_encodings_are_told() {
    let store = Memory::new();
    let folder = store.folder("INBOX");
    folder.deliver(PARTS);
    folder.deliver("Subject: x\r\n\r\nplain");
    // Larger than what is taken apart at once.
    folder.deliver(format!("{PARTS}{}", "y".repeat(100_000)));
    folder.recent.claim(7, 4);
    let mut dialogue = Dialogue::selected(store.clone(), "INBOX");
    for item in ["BINARY[3]", "BINARY.SIZE[3]"] {
        for number in [1, 3] {
            assert_eq!(
                dialogue.say(&format!("a FETCH {number} ({item} FLAGS)\r\n")),
                "a NO [UNKNOWN-CTE] The encoding of a part is not known\r\n"
            );
        }
    }
    // Others are shown, and only what is shown becomes seen.
    assert_eq!(
        dialogue.say("b UID FETCH 1:3 (BINARY[3] BODY[])\r\n"),
        "* 2 FETCH (UID 2 BINARY[3] NIL BODY[] {19}\r\nSubject: x\r\n\r\nplain)\r\n* 2 FETCH (UID 2 FLAGS (\\Seen))\r\n\
         b NO [UNKNOWN-CTE] The encoding of a part is not known\r\n"
    );
    assert!(dialogue.say("c FETCH 3 BINARY.PEEK[2]\r\n").contains("BINARY[2] ~{3}\r\n\0"));
}

#[test]
fn binary_messages_are_encoded() {
    let store = Memory::new();
    let mut dialogue = Dialogue::logged_in(store.clone());
    let message = "MIME-Version: 1.0\r\nContent-Transfer-Encoding: BINARY\r\n\r\n\0\u{1}\u{2}";
    assert_eq!(
        dialogue.say(&format!("a APPEND INBOX ~{}\r\n", literal(message))),
        "a OK [APPENDUID 7 1] APPEND completed\r\n"
    );
    let encoded = b"MIME-Version: 1.0\r\nContent-Transfer-Encoding: base64\r\n\r\nAAEC\r\n";
    assert_eq!(content(&store, "INBOX", 1), encoded);
    // Without NUL it stays as it is, and in a literal there is none.
    assert!(dialogue.say(&format!("b APPEND INBOX ~{}\r\n", literal("A: b\r\n\r\nx"))).starts_with("b OK "));
    assert_eq!(content(&store, "INBOX", 2), b"A: b\r\n\r\nx");
    assert_eq!(
        dialogue.say(&format!("c APPEND INBOX {}\r\n", literal(message))),
        "c NO [CANNOT] The message contains NUL\r\n"
    );
    let large = format!("{message}{}", "\0".repeat(100_000));
    assert_eq!(
        dialogue.say(&format!("d APPEND INBOX {}\r\n", literal(&large))),
        "d NO [CANNOT] The message contains NUL\r\n"
    );
    assert!(dialogue.say(&format!("e APPEND INBOX ~{}\r\n", literal(&large))).starts_with("e OK [APPENDUID 7 3]"));
    assert!(!content(&store, "INBOX", 3).contains(&0));
    for nowhere in ["Subject: \0\r\n\r\n", "\0"] {
        let answer = dialogue.say(&format!("f APPEND INBOX ~{}\r\n", literal(nowhere)));
        assert!(answer.starts_with("f NO ["), "{answer}");
    }
    assert_eq!(store.folder("INBOX").messages().len(), 3);
}

#[test]
fn several_messages_in_one_command() {
    let store = Memory::new();
    let mut dialogue = Dialogue::logged_in(store.clone());
    let (one, two) = ("Subject: 1\r\n\r\none\r\n", format!("Subject: 2\r\n\r\n{}\r\n", "two".repeat(40_000)));
    let three = "Subject: 3\r\nContent-Transfer-Encoding: binary\r\n\r\n\0";
    let command = format!(
        "a APPEND INBOX (\\Seen) \" 7-Feb-1994 22:43:04 -0800\" {} (\\Flagged)  {} ~{}\r\n",
        literal(one),
        literal(&two),
        literal(three)
    );
    assert_eq!(dialogue.say(&command), "a OK [APPENDUID 7 1:3] APPEND completed\r\n");
    assert_eq!(content(&store, "INBOX", 1), one.as_bytes());
    assert_eq!(content(&store, "INBOX", 2), two.as_bytes());
    assert!(content(&store, "INBOX", 3).ends_with(b"\r\n\r\nAA==\r\n"));
    let calls = store.calls.lock().unwrap();
    assert!(calls[0].ends_with(" Some(760689784)") && calls[1].ends_with(" None"), "{calls:?}");
    let flags: Vec<_> = store.folder("INBOX").messages().iter().map(|row| row.flags).collect();
    assert_eq!(flags, [FlagSet::SEEN, FlagSet::FLAGGED, FlagSet::EMPTY]);
}

#[test]
fn nothing_is_stored_unless_all_can_be() {
    let store = Memory::new();
    let folder = store.folder("INBOX");
    let mut dialogue = Dialogue::selected(store.clone(), "INBOX");
    let good = literal("Subject: 1\r\n\r\none\r\n");
    // What is seen beforehand.
    for bad in ["{0+}\r\n", "{1+}\r\n\0", &literal("A: b\r\n\r\n\0")] {
        let answer = dialogue.say(&format!("a APPEND INBOX {good} {good} {bad}\r\n"));
        assert!(answer.starts_with("a NO [CANNOT] "), "{answer}");
    }
    assert!(store.calls.lock().unwrap().is_empty());
    let large = "x".repeat(40 << 20);
    let answer = dialogue.say(&format!("b APPEND INBOX {good} {{{}}}\r\n", large.len()));
    assert_eq!(answer, "b NO [TOOBIG] message too large\r\n");
    // What is seen only when the first is stored.
    let answer = dialogue.say(&format!("c APPEND INBOX {good} {good} ~{}\r\n", literal("A: \0\r\n\r\n")));
    assert_eq!(answer, "c NO [UNKNOWN-CTE] The message contains NUL where it can't be encoded\r\n");
    assert!(folder.messages().is_empty());
    *folder.fail_append_after.lock().unwrap() = Some((1, StoreError::OverQuota("full".to_owned())));
    let answer = dialogue.say(&format!("d APPEND INBOX {good} {good} {good}\r\n"));
    assert_eq!(answer, "d NO [OVERQUOTA] full\r\n");
    assert!(folder.messages().is_empty());
    // What can't be taken back is told.
    *folder.fail_append_after.lock().unwrap() = Some((2, StoreError::OverQuota("full".to_owned())));
    *folder.fail_expunge.lock().unwrap() = Some(StoreError::Unavailable("away".to_owned()));
    let answer = dialogue.say(&format!("e APPEND INBOX {good} {good} {good}\r\n"));
    assert!(
        answer.ends_with("e NO [OVERQUOTA] 2 of the messages were stored all the same, then: full\r\n"),
        "{answer}"
    );
    assert_eq!(folder.messages().len(), 2);
}

#[test]
fn what_was_refused_leaves_nothing_behind() {
    let store = Memory::new();
    let mut dialogue = Dialogue::logged_in(store.clone());
    let large = literal(&format!("A: b\r\n\r\n{}", "x".repeat(100_000)));
    let answer = dialogue.say(&format!("a APPEND INBOX {large} {{99999999}}\r\n"));
    assert_eq!(answer, "a NO [TOOBIG] message too large\r\n");
    assert!(dialogue.say(&format!("b APPEND INBOX {}\r\n", literal("Subject: 1\r\n\r\n"))).starts_with("b OK "));
    assert_eq!(content(&store, "INBOX", 1), b"Subject: 1\r\n\r\n");
}
