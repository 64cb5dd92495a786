use std::process::Command;
use std::time::Duration;

use exchange_sandbox::Settings;
use exchange_sandbox::fault::{Fault, FaultKind, Requests};
use mapi_core::http::RequestType;
use tests::stack::ALICE;
use tests::until::until;

use super::search::{search, text};
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

/// What is carried out when the gateway is told to stop is answered as it would have been.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_carried_out_when_it_stops_is_answered() {
    const MESSAGE: &str = "Subject: once\r\n\r\nbody\r\n";
    let slow = Settings { rtt: Duration::from_millis(300), ..Settings::default() };
    let mut stage = Stage::set_before(slow, "", "").await;
    let mut client = stage.imap(ALICE).await;
    client.command("SELECT INBOX").await.ok();
    let executes = stage.sandbox.counters().execute();
    let tag = client.send(&format!("APPEND INBOX {{{}+}}\r\n{MESSAGE}", MESSAGE.len())).await;
    until("it is under way", async || stage.sandbox.counters().execute() > executes).await;
    let stopping = tokio::spawn(async move {
        let stopped = stage.gateway.stop().await;
        (stopped, stage)
    });
    let status = client.finish(&tag).await.status;
    assert!(status.starts_with("OK [APPENDUID"), "{status}");
    let goodbye = String::from_utf8(client.response().await).expect("text");
    assert!(goodbye.starts_with("* BYE"), "{goodbye}");
    let (stopped, stage) = stopping.await.expect("it stops");
    stopped.expect("in time");
    assert_eq!(stage.inbox(ALICE), 1);
}

/// A search that would take long doesn't hold up the end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_does_not_hold_up_the_end() {
    let mut stage = Stage::set("[limits]\nstop_seconds = 1").await;
    stage.deliver(ALICE, "large", &text(11 << 20));
    let mut client = stage.imap(ALICE).await;
    client.command("SELECT INBOX").await.ok();
    let before = stage.sandbox.counters().snapshot().bytes_out;
    client.send(&search(450)).await;
    until("the text is read", async || stage.sandbox.counters().snapshot().bytes_out > before + (10 << 20)).await;
    stage.gateway.stop().await.expect("in time");
    let mut heard = String::from_utf8(client.response().await).expect("text");
    while !heard.starts_with("* BYE") {
        heard = String::from_utf8(client.response().await).expect("text");
    }
}
