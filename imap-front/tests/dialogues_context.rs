//! Dialogues about searches whose results are followed: CONTEXT=SEARCH (RFC 5267).

#![allow(clippy::unwrap_used)]

mod support;
#[path = "support/dialogue.rs"]
mod support_dialogue;

use std::sync::Arc;

use imap_front::store::StoreError;
use mail_core::{FlagSet, MessageRow};
use support::Memory;
use support_dialogue::Dialogue;

/// Five messages with the UIDs 1 to 5, of which the second and fourth are flagged.
fn inbox() -> Arc<Memory> {
    let store = Memory::new();
    let folder = store.folder("INBOX");
    folder.deliver_all((1..=5).map(|number| format!("Subject: {number}\r\n\r\nbody\r\n")));
    flag(&store, &[2, 4], FlagSet::FLAGGED);
    folder.recent.claim(7, 1000);
    store
}

fn flag(store: &Memory, uids: &[u32], flags: FlagSet) {
    store.folder("INBOX").change(|content| {
        content.messages.iter_mut().filter(|row| uids.contains(&row.uid)).for_each(|row| row.flags = flags);
    });
}

#[track_caller]
fn says(dialogue: &mut Dialogue, command: &str, untagged: &str) {
    let answer = dialogue.say(&format!("a {command}\r\n"));
    let name = command.split(' ').find(|word| *word != "UID").unwrap();
    assert_eq!(answer, format!("{untagged}a OK {name} completed\r\n"), "{command}");
}

#[test]
fn what_changes_is_told() {
    let store = inbox();
    let mut dialogue = Dialogue::selected(store.clone(), "INBOX");
    assert_eq!(
        dialogue.say("B01 UID SEARCH RETURN (UPDATE COUNT) FLAGGED\r\n"),
        "* ESEARCH (TAG \"B01\") UID COUNT 2\r\nB01 OK SEARCH completed\r\n"
    );
    says(&mut dialogue, "NOOP", "");
    // Flags of messages that are there, set elsewhere and here.
    flag(&store, &[4], FlagSet::SEEN);
    flag(&store, &[1, 3], FlagSet::FLAGGED);
    says(
        &mut dialogue,
        "NOOP",
        "* 1 FETCH (FLAGS (\\Flagged))\r\n* 3 FETCH (FLAGS (\\Flagged))\r\n* 4 FETCH (FLAGS (\\Seen))\r\n\
         * ESEARCH (TAG \"B01\") UID REMOVEFROM (0 4)\r\n* ESEARCH (TAG \"B01\") UID ADDTO (0 1,3)\r\n",
    );
    says(&mut dialogue, "STORE 5 +FLAGS.SILENT (\\Flagged)", "* ESEARCH (TAG \"B01\") UID ADDTO (0 5)\r\n");
    // Messages that come, after EXISTS.
    store.folder("INBOX").deliver("a: b\r\n\r\n");
    flag(&store, &[6], FlagSet::FLAGGED);
    let answer = dialogue.say("a NOOP\r\n");
    assert!(answer.starts_with("* 6 EXISTS\r\n"), "{answer}");
    assert!(answer.ends_with("* ESEARCH (TAG \"B01\") UID ADDTO (0 6)\r\na OK NOOP completed\r\n"), "{answer}");
    // Messages that go, before EXPUNGE; where numbers may not change, later.
    store.folder("INBOX").remove(3);
    store.folder("INBOX").remove(4);
    says(&mut dialogue, "FETCH 1 UID", "* 1 FETCH (UID 1)\r\n");
    says(&mut dialogue, "NOOP", "* ESEARCH (TAG \"B01\") UID REMOVEFROM (0 3)\r\n* 4 EXPUNGE\r\n* 3 EXPUNGE\r\n");
    // What is idled for is told at once.
    assert_eq!(dialogue.say("i IDLE\r\n"), "+ idling\r\n");
    flag(&store, &[1], FlagSet::EMPTY);
    assert_eq!(dialogue.publish(), "* 1 FETCH (FLAGS ())\r\n* ESEARCH (TAG \"B01\") UID REMOVEFROM (0 1)\r\n");
    dialogue.say("DONE\r\n");
    says(&mut dialogue, "CANCELUPDATE \"B01\"", "");
    flag(&store, &[1], FlagSet::FLAGGED);
    says(&mut dialogue, "NOOP", "* 1 FETCH (FLAGS (\\Flagged))\r\n");
    says(&mut dialogue, "CANCELUPDATE \"B01\" \"never\"", "");
    assert!(dialogue.say("b CANCELUPDATE B01\r\n").starts_with("b BAD "));
    dialogue.say("c UNSELECT\r\n");
    assert!(dialogue.say("b CANCELUPDATE \"B01\"\r\n").starts_with("b BAD "));
}

