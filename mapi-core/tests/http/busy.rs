//! Servers that want to be asked later.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::server::{Peer, Server};
use mapi_core::ErrorCode;
use mapi_core::auth::{BasicCredentials, PlainHttp};
use mapi_core::client::{
    Client, ClientError, ClientSettings, EndpointUrl, Endpoints, Throttles, Tls, TlsSettings, TlsVerification,
};
use mapi_core::http::{ExecuteResponse, Packing, pack};
use secrecy::SecretString;

fn client(server: &Server, throttles: &Throttles) -> Client {
    let emsmdb = EndpointUrl::parse(&server.url("/mapi/emsmdb/"), PlainHttp::Allow).expect("a URL");
    let credentials = BasicCredentials::new("alice", SecretString::from("secret"), PlainHttp::Allow);
    let endpoints = Endpoints { emsmdb, nspi: None };
    let verification = TlsVerification::DangerousNone;
    let tls = Tls::new(&TlsSettings { verification, ..TlsSettings::default() }).expect("no roots needed");
    let mut settings = ClientSettings::new(endpoints, Arc::new(credentials), "/o=x/cn=alice", tls);
    settings.throttles = throttles.clone();
    Client::new(&settings)
}

fn execute_body(code: ErrorCode) -> Vec<u8> {
    let rop_buffer = pack(&[b"ok"], Packing::default()).expect("small");
    ExecuteResponse { error: code, rop_buffer, ..ExecuteResponse::default() }.encode()
}

/// A new session does not forget what the server asked of an old one.
#[tokio::test]
async fn retry_after_holds_for_all_sessions_of_a_host() {
    let server = Server::start(|mut peer: Peer| async move {
        peer.accept_connect().await;
        peer.request().await.expect("an Execute");
        peer.refuse("503 Busy", "Retry-After: 600\r\n").await;
        peer.request().await;
    })
    .await;
    let throttles = Throttles::default();
    let (first, second) = (client(&server, &throttles), client(&server, &throttles));
    first.connect().await.expect("a context");
    let error = first.execute(vec![2, 0], 0x10008, false).await.expect_err("busy");
    assert!(error.busy_for().is_some_and(|left| left > Duration::from_secs(590)), "{error:?}");
    let error = second.connect().await.expect_err("busy");
    assert!(error.busy_for().is_some_and(|left| left <= Duration::from_secs(600)), "{error:?}");
    assert_eq!(server.seen().len(), 2, "nobody asked again");
    // Whoever shares nothing is not held back.
    client(&server, &Throttles::default()).connect().await.expect("a context");
}

/// [MS-OXCROPS] 3.2.5.2: HTTP 200, X-ResponseCode 0, and 0x6BB in the body.
#[tokio::test]
async fn too_busy_in_the_body_is_asked_again() {
    let server = Server::start(|mut peer: Peer| async move {
        peer.accept_connect().await;
        for code in [ErrorCode::SERVER_TOO_BUSY, ErrorCode::NONE] {
            peer.request().await.expect("an Execute");
            peer.answer("", &execute_body(code)).await;
        }
        peer.request().await;
    })
    .await;
    let client = client(&server, &Throttles::default());
    client.connect().await.expect("a context");
    let began = Instant::now();
    let answer: Result<_, ClientError> = client.execute(vec![2, 0], 0x10008, false).await;
    assert_eq!(answer.expect("an answer"), [b"ok"]);
    assert!(began.elapsed() >= Duration::from_secs(1), "{:?}", began.elapsed());
}
