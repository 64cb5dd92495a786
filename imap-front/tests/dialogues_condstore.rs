//! CONDSTORE (RFC 7162 3.1).

#![allow(clippy::unwrap_used)]

mod support;
#[path = "support/dialogue.rs"]
mod support_dialogue;

use std::sync::Arc;

use mail_core::FlagSet;
use support::{Memory, MemoryFolder};
use support_dialogue::Dialogue;

/// A store whose inbox has so many messages, with the MODSEQs 2, 3 and so on.
fn inbox(messages: u32) -> (Arc<Memory>, Arc<MemoryFolder>) {
    let store = Memory::new();
    let folder = store.folder("INBOX");
    for number in 1..=messages {
        folder.deliver(format!("Subject: {number}\r\n\r\nbody {number}\r\n"));
    }
    folder.recent.claim(7, messages + 1);
    (store, folder)
}

/// Somebody else changes flags; the message gets the next MODSEQ.
fn flag(folder: &MemoryFolder, uid: u32, flags: FlagSet) {
    folder
        .change(|snapshot| snapshot.messages.iter_mut().filter(|row| row.uid == uid).for_each(|row| row.flags = flags));
}

/// One that selected the inbox with CONDSTORE.
fn aware(store: &Arc<Memory>) -> Dialogue {
    let mut dialogue = Dialogue::logged_in(store.clone());
    assert!(dialogue.say("s SELECT INBOX (CONDSTORE)\r\n").contains("s OK [READ-WRITE]"));
    dialogue
}

#[test]
fn select_and_status_tell_the_highest_modseq() {
    let (store, _) = inbox(2);
    let mut dialogue = Dialogue::logged_in(store.clone());
    for command in ["SELECT INBOX", "EXAMINE inbox (CONDSTORE)"] {
        let answer = dialogue.say(&format!("a {command}\r\n"));
        assert!(answer.contains("* OK [HIGHESTMODSEQ 3] "), "{answer}");
        assert!(!answer.contains("NOMODSEQ"), "{answer}");
    }
    // RFC 7162 3.1.7, example 17
    assert_eq!(
        dialogue.say("b STATUS INBOX (UIDNEXT MESSAGES HIGHESTMODSEQ)\r\n"),
        "* STATUS INBOX (UIDNEXT 3 MESSAGES 2 HIGHESTMODSEQ 3)\r\nb OK STATUS completed\r\n"
    );
    let answer = dialogue.say("c LIST \"\" INBOX RETURN (STATUS (HIGHESTMODSEQ))\r\n");
    assert!(answer.contains("* STATUS INBOX (HIGHESTMODSEQ 3)\r\n"), "{answer}");
}

#[test]
fn each_enabling_command_enables_and_tells_once_what_is_known() {
    for command in [
        "ENABLE CONDSTORE",
        "STATUS INBOX (HIGHESTMODSEQ)",
        "LIST \"\" INBOX RETURN (STATUS (HIGHESTMODSEQ))",
        "FETCH 1 (MODSEQ)",
        "UID FETCH 1 FLAGS (CHANGEDSINCE 99)",
        "STORE 1 (UNCHANGEDSINCE 99) +FLAGS ()",
    ] {
        let (store, folder) = inbox(2);
        let mut dialogue = Dialogue::selected(store, "INBOX");
        flag(&folder, 2, FlagSet::SEEN);
        // Without it there is no MODSEQ.
        assert_eq!(dialogue.say("a NOOP\r\n"), "* 2 FETCH (FLAGS (\\Seen))\r\na OK NOOP completed\r\n");
        let answer = dialogue.say(&format!("b {command}\r\n"));
        assert!(answer.starts_with("* OK [HIGHESTMODSEQ 4] ") && answer.contains("\r\nb OK "), "{answer}");
        flag(&folder, 2, FlagSet::EMPTY);
        let answer = dialogue.say("c NOOP\r\n");
        assert!(answer.starts_with("* 2 FETCH (UID 2 FLAGS () MODSEQ ("), "{command}: {answer}");
        let answer = dialogue.say(&format!("d {command}\r\n"));
        assert!(!answer.contains("[HIGHESTMODSEQ"), "{answer}");
    }
}

