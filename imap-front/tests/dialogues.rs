//! Dialogues in which clients do what they do beside the plain way: names and messages that are gone, flags and charsets
//! that are not known, several sessions in a folder.

#![allow(clippy::unwrap_used)]

mod support;
#[path = "support/dialogue.rs"]
mod support_dialogue;

use std::sync::Arc;

use imap_front::store::StoreError;
use mail_core::{FlagSet, SpecialUse};
use support::Memory;
use support_dialogue::Dialogue;

fn inbox(messages: usize) -> Arc<Memory> {
    let store = Memory::new();
    for number in 1..=messages {
        store.folder("INBOX").deliver(format!("Subject: {number}\r\n\r\nbody {number}\r\n"));
    }
    store
}

/// An inbox with these messages, of which another session was told.
fn selected(messages: &[&str]) -> Dialogue {
    let store = Memory::new();
    let folder = store.folder("INBOX");
    for message in messages {
        folder.deliver(message.as_bytes().to_vec());
    }
    folder.recent.claim(7, messages.len() as u32 + 1);
    Dialogue::selected(store, "INBOX")
}

#[track_caller]
fn finds(dialogue: &mut Dialogue, keys: &str, expected: &str) {
    let answer = dialogue.say(&format!("a SEARCH {keys}\r\n"));
    let space = if expected.is_empty() { "" } else { " " };
    assert_eq!(answer, format!("* SEARCH{space}{expected}\r\na OK SEARCH completed\r\n"), "{keys}");
}

#[test]
fn names_that_are_gone_can_be_unsubscribed() {
    let store = Memory::new();
    store.add("Old", None);
    let mut dialogue = Dialogue::logged_in(store.clone());
    // As Thunderbird deletes a folder.
    assert_eq!(dialogue.say("a DELETE Old\r\n"), "a OK DELETE completed\r\n");
    assert_eq!(dialogue.say("b UNSUBSCRIBE Old\r\n"), "b OK UNSUBSCRIBE completed\r\n");
    assert_eq!(dialogue.say("c UNSUBSCRIBE \"never there\"\r\n"), "c OK UNSUBSCRIBE completed\r\n");
    assert!(dialogue.say("d SUBSCRIBE Old\r\n").starts_with("d NO [NONEXISTENT] "));
}

#[test]
fn subscribed_names_outlive_their_mailboxes() {
    let store = Memory::new();
    for name in ["Work", "Work/Old", "Plain"] {
        store.add(name, None);
    }
    let mut dialogue = Dialogue::logged_in(store.clone());
    assert_eq!(dialogue.say("a SUBSCRIBE Work/Old\r\n"), "a OK SUBSCRIBE completed\r\n");
    assert_eq!(dialogue.say("b DELETE Work/Old\r\n"), "b OK DELETE completed\r\n");
    assert_eq!(
        dialogue.say("c LIST (SUBSCRIBED) \"\" * RETURN (STATUS (MESSAGES))\r\n"),
        "* LIST (\\HasNoChildren \\Subscribed) \"/\" INBOX\r\n\
         * LIST (\\HasNoChildren \\Subscribed) \"/\" Work\r\n\
         * LIST (\\HasNoChildren \\Subscribed) \"/\" Plain\r\n\
         * LIST (\\NonExistent \\HasNoChildren \\Subscribed) \"/\" Work/Old\r\n\
         * STATUS INBOX (MESSAGES 0)\r\n* STATUS Work (MESSAGES 0)\r\n* STATUS Plain (MESSAGES 0)\r\n\
         c OK LIST completed\r\n"
    );
    // Only the selection is about names without mailboxes (RFC 5258 3.1).
    for command in ["LIST \"\" Work/*", "LIST \"\" Work/* RETURN (SUBSCRIBED)", "LIST (SPECIAL-USE SUBSCRIBED) \"\" *"]
    {
        assert_eq!(dialogue.say(&format!("d {command}\r\n")), "d OK LIST completed\r\n", "{command}");
    }
    assert_eq!(dialogue.say("e LSUB \"\" Work/*\r\n"), "* LSUB () \"/\" Work/Old\r\ne OK LSUB completed\r\n");
    for command in ["SELECT", "STATUS", "DELETE"] {
        let items = if command == "STATUS" { " (MESSAGES)" } else { "" };
        let answer = dialogue.say(&format!("f {command} Work/Old{items}\r\n"));
        assert!(answer.starts_with("f NO [NONEXISTENT] "), "{answer}");
    }
    assert_eq!(dialogue.say("g SUBSCRIBE Work/Old\r\n"), "g OK SUBSCRIBE completed\r\n");
    assert_eq!(dialogue.say("h UNSUBSCRIBE Work/Old\r\n"), "h OK UNSUBSCRIBE completed\r\n");
    assert_eq!(dialogue.say("i LSUB \"\" Work/*\r\n"), "i OK LSUB completed\r\n");
    assert!(dialogue.say("j SUBSCRIBE Work/Old\r\n").starts_with("j NO [NONEXISTENT] "));
}

