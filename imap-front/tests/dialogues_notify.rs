//! Dialogues about what is told without being asked for each time: NOTIFY (RFC 5465).

#![allow(clippy::unwrap_used)]

mod support;
#[path = "support/dialogue.rs"]
mod support_dialogue;

use std::sync::Arc;

use imap_front::store::{StoreError, UserStore};
use mail_core::{FlagSet, FolderKey, StoreChanges};
use support::Memory;
use support_dialogue::Dialogue;

const HEADER: &str = "From: jim@example.com\r\nTo: a@b\r\nSubject: hello\r\n\r\nbody\r\n";

fn store() -> Arc<Memory> {
    let store = Memory::new();
    for name in ["Lists", "Lists/Lemonade", "Misc"] {
        store.add(name, None);
    }
    store.folder("INBOX").deliver_all((1..=3).map(|number| format!("Subject: {number}\r\n\r\nbody\r\n")));
    store.folder("INBOX").recent.claim(7, 1000);
    store
}

fn flag(store: &Memory, folder: &str, uid: u32, flags: FlagSet) {
    store.folder(folder).change(|content| {
        content.messages.iter_mut().filter(|row| row.uid == uid).for_each(|row| row.flags = flags);
    });
}

fn key(name: &str) -> FolderKey {
    FolderKey(name.as_bytes().to_vec())
}

fn now<T>(future: impl Future<Output = T>) -> T {
    futures::FutureExt::now_or_never(future).unwrap()
}

#[track_caller]
fn sets(dialogue: &mut Dialogue, arguments: &str, untagged: &str) {
    let answer = dialogue.say(&format!("a NOTIFY {arguments}\r\n"));
    assert_eq!(answer, format!("{untagged}a OK NOTIFY completed\r\n"), "{arguments}");
}

/// The example of RFC 5465 3.1.
#[test]
fn what_comes_is_shown_at_once() {
    let store = store();
    let mut dialogue = Dialogue::selected(store.clone(), "INBOX");
    sets(
        &mut dialogue,
        "SET STATUS (selected (MessageNew (uid body.peek[header.fields (from to subject)]) MessageExpunge)) \
         (subtree Lists (MessageNew MessageExpunge))",
        "* STATUS Lists (MESSAGES 0 UIDNEXT 1 UIDVALIDITY 7)\r\n\
         * STATUS Lists/Lemonade (MESSAGES 0 UIDNEXT 1 UIDVALIDITY 7)\r\n",
    );
    store.folder("INBOX").deliver(HEADER);
    let answer = dialogue.publish();
    assert_eq!(
        answer,
        "* 4 EXISTS\r\n* 0 RECENT\r\n* 4 FETCH (UID 4 BODY[HEADER.FIELDS (from to subject)] {50}\r\n\
         From: jim@example.com\r\nTo: a@b\r\nSubject: hello\r\n\r\n)\r\n"
    );
    store.folder("Lists/Lemonade").deliver(HEADER);
    assert_eq!(dialogue.publish(), "* STATUS Lists/Lemonade (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 7)\r\n");
    store.folder("Lists/Lemonade").remove(1);
    assert_eq!(dialogue.publish(), "* STATUS Lists/Lemonade (MESSAGES 0 UIDNEXT 2 UIDVALIDITY 7)\r\n");
    store.folder("INBOX").remove(2);
    assert_eq!(dialogue.publish(), "* 2 EXPUNGE\r\n");
    // Not asked for: flags, and other mailboxes.
    flag(&store, "INBOX", 1, FlagSet::SEEN);
    store.folder("Misc").deliver(HEADER);
    assert_eq!(dialogue.publish(), "");
    assert_eq!(dialogue.say("b NOOP\r\n"), "* 1 FETCH (FLAGS (\\Seen))\r\nb OK NOOP completed\r\n");
    // What comes while a command runs is shown after it.
    store.folder("INBOX").deliver(HEADER);
    let answer = dialogue.say("c NOOP\r\n");
    assert!(answer.contains("* 4 EXISTS\r\n") && answer.contains("* 4 FETCH (UID 5 BODY["), "{answer}");
    assert_eq!(answer.matches("FETCH").count(), 1, "{answer}");
}

