//! The client against a server that misbehaves in the ways real ones do.

use std::sync::Arc;
use std::time::Duration;

use crate::server::{Peer, Server, chunk, mapi_head};
use mapi_core::ErrorCode;
use mapi_core::auth::{AuthError, BasicCredentials, PlainHttp};
use mapi_core::client::{
    Client, ClientError, ClientSettings, EndpointUrl, Endpoints, RetryPolicy, Tls, TlsSettings, TlsVerification,
};
use mapi_core::http::{
    ConnectResponse, ExecuteRequest, ExecuteResponse, Packing, RequestType, ResponseCode, WaitResponse, encode_done,
    pack, unpack,
};
use secrecy::SecretString;

const TARGET: &str = "/mapi/emsmdb/?MailboxId=64617665-406c@lab.test&x=%2F";

fn tls() -> Tls {
    let verification = TlsVerification::DangerousNone;
    Tls::new(&TlsSettings { verification, ..TlsSettings::default() }).expect("no roots needed")
}

fn client_for(server: &Server, plain_http: PlainHttp) -> Client {
    let emsmdb = EndpointUrl::parse(&server.url(TARGET), PlainHttp::Allow).expect("a URL");
    let credentials = BasicCredentials::new("alice", SecretString::from("secret"), plain_http);
    let endpoints = Endpoints { emsmdb, nspi: None };
    let mut settings = ClientSettings::new(endpoints, Arc::new(credentials), "/o=x/cn=alice", tls());
    let first_pause = Duration::from_millis(1);
    settings.retry = RetryPolicy { retries: 2, first_pause, longest_pause: first_pause };
    Client::new(&settings)
}

fn client(server: &Server) -> Client {
    client_for(server, PlainHttp::Allow)
}

async fn connected(server: &Server) -> Client {
    let client = client(server);
    client.connect().await.expect("the server accepts");
    client
}

pub fn execute_body(payloads: &[&[u8]]) -> Vec<u8> {
    let rop_buffer = pack(payloads, Packing { compress_from: Some(20), xor_magic: true }).expect("small");
    ExecuteResponse { rop_buffer, ..ExecuteResponse::default() }.encode()
}

/// A server that accepts Connect on its first connection, and then does `then` with it; further connections get `later`.
async fn server_then<F, R, G, S>(then: F, later: G) -> Server
where
    F: Fn(Peer) -> R + Send + Sync + Clone + 'static,
    R: Future<Output = ()> + Send,
    G: Fn(Peer) -> S + Send + Sync + Clone + 'static,
    S: Future<Output = ()> + Send,
{
    Server::start(move |mut peer| {
        let (then, later) = (then.clone(), later.clone());
        async move {
            if peer.number == 0 {
                peer.accept_connect().await.expect("a Connect");
                then(peer).await;
            } else {
                later(peer).await;
            }
        }
    })
    .await
}

async fn nothing(_: Peer) {}

