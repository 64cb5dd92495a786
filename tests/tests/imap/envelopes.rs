//! What lists of messages need, kept on disk (`ledger.envelopes`): after a restart nothing is asked of the upstream for them, they
//! are the same as before, and nothing but requests is lost with the file.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use exchange_sandbox::RunningSandbox;
use exchange_sandbox::store::{Mailbox, Special};
use mapi_core::property::{PropertyValue, tags};
use tests::imap_client::{Answer, ImapClient};
use tests::stack::{ALICE, PASSWORD, Seed, Stack};
use tests::until::until;

const ON: &str = "envelopes = true";
const MESSAGES: usize = 300;
const LISTING: &str = "FETCH 1:* (UID FLAGS ENVELOPE BODYSTRUCTURE BODY.PEEK[HEADER.FIELDS (SUBJECT FROM)])";

async fn start(what: Seed, ledger: &str) -> Stack {
    Stack::start_with_ledger(what, ledger, |builder| builder).await
}

/// Opens the inbox without changing anything: its messages stay `\Recent`.
async fn examine(stack: &Stack) -> ImapClient {
    let mut client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    client.command("EXAMINE INBOX").await.ok();
    client
}

/// Lists the inbox, and says how many requests of the upstream that took.
async fn list(stack: &Stack) -> (Answer, u64) {
    let mut client = examine(stack).await;
    let before = stack.executes();
    let answer = client.command(LISTING).await.ok();
    (answer, stack.executes() - before)
}

