//! REPLACE (RFC 8508).

#![allow(clippy::unwrap_used)]

mod support;
#[path = "support/dialogue.rs"]
mod support_dialogue;

use std::sync::Arc;

use imap_front::store::StoreError;
use mail_core::FlagSet;
use support::{Memory, MemoryFolder};
use support_dialogue::Dialogue;

/// Drafts with so many messages, and a mailbox for what was sent.
fn drafts(messages: u32) -> (Arc<Memory>, Arc<MemoryFolder>) {
    let store = Memory::new();
    store.add("Sent", None);
    let folder = store.add("Drafts", None);
    for number in 1..=messages {
        folder.deliver(format!("Subject: {number}\r\n\r\nbody {number}\r\n"));
    }
    folder.recent.claim(7, messages + 1);
    (store, folder)
}

fn uids(folder: &MemoryFolder) -> Vec<u32> {
    folder.messages().iter().map(|row| row.uid).collect()
}

#[test]
fn a_draft_is_replaced() {
    let (store, folder) = drafts(4);
    let mut dialogue = Dialogue::selected(store.clone(), "Drafts");
    store.calls.lock().unwrap().clear();
    // As in RFC 8508 3.2.
    assert_eq!(dialogue.say("A003 REPLACE 4 Drafts (\\Seen \\Draft) {26}\r\n"), "+ Ready for literal data\r\n");
    assert_eq!(
        dialogue.say("Subject: again\r\n\r\nanother.\r\n"),
        "* OK [APPENDUID 7 5] The replacement is stored\r\n* 4 EXPUNGE\r\n* 4 EXISTS\r\n* 1 RECENT\r\n\
         A003 OK REPLACE completed\r\n"
    );
    assert_eq!(uids(&folder), [1, 2, 3, 5]);
    assert_eq!(folder.messages()[3].flags, FlagSet::SEEN.union(FlagSet::DRAFT));
    // First the one, then the other.
    let calls: Vec<_> =
        store.calls.lock().unwrap().iter().map(|call| call.split(' ').next().unwrap().to_owned()).collect();
    assert_eq!(calls, ["append", "store", "expunge"]);
    // By UID (RFC 8508 3.3), large, and elsewhere.
    let large = format!("Subject: sent\r\n\r\n{}", "x".repeat(100_000));
    assert_eq!(
        dialogue.say(&format!("b UID REPLACE 2 Sent {{{}+}}\r\n{large}\r\n", large.len())),
        "* OK [APPENDUID 7 1] The replacement is stored\r\n* 2 EXPUNGE\r\nb OK REPLACE completed\r\n"
    );
    assert_eq!((uids(&folder), uids(&store.folder("Sent"))), (vec![1, 3, 5], vec![1]));
    assert_eq!(store.folder("Sent").messages()[0].size, Some(large.len() as u32));
    assert!(dialogue.say("c REPLACE * Sent ~{4+}\r\nA: b\r\n").ends_with("c OK REPLACE completed\r\n"));
    assert_eq!((uids(&folder), uids(&store.folder("Sent"))), (vec![1, 3], vec![1, 2]));
}

