//! QUOTA (RFC 9208) of the mailbox that the server keeps.

use exchange_sandbox::store::Quota;
use tests::imap_client::ImapClient;
use tests::stack::{ALICE, PASSWORD, Seed, Stack};

#[tokio::test(flavor = "multi_thread")]
async fn the_servers_limits_are_told() {
    let stack = Stack::start(Seed::Bulk(20)).await;
    let mut client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    let none = client.command("GETQUOTAROOT INBOX").await.ok();
    assert_eq!(none.lines(), ["* QUOTAROOT INBOX"]);
    let used = stack.as_outlook(|mailbox| {
        mailbox.set_quota(Quota { warn: Some(100), send: Some(150), receive: Some(200), submit: None });
        mailbox.size()
    });
    // What is known for a minute is that of the account: another one asks anew.
    let stack = stack.restart().await;
    let mut client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    let told = client.command("GETQUOTAROOT INBOX").await.ok();
    let expected = format!("* QUOTA \"\" (STORAGE {} 200)", used.div_ceil(1024));
    assert_eq!(told.lines(), ["* QUOTAROOT INBOX \"\"".to_owned(), expected.clone()]);
    let before = stack.executes();
    assert_eq!(client.command("GETQUOTA \"\"").await.ok().lines(), [expected]);
    assert!(stack.executes() - before <= 1, "asked for again");
    let large = format!("Subject: x\r\n\r\n{}\r\n", "x".repeat(300 * 1024));
    let answer = client.command(&format!("APPEND INBOX {{{}+}}\r\n{large}", large.len())).await;
    assert!(answer.status.starts_with("NO [OVERQUOTA] "), "{}", answer.status);
    client.command("SELECT INBOX").await.ok();
    client.command("FETCH 1:2 RFC822.SIZE").await.ok();
    client.command("STORE 1:2 +FLAGS.SILENT (\\Deleted)").await.ok();
    let status = client.command("STATUS INBOX (DELETED DELETED-STORAGE)").await.ok();
    let line = status.line("* STATUS INBOX (DELETED 2 DELETED-STORAGE ").expect("told");
    assert!(!line.ends_with(" 0)"), "{line}");
}
