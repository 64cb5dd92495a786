//! Dialogues about what SEARCH returns and what is kept of it: ESEARCH (RFC 4731), SEARCHRES (RFC 5182), WITHIN (RFC 5032), the
//! key MODSEQ (RFC 7162), PARTIAL (RFC 9394) and INPROGRESS (RFC 9585).

#![allow(clippy::unwrap_used)]

mod support;
#[path = "support/dialogue.rs"]
mod support_dialogue;

use std::sync::Arc;
use std::time::Duration;

use mail_core::{FlagSet, MessageRow};
use support::Memory;
use support_dialogue::Dialogue;

/// Messages 1 to 6 with the UIDs 2, 3, 5, 7, 11, 13; those with odd UIDs are flagged.
fn primes() -> (Arc<Memory>, Dialogue) {
    let store = Memory::new();
    let folder = store.folder("INBOX");
    for number in 1..=13 {
        folder.deliver(format!("Subject: {number}\r\n\r\nbody {number}\r\n"));
    }
    folder.change(|content| {
        content.messages.retain(|row| [2, 3, 5, 7, 11, 13].contains(&row.uid));
        for row in content.messages.iter_mut().filter(|row| row.uid % 2 == 1) {
            row.flags = FlagSet::FLAGGED;
        }
    });
    folder.recent.claim(7, 14);
    let dialogue = Dialogue::selected(store.clone(), "INBOX");
    (store, dialogue)
}

#[track_caller]
fn says(dialogue: &mut Dialogue, command: &str, untagged: &str) {
    let answer = dialogue.say(&format!("a {command}\r\n"));
    let name = command.split(' ').find(|word| *word != "UID").unwrap();
    assert_eq!(answer, format!("{untagged}a OK {name} completed\r\n"), "{command}");
}

#[test]
fn esearch() {
    let (_, mut dialogue) = primes();
    for (command, expected) in [
        ("SEARCH RETURN () FLAGGED", "ALL 2:6"),
        ("SEARCH RETURN (ALL) FLAGGED", "ALL 2:6"),
        ("UID SEARCH RETURN (ALL) FLAGGED", "UID ALL 3,5,7,11,13"),
        ("SEARCH RETURN (MIN) FLAGGED", "MIN 2"),
        ("UID SEARCH RETURN (MAX) FLAGGED", "UID MAX 13"),
        ("SEARCH RETURN (COUNT) FLAGGED", "COUNT 5"),
        ("UID SEARCH return (min max count) FLAGGED", "UID MIN 3 MAX 13 COUNT 5"),
        ("SEARCH RETURN (MIN COUNT ALL MAX) CHARSET UTF-8 SUBJECT 1", "MIN 5 MAX 6 ALL 5:6 COUNT 2"),
        // Where nothing is found, only COUNT says so (RFC 4731 3.1).
        ("SEARCH RETURN (MIN MAX ALL COUNT) DELETED", "COUNT 0"),
    ] {
        says(&mut dialogue, command, &format!("* ESEARCH (TAG \"a\") {expected}\r\n"));
    }
    says(&mut dialogue, "UID SEARCH RETURN () DELETED", "* ESEARCH (TAG \"a\") UID\r\n");
    says(&mut dialogue, "SEARCH RETURN (MIN) DELETED", "* ESEARCH (TAG \"a\")\r\n");
    for wrong in ["RETURN (X) ALL", "RETURN (MIN)", "RETURN MIN ALL", "RETURN (MIN ALL", "CHARSET UTF-8 RETURN () ALL"]
    {
        assert!(dialogue.say(&format!("b SEARCH {wrong}\r\n")).starts_with("b BAD "), "{wrong}");
    }
}