#[tokio::test]
async fn execute_carries_cookies_credentials_and_the_target_byte_for_byte() {
    let server = server_then(
        |mut peer| async move {
            let seen = peer.request().await.expect("an Execute");
            let request = ExecuteRequest::decode(&seen.body).expect("a body");
            let payload = &unpack(&request.rop_buffer).expect("a buffer")[0].data;
            peer.answer("Set-Cookie: sequence=2\r\n", &execute_body(&[payload, &[7; 40]])).await;
            peer.request().await.expect("another Execute");
            peer.answer("", &execute_body(&[])).await;
            peer.request().await;
        },
        nothing,
    )
    .await;
    let client = client(&server);
    let connected = client.connect().await.expect("the server accepts");
    assert_eq!((connected.generation, connected.display_name.as_str()), (1, "Alice"));
    let payloads = client.execute(vec![2, 0], 0x10008, true).await.expect("an answer");
    assert_eq!(payloads, [vec![2, 0], vec![7; 40]]);
    assert_eq!(client.execute(vec![2, 0], 0x10008, false).await.expect("an answer"), Vec::<Vec<u8>>::new());
    let seen = server.seen();
    assert_eq!(seen[1].line, format!("POST {TARGET} HTTP/1.1"));
    assert_eq!(seen[0].header("Cookie"), None);
    assert_eq!(seen[1].header("Cookie"), Some("sid=1; sequence=1"));
    assert_eq!(seen[2].header("Cookie"), Some("sid=1; sequence=2"));
    assert_eq!(seen[1].header("Authorization"), Some("Basic YWxpY2U6c2VjcmV0"));
    assert_eq!(seen[1].header("Host"), Some(server.address.to_string().as_str()));
    assert!(seen.iter().all(|request| request.connection == 0));
    let counters = client.counters().snapshot();
    assert_eq!((counters.requests(RequestType::Execute), counters.connections, counters.retries), (2, 1, 0));
    assert!(counters.sent > 500 && counters.received > 300, "{counters:?}");
}