#[test]
fn changes_of_flags_are_told_with_uids() {
    let store = store();
    let mut dialogue = Dialogue::selected(store.clone(), "INBOX");
    flag(&store, "INBOX", 1, FlagSet::SEEN);
    // What is there is told as by NOOP.
    sets(
        &mut dialogue,
        "SET (selected-delayed (MessageNew MessageExpunge FlagChange))",
        "* 1 FETCH (FLAGS (\\Seen))\r\n",
    );
    flag(&store, "INBOX", 2, FlagSet::FLAGGED);
    assert_eq!(dialogue.publish(), "* 2 FETCH (UID 2 FLAGS (\\Flagged))\r\n");
    // Which messages went is told where numbers may change, and then only.
    store.folder("INBOX").remove(1);
    store.folder("INBOX").deliver(HEADER);
    assert_eq!(dialogue.publish(), "* 4 EXISTS\r\n* 0 RECENT\r\n");
    assert_eq!(dialogue.publish(), "");
    assert_eq!(dialogue.say("f FETCH 2 FLAGS\r\n"), "* 2 FETCH (FLAGS (\\Flagged))\r\nf OK FETCH completed\r\n");
    assert_eq!(dialogue.say("i IDLE\r\n"), "+ idling\r\n* 1 EXPUNGE\r\n");
    store.folder("INBOX").remove(2);
    assert_eq!(dialogue.publish(), "* 1 EXPUNGE\r\n");
    assert_eq!(dialogue.say("DONE\r\n"), "i OK IDLE completed\r\n");
}

#[test]
fn after_a_command_that_keeps_numbers_the_rest_follows() {
    let store = store();
    let mut dialogue = Dialogue::selected(store.clone(), "INBOX");
    sets(&mut dialogue, "SET (selected (MessageNew MessageExpunge FlagChange))", "");
    dialogue.during_fetch = Some(Box::new(|store| store.folder("INBOX").remove(1)));
    let answer = dialogue.say("f FETCH 2:3 BODY.PEEK[TEXT]\r\n");
    assert!(answer.ends_with("f OK FETCH completed\r\n* 1 EXPUNGE\r\n"), "{answer}");
    // None of it in the middle of a command.
    dialogue.hold_calls = true;
    assert_eq!(dialogue.say("n NOOP\r\n"), "");
    store.folder("INBOX").remove(2);
    assert_eq!(dialogue.publish(), "");
    dialogue.hold_calls = false;
    assert_eq!(dialogue.release_calls(), "* 1 EXPUNGE\r\nn OK NOOP completed\r\n");
}

#[test]
fn idle_tells_exactly_what_was_asked_for() {
    let store = store();
    let mut dialogue = Dialogue::selected(store.clone(), "INBOX");
    sets(&mut dialogue, "SET (mailboxes (Misc INBOX nowhere) (MessageNew MessageExpunge))", "");
    assert_eq!(dialogue.say("i IDLE\r\n"), "+ idling\r\n");
    store.folder("INBOX").deliver(HEADER);
    store.folder("Misc").deliver(HEADER);
    assert_eq!(dialogue.publish(), "* STATUS Misc (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 7)\r\n");
    assert_eq!(dialogue.say("DONE\r\n"), "* 4 EXISTS\r\n* 0 RECENT\r\ni OK IDLE completed\r\n");
    // What is not selected any more is one of the others.
    dialogue.say("u UNSELECT\r\n");
    store.folder("INBOX").deliver(HEADER);
    assert_eq!(dialogue.publish(), "* STATUS INBOX (MESSAGES 5 UIDNEXT 6 UIDVALIDITY 7)\r\n");
    sets(&mut dialogue, "NONE", "");
    store.folder("Misc").deliver(HEADER);
    assert_eq!(dialogue.publish(), "");
    assert!(!store.feed.is_watched());
    dialogue.say("s SELECT INBOX\r\ni IDLE\r\n");
    store.folder("INBOX").deliver(HEADER);
    assert_eq!(dialogue.publish(), "");
}