#[test]
fn modseq() {
    let (store, mut dialogue) = primes();
    // Message n came at n + 1, and the flags at 15.
    store.folder("INBOX").change(|content| {
        for row in &mut content.messages {
            row.modseq = 100 + u64::from(row.uid);
        }
    });
    dialogue.say("n NOOP\r\n");
    // The first command about MODSEQ is answered with how far the client knows the folder (RFC 7162 3.1.2).
    let first = dialogue.say("a SEARCH MODSEQ 107\r\n");
    assert!(first.starts_with("* OK [HIGHESTMODSEQ "), "{first}");
    assert!(first.ends_with("* SEARCH 4 5 6 (MODSEQ 113)\r\na OK SEARCH completed\r\n"), "{first}");
    says(&mut dialogue, "UID SEARCH OR MODSEQ \"/flags/\\\\draft\" all 112 UID 3", "* SEARCH 3 13 (MODSEQ 113)\r\n");
    says(&mut dialogue, "SEARCH MODSEQ 114", "* SEARCH\r\n");
    // RFC 7162 3.1.10: of what is returned.
    for (returned, expected) in [
        ("MIN", "MIN 2 MODSEQ 103"),
        ("MAX", "MAX 5 MODSEQ 111"),
        ("MIN MAX", "MIN 2 MAX 5 MODSEQ 111"),
        ("MIN COUNT", "MIN 2 COUNT 4 MODSEQ 111"),
        ("ALL", "ALL 2:5 MODSEQ 111"),
        ("PARTIAL 1:2", "PARTIAL (1:2 2:3) MODSEQ 105"),
    ] {
        let command = format!("SEARCH RETURN ({returned}) MODSEQ 103 UID 1:12");
        says(&mut dialogue, &command, &format!("* ESEARCH (TAG \"a\") {expected}\r\n"));
    }
    says(&mut dialogue, "SEARCH RETURN (COUNT) MODSEQ 114", "* ESEARCH (TAG \"a\") COUNT 0\r\n");
    says(&mut dialogue, "SORT (REVERSE ARRIVAL) UTF-8 MODSEQ 110", "* SORT 6 5 (MODSEQ 113)\r\n");
}

#[test]
fn partial() {
    let (_, mut dialogue) = primes();
    for (range, expected) in
        [("1:2", "3,5"), ("4:10", "11,13"), ("-1:-2", "11,13"), ("-5:-9", "3"), ("6:9", "NIL"), ("-6:-7", "NIL")]
    {
        let command = format!("UID SEARCH RETURN (PARTIAL {range}) FLAGGED");
        says(&mut dialogue, &command, &format!("* ESEARCH (TAG \"a\") UID PARTIAL ({range} {expected})\r\n"));
    }
    let told = "* ESEARCH (TAG \"a\") UID PARTIAL (1:2 3,5)\r\n";
    says(&mut dialogue, "UID SEARCH RETURN (PARTIAL 2:1) FLAGGED", told);
    says(
        &mut dialogue,
        "SEARCH RETURN (COUNT PARTIAL -1:-1 MIN) FLAGGED",
        "* ESEARCH (TAG \"a\") MIN 2 PARTIAL (-1:-1 6) COUNT 5\r\n",
    );
    for wrong in ["PARTIAL 1:2 ALL", "PARTIAL 1:2 PARTIAL 3:4", "PARTIAL", "PARTIAL 0:1", "PARTIAL -1:1", "PARTIAL 1:*"]
    {
        assert!(dialogue.say(&format!("b SEARCH RETURN ({wrong}) ALL\r\n")).starts_with("b BAD "), "{wrong}");
    }
    let line = |number: u32, uid: u32| format!("* {number} FETCH (UID {uid} FLAGS (\\Flagged))\r\n");
    says(&mut dialogue, "UID FETCH 3:* FLAGS (PARTIAL 1:2)", &(line(2, 3) + &line(3, 5)));
    says(&mut dialogue, "UID FETCH 3:* (FLAGS) (partial -1:-2)", &(line(5, 11) + &line(6, 13)));
    says(&mut dialogue, "UID FETCH 3:* (FLAGS) (PARTIAL 6:7)", "");
    for wrong in ["UID FETCH 1 FLAGS (PARTIAL 1)", "FETCH 1 FLAGS (PARTIAL 1:2)", "UID FETCH 1 (PARTIAL 1:2)"] {
        assert!(dialogue.say(&format!("b {wrong}\r\n")).starts_with("b BAD "), "{wrong}");
    }
}

