//! ENABLE (RFC 5161).

#![allow(clippy::unwrap_used)]

mod support;
#[path = "support/dialogue.rs"]
mod support_dialogue;

use imap_front::session::SessionConfig;
use support::Memory;
use support_dialogue::Dialogue;

#[test]
fn what_is_known_is_enabled_and_the_rest_passed_over() {
    let mut dialogue = Dialogue::logged_in(Memory::new());
    // As in RFC 5161 3.1.
    assert_eq!(dialogue.say("t ENABLE CONDSTORE X-GOOD-IDEA\r\n"), "* ENABLED CONDSTORE\r\nt OK ENABLE completed\r\n");
    assert_eq!(dialogue.say("a enable x-good-idea\r\n"), "* ENABLED\r\na OK ENABLE completed\r\n");
    assert_eq!(dialogue.say("b ENABLE UTF8=NONE IDLE\r\n"), "* ENABLED\r\nb OK ENABLE completed\r\n");
    assert_eq!(dialogue.say("c ENABLE CONDSTORE condstore\r\n"), "* ENABLED CONDSTORE\r\nc OK ENABLE completed\r\n");
    for bad in ["ENABLE", "ENABLE (CONDSTORE)", "ENABLE \"CONDSTORE\"", "ENABLE A {1}\r\nb"] {
        assert!(dialogue.say(&format!("d {bad}\r\n")).contains("d BAD "), "{bad}");
    }
}

#[test]
fn nothing_is_enabled_before_login() {
    let mut dialogue = Dialogue::new(Memory::new(), SessionConfig::default(), true);
    dialogue.taken();
    assert_eq!(dialogue.say("a ENABLE CONDSTORE\r\n"), "a BAD Log in first\r\n");
}
