//! What happens in the mailbox by other hands (Outlook, the server) reaches IMAP clients, and never as wrong bytes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use exchange_sandbox::fault::{Fault, FaultKind, Requests};
use exchange_sandbox::store::{Mailbox, Special};
use exchange_sandbox::{Builder, Manners, NotificationFault};
use mapi_core::http::RequestType;
use mapi_core::property::PropertyValue;
use mapi_core::property::tags::PidTagFlagStatus;
use tests::imap_client::{Answer, ImapClient, first_literal};
use tests::stack::{ALICE, PASSWORD, Seed, Stack};
use tests::until::until;

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
async fn until_answer(client: &mut ImapClient, command: &str, expected: impl Fn(&[String]) -> bool) -> Answer {
    let mut last = None;
    until(command, async || {
        client.command("NOOP").await.ok();
        let answer = client.command(command).await;
        expected(&last.insert(answer).lines())
    })
    .await;
    last.expect("an answer")
}

/// The UIDs become these.
async fn until_uids(client: &mut ImapClient, uids: &str) {
    let expected = format!("* SEARCH {uids}");
    let expected = expected.trim_end().to_owned();
    until_answer(client, "UID SEARCH ALL", |lines| lines.contains(&expected)).await;
}

/// Something is done while the client idles, which is told of it.
async fn idle_while(client: &mut ImapClient, act: impl FnOnce(), expected: &str) {
    let tag = client.send("IDLE").await;
    assert!(client.response().await.starts_with(b"+"));
    act();
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
    let read = || {
        outlook(&stack, |mailbox, inbox| {
            let id = mailbox.find_subject(inbox, "first")[0];
            mailbox.set_read(inbox, &[id], true).expect("done");
        });
    };
    idle_while(&mut client, read, "1 FETCH (FLAGS (\\Seen").await;
    let delete = || {
        outlook(&stack, |mailbox, inbox| {
            let id = mailbox.find_subject(inbox, "second")[0];
            mailbox.delete_messages(inbox, &[id], false).expect("done");
        });
    };
    idle_while(&mut client, delete, "* 2 EXPUNGE").await;
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
    until_answer(&mut client, "UID FETCH 2 FLAGS", is_flagged).await;
    let flagged = client.command("UID FETCH 2 (FLAGS BODY.PEEK[])").await.ok();
    assert_eq!(first_literal(&flagged.untagged[0]), Some(&before[..]), "a flag changes no bytes");

    outlook(&stack, |mailbox, inbox| {
        let id = mailbox.find_subject(inbox, "second")[0];
        mailbox.set_body(id, "another body").expect("done");
    });
    // As long as the client knows the old UID it gets the old bytes or none.
    until("the old message is gone", async || {
        let answer = client.command("UID FETCH 2 BODY.PEEK[]").await;
        let bytes = answer.untagged.iter().find_map(|response| first_literal(response));
        assert!(bytes.is_none_or(|bytes| bytes == before), "other bytes for the same UID");
        bytes.is_none()
    })
    .await;
    until_uids(&mut client, "1 3 4").await;
    let new = client.command("UID FETCH 4 BODY.PEEK[]").await.ok();
    let new = String::from_utf8_lossy(first_literal(&new.untagged[0]).expect("a literal")).into_owned();
    assert!(new.contains("Subject: second") && new.contains("another body"), "{new}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_right_before_a_store_is_not_taken_for_the_gateways_own() {
    let (stack, mut client) = three().await;
    let before = client.command("UID FETCH 2 BODY.PEEK[]").await.ok().untagged;
    let before = first_literal(&before[0]).expect("a literal").to_vec();
    // The gateway hears of nothing before it looks itself.
    let _dropped: Vec<_> =
        (1..=2).filter_map(|at| stack.sandbox.arm_notification(ALICE, NotificationFault::Drop, at)).collect();
    outlook(&stack, |mailbox, inbox| {
        let id = mailbox.find_subject(inbox, "second")[0];
        mailbox.set_body(id, "another body").expect("done");
    });
    client.command("UID STORE 2 +FLAGS (\\Flagged)").await.ok();
    let old = client.command("UID FETCH 2 BODY.PEEK[]").await;
    let old = old.untagged.iter().find_map(|response| first_literal(response));
    assert!(old.is_none_or(|bytes| bytes == before), "other bytes for the same UID");
    until_uids(&mut client, "1 3 4").await;
    let new = client.command("UID FETCH 4 (FLAGS BODY.PEEK[])").await.ok();
    let new = String::from_utf8_lossy(&new.untagged[0]).into_owned();
    assert!(new.contains("another body") && new.contains("\\Flagged"), "{new}");
}

/// Who appended a message knows its bytes, also if nobody has fetched it yet.
#[tokio::test(flavor = "multi_thread")]
async fn an_appended_message_that_is_edited_gets_a_new_uid() {
    let (stack, mut client) = three().await;
    let message = "From: a@example.com\r\nSubject: appended\r\n\r\nthe first text\r\n";
    let appended = client.command(&format!("APPEND INBOX {{{}+}}\r\n{message}", message.len())).await.ok();
    assert!(appended.status.contains(" 4] "), "{}", appended.status);
    let executes = stack.executes();
    let size = client.command("UID FETCH 4 RFC822.SIZE").await.ok();
    assert!(size.line(&format!("RFC822.SIZE {}", message.len())).is_some(), "{:?}", size.lines());
    assert_eq!(stack.executes(), executes, "nothing is downloaded for it");
    outlook(&stack, |mailbox, inbox| {
        let id = mailbox.find_subject(inbox, "appended")[0];
        mailbox.set_body(id, "another text").expect("done");
    });
    until("the old message is gone", async || {
        let answer = client.command("UID FETCH 4 BODY.PEEK[]").await;
        let bytes = answer.untagged.iter().find_map(|response| first_literal(response));
        assert!(bytes.is_none_or(|bytes| bytes == message.as_bytes()), "other bytes for the same UID");
        bytes.is_none()
    })
    .await;
    until_uids(&mut client, "1 2 3 5").await;
    let new = client.command("UID FETCH 5 BODY.PEEK[]").await.ok();
    assert!(String::from_utf8_lossy(&new.untagged[0]).contains("another text"));
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
    until_answer(&mut client, list, has("By Outlook")).await;
    outlook(&stack, |mailbox, _| {
        let top = mailbox.special(Special::IpmSubtree);
        mailbox.move_folder(folder, top, "Renamed").expect("renamed");
    });
    let renamed = until_answer(&mut client, list, has("Renamed")).await;
    assert!(renamed.line("By Outlook").is_none(), "{:?}", renamed.lines());

    let mut other = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    other.command("SELECT Renamed").await.ok();
    outlook(&stack, |mailbox, _| {
        let top = mailbox.special(Special::IpmSubtree);
        assert!(mailbox.delete_folder(top, folder, true, true).expect("deleted"));
    });
    until_answer(&mut client, list, |lines| !has("Renamed")(lines)).await;
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
    idle_while(&mut client, || stack.deliver(ALICE, "fifth", "a body"), "5 EXISTS").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn flags_that_no_synchronisation_reports_arrive_all_the_same() {
    let (stack, mut client) = three().await;
    let flagged = |number: i32| {
        outlook(&stack, move |mailbox, inbox| {
            let id = mailbox.find_subject(inbox, "second")[0];
            mailbox.set_silently(id, PidTagFlagStatus.into(), PropertyValue::Integer32(number)).expect("done");
        });
    };
    idle_while(&mut client, || flagged(2), "2 FETCH (FLAGS (\\Flagged").await;
    flagged(1);
    let is_unflagged = |lines: &[String]| lines.iter().any(|line| !line.contains("\\Flagged"));
    until_answer(&mut client, "UID FETCH 2 FLAGS", is_unflagged).await;
    until_uids(&mut client, "1 2 3").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_flag_of_the_ledger_is_copied_and_deleted_is_not() {
    let (_stack, mut client) = three().await;
    client.command("CREATE Target").await.ok();
    client.command("UID STORE 1:2 +FLAGS.SILENT (\\Draft \\Deleted)").await.ok();
    client.command("UID COPY 1 Target").await.ok();
    client.command("UID MOVE 2:3 Target").await.ok();
    client.command("SELECT Target").await.ok();
    let flags = client.command("FETCH 1:* FLAGS").await.ok().lines();
    let kept = |line: &String| line.contains("\\Draft") && !line.contains("\\Deleted");
    assert_eq!(flags.iter().map(kept).collect::<Vec<_>>(), [true, true, false], "{flags:?}");
}

async fn uid_validity(client: &mut ImapClient) -> u32 {
    let answer = client.command("SELECT INBOX").await.ok();
    let line = answer.line("UIDVALIDITY ").expect("UIDVALIDITY");
    let (_, rest) = line.split_once("UIDVALIDITY ").expect("a number");
    rest.split(']').next().and_then(|number| number.parse().ok()).expect("a number")
}

fn ledger_file(directory: &Path) -> PathBuf {
    let files = std::fs::read_dir(directory).expect("read").map(|entry| entry.expect("an entry").path());
    files.into_iter().find(|path| path.extension().is_some_and(|ending| ending == "redb")).expect("a ledger")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_copy_of_the_ledger_is_noticed() {
    let (stack, mut client) = three().await;
    let first = uid_validity(&mut client).await;
    let mut copy = Vec::new();
    let stack = stack.restart_after(|ledger| copy = std::fs::read(ledger_file(ledger)).expect("copied")).await;
    // A message comes, gets a UID, and goes; another one comes.
    let mut client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    assert_eq!(uid_validity(&mut client).await, first);
    stack.deliver(ALICE, "fourth", "a body");
    until_uids(&mut client, "1 2 3 4").await;
    client.command("UID STORE 4 +FLAGS (\\Deleted)").await.ok();
    client.command("EXPUNGE").await.ok();
    stack.deliver(ALICE, "fifth", "a body");
    until_uids(&mut client, "1 2 3 5").await;

    let stack = stack.restart_after(|ledger| std::fs::write(ledger_file(ledger), &copy).expect("put back")).await;
    let mut client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    assert_eq!(uid_validity(&mut client).await, first);
    // The fifth message would have the fourth one's UID; it gets one above all that may have been given.
    until_uids(&mut client, "1 2 3 2000").await;

    // The same copy once more.
    let stack = stack.restart_after(|ledger| std::fs::write(ledger_file(ledger), &copy).expect("put back")).await;
    let mut client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    assert_eq!(uid_validity(&mut client).await, first);
    until_uids(&mut client, "1 2 3 3000").await;

    let stack = stack.restart_after(|ledger| std::fs::write(ledger_file(ledger), b"rubbish").expect("written")).await;
    let mut client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    assert!(uid_validity(&mut client).await > first, "nothing is known of the UIDs that were given");
    until_uids(&mut client, "1 2 3 4").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_a_running_gateways_ledger_is_noticed() {
    let (stack, mut client) = three().await;
    let first = uid_validity(&mut client).await;
    let copy = std::fs::read(ledger_file(stack.ledger())).expect("copied");
    stack.deliver(ALICE, "fourth", "a body");
    until_uids(&mut client, "1 2 3 4").await;
    outlook(&stack, |mailbox, inbox| {
        let id = mailbox.find_subject(inbox, "fourth")[0];
        mailbox.delete_messages(inbox, &[id], false).expect("done");
    });
    until_uids(&mut client, "1 2 3").await;
    let stack = stack.restart_after(|ledger| std::fs::write(ledger_file(ledger), &copy).expect("put back")).await;
    // A start in between, in which nobody opens the folder, proves nothing.
    let stack = stack.restart().await;
    stack.deliver(ALICE, "fifth", "a body");
    let mut client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    assert_eq!(uid_validity(&mut client).await, first);
    until_uids(&mut client, "1 2 3 2000").await;

    // After a stop in order there is nothing to doubt.
    let stack = stack.restart().await;
    stack.deliver(ALICE, "sixth", "a body");
    let mut client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    assert_eq!(uid_validity(&mut client).await, first);
    until_uids(&mut client, "1 2 3 2000 2001").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_downloaded_twice_has_one_uid() {
    const MESSAGES: usize = 12;
    for request in 1..=3 {
        let stack = Stack::start(Seed::Empty).await;
        let subjects: Vec<String> = (0..MESSAGES).map(|n| format!("message {n}")).collect();
        for subject in &subjects {
            stack.deliver(ALICE, subject, "a body");
        }
        let mut client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
        client.command("SELECT INBOX").await.ok();
        client.command("UID FETCH 1:* BODY.PEEK[]").await.ok();
        outlook(&stack, |mailbox, inbox| {
            for subject in &subjects {
                let id = mailbox.find_subject(inbox, subject)[0];
                mailbox.set_body(id, &"another body ".repeat(4000)).expect("done");
            }
        });
        // The answer that brings the changed messages breaks off, so that they are asked for again.
        let cut = Fault::new(FaultKind::CutAnswer, Requests::Only(RequestType::Execute), request);
        stack.sandbox.faults().arm(cut);
        client.command("UID FETCH 1:* BODY.PEEK[]").await;
        stack.sandbox.faults().disarm();
        client.command("NOOP").await.ok();
        client.command("UID FETCH 1:* BODY.PEEK[]").await;
        client.command("NOOP").await.ok();
        let found = client.command("UID SEARCH ALL").await.ok().lines().join("");
        let found = found.split(' ').skip(2).count();
        assert_eq!(found, MESSAGES, "request {request} cut");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_set_back_is_noticed() {
    let (stack, mut client) = three().await;
    let first = uid_validity(&mut client).await;
    let backup = stack.sandbox.with(|store| store.snapshot());
    stack.deliver(ALICE, "lost", "a body");
    until_uids(&mut client, "1 2 3 4").await;
    stack.sandbox.with(|store| store.restore(&backup)).expect("restored");
    stack.sandbox.drop_contexts();

    // Who has the folder selected is told that it is no longer what it was.
    let mut client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    until("another UIDVALIDITY", async || uid_validity(&mut client).await > first).await;
    // This one gets the ids that the lost one had.
    stack.deliver(ALICE, "another", "a body");
    until_uids(&mut client, "1 2 3 4").await;
    let found = client.command("UID SEARCH SUBJECT another").await.ok();
    assert_eq!(found.lines(), ["* SEARCH 4"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_synchronisation_that_was_broken_off_goes_on() {
    const MESSAGES: usize = 10_000;
    let stack = Stack::start(Seed::Bulk(MESSAGES)).await;
    let mut client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    client.command("LIST \"\" *").await.ok();
    // Some requests later nothing is answered any more.
    let kind = FaultKind::HttpStatus { status: 503, retry_after: Some(Duration::from_secs(300)) };
    stack.sandbox.faults().arm(Fault::new(kind, Requests::Only(RequestType::Execute), 8).times(1000));
    let refused = client.command("SELECT INBOX").await;
    assert!(refused.status.starts_with("NO"), "{}", refused.status);
    stack.sandbox.faults().disarm();

    let stack = stack.restart().await;
    let mut client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    client.command("LIST \"\" *").await.ok();
    let before = stack.executes();
    let answer = client.command("SELECT INBOX").await.ok();
    assert!(answer.line(&format!("{MESSAGES} EXISTS")).is_some(), "{:?}", answer.lines());
    let rest = stack.executes() - before;
    assert!(rest <= 7, "{rest} requests: it began anew");
    let found = client.command("UID SEARCH ALL").await.ok().lines().join("");
    let uids: Vec<String> = (1..=MESSAGES).map(|uid| uid.to_string()).collect();
    assert_eq!(found, format!("* SEARCH {}", uids.join(" ")));
}
