//! METADATA (RFC 5464).

#![allow(clippy::unwrap_used)]

mod support;
#[path = "support/dialogue.rs"]
mod support_dialogue;

use imap_front::session::SessionConfig;
use imap_front::store::StoreError;
use mail_core::SpecialUse;
use support::Memory;
use support_dialogue::Dialogue;

const SET: &str = "OK SETMETADATA completed\r\n";
const GOT: &str = "OK GETMETADATA completed\r\n";

#[track_caller]
fn check(dialogue: &mut Dialogue, command: &str, expected: &str) {
    assert_eq!(dialogue.say(&format!("a {command}\r\n")), expected.replace("% ", "a "), "{command}");
}

#[test]
fn the_examples() {
    let mut dialogue = Dialogue::logged_in(Memory::new());
    // RFC 5464 4.3 and 4.2
    check(&mut dialogue, "SETMETADATA INBOX (/private/comment \"My own comment\")", &format!("% {SET}"));
    let mine = "* METADATA \"INBOX\" (/private/comment \"My own comment\")\r\n";
    check(&mut dialogue, "GETMETADATA \"INBOX\" /private/comment", &format!("{mine}% {GOT}"));
    let both = "* METADATA \"INBOX\" (/shared/comment NIL /private/comment \"My own comment\")\r\n";
    check(&mut dialogue, "GETMETADATA \"INBOX\" (/shared/comment /Private/COMMENT)", &format!("{both}% {GOT}"));
    check(&mut dialogue, "SETMETADATA INBOX (/private/comment NIL)", &format!("% {SET}"));
    let none = "* METADATA \"INBOX\" (/private/comment NIL)\r\n";
    check(&mut dialogue, "GETMETADATA INBOX /private/comment", &format!("{none}% {GOT}"));
    check(
        &mut dialogue,
        "SETMETADATA INBOX (/private/comment {33+}\r\nMy new comment across\r\ntwo lines. /private/x NIL)",
        &format!("% {SET}"),
    );
    let lines = "* METADATA \"INBOX\" (/private/comment {33}\r\nMy new comment across\r\ntwo lines.)\r\n";
    check(&mut dialogue, "GETMETADATA INBOX /private/comment", &format!("{lines}% {GOT}"));
}

#[test]
fn of_the_server() {
    let mut dialogue = Dialogue::logged_in(Memory::new());
    let empty = "* METADATA \"\" (/shared/admin NIL /shared/comment NIL /private/comment NIL)\r\n";
    check(
        &mut dialogue,
        "GETMETADATA \"\" (/shared/admin /shared/comment /private/comment)",
        &format!("{empty}% {GOT}"),
    );
    check(&mut dialogue, "SETMETADATA \"\" (/private/comment \"a\")", &format!("% {SET}"));
    let there = "* METADATA \"\" (/private/comment \"a\")\r\n";
    check(&mut dialogue, "GETMETADATA \"\" /private/comment", &format!("{there}% {GOT}"));
    let inbox = "* METADATA \"INBOX\" (/private/comment NIL)\r\n";
    check(&mut dialogue, "GETMETADATA INBOX /private/comment", &format!("{inbox}% {GOT}"));
}