#[test]
fn flags_of_other_mailboxes() {
    let store = store();
    store.folder("Misc").deliver(HEADER);
    let mut dialogue = Dialogue::selected(store.clone(), "INBOX");
    sets(
        &mut dialogue,
        "SET STATUS (mailboxes Misc (MessageNew MessageExpunge FlagChange)) (personal (MessageNew MessageExpunge))",
        "* STATUS Lists (MESSAGES 0 UIDNEXT 1 UIDVALIDITY 7)\r\n\
         * STATUS Lists/Lemonade (MESSAGES 0 UIDNEXT 1 UIDVALIDITY 7)\r\n\
         * STATUS Misc (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 7 HIGHESTMODSEQ 2 UNSEEN 1)\r\n",
    );
    flag(&store, "Misc", 1, FlagSet::FLAGGED);
    assert_eq!(dialogue.publish(), "* STATUS Misc (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 7 HIGHESTMODSEQ 3 UNSEEN 1)\r\n");
    flag(&store, "Misc", 1, FlagSet::SEEN);
    assert_eq!(dialogue.publish(), "* STATUS Misc (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 7 HIGHESTMODSEQ 4 UNSEEN 0)\r\n");
    // Of those of which flags are not watched nothing is told, nor is HIGHESTMODSEQ looked at.
    store.folder("Lists").deliver(HEADER);
    assert_eq!(dialogue.publish(), "* STATUS Lists (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 7)\r\n");
    store.calls.lock().unwrap().clear();
    flag(&store, "Lists", 1, FlagSet::FLAGGED);
    assert_eq!(dialogue.publish(), "");
    assert!(store.calls.lock().unwrap().iter().all(|call| call.contains("highest_modseq: false")));
    // Who knows of CONDSTORE is told of it everywhere.
    dialogue.say("e ENABLE CONDSTORE\r\n");
    store.folder("Lists").deliver(HEADER);
    assert_eq!(dialogue.publish(), "* STATUS Lists (MESSAGES 2 UIDNEXT 3 UIDVALIDITY 7 HIGHESTMODSEQ 4)\r\n");
}

#[test]
fn names_and_subscriptions() {
    let store = store();
    let (mut one, mut other) = (Dialogue::logged_in(store.clone()), Dialogue::logged_in(store.clone()));
    sets(&mut one, "SET (personal (MailboxName SubscriptionChange))", "");
    store.add_with("Misc/New", None, true, false, false);
    // The one above is affected, too (RFC 5465 5.4).
    assert_eq!(
        one.publish(),
        "* LIST (\\HasChildren \\Subscribed) \"/\" Misc\r\n* LIST (\\HasNoChildren) \"/\" Misc/New\r\n"
    );
    other.say("r RENAME Misc/New Old\r\n");
    assert_eq!(one.publish(), "* LIST (\\HasNoChildren) \"/\" Old (\"OLDNAME\" (Misc/New))\r\n");
    other.say("s SUBSCRIBE Old\r\n");
    assert_eq!(one.publish(), "* LIST (\\HasNoChildren \\Subscribed) \"/\" Old\r\n");
    other.say("d DELETE Old\r\n");
    assert_eq!(one.publish(), "* LIST (\\NonExistent \\HasNoChildren \\Subscribed) \"/\" Old\r\n");
    other.say("s UNSUBSCRIBE Old\r\n");
    assert_eq!(one.publish(), "* LIST (\\NonExistent \\HasNoChildren) \"/\" Old\r\n");
    // What is subscribed is looked at anew each time (RFC 5465 6.4).
    sets(&mut one, "SET (subscribed (MessageNew MessageExpunge))", "");
    other.say("s UNSUBSCRIBE Misc\r\n");
    assert_eq!(one.publish(), "");
    store.folder("Misc").deliver(HEADER);
    assert_eq!(one.publish(), "");
    other.say("s SUBSCRIBE Misc\r\n");
    assert_eq!(one.publish(), "");
    store.folder("Misc").deliver(HEADER);
    assert_eq!(one.publish(), "* STATUS Misc (MESSAGES 2 UIDNEXT 3 UIDVALIDITY 7)\r\n");
    // Only where it is asked for.
    sets(&mut one, "SET (subtree Lists (MailboxName)) (mailboxes Later (MailboxName))", "");
    store.add("Elsewhere", None);
    other.say("r RENAME Elsewhere Somewhere\r\n");
    assert_eq!(one.publish(), "");
    other.say("r RENAME Somewhere Later\r\n");
    assert_eq!(one.publish(), "* LIST (\\HasNoChildren \\Subscribed) \"/\" Later (\"OLDNAME\" (Somewhere))\r\n");
}

