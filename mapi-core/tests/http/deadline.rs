//! Answers that never end: the server lives, and says so, and says no more.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mapi_core::auth::{BasicCredentials, PlainHttp};
use mapi_core::client::{Client, ClientError, ClientSettings, EndpointUrl, Endpoints, Timeouts, Tls, TlsSettings};
use secrecy::SecretString;

use crate::client::execute_body;
use crate::server::{Peer, Server, chunk, mapi_head};

/// A client whose answers must be there within a moment; silence is endured for long.
fn impatient(server: &Server, slowest: u32) -> Client {
    let emsmdb = EndpointUrl::parse(&server.url("/mapi/emsmdb/"), PlainHttp::Allow).expect("a URL");
    let credentials = BasicCredentials::new("alice", SecretString::from("secret"), PlainHttp::Allow);
    let tls = Tls::new(&TlsSettings { allow_no_roots: true, ..TlsSettings::default() }).expect("no roots needed");
    let endpoints = Endpoints { emsmdb, nspi: None };
    let mut settings = ClientSettings::new(endpoints, Arc::new(credentials), "/o=x/cn=alice", tls);
    settings.timeouts = Timeouts { answer: Duration::from_millis(300), slowest, ..Timeouts::default() };
    Client::new(&settings)
}

/// Begins an answer and sends `word` every few milliseconds until the client hangs up.
async fn drip(peer: &mut Peer, word: &[u8], sent: &AtomicUsize) {
    peer.send(mapi_head(0, "Transfer-Encoding: chunked\r\n\r\n").as_bytes()).await;
    peer.send(&chunk(b"PROCESSING\r\n")).await;
    loop {
        peer.send(&chunk(word)).await;
        sent.fetch_add(1, Ordering::Relaxed);
        tokio::select! {
            next = peer.request() => {
                assert!(next.is_none(), "a request on a connection whose answer was given up");
                return;
            }
            () = tokio::time::sleep(Duration::from_millis(5)) => {}
        }
    }
}

/// A server that drips at the first Execute and serves those on later connections; tells how many words it sent, and which
/// connections ended.
async fn dripping(word: &'static [u8]) -> (Server, Arc<AtomicUsize>, Arc<AtomicUsize>) {
    let (sent, ended) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (words, ends) = (Arc::clone(&sent), Arc::clone(&ended));
    let server = Server::start(move |mut peer| {
        let (words, ends) = (Arc::clone(&words), Arc::clone(&ends));
        async move {
            peer.accept_connect().await.expect("a Connect");
            while peer.request().await.is_some() {
                if peer.number == 0 {
                    drip(&mut peer, word, &words).await;
                    ends.fetch_add(1, Ordering::Release);
                    return;
                }
                peer.answer("", &execute_body(&[b"ok"])).await;
            }
        }
    });
    (server.await, sent, ended)
}

async fn given_up(word: &'static [u8]) {
    let (server, sent, ended) = dripping(word).await;
    let client = impatient(&server, u32::MAX);
    client.connect().await.expect("the server accepts");
    // The one behind it waits for its end, and learns that the session is gone.
    let (first, second) = tokio::join!(client.execute(vec![2, 0], 100, false), client.execute(vec![2, 0], 100, false));
    let error = first.expect_err("no end");
    assert!(matches!(error, ClientError::TooSlow(_)), "{error}");
    assert_eq!(second.expect_err("no session"), ClientError::ContextLost(None));
    assert!(sent.load(Ordering::Relaxed) > 1, "the server spoke all the while");
    client.reconnect().await.expect("the line is free");
    assert_eq!(client.execute(vec![2, 0], 100, false).await.expect("an answer"), [b"ok"]);
    while ended.load(Ordering::Acquire) == 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn keep_alives_are_no_progress() {
    given_up(b"PENDING\r\n").await;
}

#[tokio::test]
async fn neither_are_bytes_of_an_answer_that_has_no_end() {
    given_up(b"DONE\r\n\r\n").await;
}

#[tokio::test]
async fn more_bytes_may_take_longer() {
    // 300 ms, and 1 s for each 1,000 bytes: the answer comes after 600 ms.
    let server = Server::start(|mut peer| async move {
        peer.accept_connect().await.expect("a Connect");
        while peer.request().await.is_some() {
            tokio::time::sleep(Duration::from_millis(600)).await;
            peer.answer("", &execute_body(&[b"ok"])).await;
        }
    })
    .await;
    // As many bytes as Connect is given time for take long, too.
    let client = impatient(&server, 1000);
    client.connect().await.expect("the server accepts");
    assert_eq!(client.execute(vec![2, 0], 60_000, false).await.expect("in time"), [b"ok"]);
    let error = client.execute(vec![2, 0], 1, false).await.expect_err("too late");
    assert!(matches!(error, ClientError::TooSlow(_)), "{error}");
}

#[tokio::test]
async fn who_stops_waiting_frees_the_line() {
    let (server, _, ended) = dripping(b"PENDING\r\n").await;
    let client = impatient(&server, u32::MAX);
    client.connect().await.expect("the server accepts");
    let left = tokio::time::timeout(Duration::from_millis(50), client.execute(vec![2, 0], 100, false)).await;
    assert!(left.is_err(), "no answer came");
    while ended.load(Ordering::Acquire) == 0 {
        tokio::task::yield_now().await;
    }
    client.reconnect().await.expect("the line is free");
    assert_eq!(client.execute(vec![2, 0], 100, false).await.expect("an answer"), [b"ok"]);
}
