//! QRESYNC (RFC 7162 3.2).

#![allow(clippy::unwrap_used)]

mod support;
#[path = "support/dialogue.rs"]
mod support_dialogue;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use imap_front::store::StoreError;
use mail_core::{FlagSet, Keywords};
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

fn enabled(store: &Arc<Memory>) -> Dialogue {
    let mut dialogue = Dialogue::logged_in(store.clone());
    assert_eq!(dialogue.say("e ENABLE QRESYNC\r\n"), "* ENABLED QRESYNC\r\ne OK ENABLE completed\r\n");
    dialogue
}

/// What a client is told beside what every SELECT tells.
fn resynced(dialogue: &mut Dialogue, parameters: &str) -> String {
    let answer = dialogue.say(&format!("s SELECT INBOX (QRESYNC ({parameters}))\r\n"));
    let rest = answer.split_once("HIGHESTMODSEQ ").unwrap().1.split_once("\r\n").unwrap().1;
    rest.strip_suffix("s OK [READ-WRITE] SELECT completed\r\n").unwrap().to_owned()
}

#[test]
fn selecting_tells_what_was_missed() {
    let (store, folder) = inbox(6);
    folder.remove(2);
    flag(&folder, 3, FlagSet::SEEN);
    folder.remove(5);
    folder.deliver("Subject: 7\r\n\r\nbody 7\r\n");
    folder.recent.claim(7, 8);
    let (third, seventh) =
        ("* 2 FETCH (UID 3 FLAGS (\\Seen) MODSEQ (9))\r\n", "* 5 FETCH (UID 7 FLAGS () MODSEQ (11))\r\n");
    let mut dialogue = enabled(&store);
    for (parameters, expected) in [
        // RFC 7162 3.2.5.1
        ("7 7", format!("* VANISHED (EARLIER) 2,5\r\n{third}{seventh}")),
        ("7 8", format!("* VANISHED (EARLIER) 5\r\n{third}{seventh}")),
        ("7 7 1:4", format!("* VANISHED (EARLIER) 2\r\n{third}")),
        ("7 10", seventh.to_owned()),
        ("7 11", String::new()),
        ("7 7 4,6", String::new()),
        // What the client says of numbers is not needed where everything is remembered.
        ("7 7 (1,2 1,2)", format!("* VANISHED (EARLIER) 2,5\r\n{third}{seventh}")),
        // RFC 7162 3.2.5: another UIDVALIDITY.
        ("8 7", String::new()),
    ] {
        assert_eq!(resynced(&mut dialogue, parameters), expected, "{parameters}");
    }
    // Nothing of it is told again.
    resynced(&mut dialogue, "7 7");
    assert_eq!(dialogue.say("a NOOP\r\n"), "a OK NOOP completed\r\n");
    assert!(dialogue.say("b EXAMINE INBOX (QRESYNC (7 7))\r\n").contains("* VANISHED (EARLIER) 2,5\r\n"));
}

#[test]
fn what_is_not_remembered_is_what_is_not_there() {
    let (store, folder) = inbox(6);
    for uid in [2, 4, 5] {
        folder.remove(uid);
    }
    folder.complete_after.store(9, Ordering::Relaxed);
    let mut dialogue = enabled(&store);
    assert_eq!(resynced(&mut dialogue, "7 9"), "* VANISHED (EARLIER) 5\r\n");
    assert_eq!(resynced(&mut dialogue, "7 8"), "* VANISHED (EARLIER) 2,4:5\r\n");
    assert_eq!(resynced(&mut dialogue, "7 8 1:3,5"), "* VANISHED (EARLIER) 2,5\r\n");
    assert_eq!(resynced(&mut dialogue, "7 8 1:4294967295"), "* VANISHED (EARLIER) 2,4:5\r\n");
    // RFC 7162 3.2.5.2
    assert_eq!(resynced(&mut dialogue, "7 8 1:6 (1:2 1,3)"), "* VANISHED (EARLIER) 4:5\r\n");
    assert_eq!(resynced(&mut dialogue, "7 8 (2 2)"), "* VANISHED (EARLIER) 2,4:5\r\n");
    // A store that can't tell is no reason not to open the folder.
    *folder.fail.lock().unwrap() = Some(StoreError::Unavailable("ledger".to_owned()));
    assert_eq!(resynced(&mut dialogue, "7 9"), "* VANISHED (EARLIER) 2,4:5\r\n");
    let answer = dialogue.say("a UID FETCH 1:* (FLAGS) (CHANGEDSINCE 8 VANISHED)\r\n");
    assert_eq!(answer, "* VANISHED (EARLIER) 2,4:5\r\na OK FETCH completed\r\n");
}

