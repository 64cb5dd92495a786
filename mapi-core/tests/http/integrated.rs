//! NTLM on the wire: what travels when, and what happens when connections do not last.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mapi_core::auth::ntlm::{Authenticate, AvPairs, Challenge, Negotiate};
use mapi_core::auth::{AuthError, PasswordCredentials, PasswordMethod, PlainHttp};
use mapi_core::client::{
    Client, ClientError, ClientSettings, EndpointUrl, Endpoints, RetryPolicy, Tls, TlsSettings, TlsVerification,
};
use secrecy::SecretString;

use crate::client::execute_body;
use crate::server::{Peer, Seen, Server};

const OFFERS: &str = "WWW-Authenticate: Negotiate\r\nWWW-Authenticate: NTLM\r\n";

fn client(server: &Server) -> Client {
    let emsmdb = EndpointUrl::parse(&server.url("/mapi/emsmdb/?MailboxId=x"), PlainHttp::Allow).expect("a URL");
    let password = SecretString::from("secret");
    let credentials = PasswordCredentials::new("alice", password, &PasswordMethod::ALL, PlainHttp::Refuse);
    let verification = TlsVerification::DangerousNone;
    let tls = Tls::new(&TlsSettings { verification, ..TlsSettings::default() }).expect("no roots needed");
    let endpoints = Endpoints { emsmdb, nspi: None };
    let mut settings = ClientSettings::new(endpoints, Arc::new(credentials), "/o=x/cn=alice", tls);
    let first_pause = Duration::from_millis(1);
    settings.retry = RetryPolicy { retries: 2, first_pause, longest_pause: first_pause };
    Client::new(&settings)
}

fn token(seen: &Seen) -> Option<Vec<u8>> {
    let header = seen.header("Authorization")?.strip_prefix("NTLM ")?;
    Some(STANDARD.decode(header).expect("base64"))
}

fn challenge() -> String {
    let target_info = AvPairs::default();
    let challenge = Challenge { flags: u32::MAX, server_challenge: [1; 8], target_name: "T".into(), target_info };
    format!("WWW-Authenticate: NTLM {}\r\n", STANDARD.encode(challenge.encode()))
}

/// Answers the first message with a challenge and takes what follows.
async fn challenged(peer: &mut Peer) {
    peer.request().await;
    peer.refuse("401 Unauthorized", &challenge()).await;
}

#[tokio::test]
async fn the_body_travels_once_and_the_connection_stays_authenticated() {
    let server = Server::start(|mut peer| async move {
        if peer.number == 0 {
            // As some servers do: the connection of the first 401 is of no further use.
            peer.request().await;
            peer.refuse("401 Unauthorized", &format!("{OFFERS}Connection: close\r\n")).await;
            return;
        }
        challenged(&mut peer).await;
        if peer.number == 2 {
            peer.request().await;
            peer.answer("", &execute_body(&[])).await;
            return;
        }
        peer.accept_connect().await;
        peer.request().await;
        peer.answer("", &execute_body(&[])).await;
        // The server forgets whose connection it is; a fresh one does it.
        peer.request().await;
        peer.refuse("401 Unauthorized", OFFERS).await;
        peer.request().await;
    })
    .await;
    let client = client(&server);
    client.connect().await.expect("authenticated");
    for _ in 0..2 {
        client.execute(vec![2, 0], 0x10008, false).await.expect("authenticated");
    }
    let seen = server.seen();
    let shape: Vec<_> = seen
        .iter()
        .map(|request| {
            let kind = match token(request) {
                None => "none",
                Some(token) if Negotiate::decode(&token).is_ok() => "first",
                Some(token) if Authenticate::decode(&token).is_ok() => "last",
                Some(_) => "?",
            };
            (request.connection, kind, request.body.is_empty())
        })
        .collect();
    let expected = [
        (0, "none", true),
        (1, "first", true),
        (1, "last", false),
        (1, "none", false),
        (1, "none", false),
        (2, "first", true),
        (2, "last", false),
    ];
    assert_eq!(shape, expected);
    assert!(seen.iter().all(|request| request.header("Content-Length").is_some()));
}

#[tokio::test]
async fn connections_that_never_last_are_named_as_the_reason() {
    let server = Server::start(|mut peer| async move {
        peer.request().await;
        let offers = if peer.number == 0 { OFFERS.to_owned() } else { challenge() };
        peer.refuse("401 Unauthorized", &format!("{offers}Connection: close\r\n")).await;
    })
    .await;
    let error = client(&server).connect().await.expect_err("no connection lasts");
    assert_eq!(error, ClientError::Unauthorized(AuthError::ConnectionClosed));
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn a_refused_proof_is_not_repeated() {
    let server = Server::start(|mut peer| async move {
        peer.request().await;
        peer.refuse("401 Unauthorized", OFFERS).await;
        challenged(&mut peer).await;
        peer.request().await;
        peer.refuse("401 Unauthorized", &format!("{OFFERS}WWW-Authenticate: Basic realm=\"x\"\r\n")).await;
        peer.request().await;
    })
    .await;
    let error = client(&server).connect().await.expect_err("refused");
    assert_eq!(error, ClientError::Unauthorized(AuthError::Refused));
    assert_eq!(server.seen().len(), 3);
}

#[tokio::test]
async fn a_server_that_wants_no_authentication_gets_the_whole_request() {
    let server = Server::start(|mut peer| async move {
        peer.request().await;
        peer.refuse("200 OK", "").await;
        peer.accept_connect().await;
    })
    .await;
    client(&server).connect().await.expect("accepted");
    let seen = server.seen();
    assert_eq!(seen.iter().map(|request| request.body.is_empty()).collect::<Vec<_>>(), [true, false]);
}

#[tokio::test]
async fn other_answers_to_the_first_message_stand() {
    let server = Server::start(|mut peer| async move {
        peer.request().await;
        peer.refuse("503 Service Unavailable", "Retry-After: 7\r\n").await;
    })
    .await;
    let error = client(&server).connect().await.expect_err("busy");
    assert!(!matches!(error, ClientError::Unauthorized(_)), "{error}");
}
