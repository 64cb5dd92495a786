//! What clients are answered where the session, the ledger and the server each have a part in it.

use exchange_sandbox::store::Special;
use mapi_core::property::PropertyValue;
use mapi_core::property::tags::PidTagContainerClass;
use tests::imap_client::{Answer, ImapClient};
use tests::stack::{ALICE, PASSWORD, Seed, Stack};

async fn client(stack: &Stack) -> ImapClient {
    ImapClient::login(stack.imap, ALICE, PASSWORD).await
}

/// The number in `* n RECENT`.
fn recent(answer: &Answer) -> Option<String> {
    answer.line(" RECENT").map(|line| line.replace("* ", "").replace(" RECENT", ""))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_recent_is_so_once_also_after_a_restart() {
    let stack = Stack::start(Seed::Bulk(3)).await;
    let mut first = client(&stack).await;
    let status = first.command("STATUS INBOX (RECENT MESSAGES)").await.ok();
    assert!(status.line("(RECENT 3 MESSAGES 3)").is_some(), "{:?}", status.lines());
    assert_eq!(recent(&first.command("EXAMINE INBOX").await.ok()).as_deref(), Some("3"));
    assert_eq!(recent(&first.command("SELECT INBOX").await.ok()).as_deref(), Some("3"));
    let flags = first.command("FETCH 1 FLAGS").await.ok();
    assert!(flags.line("\\Recent").is_some(), "{:?}", flags.lines());
    let mut second = client(&stack).await;
    assert_eq!(recent(&second.command("SELECT INBOX").await.ok()).as_deref(), Some("0"));
    // What comes while the gateway is down is recent, what was before is not.
    first.command("UNSELECT").await.ok();
    let status = first.command("STATUS INBOX (RECENT)").await.ok();
    assert!(status.line("(RECENT 0)").is_some(), "{:?}", status.lines());
    let stack = stack.restart_changed("", |sandbox, _| {
        let message = exchange_sandbox::seed::MessageBuilder::new("new").body("body").build();
        sandbox.deliver(ALICE, message).expect("delivered");
    });
    let stack = stack.await;
    let mut first = client(&stack).await;
    let asked = stack.executes();
    let status = first.command("STATUS INBOX (MESSAGES RECENT)").await.ok();
    assert!(status.line("(MESSAGES 4 RECENT 1)").is_some(), "{:?}", status.lines());
    assert!(stack.executes() <= asked + 1, "the counts of all folders at most");
    let opened = first.command("SELECT INBOX").await.ok();
    assert!(opened.line("* 4 EXISTS").is_some(), "{:?}", opened.lines());
    assert_eq!(recent(&opened).as_deref(), Some("1"));
    assert!(first.command("SEARCH RECENT").await.ok().line("* SEARCH 4").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_recent_stays_so_until_somebody_selects() {
    let stack = Stack::start(Seed::Bulk(3)).await;
    for (items, expected) in [("RECENT", "(RECENT 3)"), ("UIDNEXT RECENT", "(UIDNEXT 4 RECENT 3)")] {
        let status = client(&stack).await.command(&format!("STATUS INBOX ({items})")).await.ok();
        assert!(status.line(expected).is_some(), "{:?}", status.lines());
    }
    let stack = stack.restart().await;
    let mut client = client(&stack).await;
    let status = client.command("STATUS INBOX (RECENT)").await.ok();
    assert!(status.line("(RECENT 3)").is_some(), "{:?}", status.lines());
    assert_eq!(recent(&client.command("SELECT INBOX").await.ok()).as_deref(), Some("3"));
}

#[tokio::test(flavor = "multi_thread")]
async fn folders_with_folders_in_them_stay_also_those_that_clients_do_not_see() {
    let stack = Stack::start(Seed::Empty).await;
    let mut client = client(&stack).await;
    for name in ["Work", "Work/Old", "Plain"] {
        client.command(&format!("CREATE {name}")).await.ok();
    }
    stack.as_outlook(|mailbox| {
        let plain = mailbox.child_named(mailbox.special(Special::IpmSubtree), "Plain").expect("made");
        let (dates, _) = mailbox.create_folder(plain, "Dates", "", 1, false).expect("made");
        let class = PropertyValue::String("IPF.Appointment".to_owned());
        mailbox.set_folder_properties(dates, vec![(PidTagContainerClass.into(), class)]).expect("set");
    });
    let seen = client.command("LIST \"\" Plain*").await.ok();
    assert_eq!(seen.lines().len(), 1, "{:?}", seen.lines());
    for name in ["Work", "Plain"] {
        let answer = client.command(&format!("DELETE {name}")).await;
        assert!(answer.status.starts_with("NO [HASCHILDREN]"), "{name}: {}", answer.status);
    }
    // From below they go, and their names are subscribed no more.
    for name in ["Work/Old", "Work"] {
        client.command(&format!("DELETE {name}")).await.ok();
        client.command(&format!("UNSUBSCRIBE {name}")).await.ok();
    }
    // In Deleted Items, too, where they go for good.
    client.command("CREATE \"Deleted Items/Work/Old\"").await.ok();
    let answer = client.command("DELETE \"Deleted Items/Work\"").await;
    assert!(answer.status.starts_with("NO [HASCHILDREN]"), "{}", answer.status);
    let left = client.command("LIST \"\" \"Deleted Items/Work/%\"").await.ok();
    assert!(left.line("Deleted Items/Work/Old").is_some(), "{:?}", left.lines());
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_another_client_removed_are_passed_over() {
    let stack = Stack::start(Seed::Bulk(5)).await;
    let (mut one, mut other) = (client(&stack).await, client(&stack).await);
    one.command("CREATE Target").await.ok();
    for client in [&mut one, &mut other] {
        client.command("SELECT INBOX").await.ok();
    }
    other.command("STORE 1:2 +FLAGS.SILENT \\Deleted").await.ok();
    other.command("EXPUNGE").await.ok();
    let stored = one.command("STORE 1:3 +FLAGS (\\Flagged)").await.ok();
    assert!(stored.line("* 3 FETCH").is_some(), "{:?}", stored.lines());
    let fetched = one.command("UID FETCH 1:3 BODY.PEEK[TEXT]").await.ok();
    assert!(fetched.line("UID 3 ").is_some() && fetched.line("UID 1 ").is_none(), "{:?}", fetched.lines());
    one.command("UID STORE 1:3 -FLAGS (\\Flagged)").await.ok();
    other.command("STORE 1 +FLAGS.SILENT \\Deleted").await.ok();
    other.command("EXPUNGE").await.ok();
    let copied = one.command("UID COPY 1:4 Target").await.ok();
    assert!(copied.status.contains(" 4 1]"), "{}", copied.status);
    one.command("UID MOVE 1:4 Target").await.ok();
    let left = one.command("UID SEARCH ALL").await.ok();
    assert_eq!(left.lines(), ["* SEARCH 5"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn delivered_text_is_found_as_it_is_shown() {
    let stack = Stack::start(Seed::Empty).await;
    stack.deliver(ALICE, "Gr\u{fc}\u{df}e aus K\u{f6}ln", "a caf\u{e9} in\u{a0}town");
    stack.deliver(ALICE, "other", "other");
    let mut client = client(&stack).await;
    client.command("SELECT INBOX").await.ok();
    for keys in [
        "CHARSET utf8 SUBJECT \"k\u{f6}ln\"",
        "FROM somebody@example.org SUBJECT aus",
        "BODY \"CAF\u{c9}\"",
        "FROM \"Somebody <somebody\" 1",
    ] {
        let found = client.command(&format!("SEARCH {keys}")).await.ok();
        assert_eq!(found.lines(), ["* SEARCH 1"], "{keys}");
    }
}
