//! PREVIEW (RFC 8970).

#![allow(clippy::unwrap_used)]

mod support;
#[path = "support/dialogue.rs"]
mod support_dialogue;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use support::Memory;
use support_dialogue::Dialogue;

fn inbox() -> Arc<Memory> {
    let store = Memory::new();
    let folder = store.folder("INBOX");
    folder.deliver("Subject: 1\r\n\r\nPreview text!\r\n  Go on.\r\n");
    folder.deliver("Content-Type: text/html; charset=utf-8\r\n\r\n<p>This is the <b>first</b></p><p>\u{e4}</p>\r\n");
    folder.deliver("Content-Type: image/png\r\n\r\nxyz\r\n");
    folder.deliver(format!("Subject: 4\r\n\r\n{}\r\n", "x ".repeat(100_000)));
    folder.recent.claim(7, 5);
    store
}

#[test]
fn the_text_is_shown_as_people_read_it() {
    let mut dialogue = Dialogue::selected(inbox(), "INBOX");
    assert_eq!(
        dialogue.say("a FETCH 1:3 (PREVIEW)\r\n"),
        "* 1 FETCH (PREVIEW \"Preview text! Go on.\")\r\n* 2 FETCH (PREVIEW {20}\r\nThis is the first \u{e4})\r\n\
         * 3 FETCH (PREVIEW \"\")\r\na OK FETCH completed\r\n"
    );
    assert_eq!(
        dialogue.say("b UID FETCH 1 PREVIEW\r\n"),
        "* 1 FETCH (UID 1 PREVIEW \"Preview text! Go on.\")\r\nb OK FETCH completed\r\n"
    );
    assert_eq!(
        dialogue.say("c FETCH 1 (FLAGS PREVIEW (LAZY) UID)\r\n"),
        "* 1 FETCH (FLAGS () UID 1 PREVIEW \"Preview text! Go on.\")\r\nc OK FETCH completed\r\n"
    );
    // Of a large message it is work, and no more than may be shown.
    let shown = format!("{}x x", "x ".repeat(126));
    assert_eq!(
        dialogue.say("d FETCH 4 (UID PREVIEW)\r\n"),
        format!("* 4 FETCH (UID 4 PREVIEW \"{shown}\")\r\nd OK FETCH completed\r\n")
    );
    // Nothing of it marks the message as seen.
    assert!(dialogue.say("e FETCH 1:4 FLAGS\r\n").starts_with("* 1 FETCH (FLAGS ())\r\n* 2 FETCH (FLAGS ())\r\n"));
    for bad in ["PREVIEW (EAGER)", "(PREVIEW (LAZY LAZY))", "(PREVIEW", "(FLAGS PREVIEW (LAZY)", "PREVIEW()"] {
        assert!(dialogue.say(&format!("f FETCH 1 {bad}\r\n")).starts_with("f BAD "), "{bad}");
    }
}

#[test]
fn a_lazy_one_waits_for_nothing() {
    let store = inbox();
    let mut dialogue = Dialogue::selected(store.clone(), "INBOX");
    store.folder("INBOX").at_hand.store(false, Ordering::Relaxed);
    store.calls.lock().unwrap().clear();
    assert_eq!(
        dialogue.say("a FETCH 1:2 (UID PREVIEW (LAZY))\r\n"),
        "* 1 FETCH (UID 1 PREVIEW NIL)\r\n* 2 FETCH (UID 2 PREVIEW NIL)\r\na OK FETCH completed\r\n"
    );
    assert_eq!(*store.calls.lock().unwrap(), ["fetch [1, 2] AtHand"]);
    // What has only the header does not know it.
    assert!(dialogue.say("b FETCH 1 (RFC822.HEADER PREVIEW (LAZY))\r\n").contains(" PREVIEW NIL)\r\n"));
    // Whoever reads the message anyway gets it.
    assert!(
        dialogue.say("c FETCH 1 (BODY.PEEK[] PREVIEW (LAZY))\r\n").contains(" PREVIEW \"Preview text! Go on.\")\r\n")
    );
    assert!(dialogue.say("d FETCH 1 PREVIEW\r\n").starts_with("* 1 FETCH (PREVIEW \"Preview text! Go on.\")\r\n"));
    assert!(dialogue.say("e UID FETCH 1:2 (PREVIEW (LAZY)) (CHANGEDSINCE 1)\r\n").contains("e OK "));
}