#[test]
fn by_number() {
    let store = inbox();
    let mut dialogue = Dialogue::selected(store.clone(), "INBOX");
    assert_eq!(
        dialogue.say("B01 SEARCH RETURN (UPDATE) UNFLAGGED\r\n"),
        "* ESEARCH (TAG \"B01\")\r\nB01 OK SEARCH completed\r\n"
    );
    flag(&store, &[2, 5], FlagSet::EMPTY);
    flag(&store, &[5], FlagSet::FLAGGED);
    store.folder("INBOX").remove(1);
    // As the numbers are before the message goes, and after it.
    says(
        &mut dialogue,
        "NOOP",
        "* ESEARCH (TAG \"B01\") REMOVEFROM (0 1)\r\n* 1 EXPUNGE\r\n* 1 FETCH (FLAGS ())\r\n\
         * 4 FETCH (FLAGS (\\Flagged))\r\n* ESEARCH (TAG \"B01\") REMOVEFROM (0 4)\r\n\
         * ESEARCH (TAG \"B01\") ADDTO (0 1)\r\n",
    );
}

#[test]
fn what_changed_before_the_client_knew_is_told_once() {
    let store = inbox();
    let mut dialogue = Dialogue::selected(store.clone(), "INBOX");
    // The search sees what the client does not know yet, and it changes back before it does.
    flag(&store, &[1], FlagSet::FLAGGED);
    dialogue.hold_calls = true;
    dialogue.say("s UID SEARCH RETURN (UPDATE ALL) OR FLAGGED SUBJECT none\r\n");
    dialogue.hold_calls = false;
    let answer = dialogue.release_calls();
    assert!(answer.starts_with("* ESEARCH (TAG \"s\") UID ALL 1:2,4\r\n"), "{answer}");
    assert!(!answer.contains("ADDTO"), "{answer}");

    let mut dialogue = Dialogue::selected(store.clone(), "INBOX");
    flag(&store, &[1], FlagSet::EMPTY);
    flag(&store, &[3], FlagSet::FLAGGED);
    let answer = dialogue.say("s UID SEARCH RETURN (UPDATE ALL) FLAGGED\r\n");
    assert_eq!(
        answer,
        "* ESEARCH (TAG \"s\") UID ALL 2:4\r\n* 1 FETCH (UID 1 FLAGS ())\r\n* 3 FETCH (UID 3 FLAGS (\\Flagged))\r\n\
         s OK SEARCH completed\r\n"
    );
    says(&mut dialogue, "NOOP", "");
}

