//! The sandbox's snapshot file.

use std::net::{Ipv4Addr, SocketAddr};

use exchange_sandbox::{Sandbox, seed};

#[tokio::test]
async fn a_snapshot_file_keeps_the_mailboxes() {
    let path = std::env::temp_dir().join(format!("sandbox-{}.snapshot", std::process::id()));
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let builder = || Sandbox::builder().snapshot(&path).user("alice@example.test", "demo", "Alice Example");
    let first = builder().start(address).await.expect("a free port");
    assert!(!first.is_restored());
    seed::demo(&first, 20).expect("seeded");
    first.save().expect("writable");
    let before = first.with(|store| store.snapshot());
    first.shutdown().await;
    let second = builder().start(address).await.expect("a free port");
    let restored = second.is_restored().then(|| second.with(|store| store.snapshot()));
    std::fs::write(&path, b"not a snapshot").expect("writable");
    let broken = builder().start(address).await.err();
    std::fs::remove_file(&path).expect("it was there");
    assert_eq!(restored, Some(before));
    assert_eq!(broken.map(|error| error.kind()), Some(std::io::ErrorKind::InvalidData));
}
