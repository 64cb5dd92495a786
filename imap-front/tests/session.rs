//! Dialogues with a session over a store in memory.

#![allow(clippy::unwrap_used)]

mod support;
#[path = "support/dialogue.rs"]
mod support_dialogue;

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use imap_front::session::{Limits, SessionConfig};
use imap_front::store::StoreError;
use mail_core::{Accepts, FlagSet, Keywords, SpecialUse};
use proptest::prelude::*;
use support::Memory;
use support_dialogue::Dialogue;

const PLAIN: &str =
    "Date: Wed, 17 Jul 1996 02:23:25 -0700\r\nFrom: Ann <ann@example.test>\r\nSubject: hello\r\n\r\nHi\r\n";

fn inbox(messages: usize) -> Arc<Memory> {
    let store = Memory::new();
    for _ in 0..messages {
        store.folder("INBOX").deliver(PLAIN);
    }
    // Another session was told of them.
    store.folder("INBOX").recent.claim(7, messages as u32 + 1);
    store
}

fn calls(store: &Memory) -> Vec<String> {
    std::mem::take(&mut store.calls.lock().unwrap())
}

#[test]
fn greeting_and_capabilities_follow_the_state() {
    let config = SessionConfig { starttls: true, ..SessionConfig::default() };
    let mut dialogue = Dialogue::new(Memory::new(), config, false);
    let greeting = dialogue.taken();
    assert!(greeting.starts_with("* OK [CAPABILITY IMAP4rev1 "), "{greeting}");
    assert!(greeting.contains(" STARTTLS LOGINDISABLED]"), "{greeting}");
    assert_eq!(
        dialogue.say("a LOGIN alice secret\r\n"),
        "a NO [PRIVACYREQUIRED] Log in over an encrypted connection\r\n"
    );
    assert!(dialogue.say("b AUTHENTICATE PLAIN AGFsaWNlAHNlY3JldA==\r\n").starts_with("b NO [PRIVACYREQUIRED]"));
    assert!(dialogue.say("c LIST \"\" *\r\n").starts_with("c BAD "));
    assert!(dialogue.say("d STARTTLS\r\n").starts_with("d OK "));
    assert!(dialogue.tls_started);
    let capability = dialogue.say("e CAPABILITY\r\n");
    assert!(capability.contains(" AUTH=PLAIN\r\n") && !capability.contains("STARTTLS"), "{capability}");
    assert!(dialogue.say("f STARTTLS\r\n").starts_with("f BAD "));
    let login = dialogue.say("g LOGIN alice secret\r\n");
    assert!(login.starts_with("g OK [CAPABILITY IMAP4rev1 ") && !login.contains("AUTH="), "{login}");
    assert!(dialogue.say("h LOGIN alice secret\r\n").starts_with("h BAD "));
    assert_eq!(
        dialogue.say("i ID (\"name\" \"x\" \"version\" NIL)\r\n"),
        "* ID (\"name\" \"imap-front\")\r\ni OK ID completed\r\n"
    );
    assert_eq!(dialogue.say("j NAMESPACE\r\n"), "* NAMESPACE ((\"\" \"/\")) NIL NIL\r\nj OK NAMESPACE completed\r\n");
    assert!(dialogue.say("k LOGOUT\r\n").starts_with("* BYE "));
    assert!(dialogue.closed);
}

#[test]
fn what_follows_starttls_in_plaintext_is_never_executed() {
    let config = SessionConfig { starttls: true, ..SessionConfig::default() };
    let mut dialogue = Dialogue::new(Memory::new(), config, false);
    dialogue.taken();
    let answer = dialogue.say("a STARTTLS\r\nb CAPABILITY\r\n");
    assert!(answer.starts_with("a BAD ") && !answer.contains("b OK"), "{answer}");
    assert!(dialogue.closed && !dialogue.tls_started);
}

#[test]
fn logins() {
    let mut dialogue = Dialogue::new(Memory::new(), SessionConfig::default(), true);
    dialogue.taken();
    assert!(dialogue.say("a LOGIN alice wrong\r\n").starts_with("a NO [AUTHENTICATIONFAILED] "));
    assert!(dialogue.paused >= Duration::from_secs(1));
    assert!(dialogue.say("b LOGIN down x\r\n").starts_with("b NO [UNAVAILABLE] upstream is down"));
    assert_eq!(dialogue.say("c AUTHENTICATE PLAIN\r\n"), "+ \r\n");
    assert!(dialogue.say("*\r\n").starts_with("c BAD "));
    assert!(dialogue.say("d AUTHENTICATE PLAIN\r\n!\r\n").ends_with("d BAD Invalid base64\r\n"));
    assert!(dialogue.say("e AUTHENTICATE XOAUTH2\r\n").starts_with("e NO [CANNOT] "));
    assert!(dialogue.say("f AUTHENTICATE PLAIN eABhbGljZQBzZWNyZXQ=\r\n").starts_with("f NO [AUTHORIZATIONFAILED] "));
    assert_eq!(dialogue.say("g LOGIN {5}\r\n"), "+ Ready for literal data\r\n");
    assert!(dialogue.say("alice {6+}\r\nsecret\r\n").starts_with("g OK "));

    let mut dialogue = Dialogue::new(Memory::new(), SessionConfig::default(), true);
    dialogue.taken();
    assert_eq!(dialogue.say("a AUTHENTICATE PLAIN\r\n"), "+ \r\n");
    assert!(dialogue.say("AGFsaWNlAHNlY3JldA==\r\n").starts_with("a OK [CAPABILITY "));
}

