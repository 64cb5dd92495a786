//! Dialogues about SORT and THREAD (RFC 5256), SORT=DISPLAY (RFC 5957), ESORT (RFC 5267) and THREAD=REFS
//! (draft-ietf-morg-inthread).

#![allow(clippy::unwrap_used)]

mod support;
#[path = "support/dialogue.rs"]
mod support_dialogue;

use std::sync::Arc;

use support::Memory;
use support_dialogue::Dialogue;

fn store(messages: impl IntoIterator<Item = String>) -> Arc<Memory> {
    let store = Memory::new();
    store.folder("INBOX").deliver_all(messages);
    store.folder("INBOX").recent.claim(7, u32::MAX);
    store
}

/// What a command shows, without its name.
#[track_caller]
fn shown(dialogue: &mut Dialogue, command: &str) -> String {
    let answer = dialogue.say(&format!("a {command}\r\n"));
    let name = command.split(' ').find(|word| *word != "UID").unwrap();
    let rest = answer.strip_suffix(&format!("\r\na OK {name} completed\r\n"));
    let rest = rest.unwrap_or_else(|| panic!("{command}: {answer}"));
    rest.strip_prefix(&format!("* {name}")).unwrap_or(rest).trim_start().to_owned()
}

fn letter(fields: &[(&str, &str)]) -> String {
    fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect::<String>() + "\r\nbody\r\n"
}

#[test]
fn sort() {
    let store = store([
        letter(&[
            ("Subject", "Re: beta"),
            ("From", "Zoe <a@x>"),
            ("Date", "Wed, 3 Jan 2024 10:00:00 +0000"),
            ("To", "u@x"),
        ]),
        letter(&[
            ("Subject", "alpha"),
            ("From", "b@x"),
            ("Date", "Wed, 3 Jan 2024 11:00:00 +0200"),
            ("Cc", "k@x, a@x"),
        ]),
        letter(&[
            ("Subject", "[list] Beta (fwd)"),
            ("From", "\"Ärger\" <C@x>"),
            ("X", &"x".repeat(99)),
            ("To", "T: v@x;"),
        ]),
        letter(&[("From", "=?utf-8?q?=C3=A4rmel?= <d@x>, a@x"), ("Date", "nonsense"), ("To", "\"U\" <U@x>")]),
    ]);
    let mut dialogue = Dialogue::selected(store.clone(), "INBOX");
    for (keys, expected) in [
        ("ARRIVAL", "1 2 3 4"),
        ("REVERSE ARRIVAL", "4 3 2 1"),
        // The third and fourth say nothing, and came in 1996.
        ("DATE", "3 4 2 1"),
        ("REVERSE DATE", "1 2 4 3"),
        ("SUBJECT", "4 2 1 3"),
        ("REVERSE SUBJECT", "1 3 2 4"),
        ("SUBJECT REVERSE DATE", "4 2 1 3"),
        ("SUBJECT DATE", "4 2 3 1"),
        ("REVERSE SUBJECT REVERSE ARRIVAL", "3 1 2 4"),
        ("FROM", "1 2 3 4"),
        // The name of a group stands where addresses have what is before the at sign.
        ("TO", "2 3 1 4"),
        ("REVERSE TO", "1 4 3 2"),
        ("CC", "1 3 4 2"),
        ("SIZE", "4 2 1 3"),
        ("DISPLAYFROM", "3 4 2 1"),
        ("REVERSE DISPLAYFROM", "1 2 4 3"),
        ("DISPLAYTO", "2 3 4 1"),
        ("TO SUBJECT FROM DISPLAYFROM DISPLAYTO CC ARRIVAL SIZE", "2 3 4 1"),
    ] {
        assert_eq!(shown(&mut dialogue, &format!("SORT ({keys}) UTF-8 ALL")), expected, "{keys}");
    }
    assert_eq!(shown(&mut dialogue, "SORT (DATE) US-ASCII SUBJECT beta"), "3 1");
    assert_eq!(shown(&mut dialogue, "SORT (DATE) US-ASCII DELETED"), "");
    store.folder("INBOX").remove(1);
    dialogue.say("n NOOP\r\n");
    assert_eq!(shown(&mut dialogue, "SORT (DATE) US-ASCII ALL"), "2 3 1");
    assert_eq!(shown(&mut dialogue, "UID SORT (DATE) US-ASCII ALL"), "3 4 2");
    assert!(dialogue.say("b SORT (DATE) x-nothing ALL\r\n").starts_with("b NO [BADCHARSET "));
    for wrong in ["SORT (DATE) ALL", "SORT DATE UTF-8 ALL", "SORT (DATE SCORE) UTF-8 ALL", "UID SORT () UTF-8 ALL"] {
        assert!(dialogue.say(&format!("b {wrong}\r\n")).starts_with("b BAD "), "{wrong}");
    }
}

