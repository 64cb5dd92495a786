//! QUOTA (RFC 9208).

#![allow(clippy::unwrap_used)]

mod support;
#[path = "support/dialogue.rs"]
mod support_dialogue;

use mail_core::{FlagSet, Quota};
use support::Memory;
use support_dialogue::Dialogue;

#[test]
fn one_root_holds_all_mailboxes() {
    let store = Memory::new();
    *store.quota.lock().unwrap() = Some(Quota { used: 10 * 1024 + 1, limit: 512 * 1024 + 1023 });
    let mut dialogue = Dialogue::logged_in(store);
    let quota = "* QUOTA \"\" (STORAGE 11 512)\r\n";
    assert_eq!(dialogue.say("a GETQUOTA \"\"\r\n"), format!("{quota}a OK GETQUOTA completed\r\n"));
    assert_eq!(
        dialogue.say("b GETQUOTAROOT inbox\r\n"),
        format!("* QUOTAROOT INBOX \"\"\r\n{quota}b OK GETQUOTAROOT completed\r\n")
    );
    // Of a mailbox that may be made (RFC 9208 4.1.3).
    assert_eq!(
        dialogue.say("c getquotaroot \"not there\"\r\n"),
        format!("* QUOTAROOT \"not there\" \"\"\r\n{quota}c OK GETQUOTAROOT completed\r\n")
    );
    assert!(dialogue.say("d GETQUOTA \"other\"\r\n").starts_with("d NO [NONEXISTENT] "));
    assert!(dialogue.say("e SETQUOTA \"\" (STORAGE 512)\r\n").starts_with("e NO [NOPERM] "));
    assert!(dialogue.say("f SETQUOTA other (STORAGE 512)\r\n").starts_with("f NO [NONEXISTENT] "));
    assert!(dialogue.say("g GETQUOTA\r\n").starts_with("g BAD "));
}

#[test]
fn without_a_limit_there_is_no_root() {
    let mut dialogue = Dialogue::logged_in(Memory::new());
    assert_eq!(dialogue.say("a GETQUOTAROOT INBOX\r\n"), "* QUOTAROOT INBOX\r\na OK GETQUOTAROOT completed\r\n");
    assert!(dialogue.say("b GETQUOTA \"\"\r\n").starts_with("b NO [NONEXISTENT] "));
}

#[test]
fn it_is_asked_for_after_login() {
    let store = Memory::new();
    let mut dialogue = Dialogue::new(store, imap_front::session::SessionConfig::default(), true);
    for command in ["GETQUOTA \"\"", "GETQUOTAROOT INBOX", "SETQUOTA \"\" (STORAGE 1)"] {
        assert!(dialogue.say(&format!("a {command}\r\n")).contains("a BAD "), "{command}");
    }
}

#[test]
fn status_tells_what_expunge_would_free() {
    let store = Memory::new();
    let folder = store.folder("INBOX");
    for number in 1..=3 {
        folder.deliver(format!("Subject: {number}\r\n\r\nbody\r\n"));
    }
    folder.change(|content| content.messages.iter_mut().take(2).for_each(|row| row.flags = FlagSet::DELETED));
    let mut dialogue = Dialogue::logged_in(store);
    assert_eq!(
        dialogue.say("a STATUS INBOX (DELETED DELETED-STORAGE)\r\n"),
        "* STATUS INBOX (DELETED 2 DELETED-STORAGE 40)\r\na OK STATUS completed\r\n"
    );
}
