use exchange_sandbox::fault::{Fault, FaultKind, Requests};
use tests::imap_client::ImapClient;
use tests::smtp_talk::Talk;
use tests::stack::{ALICE, BOB, PASSWORD};
use tests::until::until;
use tokio::net::TcpStream;

use super::stage::Stage;

const DEVICES: &str = "authentication = \"optional\"\n[[smtp.device]]\nname = \"copier\"\nnetworks = [\"127.0.0.1\"]\nmailbox = \
                       \"alice@example.test\"\npassword_file = \"FOLDER/password\"\n[[smtp.device]]\nname = \"idle one\"\nuser = \
                       \"x\"\nuser_password_file = \"FOLDER/password\"\nmailbox = \"bob@example.test\"\npassword_file = \
                       \"FOLDER/password\"\n[admin]\naddress = \"127.0.0.1:0\"\ntoken_file = \"FOLDER/token\"\n";

#[tokio::test(flavor = "multi_thread")]
async fn the_status_page_says_what_there_is_and_names_nobody() {
    let stage = Stage::set(DEVICES).await;
    let mut client = ImapClient::login(stage.gateway.imap, ALICE, PASSWORD).await;
    client.command("SELECT INBOX").await.ok();
    client.command("FETCH 1:* (ENVELOPE)").await.ok();
    let mut talk = Talk::new(TcpStream::connect(stage.gateway.smtp).await.expect("it listens"));
    talk.hears("220 ").await;
    talk.says("HELO copier", "250 ").await;
    talk.says("MAIL FROM:<copier>", "250 ").await;
    talk.says(&format!("RCPT TO:<{BOB}>"), "250 ").await;
    talk.says("DATA", "354 ").await;
    talk.says("Subject: scan\r\n\r\nHere.\r\n.", "250 ").await;
    // Something fails, and says so in the log with the user's name in it.
    stage.sandbox.faults().arm(Fault::new(
        FaultKind::HttpStatus { status: 503, retry_after: Some(std::time::Duration::from_secs(3600)) },
        Requests::Work,
        1,
    ));
    let _ = client.command("STATUS Drafts (MESSAGES UIDNEXT)").await;
    assert!(ImapClient::try_login(stage.gateway.imap, "carol@example.test", "wrong").await.is_err());

    let page = stage.get("/").await.body;
    for part in [
        "<title>mapi-gateway: status</title>",
        "Upstream: <span class=\"good\">answers</span>",
        "Ledger: <span class=\"good\">can be written</span>",
        "<td>127.0.0.1:0</td>",
        "IMAP FETCH, OK",
        "<td>Execute, answered</td>",
        "<td>copier</td><td class=\"number\">1</td><td>",
        "<td>idle one</td><td class=\"number\">0</td><td>not since the start</td>",
    ] {
        assert!(page.contains(part), "{part}\n{page}");
    }
    for name in ["alice", "bob", "carol"] {
        assert!(!page.to_lowercase().contains(name), "{name}\n{page}");
    }
    let style = stage.get("/style.css").await.body;
    assert!(
        style.contains("color-scheme: light dark") && page.contains("name=\"viewport\"") && !page.contains("<script")
    );

    let page = stage.get_with_token(&format!("/user?name={}", ALICE.to_uppercase())).await.body;
    for part in
        ["Account of alice@example.test", "Notifications: ", "IMAP connections: 1", "<td>INBOX</td>", "UIDVALIDITY"]
    {
        assert!(page.contains(part), "{part}\n{page}");
    }
    let nobody = stage.get_with_token("/user?name=%3Cscript%3E").await.body;
    assert!(nobody.contains("No account of this user is open") && !nobody.contains("<script"), "{nobody}");
    assert_eq!(stage.get_with_token("/user?name=%ff").await.status, 200);
}

/// What fails is shown with its reason and the next step; whose it is, only with the token.
#[tokio::test(flavor = "multi_thread")]
async fn what_failed_last_is_shown_with_the_next_step() {
    let stage = Stage::local().await;
    let text = std::fs::read_to_string(stage.folder.path().join("gateway.toml")).expect("readable");
    std::fs::write(
        stage.folder.path().join("gateway.toml"),
        text.replace("[admin]", "[imap]\nmax_connections = 0\n[admin]"),
    )
    .expect("written");
    stage.hang_up();
    until("the mistake is shown", async || stage.get("/").await.body.contains("imap.max_connections: 0 would refuse"))
        .await;
    let page = stage.get("/").await.body;
    assert!(page.contains("find it with `mapi-gateway config check`"), "{page}");

    stage.sandbox.faults().arm(Fault::new(FaultKind::CloseBefore, Requests::Any, 1).times(1000));
    let refused = ImapClient::try_login(stage.gateway.imap, ALICE, PASSWORD).await;
    assert!(refused.is_err());
    let page = stage.get("/").await.body;
    assert!(page.contains("<td>login failed</td>") && !page.contains("alice"), "{page}");
    let page = stage.get_with_token("/").await.body;
    assert!(page.contains("<td>alice@example.test</td><td>login failed</td>"), "{page}");
    let page = stage.get_with_token(&format!("/user?name={ALICE}")).await.body;
    assert!(page.contains("login failed"), "{page}");
}

/// What needs a restart stays on the page until it has come.
#[tokio::test(flavor = "multi_thread")]
async fn what_needs_a_restart_is_shown() {
    let stage = Stage::local().await;
    assert_eq!(stage.figure("mapi_gateway_restart_needed").await, 0.0);
    let text = std::fs::read_to_string(stage.folder.path().join("gateway.toml")).expect("readable");
    let text = text.replace("[admin]", "[limits]\nmemory_bytes = 55555555\n[cache]\nidle_accounts = 7\n[admin]");
    std::fs::write(stage.folder.path().join("gateway.toml"), text).expect("written");
    stage.hang_up();
    until("told", async || stage.figure("mapi_gateway_restart_needed").await == 1.0).await;
    assert!(stage.get("/").await.body.contains("needs a restart for cache.idle_accounts"));
    assert_eq!(
        stage.figure("mapi_gateway_budget_limit_bytes{budget=\"memory\"}").await,
        55_555_555.0,
        "this one does not"
    );
}
