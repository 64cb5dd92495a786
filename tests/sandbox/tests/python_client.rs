//! The sandbox against a client that shares no code with it: `tests/mapi_client.py`, Python's standard library only. Where
//! python3 isn't installed the tests show as ignored; with `REQUIRE_CLIENTS=1` they fail.

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use exchange_sandbox::{Builder, Manners, RunningSandbox, Sandbox, Settings, seed};
use libtest_mimic::{Arguments, Trial};
use mapi_core::http::RequestType;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

fn main() {
    let trials = vec![
        trial("an_independent_client_finds_what_it_expects", an_independent_client_finds_what_it_expects),
        trial("the_same_with_the_manners_of_gromox", || with_manners("gromox")),
        trial("the_same_with_rude_manners", || with_manners("rude")),
        trial("waits_end_and_contexts_expire", waits_end_and_contexts_expire),
        trial("the_same_over_tls", the_same_over_tls),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn trial<F: Future<Output = ()> + 'static>(name: &str, test: fn() -> F) -> Trial {
    let installed = Command::new("python3").arg("-V").output().is_ok_and(|output| output.status.success());
    let required = std::env::var_os("REQUIRE_CLIENTS").is_some_and(|value| value == "1");
    let run = move || {
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(test());
        Ok(())
    };
    Trial::test(name, run).with_ignored_flag(!installed && !required)
}

async fn started(builder: Builder) -> RunningSandbox {
    let sandbox = builder
        .user("alice@example.test", "demo", "Alice Example")
        .user("bob@example.test", "demo", "Bob Example")
        .start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
        .await
        .expect("a free port");
    seed::demo(&sandbox, 200).expect("seeded");
    sandbox
}

/// Runs the client's tests, all or those of some classes.
async fn check(sandbox: &RunningSandbox, classes: &'static [&'static str]) {
    check_with(sandbox, "default", classes).await;
}

/// The same with a sandbox that has the manners of that name.
async fn check_with(sandbox: &RunningSandbox, manners: &'static str, classes: &'static [&'static str]) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../mapi_client_test.py");
    let url = sandbox.base_url().to_owned();
    let run = tokio::task::spawn_blocking(move || {
        let mut python = Command::new("python3");
        python.env("SANDBOX_MANNERS", manners).arg("-Wignore").arg(script).arg(url).args(classes).output()
    });
    let output = run.await.expect("not cancelled").expect("python3 is needed for this test");
    let report = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{report}");
}

async fn an_independent_client_finds_what_it_expects() {
    let sandbox = started(Sandbox::builder()).await;
    check(&sandbox, &[]).await;
    assert_eq!(sandbox.open_contexts(), 0, "every session was disconnected");
    let counted = sandbox.counters().snapshot();
    assert!(counted.execute() > 100 && counted.notification_wait() >= 1 && counted.rops() > counted.execute());
    assert!(counted.requests(RequestType::ResolveNames) >= 1 && counted.autodiscover > 10 && counted.unauthorized >= 1);
    sandbox.counters().reset();
    assert_eq!(sandbox.counters().execute(), 0);
    sandbox.shutdown().await;
}

async fn with_manners(name: &'static str) {
    let manners = Manners::named(name).expect("such manners");
    let sandbox = started(Sandbox::builder().manners(manners)).await;
    check_with(&sandbox, name, &[]).await;
    sandbox.shutdown().await;
}

async fn waits_end_and_contexts_expire() {
    let settings = Settings {
        pending_period: Duration::from_millis(100),
        wait_limit: Duration::from_millis(1_500),
        expiration: Duration::from_secs(2),
        rtt: Duration::from_millis(2),
        ..Settings::default()
    };
    let sandbox = started(Sandbox::builder().settings(settings)).await;
    check(&sandbox, &["Timing"]).await;
    sandbox.shutdown().await;
}

async fn the_same_over_tls() {
    let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let key = PrivateKeyDer::try_from(pair.signing_key.serialize_der()).expect("a key");
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![pair.cert.der().clone()], key);
    let acceptor = TlsAcceptor::from(Arc::new(config.expect("certificate and key belong together")));
    let sandbox = started(Sandbox::builder().tls(acceptor)).await;
    assert!(sandbox.base_url().starts_with("https://"));
    check(&sandbox, &["Autodiscover", "Logons"]).await;
    sandbox.shutdown().await;
}