#[test]
fn names_above_subscribed_ones_are_shown_when_these_are_not() {
    let store = Memory::new();
    for (name, subscribed) in [("a", false), ("a/b", true), ("c", true), ("c/d", true)] {
        store.add_with(name, None, true, subscribed, false);
    }
    store.subscriptions.lock().unwrap().extend(["gone/far/away".to_owned(), "c/gone".to_owned()]);
    let mut dialogue = Dialogue::logged_in(store);
    let mut list = |arguments: &str| {
        let answer = dialogue.say(&format!("a LIST {arguments}\r\n"));
        answer.strip_suffix("a OK LIST completed\r\n").unwrap().to_owned()
    };
    // At a level above all of them, which may have no mailbox.
    assert_eq!(
        list("(SUBSCRIBED RECURSIVEMATCH) \"\" %"),
        "* LIST (\\HasNoChildren \\Subscribed) \"/\" INBOX\r\n\
         * LIST (\\HasChildren) \"/\" a (\"CHILDINFO\" (\"SUBSCRIBED\"))\r\n\
         * LIST (\\HasChildren \\Subscribed) \"/\" c (\"CHILDINFO\" (\"SUBSCRIBED\"))\r\n\
         * LIST (\\NonExistent \\HasNoChildren) \"/\" gone (\"CHILDINFO\" (\"SUBSCRIBED\"))\r\n"
    );
    // Not where all below it are shown themselves (RFC 5258 3.5); what is subscribed itself has the same information.
    assert_eq!(
        list("(SUBSCRIBED RECURSIVEMATCH) \"\" *"),
        "* LIST (\\HasNoChildren \\Subscribed) \"/\" INBOX\r\n\
         * LIST (\\HasNoChildren \\Subscribed) \"/\" a/b\r\n\
         * LIST (\\HasChildren \\Subscribed) \"/\" c (\"CHILDINFO\" (\"SUBSCRIBED\"))\r\n\
         * LIST (\\HasNoChildren \\Subscribed) \"/\" c/d\r\n\
         * LIST (\\NonExistent \\HasNoChildren \\Subscribed) \"/\" c/gone\r\n\
         * LIST (\\NonExistent \\HasNoChildren \\Subscribed) \"/\" gone/far/away\r\n"
    );
    assert_eq!(list("(SUBSCRIBED) \"\" (a gone gone/far)"), "");
    assert_eq!(
        list("(RECURSIVEMATCH SUBSCRIBED) \"\" (a a/b gone/% c/gone)"),
        "* LIST (\\HasNoChildren \\Subscribed) \"/\" a/b\r\n\
         * LIST (\\NonExistent \\HasNoChildren \\Subscribed) \"/\" c/gone\r\n\
         * LIST (\\NonExistent \\HasNoChildren) \"/\" gone/far (\"CHILDINFO\" (\"SUBSCRIBED\"))\r\n"
    );
    assert_eq!(
        dialogue.say("b LSUB \"\" %\r\n"),
        "* LSUB () \"/\" INBOX\r\n* LSUB (\\Noselect) \"/\" a\r\n* LSUB () \"/\" c\r\n\
         * LSUB (\\Noselect) \"/\" gone\r\nb OK LSUB completed\r\n"
    );
}

