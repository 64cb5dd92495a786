use exchange_sandbox::fault::{Fault, FaultKind, Requests};
use tests::imap_client::ImapClient;
use tests::smtp_client::{SmtpClient, plain_token};
use tests::stack::{ALICE, BOB, PASSWORD};
use tests::until::until;

use super::stage::Stage;

/// What clients do is counted where it happens, and nobody is named.
#[tokio::test(flavor = "multi_thread")]
async fn what_happens_is_counted() {
    let stage = Stage::local().await;
    let mut client = ImapClient::login(stage.gateway.imap, ALICE, PASSWORD).await;
    client.command("SELECT INBOX").await.ok();
    client.command("FETCH 1:* (ENVELOPE BODY.PEEK[])").await.ok();
    client.command("FETCH 1:* (BODY.PEEK[])").await.ok();
    client.command("STORE 1 +FLAGS (\\Flagged)").await.ok();
    client.command("SELECT Nowhere").await;
    client.command("FETCH").await;
    assert!(ImapClient::try_login(stage.gateway.imap, BOB, "wrong").await.is_err());
    assert!(ImapClient::try_login(stage.gateway.imap, "carol@elsewhere.example", "x").await.is_err());
    let mut smtp = SmtpClient::connect(stage.gateway.smtp).await;
    smtp.expect("EHLO test", "250").await;
    smtp.expect(&format!("AUTH PLAIN {}", plain_token(ALICE, PASSWORD)), "235").await;
    smtp.expect(&format!("MAIL FROM:<{ALICE}>"), "250").await;
    smtp.expect(&format!("RCPT TO:<{BOB}>"), "250").await;
    smtp.expect("DATA", "354").await;
    smtp.expect(&format!("From: {ALICE}\r\nSubject: x\r\n\r\nx\r\n."), "250").await;
    smtp.expect("VRFY x", "252").await;

    for (series, least) in [
        ("mapi_gateway_imap_command_seconds_count{command=\"FETCH\",status=\"OK\"}", 2.0),
        ("mapi_gateway_imap_command_seconds_count{command=\"SELECT\",status=\"NO\"}", 1.0),
        ("mapi_gateway_imap_command_seconds_bucket{command=\"SELECT\",status=\"OK\",le=\"+Inf\"}", 1.0),
        ("mapi_gateway_smtp_message_seconds_count{status=\"accepted\"}", 1.0),
        ("mapi_gateway_smtp_replies_total{code=\"235\"}", 1.0),
        ("mapi_gateway_smtp_replies_total{code=\"252\"}", 1.0),
        ("mapi_gateway_logins_total{protocol=\"imap\",outcome=\"accepted\"}", 1.0),
        ("mapi_gateway_logins_total{protocol=\"imap\",outcome=\"refused\"}", 1.0),
        ("mapi_gateway_logins_total{protocol=\"imap\",outcome=\"no_mailbox\"}", 1.0),
        ("mapi_gateway_logins_total{protocol=\"smtp\",outcome=\"accepted\"}", 1.0),
        ("mapi_gateway_upstream_request_seconds_count{type=\"Execute\",outcome=\"answered\"}", 5.0),
        ("mapi_gateway_operation_seconds_count{operation=\"download\",outcome=\"done\"}", 1.0),
        ("mapi_gateway_operation_seconds_count{operation=\"submit\",outcome=\"done\"}", 1.0),
        ("mapi_gateway_rounds_total", 1.0),
        ("mapi_gateway_ledger_commit_seconds_count{outcome=\"done\"}", 1.0),
        ("mapi_gateway_cache_hits_total{cache=\"renderings\"}", 1.0),
        ("mapi_gateway_cache_bytes{cache=\"renderings\"}", 1000.0),
        ("mapi_gateway_budget_limit_bytes{budget=\"memory\"}", 134_217_728.0),
        ("mapi_gateway_budget_limit_bytes{budget=\"disk\"}", 4_294_967_296.0),
        ("mapi_gateway_client_bytes_total{direction=\"sent\"}", 10_000.0),
        ("mapi_gateway_client_bytes_total{direction=\"received\"}", 100.0),
        ("mapi_gateway_upstream_bytes_total{direction=\"received\"}", 10_000.0),
        ("mapi_gateway_upstream_connections_total", 1.0),
        ("mapi_gateway_accounts", 1.0),
        ("mapi_gateway_sessions", 1.0),
        ("mapi_gateway_connections{listener=\"127.0.0.1:0\"}", 2.0),
        ("mapi_gateway_connections_total{listener=\"127.0.0.1:0\"}", 4.0),
    ] {
        let figure = stage.figure(series).await;
        assert!(figure >= least, "{series}: {figure}, expected {least}\n{}", stage.get("/metrics").await.body);
    }
    assert_eq!(stage.figure("mapi_gateway_budget_bytes{budget=\"memory\"}").await, 0.0, "all is given back");
    let text = stage.get("/metrics").await.body.to_lowercase();
    for name in ["alice", "bob", "carol", "inbox", "example"] {
        assert!(!text.contains(name), "{name}");
    }
    drop((client, smtp));
    until("connections end", async || stage.figure("mapi_gateway_connections{listener=\"127.0.0.1:0\"}").await == 0.0)
        .await;
}

/// Retries, refusals and throttling of the upstream.
#[tokio::test(flavor = "multi_thread")]
async fn what_goes_wrong_is_counted() {
    let stage = Stage::local().await;
    let mut client = ImapClient::login(stage.gateway.imap, ALICE, PASSWORD).await;
    client.command("SELECT INBOX").await.ok();
    stage.sandbox.faults().arm(Fault::new(FaultKind::CloseBefore, Requests::Work, 1));
    client.command("STORE 1:* -FLAGS (\\Seen)").await.ok();
    let retry_after = Some(std::time::Duration::from_secs(1));
    stage.sandbox.faults().arm(Fault::new(FaultKind::HttpStatus { status: 503, retry_after }, Requests::Work, 1));
    client.command("STORE 1:* +FLAGS (\\Flagged)").await.ok();
    assert!(stage.figure("mapi_gateway_upstream_busy_total").await >= 1.0);
    assert!(stage.figure("mapi_gateway_upstream_throttle_seconds_count").await >= 1.0);
    assert!(
        stage.figure("mapi_gateway_upstream_request_seconds_count{type=\"Execute\",outcome=\"lost\"}").await >= 1.0
    );
    assert!(stage.figure("mapi_gateway_operations_retried_total{operation=\"mark read\"}").await >= 1.0);
}

/// However many clients come and whatever they call themselves and their commands, there are not more series.
#[tokio::test(flavor = "multi_thread")]
async fn series_do_not_grow_with_clients() {
    let stage = Stage::local().await;
    let work = async |from: u32| {
        for number in from..from + 6 {
            let mut client = ImapClient::connect(stage.gateway.imap).await;
            client.command(&format!("X{number} INBOX")).await;
            client.command(&format!("LOGIN user{number}@else{number}.example x")).await;
            let mut smtp = SmtpClient::connect(stage.gateway.smtp).await;
            smtp.expect(&format!("EHLO c{number}"), "250").await;
            smtp.expect(&format!("XX{number}"), "5").await;
        }
        stage.get("/metrics").await.body.lines().count()
    };
    let before = work(0).await;
    assert_eq!(work(100).await, before);
}