#[test]
fn fetch_tells_what_is_gone() {
    let (store, folder) = inbox(6);
    folder.remove(1);
    folder.remove(6);
    flag(&folder, 4, FlagSet::FLAGGED);
    let mut dialogue = enabled(&store);
    dialogue.say("s SELECT INBOX\r\n");
    // RFC 7162 3.2.6. `*` is not the last that is left.
    assert_eq!(
        dialogue.say("a UID FETCH 1:* (FLAGS) (CHANGEDSINCE 7 VANISHED)\r\n"),
        "* VANISHED (EARLIER) 1,6\r\n* 3 FETCH (UID 4 FLAGS (\\Flagged) MODSEQ (10))\r\na OK FETCH completed\r\n"
    );
    assert_eq!(
        dialogue.say("b UID FETCH 2:6 (UID) (VANISHED CHANGEDSINCE 8)\r\n"),
        "* VANISHED (EARLIER) 6\r\n* 3 FETCH (UID 4 MODSEQ (10))\r\nb OK FETCH completed\r\n"
    );
    // What the client still counts is told as going now (RFC 7162 3.2.10).
    folder.remove(3);
    assert_eq!(
        dialogue.say("c UID FETCH 1:6 FLAGS (CHANGEDSINCE 7 VANISHED)\r\n"),
        "* VANISHED (EARLIER) 1,6\r\n* 3 FETCH (UID 4 FLAGS (\\Flagged) MODSEQ (10))\r\n* VANISHED 3\r\nc OK FETCH completed\r\n"
    );
}

#[test]
fn it_must_be_enabled_and_used_as_it_is_meant() {
    let (store, _) = inbox(2);
    let mut dialogue = Dialogue::selected(store.clone(), "INBOX");
    for command in
        ["SELECT INBOX (QRESYNC (7 1))", "EXAMINE INBOX (QRESYNC (7 1))", "UID FETCH 1 UID (CHANGEDSINCE 1 VANISHED)"]
    {
        assert_eq!(dialogue.say(&format!("a {command}\r\n")), "a BAD QRESYNC is not enabled\r\n", "{command}");
    }
    // What is BAD did nothing.
    assert!(dialogue.say("b FETCH 1 UID\r\n").contains("b OK "));
    // RFC 7162 3.1, 3.2.3: it enables CONDSTORE with it.
    let answer = dialogue.say("c ENABLE QRESYNC CONDSTORE\r\n");
    assert!(answer.starts_with("* OK [HIGHESTMODSEQ 3] "), "{answer}");
    assert!(answer.ends_with("* ENABLED QRESYNC CONDSTORE\r\nc OK ENABLE completed\r\n"), "{answer}");
    for command in ["FETCH 1 UID (CHANGEDSINCE 1 VANISHED)", "UID FETCH 1 UID (VANISHED)", "SELECT INBOX (QRESYNC (7))"]
    {
        assert!(dialogue.say(&format!("d {command}\r\n")).starts_with("d BAD "), "{command}");
    }
    assert!(dialogue.say("f FETCH 1 UID\r\n").contains("f OK "));
}