/// What is below a mailbox goes with it without a word, unless it gets another name itself (RFC 5465 5.4).
#[test]
fn mailboxes_below_one_that_is_renamed() {
    let store = store();
    for name in ["Lists/Lemonade/Old", "Lists/Im2000"] {
        store.add(name, None);
    }
    let (mut one, mut other) = (Dialogue::logged_in(store.clone()), Dialogue::logged_in(store.clone()));
    sets(&mut one, "SET (personal (MailboxName))", "");
    for (from, to) in [
        ("Lists", "Ml"),
        ("Lists/Lemonade", "Ml/Lemonade"),
        ("Lists/Lemonade/Old", "Ml/Lemonade/Old"),
        ("Lists/Im2000", "Ml/Im"),
    ] {
        other.say(&format!("r RENAME {from} {to}\r\n"));
    }
    assert_eq!(
        one.publish(),
        "* LIST (\\HasChildren \\Subscribed) \"/\" Ml (\"OLDNAME\" (Lists))\r\n\
         * LIST (\\HasNoChildren \\Subscribed) \"/\" Ml/Im (\"OLDNAME\" (Lists/Im2000))\r\n"
    );
    // Who asked for that one alone is told of it.
    sets(&mut one, "SET (mailboxes Other/Lemonade (MailboxName))", "");
    for (from, to) in [("Ml", "Other"), ("Ml/Lemonade", "Other/Lemonade")] {
        other.say(&format!("r RENAME {from} {to}\r\n"));
    }
    assert_eq!(
        one.publish(),
        "* LIST (\\HasNoChildren \\Subscribed) \"/\" Other/Lemonade (\"OLDNAME\" (Ml/Lemonade))\r\n"
    );
}