#[test]
fn searchres() {
    let (store, mut dialogue) = primes();
    store.add("Work", None);
    // Nothing is saved yet, which is no error.
    says(&mut dialogue, "UID FETCH $ FLAGS", "");
    says(&mut dialogue, "FETCH $ FLAGS", "");
    says(&mut dialogue, "SEARCH RETURN () $", "* ESEARCH (TAG \"a\")\r\n");
    says(&mut dialogue, "SEARCH RETURN (SAVE) FLAGGED", "");
    let line = |number: u32, uid: u32| format!("* {number} FETCH (UID {uid})\r\n");
    says(&mut dialogue, "FETCH $ UID", &(2..).zip([3, 5, 7, 11, 13]).map(|(n, u)| line(n, u)).collect::<String>());
    says(&mut dialogue, "UID SEARCH $ SMALLER 1000 NOT UID 7", "* SEARCH 3 5 11 13\r\n");
    says(&mut dialogue, "SEARCH OR UID $ 1", "* SEARCH 1 2 3 4 5 6\r\n");
    says(&mut dialogue, "SEARCH NOT $", "* SEARCH 1\r\n");
    says(&mut dialogue, "UID SORT (REVERSE ARRIVAL) UTF-8 $ UID 1:6", "* SORT 5 3\r\n");
    // A search may look for what it replaces.
    says(&mut dialogue, "UID SEARCH RETURN (SAVE COUNT) $ UID 4:11", "* ESEARCH (TAG \"a\") UID COUNT 3\r\n");
    says(&mut dialogue, "UID STORE $ +FLAGS.SILENT (\\Deleted)", "");
    assert_eq!(dialogue.say("c COPY $ Work\r\n"), "c OK [COPYUID 7 5,7,11 1:3] COPY completed\r\n");
    assert_eq!(dialogue.say("c UID EXPUNGE $\r\n").matches("EXPUNGE\r\n").count(), 3);
    assert_eq!(store.folder("INBOX").messages().iter().map(|row| row.uid).collect::<Vec<_>>(), [2, 3, 13]);
    // What is gone is saved no more (RFC 5182 2.1).
    says(&mut dialogue, "SEARCH RETURN (ALL) $", "* ESEARCH (TAG \"a\")\r\n");
    says(&mut dialogue, "SEARCH RETURN (SAVE) ALL", "");
    store.folder("INBOX").remove(3);
    says(&mut dialogue, "NOOP", "* 2 EXPUNGE\r\n");
    says(&mut dialogue, "UID SEARCH $", "* SEARCH 2 13\r\n");
    says(&mut dialogue, "FETCH $ UID", "* 1 FETCH (UID 2)\r\n* 2 FETCH (UID 13)\r\n");
    // What comes is not.
    store.folder("INBOX").deliver("a: b\r\n\r\n");
    dialogue.say("n NOOP\r\n");
    says(&mut dialogue, "UID SEARCH $", "* SEARCH 2 13\r\n");
    assert_eq!(dialogue.say("d MOVE $ Work\r\n").matches("EXPUNGE\r\n").count(), 2);
    says(&mut dialogue, "SEARCH $", "* SEARCH\r\n");
    for wrong in ["FETCH $:2 FLAGS", "FETCH 1,$ FLAGS", "SEARCH 1,$", "SELECT $ (X)"] {
        assert!(dialogue.say(&format!("e {wrong}\r\n")).starts_with("e BAD "), "{wrong}");
    }
}