#[test]
fn fetch_shows_modseqs_and_what_changed() {
    let (store, folder) = inbox(4);
    let mut dialogue = aware(&store);
    // RFC 7162 3.1.4.2, example 13
    assert_eq!(
        dialogue.say("a FETCH 1:2 (MODSEQ)\r\n"),
        "* 1 FETCH (MODSEQ (2))\r\n* 2 FETCH (MODSEQ (3))\r\na OK FETCH completed\r\n"
    );
    flag(&folder, 2, FlagSet::SEEN);
    // RFC 7162 3.1.4.1, example 12. What was shown is not told again.
    assert_eq!(
        dialogue.say("b UID FETCH 1:* (FLAGS) (CHANGEDSINCE 4)\r\n"),
        "* 2 FETCH (UID 2 FLAGS (\\Seen) MODSEQ (6))\r\n* 4 FETCH (UID 4 FLAGS () MODSEQ (5))\r\nb OK FETCH completed\r\n"
    );
    // As Apple Mail asks.
    let answer = dialogue.say("c UID FETCH 1:4 (UID FLAGS) (CHANGEDSINCE 0)\r\n");
    assert_eq!(answer.matches("FETCH (UID ").count(), 4, "{answer}");
    assert_eq!(dialogue.say("d FETCH 1:* FLAGS (changedsince 6)\r\n"), "d OK FETCH completed\r\n");
    assert_eq!(
        dialogue.say("e UID FETCH 3 (MODSEQ UID BODY.PEEK[TEXT]) (CHANGEDSINCE 1)\r\n"),
        "* 3 FETCH (MODSEQ (4) UID 3 BODY[TEXT] {8}\r\nbody 3\r\n)\r\ne OK FETCH completed\r\n"
    );
    // Who asks for flags without MODSEQ is told of that all the same (RFC 7162 3.2.4).
    flag(&folder, 3, FlagSet::FLAGGED);
    assert_eq!(
        dialogue.say("f FETCH 3 FLAGS\r\n"),
        "* 3 FETCH (FLAGS (\\Flagged))\r\n* 3 FETCH (UID 3 FLAGS (\\Flagged) MODSEQ (7))\r\nf OK FETCH completed\r\n"
    );
    for bad in ["(CHANGEDSINCE)", "(CHANGEDSINCE x)", "(CHANGEDSINCE 1 CHANGEDSINCE 1)", "(UNCHANGEDSINCE 1)"] {
        assert!(dialogue.say(&format!("g FETCH 1 FLAGS {bad}\r\n")).starts_with("g BAD "), "{bad}");
    }
}

#[test]
fn fetching_a_body_tells_the_modseq_of_seen() {
    let (store, _) = inbox(2);
    let mut dialogue = aware(&store);
    assert_eq!(
        dialogue.say("a FETCH 2 BODY[TEXT]\r\n"),
        "* 2 FETCH (BODY[TEXT] {8}\r\nbody 2\r\n)\r\n* 2 FETCH (UID 2 FLAGS (\\Seen) MODSEQ (4))\r\na OK FETCH completed\r\n"
    );
}

#[test]
fn stores_on_condition() {
    let (store, folder) = inbox(9);
    let mut dialogue = aware(&store);
    // RFC 7162 3.1.3, example 3: all pass.
    assert_eq!(
        dialogue.say("a UID STORE 6,4,8 (UNCHANGEDSINCE 10) +FLAGS.SILENT (\\Deleted)\r\n"),
        "* 4 FETCH (UID 4 MODSEQ (11))\r\n* 6 FETCH (UID 6 MODSEQ (11))\r\n* 8 FETCH (UID 8 MODSEQ (11))\r\n\
         a OK STORE completed\r\n"
    );
    // Example 6: two were changed meanwhile, which is told, too.
    flag(&folder, 7, FlagSet::SEEN);
    flag(&folder, 9, FlagSet::ANSWERED);
    assert_eq!(
        dialogue.say("b STORE 7,5,9 (UNCHANGEDSINCE 11) +FLAGS.SILENT (\\Deleted)\r\n"),
        "* 5 FETCH (UID 5 MODSEQ (14))\r\n* 7 FETCH (UID 7 FLAGS (\\Seen) MODSEQ (12))\r\n\
         * 9 FETCH (UID 9 FLAGS (\\Answered) MODSEQ (13))\r\nb OK [MODIFIED 7,9] Some of the messages were changed\r\n"
    );
    assert_eq!(folder.messages()[6].flags, FlagSet::SEEN);
    // With what is told, the client tries again.
    assert_eq!(
        dialogue.say("c STORE 7,9 (UNCHANGEDSINCE 12) +FLAGS (\\Deleted)\r\n"),
        "* 7 FETCH (UID 7 FLAGS (\\Deleted \\Seen) MODSEQ (15))\r\n* 9 FETCH (UID 9 FLAGS (\\Answered) MODSEQ (13))\r\n\
         c OK [MODIFIED 9] Some of the messages were changed\r\n"
    );
    // Examples 7 and 8: 0 always fails, whatever the flag.
    assert_eq!(
        dialogue.say("d UID STORE 2 (UNCHANGEDSINCE 0) +FLAGS.SILENT ($MDNSent)\r\n"),
        "* 2 FETCH (UID 2 FLAGS () MODSEQ (3))\r\nd OK [MODIFIED 2] Some of the messages were changed\r\n"
    );
    // What is so already changes no MODSEQ (RFC 7162 3.1.11), and is told (3.1.3).
    assert_eq!(
        dialogue.say("e STORE 4 (UNCHANGEDSINCE 11) +FLAGS.SILENT (\\Deleted)\r\n"),
        "* 4 FETCH (UID 4 MODSEQ (11))\r\ne OK STORE completed\r\n"
    );
    assert_eq!(dialogue.say("f NOOP\r\n"), "f OK NOOP completed\r\n");
    for bad in ["()", "(UNCHANGEDSINCE)", "(UNCHANGEDSINCE 1 UNCHANGEDSINCE 1)", "(CHANGEDSINCE 1)"] {
        assert!(dialogue.say(&format!("g STORE 1 {bad} +FLAGS (\\Seen)\r\n")).starts_with("g BAD "), "{bad}");
    }
}

