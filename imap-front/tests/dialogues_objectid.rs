//! The items of OBJECTID (RFC 8474).

#![allow(clippy::unwrap_used)]

mod support;
#[path = "support/dialogue.rs"]
mod support_dialogue;

use std::sync::Arc;

use support::Memory;
use support_dialogue::Dialogue;

fn inbox() -> Arc<Memory> {
    let store = Memory::new();
    let folder = store.folder("INBOX");
    folder.deliver("Subject: 1\r\n\r\none\r\n");
    folder.deliver("Subject: 2\r\n\r\ntwo\r\n");
    folder.deliver("Subject: 1\r\n\r\none\r\n");
    folder.recent.claim(7, 4);
    store
}

/// What stands between `before` and the next `)`.
fn id(said: &str, before: &str) -> String {
    let rest = said.split_once(before).unwrap_or_else(|| panic!("no {before} in {said}")).1;
    let id = rest.split_once(')').unwrap().0.to_owned();
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    assert!((1..=255).contains(&id.len()) && id.bytes().all(fits), "{id}");
    id
}

#[test]
fn a_mailbox_keeps_its_id_under_another_name() {
    let mut dialogue = Dialogue::selected(inbox(), "INBOX");
    let foo = id(&dialogue.say("b CREATE foo\r\n"), "b OK [MAILBOXID (");
    let bar = id(&dialogue.say("c CREATE bar\r\n"), "c OK [MAILBOXID (");
    assert_ne!(foo, bar);
    assert_eq!(dialogue.say("d RENAME foo renamed\r\n"), "d OK RENAME completed\r\n");
    assert_eq!(
        dialogue.say("e STATUS renamed (MESSAGES MAILBOXID)\r\n"),
        format!("* STATUS renamed (MESSAGES 0 MAILBOXID ({foo}))\r\ne OK STATUS completed\r\n")
    );
    for select in ["SELECT", "EXAMINE"] {
        let said = dialogue.say(&format!("f {select} renamed\r\n"));
        assert_eq!(id(&said, "* OK [MAILBOXID ("), foo);
    }
    let listed = dialogue.say("g LIST \"\" bar RETURN (STATUS (MAILBOXID))\r\n");
    assert!(listed.contains(&format!("* STATUS bar (MAILBOXID ({bar}))\r\n")), "{listed}");
    assert!(dialogue.say("h CREATE bar\r\n").starts_with("h NO [ALREADYEXISTS] "));
}

#[test]
fn equal_messages_have_one_id_and_no_others() {
    let store = inbox();
    let mut dialogue = Dialogue::selected(store.clone(), "INBOX");
    store.calls.lock().unwrap().clear();
    let said = dialogue.say("a FETCH 1:2 (EMAILID FLAGS)\r\n");
    let (first, second) = said.split_once("* 2 FETCH").unwrap();
    let (one, two) = (id(first, "EMAILID ("), id(second, "EMAILID ("));
    assert_ne!(one, two);
    assert_eq!(
        said,
        format!(
            "* 1 FETCH (FLAGS () EMAILID ({one}))\r\n* 2 FETCH (FLAGS () EMAILID ({two}))\r\na OK FETCH completed\r\n"
        )
    );
    // No more is asked for than a size would need.
    assert_eq!(*store.calls.lock().unwrap(), ["fetch [1, 2] Size"]);
    assert_eq!(
        dialogue.say("b UID FETCH 3 (EMAILID THREADID)\r\n"),
        format!("* 3 FETCH (UID 3 EMAILID ({one}) THREADID NIL)\r\nb OK FETCH completed\r\n")
    );
    assert_eq!(dialogue.say("c FETCH 2 THREADID\r\n"), "* 2 FETCH (THREADID NIL)\r\nc OK FETCH completed\r\n");
    let said = dialogue.say("d FETCH 1 (EMAILID BODY.PEEK[])\r\n");
    assert_eq!(id(&said, "EMAILID ("), one);
    // Nothing of it marks the message as seen.
    assert!(!dialogue.say("e FETCH 1:3 FLAGS\r\n").contains("\\Seen"));
    for bad in ["EMAILID[1]", "(EMAILID (LAZY))", "(EMAILID", "EMAILIDS", "THREADID()"] {
        assert!(dialogue.say(&format!("f FETCH 1 {bad}\r\n")).starts_with("f BAD "), "{bad}");
    }
}

#[test]
fn messages_are_found_by_their_id() {
    let store = inbox();
    let mut dialogue = Dialogue::selected(store.clone(), "INBOX");
    let one = id(&dialogue.say("a FETCH 1 EMAILID\r\n"), "EMAILID (");
    let search = |dialogue: &mut Dialogue, key: &str| dialogue.say(&format!("b SEARCH {key}\r\n"));
    assert_eq!(search(&mut dialogue, &format!("EMAILID {one}")), "* SEARCH 1 3\r\nb OK SEARCH completed\r\n");
    assert_eq!(search(&mut dialogue, &format!("NOT EMAILID {one}")), "* SEARCH 2\r\nb OK SEARCH completed\r\n");
    assert_eq!(
        search(&mut dialogue, &format!("OR EMAILID {one} SUBJECT 2")),
        "* SEARCH 1 2 3\r\nb OK SEARCH completed\r\n"
    );
    // Identifiers are compared as they are written.
    let other_case: String =
        one.chars().map(|c| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c }).collect();
    for none in [format!("EMAILID {other_case}"), "THREADID T64".to_owned(), format!("3 EMAILID {one} SEEN")] {
        let said = search(&mut dialogue, &none);
        assert_eq!(said, "* SEARCH\r\nb OK SEARCH completed\r\n", "{none}");
    }
    for bad in ["EMAILID", "EMAILID \"\"", "EMAILID a.b", "THREADID (x)"] {
        assert!(search(&mut dialogue, bad).starts_with("b BAD "), "{bad}");
    }
    // Such a search can be followed.
    let said = dialogue.say(&format!("c SEARCH RETURN (UPDATE) EMAILID {one}\r\n"));
    assert!(said.starts_with("* ESEARCH (TAG \"c\")"), "{said}");
}
