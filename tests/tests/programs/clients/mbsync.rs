//! mbsync (isync).

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use gateway::ledger::{Ledger, RedbLedger};
use libtest_mimic::Failed;
use mapi_core::id::{Gid, Guid};
use tempfile::TempDir;
use tests::imap_client::ImapClient;
use tests::stack::{ALICE, PASSWORD, Seed, Stack};
use tests::until::until;

use super::support::{Mail, counts, read_everything, run, writes_nothing};
use super::{maildir, two_way};

/// A directory with a configuration, and places for mail and state.
fn directory(imap: SocketAddr, channel: &str) -> Result<TempDir, Failed> {
    let directory = tempfile::tempdir()?;
    std::fs::create_dir_all(directory.path().join("mail"))?;
    std::fs::create_dir_all(directory.path().join("state"))?;
    let text = format!(
        "FSync no\n\nIMAPAccount gateway\nHost 127.0.0.1\nPort {}\nUser {ALICE}\nPass {PASSWORD}\nSSLType None\n\n\
         IMAPStore far\nAccount gateway\n\n\
         MaildirStore near\nPath {dir}/mail/\nInbox {dir}/mail/INBOX\nSubFolders Verbatim\n\n\
         Channel all\nFar :far:\nNear :near:\nPatterns *\n{channel}\nSyncState {dir}/state/\n",
        imap.port(),
        dir = directory.path().display()
    );
    std::fs::write(directory.path().join("mbsyncrc"), text)?;
    Ok(directory)
}

async fn mbsync(directory: &Path) -> Result<Vec<u8>, Failed> {
    let mut command = Command::new("mbsync");
    command.arg("-c").arg(directory.join("mbsyncrc")).arg("all");
    run(command).await
}

pub async fn pulls_every_folder_whole() -> Result<(), Failed> {
    let stack = Stack::start(Seed::Demo(200)).await;
    let directory = directory(stack.imap, "Sync Pull\nCreate Near")?;
    let mail = directory.path().join("mail");
    mbsync(directory.path()).await?;
    let pulled = maildir::read(&mail)?;
    let expected = read_everything(stack.imap, ALICE).await?;
    let count = |all: &Mail| all.values().map(Vec::len).sum::<usize>();
    assert_eq!(count(&expected), stack.message_count(ALICE), "the gateway shows every message");
    assert_eq!(counts(&pulled), counts(&expected));
    for (name, messages) in &expected {
        assert!(pulled[name] == *messages, "the bytes of {name} differ");
    }

    let before = maildir::listing(&mail)?;
    writes_nothing(&stack, mbsync(directory.path())).await?;
    assert_eq!(maildir::listing(&mail)?, before, "a second run does nothing");
    Ok(())
}

/// What a ledger has of a folder that clients rely on: UIDVALIDITY, UIDNEXT, HIGHESTMODSEQ; UID, global id and MODSEQ of each
/// message.
type Identity = Vec<((u32, u32, u64), Vec<(u32, Gid, u64)>)>;

fn identities(directory: &Path, mailbox: Guid) -> Identity {
    let ledger = RedbLedger::open(directory, mailbox).expect("opened");
    let mut out = Identity::new();
    for (folder, head) in ledger.heads().expect("heads") {
        let stored = ledger.load(&folder).expect("read").expect("a folder");
        let rows = stored.rows.iter().map(|row| (row.uid, row.gid, row.modseq)).collect();
        out.push(((head.uid_validity, head.uid_next, head.highest_modseq), rows));
    }
    out.sort();
    out
}

async fn uid_validity(stack: &Stack) -> Result<u32, Failed> {
    let mut client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    let line = client.command("SELECT INBOX").await.ok().line("[UIDVALIDITY ").ok_or("a UIDVALIDITY")?;
    let number = line.split("[UIDVALIDITY ").nth(1).and_then(|rest| rest.split(']').next());
    Ok(number.ok_or("a number")?.parse()?)
}

/// The gateway is restarted: nothing is pulled again. Its ledger is restored from an old copy: what came since gets new UIDs.
pub async fn pulls_nothing_again_after_a_restart() -> Result<(), Failed> {
    const MESSAGES: usize = 10_000;
    let stack = Stack::start(Seed::Bulk(MESSAGES)).await;
    let directory = directory(stack.imap, "Sync Pull\nCreate Near")?;
    let (mail, config) = (directory.path().join("mail"), directory.path().join("mbsyncrc"));
    mbsync(directory.path()).await?;
    let before = maildir::listing(&mail)?;
    let pulled = before.iter().filter(|path| path.to_string_lossy().contains(",U=")).count();
    assert_eq!(pulled, MESSAGES);

    let mailbox = stack.as_outlook(|mailbox| mailbox.guid());
    let old_port = format!("Port {}\n", stack.imap.port());
    let copy = tempfile::tempdir()?;
    let mut first = Identity::new();
    let stack = stack
        .restart_after(|ledger| {
            first = identities(ledger, mailbox);
            for entry in std::fs::read_dir(ledger).expect("a directory") {
                let path = entry.expect("an entry").path();
                std::fs::copy(&path, copy.path().join(path.file_name().expect("a name"))).expect("copied");
            }
        })
        .await;
    let text = std::fs::read_to_string(&config)?.replace(&old_port, &format!("Port {}\n", stack.imap.port()));
    std::fs::write(&config, text)?;
    let validity = uid_validity(&stack).await?;
    let executes = writes_nothing(&stack, mbsync(directory.path())).await?;
    println!("mbsync of {MESSAGES} messages after a restart: {executes} E");
    assert_eq!(maildir::listing(&mail)?, before, "nothing is pulled again");

    // Time goes on, and then the copy comes back.
    stack.deliver(ALICE, "new", "text");
    let mut client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    let exists = format!("{} EXISTS", MESSAGES + 1);
    until("the new message", async || client.command("SELECT INBOX").await.ok().line(&exists).is_some()).await;
    drop(client);
    assert_eq!(uid_validity(&stack).await?, validity);
    let mut second = Identity::new();
    let restore = |ledger: &Path| {
        second = identities(ledger, mailbox);
        for entry in std::fs::read_dir(copy.path()).expect("a directory") {
            let path = entry.expect("an entry").path();
            std::fs::copy(&path, ledger.join(path.file_name().expect("a name"))).expect("copied");
        }
    };
    let stack = stack.restart_after(restore).await;
    let kept = |all: &Identity| {
        let largest = all.iter().max_by_key(|(_, rows)| rows.len()).expect("a folder");
        (largest.0.0, largest.1.iter().take(MESSAGES).copied().collect::<Vec<_>>())
    };
    assert!(kept(&first) == kept(&second), "UIDVALIDITY, UIDs and MODSEQ stay");
    assert_eq!(uid_validity(&stack).await?, validity, "an old copy of the ledger goes on above what it does not know");
    let third = {
        let mut client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
        client.command("SELECT INBOX").await.ok();
        client.command(&format!("UID SEARCH UID {}:*", MESSAGES + 1)).await.ok().lines().join("")
    };
    let uid: u32 = third.trim_start_matches("* SEARCH ").parse()?;
    assert!(uid as usize > MESSAGES + 1, "the message that came since the copy has a UID of its own: {uid}");
    Ok(())
}

pub async fn syncs_both_ways() -> Result<(), Failed> {
    let stack = Stack::start(Seed::Demo(60)).await;
    let directory = directory(stack.imap, "Sync All\nExpunge Both\nCreate Both")?;
    two_way::syncs_both_ways(&stack, &directory.path().join("mail"), 3, || mbsync(directory.path())).await
}
