//! EMAILID and MAILBOXID (RFC 8474): the same as long as the bytes, and the folder, are the same. Copies have the bytes of their
//! source where the message came by APPEND.

use tests::imap_client::ImapClient;
use tests::stack::{ALICE, PASSWORD, Seed, Stack};

/// What stands between the brackets behind `name`, in order.
fn ids(lines: &[String], name: &str) -> Vec<String> {
    let begin = format!("{name} (");
    let of_line = |line: &String| Some(line.split_once(&begin)?.1.split_once(')')?.0.to_owned());
    lines.iter().filter_map(of_line).collect()
}

async fn email_ids(client: &mut ImapClient, folder: &str) -> Vec<String> {
    client.command(&format!("EXAMINE {folder}")).await.ok();
    ids(&client.command("FETCH 1:* (UID EMAILID)").await.ok().lines(), "EMAILID")
}

async fn mailbox_id(client: &mut ImapClient, folder: &str) -> String {
    ids(&client.command(&format!("STATUS {folder} (MAILBOXID)")).await.ok().lines(), "MAILBOXID").remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn stay_over_copies_names_restarts_and_a_lost_ledger() {
    let stack = Stack::start(Seed::Empty).await;
    let mut client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    for number in 1..=3 {
        let message = format!("Subject: number {number}\r\n\r\nbody\r\n");
        client.command(&format!("APPEND INBOX {{{}+}}\r\n{message}", message.len())).await.ok();
    }
    let made = client.command("CREATE Copies").await.ok();
    let copies = mailbox_id(&mut client, "Copies").await;
    assert!(made.status.contains(&format!("[MAILBOXID ({copies})]")), "{}", made.status);
    assert_ne!(copies, mailbox_id(&mut client, "INBOX").await);

    let of_inbox = email_ids(&mut client, "INBOX").await;
    let mut different = of_inbox.clone();
    different.sort_unstable();
    different.dedup();
    assert_eq!(different.len(), 3, "{of_inbox:?}");
    // What is known is not asked for.
    let before = stack.executes();
    assert_eq!(email_ids(&mut client, "INBOX").await, of_inbox);
    assert_eq!(stack.executes(), before);

    client.command("SELECT INBOX").await.ok();
    client.command("COPY 1,3 Copies").await.ok();
    client.command("STORE 2 +FLAGS (\\Flagged work)").await.ok();
    client.command("MOVE 2 Copies").await.ok();
    let of_copies = email_ids(&mut client, "Copies").await;
    assert_eq!(of_copies, [&of_inbox[0], &of_inbox[2], &of_inbox[1]].map(Clone::clone));
    let found = client.command(&format!("SEARCH EMAILID {}", of_inbox[2])).await.ok();
    assert_eq!(found.lines()[0], "* SEARCH 2");

    client.command("RENAME Copies Renamed").await.ok();
    let stack = stack.restart().await;
    let mut client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    assert_eq!(mailbox_id(&mut client, "Renamed").await, copies);
    assert_eq!(email_ids(&mut client, "Renamed").await, of_copies);
    let stack = stack.restart_without_ledger().await;
    let mut client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    assert_eq!(mailbox_id(&mut client, "Renamed").await, copies);
    assert_eq!(email_ids(&mut client, "Renamed").await, of_copies);
}
