use std::time::{Duration, Instant};

use tests::imap_client::ImapClient;
use tests::stack::{ALICE, PASSWORD};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::http::ask;
use super::stage::Stage;

/// Who is slow, large or many keeps nobody from the pages, nor clients from their mail.
#[tokio::test(flavor = "multi_thread")]
async fn slow_and_large_requests_hold_nothing() {
    let stage = Stage::local().await;
    let long = format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "x".repeat(40_000));
    assert!(ask_or_closed(stage.admin, &long).await.is_none_or(|status| status == 431), "a large head");
    let many = format!("GET / HTTP/1.1\r\nHost: localhost\r\n{}\r\n", "X: y\r\n".repeat(100));
    assert!(ask_or_closed(stage.admin, &many).await.is_none_or(|status| status == 431), "many fields");

    let mut silent = Vec::new();
    for number in 0..100 {
        let mut stream = TcpStream::connect(stage.admin).await.expect("it listens");
        if number % 2 == 0 {
            stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: local").await.expect("it reads");
        }
        silent.push(stream);
    }
    let began = Instant::now();
    assert_eq!(stage.get("/healthz").await.status, 200);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    ImapClient::login(stage.gateway.imap, ALICE, PASSWORD).await.command("NOOP").await.ok();
    assert!(stage.gateway.descriptors().expect("it lives") < 150);
    // They are gone by themselves.
    let mut last = silent.pop().expect("there");
    let closed = tokio::time::timeout(Duration::from_secs(40), last.read_to_end(&mut Vec::new())).await;
    assert!(closed.is_ok(), "half a minute is all that there is");
    // One connection, one request.
    let twice = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(2);
    let answer = ask(stage.admin, &twice).await;
    assert!(answer.status == 200 && answer.body == "alive\n", "{answer:?}");
}

async fn ask_or_closed(address: std::net::SocketAddr, request: &str) -> Option<u16> {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    // It may be closed before all of it is sent.
    let _ = stream.write_all(request.as_bytes()).await;
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes).await;
    String::from_utf8_lossy(&bytes).split(' ').nth(1).and_then(|code| code.parse().ok())
}
