//! The sessions that one user has with the upstream: one for what clients wait for, further ones for what takes long.

use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use exchange_sandbox::{Builder, Fault, FaultKind, Requests};
use mapi_core::http::RequestType;
use tests::imap_client::{Answer, ImapClient};
use tests::stack::{ALICE, BOB, PASSWORD, Seed, Stack};
use tests::until::until;

/// More than what the interactive session takes.
const LARGE: usize = 1 << 20;

async fn start(upstream: &str) -> (Stack, ImapClient) {
    let stack = Stack::start(Seed::Bulk(120)).await.restart_changed(upstream, |_, _| ()).await;
    let mut client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    client.command("SELECT INBOX").await.ok();
    (stack, client)
}

async fn append_large(client: &mut ImapClient) -> Answer {
    let line = format!("{}\r\n", "x".repeat(76));
    let message = format!("From: {ALICE}\r\nSubject: large\r\n\r\n{}", line.repeat(LARGE / line.len()));
    let tag = client.send(&format!("APPEND INBOX {{{}+}}\r\n{message}", message.len())).await;
    client.finish(&tag).await
}

async fn append_small(client: &mut ImapClient) -> Answer {
    client.command("APPEND INBOX {12+}\r\nSubject: x\r\n").await
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_behind_a_large_message() {
    let (stack, mut idling) = start("request_timeout_seconds = 3").await;
    idling.send("IDLE").await;
    while !idling.response().await.starts_with(b"+") {}
    let mut other = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    // A request in the middle of the message gets no answer for as long as the gateway waits for one.
    let hang = FaultKind::HangBefore { keep_alives: false };
    let mut armed = stack.sandbox.faults().arm(Fault::new(hang, Requests::Only(RequestType::Execute), 10));
    let append = tokio::spawn(async move { (append_large(&mut other).await, other) });
    armed.hit().await;
    stack.deliver(ALICE, "meanwhile", "pushed");
    while idling.response().await != b"* 121 EXISTS" {}
    assert!(!append.is_finished(), "the message was not what was held up");
    // Nobody has seen the message yet, so that it is made anew in another session.
    let (answer, _) = append.await.expect("an answer");
    answer.ok();
    while idling.response().await != b"* 122 EXISTS" {}
    assert_eq!(stack.message_count(ALICE), 122);
}

#[tokio::test(flavor = "multi_thread")]
async fn further_sessions_are_opened_on_demand_and_shared() {
    let (stack, mut client) = start("").await;
    assert_eq!(stack.sandbox.open_contexts(), 1);
    client.command("FETCH 1:20 BODY.PEEK[]").await.ok();
    assert_eq!(stack.sandbox.open_contexts(), 1, "a small download needs no other session");
    append_large(&mut client).await.ok();
    assert_eq!(stack.sandbox.open_contexts(), 2);
    client.command("FETCH 1:* BODY.PEEK[]").await.ok();
    assert_eq!(stack.sandbox.open_contexts(), 2, "the one that is there has nothing to do");
}

/// Whoever could not be connected again for a while is, as soon as the upstream answers others.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_stays_away_longer_than_others() {
    let (stack, mut client) = start("").await;
    let mut other = ImapClient::login(stack.imap, BOB, PASSWORD).await;
    let close = || Fault::new(FaultKind::CloseBefore, Requests::Only(RequestType::Connect), 1).of_user(ALICE);
    let armed = stack.sandbox.faults().arm(close().times(5));
    stack.sandbox.drop_contexts();
    let others = tokio::spawn(async move {
        loop {
            append_small(&mut other).await.ok();
        }
    });
    let began = Instant::now();
    // After five attempts that failed the sixth one would have to wait for half a minute.
    while !append_small(&mut client).await.status.starts_with("OK") {
        assert!(began.elapsed() < Duration::from_secs(25), "{} attempts", armed.hits());
    }
    others.abort();
    assert_eq!(armed.hits(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_session_does_everything_if_there_are_no_others() {
    let (stack, mut client) = start("sessions_per_user = 1").await;
    append_large(&mut client).await.ok();
    client.command("FETCH 1:* BODY.PEEK[]").await.ok();
    assert_eq!(stack.sandbox.open_contexts(), 1);

    // A server that grants no further session is not asked again and again.
    let (stack, mut client) = start("").await;
    let busy = FaultKind::HttpStatus { status: 503, retry_after: Some(Duration::from_secs(1)) };
    let armed = stack.sandbox.faults().arm(Fault::new(busy, Requests::Only(RequestType::Connect), 1).times(1000));
    append_large(&mut client).await.ok();
    let asked = armed.hits();
    assert!(asked > 0, "no further session was asked for");
    append_large(&mut client).await.ok();
    assert_eq!(armed.hits(), asked);
    assert_eq!(stack.sandbox.open_contexts(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_password_is_not_tried_again_for_further_sessions() {
    let (stack, mut client) = start("").await;
    stack.sandbox.set_password(ALICE, "another");
    let before = stack.sandbox.counters().snapshot().unauthorized;
    let status = append_large(&mut client).await.status;
    assert!(status.starts_with("NO [AUTHENTICATIONFAILED]"), "{status}");
    let bye = client.response().await;
    assert!(bye.starts_with(b"* BYE [AUTHENTICATIONFAILED]"), "{}", String::from_utf8_lossy(&bye));
    // One by the further session, and one by the wait for notifications if that ended just then.
    let refused = stack.sandbox.counters().snapshot().unauthorized - before;
    assert!((1..=2).contains(&refused), "{refused} attempts with the old password");
    let error = ImapClient::try_login(stack.imap, ALICE, PASSWORD).await.err().expect("refused");
    assert!(error.to_string().contains("[AUTHENTICATIONFAILED]"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sizes_are_found_out_in_the_background() {
    let (stack, mut client) = start("render_ahead_seconds = 1").await;
    // The session, and three downloads of at most 50 messages.
    let before = stack.executes();
    until("downloads in the background", async || stack.executes() >= before + 2 + 3).await;
    // What came last is recorded before a later request for the same is answered.
    let answer = client.command("FETCH 1:* RFC822.SIZE").await.ok();
    assert_eq!(answer.untagged.len(), 120);
    let after = stack.executes();
    assert!(after <= before + 2 + 3 + 1, "{} requests", after - before);
    assert_eq!(stack.sandbox.open_contexts(), 2);
    client.command("FETCH 1:* RFC822.SIZE").await.ok();
    assert_eq!(stack.executes(), after);
}

/// An account that nobody uses is kept open for the next login of its user, but not more of them than configured.
#[tokio::test(flavor = "multi_thread")]
async fn of_accounts_that_nobody_uses_few_are_kept_open() {
    const CAROL: &str = "carol@example.test";
    const DAVE: &str = "dave@example.test";
    let more = |builder: Builder| builder.user(CAROL, PASSWORD, "Carol").user(DAVE, PASSWORD, "Dave");
    let stack = Stack::start_adapted(Seed::Empty, "[cache]\nidle_accounts = 1\n", more).await;
    let count = |kind| stack.sandbox.counters().snapshot().requests(kind);
    let mut alice = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    for user in [BOB, CAROL] {
        ImapClient::login(stack.imap, user, PASSWORD).await.command("LOGOUT").await.ok();
    }
    let dave = ImapClient::login(stack.imap, DAVE, PASSWORD).await;
    until("one account is shut down", async || count(RequestType::Disconnect) > 0).await;
    let connected = count(RequestType::Connect);
    ImapClient::login(stack.imap, CAROL, PASSWORD).await;
    assert_eq!(count(RequestType::Connect), connected, "who left last is still known");
    ImapClient::login(stack.imap, BOB, PASSWORD).await;
    assert!(count(RequestType::Connect) > connected, "who left first is not");
    alice.command("SELECT INBOX").await.ok();
    drop(dave);
}

#[tokio::test(flavor = "multi_thread")]
async fn auth_login_is_a_matter_of_configuration() {
    let stack = Stack::start_configured(Seed::Bulk(1), "[imap]\nauth_login = true").await;
    let mut client = ImapClient::connect(stack.imap).await;
    let offered = client.command("CAPABILITY").await.ok().lines().join("\n");
    assert!(offered.contains(" AUTH=LOGIN"), "{offered}");
    let tag = client.send(&format!("AUTHENTICATE LOGIN {}", STANDARD.encode(ALICE))).await;
    assert_eq!(client.response().await, b"+ UGFzc3dvcmQ6");
    client.raw(format!("{}\r\n", STANDARD.encode(PASSWORD)).as_bytes()).await;
    client.finish(&tag).await.ok();
    let stack = Stack::start(Seed::Bulk(1)).await;
    let mut client = ImapClient::connect(stack.imap).await;
    assert!(!client.command("CAPABILITY").await.ok().lines().join("\n").contains("AUTH=LOGIN"));
    assert!(client.command("AUTHENTICATE LOGIN").await.status.starts_with("NO [CANNOT]"));
}
