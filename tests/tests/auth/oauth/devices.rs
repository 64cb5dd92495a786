//! Devices and accounts whose tokens the gateway gets: the flows, and what goes wrong with them.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use exchange_sandbox::auth::TokenIssuer;
use tests::imap_client::ImapClient;
use tests::smtp_client::SmtpClient;
use tests::trace_log::logged;
use tests::until::until;

use super::stack::{ALICE, BOB, Stack};

const CLIENT: &str = "gateway registration";
const SECRET: &str = "Zq4:client+secret/9";
const MESSAGE: &str = "From: scanner@floor.test\r\nTo: bob@example.test\r\nSubject: scan\r\n\r\nx";

/// A gateway with a device that sends as Alice, and an account for programs that read her mail. `DIR` in `oauth` is a
/// directory.
async fn start(oauth: &str) -> Stack {
    let stack = Stack::configured("auth = \"bearer\"", "authentication = \"optional\"", |sandbox, directory| {
        let directory = directory.path().display();
        std::fs::write(format!("{directory}/secret"), format!("{SECRET}\n")).expect("written");
        std::fs::write(format!("{directory}/password"), "local-password\n").expect("written");
        let (token_url, device_url) = (sandbox.token_url(), sandbox.token_url().replace("/token", "/devicecode"));
        let oauth = format!(
            "token_url = \"{token_url}\"\ndevice_url = \"{device_url}\"\nclient_id = \"{CLIENT}\"\nallow_plain_http = true\n\
             scope = \"https://outlook.office365.com/.default offline_access\"\n{oauth}"
        );
        format!(
            "[[smtp.device]]\nname = \"scanner\"\nnetworks = [\"127.0.0.1\"]\nmailbox = \"{ALICE}\"\n\
             [smtp.device.oauth]\n{oauth}\n\
             [[account]]\nuser = \"archive\"\nuser_password_file = \"DIR/password\"\nmailbox = \"{ALICE}\"\n\
             [account.oauth]\n{oauth}\n"
        )
        .replace("DIR", &directory.to_string())
    })
    .await;
    stack.tokens().add_client(CLIENT, Some(SECRET), Some(ALICE));
    stack
}

const BY_CLIENT: &str = "client_secret_file = \"DIR/secret\"";
const BY_REFRESH: &str = "client_secret_file = \"DIR/secret\"\nrefresh_token_file = \"DIR/refresh\"";

/// What the gateway says to a scan.
async fn scan(stack: &Stack) -> String {
    let mut smtp = SmtpClient::connect(stack.smtp).await;
    smtp.expect("EHLO scanner", "250").await;
    smtp.expect("MAIL FROM:<scanner@floor.test>", "250").await;
    smtp.expect(&format!("RCPT TO:<{BOB}>"), "250").await;
    smtp.expect("DATA", "354").await;
    smtp.command(&format!("{MESSAGE}\r\n.")).await
}

async fn scans(stack: &Stack) {
    let reply = scan(stack).await;
    assert!(reply.starts_with("250"), "{reply}");
}

fn refresh_file(stack: &Stack) -> PathBuf {
    stack.directory.path().join("refresh")
}

/// Puts a refresh token where the gateway reads it.
fn save(stack: &Stack, token: &str, mode: u32) {
    std::fs::write(refresh_file(stack), format!("{token}\n")).expect("written");
    std::fs::set_permissions(refresh_file(stack), PermissionsExt::from_mode(mode)).expect("changed");
}

fn saved(stack: &Stack) -> String {
    std::fs::read_to_string(refresh_file(stack)).expect("a token").trim_end().to_owned()
}