#[test]
fn a_store_says_why_it_can_not_keep_a_subscription() {
    let store = Memory::new();
    let mut dialogue = Dialogue::logged_in(store.clone());
    for command in ["SUBSCRIBE", "UNSUBSCRIBE"] {
        *store.fail_subscribe.lock().unwrap() = Some(StoreError::Limit("full".to_owned()));
        assert_eq!(dialogue.say(&format!("a {command} INBOX\r\n")), "a NO [LIMIT] full\r\n");
        *store.fail_subscribe.lock().unwrap() = Some(StoreError::NoPermission("not yours".to_owned()));
        assert_eq!(dialogue.say(&format!("b {command} inbox\r\n")), "b NO [NOPERM] not yours\r\n");
    }
}

#[test]
fn what_is_below_a_mailbox_stays() {
    let store = Memory::new();
    for name in ["Work", "Work/2025", "Work/2025/May", "Workshop"] {
        store.add(name, None);
    }
    store.add("Trash", Some(SpecialUse::Trash));
    store.add("Trash/Work", None);
    store.add("Trash/Work/2024", None);
    let mut dialogue = Dialogue::logged_in(store.clone());
    for name in ["Work", "Work/2025"] {
        let answer = dialogue.say(&format!("a DELETE {name}\r\n"));
        assert!(answer.starts_with("a NO [HASCHILDREN] "), "{name}: {answer}");
    }
    for name in ["Work/2025/May", "Work/2025", "Work", "Workshop"] {
        assert_eq!(dialogue.say(&format!("a DELETE {name}\r\n")), "a OK DELETE completed\r\n", "{name}");
    }
    assert!(dialogue.say("a DELETE Trash/Work\r\n").starts_with("a NO [HASCHILDREN] "));
    // The store knows better why this one can't go, and of one that the session was not shown yet.
    *store.fail_delete.lock().unwrap() = Some(StoreError::Cannot("needed".to_owned()));
    assert_eq!(dialogue.say("a DELETE Trash\r\n"), "a NO [CANNOT] needed\r\n");
    store.add("Late", None);
    *store.fail_delete.lock().unwrap() = Some(StoreError::HasChildren);
    assert!(dialogue.say("b DELETE Late\r\n").starts_with("b NO [HASCHILDREN] "));
}

#[test]
fn uid_commands_pass_over_what_is_gone() {
    let store = inbox(4);
    store.add("Work", None);
    store.folder("INBOX").recent.claim(7, 5);
    let mut dialogue = Dialogue::selected(store.clone(), "INBOX");
    // Two go unseen, and a third while the others are read.
    store.folder("INBOX").remove(1);
    store.folder("INBOX").remove(2);
    assert_eq!(
        dialogue.say("a UID FETCH 1:3 BODY.PEEK[TEXT]\r\n"),
        "* 3 FETCH (UID 3 BODY[TEXT] {8}\r\nbody 3\r\n)\r\n* 2 EXPUNGE\r\n* 1 EXPUNGE\r\na OK FETCH completed\r\n"
    );
    assert_eq!(dialogue.say("b UID FETCH 1,77 BODY.PEEK[]\r\n"), "b OK FETCH completed\r\n");
    store.folder("INBOX").remove(3);
    assert_eq!(
        dialogue.say("c UID STORE 3:4 +FLAGS (\\Seen)\r\n"),
        "* 2 FETCH (UID 4 FLAGS (\\Seen))\r\n* 1 EXPUNGE\r\nc OK STORE completed\r\n"
    );
    assert_eq!(dialogue.say("d UID STORE 1:3 FLAGS (\\Seen)\r\n"), "d OK STORE completed\r\n");
    assert_eq!(dialogue.say("e UID COPY 1:4 Work\r\n"), "e OK [COPYUID 7 4 1] COPY completed\r\n");
    assert_eq!(
        dialogue.say("f UID MOVE 1:4 Work\r\n"),
        "* OK [COPYUID 7 4 2] Moved\r\n* 1 EXPUNGE\r\nf OK MOVE completed\r\n"
    );
    for command in ["UID COPY 1:9 Work", "UID MOVE 4 Work", "UID EXPUNGE 1:4", "UID FETCH 1:* FLAGS"] {
        let answer = dialogue.say(&format!("g {command}\r\n"));
        assert!(answer.starts_with("g OK ") && answer.ends_with(" completed\r\n"), "{answer}");
    }
}