#[test]
fn what_is_saved() {
    let (store, mut dialogue) = primes();
    store.add("Work", None);
    // RFC 5182 2.4, RFC 9394 3.2
    for (returned, saved) in [
        ("SAVE", "3 5 7 11 13"),
        ("SAVE ALL", "3 5 7 11 13"),
        ("SAVE MIN", "3"),
        ("SAVE MAX", "13"),
        ("MIN SAVE MAX", "3 13"),
        ("SAVE MIN COUNT", "3 5 7 11 13"),
        ("SAVE MAX ALL", "3 5 7 11 13"),
        ("SAVE PARTIAL 2:3", "5 7"),
        ("SAVE PARTIAL 2:3 MIN", "3 5 7"),
        ("SAVE PARTIAL -1:-2 MIN MAX", "3 11 13"),
        ("SAVE PARTIAL 9:10", ""),
        ("SAVE PARTIAL 2:3 COUNT", "3 5 7 11 13"),
    ] {
        dialogue.say(&format!("s SEARCH RETURN ({returned}) FLAGGED\r\n"));
        let space = if saved.is_empty() { "" } else { " " };
        says(&mut dialogue, "UID SEARCH $", &format!("* SEARCH{space}{saved}\r\n"));
        // Nothing else saves.
        says(&mut dialogue, "SEARCH RETURN (COUNT) ALL", "* ESEARCH (TAG \"a\") COUNT 6\r\n");
        says(&mut dialogue, "UID SEARCH $", &format!("* SEARCH{space}{saved}\r\n"));
    }
    dialogue.say("s UID SORT RETURN (SAVE MIN) (REVERSE ARRIVAL) UTF-8 ALL\r\n");
    says(&mut dialogue, "UID SEARCH $", "* SEARCH 13\r\n");
    // What fails saves nothing; what is not understood changes nothing (RFC 5182 2.1).
    dialogue.say("s SEARCH RETURN (SAVE) FLAGGED\r\n");
    assert!(dialogue.say("t SEARCH RETURN (SAVE) X\r\n").starts_with("t BAD "));
    assert!(dialogue.say("t SEARCH CHARSET x-nothing ALL\r\n").starts_with("t NO [BADCHARSET"));
    says(&mut dialogue, "SEARCH RETURN (COUNT) $", "* ESEARCH (TAG \"a\") COUNT 5\r\n");
    assert!(dialogue.say("t SEARCH RETURN (SAVE) CHARSET x-nothing ALL\r\n").starts_with("t NO [BADCHARSET"));
    says(&mut dialogue, "SEARCH RETURN (COUNT) $", "* ESEARCH (TAG \"a\") COUNT 0\r\n");
    dialogue.say("s SEARCH RETURN (SAVE) FLAGGED\r\n");
    assert!(
        dialogue.say(&format!("t SEARCH RETURN (SAVE) {}\r\n", ["ALL"; 1001].join(" "))).starts_with("t NO [LIMIT]")
    );
    says(&mut dialogue, "SEARCH RETURN (COUNT) $", "* ESEARCH (TAG \"a\") COUNT 0\r\n");
    // Another selection has nothing saved.
    for select in ["SELECT INBOX", "EXAMINE INBOX"] {
        dialogue.say("s SEARCH RETURN (SAVE) ALL\r\n");
        dialogue.say(&format!("s {select}\r\n"));
        says(&mut dialogue, "SEARCH RETURN (COUNT) $", "* ESEARCH (TAG \"a\") COUNT 0\r\n");
    }
}

/// The examples of RFC 5182 2.1 need their own folder; what matters of them is the pipeline.
#[test]
fn commands_that_were_sent_ahead_have_what_was_saved_before() {
    let (_, mut dialogue) = primes();
    assert_eq!(
        dialogue.say("a SEARCH RETURN (SAVE) UID 5\r\nb FETCH $ UID\r\nc SEARCH RETURN (SAVE) 6\r\nd FETCH $ UID\r\n"),
        "a OK SEARCH completed\r\n* 3 FETCH (UID 5)\r\nb OK FETCH completed\r\n\
         c OK SEARCH completed\r\n* 6 FETCH (UID 13)\r\nd OK FETCH completed\r\n"
    );
}

