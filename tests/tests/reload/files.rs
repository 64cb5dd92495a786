use std::time::{Duration, Instant};

use exchange_sandbox::fault::{Fault, FaultKind, Requests};
use mapi_core::http::RequestType;
use rustls::pki_types::PrivateKeyDer;
use tests::imap_client::ImapClient;
use tests::stack::{ALICE, PASSWORD};
use tests::until::until;

use super::identity::Identity;
use super::stage::{Stage, replace};

/// Nobody has to be told: a file that was changed is read, and what needs a restart is named.
#[tokio::test(flavor = "multi_thread")]
async fn a_changed_file_is_read_and_what_needs_a_restart_is_named() {
    let stage = Stage::plain("", "[smtp]\nmax_recipients = 10", |builder| builder).await;
    let change = || {
        stage.edit(|text| {
            let text = text.replace("max_recipients = 10", "max_recipients = 11\n[cache]\ncredential_seconds = 7");
            text.replace("domains = [\"example.test\"]", "domains = [\"example.test\"]\nmax_accounts = 5")
        });
    };
    let said = stage.told_after("was read again", change).await;
    assert!(said.contains("\"changed\":\"smtp.max_recipients\""), "{said}");
    until("named", async || stage.logged("needs a restart") == 1).await;
    let log = stage.gateway.log();
    let named = log.lines().rfind(|line| line.contains("needs a restart")).expect("named");
    assert!(named.contains("\"keys\":\"cache.credential_seconds, upstream.max_accounts\""), "{named}");
    // It goes on to be named while it differs from what the gateway was started with.
    stage.reload().await;
    until("named again", async || stage.logged("needs a restart") == 2).await;
}

/// `log.filter`.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_logged_changes() {
    let stage = Stage::plain("", "", |builder| builder).await;
    drop(ImapClient::login(stage.gateway.imap, ALICE, PASSWORD).await);
    assert_eq!(stage.logged("\"level\":\"DEBUG\""), 0);
    stage.edit(|text| text.replace("filter = \"info\"", "filter = \"info,imap_front=debug\""));
    let said = stage.reload().await;
    assert!(said.contains("\"changed\":\"log.filter\""), "{said}");
    drop(ImapClient::login(stage.gateway.imap, ALICE, PASSWORD).await);
    until("debug events", async || stage.logged("\"level\":\"DEBUG\"") > 0).await;
    stage.edit(|text| text.replace("info,imap_front=debug", "warn"));
    stage.hang_up();
    let quiet = async || {
        let before = stage.logged("\"level\":\"INFO\"");
        drop(ImapClient::login(stage.gateway.imap, ALICE, PASSWORD).await);
        tokio::time::sleep(Duration::from_millis(50)).await;
        before == stage.logged("\"level\":\"INFO\"")
    };
    until("only warnings", quiet).await;
}

/// `upstream.ca_file`: the authority that signed the upstream's certificate is added to the file.
#[tokio::test(flavor = "multi_thread")]
async fn trusted_certificates_change() {
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).expect("a certificate");
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    let config = gateway::tls::from_parts(vec![made.cert.der().clone()], key).expect("they fit");
    let acceptor = tokio_rustls::TlsAcceptor::from(config);
    let keys = "ca_file = \"FOLDER/certificate.pem\"";
    let stage = Stage::plain(keys, "", |builder| builder.tls(acceptor)).await;
    stage.edit(|text| text.replace("\"http://", "\"https://"));
    // The URL is none of those things that a running gateway changes.
    let Stage { sandbox, mut gateway, folder } = stage;
    gateway.stop().await.expect("it stops");
    gateway.ensure_running().await.expect("it starts");
    let stage = Stage { sandbox, gateway, folder };
    let refused = ImapClient::try_login(stage.gateway.imap, ALICE, PASSWORD).await;
    let refused = refused.err().expect("another authority signed it").to_string();
    assert!(refused.contains("UNAVAILABLE"), "{refused}");
    let both = format!("{}{}", Identity::new().pem, made.cert.pem());
    stage.told_after("was read again", || replace(&stage.folder.path().join("certificate.pem"), &both)).await;
    let login = async || ImapClient::try_login(stage.gateway.imap, ALICE, PASSWORD).await.is_ok();
    until("it is trusted", login).await;
}

/// `limits.stop_seconds`: what hangs is not waited for longer than the configuration says by now.
#[tokio::test(flavor = "multi_thread")]
async fn how_long_a_stop_takes_changes() {
    let mut stage = Stage::plain("", "[limits]\nstop_seconds = 50", |builder| builder).await;
    let mut client = ImapClient::login(stage.gateway.imap, ALICE, PASSWORD).await;
    let hangs = Fault::new(FaultKind::HangBefore { keep_alives: true }, Requests::Only(RequestType::Execute), 1);
    let mut armed = stage.sandbox.faults().arm(hangs.of_user(ALICE));
    client.send("CREATE somewhere").await;
    armed.hit().await;
    stage.edit(|text| text.replace("stop_seconds = 50", "stop_seconds = 2"));
    stage.reload().await;
    let began = Instant::now();
    stage.gateway.stop().await.expect("it stops");
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}
