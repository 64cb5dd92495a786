use std::process::Command;

use exchange_sandbox::fault::{Fault, FaultKind, Requests};
use mapi_core::http::RequestType;
use tests::stack::ALICE;

use super::stage::Stage;

/// A hangup ends nothing.
#[tokio::test]
async fn a_hangup_ends_nothing() {
    let stage = Stage::set("").await;
    stage.deliver(ALICE, "small", "hello");
    let mut client = stage.imap(ALICE).await;
    let id = stage.gateway.process_id().expect("it lives");
    for _ in 0..3 {
        assert!(Command::new("kill").args(["-HUP", &id.to_string()]).status().expect("kill").success());
        client.command("SELECT INBOX").await.ok();
    }
}

/// What is under way when the gateway stops is answered; what is not done in time is told that it is not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_served_when_it_stops_hears_an_end() {
    let mut stage = Stage::set("[limits]\nstop_seconds = 3").await;
    stage.deliver(ALICE, "small", "hello");
    let mut idle = stage.imap(ALICE).await;
    let mut busy = stage.imap(ALICE).await;
    busy.command("SELECT INBOX").await.ok();
    busy.command("FETCH 1 BODY.PEEK[]").await.ok();
    let hangs = Fault::new(FaultKind::HangBefore { keep_alives: true }, Requests::Only(RequestType::Execute), 1);
    let mut armed = stage.sandbox.faults().arm(hangs.of_user(ALICE));
    busy.send("STORE 1 +FLAGS (\\Flagged)").await;
    armed.hit().await;
    let stopping = tokio::spawn(async move {
        let stopped = stage.gateway.stop().await;
        (stopped, stage)
    });
    let goodbye = String::from_utf8(idle.response().await).expect("text");
    assert!(goodbye.starts_with("* BYE [UNAVAILABLE]"), "{goodbye}");
    let end = String::from_utf8(busy.response().await).expect("text");
    assert!(end.starts_with("* BYE [UNAVAILABLE]"), "{end}");
    stopping.await.expect("it stops").0.expect("in time");
}