#[test]
fn numbers_of_what_is_gone() {
    let store = inbox(4);
    store.add("Work", None);
    store.folder("INBOX").recent.claim(7, 5);
    let mut dialogue = Dialogue::selected(store.clone(), "INBOX");
    store.folder("INBOX").remove(1);
    store.folder("INBOX").remove(2);
    let done = "OK [EXPUNGEISSUED] STORE completed, but for messages that are gone\r\n";
    assert_eq!(dialogue.say("a STORE 2:3 +FLAGS (\\Seen)\r\n"), format!("* 3 FETCH (FLAGS (\\Seen))\r\na {done}"));
    assert_eq!(dialogue.say("b STORE 1:3 +FLAGS.SILENT (\\Flagged)\r\n"), format!("b {done}"));
    assert_eq!(dialogue.say("c STORE 1:2 +FLAGS.SILENT (\\Flagged)\r\n"), format!("c {done}"));
    assert!(dialogue.say("d STORE 1:2 +FLAGS (\\Flagged)\r\n").starts_with("d NO [EXPUNGEISSUED] "));
    assert_eq!(
        store.folder("INBOX").messages().iter().map(|row| row.flags).collect::<Vec<_>>(),
        [FlagSet::SEEN.union(FlagSet::FLAGGED), FlagSet::EMPTY]
    );
    // What can't be shown is said to be gone; numbers must not shift meanwhile.
    let answer = dialogue.say("e FETCH 2:3 BODY.PEEK[TEXT]\r\n");
    assert!(answer.starts_with("* 3 FETCH ") && answer.contains("\r\ne NO [EXPUNGEISSUED] "), "{answer}");
    // A copy is whole or not made.
    assert!(dialogue.say("f COPY 1:3 Work\r\n").contains("f NO [EXPUNGEISSUED] "));
    assert!(store.folder("Work").messages().is_empty());
}