/// What a message contains is read when its flags alone don't decide any more, before the command that changed them ends.
#[test]
fn what_messages_contain_is_followed() {
    let store = inbox();
    let mut dialogue = Dialogue::selected(store.clone(), "INBOX");
    let found = |set: &str| format!("* ESEARCH (TAG \"s\"){set}\r\ns OK SEARCH completed\r\n");
    assert_eq!(dialogue.say("s SEARCH RETURN (UPDATE ALL) UNSEEN OR SUBJECT 3 SUBJECT \"new\"\r\n"), found(" ALL 3"));
    // The row decides.
    let calls = || store.calls.lock().unwrap().iter().filter(|call| call.starts_with("fetch")).count();
    let before = calls();
    says(&mut dialogue, "STORE 3 +FLAGS.SILENT \\Seen", "* ESEARCH (TAG \"s\") REMOVEFROM (0 3)\r\n");
    assert_eq!(calls(), before);
    // Only what was changed is read.
    says(&mut dialogue, "STORE 1 +FLAGS.SILENT \\Answered", "");
    says(&mut dialogue, "STORE 3 -FLAGS.SILENT \\Seen", "* ESEARCH (TAG \"s\") ADDTO (0 3)\r\n");
    // Messages that come, and one that goes before it is read.
    store.folder("INBOX").deliver("Subject: old\r\n\r\n");
    store.folder("INBOX").deliver("Subject: something new\r\n\r\n");
    let answer = dialogue.say("a NOOP\r\n");
    assert!(answer.starts_with("* 7 EXISTS\r\n"), "{answer}");
    assert!(answer.ends_with("* ESEARCH (TAG \"s\") ADDTO (0 7)\r\na OK NOOP completed\r\n"), "{answer}");
    // What changes while it is read is told with the next command.
    dialogue.during_fetch = Some(Box::new(|store| store.folder("INBOX").remove(3)));
    store.folder("INBOX").deliver("Subject: new, too\r\n\r\n");
    let answer = dialogue.say("a NOOP\r\n");
    assert!(answer.starts_with("* 8 EXISTS\r\n") && !answer.contains("EXPUNGE"), "{answer}");
    assert!(answer.ends_with("* ESEARCH (TAG \"s\") ADDTO (0 8)\r\na OK NOOP completed\r\n"), "{answer}");
    says(&mut dialogue, "NOOP", "* ESEARCH (TAG \"s\") REMOVEFROM (0 3)\r\n* 3 EXPUNGE\r\n");
    // What is idled for is told at once.
    assert_eq!(dialogue.say("i IDLE\r\n"), "+ idling\r\n");
    store.folder("INBOX").deliver("Subject: new again\r\n\r\n");
    let answer = dialogue.publish();
    assert!(answer.ends_with("* ESEARCH (TAG \"s\") ADDTO (0 8)\r\n"), "{answer}");
    assert!(dialogue.say("DONE\r\n").starts_with("i OK "));
    // What can't be read is not followed any more, and the command that brought it is done.
    *store.folder("INBOX").fail_fetch.lock().unwrap() = Some(StoreError::Unavailable("it is away".to_owned()));
    store.folder("INBOX").deliver("Subject: new at last\r\n\r\n");
    let answer = dialogue.say("c NOOP\r\n");
    assert!(answer.contains("* 9 EXISTS\r\n"), "{answer}");
    assert!(answer.contains("* NO [NOUPDATE \"s\"] ") && answer.ends_with("c OK NOOP completed\r\n"), "{answer}");
    store.folder("INBOX").deliver("Subject: new after all\r\n\r\n");
    assert!(!dialogue.say("d NOOP\r\n").contains("ESEARCH"));
}

#[test]
fn more_than_can_be_read_is_not_followed() {
    let store = inbox();
    let mut dialogue = Dialogue::selected(store.clone(), "INBOX");
    assert!(dialogue.say("s SEARCH RETURN (UPDATE) SUBJECT new\r\n").starts_with("* ESEARCH"));
    assert!(dialogue.say("t SEARCH RETURN (UPDATE) UNSEEN\r\n").starts_with("* ESEARCH"));
    store.folder("INBOX").deliver_all((0..1001).map(|number| format!("Subject: new {number}\r\n\r\n")));
    let answer = dialogue.say("a NOOP\r\n");
    assert!(answer.contains("* NO [NOUPDATE \"s\"] "), "{answer}");
    assert!(answer.contains("* ESEARCH (TAG \"t\") ADDTO (0 6:1006)\r\n"), "{answer}");
}