fn asked(tokens: &TokenIssuer) -> Vec<String> {
    tokens.requests().into_iter().map(|(kind, outcome)| format!("{kind} {outcome}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn client_credentials() {
    let stack = start(BY_CLIENT).await;
    scans(&stack).await;
    scans(&stack).await;
    assert_eq!(asked(stack.tokens()), ["client_credentials ok"], "the token is kept");
    // It goes before its time, in the middle of a session: the device never hears of it.
    stack.tokens().expire_all();
    scans(&stack).await;
    // Taken back, its session lost with it: whether the scan or somebody else hears of that first makes no difference.
    for _ in 0..10 {
        stack.tokens().revoke_access(ALICE);
        stack.sandbox.drop_contexts();
        scans(&stack).await;
    }
    assert_eq!(asked(stack.tokens()), ["client_credentials ok"; 12]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_that_changes_is_written_back() {
    let stack = start(BY_REFRESH).await;
    let first = stack.tokens().issue_refresh(CLIENT, ALICE);
    save(&stack, &first, 0o600);
    scans(&stack).await;
    let second = saved(&stack);
    assert_ne!(first, second);
    stack.tokens().expire_all();
    scans(&stack).await;
    assert_ne!(saved(&stack), second);
    assert_eq!(asked(stack.tokens()), ["refresh_token ok"; 2]);
    let mode = std::fs::metadata(refresh_file(&stack)).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    // A service that leaves it as it is.
    stack.tokens().set_rotation(false);
    let kept = saved(&stack);
    stack.tokens().expire_all();
    scans(&stack).await;
    assert_eq!(saved(&stack), kept);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_that_others_can_read_is_not_used() {
    let stack = start(BY_REFRESH).await;
    let reply = scan(&stack).await;
    assert!(reply.starts_with("451"), "{reply}");
    assert!(
        logged().contains(
            "refresh: No such file or directory (os error 2): sign in once with `mapi-gateway oauth sign-in`"
        )
    );
    save(&stack, &stack.tokens().issue_refresh(CLIENT, ALICE), 0o640);
    let reply = scan(&stack).await;
    assert!(reply.starts_with("451"), "{reply}");
    assert!(logged().contains("can be read by others (mode 0640): expected mode 0600"));
    assert_eq!(asked(stack.tokens()), [""; 0]);
    std::fs::set_permissions(refresh_file(&stack), PermissionsExt::from_mode(0o600)).expect("changed");
    scans(&stack).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_refresh_token_asks_for_a_new_sign_in() {
    let stack = start(BY_REFRESH).await;
    save(&stack, &stack.tokens().issue_refresh(CLIENT, ALICE), 0o600);
    scans(&stack).await;
    stack.tokens().revoke(ALICE);
    for _ in 0..3 {
        let reply = scan(&stack).await;
        assert!(reply.starts_with("451"), "{reply}");
    }
    assert_eq!(asked(stack.tokens()), ["refresh_token ok", "refresh_token invalid_grant"], "it is asked once");
    let log = logged();
    let line = log.lines().find(|line| line.contains("invalid_grant: the refresh token is expired or revoked"));
    let line = line.expect("the reason is logged");
    assert!(line.contains("ERROR") && line.contains("sign in again with `mapi-gateway oauth sign-in`"), "{line}");
    // Somebody did: nobody has to wait.
    save(&stack, &stack.tokens().issue_refresh(CLIENT, ALICE), 0o600);
    scans(&stack).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_secret_is_named() {
    let stack = start(BY_CLIENT).await;
    stack.tokens().add_client(CLIENT, Some("another"), Some(ALICE));
    let reply = scan(&stack).await;
    assert!(reply.starts_with("451"), "{reply}");
    assert!(
        logged().contains("invalid_client: the client or its secret is unknown): the service does not know client_id")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_service_that_is_down_is_asked_again() {
    let stack = start(BY_CLIENT).await;
    stack.tokens().break_next(&[503]);
    let reply = scan(&stack).await;
    assert!(reply.starts_with("451 4.4.1"), "{reply}");
    let reply = scan(&stack).await;
    assert!(reply.starts_with("451 4.4.1"), "{reply}");
    assert_eq!(asked(stack.tokens()), ["client_credentials 503"], "not for every message");
    until("it is asked again", async || scan(&stack).await.starts_with("250")).await;
    assert_eq!(asked(stack.tokens()), ["client_credentials 503", "client_credentials ok"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn clocks_that_differ() {
    // Ahead by less than the margin: no token is ever shown that is expired there.
    let stack = start(BY_CLIENT).await;
    stack.tokens().set_ahead(Duration::from_secs(4 * 60));
    scans(&stack).await;
    assert_eq!(asked(stack.tokens()), ["client_credentials ok"]);
    // So far ahead that every token seems expired: two tokens are tried, not more, and the log says why.
    let stack = start(BY_CLIENT).await;
    stack.tokens().set_ahead(Duration::from_secs(3600));
    let reply = scan(&stack).await;
    assert!(reply.starts_with("451"), "{reply}");
    assert_eq!(asked(stack.tokens()), ["client_credentials ok"; 2]);
    assert!(logged().contains("the device's mailbox can't be opened"));
    stack.tokens().set_ahead(Duration::ZERO);
    until("another token is asked for", async || scan(&stack).await.starts_with("250")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_with_a_password_of_the_gateways_own() {
    let stack = start(BY_CLIENT).await;
    stack.tokens().set_lifetime(Duration::from_secs(2));
    let mut imap = ImapClient::connect(stack.imap).await;
    let offered = imap.command("CAPABILITY").await.ok().line("CAPABILITY").expect("capabilities");
    assert!(offered.contains("AUTH=PLAIN AUTH=XOAUTH2"), "{offered}");
    let status = imap.command("LOGIN archive wrong").await.status;
    assert!(status.starts_with("NO [AUTHENTICATIONFAILED]"), "{status}");
    imap.command("LOGIN Archive local-password").await.ok();
    imap.command("SELECT INBOX").await.ok();
    // Its session lives longer than its tokens.
    until("four tokens", async || stack.tokens().requests().len() >= 4).await;
    imap.command("CREATE Later").await.ok();
    // A user's own password is of no use where the upstream takes tokens only.
    let mut imap = ImapClient::connect(stack.imap).await;
    let status = imap.command(&format!("LOGIN {ALICE} local-password")).await.status;
    assert!(status.starts_with("NO [AUTHENTICATIONFAILED]"), "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_in_with_a_device_code() {
    let stack = start("refresh_token_file = \"DIR/refresh\"").await;
    // A public client, as those are that people sign in to.
    stack.tokens().add_client(CLIENT, None, None);
    let configuration = stack.directory.path().join("gateway.toml");
    std::fs::write(&configuration, &stack.configuration).expect("written");
    for agrees in [true, false] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gateway-under-test"));
        command.args(["oauth", "sign-in", "--device", "scanner", "--config"]).arg(&configuration);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut shown = Vec::new();
        while !shown.last().is_some_and(|line: &String| line.starts_with("Waiting")) {
            shown.push(lines.next().expect("a line").expect("text"));
        }
        let code = stack.tokens().user_codes().pop().expect("a code");
        assert_eq!(shown[1], format!("enter   {code}"));
        assert!(shown[0].starts_with("Open    http://") && shown[2].contains(ALICE), "{shown:?}");
        stack.tokens().decide(&code, agrees.then_some(ALICE));
        let output =
            tokio::task::spawn_blocking(move || child.wait_with_output()).await.expect("it ends").expect("it ends");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.success(), agrees, "{said}");
        assert!(agrees || said.contains("access_denied"), "{said}");
        drop(lines);
    }
    scans(&stack).await;
    let mut outcomes = asked(stack.tokens());
    outcomes.retain(|outcome| !outcome.ends_with("authorization_pending"));
    let device = "urn:ietf:params:oauth:grant-type:device_code";
    let expected =
        ["device ok", &format!("{device} ok"), "device ok", &format!("{device} access_denied"), "refresh_token ok"];
    assert_eq!(outcomes, expected);

    let mut command = Command::new(env!("CARGO_BIN_EXE_gateway-under-test"));
    let output = command.args(["oauth", "sign-in", "--device", "nobody", "--config"]).arg(&configuration).output();
    let said = String::from_utf8_lossy(&output.expect("it runs").stderr).into_owned();
    assert!(said.contains("no [[smtp.device]] has the name nobody"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn check_with_a_token() {
    let stack = Stack::start().await;
    let configuration = stack.directory.path().join("gateway.toml");
    std::fs::write(&configuration, &stack.configuration).expect("written");
    let file = stack.directory.path().join("token");
    let check = |token: &str| {
        std::fs::write(&file, format!("{token}\n")).expect("written");
        let mut command = Command::new(env!("CARGO_BIN_EXE_gateway-under-test"));
        command.args(["check", "--user", ALICE, "--token-file"]).arg(&file).arg("--config").arg(&configuration);
        tokio::task::spawn_blocking(move || command.output().expect("it runs"))
    };
    let output = check(&stack.tokens().issue(ALICE)).await.expect("it ends");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}");
    let expired = stack.tokens().issue(ALICE);
    stack.tokens().expire_all();
    let output = check(&expired).await.expect("it ends");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let reason = "the server refused the access token (invalid_token: The token is expired)";
    assert!(!output.status.success() && said.contains(reason) && said.contains("-> have a new token issued"), "{said}");
    assert!(!said.contains(&expired));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_reaches_a_log() {
    let stack = start(BY_REFRESH).await;
    save(&stack, &stack.tokens().issue_refresh(CLIENT, ALICE), 0o600);
    scans(&stack).await;
    stack.tokens().expire_all();
    scans(&stack).await;
    let token = stack.tokens().issue(ALICE);
    stack.imap(ALICE, &token).await.command("SELECT INBOX").await.ok();
    stack.smtp(ALICE, &token).await.send(ALICE, &[BOB], &MESSAGE.replace("scanner@floor.test", ALICE)).await;
    stack.refused(BOB, &token).await;
    let mut imap = ImapClient::login(stack.imap, "archive", "local-password").await;
    imap.command("SELECT INBOX").await.ok();
    stack.tokens().revoke(ALICE);
    scan(&stack).await;
    stack.refused(ALICE, &token).await;
    let by_client = start(BY_CLIENT).await;
    scans(&by_client).await;
    let mut secrets = stack.tokens().secrets();
    secrets.extend(by_client.tokens().secrets());
    // What ends then is logged, too.
    for service in [stack.service, by_client.service] {
        service.stop(Duration::from_secs(5)).await;
    }
    let log = logged();
    assert!(log.contains("TRACE") && log.contains("mapi_core") && log.contains("access token fetched"), "no trace");
    assert!(secrets.len() >= 6, "{}", secrets.len());
    secrets.extend([SECRET.to_owned(), "local-password".to_owned(), "Zq4%3Aclient%2Bsecret%2F9".to_owned()]);
    for secret in secrets {
        let base64 = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &secret);
        let bytes = secret.bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(", ");
        // The beginnings would do harm enough.
        for form in [&secret[..secret.len().min(20)], &base64[..base64.len().min(24)], &bytes] {
            assert!(!log.contains(form), "{form} is logged");
        }
    }
}