#[test]
fn options() {
    let mut dialogue = Dialogue::logged_in(Memory::new());
    let values =
        "/private/f/values/small \"a\" /private/f/values/boss/deep \"bcd\" /private/f/values \"\" /private/fx \"x\"";
    check(&mut dialogue, &format!("SETMETADATA INBOX ({values})"), &format!("% {SET}"));
    let got =
        |values: &str| if values.is_empty() { String::new() } else { format!("* METADATA \"INBOX\" ({values})\r\n") };
    let all = "/private/f/values \"\" /private/f/values/boss/deep \"bcd\" /private/f/values/small \"a\"";
    for (options, entry, expected) in [
        ("DEPTH 0", "/private/f", "/private/f NIL"),
        ("DEPTH 0", "(/private/f/values /private/f/values)", "/private/f/values \"\""),
        ("DEPTH 1", "/private/f", "/private/f/values \"\""),
        ("DEPTH 1", "/private/f/values", "/private/f/values \"\" /private/f/values/small \"a\""),
        ("DEPTH infinity", "/private/f", all),
        // Each once.
        ("DEPTH infinity", "(/private/f/values /private /private/fx)", &format!("{all} /private/fx \"x\"")),
        ("DEPTH infinity", "/shared", ""),
    ] {
        check(&mut dialogue, &format!("GETMETADATA ({options}) INBOX {entry}"), &format!("{}% {GOT}", got(expected)));
        check(&mut dialogue, &format!("GETMETADATA INBOX ({options}) {entry}"), &format!("{}% {GOT}", got(expected)));
    }
    let long = |size: u32| format!("% OK [METADATA LONGENTRIES {size}] GETMETADATA completed\r\n");
    let short = got("/private/f/values \"\" /private/f/values/small \"a\"");
    check(&mut dialogue, "GETMETADATA (MAXSIZE 2 DEPTH infinity) INBOX /private/f", &format!("{short}{}", long(3)));
    check(&mut dialogue, "GETMETADATA (MAXSIZE 1) INBOX /private/f/values/boss/deep", &long(3));
    let whole = got("/private/f/values/boss/deep \"bcd\"");
    check(&mut dialogue, "GETMETADATA (MAXSIZE 3) INBOX /private/f/values/boss/deep", &format!("{whole}% {GOT}"));
}

#[test]
fn any_bytes_come_back() {
    let mut dialogue = Dialogue::logged_in(Memory::new());
    let set = b"a SETMETADATA INBOX (/private/b ~{4+}\r\n\0\r\n) /private/q \"\\\"\")\r\n";
    assert_eq!(dialogue.say_bytes(set), format!("a {SET}"));
    assert_eq!(
        dialogue.say("a GETMETADATA INBOX (/private/b /private/q)\r\n"),
        format!("* METADATA \"INBOX\" (/private/b ~{{4}}\r\n\0\r\n) /private/q \"\\\"\")\r\na {GOT}")
    );
    // A literal holds no NUL (`CHAR8`, RFC 3501 9).
    assert!(dialogue.say_bytes(b"a SETMETADATA INBOX (/private/b {1+}\r\n\0)\r\n").starts_with("a BAD "));
}

#[test]
fn special_uses_are_told() {
    let store = Memory::new();
    store.add("Gesendet & weg", Some(SpecialUse::Sent));
    let mut dialogue = Dialogue::logged_in(store);
    let sent = "* METADATA \"Gesendet &- weg\" (/private/specialuse \"\\\\Sent\")\r\n";
    check(&mut dialogue, "GETMETADATA \"Gesendet &- weg\" /private/specialuse", &format!("{sent}% {GOT}"));
    check(&mut dialogue, "GETMETADATA (DEPTH 1) \"Gesendet &- weg\" /private", &format!("{sent}% {GOT}"));
    let none = "* METADATA \"INBOX\" (/private/specialuse NIL)\r\n";
    check(&mut dialogue, "GETMETADATA INBOX /private/specialuse", &format!("{none}% {GOT}"));
    let refused = dialogue.say("a SETMETADATA INBOX (/private/comment \"a\" /private/specialuse \"\\\\Sent\")\r\n");
    assert!(refused.starts_with("a NO [USEATTR] "), "{refused}");
    let none = "* METADATA \"INBOX\" (/private/comment NIL)\r\n";
    check(&mut dialogue, "GETMETADATA INBOX /private/comment", &format!("{none}% {GOT}"));
}