#[test]
fn auth_login_is_offered_if_it_is_wanted() {
    let config = |accepts| SessionConfig { auth_login: true, accepts, ..SessionConfig::default() };
    let mut dialogue = Dialogue::new(Memory::new(), config(Accepts::default()), true);
    assert!(dialogue.taken().contains(" AUTH=PLAIN AUTH=LOGIN"));
    assert_eq!(dialogue.say("a AUTHENTICATE LOGIN\r\n"), "+ VXNlcm5hbWU6\r\n");
    assert_eq!(dialogue.say("YWxpY2U=\r\n"), "+ UGFzc3dvcmQ6\r\n");
    assert!(dialogue.say("d3Jvbmc=\r\n").starts_with("a NO [AUTHENTICATIONFAILED] "));
    assert_eq!(dialogue.say("b AUTHENTICATE LOGIN YWxpY2U=\r\n"), "+ UGFzc3dvcmQ6\r\n");
    let answer = dialogue.say("c2VjcmV0\r\n");
    assert!(answer.starts_with("b OK [CAPABILITY ") && !answer.contains("AUTH="), "{answer}");

    let mut dialogue = Dialogue::new(Memory::new(), SessionConfig::default(), true);
    assert!(!dialogue.taken().contains("AUTH=LOGIN"));
    assert!(dialogue.say("a AUTHENTICATE LOGIN\r\n").starts_with("a NO [CANNOT] "));
    let tokens = config(Accepts { passwords: false, tokens: true });
    assert!(!Dialogue::new(Memory::new(), tokens, true).taken().contains("AUTH=LOGIN"));
    let mut early = Dialogue::new(Memory::new(), config(Accepts::default()), false);
    assert!(!early.taken().contains("AUTH=LOGIN"), "nothing is offered in front of TLS");
    assert!(early.say("a AUTHENTICATE LOGIN\r\n").starts_with("a NO [PRIVACYREQUIRED] "));
}

