//! Autodiscover against a scripted server: above all, where credentials go.

use std::sync::Arc;
use std::time::Duration;

use crate::server::{Peer, Server};
use mapi_core::auth::{AuthError, BasicCredentials, PlainHttp};
use mapi_core::autodiscover::{
    AllowedHosts, AutodiscoverAnswer, AutodiscoverError, AutodiscoverRequest, Discovery, MailboxSettings, PATH,
    ProtocolUrls, Question, Reply, Subject,
};
use mapi_core::client::dns::Resolver;
use mapi_core::client::{EndpointUrl, Timeouts, Tls, TlsSettings, TlsVerification};
use secrecy::SecretString;

fn discovery(server: &Server) -> Discovery {
    let verification = TlsVerification::DangerousNone;
    Discovery {
        url: Some(EndpointUrl::parse(&server.url(PATH), PlainHttp::Allow).expect("a URL")),
        allowed: AllowedHosts::new(["127.0.0.1"]),
        plain_http: PlainHttp::Allow,
        credentials: Arc::new(BasicCredentials::new("alice", SecretString::from("secret"), PlainHttp::Allow)),
        tls: Tls::new(&TlsSettings { verification, ..TlsSettings::default() }).expect("no roots needed"),
        timeouts: Timeouts::default(),
        patience: Duration::from_secs(60),
        resolver: Resolver::new([]),
    }
}

async fn answer(peer: &mut Peer, answer: &AutodiscoverAnswer) {
    let body = answer.encode();
    peer.send(
        format!("HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: {}\r\n\r\n{body}", body.len()).as_bytes(),
    )
    .await;
}

fn settings(host: &str) -> AutodiscoverAnswer {
    AutodiscoverAnswer::Settings(Box::new(MailboxSettings {
        legacy_dn: "/o=x/cn=alice".into(),
        display_name: Some("Alice".into()),
        smtp_address: Some("alice@lab.test".into()),
        emsmdb: ProtocolUrls {
            external: Some("https://outside.test/mapi/emsmdb/".into()),
            internal: Some(format!("http://{host}/mapi/emsmdb/?MailboxId=1@lab.test")),
        },
        nspi: ProtocolUrls::both("https://outside.test/mapi/nspi/"),
    }))
}

#[tokio::test]
async fn settings_with_the_first_allowed_url() {
    let server = Server::start(|mut peer| async move {
        let seen = peer.request().await.expect("a request");
        let request = AutodiscoverRequest::decode(&seen.body).expect("a body");
        assert_eq!(request.subject, Subject::Address("alice@lab.test".into()));
        assert_eq!(seen.line, format!("POST {PATH} HTTP/1.1"));
        assert_eq!(seen.header("X-MapiHttpCapability"), Some("1"));
        answer(&mut peer, &settings("127.0.0.1:8080")).await;
    })
    .await;
    let found = discovery(&server).find("alice@lab.test").await.expect("settings");
    assert_eq!(found.settings.legacy_dn, "/o=x/cn=alice");
    assert_eq!(found.endpoints.emsmdb.to_string(), "http://127.0.0.1:8080/mapi/emsmdb/?MailboxId=1@lab.test");
    assert_eq!(found.endpoints.nspi, None, "outside.test is not allowed");
}

#[tokio::test]
async fn redirects_are_followed_to_allowed_hosts_only() {
    let elsewhere = Server::start(|mut peer| async move {
        peer.request().await;
    })
    .await;
    let port = elsewhere.address.port();
    let server = Server::start(move |mut peer| async move {
        let seen = peer.request().await.expect("a request");
        match peer.number {
            0 => peer.refuse("302 Found", "Location: /autodiscover/second.xml\r\n").await,
            1 => {
                assert_eq!(seen.line, "POST /autodiscover/second.xml HTTP/1.1");
                answer(&mut peer, &AutodiscoverAnswer::RedirectAddress("alice@other.test".into())).await;
            }
            // The same machine under another name, which is not on the list.
            _ => peer.refuse("302 Found", &format!("Location: http://localhost:{port}{PATH}\r\n")).await,
        }
    })
    .await;
    let error = discovery(&server).find("alice@lab.test").await.expect_err("led elsewhere");
    assert_eq!(error, AutodiscoverError::NotAllowed("localhost".into()));
    assert!(elsewhere.seen().is_empty());
    let last = server.seen().pop().expect("three requests");
    let request = AutodiscoverRequest::decode(&last.body).expect("a body");
    assert_eq!(request.subject, Subject::Address("alice@other.test".into()));
}

#[tokio::test]
async fn circles_end() {
    let server = Server::start(|mut peer| async move {
        peer.request().await;
        peer.refuse("302 Found", &format!("Location: {PATH}\r\n")).await;
    })
    .await;
    let error = discovery(&server).find("alice@lab.test").await.expect_err("a circle");
    assert_eq!(error, AutodiscoverError::TooManyRedirects);
    let server = Server::start(|mut peer| async move {
        peer.request().await;
        let address = format!("alice{}@lab.test", peer.number);
        answer(&mut peer, &AutodiscoverAnswer::RedirectAddress(address)).await;
    })
    .await;
    let error = discovery(&server).find("alice@lab.test").await.expect_err("without end");
    assert_eq!(error, AutodiscoverError::TooManyRedirects);
    assert_eq!(server.seen().len(), 6);
}

