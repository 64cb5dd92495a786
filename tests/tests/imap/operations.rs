//! Operations of several requests, in which something goes wrong between two of them: what was done is not done again, and
//! what others did meanwhile stays.

use std::time::{Duration, Instant};

use exchange_sandbox::store::{Mailbox, Special};
use exchange_sandbox::{Fault, FaultKind, Manners, NotificationFault, Requests};
use mapi_core::ErrorCode;
use mapi_core::http::RequestType;
use tests::imap_client::{ImapClient, uid_code};
use tests::process::{Gateway, Settings};
use tests::stack::{ALICE, BOB, PASSWORD, Seed, Stack};
use tests::until::until;

const EXECUTE: Requests = Requests::Only(RequestType::Execute);

fn outlook<R>(stack: &Stack, act: impl FnOnce(&mut Mailbox, u64) -> R) -> R {
    stack.as_outlook(|mailbox| {
        let inbox = mailbox.special(Special::Inbox);
        act(mailbox, inbox)
    })
}

fn ids(stack: &Stack) -> Vec<u64> {
    outlook(stack, |mailbox, inbox| mailbox.content_rows(mailbox.folder(inbox).expect("a folder")))
}

fn messages_in(stack: &Stack, name: &str) -> usize {
    outlook(stack, |mailbox, _| {
        let top = mailbox.special(Special::IpmSubtree);
        let id = mailbox.child_named(top, name).expect("a folder");
        mailbox.folder(id).expect("a folder").total() as usize
    })
}

