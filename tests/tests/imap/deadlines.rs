//! An upstream that takes its time: it lives, says so, and never answers. Who asked is told so after a while, and nobody else
//! is held up for longer.

use std::time::Duration;

use exchange_sandbox::fault::{Fault, FaultKind, Requests};
use exchange_sandbox::{Armed, Builder, Settings};
use mapi_core::ErrorCode;
use mapi_core::http::RequestType;
use tests::imap_client::ImapClient;
use tests::stack::{ALICE, BOB, PASSWORD, Seed, Stack};

/// PENDING comes all the while, and the gateway has a patience of two seconds.
async fn start() -> Stack {
    let settings = Settings { pending_period: Duration::from_millis(50), ..Settings::default() };
    let stack = Stack::start_with(Seed::Bulk(20), |builder: Builder| builder.settings(settings)).await;
    stack.restart_changed("answer_timeout_seconds = 2\nslowest_bytes_per_second = 1000000000", |_, _| ()).await
}

async fn selected(stack: &Stack) -> ImapClient {
    let mut client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    client.command("SELECT INBOX").await.ok();
    client
}

/// The next Execute of Alice is pending for ever.
fn arm(stack: &Stack, kind: FaultKind, at: u64) -> Armed {
    stack.sandbox.faults().arm(Fault::new(kind, Requests::Only(RequestType::Execute), at).of_user(ALICE))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_pending_for_ever_holds_nobody_up_for_longer_than_its_deadline() {
    let stack = start().await;
    let (mut client, mut other) = (selected(&stack).await, selected(&stack).await);
    let mut armed = arm(&stack, FaultKind::HangBefore { keep_alives: true }, 1);
    let fetch = tokio::spawn(async move { (client.command("FETCH 1 BODY.PEEK[]").await.status, client) });
    armed.hit().await;
    // What stands behind it goes on in another session, and is done once.
    other.command("CREATE Later").await.ok();
    let (status, mut client) = fetch.await.expect("an answer");
    assert!(status.starts_with("NO [UNAVAILABLE]"), "{status}");
    client.command("FETCH 1 BODY.PEEK[]").await.ok();
    let folders = client.command("LIST \"\" Later*").await.ok();
    assert_eq!(folders.untagged.len(), 1, "{:?}", folders.lines());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_hangs_up_leaves_no_line_taken() {
    let stack = start().await;
    let (mut client, mut other) = (selected(&stack).await, selected(&stack).await);
    let mut armed = arm(&stack, FaultKind::HangBefore { keep_alives: true }, 1);
    client.send("FETCH 1 BODY.PEEK[]").await;
    armed.hit().await;
    drop(client);
    other.command("FETCH 2 BODY.PEEK[]").await.ok();
    other.command("CREATE Later").await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_became_of_a_change_that_is_given_up_is_told_truly() {
    let stack = start().await;
    let mut client = selected(&stack).await;
    // The request that hangs may be one of the gateway's own: then once more.
    for _ in 0..5 {
        if append_at_every_request(&stack, &mut client).await > 0 {
            return;
        }
    }
    panic!("the message was never stored without an answer");
}

/// Appends, and the first request hangs, then the second one, until none does. Returns how often the message was stored and the
/// client told that it may be.
async fn append_at_every_request(stack: &Stack, client: &mut ImapClient) -> usize {
    let message = format!("From: {ALICE}\r\nSubject: once\r\n\r\nIt is there once.\r\n");
    let mut in_doubt = 0;
    for at in 1..10 {
        let before = stack.message_count(ALICE);
        let armed = arm(stack, FaultKind::HangAfter { keep_alives: true }, at);
        let tag = client.send(&format!("APPEND INBOX {{{}+}}\r\n{message}", message.len())).await;
        let status = client.finish(&tag).await.status;
        let stored = stack.message_count(ALICE) - before;
        assert!(stored <= 1, "request {at}: stored {stored} times: {status}");
        if status.starts_with("OK") {
            assert_eq!(stored, 1, "request {at}");
        } else {
            assert!(status.starts_with("NO [UNAVAILABLE]"), "request {at}: {status}");
            assert!(stored == 0 || status.contains("it may have done it"), "request {at}: stored, and told: {status}");
            in_doubt += stored;
        }
        let hit = armed.is_hit();
        stack.sandbox.faults().disarm();
        client.command("FETCH 1 BODY.PEEK[]").await.ok();
        if !hit {
            assert!(at > 1, "APPEND makes requests");
            break;
        }
    }
    in_doubt
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_finds_no_session_is_no_wrong_password() {
    let stack = start().await;
    let out_of_sessions = ErrorCode::LOGIN_FAILURE;
    for (kind, requests) in [
        (FaultKind::HangBefore { keep_alives: true }, Requests::Only(RequestType::Connect)),
        (FaultKind::HangBefore { keep_alives: true }, Requests::Only(RequestType::Execute)),
        (FaultKind::Status(out_of_sessions.0), Requests::Only(RequestType::Connect)),
        (FaultKind::RefuseLogon(out_of_sessions), Requests::Only(RequestType::Execute)),
        (FaultKind::CutAnswer, Requests::Work),
        (FaultKind::Status(0xDEAD_BEEF), Requests::Work),
        (FaultKind::HttpStatus { status: 500, retry_after: None }, Requests::Work),
    ] {
        let armed = stack.sandbox.faults().arm(Fault::new(kind, requests, 1).times(1000).of_user(BOB));
        // More often than wrong passwords are passed on: none of these counts as one.
        for _ in 0..2 {
            let mut client = ImapClient::connect(stack.imap).await;
            let status = client.command(&format!("LOGIN {BOB} {PASSWORD}")).await.status;
            assert!(status.starts_with("NO [UNAVAILABLE]"), "{kind:?}: {status}");
        }
        assert!(armed.is_hit(), "{kind:?}");
        stack.sandbox.faults().disarm();
    }
    ImapClient::login(stack.imap, BOB, PASSWORD).await.command("SELECT INBOX").await.ok();
}