#[test]
fn what_is_not_replaced_stays() {
    let (store, folder) = drafts(2);
    let mut dialogue = Dialogue::selected(store.clone(), "Drafts");
    let mut refused = |command: &str, expected: &str| {
        let answer = dialogue.say(&format!("a {command}\r\n"));
        assert!(answer.contains(expected), "{command}: {answer}");
        assert_eq!((uids(&folder).len(), uids(&store.folder("Sent")).len()), (2, 0), "{command}");
        assert!(folder.messages().iter().all(|row| row.flags == FlagSet::EMPTY), "{command}");
    };
    let message = "{4+}\r\nA: b";
    refused(&format!("REPLACE 3 Sent {message}"), "a BAD ");
    refused(&format!("UID REPLACE 3 Sent {message}"), "a NO [EXPUNGEISSUED] ");
    refused(&format!("REPLACE 1 Nowhere {message}"), "a NO [TRYCREATE] ");
    refused("REPLACE 1 Sent {0+}\r\n", "a NO [CANNOT] ");
    refused("REPLACE 1 Sent {99999999}", "a NO [TOOBIG] ");
    for bad in ["1:2 Sent", "0 Sent", "$ Sent", "1", "1 Sent {1+}\r\nx"] {
        refused(&format!("REPLACE {bad} {message}"), "a BAD ");
    }
    *store.folder("Sent").fail.lock().unwrap() = Some(StoreError::OverQuota("full".to_owned()));
    refused(&format!("REPLACE 1 Sent {message}"), "a NO [OVERQUOTA] full\r\n");
    // The old one can't go: the new one goes again.
    *folder.fail.lock().unwrap() = Some(StoreError::NoPermission("not yours".to_owned()));
    refused(&format!("REPLACE 1 Sent {message}"), "a NO [NOPERM] not yours\r\n");
    *folder.fail_expunge.lock().unwrap() = Some(StoreError::NoPermission("not yours".to_owned()));
    refused(&format!("REPLACE 1 Sent {message}"), "a NO [NOPERM] not yours\r\n");
    // Unless that can't go either.
    *folder.fail_expunge.lock().unwrap() = Some(StoreError::NoPermission("not yours".to_owned()));
    *store.folder("Sent").fail_expunge.lock().unwrap() = Some(StoreError::Unavailable("away".to_owned()));
    let answer = dialogue.say(&format!("b REPLACE 1 Sent {message}\r\n"));
    assert!(
        answer.ends_with("b NO [NOPERM] the new message is stored, and the old one is still there: not yours\r\n"),
        "{answer}"
    );
    assert_eq!((uids(&folder).len(), uids(&store.folder("Sent")).len()), (2, 1));
    // Or it is not known whether the old one went: no message may be lost.
    *folder.fail_expunge.lock().unwrap() = Some(StoreError::Unavailable("away".to_owned()));
    let answer = dialogue.say(&format!("c REPLACE 1 Sent {message}\r\n"));
    let told = "c NO [UNAVAILABLE] the new message is stored, and the old one may still be there: away\r\n";
    assert!(answer.ends_with(told), "{answer}");
    assert_eq!((uids(&folder).len(), uids(&store.folder("Sent")).len()), (2, 2));
}

#[test]
fn where_it_can_be_said() {
    let (store, folder) = drafts(3);
    folder.remove(1);
    let message = "{4+}\r\nA: b";
    let mut dialogue = Dialogue::logged_in(store.clone());
    assert_eq!(dialogue.say(&format!("a REPLACE 1 Drafts {message}\r\n")), "a BAD No mailbox is selected\r\n");
    dialogue.say("b EXAMINE Drafts\r\n");
    assert!(dialogue.say(&format!("c REPLACE 1 Drafts {message}\r\n")).starts_with("c NO [READ-ONLY] "));
    dialogue.say("d ENABLE UIDONLY QRESYNC\r\n");
    dialogue.say("e SELECT Drafts\r\n");
    assert!(dialogue.say(&format!("f REPLACE 1 Drafts {message}\r\n")).starts_with("f BAD [UIDREQUIRED] "));
    // RFC 8508 4.5
    let answer = dialogue.say(&format!("g UID REPLACE 2 Drafts {message}\r\n"));
    let modseq = folder.snapshot().highest_modseq();
    assert!(answer.starts_with("* OK [APPENDUID 7 4] The replacement is stored\r\n* VANISHED 2\r\n"), "{answer}");
    assert!(answer.ends_with(&format!("g OK [HIGHESTMODSEQ {modseq}] REPLACE completed\r\n")), "{answer}");
    // One that another session removed.
    folder.remove(3);
    assert!(dialogue.say(&format!("h UID REPLACE 3 Drafts {message}\r\n")).contains("h NO [EXPUNGEISSUED] "));
}