/// A client in an inbox of so many messages, beside an empty folder.
async fn with_target(messages: usize) -> (Stack, ImapClient) {
    let stack = Stack::start(Seed::Bulk(messages)).await;
    let mut client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    client.command("CREATE Target").await.ok();
    client.command("STATUS Target (UIDNEXT)").await.ok();
    client.command("SELECT INBOX").await.ok();
    client.command("LIST \"\" *").await.ok();
    (stack, client)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_copy_goes_on_after_a_lost_context() {
    for (messages, at) in [(1500, 2), (1500, 3), (1500, 4), (1500, 5), (700, 2)] {
        let (stack, mut client) = with_target(messages).await;
        stack.sandbox.faults().arm(Fault::new(FaultKind::LoseContextBefore, EXECUTE, at));
        let answer = client.command(&format!("COPY 1:{messages} Target")).await.ok();
        let copies = messages_in(&stack, "Target");
        assert_eq!(copies, messages, "{messages} messages, request {at}: {}", answer.status);
        let exists = client.command("SELECT Target").await.ok();
        assert!(exists.line(&format!("{messages} EXISTS")).is_some(), "{:?}", exists.lines());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_fails_leaves_nothing_behind() {
    let mut refused = 0;
    for at in 1..=5 {
        let (stack, mut client) = with_target(1500).await;
        stack.sandbox.faults().arm(Fault::new(FaultKind::Fail(ErrorCode::RPC_FORMAT), EXECUTE, at));
        let answer = client.command("COPY 1:1500 Target").await;
        stack.sandbox.faults().disarm();
        if answer.status.starts_with("OK") {
            // It was no request that copies.
            assert_eq!(messages_in(&stack, "Target"), 1500, "request {at}");
            continue;
        }
        refused += 1;
        assert_eq!(messages_in(&stack, "Target"), 0, "request {at}: {}", answer.status);
        client.command("COPY 1:1500 Target").await.ok();
        assert_eq!(messages_in(&stack, "Target"), 1500, "request {at}");
    }
    assert_eq!(refused, 2, "two requests copy");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_whose_answer_is_lost_is_looked_after() {
    for kind in [FaultKind::CloseAfter, FaultKind::CutAnswer, FaultKind::CloseBefore, FaultKind::LoseContextAfter] {
        for at in 1..=3 {
            let (stack, mut client) = with_target(1200).await;
            stack.sandbox.faults().arm(Fault::new(kind, EXECUTE, at));
            client.command("MOVE 1:1200 Target").await.ok();
            assert_eq!((messages_in(&stack, "Target"), ids(&stack).len()), (1200, 0), "{kind:?} {at}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn folders_are_made_moved_and_deleted_once_whatever_is_lost() {
    for kind in [FaultKind::CloseAfter, FaultKind::CutAnswer, FaultKind::LoseContextBefore, FaultKind::LoseContextAfter]
    {
        for at in 1..=4 {
            let (stack, mut client) = with_target(1).await;
            for command in ["CREATE One/Two", "RENAME One/Two Three", "DELETE Three", "DELETE Trash/Three"] {
                // Its name is what the server calls it.
                let command = command.replace("Trash", "Deleted Items");
                let command = match command.split_once(' ') {
                    Some(("DELETE", name)) => format!("DELETE \"{name}\""),
                    _ => command,
                };
                stack.sandbox.faults().arm(Fault::new(kind, EXECUTE, at));
                let answer = client.command(&command).await;
                stack.sandbox.faults().disarm();
                assert!(answer.status.starts_with("OK"), "{command} {kind:?} {at}: {}", answer.status);
            }
            let names = outlook(&stack, |mailbox, _| {
                let all = mailbox.descendants(mailbox.special(Special::IpmSubtree));
                let names = all.iter().map(|(id, _)| mailbox.folder(*id).expect("a folder").name().to_owned());
                names.filter(|name| ["One", "Two", "Three"].contains(&name.as_str())).collect::<Vec<_>>()
            });
            assert_eq!(names, ["One"], "{kind:?} {at}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_category_set_meanwhile_survives_a_keyword() {
    for messages in [3_usize, 200] {
        let stack = Stack::start(Seed::Bulk(messages)).await;
        let mut client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
        client.command("SELECT INBOX").await.ok();
        client.command("STORE 1:* +FLAGS (Mine)").await.ok();
        let long = "x".repeat(250);
        let chosen = ids(&stack)[1];
        // The gateway is not told.
        stack.sandbox.arm_notification(ALICE, NotificationFault::Drop, 1).expect("Alice has a mailbox");
        stack.sandbox.arm_notification(ALICE, NotificationFault::Drop, 1).expect("Alice has a mailbox");
        // Longer than what a row of a table holds.
        outlook(&stack, |mailbox, _| mailbox.set_categories(chosen, &["Mine", "Theirs", &long, "Last"]).expect("set"));
        client.command("STORE 1:* +FLAGS (More)").await.ok();
        let now = |stack: &Stack| {
            let mut now = outlook(stack, |mailbox, _| mailbox.categories(chosen));
            now.sort();
            now
        };
        assert_eq!(now(&stack), ["Last", "Mine", "More", "Theirs", &long], "{messages} messages");
        client.command("STORE 1:* -FLAGS (Mine)").await.ok();
        assert_eq!(now(&stack), ["Last", "More", "Theirs", &long], "{messages} messages");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_server_keeps_the_sessions_it_has() {
    const BUSY: Duration = Duration::from_secs(4);
    let busy = |time| FaultKind::HttpStatus { status: 429, retry_after: Some(time) };
    let stack = Stack::start(Seed::Bulk(3)).await;
    let mut client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    client.command("SELECT INBOX").await.ok();
    let connects = || stack.sandbox.faults().requests_seen(Requests::Only(RequestType::Connect));
    let before = connects();
    // It is not asked before the time that it names, and by then it isn't busy any more.
    let began = Instant::now();
    let mut armed = stack.sandbox.faults().arm(Fault::new(busy(BUSY), EXECUTE, 1));
    stack.deliver(ALICE, "new", "text");
    armed.hit().await;
    until("the new message", async || client.command("SELECT INBOX").await.line("4 EXISTS").is_some()).await;
    assert!(began.elapsed() >= BUSY, "asked after {:?}", began.elapsed());
    assert_eq!(connects(), before, "no other session is opened");

    // Nobody waits for one that names a long time.
    let mut armed = stack.sandbox.faults().arm(Fault::new(busy(Duration::from_secs(120)), EXECUTE, 1).times(1000));
    stack.deliver(ALICE, "newer", "text");
    armed.hit().await;
    for _ in 0..3 {
        let answer = client.command("STORE 1 +FLAGS (\\Flagged)").await;
        assert!(answer.status.contains("busy"), "{}", answer.status);
    }
    assert_eq!((armed.hits(), connects()), (1, before));
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_open_a_folder_at_once_share_one_round() {
    const SESSIONS: usize = 8;
    let cost = async |sessions: usize| {
        let stack = Stack::start_with(Seed::Bulk(3000), |builder| builder.rtt(Duration::from_millis(30))).await;
        let mut clients = Vec::new();
        for _ in 0..sessions {
            clients.push(ImapClient::login(stack.imap, ALICE, PASSWORD).await);
        }
        clients[0].command("LIST \"\" *").await.ok();
        let before = stack.executes();
        let mut tasks = tokio::task::JoinSet::new();
        for mut client in clients {
            tasks.spawn(async move { client.command("SELECT INBOX").await.ok().line("3000 EXISTS").is_some() });
        }
        assert!(tasks.join_all().await.into_iter().all(|all| all));
        stack.executes() - before
    };
    let (one, many) = (cost(1).await, cost(SESSIONS).await);
    assert!(many <= one + 2, "one session {one} requests, {SESSIONS} sessions {many}");
}

#[tokio::test(flavor = "multi_thread")]
async fn flags_of_messages_with_many_recipients() {
    use exchange_sandbox::seed::MessageBuilder;
    // Also on a server whose answers become unreadable near their limit.
    for manners in [Manners::default(), Manners::gromox()] {
        let stack = Stack::start_with(Seed::Empty, |builder| builder.manners(manners)).await;
        outlook(&stack, |mailbox, inbox| {
            for number in 0..120_usize {
                let mut message =
                    MessageBuilder::new(format!("message {number}")).from("Carol", "carol@elsewhere.test");
                let recipients = if number % 10 == 9 { 200 } else { 1 + number % 8 };
                for recipient in 0..recipients {
                    let name = format!("A recipient with the number {recipient}");
                    message = message.recipient(1, &name, &format!("recipient-{recipient}@elsewhere.test"));
                }
                mailbox.add(inbox, message.body("text").build(), false).expect("added");
            }
        });
        let mut client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
        client.command("SELECT INBOX").await.ok();
        for change in ["+FLAGS (\\Flagged)", "+FLAGS (\\Answered Later)", "-FLAGS (\\Flagged \\Answered)"] {
            client.command(&format!("STORE 1:120 {change}")).await.ok();
        }
        for id in ids(&stack) {
            assert_eq!(outlook(&stack, |mailbox, _| mailbox.categories(id)), ["Later"]);
        }
        let flagged = client.command("SEARCH FLAGGED").await.ok();
        assert!(flagged.line("* SEARCH").is_some_and(|line| line.trim() == "* SEARCH"), "{:?}", flagged.lines());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_cached_is_served_while_the_upstream_is_away_also_after_an_own_change() {
    let stack = Stack::start(Seed::Bulk(3)).await;
    let mut client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    client.command("SELECT INBOX").await.ok();
    let before = client.command("FETCH 1:3 BODY.PEEK[]").await.ok().untagged;
    client.command("STORE 1:3 +FLAGS.SILENT (\\Flagged)").await.ok();
    let _gateway = stack.stop_upstream().await;
    let after = client.command("FETCH 1:3 BODY.PEEK[]").await.ok().untagged;
    assert_eq!(after, before);
    let refused = client.command("STORE 1 -FLAGS (\\Flagged)").await;
    assert!(refused.status.starts_with("NO [UNAVAILABLE]"), "{}", refused.status);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_opens_for_its_owner_only() {
    // The server lets anybody log on to any mailbox.
    let stack = Stack::start(Seed::Bulk(3)).await;
    let of_bob = stack.sandbox.emsmdb_url(BOB).expect("a URL");
    let dn = stack.sandbox.user(BOB).expect("Bob").legacy_dn;
    let keys = format!("emsmdb_url = \"{of_bob}\"\nlegacy_dn = \"{dn}\"");
    let stack = stack.restart_changed(&keys, |_, _| ()).await;
    let refused = ImapClient::try_login(stack.imap, ALICE, PASSWORD).await.err().expect("refused").to_string();
    assert!(refused.contains("[AUTHENTICATIONFAILED]") || refused.contains("[NOPERM]"), "{refused}");
    let mut bob = ImapClient::login(stack.imap, BOB, PASSWORD).await;
    bob.command("SELECT INBOX").await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn gateways_with_ledgers_of_their_own_note_beside_each_other() {
    let stack = Stack::start(Seed::Bulk(3)).await;
    let program = env!("CARGO_BIN_EXE_gateway-under-test");
    let places = [tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory")];
    let mut gateways = Vec::new();
    for place in &places {
        gateways
            .push(Gateway::start(Settings::new(program, place.path(), stack.sandbox.addr())).await.expect("starts"));
    }
    let mut last = [0, 0];
    for round in 0..3 {
        // Both have read what the mailbox remembers before either writes to it.
        let mut clients = Vec::new();
        for gateway in &mut gateways {
            gateway.ensure_running().await.expect("runs");
            let mut client = ImapClient::login(gateway.imap, ALICE, PASSWORD).await;
            client.command("LIST \"\" *").await.ok();
            clients.push(client);
        }
        for (client, last) in clients.iter_mut().zip(&mut last) {
            client.command("SELECT INBOX").await.ok();
            let answer = client.command("APPEND INBOX {14+}\r\nSubject: x\r\n\r\n").await.ok();
            let (_, words) = uid_code(&answer.status, "APPENDUID").expect("APPENDUID");
            let uid: u32 = words[0].parse().expect("a UID");
            assert!(uid > *last, "round {round}: UID {uid} after {last}");
            *last = uid;
        }
        drop(clients);
        for (number, gateway) in gateways.iter_mut().enumerate() {
            // One in order, one not.
            if number == 0 { gateway.stop().await.expect("ends") } else { gateway.axe().fall() }
        }
    }
}