#[test]
fn vanished_takes_the_place_of_expunge() {
    let (store, folder) = inbox(9);
    store.add("Work", None);
    let mut dialogue = enabled(&store);
    dialogue.say("s SELECT INBOX\r\n");
    folder.remove(2);
    folder.remove(3);
    folder.remove(8);
    // Not while numbers must stay; then the client must not take MODSEQs for what it knows (RFC 7162 6).
    assert_eq!(
        dialogue.say("a STORE 1 +FLAGS.SILENT (\\Deleted)\r\n"),
        "* 1 FETCH (UID 1 MODSEQ (14))\r\n* OK [HIGHESTMODSEQ 10] All changes up to this one were told\r\n\
         a OK STORE completed\r\n"
    );
    assert_eq!(dialogue.say("b NOOP\r\n"), "* VANISHED 2:3,8\r\nb OK NOOP completed\r\n");
    // RFC 7162 3.2.7
    assert_eq!(dialogue.say("c EXPUNGE\r\n"), "* VANISHED 1\r\nc OK [HIGHESTMODSEQ 15] EXPUNGE completed\r\n");
    assert_eq!(
        dialogue.say("d UID MOVE 4 Work\r\n"),
        "* OK [COPYUID 7 4 1] Moved\r\n* VANISHED 4\r\nd OK [HIGHESTMODSEQ 16] MOVE completed\r\n"
    );
    dialogue.say("e IDLE\r\n");
    folder.remove(9);
    assert_eq!(dialogue.publish(), "* VANISHED 9\r\n");
    dialogue.say("DONE\r\n");
    // In another session, by UID.
    folder.remove(5);
    assert_eq!(
        dialogue.say("f UID FETCH 6 FLAGS\r\n"),
        "* 2 FETCH (UID 6 FLAGS ())\r\n* VANISHED 5\r\nf OK FETCH completed\r\n"
    );
    // Each name of a message that is gone counts one down.
    assert_eq!(dialogue.say("g FETCH 1:* UID\r\n").matches("FETCH (UID").count(), 2);
}

#[test]
fn what_comes_and_goes_between_two_looks_harms_nothing() {
    let (store, folder) = inbox(2);
    let mut dialogue = enabled(&store);
    dialogue.say("s SELECT INBOX\r\n");
    folder.deliver("Subject: 3\r\n\r\n");
    folder.remove(3);
    assert_eq!(dialogue.say("a NOOP\r\n"), "a OK NOOP completed\r\n");
    let mut other = enabled(&store);
    assert_eq!(resynced(&mut other, "7 3"), "* VANISHED (EARLIER) 3\r\n");
    // Between the opening of a folder and the question what went: that is told afterwards.
    other.hold_calls = true;
    other.say("b SELECT INBOX (QRESYNC (7 5))\r\n");
    other.release_calls();
    other.release_calls();
    folder.remove(2);
    other.hold_calls = false;
    let answer = other.release_calls();
    assert!(answer.ends_with("b OK [READ-WRITE] SELECT completed\r\n") && !answer.contains("VANISHED"), "{answer}");
    assert_eq!(other.say("c NOOP\r\n"), "* VANISHED 2\r\nc OK NOOP completed\r\n");
}

#[test]
fn keywords_are_listed_before_they_are_shown() {
    let (store, folder) = inbox(2);
    let mut dialogue = enabled(&store);
    dialogue.hold_calls = true;
    dialogue.say("a SELECT INBOX (QRESYNC (7 2))\r\n");
    dialogue.release_calls();
    let opened = dialogue.release_calls();
    assert!(opened.contains("[HIGHESTMODSEQ 3]"), "{opened}");
    folder.change(|snapshot| snapshot.messages[1].keywords = Keywords::from_iter(["late"]));
    dialogue.hold_calls = false;
    let answer = dialogue.release_calls();
    assert!(answer.starts_with("* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft late)\r\n"), "{answer}");
    assert!(answer.contains("* 2 FETCH (UID 2 FLAGS (late) MODSEQ (4))\r\n"), "{answer}");
}

#[test]
fn a_large_folder_is_compared_elsewhere() {
    let (store, folder) = inbox(0);
    folder.change(|snapshot| {
        snapshot.uid_next = 30_003;
        snapshot.messages = (1..=15_000)
            .map(|number| mail_core::MessageRow {
                uid: 2 * number,
                flags: FlagSet::EMPTY,
                keywords: Keywords::EMPTY,
                modseq: 0,
                internal_date: 0,
                size: None,
            })
            .collect();
    });
    folder.recent.claim(7, 30_003);
    folder.complete_after.store(2, Ordering::Relaxed);
    let mut dialogue = enabled(&store);
    let told = resynced(&mut dialogue, "7 1 1:30002");
    let (gone, changed) = told.split_once("\r\n").unwrap();
    assert!(gone.starts_with("* VANISHED (EARLIER) 1,3,5,7,") && gone.ends_with(",29997,29999,30001:30002"));
    assert_eq!((gone.matches(',').count(), changed.lines().count()), (15_000, 15_000));
}