/// Files of this kind in the directory of the ledgers.
fn files(directory: &Path) -> Vec<PathBuf> {
    let all = std::fs::read_dir(directory).expect("a directory").map(|file| file.expect("a file").path());
    all.filter(|path| path.to_string_lossy().contains(".envelopes")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_after_a_restart_asks_for_no_message() {
    let stack = start(Seed::Demo(MESSAGES), ON).await;
    let (first, asked) = list(&stack).await;
    assert!(asked > 3 && first.untagged.len() > 50, "{asked} requests for {} messages", first.untagged.len());
    let mut client = examine(&stack).await;
    let keys = ["SUBJECT e", "FROM example", "HEADER Message-ID 1"];
    let mut found = Vec::new();
    for key in keys {
        found.push(client.command(&format!("SEARCH {key}")).await.ok().untagged);
    }

    let stack = stack.restart().await;
    let file = files(stack.ledger());
    assert_eq!(file.len(), 1);
    assert_eq!(std::fs::metadata(&file[0]).expect("there").permissions().mode() & 0o777, 0o600);
    let (again, asked) = list(&stack).await;
    assert_eq!(asked, 0);
    assert!(again.untagged == first.untagged, "the same as before");
    let stack = stack.restart().await;
    let mut client = examine(&stack).await;
    let before = stack.executes();
    for (key, found) in keys.into_iter().zip(found) {
        assert_eq!(client.command(&format!("SEARCH {key}")).await.ok().untagged, found);
    }
    // One message a command, as some clients list.
    for (number, line) in first.untagged.iter().enumerate().take(2) {
        let command = LISTING.replace("1:*", &(number + 1).to_string());
        assert!(client.command(&command).await.ok().untagged == [line.clone()], "{number}");
    }
    assert_eq!(stack.executes(), before);
}

/// With memory for a few, the disk is asked for the others.
#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_the_memory_comes_from_the_disk() {
    let sections = "[cache]\nrendering_bytes = 100_000\noutline_bytes = 20_000\n";
    let stack = Stack::start_configured(Seed::Bulk(MESSAGES), sections).await.restart_with_ledger(ON).await;
    let (first, asked) = list(&stack).await;
    assert!(asked > 3, "{asked}");
    let stack = stack.restart().await;
    for _ in 0..2 {
        let (again, asked) = list(&stack).await;
        assert!(again.untagged == first.untagged && asked == 0, "{asked}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_edits_meanwhile_is_shown_as_it_is_now() {
    let stack = start(Seed::Bulk(MESSAGES), ON).await;
    let (first, _) = list(&stack).await;
    let edit = |sandbox: &RunningSandbox, _: &Path| {
        sandbox.with(|store| {
            let mailbox = store.mailbox_of(ALICE).expect("a mailbox");
            let inbox = mailbox.special(Special::Inbox);
            let id = |mailbox: &Mailbox, number| mailbox.find_subject(inbox, &format!("bulk message {number}"))[0];
            let (edited, flagged) = (id(mailbox, 7), id(mailbox, 8));
            let subject = PropertyValue::String("written anew".into());
            mailbox.set_property(edited, tags::PidTagSubject, subject).expect("edited");
            mailbox.set_flagged(flagged, true).expect("flagged");
        });
    };
    let stack = stack.restart_changed("", edit).await;
    until("the edited one is there, the former one is not", async || {
        let mut client = examine(&stack).await;
        let now = client.command(LISTING).await;
        let new: Vec<_> = now.lines().into_iter().filter(|line| line.contains("written anew")).collect();
        let old = now.lines().into_iter().any(|line| line.contains("bulk message 7\""));
        assert!(!old, "what it was is not shown any more");
        now.status.starts_with("OK") && new.len() == 1 && now.untagged.len() == MESSAGES
    })
    .await;
    let (last, _) = list(&stack).await;
    // The edited one is another message now, and the flagged one has other flags.
    let is_touched =
        |line: &String| ["bulk message 7\"", "bulk message 8\""].iter().any(|subject| line.contains(subject));
    let untouched: Vec<String> = first.lines().into_iter().filter(|line| !is_touched(line)).collect();
    assert_eq!(untouched.len(), MESSAGES - 2);
    let shown = last.lines();
    for line in untouched {
        let (_, line) = line.split_once("(UID").expect("a UID");
        assert!(shown.iter().any(|shown| shown.ends_with(line)), "{line}");
    }
    let stack = stack.restart().await;
    let (again, asked) = list(&stack).await;
    assert!(again.untagged == last.untagged && asked == 0, "{asked}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_lost_or_damaged_costs_requests_only() {
    type Mishap = fn(&Path);
    let mishaps: [(&str, Mishap); 4] = [
        ("lost", |path| std::fs::remove_file(path).expect("removed")),
        ("damaged everywhere", |path| {
            let mut bytes = std::fs::read(path).expect("read");
            bytes.iter_mut().step_by(100).for_each(|byte| *byte ^= 1);
            std::fs::write(path, bytes).expect("written");
        }),
        ("cut off", |path| {
            let bytes = std::fs::read(path).expect("read");
            std::fs::write(path, &bytes[..bytes.len() / 2]).expect("written");
        }),
        ("a directory", |path| {
            std::fs::remove_file(path).expect("removed");
            std::fs::create_dir(path).expect("made");
        }),
    ];
    let mut stack = start(Seed::Bulk(MESSAGES), ON).await;
    let (first, _) = list(&stack).await;
    for (what, mishap) in mishaps {
        stack = stack
            .restart_after(|directory| {
                let path = files(directory).pop().expect("a file");
                mishap(&path);
            })
            .await;
        let (again, asked) = list(&stack).await;
        assert!(again.untagged == first.untagged, "{what}");
        assert!(asked > 0, "{what}: nothing was lost");
        if what == "a directory" {
            break;
        }
        stack = stack.restart().await;
        assert_eq!(list(&stack).await.1, 0, "{what}: it is kept again");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_it_there_is_no_file_and_one_that_was_there_goes() {
    let stack = start(Seed::Bulk(MESSAGES), "envelopes = false").await;
    let (first, _) = list(&stack).await;
    let stack = stack.restart().await;
    let (again, asked) = list(&stack).await;
    assert!(again.untagged == first.untagged && asked > 0, "{asked}");
    assert_eq!(files(stack.ledger()), Vec::<PathBuf>::new());
    let stack = stack.restart_with_ledger(ON).await;
    list(&stack).await;
    // It is written when the gateway stops, at the latest.
    let stack = stack.restart().await;
    assert_eq!(files(stack.ledger()).len(), 1);
    let stack = stack.restart_with_ledger("envelopes = false").await;
    assert_eq!(files(stack.ledger()), Vec::<PathBuf>::new());
    let (again, asked) = list(&stack).await;
    assert!(again.untagged == first.untagged && asked > 0, "{asked}");
}

/// What is deleted goes, but for the last of it.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_deleted_leaves_the_disk() {
    let stack = start(Seed::Bulk(MESSAGES), ON).await;
    list(&stack).await;
    let stack = stack.restart().await;
    let size = |stack: &Stack| std::fs::metadata(&files(stack.ledger())[0]).expect("there").len();
    let before = size(&stack);
    let mut client = examine(&stack).await;
    client.command("SELECT INBOX").await.ok();
    client.command("STORE 1:290 +FLAGS.SILENT (\\Deleted)").await.ok();
    client.command("EXPUNGE").await.ok();
    drop(client);
    let stack = stack.restart().await;
    // Some stay until there are enough of them.
    assert!(size(&stack) < before / 3, "{} of {before} bytes are left", size(&stack));
    assert_eq!(list(&stack).await.1, 0, "the others are there");
}