#[test]
fn rows_are_enough_for_what_they_have() {
    let store = store((0..4).map(|number| letter(&[("Subject", &"x".repeat(9 - number))])));
    let calls = || std::mem::take(&mut *store.calls.lock().unwrap());
    let mut dialogue = Dialogue::selected(store.clone(), "INBOX");
    calls();
    assert_eq!(shown(&mut dialogue, "SORT (SIZE ARRIVAL) UTF-8 ALL"), "4 3 2 1");
    assert_eq!(calls(), [""; 0]);
    assert_eq!(shown(&mut dialogue, "SORT (SUBJECT SIZE) UTF-8 2:3"), "3 2");
    assert_eq!(calls(), ["fetch [2, 3] Outline"]);
    assert_eq!(shown(&mut dialogue, "THREAD REFS UTF-8 1"), "(1)");
    assert_eq!(calls(), ["fetch [1] Outline"]);
}

#[test]
fn esort() {
    let store = store([
        letter(&[("Subject", "c")]),
        letter(&[("Subject", "a")]),
        letter(&[("Subject", "b")]),
        letter(&[("Subject", "d")]),
    ]);
    let mut dialogue = Dialogue::selected(store, "INBOX");
    for (command, expected) in [
        ("SORT RETURN () (SUBJECT) UTF-8 ALL", "ALL 2:3,1,4"),
        ("UID SORT RETURN (MIN MAX COUNT) (SUBJECT) UTF-8 ALL", "UID MIN 2 MAX 4 COUNT 4"),
        ("SORT RETURN (PARTIAL 2:3) (SUBJECT) UTF-8 ALL", "PARTIAL (2:3 3,1)"),
        ("SORT RETURN (ALL COUNT) (REVERSE SUBJECT) UTF-8 1:3", "ALL 1,3,2 COUNT 3"),
        ("SORT RETURN (COUNT) (SUBJECT) UTF-8 DELETED", "COUNT 0"),
    ] {
        let expected = format!("* ESEARCH (TAG \"a\") {expected}");
        assert_eq!(shown(&mut dialogue, command), expected, "{command}");
    }
    for option in ["UPDATE", "CONTEXT"] {
        // Contexts are those of SEARCH.
        let answer = dialogue.say(&format!("b SORT RETURN ({option}) (SUBJECT) UTF-8 ALL\r\n"));
        assert!(answer.starts_with("b BAD "), "{answer}");
    }
}

/// Messages by their id, what they refer to, and their subject, one sent a minute after the other.
fn conversation(messages: &[(&str, &str, &str)]) -> Dialogue {
    let letters = (0..).zip(messages).map(|(minute, (id, references, subject))| {
        letter(&[
            ("Message-ID", &format!("<{id}@x>")),
            ("References", &references.split_terminator(' ').map(|id| format!("<{id}@x> ")).collect::<String>()),
            ("Subject", subject),
            ("Date", &format!("Wed, 3 Jan 2024 {:02}:{:02}:00 +0000", minute / 60, minute % 60)),
        ])
    });
    Dialogue::selected(store(letters.collect::<Vec<_>>()), "INBOX")
}

