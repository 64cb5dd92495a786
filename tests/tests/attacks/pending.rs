use std::time::Duration;

use exchange_sandbox::Settings;
use exchange_sandbox::fault::{Fault, FaultKind, Requests};
use mapi_core::http::RequestType;
use tests::imap_client::ImapClient;
use tests::smtp_client::{SmtpClient, try_submit};
use tests::stack::{ALICE, BOB, PASSWORD};
use tests::until::until;

use super::stage::Stage;

const LETTER: &str = "Subject: small\r\n\r\nbody";

/// PENDING comes all the while, and the gateway has a patience of two seconds.
async fn set() -> Stage {
    let upstream = Settings { pending_period: Duration::from_millis(50), ..Settings::default() };
    let keys = "answer_timeout_seconds = 2\nslowest_bytes_per_second = 1000000000";
    let stage = Stage::set_before(upstream, keys, "").await;
    for number in 1..=2 {
        stage.deliver(ALICE, &format!("number {number}"), "hello");
    }
    stage.deliver(BOB, "small", "hello");
    stage
}

async fn selected(stage: &Stage) -> ImapClient {
    let mut client = stage.imap(ALICE).await;
    client.command("SELECT INBOX").await.ok();
    client
}

fn pending(kind: fn(bool) -> FaultKind, at: u64) -> Fault {
    Fault::new(kind(true), Requests::Only(RequestType::Execute), at).of_user(ALICE)
}

/// Whatever one user asks for, the upstream only says PENDING, for ever. Another one reads and sends as if nothing were; she
/// herself is told the truth, and goes on when the upstream does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_never_come_stop_nobody_else() {
    const CONNECTIONS: usize = 6;
    let stage = set().await;
    let mut stays = selected(&stage).await;
    stays.command("FETCH 1 BODY.PEEK[]").await.ok();
    let mut asking = Vec::new();
    for _ in 0..CONNECTIONS {
        asking.push(selected(&stage).await);
    }
    let mut bystander = stage.bystander().await;

    let never = pending(|keep_alives| FaultKind::HangBefore { keep_alives }, 1).times(u64::MAX);
    let mut armed = stage.sandbox.faults().arm(never);
    let mut tags = Vec::new();
    for client in &mut asking {
        tags.push(client.send("FETCH 2 BODY.PEEK[]").await);
    }
    armed.hit().await;
    // Half of those who asked are gone at once.
    let stay = asking.split_off(CONNECTIONS / 2);
    drop(asking);
    let smtp = stage.gateway.smtp;
    let submitting: Vec<_> =
        (0..CONNECTIONS).map(|_| tokio::spawn(try_submit(smtp, (ALICE, PASSWORD), ALICE, LETTER))).collect();

    bystander.is_served(20).await;
    let mut bob = SmtpClient::login(smtp, BOB, PASSWORD).await;
    for _ in 0..3 {
        bob.send(BOB, &[BOB], LETTER).await;
    }
    for (mut client, tag) in stay.into_iter().zip(&tags[CONNECTIONS / 2..]) {
        let status = client.finish(tag).await.status;
        assert!(status.starts_with("NO [UNAVAILABLE]"), "{status}");
    }
    for submitted in submitting {
        let reply = submitted.await.expect("it ends").expect("the connection holds");
        assert!(reply.starts_with("451 "), "{reply}");
    }
    // What is known needs no upstream; what needs it is refused; and the password is not said to be wrong.
    stays.command("NOOP").await.ok();
    stays.command("FETCH 1 (FLAGS BODY.PEEK[])").await.ok();
    let refused = stays.command("STORE 1 +FLAGS (\\Flagged)").await.status;
    assert!(refused.starts_with("NO [UNAVAILABLE]"), "{refused}");
    if let Err(error) = ImapClient::try_login(stage.gateway.imap, ALICE, PASSWORD).await {
        assert!(error.to_string().starts_with("NO [UNAVAILABLE]"), "{error}");
    }
    bystander.is_served(5).await;
    bystander.leave().await;

    // Those that hang go on hanging: they are given up, and what comes behind them is not.
    stage.sandbox.faults().disarm();
    until("the upstream is asked again", async || stays.command("FETCH 2 BODY.PEEK[]").await.status.starts_with("OK"))
        .await;
    let flags = stays.command("FETCH 1 FLAGS").await.ok();
    assert!(flags.line("\\Flagged").is_none(), "refused and done: {:?}", flags.lines());
    SmtpClient::login(smtp, ALICE, PASSWORD).await.send(ALICE, &[ALICE], LETTER).await;
    assert_eq!((stage.inbox(ALICE), stage.inbox(BOB)), (3, 4), "refused and sent");
}

/// Who leaves in the midst of a change whose answer never comes leaves no line taken, and the change is made once or not at all.
/// Those who stay see which.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_whose_client_is_gone_is_made_once_at_most() {
    let stage = set().await;
    let mut stays = selected(&stage).await;
    // The request that hangs may be one of the gateway's own: then once more.
    for _ in 0..5 {
        if change_at_every_request(&stage, &mut stays).await > 0 {
            return;
        }
    }
    panic!("the message was never stored without an answer");
}

/// Appends from a connection that ends when a request of it hangs, the first one, then the second one, until none does. Returns how
/// many messages were stored all the same.
async fn change_at_every_request(stage: &Stage, stays: &mut ImapClient) -> u32 {
    let mut made = 0;
    for at in 1.. {
        let mut leaves = selected(stage).await;
        let before = stage.inbox(ALICE);
        let mut armed = stage.sandbox.faults().arm(pending(|keep_alives| FaultKind::HangAfter { keep_alives }, at));
        let tag = leaves.send(&format!("APPEND INBOX {{{}+}}\r\n{LETTER}", LETTER.len())).await;
        let answered = tokio::select! {
            () = armed.hit() => false,
            _ = leaves.finish(&tag) => true,
        };
        drop(leaves);
        if answered {
            stage.sandbox.faults().disarm();
            break;
        }
        stays.command("CREATE Later").await.ok();
        stays.command("DELETE Later").await.ok();
        let after = stage.inbox(ALICE);
        assert!(after - before <= 1, "request {at}: made {} times", after - before);
        made += after - before;
        until("who stays sees what is there", async || {
            stays.command("NOOP").await.ok();
            let found = stays.command("SEARCH ALL").await.ok().line("* SEARCH").expect("a result");
            found.split(' ').count() - 2 == stage.inbox(ALICE) as usize
        })
        .await;
        stage.sandbox.faults().disarm();
    }
    made
}