#[tokio::test]
async fn refusals_by_kind() {
    let server = Server::start(|mut peer| async move {
        peer.request().await;
        match peer.number {
            0 => answer(&mut peer, &AutodiscoverAnswer::Error { code: 404, message: "Not Found".into() }).await,
            1 => peer.refuse("401 Unauthorized", "WWW-Authenticate: Basic\r\n").await,
            2 => peer.refuse("500 Oops", "").await,
            _ => peer.refuse("200 OK", "Content-Type: text/html\r\n").await,
        }
    })
    .await;
    let discovery = discovery(&server);
    let mut errors = Vec::new();
    for _ in 0..4 {
        errors.push(discovery.find("nobody@lab.test").await.expect_err("refused"));
    }
    assert_eq!(errors[0], AutodiscoverError::Refused(404, "Not Found".into()));
    assert_eq!(errors[1], AutodiscoverError::Unauthorized(AuthError::Refused));
    assert_eq!(errors[2], AutodiscoverError::HttpStatus(500));
    assert!(matches!(errors[3], AutodiscoverError::Unreadable(_)));
}

#[tokio::test]
async fn a_login_name_does_not_choose_the_host() {
    let server = Server::start(|_: Peer| async {}).await;
    let by_domain = Discovery { url: None, ..discovery(&server) };
    let error = by_domain.find("alice@evil.test").await.expect_err("not allowed");
    assert_eq!(error, AutodiscoverError::NotAllowed("evil.test".into()));
    let error = by_domain.find("no address").await.expect_err("no domain");
    assert_eq!(error, AutodiscoverError::NotAllowed(String::new()));
    let elsewhere = Discovery { allowed: AllowedHosts::new(["mail.test"]), ..discovery(&server) };
    let error = elsewhere.find("alice@lab.test").await.expect_err("not even the configured URL");
    assert_eq!(error, AutodiscoverError::NotAllowed("127.0.0.1".into()));
}

/// A hostile Autodiscover leads everywhere it can think of: nothing but a connection attempt is ever made elsewhere, and
/// none of them carries the password.
#[tokio::test]
async fn a_hostile_server_gets_no_password_sent_elsewhere() {
    let elsewhere = Server::start(|mut peer| async move {
        peer.request().await;
    })
    .await;
    let port = elsewhere.address.port();
    let evil = format!("http://localhost:{port}{PATH}");
    for way in 0..4 {
        let evil = evil.clone();
        let server = Server::start(move |mut peer| {
            let evil = evil.clone();
            async move {
                peer.request().await;
                match way {
                    0 => peer.refuse("302 Found", &format!("Location: {evil}\r\n")).await,
                    1 => answer(&mut peer, &AutodiscoverAnswer::RedirectUrl(evil)).await,
                    2 => answer(&mut peer, &AutodiscoverAnswer::RedirectAddress(format!("alice@{evil}"))).await,
                    _ => {
                        let AutodiscoverAnswer::Settings(mut found) = settings("127.0.0.1:1") else { return };
                        found.emsmdb = ProtocolUrls::both(evil.clone());
                        found.nspi = ProtocolUrls::both(evil);
                        answer(&mut peer, &AutodiscoverAnswer::Settings(found)).await;
                    }
                }
            }
        })
        .await;
        discovery(&server).find("alice@lab.test").await.expect_err("led elsewhere");
        assert!(elsewhere.seen().is_empty(), "way {way}");
    }
}

/// Questions for places go without credentials, whatever the server asks for.
#[tokio::test]
async fn only_questions_for_settings_have_credentials() {
    let server = Server::start(|mut peer| async move {
        peer.request().await;
        match peer.number {
            0 => peer.refuse("401 Unauthorized", "WWW-Authenticate: Basic\r\n").await,
            _ => peer.refuse("302 Found", "Location: https://mail.lab.test/\r\n").await,
        }
    })
    .await;
    let url = |path: &str| EndpointUrl::parse(&server.url(path), PlainHttp::Allow).expect("a URL");
    let discovery = discovery(&server);
    let (json, redirect) = (Question::Json(url("/json?x=1")), Question::Redirect(url(PATH)));
    let refused = discovery.ask(&json, "alice@lab.test").await;
    assert!(matches!(refused, Reply::Http { status: 401, .. }), "{refused:?}");
    let led = discovery.ask(&redirect, "alice@lab.test").await;
    let there = Some("https://mail.lab.test/".to_owned());
    assert!(matches!(led, Reply::Http { status: 302, location, .. } if location == there));
    let seen = server.seen();
    let lines: Vec<_> = seen.iter().map(|request| request.line.as_str()).collect();
    assert_eq!(lines, ["GET /json?x=1 HTTP/1.1", &format!("GET {PATH} HTTP/1.1")]);
    assert!(seen.iter().all(|request| request.header("Authorization").is_none() && request.body.is_empty()));
    let elsewhere = Discovery { allowed: AllowedHosts::new(["mail.test"]), ..discovery };
    let refused = elsewhere.ask(&json, "alice@lab.test").await;
    assert_eq!(refused, Reply::Failed(AutodiscoverError::NotAllowed("127.0.0.1".into())));
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn one_question_after_the_other_has_its_time() {
    let silent = Server::start(|mut peer| async move {
        peer.request().await;
        std::future::pending::<()>().await;
    })
    .await;
    let impatient = Discovery { patience: Duration::from_millis(50), ..discovery(&silent) };
    let mut attempts = Vec::new();
    let error = impatient.find_observed("alice@lab.test", &mut |attempt| attempts.push(attempt)).await;
    assert!(matches!(error.expect_err("silence"), AutodiscoverError::Unreachable(why) if why.contains("50ms")));
    assert_eq!(attempts.len(), 1);
    assert!(attempts[0].with_credentials().is_some());
}