/// With METADATA these events must be known (RFC 5465 5.6, 5.7).
#[test]
fn metadata_of_mailboxes_and_of_the_server() {
    let store = store();
    let (mut one, mut other) = (Dialogue::selected(store.clone(), "INBOX"), Dialogue::logged_in(store.clone()));
    let set = |dialogue: &mut Dialogue, mailbox: &str, entries: &str| {
        let answer = dialogue.say(&format!("s SETMETADATA {mailbox} ({entries})\r\n"));
        assert!(answer.ends_with("s OK SETMETADATA completed\r\n"), "{answer}");
    };
    set(&mut other, "Misc", "/private/comment \"before\" /private/kept \"a\"");
    sets(&mut one, "SET (mailboxes (Misc INBOX) (MailboxMetadataChange)) (personal (ServerMetadataChange))", "");
    assert_eq!(one.publish(), "");
    // Names only; those that were removed, too; not those that are as they were.
    set(&mut other, "Misc", "/private/comment NIL /private/x \"1\" /private/kept \"a\"");
    assert_eq!(one.publish(), "* METADATA \"Misc\" /private/comment /private/x\r\n");
    set(&mut other, "\"\"", "/private/comment \"a\"");
    assert_eq!(one.publish(), "* METADATA \"\" /private/comment\r\n");
    // Of the selected mailbox, too: other events than those of messages are not `selected`'s (RFC 5465 3.1).
    set(&mut other, "INBOX", "/private/comment \"a\"");
    assert_eq!(one.say("i IDLE\r\n"), "+ idling\r\n");
    assert_eq!(one.publish(), "* METADATA \"INBOX\" /private/comment\r\n");
    one.say("DONE\r\n");
    // Nothing is read of others, nor when the same is set again.
    store.calls.lock().unwrap().clear();
    set(&mut other, "Lists", "/private/comment \"a\"");
    assert_eq!(one.publish(), "");
    assert!(store.calls.lock().unwrap().is_empty(), "{:?}", store.calls);
    set(&mut other, "Misc", "/private/x \"1\"");
    assert_eq!(one.publish(), "");
    assert_eq!(*store.calls.lock().unwrap(), ["metadata"]);
    // What the client sets itself is not told, what others set at the same time is.
    set(&mut one, "Misc", "/private/x \"2\" /private/kept NIL");
    set(&mut other, "Misc", "/private/y \"2\"");
    assert_eq!(one.publish(), "* METADATA \"Misc\" /private/y\r\n");
    // Nobody said what changed, or it could not be read then: all is looked at.
    *store.fail_read_metadata.lock().unwrap() = Some(StoreError::Unavailable("away".to_owned()));
    set(&mut other, "Misc", "/private/x \"3\"");
    assert_eq!(one.publish(), "");
    set(&mut other, "\"\"", "/private/comment NIL");
    assert_eq!(one.publish(), "* METADATA \"\" /private/comment\r\n* METADATA \"Misc\" /private/x\r\n");
    // A mailbox that comes later is watched from then on, under whatever name.
    sets(&mut one, "SET (personal (MailboxMetadataChange))", "");
    store.add("Later", None);
    assert_eq!(one.publish(), "");
    set(&mut other, "Later", "/private/x \"1\"");
    other.say("r RENAME Later Named\r\n");
    assert_eq!(one.publish(), "* METADATA \"Named\" /private/x\r\n");
    set(&mut other, "\"\"", "/private/x \"1\"");
    assert_eq!(one.publish(), "");
    // What can't be read is no reason to refuse all; a store that is away is.
    *store.fail_read_metadata.lock().unwrap() = Some(StoreError::Cannot("a newer version".to_owned()));
    sets(&mut one, "SET (personal (MailboxMetadataChange))", "");
    *store.fail_read_metadata.lock().unwrap() = Some(StoreError::Unavailable("away".to_owned()));
    let answer = one.say("n NOTIFY SET (personal (ServerMetadataChange))\r\n");
    assert_eq!(answer, "n NO [UNAVAILABLE] away\r\n");
    set(&mut other, "Misc", "/private/x \"4\"");
    assert_eq!(one.publish(), "* METADATA \"Misc\" /private/x\r\n");
}

#[test]
fn what_may_have_changed_is_counted_first() {
    let store = store();
    let mut dialogue = Dialogue::logged_in(store.clone());
    sets(&mut dialogue, "SET (personal (MessageNew MessageExpunge))", "");
    store.folder("Misc").deliver(HEADER);
    assert_eq!(dialogue.publish(), "* STATUS Misc (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 7)\r\n");
    store.calls.lock().unwrap().clear();
    store.feed.tell(&StoreChanges { everything: true, ..StoreChanges::default() });
    assert_eq!(dialogue.publish(), "");
    assert_eq!(store.calls.lock().unwrap().len(), 1, "{:?}", store.calls);
    // Without a word of which one: it is found by its count.
    store.feed.tell(&StoreChanges { everything: true, ..StoreChanges::default() });
    store.folder("Lists").deliver(HEADER);
    assert_eq!(dialogue.publish(), "* STATUS Lists (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 7)\r\n");
    // A client's commands wait for the look.
    store.folder("Misc").deliver(HEADER);
    dialogue.hold_calls = true;
    assert_eq!(dialogue.publish(), "");
    assert_eq!(dialogue.say("c CAPABILITY\r\n"), "");
    dialogue.hold_calls = false;
    let answer = dialogue.release_calls();
    assert!(answer.starts_with("* STATUS Misc (MESSAGES 2 UIDNEXT 3 UIDVALIDITY 7)\r\n* CAPABILITY"), "{answer}");
}