#[test]
fn what_is_gone_is_not_modified() {
    let (store, folder) = inbox(7);
    let mut dialogue = aware(&store);
    flag(&folder, 2, FlagSet::DELETED);
    for uid in 4..=7 {
        folder.remove(uid);
    }
    // RFC 7162 3.1.3, example 11.
    assert_eq!(
        dialogue.say("a STORE 1:7 (UNCHANGEDSINCE 8) +FLAGS (\\Seen)\r\n"),
        "* 1 FETCH (UID 1 FLAGS (\\Seen) MODSEQ (14))\r\n* 2 FETCH (UID 2 FLAGS (\\Deleted) MODSEQ (9))\r\n\
         * 3 FETCH (UID 3 FLAGS (\\Seen) MODSEQ (14))\r\n* OK [HIGHESTMODSEQ 8] All changes up to this one were told\r\n\
         a OK [MODIFIED 2] Some were changed, some are gone\r\n"
    );
    assert_eq!(
        dialogue.say("b UID STORE 2,5 (UNCHANGEDSINCE 9) +FLAGS (\\Seen)\r\n"),
        "* 2 FETCH (UID 2 FLAGS (\\Deleted \\Seen) MODSEQ (15))\r\n\
         * 7 EXPUNGE\r\n* 6 EXPUNGE\r\n* 5 EXPUNGE\r\n* 4 EXPUNGE\r\nb OK STORE completed\r\n"
    );
}

#[test]
fn silent_stores_tell_modseqs_and_others_all() {
    let (store, _) = inbox(2);
    let (mut one, mut other) = (aware(&store), aware(&store));
    // RFC 7162 3.1.4.2, example 14.
    assert_eq!(
        one.say("a STORE 2 +FLAGS.SILENT (\\Deleted)\r\n"),
        "* 2 FETCH (UID 2 MODSEQ (4))\r\na OK STORE completed\r\n"
    );
    assert_eq!(other.say("b NOOP\r\n"), "* 2 FETCH (UID 2 FLAGS (\\Deleted) MODSEQ (4))\r\nb OK NOOP completed\r\n");
    // Both at once: what the client can't know it is told.
    assert_eq!(
        other.say("c STORE 2 +FLAGS (\\Flagged)\r\n"),
        "* 2 FETCH (UID 2 FLAGS (\\Flagged \\Deleted) MODSEQ (5))\r\nc OK STORE completed\r\n"
    );
    assert_eq!(
        one.say("d STORE 2 -FLAGS.SILENT (\\Deleted)\r\n"),
        "* 2 FETCH (UID 2 FLAGS (\\Flagged) MODSEQ (6))\r\nd OK STORE completed\r\n"
    );
    // A flag that came and went leaves a MODSEQ.
    other.say("e STORE 1 +FLAGS.SILENT (\\Seen)\r\n");
    other.say("f STORE 1 -FLAGS.SILENT (\\Seen)\r\n");
    assert_eq!(one.say("g NOOP\r\n"), "* 1 FETCH (UID 1 FLAGS () MODSEQ (8))\r\ng OK NOOP completed\r\n");
}

