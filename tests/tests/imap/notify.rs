//! What happens elsewhere in the mailbox is told to clients that asked for it (RFC 5465), by notifications of the server.

use std::time::Duration;

use bytes::Bytes;
use exchange_sandbox::store::Special;
use gateway::convert::metadata::Entries;
use gateway::own_property;
use mapi_core::property::PropertyValue;
use tests::imap_client::ImapClient;
use tests::stack::{ALICE, PASSWORD, Seed, Stack};

/// How many requests what happened in one folder may cost, however many are watched.
const MOST: u64 = 4;

/// The inbox gets an entry without this gateway's doing.
fn annotate_as_another_gateway(stack: &Stack) {
    let mut entries = Entries::default();
    entries.apply(&[("/private/comment".to_owned(), Some(Bytes::from("theirs")))]);
    let bytes = entries.encode_instead_of(&Entries::default()).expect("room");
    let value = vec![(own_property::METADATA.key(), PropertyValue::Binary(bytes))];
    stack.as_outlook(|mailbox| mailbox.set_folder_properties(mailbox.special(Special::Inbox), value)).expect("set");
}

/// Reads responses until one has all of this; none of those before may be a tagged one.
async fn told(client: &mut ImapClient, expected: &[&str]) -> String {
    for _ in 0..20 {
        let response = String::from_utf8_lossy(&client.response().await).into_owned();
        assert!(response.starts_with('*'), "{response}");
        if expected.iter().all(|part| response.contains(part)) {
            return response;
        }
    }
    panic!("{expected:?} was not told");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_into_folders_that_nobody_opened() {
    let stack = Stack::start(Seed::Empty).await;
    stack.deliver(ALICE, "before", "a body");
    let mut client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    client.command("CREATE Lists").await.ok();
    client.command("SELECT Lists").await.ok();
    let answer = client
        .command(
            "NOTIFY SET STATUS (selected (MessageNew (UID BODY.PEEK[HEADER.FIELDS (SUBJECT)]) MessageExpunge)) \
             (mailboxes INBOX (MessageNew MessageExpunge FlagChange)) \
             (personal (MessageNew MessageExpunge MailboxName SubscriptionChange))",
        )
        .await
        .ok();
    let lines = answer.lines();
    assert!(lines.iter().any(|line| line.starts_with("* STATUS INBOX (MESSAGES 1 UIDNEXT 2 ")), "{lines:?}");
    assert!(!lines.iter().any(|line| line.starts_with("* STATUS Lists ")), "{lines:?}");

    stack.deliver(ALICE, "news", "a body");
    told(&mut client, &["* STATUS INBOX (MESSAGES 2 UIDNEXT 3 ", "HIGHESTMODSEQ"]).await;
    stack.sandbox.with(|store| {
        let mailbox = store.mailbox_of(ALICE).expect("a mailbox");
        let inbox = mailbox.special(Special::Inbox);
        let id = mailbox.find_subject(inbox, "news")[0];
        mailbox.set_read(inbox, &[id], true).expect("done");
    });
    told(&mut client, &["* STATUS INBOX (MESSAGES 2 UIDNEXT 3 ", "HIGHESTMODSEQ"]).await;
    stack.sandbox.with(|store| {
        let mailbox = store.mailbox_of(ALICE).expect("a mailbox");
        let inbox = mailbox.special(Special::Inbox);
        let id = mailbox.find_subject(inbox, "before")[0];
        mailbox.delete_messages(inbox, &[id], false).expect("done");
    });
    told(&mut client, &["* STATUS INBOX (MESSAGES 1 UIDNEXT 3 "]).await;

    // Outlook makes a folder; another client renames and subscribes it, and puts a message into the one that is selected.
    stack.sandbox.with(|store| {
        let mailbox = store.mailbox_of(ALICE).expect("a mailbox");
        let top = mailbox.special(Special::IpmSubtree);
        mailbox.create_folder(top, "Made", "", 1, false).expect("made");
    });
    told(&mut client, &["* LIST (", "\"/\" Made"]).await;
    let mut other = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    other.command("RENAME Made Named").await.ok();
    told(&mut client, &["* LIST (", "\"/\" Named (\"OLDNAME\" (Made))"]).await;
    other.command("UNSUBSCRIBE INBOX").await.ok();
    let unsubscribed = told(&mut client, &["* LIST (", "\"/\" INBOX"]).await;
    assert!(!unsubscribed.contains("\\Subscribed"), "{unsubscribed}");
    other.command("DELETE Named").await.ok();
    told(&mut client, &["* LIST (\\NonExistent", "\"/\" Named"]).await;
    other.command("SELECT INBOX").await.ok();
    other.command("COPY 1 Lists").await.ok();
    told(&mut client, &["* 1 EXISTS"]).await;
    told(&mut client, &["* 1 FETCH (UID 1 BODY[HEADER.FIELDS (SUBJECT)]", "Subject: news"]).await;

    // Metadata: set by another client, and by another gateway, which Exchange's notification alone tells.
    client.command("NOTIFY SET (mailboxes INBOX (MailboxMetadataChange)) (personal (ServerMetadataChange))").await.ok();
    other.command("SETMETADATA INBOX (/private/comment \"a\")").await.ok();
    told(&mut client, &["* METADATA \"INBOX\" /private/comment"]).await;
    other.command("SETMETADATA \"\" (/private/comment \"a\")").await.ok();
    told(&mut client, &["* METADATA \"\" /private/comment"]).await;
    stack.as_outlook(|mailbox| {
        let inbox = mailbox.special(Special::Inbox);
        let key = own_property::METADATA.key();
        let nothing = Entries::default().encode_instead_of(&Entries::default()).expect("room");
        mailbox.set_folder_properties(inbox, vec![(key, PropertyValue::Binary(nothing))]).expect("set");
    });
    told(&mut client, &["* METADATA \"INBOX\" /private/comment"]).await;

    let answer = client.command("NOTIFY NONE").await.ok();
    drop(answer);
    stack.deliver(ALICE, "later", "a body");
    other.command("NOOP").await.ok();
    assert!(client.command("NOOP").await.ok().lines().iter().all(|line| !line.starts_with("* STATUS")));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_changed_is_asked_for() {
    let stack = Stack::start(Seed::Empty).await;
    let mut client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    for number in 0..24 {
        client.command(&format!("CREATE F{number}")).await.ok();
    }
    let events = "MessageNew MessageExpunge MailboxName MailboxMetadataChange";
    client.command(&format!("NOTIFY SET STATUS (personal ({events}))")).await.ok();
    // Until what the folders that were made led to was looked at.
    tokio::time::sleep(Duration::from_secs(4)).await;
    client.command("NOOP").await.ok();
    for number in 1..=3 {
        let before = stack.executes();
        stack.deliver(ALICE, "news", "a body");
        told(&mut client, &[&format!("* STATUS INBOX (MESSAGES {number} ")]).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        let used = stack.executes() - before;
        println!("a message: {used} E");
        assert!(used <= MOST, "{used} requests for a message, 24 other folders are watched");
    }
    let before = stack.executes();
    annotate_as_another_gateway(&stack);
    told(&mut client, &["* METADATA \"INBOX\" /private/comment"]).await;
    let used = stack.executes() - before;
    println!("metadata: {used} E");
    assert!(used <= MOST, "{used} requests for an entry");
}
