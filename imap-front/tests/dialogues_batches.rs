//! Dialogues about UIDBATCHES (RFC 10022).

#![allow(clippy::unwrap_used)]

mod support;
#[path = "support/dialogue.rs"]
mod support_dialogue;

use std::sync::Arc;

use mail_core::{FlagSet, MessageRow};
use support::Memory;
use support_dialogue::Dialogue;

/// So many messages, whose UIDs are 10, 20, 30 and so on.
fn tens(count: u32) -> Arc<Memory> {
    let store = Memory::new();
    let row = |number: u32| MessageRow {
        uid: number * 10,
        flags: FlagSet::EMPTY,
        keywords: Default::default(),
        modseq: 2,
        internal_date: 0,
        size: Some(1),
    };
    store.folder("INBOX").change(|content| {
        content.uid_next = count * 10 + 5;
        content.messages = (1..=count).map(row).collect();
    });
    store.folder("INBOX").recent.claim(7, 10_000_000);
    store
}

#[track_caller]
fn says(dialogue: &mut Dialogue, arguments: &str, ranges: &str) {
    let space = if ranges.is_empty() { "" } else { " " };
    assert_eq!(
        dialogue.say(&format!("A143 UIDBATCHES {arguments}\r\n")),
        format!("* UIDBATCHES (TAG \"A143\"){space}{ranges}\r\nA143 OK UIDBATCHES completed\r\n"),
        "{arguments}"
    );
}

/// RFC 10022 3.1.1: 6,823 messages make four batches of 2,000.
#[test]
fn messages_in_batches() {
    let mut dialogue = Dialogue::selected(tens(6823), "INBOX");
    let all = ["68230:48240", "48239:28240", "28239:8240", "8239:1"];
    says(&mut dialogue, "2000", &all.join(","));
    for (range, expected) in
        [("1:5", &all[..]), ("2:3", &all[1..3]), ("1:1", &all[..1]), ("4:4", &all[3..]), ("6:8", &[])]
    {
        says(&mut dialogue, &format!("2000 {range}"), &expected.join(","));
    }
    // As many as there are, and more.
    says(&mut dialogue, "6823", "68230:1");
    says(&mut dialogue, "4294967295", "68230:1");
    says(&mut dialogue, "4294967295 1:1", "68230:1");
    says(&mut dialogue, "6822", "68230:20,19:1");
    let answer = dialogue.say("b UIDBATCHES 500\r\n");
    assert_eq!(answer.matches(':').count(), 14, "{answer}");
    // Each has as many messages as were asked for, but for the last.
    for (batch, count) in all.iter().zip([2000, 2000, 2000, 823]) {
        let (high, low) = batch.split_once(':').unwrap();
        let answer = dialogue.say(&format!("c UID SEARCH RETURN (COUNT) UID {low}:{high}\r\n"));
        assert!(answer.contains(&format!("COUNT {count}\r\n")), "{batch}: {answer}");
    }
}

#[test]
fn what_is_refused() {
    let mut dialogue = Dialogue::selected(tens(3), "INBOX");
    assert_eq!(dialogue.say("a UIDBATCHES 499\r\n"), "a NO [TOOFEW] Minimum batch size is 500\r\n");
    assert_eq!(dialogue.say("a UIDBATCHES 2000 4:1\r\n"), "a BAD [CLIENTBUG] Invalid batch range\r\n");
    assert_eq!(dialogue.say("a UIDBATCHES 2000 1:100\r\n"), "a NO [TOOMANY] Too many messages\r\n");
    assert_eq!(dialogue.say("a UIDBATCHES 500 1:4294967295\r\n"), "a NO [TOOMANY] Too many messages\r\n");
    says(&mut dialogue, "2000 1:50", "30:1");
    for wrong in ["", " 0", " x", " 500 1", " 500 0:1", " 500 1:*"] {
        assert!(dialogue.say(&format!("a UIDBATCHES{wrong}\r\n")).starts_with("a BAD "), "{wrong}");
    }
    dialogue.say("u UNSELECT\r\n");
    assert!(dialogue.say("a UIDBATCHES 500\r\n").starts_with("a BAD "));
}

#[test]
fn other_things_stay_as_they_are() {
    let store = tens(3);
    let mut dialogue = Dialogue::selected(store.clone(), "INBOX");
    dialogue.say("s SEARCH RETURN (SAVE) 2\r\n");
    says(&mut dialogue, "500", "30:1");
    // RFC 10022 3.4
    assert_eq!(dialogue.say("f UID FETCH $ UID\r\n"), "* 2 FETCH (UID 20)\r\nf OK FETCH completed\r\n");
    store.folder("INBOX").remove(30);
    assert_eq!(
        dialogue.say("a UIDBATCHES 500\r\n"),
        "* UIDBATCHES (TAG \"a\") 30:1\r\n* 3 EXPUNGE\r\na OK UIDBATCHES completed\r\n"
    );
    says(&mut dialogue, "500", "20:1");
    let mut dialogue = Dialogue::selected(Memory::new(), "INBOX");
    says(&mut dialogue, "500", "");
    says(&mut dialogue, "500 1:3", "");
}