#[test]
fn what_can_not_be_followed_is_refused() {
    let store = inbox();
    let mut dialogue = Dialogue::selected(store.clone(), "INBOX");
    for keys in ["1:3", "UID 1:*", "OLDER 5", "NOT YOUNGER 5", "2 SUBJECT 1"] {
        let answer = dialogue.say(&format!("u SEARCH RETURN (UPDATE COUNT) {keys}\r\n"));
        // What else was asked for is there all the same (RFC 5267 4.3.1).
        assert!(answer.starts_with("* NO [NOUPDATE \"u\"] "), "{keys}: {answer}");
        assert!(answer.contains("* ESEARCH (TAG \"u\") COUNT ") && answer.contains("u OK "), "{keys}: {answer}");
    }
    for keys in [
        "UID 1:3 SEEN",
        "KEYWORD x",
        "LARGER 5",
        "SINCE 1-Jan-2026",
        "OR NEW OLD",
        "MODSEQ 1",
        "SUBJECT 1",
        "NOT BODY x",
        "SENTON 1-Jan-2026",
    ] {
        let answer = dialogue.say(&format!("v SEARCH RETURN (UPDATE COUNT) {keys}\r\n"));
        assert!(answer.contains("* ESEARCH ") && !answer.contains("NOUPDATE"), "{keys}: {answer}");
        // The tag is taken.
        assert!(dialogue.say("v SEARCH RETURN (UPDATE COUNT) ALL\r\n").starts_with("v BAD "));
        says(&mut dialogue, "CANCELUPDATE \"v\"", "");
    }
    for number in 0..8 {
        let answer = dialogue.say(&format!("w{number} SEARCH RETURN (UPDATE) ALL\r\n"));
        assert!(answer.starts_with("* ESEARCH "), "{answer}");
    }
    assert!(dialogue.say("w8 SEARCH RETURN (UPDATE) ALL\r\n").starts_with("* NO [NOUPDATE \"w8\"] "));
    says(&mut dialogue, "CANCELUPDATE \"w3\" \"w4\"", "");
    assert!(dialogue.say("w8 SEARCH RETURN (UPDATE) ALL\r\n").starts_with("* ESEARCH "));
    // The hint alone is nothing to be refused.
    says(&mut dialogue, "SEARCH RETURN (CONTEXT COUNT) SUBJECT 1", "* ESEARCH (TAG \"a\") COUNT 1\r\n");
    // They end with the selection.
    dialogue.say("x SELECT INBOX\r\n");
    store.folder("INBOX").deliver("a: b\r\n\r\n");
    let answer = dialogue.say("y NOOP\r\n");
    assert!(answer.contains("EXISTS") && !answer.contains("ESEARCH"), "{answer}");
    for number in 0..8 {
        assert!(dialogue.say(&format!("w{number} SEARCH RETURN (UPDATE) ALL\r\n")).starts_with("* ESEARCH "));
    }
}

#[test]
fn results_in_too_many_pieces_are_followed_no_more() {
    let store = Memory::new();
    let rows = |seen: u32| {
        move |uid: u32| MessageRow {
            uid,
            flags: if uid.is_multiple_of(seen) { FlagSet::SEEN } else { FlagSet::EMPTY },
            keywords: Default::default(),
            modseq: 2,
            internal_date: 0,
            size: Some(1),
        }
    };
    store.folder("INBOX").change(|content| {
        content.uid_next = 18_001;
        content.messages = (1..=18_000).map(rows(20_000)).collect();
    });
    store.folder("INBOX").recent.claim(7, 1_000_000);
    let mut dialogue = Dialogue::selected(store.clone(), "INBOX");
    assert!(dialogue.say("u SEARCH RETURN (UPDATE COUNT) UNSEEN\r\n").starts_with("* ESEARCH "));
    store.folder("INBOX").change(|content| content.messages = (1..=18_000).map(rows(2)).collect());
    let answer = dialogue.say("a NOOP\r\n");
    assert!(answer.contains("* ESEARCH (TAG \"u\") REMOVEFROM (0 2,4,6,"), "not told");
    assert!(answer.ends_with("* NO [NOUPDATE \"u\"] Too many messages to be followed\r\na OK NOOP completed\r\n"));
    let answer = dialogue.say("u SEARCH RETURN (UPDATE COUNT) UNSEEN\r\n");
    assert!(answer.starts_with("* NO [NOUPDATE \"u\"] "), "{answer}");
}
