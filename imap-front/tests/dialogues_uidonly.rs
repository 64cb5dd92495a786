//! UIDONLY (RFC 9586).

#![allow(clippy::unwrap_used)]

mod support;
#[path = "support/dialogue.rs"]
mod support_dialogue;

use std::sync::Arc;

use mail_core::FlagSet;
use support::{Memory, MemoryFolder};
use support_dialogue::Dialogue;

/// A store whose inbox lacks the first of so many messages.
fn inbox(messages: u32) -> (Arc<Memory>, Arc<MemoryFolder>) {
    let store = Memory::new();
    let folder = store.folder("INBOX");
    for number in 1..=messages {
        folder.deliver(format!("Subject: {number}\r\n\r\nbody {number}\r\n"));
    }
    folder.recent.claim(7, messages + 1);
    folder.remove(1);
    (store, folder)
}

fn enabled(store: &Arc<Memory>, extensions: &str) -> Dialogue {
    let mut dialogue = Dialogue::logged_in(store.clone());
    assert_eq!(
        dialogue.say(&format!("e ENABLE {extensions}\r\n")),
        format!("* ENABLED {extensions}\r\ne OK ENABLE completed\r\n")
    );
    let answer = dialogue.say("s SELECT INBOX\r\n");
    assert!(answer.contains("s OK [READ-WRITE]") && !answer.contains("UNSEEN"), "{answer}");
    dialogue
}

#[test]
fn commands_with_message_numbers_are_refused() {
    let (store, _) = inbox(3);
    store.add("Work", None);
    let mut dialogue = enabled(&store, "UIDONLY QRESYNC");
    for command in [
        "FETCH 1 FLAGS",
        "STORE 1 +FLAGS (\\Seen)",
        "SEARCH ALL",
        "COPY 1 Work",
        "MOVE 1 Work",
        "UID SEARCH 1:2",
        "UID SEARCH NOT OR SEEN (UNSEEN 1)",
        "SELECT INBOX (QRESYNC (7 1 1:3 (1 2)))",
    ] {
        let answer = dialogue.say(&format!("a {command}\r\n"));
        assert!(answer.starts_with("a BAD [UIDREQUIRED] "), "{command}: {answer}");
    }
    assert_eq!(dialogue.say("b UID SEARCH UID 1:2\r\n"), "* SEARCH 2\r\nb OK SEARCH completed\r\n");
    assert_eq!(dialogue.say("c UID COPY 2:3 Work\r\n"), "c OK [COPYUID 7 2:3 1:2] COPY completed\r\n");
    assert_eq!(dialogue.say("d EXPUNGE\r\n"), "d OK EXPUNGE completed\r\n");
}

#[test]
fn messages_are_named_by_their_uids() {
    let (store, folder) = inbox(4);
    let mut dialogue = enabled(&store, "UIDONLY");
    assert_eq!(
        dialogue.say("a UID FETCH 2:3 (FLAGS BODY.PEEK[TEXT])\r\n"),
        "* 2 UIDFETCH (FLAGS () BODY[TEXT] {8}\r\nbody 2\r\n)\r\n* 3 UIDFETCH (FLAGS () BODY[TEXT] {8}\r\nbody 3\r\n)\r\n\
         a OK FETCH completed\r\n"
    );
    // Who asks for the UID gets it.
    assert_eq!(dialogue.say("b UID FETCH 4 (UID)\r\n"), "* 4 UIDFETCH (UID 4)\r\nb OK FETCH completed\r\n");
    assert_eq!(
        dialogue.say("c UID STORE 3 +FLAGS (\\Deleted)\r\n"),
        "* 3 UIDFETCH (FLAGS (\\Deleted))\r\nc OK STORE completed\r\n"
    );
    let flag = |uid| {
        folder.change(|snapshot| {
            snapshot.messages.iter_mut().filter(|row| row.uid == uid).for_each(|row| row.flags = FlagSet::SEEN);
        });
    };
    flag(4);
    folder.remove(2);
    assert_eq!(dialogue.say("d NOOP\r\n"), "* VANISHED 2\r\n* 4 UIDFETCH (FLAGS (\\Seen))\r\nd OK NOOP completed\r\n");
    assert_eq!(dialogue.say("e EXPUNGE\r\n"), "* VANISHED 3\r\ne OK EXPUNGE completed\r\n");
}

#[test]
fn modseqs_go_with_it() {
    let (store, folder) = inbox(3);
    let mut dialogue = enabled(&store, "UIDONLY QRESYNC");
    // What did not change is shown first, then the change.
    assert_eq!(
        dialogue.say("a UID STORE 2:3 (UNCHANGEDSINCE 3) +FLAGS.SILENT (\\Seen)\r\n"),
        "* 3 UIDFETCH (FLAGS () MODSEQ (4))\r\n* 2 UIDFETCH (MODSEQ (6))\r\n\
         a OK [MODIFIED 3] Some of the messages were changed\r\n"
    );
    assert_eq!(
        dialogue.say("b UID FETCH 1:* (FLAGS) (CHANGEDSINCE 4 VANISHED)\r\n"),
        "* VANISHED (EARLIER) 1\r\n* 2 UIDFETCH (FLAGS (\\Seen) MODSEQ (6))\r\nb OK FETCH completed\r\n"
    );
    folder.remove(3);
    let answer = dialogue.say("c SELECT INBOX (QRESYNC (7 4))\r\n");
    assert!(
        answer.contains("* VANISHED (EARLIER) 1,3\r\n* 2 UIDFETCH (FLAGS (\\Seen) MODSEQ (6))\r\nc OK [READ-WRITE]"),
        "{answer}"
    );
}