#[test]
fn references() {
    let threads = |messages: &[(&str, &str, &str)], expected: &str| {
        let mut dialogue = conversation(messages);
        assert_eq!(shown(&mut dialogue, "THREAD REFERENCES UTF-8 ALL"), expected, "{messages:?}");
    };
    // Replies below what they reply to, and siblings by date.
    threads(&[("a", "", "x"), ("b", "a", "Re: x"), ("c", "a b", "Re: x"), ("d", "a", "Re: x")], "(1 (2 3)(4))");
    // What is not there: with one child it is nothing, with several it keeps them together.
    threads(&[("b", "a", "x"), ("c", "q", "y")], "(1)(2)");
    threads(&[("b", "a", "x"), ("c", "a", "y")], "((1)(2))");
    threads(&[("c", "a b", "x"), ("d", "a b", "y"), ("e", "a", "z")], "((1)(2)(3))");
    threads(&[("a", "", "x"), ("c", "a b", "y"), ("d", "a b", "z")], "(1 (2)(3))");
    // In the end the last reference counts, whatever others said.
    threads(&[("a", "", "x"), ("b", "", "y"), ("c", "a", "z"), ("d", "b c", "w")], "(1 3 4)(2)");
    threads(&[("d", "a b", "x"), ("b", "", "y")], "(2 1)");
    // Circles are not closed.
    threads(&[("a", "b", "x"), ("b", "a", "y")], "(2 1)");
    threads(&[("a", "a", "x")], "(1)");
    threads(&[("c", "a b a b", "x"), ("a", "c", "y")], "(2 1)");
    // An id that was there already is none.
    threads(&[("a", "", "x"), ("a", "", "y"), ("b", "a", "z")], "(1 3)(2)");
    // A message comes before what it replies to.
    threads(&[("b", "a", "Re: x"), ("a", "", "x")], "(2 1)");
}

#[test]
fn subjects_bring_threads_together() {
    let threads = |messages: &[(&str, &str, &str)], expected: &str, refs: &str| {
        let mut dialogue = conversation(messages);
        assert_eq!(shown(&mut dialogue, "THREAD REFERENCES UTF-8 ALL"), expected, "{messages:?}");
        assert_eq!(shown(&mut dialogue, "THREAD REFS UTF-8 ALL"), refs, "{messages:?}");
    };
    // A reply below what is none.
    threads(&[("a", "", "x"), ("b", "", "Re: x")], "(1 2)", "(1)(2)");
    threads(&[("a", "", "Re: x"), ("b", "", "x")], "(2 1)", "(1)(2)");
    // Two of the same kind beside each other.
    threads(&[("a", "", "x"), ("b", "", "X")], "((1)(2))", "(1)(2)");
    threads(&[("a", "", "Re: x"), ("b", "", "fwd: x"), ("c", "", "x (fwd)")], "((1)(2)(3))", "(1)(2)(3)");
    // Those that are together already take the others in.
    threads(&[("a", "", "x"), ("b", "q", "x"), ("c", "q", "Re: x")], "((1)(2)(3))", "(1)((2)(3))");
    threads(
        &[("b", "q", "x"), ("c", "q", "y"), ("d", "r", "x"), ("e", "r", "z")],
        "((1)(2)(3)(4))",
        "((1)(2))((3)(4))",
    );
    threads(&[("a", "", ""), ("b", "", "Re:"), ("c", "", "[fwd: ]")], "(1)(2)(3)", "(1)(2)(3)");
    // Threads by when they began, or by what came to them last.
    threads(&[("a", "", "x"), ("b", "", "y"), ("c", "a", "Re: x")], "(1 3)(2)", "(2)(1 3)");
}

#[test]
fn in_reply_to_counts_without_references() {
    let store = store([
        letter(&[("Message-ID", "<\"a\"@x>"), ("Subject", "x")]),
        letter(&[("Message-ID", "<b@x>"), ("In-Reply-To", "your message of <a@x> <c@x>"), ("Subject", "y")]),
        letter(&[("Message-ID", "<c@x>"), ("References", "none"), ("In-Reply-To", "<b@x>"), ("Subject", "z")]),
        letter(&[("Subject", "v"), ("In-Reply-To", "<c@x>"), ("References", "<a@x>")]),
    ]);
    let mut dialogue = Dialogue::selected(store, "INBOX");
    assert_eq!(shown(&mut dialogue, "UID THREAD REFERENCES UTF-8 ALL"), "(1 (2 3)(4))");
    assert_eq!(shown(&mut dialogue, "THREAD REFERENCES UTF-8 2:4"), "((2 3)(4))");
}

