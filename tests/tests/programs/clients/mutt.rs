//! mutt, at a terminal of its own.

use std::process::Command;

use exchange_sandbox::store::Special;
use libtest_mimic::Failed;
use mapi_core::property::PropertyValue;
use mapi_core::property::tags::PidTagFlagStatus;
use tests::stack::{ALICE, PASSWORD, Seed, Stack};

use super::support::run;

/// What is typed: read and flag the first, copy the second and third, save the last elsewhere, delete the one before.
const KEYS: &str = "<first-entry><display-message><exit><flag-message><next-entry><tag-message><next-entry><tag-message>\
                    <tag-prefix><copy-message>=Copied/Deep<enter><untag-pattern>~A<enter><last-entry>\
                    <save-message>=Saved<enter><previous-entry><delete-message><sync-mailbox><quit>";

pub async fn reads_flags_copies_and_deletes() -> Result<(), Failed> {
    let stack = Stack::start(Seed::Empty).await;
    for number in 1..=5 {
        stack.deliver(ALICE, &format!("number {number}"), "body");
    }
    let directory = tempfile::tempdir()?;
    let configuration = directory.path().join("muttrc");
    let text = format!(
        "set folder=\"imap://{ALICE}@{}/\"\nset imap_user=\"{ALICE}\"\nset imap_pass=\"{PASSWORD}\"\n\
         set spoolfile=\"+INBOX\"\nset ssl_starttls=no\nset ssl_force_tls=no\nset confirmappend=no\n\
         set confirmcreate=no\nset delete=yes\nset move=no\nset quit=yes\nset wait_key=no\nset resolve=no\nset sort=mailbox-order\n\
         push \"{KEYS}\"\n",
        stack.imap
    );
    std::fs::write(&configuration, text)?;
    let mut mutt = Command::new("timeout");
    mutt.args(["120", "script", "-qec", &format!("mutt -n -F {}", configuration.display()), "/dev/null"]);
    mutt.env("TERM", "xterm").env("HOME", directory.path());
    run(mutt).await?;

    stack.as_outlook(|mailbox| {
        let in_folder = |folder: u64| -> Vec<u32> {
            (1..=5).filter(|number| !mailbox.find_subject(folder, &format!("number {number}")).is_empty()).collect()
        };
        let inbox = mailbox.special(Special::Inbox);
        let copied = mailbox.folder_at(&["Copied", "Deep"]).ok_or("a folder for copies")?;
        let saved = mailbox.folder_at(&["Saved"]).ok_or("a folder for what is saved")?;
        assert_eq!((in_folder(inbox), in_folder(copied), in_folder(saved)), (vec![1, 2, 3], vec![2, 3], vec![5]));
        let first = mailbox.find_subject(inbox, "number 1")[0];
        assert!(!mailbox.is_unread(first), "what was shown is read");
        let status = mailbox.message(first).map(|message| message.content.properties.get(PidTagFlagStatus).cloned());
        assert_eq!(status, Ok(Some(PropertyValue::Integer32(2))), "what was flagged is flagged");
        Ok(())
    })
}