#[test]
fn what_is_refused() {
    let store = store();
    let mut dialogue = Dialogue::selected(store.clone(), "INBOX");
    sets(&mut dialogue, "SET (mailboxes Misc (MessageNew MessageExpunge))", "");
    for unsupported in ["AnnotationChange MessageNew MessageExpunge", "MailboxName x-later"] {
        assert_eq!(
            dialogue.say(&format!("n NOTIFY SET (personal ({unsupported}))\r\n")),
            "n NO [BADEVENT (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange \
             MailboxMetadataChange ServerMetadataChange)] There are no such events here\r\n"
        );
    }
    for wrong in ["SET (selected (MailboxName))", "SET (selected (ServerMetadataChange))", "LATER"] {
        assert!(dialogue.say(&format!("n NOTIFY {wrong}\r\n")).starts_with("n BAD "), "{wrong}");
    }
    // What was asked for before stays.
    store.folder("Misc").deliver(HEADER);
    assert!(dialogue.publish().starts_with("* STATUS Misc "));
    let many = "(personal (MessageNew MessageExpunge)) ".repeat(65);
    let overflow = "n NO [NOTIFICATIONOVERFLOW] More than can be watched\r\n";
    assert_eq!(dialogue.say(&format!("n NOTIFY SET {}\r\n", many.trim_end())), overflow);
    let names = (0..1025).map(|name| format!("n{name}")).collect::<Vec<_>>().join(" ");
    assert_eq!(dialogue.say(&format!("n NOTIFY SET (mailboxes ({names}) (MailboxName))\r\n")), overflow);
    (0..64).for_each(|number| drop(store.add(&format!("f{number}"), None)));
    assert_eq!(dialogue.say("n NOTIFY SET (personal (MessageNew MessageExpunge FlagChange))\r\n"), overflow);
    assert_eq!(dialogue.say("n NOTIFY SET (personal (MailboxMetadataChange))\r\n"), overflow);
    dialogue.publish();
    store.folder("Misc").deliver(HEADER);
    assert!(dialogue.publish().starts_with("* STATUS Misc "));
    assert!(Dialogue::new(store, Default::default(), true).say("n NOTIFY NONE\r\n").contains("n BAD Log in first"));
}

#[test]
fn too_much_at_a_time_ends_it() {
    let store = store();
    let overflow = "* OK [NOTIFICATIONOVERFLOW] Too much happened: nothing more is told\r\n";
    let mut dialogue = Dialogue::selected(store.clone(), "INBOX");
    sets(&mut dialogue, "SET (selected (MessageNew (UID) MessageExpunge))", "");
    store.folder("INBOX").deliver_all((0..1001).map(|_| HEADER.to_owned()));
    assert_eq!(dialogue.publish(), format!("* 1004 EXISTS\r\n* 5 RECENT\r\n{overflow}"));
    sets(&mut dialogue, "SET (personal (MailboxName))", "");
    (0..513).for_each(|number| drop(store.add(&format!("f{number}"), None)));
    assert_eq!(dialogue.publish(), overflow);
    store.add("later", None);
    assert_eq!(dialogue.publish(), "");
    assert!(!store.feed.is_watched());
    // A folder that can't be looked at is looked at again with the next change.
    sets(&mut dialogue, "SET (mailboxes (Lists Misc) (MessageNew MessageExpunge))", "");
    now(store.delete(&key("Misc"))).unwrap();
    assert_eq!(dialogue.publish(), "");
}