#[test]
fn more_than_can_be_saved() {
    let store = Memory::new();
    // Every second one, of so many that the ranges would take too much.
    store.folder("INBOX").change(|content| {
        content.uid_next = 70_001;
        let row = |uid: u32| MessageRow {
            uid,
            flags: if uid.is_multiple_of(2) { FlagSet::SEEN } else { FlagSet::EMPTY },
            keywords: Default::default(),
            modseq: 2,
            internal_date: 0,
            size: Some(1),
        };
        content.messages = (1..=70_000).map(row).collect();
    });
    let mut dialogue = Dialogue::selected(store, "INBOX");
    says(&mut dialogue, "SEARCH RETURN (SAVE) ALL", "");
    says(&mut dialogue, "SEARCH RETURN (COUNT) $", "* ESEARCH (TAG \"a\") COUNT 70000\r\n");
    assert_eq!(
        dialogue.say("b SEARCH RETURN (SAVE COUNT) SEEN\r\n"),
        "b NO [NOTSAVED] Too many messages to be saved\r\n"
    );
    says(&mut dialogue, "SEARCH RETURN (COUNT) $", "* ESEARCH (TAG \"a\") COUNT 0\r\n");
}

#[test]
fn within() {
    let (store, mut dialogue) = primes();
    let arrived = |uid: u32| store.folder("INBOX").snapshot().rows().get(uid).unwrap().internal_date;
    dialogue.time = arrived(13) + 100;
    let day = 86_400;
    says(&mut dialogue, "UID SEARCH YOUNGER 100", "* SEARCH 13\r\n");
    says(&mut dialogue, "UID SEARCH YOUNGER 99", "* SEARCH\r\n");
    says(
        &mut dialogue,
        &format!("UID SEARCH OLDER {} YOUNGER {}", 100 + 6 * day, 100 + 10 * day),
        "* SEARCH 3 5 7\r\n",
    );
    says(&mut dialogue, &format!("UID SEARCH OLDER {}", 101 + 10 * day), "* SEARCH 2\r\n");
    says(&mut dialogue, "UID SEARCH OLDER 4294967296", "* SEARCH\r\n");
    // Time passes.
    dialogue.time += 60;
    says(&mut dialogue, "UID SEARCH YOUNGER 100", "* SEARCH\r\n");
    for wrong in ["OLDER 0", "YOUNGER -1", "OLDER", "YOUNGER x"] {
        assert!(dialogue.say(&format!("b SEARCH {wrong}\r\n")).starts_with("b BAD "), "{wrong}");
    }
}

#[test]
fn in_progress() {
    let (store, mut dialogue) = primes();
    dialogue.hold_calls = true;
    assert_eq!(dialogue.say("a1 SEARCH BODY x\r\n"), "");
    assert_eq!(dialogue.wait(Duration::from_secs(15)), "* OK [INPROGRESS (\"a1\" 0 6)] Still working\r\n");
    dialogue.hold_calls = false;
    assert_eq!(dialogue.release_calls(), "* SEARCH\r\na1 OK SEARCH completed\r\n");
    // In the middle of what is fetched, and of what is put in order.
    for command in
        ["FETCH 1:* BODY.PEEK[TEXT]", "SORT (SUBJECT) UTF-8 ALL", "THREAD REFS UTF-8 ALL", "SEARCH TEXT body"]
    {
        dialogue.pause_fetch_after = Some(4);
        let begun = dialogue.say(&format!("a2 {command}\r\n"));
        assert!(!begun.contains("a2 OK"), "{begun}");
        assert_eq!(
            dialogue.wait(Duration::from_secs(16)),
            "* OK [INPROGRESS (\"a2\" 4 6)] Still working\r\n",
            "{command}"
        );
        let ended = dialogue.release_calls();
        assert!(ended.ends_with(" completed\r\n") && ended.contains("a2 OK"), "{ended}");
    }
    drop(store);
}
