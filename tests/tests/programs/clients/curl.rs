//! curl, for IMAP and SMTP.

use std::process::Command;

use libtest_mimic::Failed;
use tests::imap_client::{ImapClient, first_literal};
use tests::stack::{ALICE, BOB, PASSWORD, Seed, Stack};

use super::support::{run, wait_for_subject};

pub async fn fetches_what_fetch_says() -> Result<(), Failed> {
    let stack = Stack::start(Seed::Demo(40)).await;
    let mut client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    client.command("EXAMINE INBOX").await.ok();
    for uid in 1..=5 {
        let answer = client.command(&format!("UID FETCH {uid} BODY.PEEK[]")).await.ok();
        let expected = first_literal(&answer.untagged[0]).ok_or("a literal")?.to_vec();
        let mut curl = Command::new("curl");
        curl.args(["-s", "-u", &format!("{ALICE}:{PASSWORD}")]);
        curl.arg(format!("imap://{}/INBOX;UID={uid}", stack.imap));
        assert!(run(curl).await? == expected, "UID {uid}");
    }
    Ok(())
}

pub async fn over_starttls() -> Result<(), Failed> {
    let stack = Stack::start(Seed::Demo(20)).await;
    let mut curl = Command::new("curl");
    curl.args(["-s", "--ssl-reqd", "--insecure", "-u", &format!("{ALICE}:{PASSWORD}")]);
    curl.arg(format!("imap://{}/", stack.imap));
    let list = String::from_utf8(run(curl).await?)?;
    assert!(list.contains("INBOX"), "{list}");

    let directory = tempfile::tempdir()?;
    let message = directory.path().join("message.eml");
    std::fs::write(&message, "From: alice@example.test\r\nTo: bob@example.test\r\nSubject: by curl\r\n\r\nhello\r\n")?;
    let mut curl = Command::new("curl");
    curl.args(["-s", "--ssl-reqd", "--insecure", "-u", &format!("{ALICE}:{PASSWORD}")]);
    curl.args(["--mail-from", ALICE, "--mail-rcpt", BOB, "-T"]).arg(&message);
    curl.arg(format!("smtp://{}/", stack.smtp));
    run(curl).await?;
    wait_for_subject(stack.imap, "by curl").await?;
    Ok(())
}