/// RFC 5465 7, with its example as far as searches of this kind are followed.
#[test]
fn what_a_search_finds_is_shown_first() {
    let store = store();
    let mut dialogue = Dialogue::selected(store.clone(), "INBOX");
    assert_eq!(
        dialogue.say("a00 SEARCH RETURN (COUNT UPDATE (UID BODY.PEEK[HEADER.FIELDS (TO FROM SUBJECT)])) UNFLAGGED\r\n"),
        "* ESEARCH (TAG \"a00\") COUNT 3\r\na00 OK SEARCH completed\r\n"
    );
    assert_eq!(dialogue.say("i IDLE\r\n"), "+ idling\r\n");
    store.folder("INBOX").deliver(HEADER);
    assert_eq!(
        dialogue.publish(),
        "* 4 EXISTS\r\n* 0 RECENT\r\n* 4 FETCH (UID 4 BODY[HEADER.FIELDS (TO FROM SUBJECT)] {50}\r\n\
         From: jim@example.com\r\nTo: a@b\r\nSubject: hello\r\n\r\n)\r\n* ESEARCH (TAG \"a00\") ADDTO (0 4)\r\n"
    );
    // What comes to it by its flags is not shown.
    flag(&store, "INBOX", 2, FlagSet::FLAGGED);
    assert_eq!(dialogue.publish(), "* 2 FETCH (FLAGS (\\Flagged))\r\n* ESEARCH (TAG \"a00\") REMOVEFROM (0 2)\r\n");
    flag(&store, "INBOX", 2, FlagSet::EMPTY);
    assert_eq!(dialogue.publish(), "* 2 FETCH (FLAGS ())\r\n* ESEARCH (TAG \"a00\") ADDTO (0 2)\r\n");
    dialogue.say("DONE\r\n");
    // After a command, too; what does not match is not shown.
    store.folder("INBOX").deliver(HEADER);
    flag(&store, "INBOX", 5, FlagSet::FLAGGED);
    assert_eq!(dialogue.say("n NOOP\r\n"), "* 5 EXISTS\r\n* 0 RECENT\r\nn OK NOOP completed\r\n");
    store.folder("INBOX").deliver(HEADER);
    let answer = dialogue.say("n NOOP\r\n");
    assert!(
        answer.starts_with("* 6 EXISTS\r\n* 0 RECENT\r\nn OK NOOP completed\r\n* 6 FETCH (UID 6 BODY["),
        "{answer}"
    );
    assert!(answer.ends_with("* ESEARCH (TAG \"a00\") ADDTO (0 6)\r\n"), "{answer}");
    // What went meanwhile was never found.
    dialogue.hold_calls = true;
    store.folder("INBOX").deliver(HEADER);
    dialogue.say("i IDLE\r\n");
    store.folder("INBOX").remove(7);
    dialogue.publish();
    dialogue.hold_calls = false;
    let answer = dialogue.release_calls();
    assert!(answer.ends_with("* 7 EXPUNGE\r\n"), "{answer}");
    dialogue.say("DONE\r\n");
    assert!(dialogue.say("x SEARCH RETURN (UPDATE (NOTHING)) ALL\r\n").starts_with("x BAD "));
    // More at a time than are shown are told without.
    dialogue.say("c CANCELUPDATE \"a00\"\r\nd UID SEARCH RETURN (UPDATE (UID)) ALL\r\n");
    store.folder("INBOX").deliver_all((0..1001).map(|_| HEADER.to_owned()));
    let answer = dialogue.say("n NOOP\r\n");
    assert!(answer.contains("* ESEARCH (TAG \"d\") UID ADDTO (0 1008)\r\n"), "not told");
    assert!(answer.ends_with("* ESEARCH (TAG \"d\") UID ADDTO (0 8:1007)\r\n"), "not told");
}