#[test]
fn one_session_gets_what_is_recent() {
    let store = inbox(2);
    let status = "* STATUS INBOX (RECENT";
    let mut idle = Dialogue::logged_in(store.clone());
    assert!(idle.say("a STATUS INBOX (RECENT)\r\n").starts_with(&format!("{status} 2)\r\n")));
    // Who only looks takes nothing.
    for _ in 0..2 {
        let looked = idle.say("b EXAMINE INBOX\r\n");
        assert!(looked.contains("* 2 EXISTS\r\n* 2 RECENT\r\n"), "{looked}");
    }
    assert!(idle.say("c STATUS INBOX (RECENT)\r\n").starts_with(&format!("{status} 2)\r\n")));
    let mut first = Dialogue::logged_in(store.clone());
    let opened = first.say("a SELECT INBOX\r\n");
    assert!(opened.contains("* 2 EXISTS\r\n* 2 RECENT\r\n"), "{opened}");
    let mut second = Dialogue::logged_in(store.clone());
    let opened = second.say("a SELECT INBOX\r\n");
    assert!(opened.contains("* 2 EXISTS\r\n* 0 RECENT\r\n"), "{opened}");
    assert!(idle.say("d STATUS INBOX (RECENT)\r\n").starts_with(&format!("{status} 0)\r\n")));
    assert_eq!(first.say("b FETCH 1 FLAGS\r\n"), "* 1 FETCH (FLAGS (\\Recent))\r\nb OK FETCH completed\r\n");
    assert_eq!(second.say("b FETCH 1 FLAGS\r\n"), "* 1 FETCH (FLAGS ())\r\nb OK FETCH completed\r\n");

    // What comes later goes to the one that hears of it first.
    store.folder("INBOX").deliver("a: b\r\n\r\n");
    assert_eq!(second.say("c NOOP\r\n"), "* 3 EXISTS\r\n* 1 RECENT\r\nc OK NOOP completed\r\n");
    assert_eq!(first.say("c NOOP\r\n"), "* 3 EXISTS\r\n* 2 RECENT\r\nc OK NOOP completed\r\n");
    store.folder("INBOX").deliver("a: b\r\n\r\n");
    assert_eq!(first.say("d NOOP\r\n"), "* 4 EXISTS\r\n* 3 RECENT\r\nd OK NOOP completed\r\n");
    assert_eq!(second.say("d NOOP\r\n"), "* 4 EXISTS\r\n* 1 RECENT\r\nd OK NOOP completed\r\n");
    first.say("e STORE 1 +FLAGS.SILENT (\\Seen)\r\n");
    second.say("e NOOP\r\n");
    for (keys, in_first, in_second) in
        [("RECENT", "1 2 4", "3"), ("OLD", "3", "1 2 4"), ("NEW", "2 4", "3"), ("KEYWORD \\Recent", "1 2 4", "3")]
    {
        finds(&mut first, keys, in_first);
        finds(&mut second, keys, in_second);
    }
    // Once more it is new to nobody, not even to the same client.
    let opened = first.say("f SELECT INBOX\r\n");
    assert!(opened.contains("* 4 EXISTS\r\n* 0 RECENT\r\n"), "{opened}");
}

#[test]
fn addresses_are_found_as_they_are_shown() {
    let mut dialogue = selected(&[
        "From: =?utf-8?q?J=C3=BCrgen?= \"K. (x)\" <juergen@example.test>\r\nTo: a@example.test\r\n\r\n",
        "From: <user (comment)@ (comment) example.test>\r\nBcc: hidden@example.test (Real Name)\r\n\r\n",
        "From: x@y\r\nTo: Team: ann@example.test,\r\n \"Doe, John\" <john@example.test>;,\r\n Other: (nobody@example.test);\r\n\
         Cc: c@one\r\nCc: c@two\r\n\r\n",
    ]);
    for (keys, expected) in [
        ("FROM juergen@example.test", "1"),
        ("FROM {7+}\r\nJÜRGEN", "1"),
        ("FROM \"Jürgen\"", "1"),
        ("FROM utf-8", ""),
        ("FROM user@example.test", "2"),
        ("FROM comment", ""),
        ("BCC \"real name\"", "2"),
        ("BCC hidden@", "2"),
        ("TO team", "3"),
        ("TO ann@", "3"),
        ("TO \"doe, john\"", "3"),
        ("TO \"John <john@example.test>\"", "3"),
        ("TO nobody", ""),
        ("CC c@one CC c@two", "3"),
        ("CC \"\"", "3"),
        ("FROM \"\"", "1 2 3"),
        // As text the field is what it is.
        ("HEADER FROM \"(comment)\"", "2"),
        ("HEADER TO nobody@", "3"),
    ] {
        finds(&mut dialogue, keys, expected);
    }
}

