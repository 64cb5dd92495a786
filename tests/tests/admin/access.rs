use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tests::imap_client::ImapClient;
use tests::stack::{ALICE, PASSWORD};

use super::http::{ask, get};
use super::stage::{Stage, TOKEN};

const PAGES: [&str; 3] = ["/", "/metrics", "/readyz"];

#[tokio::test(flavor = "multi_thread")]
async fn on_loopback_figures_are_shown_and_users_only_with_the_token() {
    let stage = Stage::local().await;
    for page in PAGES.into_iter().chain(["/healthz", "/style.css"]) {
        let answer = stage.get(page).await;
        assert_eq!(answer.status, 200, "{page}: {}", answer.body);
        for header in [
            "cache-control: no-store",
            "x-content-type-options: nosniff",
            "content-security-policy: default-src 'none'",
        ] {
            assert!(answer.head.contains(header), "{page}: {}", answer.head);
        }
    }
    let user = format!("/user?name={ALICE}");
    let refused = stage.get(&user).await;
    assert!(refused.status == 401 && refused.head.contains("www-authenticate: basic") && !refused.body.contains(ALICE));
    assert_eq!(get(stage.admin, &user, "Authorization: Bearer 0123456789abcdef0123456789abcdeF\r\n").await.status, 401);
    assert_eq!(stage.get_with_token(&user).await.status, 200);
    let basic = format!("Authorization: Basic {}\r\n", STANDARD.encode(format!("admin:{TOKEN}")));
    assert_eq!(get(stage.admin, &user, &basic).await.status, 200, "as browsers do");
    for (method, path, status) in
        [("POST", "/", 405), ("DELETE", "/metrics", 405), ("GET", "/etc/passwd", 404), ("GET", "//", 404)]
    {
        let request = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(ask(stage.admin, &request).await.status, status, "{method} {path}");
    }
}

/// A page that came from elsewhere and now has the name of this machine.
#[tokio::test(flavor = "multi_thread")]
async fn other_names_are_refused() {
    let stage = Stage::local().await;
    for page in PAGES.into_iter().chain(["/healthz"]) {
        for host in ["evil.example", "evil.example:80", "localhost.evil.example", ""] {
            let answer = ask(stage.admin, &format!("GET {page} HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
            assert!(answer.status == 421 && !answer.body.contains("mapi_gateway"), "{page} {host}: {answer:?}");
        }
        for host in ["localhost", "127.0.0.1:1", "[::1]"] {
            assert_eq!(ask(stage.admin, &format!("GET {page} HTTP/1.1\r\nHost: {host}\r\n\r\n")).await.status, 200);
        }
    }
    assert_eq!(ask(stage.admin, "GET / HTTP/1.1\r\n\r\n").await.status, 421);
}

/// Elsewhere than on loopback nothing is shown without the token but whether the gateway is alive and ready.
#[tokio::test(flavor = "multi_thread")]
async fn elsewhere_everything_needs_the_token() {
    let admin = "[admin]\naddress = \"0.0.0.0:0\"\ntoken_file = \"FOLDER/token\"\nallow_plaintext_auth = true";
    let mut stage = Stage::set(admin).await;
    stage.admin.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    for page in ["/", "/metrics", "/user"] {
        let refused = stage.get(page).await;
        assert!(refused.status == 401 && refused.body.len() < 100, "{page}: {refused:?}");
        assert_eq!(stage.get_with_token(page).await.status, 200, "{page}");
    }
    assert_eq!(stage.get("/healthz").await.body, "alive\n");
    assert_eq!(stage.get("/readyz").await.body, "ready\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_there_are_no_pages_about_users() {
    let stage = Stage::set("[admin]\naddress = \"127.0.0.1:0\"").await;
    drop(ImapClient::login(stage.gateway.imap, ALICE, PASSWORD).await);
    let refused = stage.get_with_token(&format!("/user?name={ALICE}")).await;
    assert!(refused.status == 403 && refused.body.contains("admin.token_file"), "{refused:?}");
}