#[test]
fn tokens() {
    let config = || SessionConfig { accepts: Accepts { passwords: false, tokens: true }, ..SessionConfig::default() };
    let mut dialogue = Dialogue::new(Memory::new(), config(), true);
    let greeting = dialogue.taken();
    assert!(greeting.contains(" LOGINDISABLED AUTH=XOAUTH2 AUTH=OAUTHBEARER]"), "{greeting}");
    assert!(dialogue.say("a LOGIN alice secret\r\n").starts_with("a NO [CANNOT] "));
    assert!(dialogue.say("b AUTHENTICATE PLAIN AGFsaWNlAHNlY3JldA==\r\n").starts_with("b NO [CANNOT] "));
    let message = |name: &str, token: &str| STANDARD.encode(format!("{name}\x01auth=Bearer {token}\x01\x01"));
    // The client is told why, answers something, and then comes the end (RFC 7628 3.2.3).
    let refused = dialogue.say(&format!("c AUTHENTICATE OAUTHBEARER {}\r\n", message("n,a=alice,", "wrong")));
    assert_eq!(refused, format!("+ {}\r\n", STANDARD.encode(r#"{"status":"invalid_token","schemes":"bearer"}"#)));
    assert!(dialogue.say("AQ==\r\n").starts_with("c NO [AUTHENTICATIONFAILED] "));
    assert_eq!(dialogue.say("d AUTHENTICATE XOAUTH2\r\n"), "+ \r\n");
    let refused = dialogue.say(&format!("{}\r\n", message("user=alice", "wrong")));
    assert_eq!(refused, format!("+ {}\r\n", STANDARD.encode(r#"{"status":"401","schemes":"bearer"}"#)));
    assert!(dialogue.say("\r\n").starts_with("d NO [AUTHENTICATIONFAILED] "));
    assert!(dialogue.say("e AUTHENTICATE XOAUTH2 AA==\r\n").starts_with("e BAD "));
    assert_eq!(dialogue.say("f AUTHENTICATE XOAUTH2\r\n"), "+ \r\n");
    assert!(dialogue.say("*\r\n").starts_with("f BAD "));
    let accepted = dialogue.say(&format!("g AUTHENTICATE XOAUTH2 {}\r\n", message("user=alice", "secret")));
    assert!(accepted.starts_with("g OK [CAPABILITY "), "{accepted}");

    let mut dialogue = Dialogue::new(Memory::new(), config(), false);
    assert!(!dialogue.taken().contains("AUTH="), "nothing is offered in front of TLS");
    let early = dialogue.say(&format!("a AUTHENTICATE XOAUTH2 {}\r\n", message("user=alice", "secret")));
    assert!(early.starts_with("a NO [PRIVACYREQUIRED] "), "{early}");
}

#[test]
fn a_sign_in_that_ends() {
    let mut dialogue = Dialogue::selected(Memory::new(), "INBOX");
    dialogue.hold_calls = true;
    assert_eq!(dialogue.say("a STATUS INBOX (MESSAGES)\r\n"), "");
    dialogue.session.signed_out();
    assert!(!dialogue.closed, "the command ends first");
    dialogue.hold_calls = false;
    let answer = dialogue.release_calls();
    let bye = "* BYE [AUTHENTICATIONFAILED] Log in again\r\n";
    assert!(answer.contains("a OK STATUS completed\r\n") && answer.ends_with(bye) && dialogue.closed, "{answer}");

    let mut dialogue = Dialogue::selected(Memory::new(), "INBOX");
    assert!(dialogue.say("a IDLE\r\n").starts_with("+ "));
    dialogue.session.signed_out();
    dialogue.say("");
    assert!(dialogue.closed);
}

#[test]
fn listing() {
    let store = Memory::new();
    store.add("Gelöscht", Some(SpecialUse::Trash));
    store.add("Work", None);
    store.add_with("Work/Old stuff", None, true, false, false);
    store.add_with("Public", None, false, false, false);
    store.add("Public/News", None);
    let mut dialogue = Dialogue::logged_in(store.clone());
    assert_eq!(dialogue.say("a LIST \"\" \"\"\r\n"), "* LIST (\\Noselect) \"/\" \"\"\r\na OK LIST completed\r\n");
    assert_eq!(
        dialogue.say("b LIST \"\" *\r\n"),
        "* LIST (\\HasNoChildren) \"/\" INBOX\r\n\
         * LIST (\\HasNoChildren \\Trash) \"/\" Gel&APY-scht\r\n\
         * LIST (\\HasChildren) \"/\" Work\r\n\
         * LIST (\\HasNoChildren) \"/\" \"Work/Old stuff\"\r\n\
         * LIST (\\Noselect \\HasChildren) \"/\" Public\r\n\
         * LIST (\\HasNoChildren) \"/\" Public/News\r\n\
         b OK LIST completed\r\n"
    );
    assert_eq!(
        dialogue.say("c LIST Work/ %\r\n"),
        "* LIST (\\HasNoChildren) \"/\" \"Work/Old stuff\"\r\nc OK LIST completed\r\n"
    );
    assert_eq!(dialogue.say("d LIST \"\" gel*\r\n"), "d OK LIST completed\r\n");
    assert_eq!(
        dialogue.say("e LSUB \"\" %\r\n"),
        "* LSUB () \"/\" INBOX\r\n* LSUB () \"/\" Gel&APY-scht\r\n* LSUB () \"/\" Work\r\n\
         * LSUB (\\Noselect) \"/\" Public\r\ne OK LSUB completed\r\n"
    );
    assert_eq!(
        dialogue.say("f LIST (SPECIAL-USE) \"\" * RETURN (SUBSCRIBED STATUS (MESSAGES))\r\n"),
        "* LIST (\\HasNoChildren \\Trash \\Subscribed) \"/\" Gel&APY-scht\r\n\
         * STATUS Gel&APY-scht (MESSAGES 0)\r\nf OK LIST completed\r\n"
    );
    assert_eq!(
        dialogue.say("g LIST (SUBSCRIBED RECURSIVEMATCH) \"\" (Publi% inbox)\r\n"),
        "* LIST (\\HasNoChildren \\Subscribed) \"/\" INBOX\r\n\
         * LIST (\\Noselect \\HasChildren) \"/\" Public (\"CHILDINFO\" (\"SUBSCRIBED\"))\r\ng OK LIST completed\r\n"
    );
    calls(&store);
    assert_eq!(
        dialogue.say("h STATUS inbox (UIDNEXT MESSAGES RECENT UNSEEN UIDVALIDITY SIZE)\r\n"),
        "* STATUS INBOX (UIDNEXT 1 MESSAGES 0 RECENT 0 UNSEEN 0 UIDVALIDITY 7 SIZE 0)\r\nh OK STATUS completed\r\n"
    );
    assert!(dialogue.say("i STATUS nothing (MESSAGES)\r\n").starts_with("i NO [NONEXISTENT] "));
    assert!(dialogue.say("j STATUS Public (MESSAGES)\r\n").starts_with("j NO [CANNOT] "));
}

#[test]
fn selecting() {
    let store = inbox(2);
    store.folder("INBOX").change(|snapshot| {
        snapshot.messages[0].flags = FlagSet::SEEN;
        snapshot.messages[1].keywords = Keywords::from_iter(["$Label1", "not a keyword"]);
    });
    store.add_with("Archive", None, true, true, true);
    let mut dialogue = Dialogue::logged_in(store.clone());
    assert!(dialogue.say("z FETCH 1 FLAGS\r\n").starts_with("z BAD No mailbox"));
    assert_eq!(
        dialogue.say("a SELECT inbox\r\n"),
        "* OK [MAILBOXID (FSU5CT1g)] Whatever its name\r\n\
         * FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Label1)\r\n\
         * OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Label1 \\*)] Flags permitted\r\n\
         * 2 EXISTS\r\n* 0 RECENT\r\n* OK [UNSEEN 2] First unseen message\r\n* OK [UIDVALIDITY 7] UIDs valid\r\n\
         * OK [UIDNEXT 3] Predicted next UID\r\n\
         * OK [HIGHESTMODSEQ 4] All changes up to this one were told\r\na OK [READ-WRITE] SELECT completed\r\n"
    );
    assert!(dialogue.say("b EXAMINE INBOX\r\n").ends_with("b OK [READ-ONLY] EXAMINE completed\r\n"));
    assert!(dialogue.say("c STORE 1 +FLAGS \\Seen\r\n").starts_with("c NO [READ-ONLY] "));
    assert!(dialogue.say("d EXPUNGE\r\n").starts_with("d NO [READ-ONLY] "));
    let archive = dialogue.say("e SELECT Archive\r\n");
    assert!(archive.contains("[PERMANENTFLAGS ()]") && archive.contains("e OK [READ-ONLY]"), "{archive}");
    // A SELECT that fails leaves nothing selected.
    assert!(dialogue.say("f SELECT nothing\r\n").contains("f NO [NONEXISTENT] "));
    assert!(dialogue.say("g CHECK\r\n").starts_with("g BAD "));
    dialogue.say("h SELECT INBOX\r\n");
    assert_eq!(dialogue.say("i UNSELECT\r\n"), "i OK UNSELECT completed\r\n");
    assert!(dialogue.say("j CLOSE\r\n").starts_with("j BAD "));
}

#[test]
fn fetching_rows_asks_the_store_for_nothing() {
    let store = inbox(3);
    let mut dialogue = Dialogue::selected(store.clone(), "INBOX");
    calls(&store);
    assert_eq!(
        dialogue.say("a FETCH 2:* FAST\r\n"),
        format!(
            "* 2 FETCH (FLAGS () INTERNALDATE \"19-Jul-1996 09:44:25 +0000\" RFC822.SIZE {0})\r\n\
             * 3 FETCH (FLAGS () INTERNALDATE \"20-Jul-1996 09:44:25 +0000\" RFC822.SIZE {0})\r\n\
             a OK FETCH completed\r\n",
            PLAIN.len()
        )
    );
    assert_eq!(
        dialogue.say("b UID FETCH 3:1000,1 (FLAGS)\r\n"),
        "* 1 FETCH (UID 1 FLAGS ())\r\n* 3 FETCH (UID 3 FLAGS ())\r\nb OK FETCH completed\r\n"
    );
    assert_eq!(dialogue.say("c UID FETCH 17 (FLAGS)\r\n"), "c OK FETCH completed\r\n");
    assert!(dialogue.say("d FETCH 4 FLAGS\r\n").starts_with("d BAD "));
    assert_eq!(calls(&store), Vec::<String>::new());
}

#[test]
fn fetching_content() {
    let store = Memory::new();
    let message = "Subject: s\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\none\r\n--x\r\nA: b\r\n\r\ntwo\r\n--x--\r\n";
    store.folder("INBOX").deliver(message);
    let mut dialogue = Dialogue::selected(store.clone(), "INBOX");
    calls(&store);
    let header = message.find("--x").unwrap();
    assert_eq!(
        dialogue.say("a FETCH 1 (BODY.PEEK[HEADER.FIELDS (Subject)] BODY.PEEK[1] BODY.PEEK[2.MIME] BODY.PEEK[3] BODY.PEEK[2]<1.9>)\r\n"),
        "* 1 FETCH (BODY[HEADER.FIELDS (Subject)] {14}\r\nSubject: s\r\n\r\n BODY[1] {3}\r\none \
         BODY[2.MIME] {8}\r\nA: b\r\n\r\n BODY[3] NIL BODY[2]<1> {2}\r\nwo)\r\na OK FETCH completed\r\n"
    );
    assert_eq!(calls(&store), ["fetch [1] Parts"]);
    assert_eq!(
        dialogue.say("b UID FETCH 1 (RFC822.HEADER ENVELOPE)\r\n"),
        format!(
            "* 1 FETCH (UID 1 RFC822.HEADER {{{header}}}\r\n{} ENVELOPE (NIL \"s\" NIL NIL NIL NIL NIL NIL NIL NIL))\r\n\
             b OK FETCH completed\r\n",
            &message[..header]
        )
    );
    assert_eq!(calls(&store), ["fetch [1] Outline"]);
    assert_eq!(
        dialogue.say("c FETCH 1 BODYSTRUCTURE\r\n"),
        "* 1 FETCH (BODYSTRUCTURE ((\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 3 0 NIL NIL NIL NIL)\
         (\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 3 0 NIL NIL NIL NIL) \"mixed\" \
         (\"boundary\" \"x\") NIL NIL NIL))\r\nc OK FETCH completed\r\n"
    );
    calls(&store);
    // Reading marks as seen, once, and tells it.
    assert_eq!(
        dialogue.say("d FETCH 1 BODY[]\r\n"),
        format!(
            "* 1 FETCH (BODY[] {{{}}}\r\n{message})\r\n* 1 FETCH (FLAGS (\\Seen \\Recent))\r\nd OK FETCH completed\r\n",
            message.len()
        )
    );
    assert_eq!(calls(&store), ["fetch [1] Full", "store [1] Add {\"\\\\Seen\"}"]);
    assert!(!dialogue.say("e FETCH 1 RFC822.TEXT\r\n").contains("FLAGS"));
    assert_eq!(calls(&store), ["fetch [1] Parts"]);
    store.folder("INBOX").change(|snapshot| snapshot.messages[0].flags = FlagSet::EMPTY);
    dialogue.say("f EXAMINE INBOX\r\n");
    dialogue.say("g FETCH 1 RFC822\r\n");
    assert_eq!(calls(&store), ["fetch [1] Full"]);
}

#[test]
fn sizes_that_are_not_known_are_asked_for() {
    let store = inbox(2);
    store.folder("INBOX").change(|snapshot| snapshot.messages[1].size = None);
    let mut dialogue = Dialogue::selected(store.clone(), "INBOX");
    calls(&store);
    let answer = dialogue.say("a FETCH 1:2 (UID RFC822.SIZE)\r\n");
    assert_eq!(
        answer,
        format!(
            "* 1 FETCH (UID 1 RFC822.SIZE {0})\r\n* 2 FETCH (UID 2 RFC822.SIZE {0})\r\na OK FETCH completed\r\n",
            PLAIN.len()
        )
    );
    assert_eq!(calls(&store), ["fetch [2] Size"]);
    dialogue.say("b FETCH 1:2 (RFC822.SIZE BODY.PEEK[HEADER])\r\n");
    assert_eq!(calls(&store), ["fetch [1, 2] Outline"]);
}

#[test]
fn storing() {
    let store = inbox(3);
    let mut dialogue = Dialogue::selected(store.clone(), "INBOX");
    assert_eq!(
        dialogue.say("a STORE 1:2 +FLAGS (\\Flagged Work)\r\n"),
        "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft Work)\r\n\
         * OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft Work \\*)] Flags permitted\r\n\
         * 1 FETCH (FLAGS (\\Flagged Work))\r\n* 2 FETCH (FLAGS (\\Flagged Work))\r\n\
         a OK STORE completed\r\n"
    );
    assert_eq!(
        dialogue.say("b UID STORE 2 -FLAGS work\r\n"),
        "* 2 FETCH (UID 2 FLAGS (\\Flagged))\r\nb OK STORE completed\r\n"
    );
    assert_eq!(dialogue.say("c STORE 1 FLAGS.SILENT (\\Answered)\r\n"), "c OK STORE completed\r\n");
    assert_eq!(dialogue.say("d NOOP\r\n"), "d OK NOOP completed\r\n");
    // What somebody else did is told even if one's own change is silent.
    store.folder("INBOX").change(|snapshot| snapshot.messages[2].flags = FlagSet::DRAFT);
    assert_eq!(
        dialogue.say("e STORE 1:3 +FLAGS.SILENT \\Seen\r\n"),
        "* 3 FETCH (FLAGS (\\Seen \\Draft))\r\ne OK STORE completed\r\n"
    );
    *store.folder("INBOX").fail.lock().unwrap() = Some(StoreError::OverQuota("full".to_owned()));
    assert_eq!(dialogue.say("f STORE 1 FLAGS ()\r\n"), "f NO [OVERQUOTA] full\r\n");
    store.folder("INBOX").remove(2);
    assert_eq!(
        dialogue.say("g STORE 1:2 FLAGS ()\r\n"),
        "* 1 FETCH (FLAGS ())\r\ng OK [EXPUNGEISSUED] STORE completed, but for messages that are gone\r\n"
    );
    assert_eq!(dialogue.say("h NOOP\r\n"), "* 2 EXPUNGE\r\nh OK NOOP completed\r\n");
}

#[test]
fn expunging() {
    let store = inbox(5);
    let mut dialogue = Dialogue::selected(store.clone(), "INBOX");
    dialogue.say("a STORE 1,3,5 +FLAGS.SILENT \\Deleted\r\n");
    assert_eq!(dialogue.say("b UID EXPUNGE 3:4\r\n"), "* 3 EXPUNGE\r\nb OK EXPUNGE completed\r\n");
    assert_eq!(dialogue.say("c EXPUNGE\r\n"), "* 4 EXPUNGE\r\n* 1 EXPUNGE\r\nc OK EXPUNGE completed\r\n");
    dialogue.say("d STORE 1 +FLAGS.SILENT \\Deleted\r\n");
    *store.folder("INBOX").fail.lock().unwrap() = Some(StoreError::NoPermission("not yours".to_owned()));
    assert_eq!(dialogue.say("e CLOSE\r\n"), "e NO [NOPERM] not yours\r\n");
    assert_eq!(dialogue.say("f CLOSE\r\n"), "f OK CLOSE completed\r\n");
    assert_eq!(store.folder("INBOX").messages().len(), 1);
    dialogue.say("g SELECT INBOX\r\n");
    dialogue.say("h STORE 1 +FLAGS.SILENT \\Deleted\r\n");
    dialogue.say("i UNSELECT\r\n");
    assert_eq!(store.folder("INBOX").messages().len(), 1);
}

#[test]
fn expunges_are_not_told_where_they_would_shift_numbers() {
    let store = inbox(3);
    let mut dialogue = Dialogue::selected(store.clone(), "INBOX");
    dialogue.during_fetch = Some(Box::new(|store| {
        store.folder("INBOX").remove(2);
        store.folder("INBOX").deliver(PLAIN);
    }));
    let answer = dialogue.say("a FETCH 1:3 BODY.PEEK[TEXT]\r\n");
    assert!(
        answer
            .ends_with("* 3 FETCH (BODY[TEXT] {4}\r\nHi\r\n)\r\n* 4 EXISTS\r\n* 1 RECENT\r\na OK FETCH completed\r\n"),
        "{answer}"
    );
    assert_eq!(
        dialogue.say("b FETCH 2 BODY.PEEK[TEXT]\r\n"),
        "b NO [EXPUNGEISSUED] some of the messages no longer exist\r\n"
    );
    assert_eq!(dialogue.say("c SEARCH UNSEEN\r\n"), "* SEARCH 1 2 3 4\r\nc OK SEARCH completed\r\n");
    assert_eq!(
        dialogue.say("d UID FETCH 4 FLAGS\r\n"),
        "* 4 FETCH (UID 4 FLAGS (\\Recent))\r\n* 2 EXPUNGE\r\nd OK FETCH completed\r\n"
    );
    assert_eq!(dialogue.say("e FETCH 3 UID\r\n"), "* 3 FETCH (UID 4)\r\ne OK FETCH completed\r\n");
}

/// What changes after a message was shown is told, even if the same FETCH shows it before it ends.
#[test]
fn flags_that_change_during_a_fetch_are_told() {
    let store = inbox(3);
    store.folder("INBOX").change(|snapshot| snapshot.messages[2].size = None);
    let mut dialogue = Dialogue::selected(store.clone(), "INBOX");
    dialogue.during_fetch = Some(Box::new(|store| {
        store.folder("INBOX").change(|snapshot| snapshot.messages[0].flags = FlagSet::FLAGGED);
    }));
    let answer = dialogue.say("a FETCH 1:3 (FLAGS RFC822.SIZE)\r\n");
    assert!(answer.starts_with("* 1 FETCH (FLAGS () "), "{answer}");
    assert!(answer.ends_with("* 1 FETCH (FLAGS (\\Flagged))\r\na OK FETCH completed\r\n"), "{answer}");
    assert_eq!(dialogue.say("b NOOP\r\n"), "b OK NOOP completed\r\n");
    // One that changed before is shown once, after its keyword was listed.
    store.folder("INBOX").change(|snapshot| snapshot.messages[1].keywords = Keywords::from_iter(["New"]));
    let answer = dialogue.say("c FETCH 1:2 FLAGS\r\n");
    assert!(answer.starts_with("* FLAGS (") && answer.matches("FETCH (").count() == 2, "{answer}");
}

#[test]
fn who_waits_for_a_command_hears_that_it_goes_on() {
    let mut dialogue = Dialogue::selected(inbox(1), "INBOX");
    dialogue.hold_calls = true;
    assert_eq!(dialogue.say("a NOOP\r\n"), "");
    let working = "* OK [INPROGRESS (\"a\" NIL NIL)] Still working\r\n";
    assert_eq!(dialogue.wait(Duration::from_secs(14)), "");
    assert_eq!(dialogue.wait(Duration::from_secs(2)), working);
    assert_eq!(dialogue.wait(Duration::from_secs(14)), "");
    assert_eq!(dialogue.wait(Duration::from_secs(40 * 60)), working);
    assert!(!dialogue.closed);
    dialogue.hold_calls = false;
    assert_eq!(dialogue.release_calls(), "a OK NOOP completed\r\n");
}

#[test]
fn idling() {
    let store = inbox(1);
    let mut dialogue = Dialogue::selected(store.clone(), "INBOX");
    assert_eq!(dialogue.say("a IDLE\r\n"), "+ idling\r\n");
    store.folder("INBOX").deliver(PLAIN);
    assert_eq!(dialogue.publish(), "* 2 EXISTS\r\n* 1 RECENT\r\n");
    store.folder("INBOX").remove(1);
    store.folder("INBOX").change(|snapshot| snapshot.messages[0].flags = FlagSet::SEEN);
    assert_eq!(dialogue.publish(), "* 1 EXPUNGE\r\n* 1 FETCH (FLAGS (\\Seen \\Recent))\r\n");
    assert_eq!(dialogue.wait(Duration::from_secs(200)), "");
    assert_eq!(dialogue.wait(Duration::from_secs(41)), "* OK Still here\r\n");
    assert_eq!(dialogue.say("DONE\r\n"), "a OK IDLE completed\r\n");
    // Outside of IDLE nothing is told without a command.
    store.folder("INBOX").deliver(PLAIN);
    assert_eq!(dialogue.publish(), "");
    assert!(dialogue.say("b NOOP\r\n").starts_with("* 2 EXISTS\r\n"));
    dialogue.say("c IDLE\r\n");
    store.folder("INBOX").vanish();
    assert!(dialogue.publish().starts_with("* BYE "));
    assert!(dialogue.closed);
}

#[test]
fn searching() {
    let store = Memory::new();
    let folder = store.folder("INBOX");
    folder.deliver(PLAIN);
    folder.deliver("From: =?utf-8?q?J=C3=BCrgen?= <j@example.test>\r\nSubject: other\r\n\r\nA needle\r\n");
    folder.deliver(PLAIN);
    folder.change(|snapshot| snapshot.messages[0].flags = FlagSet::SEEN);
    folder.remove(1);
    folder.deliver(PLAIN);
    let mut dialogue = Dialogue::selected(store.clone(), "INBOX");
    calls(&store);
    for (keys, expected) in [
        ("ALL", " 1 2 3"),
        ("UID 3:*", " 2 3"),
        ("2:* NOT UID 4", " 2"),
        ("SINCE 20-Jul-1996 BEFORE 21-Jul-1996", " 2"),
        ("SMALLER 80", " 1"),
        ("DELETED", ""),
        ("OR (2 UNSEEN) 3", " 2 3"),
    ] {
        assert_eq!(
            dialogue.say(&format!("a SEARCH {keys}\r\n")),
            format!("* SEARCH{expected}\r\na OK SEARCH completed\r\n")
        );
    }
    assert_eq!(calls(&store), Vec::<String>::new());
    for (keys, expected, asked) in [
        ("CHARSET UTF-8 FROM {7+}\r\nJÜRGEN", " 2", "fetch [2, 3, 4] Outline"),
        ("BODY needle", " 2", "fetch [2, 3, 4] Parts"),
        ("1:2 TEXT hello", " 3", "fetch [2, 3] Parts"),
        ("SENTON 17-Jul-1996", " 3 4", "fetch [2, 3, 4] Outline"),
    ] {
        assert_eq!(
            dialogue.say(&format!("b UID SEARCH {keys}\r\n")),
            format!("* SEARCH{expected}\r\nb OK SEARCH completed\r\n"),
            "{keys}"
        );
        assert_eq!(calls(&store), [asked]);
    }
    assert!(dialogue.say("c SEARCH CHARSET X-NONE ALL\r\n").starts_with("c NO [BADCHARSET (US-ASCII UTF-8)] "));
    assert_eq!(dialogue.say("d SEARCH 2:9\r\n"), "* SEARCH 2 3\r\nd OK SEARCH completed\r\n");
}

#[test]
fn each_limit_is_reached() {
    let limits = Limits { max_bad_commands: 3, max_login_failures: 2, ..Limits::default() };
    let new = || {
        let config = SessionConfig { limits: limits.clone(), ..SessionConfig::default() };
        let mut dialogue = Dialogue::new(Memory::new(), config, true);
        dialogue.taken();
        dialogue
    };
    let mut dialogue = new();
    assert_eq!(dialogue.say("a X\r\nb X\r\n").matches("BAD").count(), 2);
    assert!(dialogue.say("* X\r\n").ends_with("* BYE Too many bad commands\r\n"));
    assert!(dialogue.closed);

    // Once somebody has logged in, only those in a row count.
    let mut dialogue = new();
    dialogue.say("a NOOP\r\nb X\r\nc NOOP\r\nd X\r\ne LOGIN alice secret\r\n");
    for _ in 0..4 {
        assert_eq!(dialogue.say("f X\r\ng X\r\nh NOOP\r\n").matches("BAD").count(), 2);
    }
    assert!(dialogue.say("i X\r\nj SELECT nothing\r\nk X\r\nl X\r\n").ends_with("* BYE Too many bad commands\r\n"));

    let mut dialogue = new();
    dialogue.say("a LOGIN alice x\r\n");
    let answer = dialogue.say("b LOGIN alice x\r\n");
    assert!(answer.starts_with("* BYE ") && answer.contains("\r\nb NO [AUTHENTICATIONFAILED]"), "{answer}");
    assert!(dialogue.closed);

    let mut dialogue = new();
    assert_eq!(dialogue.say("a LOGIN {8193}\r\n"), "a BAD [TOOBIG] literal too large\r\n");
    assert_eq!(dialogue.say(&format!("b LOGIN {}\r\n", "x".repeat(33_000))), "b BAD [TOOBIG] line too long\r\n");
    let answer = dialogue.say("c LOGIN {99999999999+}\r\n");
    assert!(answer.starts_with("c BAD [TOOBIG]") && answer.contains("* BYE "), "{answer}");
    assert!(dialogue.closed);

    let mut dialogue = new();
    assert_eq!(dialogue.wait(Duration::from_secs(29)), "");
    dialogue.say("a NOOP\r\n");
    assert!(dialogue.wait(Duration::from_secs(2)).starts_with("* BYE Login took too long"));
    assert!(dialogue.closed);

    let mut dialogue = new();
    dialogue.say("a LOGIN alice secret\r\n");
    assert_eq!(dialogue.wait(Duration::from_secs(29 * 60 + 59)), "");
    assert!(dialogue.wait(Duration::from_secs(1)).starts_with("* BYE Idle for too long"));
    assert!(dialogue.closed);
}

#[test]
fn shutdown_lets_go_at_once() {
    let mut dialogue = Dialogue::selected(inbox(1), "INBOX");
    dialogue.say("a IDLE\r\n");
    dialogue.session.shutdown();
    assert_eq!(dialogue.publish(), "* BYE [UNAVAILABLE] Server shutting down\r\n");
    assert!(dialogue.closed);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn arbitrary_dialogues_never_panic(
        pieces in proptest::collection::vec(
            prop_oneof![
                Just("a LOGIN alice secret\r\n".to_owned()), Just("a SELECT INBOX\r\n".to_owned()),
                Just("a FETCH 1:* FULL\r\n".to_owned()), Just("a STORE 1 +FLAGS.SILENT \\Deleted\r\n".to_owned()),
                Just("a EXPUNGE\r\n".to_owned()), Just("a IDLE\r\n".to_owned()), Just("DONE\r\n".to_owned()),
                Just("a AUTHENTICATE PLAIN\r\n".to_owned()), Just("a UID SEARCH TEXT x\r\n".to_owned()),
                Just("a CLOSE\r\n".to_owned()), Just("a NOOP\r\n".to_owned()), Just("a LOGIN {3}\r\n".to_owned()),
                "[ -~\r\n]{0,20}",
            ],
            0..24,
        ),
    ) {
        let mut dialogue = Dialogue::new(inbox(3), SessionConfig::default(), true);
        for piece in pieces {
            dialogue.say(&piece);
        }
    }

    /// A client that believes what it is told ends up knowing the folder as it is.
    #[test]
    fn clients_stay_in_step(
        steps in proptest::collection::vec((0_u8..8, any::<prop::sample::Index>()), 0..40),
        last in any::<prop::sample::Index>(),
    ) {
        let store = inbox(4);
        let folder = store.folder("INBOX");
        let mut dialogue = Dialogue::selected(store.clone(), "INBOX");
        let mut known = vec![None; 4];
        for (step, index) in steps.into_iter().chain([(5, last)]) {
            let rows = folder.messages().len();
            let number = (!known.is_empty()).then(|| index.index(known.len()) + 1);
            let command = match (step, number) {
                (0, _) => {
                    folder.deliver(PLAIN);
                    continue;
                }
                (1, _) if rows > 0 => {
                    folder.remove(folder.messages()[index.index(rows)].uid);
                    continue;
                }
                (2, _) if rows > 0 => {
                    folder.change(|snapshot| snapshot.messages[index.index(rows)].flags = FlagSet::FLAGGED);
                    continue;
                }
                (3, Some(number)) => format!("a FETCH {number} FLAGS\r\n"),
                (4, Some(number)) => format!("a STORE {number}:* +FLAGS \\Seen\r\n"),
                (6, Some(number)) => format!("a FETCH {number}:* BODY[]\r\n"),
                (7, _) => "a UID FETCH 1:* FLAGS\r\n".to_owned(),
                _ => "a NOOP\r\n".to_owned(),
            };
            for line in dialogue.say(&command).lines() {
                let words: Vec<&str> = line.splitn(4, ' ').collect();
                let number = words.get(1).and_then(|word| word.parse::<usize>().ok());
                match (number, words.get(2), words.get(3)) {
                    (Some(number), Some(&"EXPUNGE"), _) => {
                        prop_assert!(!command.contains("FETCH") || command.contains("UID"), "{command}: {line}");
                        prop_assert!(!command.contains("STORE"), "{command}: {line}");
                        known.remove(number - 1);
                    }
                    (Some(number), Some(&"EXISTS"), _) => {
                        prop_assert!(number > known.len(), "{line}");
                        known.resize(number, None);
                    }
                    (Some(number), Some(&"FETCH"), Some(items)) => {
                        prop_assert!(number <= known.len(), "{line}");
                        if let Some((_, flags)) = items.split_once("FLAGS ") {
                            known[number - 1] = Some(flags.replace(" \\Recent", "").replace("\\Recent", ""));
                        }
                    }
                    _ => {}
                }
            }
        }
        let rows = folder.messages();
        prop_assert_eq!(known.len(), rows.len());
        for (known, row) in known.iter().zip(&rows) {
            let mut output = imap_front::proto::response::Output::default();
            output.flags(row.flags, &row.keywords, false).text(")");
            let actual = String::from_utf8(output.take().unwrap().to_vec()).unwrap();
            prop_assert!(known.as_ref().is_none_or(|known| *known == actual), "{known:?} {actual}");
        }
    }
}

#[test]
fn copying_and_moving() {
    let store = inbox(5);
    store.add("Work", None);
    store.add("vague", None);
    store.add_with("Public", None, false, true, false);
    store.folder("INBOX").change(|snapshot| snapshot.messages[1].flags = FlagSet::DELETED);
    let mut dialogue = Dialogue::selected(store.clone(), "INBOX");
    assert_eq!(dialogue.say("a COPY 1:2,5 Work\r\n"), "a OK [COPYUID 7 1:2,5 1:3] COPY completed\r\n");
    assert_eq!(store.folder("Work").messages()[1].flags, FlagSet::EMPTY);
    assert_eq!(dialogue.say("b UID COPY 3 vague\r\n"), "b OK COPY completed\r\n");
    assert_eq!(dialogue.say("c UID COPY 77 Work\r\n"), "c OK COPY completed\r\n");
    assert!(dialogue.say("d COPY 1 Nowhere\r\n").starts_with("d NO [TRYCREATE] "));
    assert!(dialogue.say("e COPY 1 Public\r\n").starts_with("e NO [CANNOT] "));
    assert!(dialogue.say("f COPY 9 Work\r\n").starts_with("f BAD "));
    assert_eq!(
        dialogue.say("g UID MOVE 2,4 Work\r\n"),
        "* OK [COPYUID 7 2,4 4:5] Moved\r\n* 4 EXPUNGE\r\n* 2 EXPUNGE\r\ng OK MOVE completed\r\n"
    );
    assert_eq!(dialogue.say("h MOVE 1 vague\r\n"), "* 1 EXPUNGE\r\nh OK MOVE completed\r\n");
    store.folder("INBOX").remove(3);
    assert!(
        dialogue
            .say("i COPY 1:2 Work\r\n")
            .ends_with("* 1 EXPUNGE\r\ni NO [EXPUNGEISSUED] some of the messages no longer exist\r\n")
    );
    assert!(dialogue.say("j EXAMINE INBOX\r\n").contains("j OK"));
    assert!(dialogue.say("k MOVE 1 Work\r\n").starts_with("k NO [READ-ONLY] "));
    assert!(dialogue.say("l COPY 1 Work\r\n").starts_with("l OK [COPYUID 7 5 6] "));
    // A copy into the selected folder shows before the command ends.
    assert_eq!(
        dialogue.say("m COPY 1 INBOX\r\n"),
        "* 2 EXISTS\r\n* 1 RECENT\r\nm OK [COPYUID 7 5 6] COPY completed\r\n"
    );
}

#[test]
fn appending() {
    let store = inbox(1);
    let mut dialogue = Dialogue::selected(store.clone(), "INBOX");
    let capability = dialogue.say("a CAPABILITY\r\n");
    assert!(capability.contains(" UIDPLUS MOVE ") && capability.contains(" APPENDLIMIT=36700160"), "{capability}");
    assert_eq!(dialogue.say("b APPEND INBOX (\\Seen $x) {5}\r\n"), "+ Ready for literal data\r\n");
    assert_eq!(
        dialogue.say("a: b\n\r\n"),
        "* 2 EXISTS\r\n* 1 RECENT\r\n* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $x)\r\n\
         * OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $x \\*)] Flags permitted\r\n\
         b OK [APPENDUID 7 2] APPEND completed\r\n"
    );
    let large = "x".repeat(1 << 20);
    assert_eq!(
        dialogue.say(&format!("c APPEND INBOX {{{}+}}\r\n{large}\r\n", large.len())),
        "* 3 EXISTS\r\n* 2 RECENT\r\nc OK [APPENDUID 7 3] APPEND completed\r\n"
    );
    assert_eq!(dialogue.say("d APPEND INBOX {36700161}\r\n"), "d NO [TOOBIG] message too large\r\n");
    assert_eq!(dialogue.say("e APPEND Nowhere {1+}\r\nx\r\n"), "e NO [TRYCREATE] no such mailbox\r\n");
    assert!(dialogue.say("f APPEND INBOX {0+}\r\n\r\n").starts_with("f NO [CANNOT] "));
    *store.folder("INBOX").fail.lock().unwrap() = Some(StoreError::OverQuota("full".to_owned()));
    assert_eq!(dialogue.say("g APPEND INBOX {1+}\r\nx\r\n"), "g NO [OVERQUOTA] full\r\n");
    // Who doesn't wait sends what nobody wants: there it ends.
    let answer = dialogue.say("h APPEND INBOX {36700161+}\r\nx NOOP\r\n");
    assert!(answer.starts_with("h NO [TOOBIG] message too large\r\n* BYE [TOOBIG]"), "{answer}");
    assert!(dialogue.closed && !answer.contains("x OK"));
}

#[test]
fn changing_folders() {
    let store = Memory::new();
    store.add("Work", None);
    let mut dialogue = Dialogue::logged_in(store.clone());
    assert_eq!(dialogue.say("a CREATE New/One/\r\n"), "a OK [MAILBOXID (FTmV3L09uZQ)] CREATE completed\r\n");
    assert_eq!(calls(&store), ["create New/One"]);
    assert!(dialogue.say("b CREATE inbox\r\n").starts_with("b NO [ALREADYEXISTS] "));
    assert!(dialogue.say("c CREATE Work\r\n").starts_with("c NO [ALREADYEXISTS] "));
    let long = "x".repeat(1001);
    for name in ["/x", "\"\"", "x//y", "/", &long] {
        assert!(dialogue.say(&format!("c CREATE {name}\r\n")).starts_with("c NO [CANNOT] "), "{name}");
        assert!(dialogue.say(&format!("c RENAME Work {name}\r\n")).starts_with("c NO [CANNOT] "), "{name}");
    }
    for name in ["&", "&AGE-", "x&2D0-", "\"A & B\""] {
        assert!(dialogue.say(&format!("c CREATE {name}\r\n")).starts_with("c BAD "), "{name}");
        assert!(dialogue.say(&format!("c UNSUBSCRIBE {name}\r\n")).starts_with("c OK "), "{name}");
        for command in ["SELECT", "DELETE", "SUBSCRIBE"] {
            assert!(dialogue.say(&format!("c {command} {name}\r\n")).starts_with("c NO [NONEXISTENT] "), "{name}");
        }
    }
    calls(&store);
    assert_eq!(dialogue.say("d UNSUBSCRIBE Work\r\n"), "d OK UNSUBSCRIBE completed\r\n");
    assert_eq!(dialogue.say("e LSUB \"\" *\r\n"), "* LSUB () \"/\" INBOX\r\ne OK LSUB completed\r\n");
    assert_eq!(dialogue.say("f SUBSCRIBE Work\r\n"), "f OK SUBSCRIBE completed\r\n");
    assert!(dialogue.say("g SUBSCRIBE Nothing\r\n").starts_with("g NO [NONEXISTENT] "));
    assert_eq!(dialogue.say("h RENAME Work Play\r\n"), "h OK RENAME completed\r\n");
    assert!(dialogue.say("i RENAME Work Play\r\n").starts_with("i NO [NONEXISTENT] "));
    assert_eq!(dialogue.say("j DELETE Play\r\n"), "j OK DELETE completed\r\n");
    assert!(dialogue.say("k DELETE INBOX\r\n").starts_with("k NO [CANNOT] "));
}