#[test]
fn flags_that_are_not_known_are_passed_over() {
    let store = inbox(1);
    store.folder("INBOX").recent.claim(7, 2);
    let mut dialogue = Dialogue::selected(store.clone(), "INBOX");
    for (flags, expected) in [
        ("(\\Seen)", FlagSet::SEEN),
        ("(\\Indexed \\Seen)", FlagSet::SEEN),
        ("(\\Seen \\X-EON-HAS-ATTACHMENT)", FlagSet::SEEN),
        ("(\\Forwarded)", FlagSet::EMPTY),
        ("(\\Flagged \\Recent)", FlagSet::FLAGGED),
        ("(\\*)", FlagSet::EMPTY),
    ] {
        let answer = dialogue.say(&format!("a APPEND INBOX {flags} {{6+}}\r\na: b\r\n\r\n"));
        assert!(answer.contains("\r\na OK [APPENDUID "), "{flags}: {answer}");
        assert_eq!(store.folder("INBOX").messages().last().unwrap().flags, expected, "{flags}");
    }
    assert_eq!(
        dialogue.say("b STORE 1 +FLAGS (\\Flagged \\Indexed)\r\n"),
        "* 1 FETCH (FLAGS (\\Flagged))\r\nb OK STORE completed\r\n"
    );
    assert_eq!(
        dialogue.say("c STORE 1 -FLAGS \\Junk\r\n"),
        "* 1 FETCH (FLAGS (\\Flagged))\r\nc OK STORE completed\r\n"
    );
    assert_eq!(dialogue.say("d STORE 1 FLAGS (\\Recent)\r\n"), "* 1 FETCH (FLAGS ())\r\nd OK STORE completed\r\n");
    for (keys, expected) in [
        ("KEYWORD \\Junk", ""),
        ("1:2 UNKEYWORD \\Junk", "1 2"),
        ("KEYWORD \\Seen", "2 3 4"),
        ("OR (KEYWORD \\junk) 1", "1"),
    ] {
        finds(&mut dialogue, keys, expected);
    }
    assert!(dialogue.say("e STORE 1 FLAGS (\\)\r\n").starts_with("e BAD "));
}

#[test]
fn nul_never_comes_back() {
    let mut dialogue = selected(&["Subject: a\0b\r\n\r\nc\0d\r\n"]);
    let answer = dialogue.say("a APPEND INBOX {10+}\r\na: b\r\n\r\n\0d\r\n");
    assert_eq!(answer, "a NO [CANNOT] The message contains NUL\r\n");
    let large = format!("a: b\r\n\r\n{}\0", "x".repeat(1 << 20));
    let answer = dialogue.say(&format!("b APPEND INBOX {{{}+}}\r\n{large}\r\n", large.len()));
    assert_eq!(answer, "b NO [CANNOT] The message contains NUL\r\n");
    let items =
        "(RFC822.SIZE BODY.PEEK[] BODY.PEEK[]<12.4> BODY.PEEK[HEADER.FIELDS (Subject)] ENVELOPE BODY BODY.PEEK[1])";
    let answer = dialogue.say(&format!("c FETCH 1 {items}\r\n"));
    assert!(!answer.contains('\0'), "{answer:?}");
    assert!(answer.contains("RFC822.SIZE 21 BODY[] {21}\r\nSubject: a"), "{answer:?}");
    finds(&mut dialogue, "ALL", "1");
    for command in [
        "LOGIN {3+}\r\na\0b x",
        "SELECT {3+}\r\na\0b",
        "LIST \"\" {3+}\r\na\0b",
        "SEARCH TEXT {1+}\r\n\0",
        "CREATE {1+}\r\n\0",
        "STATUS {1+}\r\n\0 (MESSAGES)",
        "SELECT \"\0\"",
    ] {
        let answer = dialogue.say(&format!("d {command}\r\n"));
        assert!(answer.starts_with("d BAD "), "{command:?}: {answer:?}");
    }
}

