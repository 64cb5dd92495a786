//! What happens in the mailbox by other hands (Outlook, the server) reaches IMAP clients, and never as wrong bytes.

use std::time::Duration;

use exchange_sandbox::store::{Mailbox, Special};
use exchange_sandbox::{Builder, Manners, NotificationFault};
use tests::imap_client::{Answer, ImapClient, first_literal};
use tests::stack::{ALICE, PASSWORD, Seed, Stack};

/// A stack with three messages in Alice's inbox, and a client that has it selected.
async fn three() -> (Stack, ImapClient) {
    let stack = Stack::start(Seed::Empty).await;
    for subject in ["first", "second", "third"] {
        stack.deliver(ALICE, subject, "a body");
    }
    let mut client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    client.command("SELECT INBOX").await.ok();
    (stack, client)
}

/// Acts on Alice's mailbox as Outlook would, past the gateway.
fn outlook<R>(stack: &Stack, act: impl FnOnce(&mut Mailbox, u64) -> R) -> R {
    stack.sandbox.with(|store| {
        let mailbox = store.mailbox_of(ALICE).expect("a mailbox");
        let inbox = mailbox.special(Special::Inbox);
        act(mailbox, inbox)
    })
}

/// Repeats a command until its answer has what is expected: notifications take a moment.
async fn until(client: &mut ImapClient, command: &str, expected: impl Fn(&[String]) -> bool) -> Answer {
    for _ in 0..200 {
        client.command("NOOP").await.ok();
        let answer = client.command(command).await;
        if expected(&answer.lines()) {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{command}: what was expected did not come: {:?}", client.command(command).await.lines());
}

/// The UIDs become these.
async fn until_uids(client: &mut ImapClient, uids: &str) {
    let expected = format!("* SEARCH {uids}");
    let expected = expected.trim_end().to_owned();
    until(client, "UID SEARCH ALL", |lines| lines.contains(&expected)).await;
}

async fn idle_until(client: &mut ImapClient, expected: &str) {
    let tag = client.send("IDLE").await;
    assert!(client.response().await.starts_with(b"+"));
    let mut seen = Vec::new();
    loop {
        let response = String::from_utf8_lossy(&client.response().await).into_owned();
        if response.contains(expected) {
            break;
        }
        seen.push(response);
        assert!(seen.len() < 20, "{expected} did not come: {seen:?}");
    }
    client.raw(b"DONE\r\n").await;
    client.finish(&tag).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn flags_and_deletions_are_pushed() {
    let (stack, mut client) = three().await;
    let pushed = idle_until(&mut client, "1 FETCH (FLAGS (\\Seen");
    let act = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        outlook(&stack, |mailbox, inbox| {
            let id = mailbox.find_subject(inbox, "first")[0];
            mailbox.set_read(inbox, &[id], true).expect("done");
        });
    };
    tokio::join!(pushed, act);
    let pushed = idle_until(&mut client, "* 2 EXPUNGE");
    let act = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        outlook(&stack, |mailbox, inbox| {
            let id = mailbox.find_subject(inbox, "second")[0];
            mailbox.delete_messages(inbox, &[id], false).expect("done");
        });
    };
    tokio::join!(pushed, act);
    until_uids(&mut client, "1 3").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expunge_is_whole_although_others_deleted_some() {
    let stops = |builder: Builder| builder.manners(Manners { stops_at_gone: true, ..Manners::default() });
    let stack = Stack::start_with(Seed::Empty, stops).await;
    for subject in ["first", "second", "third"] {
        stack.deliver(ALICE, subject, "a body");
    }
    let mut client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    client.command("SELECT INBOX").await.ok();
    client.command("STORE 1:3 +FLAGS.SILENT (\\Deleted)").await.ok();
    // The gateway is not to hear of it before it deletes itself.
    let lost: Vec<_> =
        (1..=2).filter_map(|at| stack.sandbox.arm_notification(ALICE, NotificationFault::Drop, at)).collect();
    outlook(&stack, |mailbox, inbox| {
        let id = mailbox.find_subject(inbox, "first")[0];
        mailbox.delete_messages(inbox, &[id], true).expect("done");
    });
    assert!(lost.iter().any(|lost| lost.is_hit()), "the deletion was notified");
    client.command("EXPUNGE").await.ok();
    assert_eq!(stack.message_count(ALICE), 0);
    until_uids(&mut client, "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_edited_elsewhere_gets_a_new_uid() {
    let (stack, mut client) = three().await;
    let before = client.command("UID FETCH 2 BODY.PEEK[]").await.ok().untagged;
    let before = first_literal(&before[0]).expect("a literal").to_vec();
    outlook(&stack, |mailbox, inbox| {
        let id = mailbox.find_subject(inbox, "second")[0];
        mailbox.set_flagged(id, true).expect("done");
    });
    let is_flagged = |lines: &[String]| lines.iter().any(|line| line.contains("\\Flagged"));
    until(&mut client, "UID FETCH 2 FLAGS", is_flagged).await;
    let flagged = client.command("UID FETCH 2 (FLAGS BODY.PEEK[])").await.ok();
    assert_eq!(first_literal(&flagged.untagged[0]), Some(&before[..]), "a flag changes no bytes");

    outlook(&stack, |mailbox, inbox| {
        let id = mailbox.find_subject(inbox, "second")[0];
        mailbox.set_body(id, "another body").expect("done");
    });
    // As long as the client knows the old UID it gets the old bytes or none.
    for _ in 0..200 {
        let answer = client.command("UID FETCH 2 BODY.PEEK[]").await;
        let bytes = answer.untagged.iter().find_map(|response| first_literal(response));
        assert!(bytes.is_none_or(|bytes| bytes == before), "other bytes for the same UID");
        if bytes.is_none() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    until_uids(&mut client, "1 3 4").await;
    let new = client.command("UID FETCH 4 BODY.PEEK[]").await.ok();
    let new = String::from_utf8_lossy(first_literal(&new.untagged[0]).expect("a literal")).into_owned();
    assert!(new.contains("Subject: second") && new.contains("another body"), "{new}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_folder_tree_follows_without_a_new_login() {
    let (stack, mut client) = three().await;
    let create = |mailbox: &mut Mailbox, name: &str| {
        let top = mailbox.special(Special::IpmSubtree);
        mailbox.create_folder(top, name, "", 1, false).expect("made").0
    };
    let folder = outlook(&stack, |mailbox, _| create(mailbox, "By Outlook"));
    let list = "LIST \"\" *";
    let has = |name: &'static str| move |lines: &[String]| lines.iter().any(|line| line.contains(name));
    until(&mut client, list, has("By Outlook")).await;
    outlook(&stack, |mailbox, _| {
        let top = mailbox.special(Special::IpmSubtree);
        mailbox.move_folder(folder, top, "Renamed").expect("renamed");
    });
    let renamed = until(&mut client, list, has("Renamed")).await;
    assert!(renamed.line("By Outlook").is_none(), "{:?}", renamed.lines());

    let mut other = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    other.command("SELECT Renamed").await.ok();
    outlook(&stack, |mailbox, _| {
        let top = mailbox.special(Special::IpmSubtree);
        assert!(mailbox.delete_folder(top, folder, true, true).expect("deleted"));
    });
    until(&mut client, list, |lines| !has("Renamed")(lines)).await;
    let status = client.command("SELECT Renamed").await.status;
    assert!(status.starts_with("NO [NONEXISTENT]"), "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_session_is_nobodys_business() {
    let (stack, mut client) = three().await;
    stack.sandbox.drop_contexts();
    stack.deliver(ALICE, "fourth", "a body");
    until_uids(&mut client, "1 2 3 4").await;
    client.command("UID STORE 1:4 +FLAGS (\\Flagged)").await.ok();
    let pushed = idle_until(&mut client, "5 EXISTS");
    let act = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        stack.deliver(ALICE, "fifth", "a body");
    };
    tokio::join!(pushed, act);
}
