//! STATUS with SIZE (RFC 8438).

use std::time::Duration;

use tests::imap_client::ImapClient;
use tests::stack::{ALICE, PASSWORD, Seed, Stack};
use tests::until::until;

async fn status_size(client: &mut ImapClient, name: &str) -> u64 {
    let line = client.command(&format!("STATUS {name} (SIZE)")).await.ok().line("* STATUS ").expect("a status");
    line.split("SIZE ").nth(1).and_then(|rest| rest.trim_end_matches(')').parse().ok()).expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn sizes_of_what_was_never_read_are_told_without_reading_it() {
    let stack = Stack::start(Seed::Bulk(2_000)).await;
    let mut client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    client.command("STATUS INBOX (HIGHESTMODSEQ)").await.ok();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = stack.executes();
    let expected = status_size(&mut client, "INBOX").await;
    assert!(expected > 0);
    let used = stack.executes() - before;
    assert!(used <= 3, "{used} Execute requests");
    // Known until something changes.
    let before = stack.executes();
    assert_eq!(status_size(&mut client, "INBOX").await, expected);
    let list = client.command("LIST \"\" INBOX RETURN (STATUS (SIZE))").await.ok();
    assert!(list.line(&format!("* STATUS INBOX (SIZE {expected})")).is_some(), "{:?}", list.lines());
    assert!(stack.executes() - before <= 1, "{}", stack.executes() - before);
    stack.deliver(ALICE, "one more", "hello");
    until("the new one counts", async || status_size(&mut client, "INBOX").await > expected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_told_is_never_too_small() {
    let stack = Stack::start(Seed::Demo(200)).await;
    let mut client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    let compressible = "x".repeat(3_000_000);
    let message = format!("Subject: x\r\n\r\n{compressible}\r\n");
    client.command("CREATE Kept").await.ok();
    client.command(&format!("APPEND Kept {{{}+}}\r\n{message}", message.len())).await.ok();
    // What the gateway knew of it is forgotten: the mailbox keeps the original, compressed to next to nothing.
    let forget = |directory: &std::path::Path| {
        for file in std::fs::read_dir(directory).expect("there").flatten() {
            if file.path().extension().is_some_and(|extension| extension == "redb") {
                std::fs::remove_file(file.path()).expect("removed");
            }
        }
    };
    let stack = stack.restart_after(forget).await;
    let mut client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    let list = client.command("LIST \"\" * RETURN (STATUS (MESSAGES SIZE))").await.ok();
    let lines: Vec<String> = list.lines().into_iter().filter(|line| line.starts_with("* STATUS ")).collect();
    assert!(lines.len() > 8, "{lines:?}");
    for line in lines {
        let (name, counts) = line.strip_prefix("* STATUS ").and_then(|it| it.rsplit_once(" (")).expect("a status");
        let told: u64 = counts.trim_end_matches(')').rsplit(' ').next().and_then(|it| it.parse().ok()).expect("SIZE");
        client.command(&format!("EXAMINE {name}")).await.ok();
        let fetched = client.command("UID FETCH 1:* (RFC822.SIZE)").await.ok();
        let size = |line: &String| line.split("RFC822.SIZE ").nth(1)?.split([' ', ')']).next()?.parse::<u64>().ok();
        let real: u64 = fetched.lines().iter().filter_map(size).sum();
        assert!(told >= real, "{name}: {told} told, {real} there");
        assert_eq!(status_size(&mut client, name).await, real, "{name}: exact once it is known");
        if name == "Kept" {
            assert_eq!(real, message.len() as u64);
        }
    }
}