#[test]
fn charsets_by_the_names_that_clients_use() {
    let mut dialogue = selected(&["Subject: =?iso-8859-1?q?Gr=FC=DFe?=\r\n\r\n"]);
    for (charset, text) in [
        ("UTF-8", "\"Grüße\""),
        ("utf8", "{7+}\r\nGrüße"),
        ("\"utf-8\"", "{7+}\r\nGrüße"),
        ("US-ASCII", "gr"),
        ("ascii", "gr"),
        ("ISO-8859-1", "gr"),
        ("latin1", "gr"),
        ("windows-1252", "gr"),
        ("koi8-r", "gr"),
    ] {
        finds(&mut dialogue, &format!("CHARSET {charset} SUBJECT {text}"), "1");
    }
    for (charset, text) in [("iso-8859-1", &b"gr\xFC\xDF"[..]), ("utf-7", b"gr+APwA3w-"), ("cp850", b"gr\x81\xE1")] {
        let command =
            [format!("a SEARCH CHARSET {charset} SUBJECT {{{}+}}\r\n", text.len()).as_bytes(), text, b"\r\n"].concat();
        let answer = dialogue.say_bytes(&command);
        assert_eq!(answer, "* SEARCH 1\r\na OK SEARCH completed\r\n", "{charset}");
    }
    for charset in ["x-nothing", "iso-2022-kr"] {
        let answer = dialogue.say(&format!("a UID SEARCH CHARSET {charset} ALL\r\n"));
        assert!(answer.starts_with("a NO [BADCHARSET (US-ASCII UTF-8)] "), "{answer}");
    }
}

/// Of each message the text is found that a client shows of it.
#[test]
fn what_clients_show_is_found() {
    let html = "Content-Type: text/html; charset=utf-8\r\n\r\n<style>p { color: red }</style><p>Gr&uuml;&szlig;e,<br>\
        Ha<b>ll</b>o&nbsp;<a href=\"https://example.org/Needle?a=1&amp;b=2\">du</a></p>\r\n";
    for (name, message, keys) in [
        ("CTE with semicolon", "Content-Transfer-Encoding: base64;\r\n\r\nbmVlZGxl\r\n", "BODY needle"),
        ("CTE with comment", "Content-Transfer-Encoding: base64 (c)\r\n\r\nbmVlZGxl\r\n", "BODY needle"),
        ("base64 with more", "Content-Transfer-Encoding: base64\r\n\r\n!bmVl\r\n ZGxl\r\n", "BODY needle"),
        ("soft line breaks", "Content-Transfer-Encoding: quoted-printable\r\n\r\nnee=\r\ndle\r\n", "BODY needle"),
        ("UTF-8 without charset", "\r\nkafké\r\n", "BODY \"kafké\""),
        (
            "a character in two words",
            "Subject: =?utf-8?Q?Gr=C3?=\r\n =?utf-8?Q?=BC=C3=9Fe?=\r\n\r\n",
            "SUBJECT \"Grüße\"",
        ),
        ("a word in two words", "Subject: =?utf-8?Q?nee?= =?utf-8?B?ZGxl?=\r\n\r\n", "SUBJECT needle"),
        ("no padding", "Subject: =?UTF-8?B?SGVsbG8gV29ybGQ?=\r\n\r\n", "SUBJECT world"),
        ("8-bit", "Subject: café\r\n\r\n", "SUBJECT \"café\""),
        ("folded with a tab", "Subject: hello\r\n\tbig\r\n\r\n", "SUBJECT \"hello big\""),
        ("folded with spaces", "Subject: hello\r\n   big\r\n\r\n", "SUBJECT \"hello big\""),
        ("a tab is asked for", "Subject: one two\r\n\r\n", "SUBJECT \"one\ttwo\""),
        ("a tab is there", "Subject: one\ttwo\r\n\r\n", "SUBJECT \"one two\""),
        ("any field", "X-Long: one\r\n\ttwo\r\n\r\n", "HEADER X-Long \"one two\""),
        ("in all of it", "X-Long: one\r\n\ttwo\r\n\r\n", "TEXT \"one two\""),
        (
            "the name of an attachment",
            "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: application/pdf; name=needle.pdf\r\n\r\nx\r\n--b--\r\n",
            "TEXT needle.pdf",
        ),
        (
            "a name in pieces",
            "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: a/b\r\nContent-Disposition: attachment;\r\n \
             filename*0*=utf-8''gr%C3; filename*1*=%BC%C3%9Fe.pdf\r\n\r\nx\r\n--b--\r\n",
            "TEXT \"grüße.pdf\"",
        ),
        (
            "an attached message",
            "Content-Type: message/rfc822\r\n\r\nSubject: =?utf-8?q?n=65edle?=\r\n\r\nx\r\n",
            "BODY needle",
        ),
        (
            "a field of an attached message",
            "Content-Type: message/rfc822\r\n\r\nSubject: a\r\n\tb\r\n\r\nx\r\n",
            "TEXT \"a b\"",
        ),
        ("HTML: characters by name", html, "BODY \"grüße\""),
        ("HTML: tags in words", html, "BODY hallo"),
        ("HTML: spaces", html, "TEXT \"hallo du\""),
        ("HTML: line breaks", html, "TEXT \"grüße, hallo\""),
        ("HTML: links as they are written", html, "BODY \"example.org/needle?a=1&amp;b\""),
        ("HTML: what is not shown", html, "TEXT color"),
        ("HTML: tags", html, "BODY \"ha<b>\""),
        ("HTML: shown and written", html, "BODY hallo BODY needle NOT BODY \"needle du\""),
    ] {
        let mut dialogue = selected(&["Subject: other\r\n\r\nother\r\n", message]);
        let answer = dialogue.say(&format!("a SEARCH {keys}\r\n"));
        assert_eq!(answer, "* SEARCH 2\r\na OK SEARCH completed\r\n", "{name}");
    }
    let mut dialogue = selected(&[html]);
    // A link as a browser would follow it is neither shown nor written.
    finds(&mut dialogue, "BODY a=1&b", "");
    let raw = b"a SEARCH SUBJECT {4+}\r\ncaf\xE9\r\n";
    let mut dialogue = selected(&["Subject: =?iso-8859-1?q?caf=E9?=\r\n\r\n"]);
    assert_eq!(dialogue.say_bytes(raw), "* SEARCH 1\r\na OK SEARCH completed\r\n");
}