#[test]
fn ordered_subject() {
    let mut dialogue = conversation(&[
        ("a", "", "x"),
        ("b", "", "y"),
        ("c", "", "Re: x"),
        ("d", "", "Fwd: y"),
        ("e", "", "z"),
        ("f", "", "[l] X"),
    ]);
    assert_eq!(shown(&mut dialogue, "THREAD ORDEREDSUBJECT UTF-8 ALL"), "(1 (3)(6))(2 4)(5)");
    assert_eq!(shown(&mut dialogue, "THREAD ORDEREDSUBJECT UTF-8 DELETED"), "");
    assert_eq!(dialogue.say("b THREAD ORDEREDSUBJECT UTF-8 DELETED\r\n"), "* THREAD\r\nb OK THREAD completed\r\n");
}

#[test]
fn depth_and_length_are_no_matter() {
    // One that refers to 100,000, each of which is one more level, and many that refer to each other.
    let all: Vec<String> = (0..100_000).map(|number| format!("<{number}@x>")).collect();
    let mut letters = vec![letter(&[("Message-ID", "<m@x>"), ("References", &all.join("\r\n "))])];
    letters.extend((0..2000).map(|number| {
        letter(&[("Message-ID", &format!("<{}@x>", number * 10)), ("References", &format!("<{}@x>", number * 10 + 5))])
    }));
    let count = letters.len();
    let mut dialogue = Dialogue::selected(store(letters), "INBOX");
    for algorithm in ["REFERENCES", "REFS", "ORDEREDSUBJECT"] {
        let threads = shown(&mut dialogue, &format!("THREAD {algorithm} UTF-8 ALL"));
        let numbers = threads.split(['(', ')', ' ']).filter(|number| !number.is_empty());
        assert_eq!(numbers.count(), count, "{algorithm}");
    }
    // Replies to replies.
    let chain: Vec<String> = (0..5000)
        .map(|number| {
            let fields = [
                ("Message-ID", format!("<{number}@x>")),
                ("In-Reply-To", format!("<{}@x>", number - 1)),
                ("Subject", "x".to_owned()),
            ];
            letter(&fields.each_ref().map(|(name, value)| (*name, value.as_str())))
        })
        .collect();
    let mut dialogue = Dialogue::selected(store(chain), "INBOX");
    let numbers: Vec<String> = (1..=5000).map(|number| number.to_string()).collect();
    assert_eq!(shown(&mut dialogue, "THREAD REFERENCES UTF-8 ALL"), format!("({})", numbers.join(" ")));
}

#[test]
fn an_order_takes_no_more_memory_than_there_is_for_it() {
    let subject = "x".repeat(2000);
    let store = store((0..2200).map(|_| letter(&[("Subject", &subject)])));
    let mut dialogue = Dialogue::selected(store, "INBOX");
    let keys = vec!["SUBJECT"; 16].join(" ");
    let answer = dialogue.say(&format!("a SORT ({keys}) UTF-8 ALL\r\n"));
    assert_eq!(answer, "a NO [LIMIT] too many messages for this order\r\n");
    assert_eq!(shown(&mut dialogue, &format!("SORT ({keys}) UTF-8 1:3")), "1 2 3");
}

#[test]
fn what_goes_meanwhile_is_left_out() {
    let store = store((0..3).map(|number| letter(&[("Subject", &(9 - number).to_string())])));
    let mut dialogue = Dialogue::selected(store.clone(), "INBOX");
    store.folder("INBOX").remove(2);
    assert_eq!(shown(&mut dialogue, "SORT (SUBJECT) UTF-8 ALL"), "3 1");
    store.folder("INBOX").remove(1);
    assert_eq!(
        dialogue.say("b UID THREAD REFS UTF-8 ALL\r\n"),
        "* THREAD (3)\r\n* 2 EXPUNGE\r\n* 1 EXPUNGE\r\nb OK THREAD completed\r\n"
    );
}