#[test]
fn special_uses_are_not_given() {
    let store = Memory::new();
    let mut dialogue = Dialogue::logged_in(store.clone());
    for uses in ["\\Drafts", "\\Archive", "\\Sent \\Drafts", "\\Whatever"] {
        let refused = dialogue.say(&format!("a CREATE Mine (USE ({uses}))\r\n"));
        assert!(refused.starts_with("a NO [USEATTR] "), "{uses}: {refused}");
    }
    assert!(!store.calls.lock().unwrap().iter().any(|call| call.starts_with("create")), "nothing is made");
    assert!(dialogue.say("a CREATE Mine (USE Drafts)\r\n").starts_with("a BAD "));
    assert_eq!(dialogue.say("a CREATE Mine (USE ())\r\n"), "a OK [MAILBOXID (FTWluZQ)] CREATE completed\r\n");
    assert!(!dialogue.say("a CAPABILITY\r\n").contains("CREATE-SPECIAL-USE"));
}

#[test]
fn what_is_refused() {
    let store = Memory::new();
    let mut dialogue = Dialogue::logged_in(store.clone());
    let mut refused = |command: String, code: &str| {
        let answer = dialogue.say(&format!("a {command}\r\n"));
        assert!(answer.starts_with(&format!("a NO [{code}] ")), "{command}: {answer}");
    };
    refused("SETMETADATA INBOX (/shared/comment \"a\")".into(), "NOPERM");
    refused("SETMETADATA \"\" (/shared/comment NIL)".into(), "NOPERM");
    refused("SETMETADATA nowhere (/private/comment \"a\")".into(), "NONEXISTENT");
    refused("GETMETADATA nowhere /private/comment".into(), "NONEXISTENT");
    let value = |size: usize| format!("SETMETADATA INBOX (/private/a {{{size}+}}\r\n{})", "x".repeat(size));
    refused(value(4097), "METADATA MAXSIZE 4096");
    *store.fail_metadata.lock().unwrap() = Some(StoreError::TooManyEntries);
    refused(value(4096), "METADATA TOOMANY");
    *store.fail_metadata.lock().unwrap() = Some(StoreError::NoPrivateEntries);
    refused(value(1), "METADATA NOPRIVATE");
    assert!(store.metadata.lock().unwrap().is_empty());
    check(&mut dialogue, &value(4096), &format!("% {SET}"));
    assert!(dialogue.say("a GETMETADATA INBOX /private/*\r\n").starts_with("a BAD "));
    assert!(dialogue.say("a SETMETADATA INBOX (/private//a \"b\")\r\n").starts_with("a BAD "));
}

#[test]
fn in_utf8_and_after_login_only() {
    let store = Memory::new();
    store.add("Entw\u{fc}rfe", None);
    let mut dialogue = Dialogue::new(store, SessionConfig::default(), true);
    for command in ["GETMETADATA \"\" /private/a", "SETMETADATA \"\" (/private/a NIL)"] {
        assert!(dialogue.say(&format!("a {command}\r\n")).contains("a BAD "), "{command}");
    }
    assert!(dialogue.say("l LOGIN alice secret\r\n").contains(" METADATA "));
    let name = "* METADATA \"Entw&APw-rfe\" (/private/a NIL)\r\n";
    check(&mut dialogue, "GETMETADATA Entw&APw-rfe /private/a", &format!("{name}% {GOT}"));
    check(&mut dialogue, "SETMETADATA Entw&APw-rfe (/private/a \"\u{e9}\")", &format!("% {SET}"));
    let literal = "* METADATA \"Entw&APw-rfe\" (/private/a {2}\r\n\u{e9})\r\n";
    check(&mut dialogue, "GETMETADATA Entw&APw-rfe /private/a", &format!("{literal}% {GOT}"));
    dialogue.say("e ENABLE UTF8=ACCEPT\r\n");
    let name = "* METADATA \"Entw\u{fc}rfe\" (/private/a \"\u{e9}\")\r\n";
    check(&mut dialogue, "GETMETADATA \"Entw\u{fc}rfe\" /private/a", &format!("{name}% {GOT}"));
}