#[test]
fn numbers_in_an_empty_folder() {
    let store = Memory::new();
    store.add("Work", None);
    let mut dialogue = Dialogue::selected(store, "INBOX");
    for set in ["1", "1:*", "*", "2:3"] {
        for command in [
            format!("FETCH {set} FLAGS"),
            format!("STORE {set} FLAGS ()"),
            format!("COPY {set} Work"),
            format!("MOVE {set} Work"),
        ] {
            let answer = dialogue.say(&format!("a {command}\r\n"));
            assert!(answer.starts_with("a BAD "), "{command}: {answer}");
            dialogue.say("a NOOP\r\n");
            let answer = dialogue.say(&format!("a UID {command}\r\n"));
            assert!(answer.starts_with("a OK "), "{command}: {answer}");
        }
        finds(&mut dialogue, set, "");
        finds(&mut dialogue, &format!("NOT {set}"), "");
    }
}

#[test]
fn status_items_that_are_not_known_are_passed_over() {
    let mut dialogue = Dialogue::logged_in(inbox(2));
    for (items, expected) in [
        ("MESSAGES X-GUID UIDNEXT", "MESSAGES 2 UIDNEXT 3"),
        ("X-GUID", ""),
        ("uidvalidity X-GUID DELETED", "UIDVALIDITY 7 DELETED 0"),
    ] {
        assert_eq!(
            dialogue.say(&format!("a STATUS inbox ({items})\r\n")),
            format!("* STATUS INBOX ({expected})\r\na OK STATUS completed\r\n")
        );
        let listed = dialogue.say(&format!("b LIST \"\" INBOX RETURN (STATUS ({items}))\r\n"));
        assert!(listed.contains(&format!("* STATUS INBOX ({expected})\r\nb OK ")), "{listed}");
    }
    for command in ["STATUS inbox ()", "STATUS inbox", "STATUS inbox MESSAGES", "LIST \"\" * RETURN (STATUS ())"] {
        assert!(dialogue.say(&format!("c {command}\r\n")).starts_with("c BAD "), "{command}");
    }
    assert!(dialogue.say("d STATUS nothing (X-GUID)\r\n").starts_with("d NO [NONEXISTENT] "));
}
