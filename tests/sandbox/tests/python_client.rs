//! The sandbox against a client that shares no code with it: `tests/mapi_client.py`, Python's standard library only.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use exchange_sandbox::{Sandbox, seed};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_independent_client_finds_what_it_expects() {
    let sandbox = Sandbox::builder()
        .user("alice@example.test", "demo", "Alice Example")
        .user("bob@example.test", "demo", "Bob Example")
        .start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
        .await
        .expect("a free port");
    seed::demo(&sandbox, 200).expect("seeded");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../mapi_client_test.py");
    let url = sandbox.base_url().to_owned();
    let run = tokio::task::spawn_blocking(move || {
        std::process::Command::new("python3").arg("-Wignore::ResourceWarning").arg(script).arg(url).output()
    });
    let output = run.await.expect("not cancelled").expect("python3 is needed for this test");
    let report = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{report}");
    assert_eq!(sandbox.open_contexts(), 0, "every session was disconnected");
    sandbox.shutdown().await;
}
