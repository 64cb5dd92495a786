//! mutt and NeoMutt, at a terminal of their own.

use std::path::Path;
use std::process::Command;

use exchange_sandbox::store::Special;
use libtest_mimic::Failed;
use mapi_core::property::PropertyValue;
use mapi_core::property::tags::PidTagFlagStatus;
use tests::imap_client::ImapClient;
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
    at_terminal("mutt", &stack, directory.path(), "", KEYS).await?;

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

/// What is typed at the second opening: copy what is flagged, then everything.
const KEYS_AGAIN: &str = "<tag-pattern>~F<enter><tag-prefix><copy-message>=Flagged<enter><untag-pattern>~A<enter>\
                          <tag-pattern>~A<enter><tag-prefix><copy-message>=Everything<enter><quit>";

/// With a header cache, QRESYNC and, if the program has it, COMPRESS: a folder that is opened again is asked for what changed
/// since, and what is shown is what is there.
pub async fn knows_what_changed_meanwhile(program: &'static str) -> Result<(), Failed> {
    let stack = Stack::start(Seed::Empty).await;
    for number in 1..=5 {
        stack.deliver(ALICE, &format!("number {number}"), "body");
    }
    let directory = tempfile::tempdir()?;
    std::fs::create_dir(directory.path().join("cache"))?;
    let log = directory.path().join("log");
    let (settings, written) = if program == "mutt" {
        ("set imap_deflate=yes\n".to_owned(), directory.path().join(".muttdebug0"))
    } else {
        ("set imap_condstore=yes\n".to_owned(), directory.path().join("log0"))
    };
    let cache = directory.path().join("cache");
    let settings = format!("set imap_qresync=yes\nset header_cache=\"{}/\"\n{settings}", cache.display());
    let logging = if program == "mutt" { "-d 3".to_owned() } else { format!("-d 3 -l {}", log.display()) };
    let with_log = format!("{program} {logging}");
    at_terminal(&with_log, &stack, directory.path(), &settings, "<sync-mailbox><quit>").await?;

    let mut other = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    other.command("SELECT INBOX").await.ok();
    other.command("UID STORE 4 +FLAGS (\\Flagged)").await.ok();
    other.command("UID STORE 2 +FLAGS (\\Deleted)").await.ok();
    other.command("EXPUNGE").await.ok();
    stack.deliver(ALICE, "number 6", "body");
    at_terminal(&with_log, &stack, directory.path(), &settings, KEYS_AGAIN).await?;

    let said = String::from_utf8_lossy(&std::fs::read(&written)?).into_owned();
    let compressed = ["COMPRESS DEFLATE"].into_iter().filter(|_| program == "mutt");
    for what in ["ENABLE QRESYNC", "VANISHED)"].into_iter().chain(compressed) {
        assert!(said.contains(what), "{program} did not say {what}:\n{said}");
    }
    stack.as_outlook(|mailbox| {
        let in_folder = |name: &str| -> Result<Vec<u32>, Failed> {
            let folder = mailbox.folder_at(&[name]).ok_or("a folder for copies")?;
            Ok((1..=6).filter(|n| !mailbox.find_subject(folder, &format!("number {n}")).is_empty()).collect())
        };
        assert_eq!((in_folder("Flagged")?, in_folder("Everything")?), (vec![4], vec![1, 3, 4, 5, 6]));
        Ok(())
    })
}

/// Runs the program, with its options, in Alice's inbox, and types.
async fn at_terminal(program: &str, stack: &Stack, home: &Path, settings: &str, keys: &str) -> Result<(), Failed> {
    let configuration = home.join("muttrc");
    let text = format!(
        "set folder=\"imap://{ALICE}@{}/\"\nset imap_user=\"{ALICE}\"\nset imap_pass=\"{PASSWORD}\"\n\
         set spoolfile=\"+INBOX\"\nset ssl_starttls=no\nset ssl_force_tls=no\nset confirmappend=no\n\
         set confirmcreate=no\nset delete=yes\nset move=no\nset quit=yes\nset wait_key=no\nset resolve=no\nset sort=mailbox-order\n\
         {settings}push \"{keys}\"\n",
        stack.imap
    );
    std::fs::write(&configuration, text)?;
    let mut command = Command::new("timeout");
    command.args(["120", "script", "-qec", &format!("{program} -n -F {}", configuration.display()), "/dev/null"]);
    command.env("TERM", "xterm").env("HOME", home);
    run(command).await.map(drop)
}