#[tokio::test]
async fn wrong_credentials_are_unauthorized() {
    let server = Server::start(|mut peer| async move {
        peer.request().await;
        peer.refuse("401 Unauthorized", "WWW-Authenticate: Basic realm=\"x\"\r\n").await;
        peer.request().await;
    })
    .await;
    let error = client(&server).connect().await.expect_err("refused");
    assert_eq!(error, ClientError::Unauthorized(AuthError::Refused));
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn basic_does_not_go_over_plain_http_unless_allowed() {
    let server = Server::start(nothing).await;
    let error = client_for(&server, PlainHttp::Refuse).connect().await.expect_err("refused");
    assert_eq!(error, ClientError::Unauthorized(AuthError::PlainHttp));
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn connect_checks_the_error_code() {
    let server = Server::start(|mut peer| async move {
        peer.request().await;
        let body = ConnectResponse { error: ErrorCode::LOGIN_FAILURE, ..ConnectResponse::default() }.encode();
        peer.answer("Set-Cookie: sid=1\r\n", &body).await;
        peer.request().await;
    })
    .await;
    let client = client(&server);
    assert_eq!(client.connect().await.expect_err("refused"), ClientError::Rejected(ErrorCode::LOGIN_FAILURE));
    assert!(!client.is_connected());
}

#[tokio::test]
async fn a_code_loses_the_context_and_reconnect_falls_back_to_no_cookies() {
    let server = server_then(
        |mut peer| async move {
            peer.request().await.expect("an Execute");
            let headers = "Content-Type: text/html\r\nX-ResponseCode: 7\r\n";
            peer.refuse("200 OK", headers).await;
            peer.request().await.expect("a Connect with cookies");
            peer.refuse("200 OK", "Content-Type: text/html\r\nX-ResponseCode: 2\r\n").await;
            peer.accept_connect().await.expect("a Connect without cookies");
            peer.request().await.expect("an Execute");
            peer.answer("", &execute_body(&[b"ok"])).await;
            peer.request().await;
        },
        nothing,
    )
    .await;
    let client = connected(&server).await;
    let lost = ClientError::ContextLost(Some(ResponseCode(7)));
    assert_eq!(client.execute(vec![2, 0], 0x10008, false).await.expect_err("lost"), lost);
    assert_eq!(client.execute(vec![2, 0], 0x10008, false).await.expect_err("still lost"), lost);
    assert_eq!(client.reconnect().await.expect("a new context").generation, 2);
    assert_eq!(client.execute(vec![2, 0], 0x10008, false).await.expect("an answer"), [b"ok"]);
    let seen = server.seen();
    assert_eq!(seen[2].header("Cookie"), Some("sid=1; sequence=1"));
    assert_eq!(seen[3].header("Cookie"), None);
}

#[tokio::test]
async fn pending_keep_alives_are_no_answer() {
    let server = server_then(
        |mut peer| async move {
            peer.request().await.expect("an Execute");
            peer.send(mapi_head(0, "Transfer-Encoding: chunked\r\n\r\n").as_bytes()).await;
            let tail = [encode_done(&[("X-ElapsedTime", "66")], &execute_body(&[b"late"]))].concat();
            for part in [b"PROCESSING\r\nPEND".as_slice(), b"INGPENDINGPROCESS", b"ING\r\n", &tail[..7], &tail[7..]] {
                peer.send(&chunk(part)).await;
                tokio::task::yield_now().await;
            }
            peer.send(&chunk(b"")).await;
            peer.request().await;
        },
        nothing,
    )
    .await;
    let client = connected(&server).await;
    assert_eq!(client.execute(vec![2, 0], 0x10008, false).await.expect("an answer"), [b"late"]);
}

#[tokio::test]
async fn an_answer_cut_off_is_an_unknown_outcome() {
    let server = server_then(
        |mut peer| async move {
            peer.request().await.expect("an Execute");
            peer.send(mapi_head(0, "Transfer-Encoding: chunked\r\n\r\n").as_bytes()).await;
            peer.send(&chunk(b"PROCESSING\r\n")).await;
        },
        |mut peer| async move {
            peer.accept_connect().await;
            peer.request().await;
        },
    )
    .await;
    let client = connected(&server).await;
    let error = client.execute(vec![2, 0], 0x10008, false).await.expect_err("cut off");
    assert!(matches!(error, ClientError::OutcomeUnknown(_)), "{error:?}");
    let error = client.execute(vec![2, 0], 0x10008, false).await.expect_err("lost");
    assert_eq!(error, ClientError::ContextLost(None));
    let connected = client.reconnect().await.expect("a new context");
    assert_eq!((connected.generation, client.generation()), (2, 2));
    assert_eq!(server.seen().iter().filter(|seen| seen.kind() == "Execute").count(), 1, "not repeated");
}

#[tokio::test]
async fn an_entity_cut_before_its_body_is_an_unknown_outcome() {
    let server = server_then(
        |mut peer| async move {
            peer.request().await.expect("an Execute");
            peer.send(mapi_head(0, "Content-Length: 12\r\n\r\nPROCESSING\r\n").as_bytes()).await;
            peer.request().await;
        },
        nothing,
    )
    .await;
    let error = connected(&server).await.execute(vec![2, 0], 0x10008, false).await.expect_err("no body");
    assert!(matches!(error, ClientError::OutcomeUnknown(_)), "{error:?}");
}

/// Asks until something is so, for a minute at most.
async fn until(is_so: impl Fn() -> bool) {
    for _ in 0..60_000 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("it does not come to pass");
}

/// Lets what the server did reach the client's socket: sooner, it would be an unknown outcome rightly. Nothing tells when it
/// is there, as nobody but the client itself reads the socket.
async fn settle() {
    tokio::time::sleep(Duration::from_millis(50)).await;
}

async fn serve_executes(mut peer: Peer) {
    while peer.request().await.is_some() {
        peer.answer("", &execute_body(&[b"ok"])).await;
    }
}

#[tokio::test]
async fn a_connection_closed_while_idle_is_replaced() {
    let server = server_then(nothing, serve_executes).await;
    let client = connected(&server).await;
    settle().await;
    assert_eq!(client.execute(vec![2, 0], 0x10008, false).await.expect("resent"), [b"ok"]);
    assert_eq!(client.generation(), 1);
    let executes: Vec<_> = server.seen().into_iter().filter(|seen| seen.kind() == "Execute").collect();
    assert_eq!(executes.len(), 1);
    assert_eq!((executes[0].connection, executes[0].header("Cookie")), (1, Some("sid=1; sequence=1")));
}

const STALE: &str = "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

#[tokio::test]
async fn a_stale_408_is_never_an_answer() {
    // Unasked, on the idle connection.
    let idle = server_then(|mut peer: Peer| async move { peer.send(STALE.as_bytes()).await }, serve_executes).await;
    let client = connected(&idle).await;
    settle().await;
    assert_eq!(client.execute(vec![2, 0], 0x10008, false).await.expect("resent"), [b"ok"]);
    // Crossing the request on its way.
    let crossing = server_then(
        |mut peer: Peer| async move {
            peer.request().await.expect("an Execute");
            peer.send(STALE.as_bytes()).await;
        },
        serve_executes,
    )
    .await;
    let client = connected(&crossing).await;
    assert_eq!(client.execute(vec![2, 0], 0x10008, false).await.expect("resent"), [b"ok"]);
    assert_eq!(client.generation(), 1);
}

#[tokio::test]
async fn nobody_there_is_unreachable_after_bounded_retries() {
    let server = Server::start(nothing).await;
    let client = client(&server);
    // A port where nobody listens.
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("bound").port();
    let url = EndpointUrl::parse(&format!("http://127.0.0.1:{port}/"), PlainHttp::Allow).expect("a URL");
    let credentials = BasicCredentials::new("alice", SecretString::from("secret"), PlainHttp::Allow);
    let endpoints = Endpoints { emsmdb: url, nspi: None };
    let mut settings = ClientSettings::new(endpoints, Arc::new(credentials), "/o=x", tls());
    let first_pause = Duration::from_millis(1);
    settings.retry = RetryPolicy { retries: 2, first_pause, longest_pause: first_pause };
    let nobody = Client::new(&settings);
    let error = nobody.connect().await.expect_err("nobody there");
    assert!(matches!(error, ClientError::Unreachable(_)), "{error:?}");
    assert_eq!(nobody.counters().snapshot().retries, 2);
    assert_eq!(client.execute(vec![2, 0], 0x10008, false).await, Err(ClientError::ContextLost(None)));
}

#[tokio::test]
async fn busy_and_other_statuses() {
    let server = server_then(
        |mut peer| async move {
            let statuses = ["503 Busy", "429 Busy", "302 Found", "404 Not Found", "502 Bad Gateway"];
            for status in statuses {
                peer.request().await.expect("an Execute");
                peer.refuse(status, "Retry-After: 1\r\nLocation: http://evil.test/\r\n").await;
            }
            peer.request().await;
        },
        nothing,
    )
    .await;
    let client = connected(&server).await;
    let began = std::time::Instant::now();
    let mut errors = Vec::new();
    for _ in 0..3 {
        errors.push(client.execute(vec![2, 0], 0x10008, false).await.expect_err("no success"));
    }
    assert!(began.elapsed() >= Duration::from_secs(2), "two busy answers, a second each, before the first error");
    assert_eq!(errors[..2], [ClientError::HttpStatus(302), ClientError::HttpStatus(404)]);
    assert!(matches!(errors[2], ClientError::OutcomeUnknown(_)), "{:?}", errors[2]);
    assert!(!client.is_connected());
}

#[tokio::test]
async fn a_server_that_wants_a_long_rest_gets_it() {
    let server = server_then(
        |mut peer| async move {
            peer.request().await.expect("an Execute");
            peer.refuse("503 Busy", "Retry-After: 600\r\n").await;
            peer.request().await;
        },
        nothing,
    )
    .await;
    let client = connected(&server).await;
    for _ in 0..5 {
        let error = client.execute(vec![2, 0], 0x10008, false).await.expect_err("busy");
        assert!(matches!(error, ClientError::Busy(Some(left)) if left > Duration::from_secs(590)), "{error:?}");
    }
    let executes = server.seen().iter().filter(|seen| seen.kind() == "Execute").count();
    assert_eq!(executes, 1, "nobody asks in between");
    assert!(client.is_connected());
}

#[tokio::test]
async fn a_dropped_execute_loses_the_context_and_nothing_else() {
    let server = server_then(
        |mut peer| async move {
            peer.request().await.expect("an Execute");
            // No answer; the client goes away.
            peer.request().await;
        },
        |mut peer| async move {
            peer.accept_connect().await;
            serve_executes(peer).await;
        },
    )
    .await;
    let client = connected(&server).await;
    {
        let execute = client.execute(vec![2, 0], 0x10008, false);
        tokio::pin!(execute);
        tokio::select! {
            biased;
            done = &mut execute => panic!("nobody answered: {done:?}"),
            () = until(|| server.seen().len() == 2) => {}
        }
    }
    assert_eq!(client.execute(vec![2, 0], 0x10008, false).await, Err(ClientError::ContextLost(None)));
    client.reconnect().await.expect("a new context");
    assert_eq!(client.execute(vec![2, 0], 0x10008, false).await.expect("an answer"), [b"ok"]);
}

#[tokio::test]
async fn a_wait_goes_beside_executes_and_looks_at_the_error_code() {
    let server = server_then(serve_executes, |mut peer| async move {
        let mut refused = 0;
        while peer.request().await.is_some() {
            let error = if refused < 2 { ErrorCode::WAIT_REJECTED } else { ErrorCode::NONE };
            refused += 1;
            let body = WaitResponse { error, event_pending: refused > 2, auxiliary: Vec::new() }.encode();
            peer.answer("Set-Cookie: sid=1\r\n", &body).await;
        }
    })
    .await;
    let client = connected(&server).await;
    let (news, payloads) = tokio::join!(client.wait(), client.execute(vec![2, 0], 0x10008, false));
    assert_eq!(news, Ok(true));
    assert_eq!(payloads.expect("an answer"), [b"ok"]);
    let waits: Vec<_> = server.seen().into_iter().filter(|seen| seen.kind() == "NotificationWait").collect();
    assert_eq!(waits.len(), 3);
    assert!(waits.iter().all(|seen| seen.connection == 1), "a connection of its own");
}

#[tokio::test]
async fn a_wait_ends_when_its_context_does() {
    let server = server_then(
        |mut peer| async move {
            peer.request().await.expect("an Execute");
            peer.refuse("200 OK", "Content-Type: text/html\r\nX-ResponseCode: 10\r\n").await;
            peer.request().await;
        },
        |mut peer| async move {
            peer.request().await;
            // Never answered.
            peer.request().await;
        },
    )
    .await;
    let client = connected(&server).await;
    let execute = async {
        until(|| server.seen().iter().any(|seen| seen.kind() == "NotificationWait")).await;
        client.execute(vec![2, 0], 0x10008, false).await
    };
    let (news, lost) = tokio::join!(client.wait(), execute);
    assert_eq!(lost, Err(ClientError::ContextLost(Some(ResponseCode::CONTEXT_NOT_FOUND))));
    assert!(matches!(news, Err(ClientError::ContextLost(_))), "{news:?}");
}

#[tokio::test]
async fn ping_and_disconnect() {
    let server = server_then(
        |mut peer| async move {
            assert_eq!(peer.request().await.expect("a request").kind(), "PING");
            peer.answer("", &[]).await;
            assert_eq!(peer.request().await.expect("a request").kind(), "Disconnect");
            peer.answer("Set-Cookie: sequence=1\r\n", &[0; 12]).await;
            peer.accept_connect().await;
        },
        nothing,
    )
    .await;
    let client = connected(&server).await;
    client.ping().await.expect("alive");
    client.disconnect().await.expect("closed");
    assert_eq!(client.execute(vec![2, 0], 0x10008, false).await, Err(ClientError::ContextLost(None)));
    client.connect().await.expect("again");
    assert_eq!(server.seen()[3].header("Cookie"), None, "cookies of a closed context are void");
}

#[test]
fn clients_go_to_other_threads() {
    fn check<T: Send + Sync>() {}
    check::<Client>();
}
