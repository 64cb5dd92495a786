//! mbsync (isync).

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use libtest_mimic::Failed;
use tempfile::TempDir;
use tests::stack::{ALICE, PASSWORD, Seed, Stack};

use crate::support::{Mail, counts, read_everything, run, writes_nothing};
use crate::{maildir, two_way};

/// A directory with a configuration, and places for mail and state.
fn directory(imap: SocketAddr, channel: &str) -> Result<TempDir, Failed> {
    let directory = tempfile::tempdir()?;
    std::fs::create_dir_all(directory.path().join("mail"))?;
    std::fs::create_dir_all(directory.path().join("state"))?;
    let text = format!(
        "IMAPAccount gateway\nHost 127.0.0.1\nPort {}\nUser {ALICE}\nPass {PASSWORD}\nSSLType None\n\n\
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

pub async fn syncs_both_ways() -> Result<(), Failed> {
    let stack = Stack::start(Seed::Demo(60)).await;
    let directory = directory(stack.imap, "Sync All\nExpunge Both\nCreate Both")?;
    two_way::syncs_both_ways(&stack, &directory.path().join("mail"), 3, || mbsync(directory.path())).await
}