#[test]
fn modseq_does_not_run_ahead_of_expunges_that_are_not_told() {
    let (store, folder) = inbox(3);
    let mut dialogue = aware(&store);
    folder.remove(1);
    flag(&folder, 3, FlagSet::SEEN);
    // RFC 7162 6: the expunge has MODSEQ 5, the flag 6.
    let delayed = "* OK [HIGHESTMODSEQ 4] All changes up to this one were told\r\n";
    assert_eq!(
        dialogue.say("a FETCH 2 (MODSEQ)\r\n"),
        format!(
            "* 2 FETCH (MODSEQ (3))\r\n* 3 FETCH (UID 3 FLAGS (\\Seen) MODSEQ (6))\r\n{delayed}a OK FETCH completed\r\n"
        )
    );
    assert_eq!(
        dialogue.say("b STORE 2 +FLAGS.SILENT (\\Seen)\r\n"),
        format!("* 2 FETCH (UID 2 MODSEQ (7))\r\n{delayed}b OK STORE completed\r\n")
    );
    assert_eq!(
        dialogue.say("c FETCH 3 (FLAGS MODSEQ)\r\n"),
        format!("* 3 FETCH (FLAGS (\\Seen) MODSEQ (6))\r\n{delayed}c OK FETCH completed\r\n")
    );
    assert_eq!(dialogue.say("d NOOP\r\n"), "* 1 EXPUNGE\r\nd OK NOOP completed\r\n");
    assert_eq!(dialogue.say("e FETCH 2 (MODSEQ)\r\n"), "* 2 FETCH (MODSEQ (6))\r\ne OK FETCH completed\r\n");
}

#[test]
fn expunge_tells_the_new_modseq_and_close_does_not() {
    let (store, _) = inbox(4);
    store.add("Work", None);
    let mut dialogue = aware(&store);
    dialogue.say("a STORE 1,3 +FLAGS.SILENT (\\Deleted)\r\n");
    // RFC 7162 3.2.9, 3.2.7
    assert_eq!(dialogue.say("b UID EXPUNGE 1\r\n"), "* 1 EXPUNGE\r\nb OK [HIGHESTMODSEQ 7] EXPUNGE completed\r\n");
    assert_eq!(dialogue.say("c EXPUNGE\r\n"), "* 2 EXPUNGE\r\nc OK [HIGHESTMODSEQ 8] EXPUNGE completed\r\n");
    assert_eq!(dialogue.say("d EXPUNGE\r\n"), "d OK EXPUNGE completed\r\n");
    assert_eq!(
        dialogue.say("e MOVE 1 Work\r\n"),
        "* OK [COPYUID 7 2 1] Moved\r\n* 1 EXPUNGE\r\ne OK [HIGHESTMODSEQ 9] MOVE completed\r\n"
    );
    dialogue.say("f STORE 1 +FLAGS.SILENT (\\Deleted)\r\n");
    // RFC 7162 3.2.8
    assert_eq!(dialogue.say("g CLOSE\r\n"), "g OK CLOSE completed\r\n");
    assert!(dialogue.say("h SELECT INBOX\r\n").contains("* 0 EXISTS\r\n"));
}

#[test]
fn leaving_a_mailbox_for_another_is_told() {
    let (store, _) = inbox(1);
    store.add("Work", None);
    let mut dialogue = Dialogue::selected(store, "INBOX");
    // RFC 7162 3.2.11, whether or not CONDSTORE was enabled.
    let closed = "* OK [CLOSED] ";
    assert!(dialogue.say("a SELECT Work\r\n").starts_with(closed));
    assert!(dialogue.say("b EXAMINE Work\r\n").starts_with(closed));
    assert!(dialogue.say("c SELECT missing\r\n").starts_with(closed));
    assert!(!dialogue.say("d SELECT INBOX\r\n").contains(closed));
    dialogue.say("e UNSELECT\r\n");
    assert!(!dialogue.say("f SELECT INBOX\r\n").contains(closed));
    assert_eq!(dialogue.say("g SELECT Work (X)\r\n").matches(closed).count(), 0, "what is BAD does nothing");
    assert!(dialogue.say("h FETCH 1 UID\r\n").contains("h OK "));
}

#[test]
fn idle_tells_modseqs() {
    let (store, folder) = inbox(1);
    let mut dialogue = aware(&store);
    dialogue.say("a IDLE\r\n");
    flag(&folder, 1, FlagSet::FLAGGED);
    assert_eq!(dialogue.publish(), "* 1 FETCH (UID 1 FLAGS (\\Flagged) MODSEQ (3))\r\n");
}
