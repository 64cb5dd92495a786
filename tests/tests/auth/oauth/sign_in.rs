use tests::imap_client::ImapClient;
use tests::smtp_client::{SmtpClient, plain_token};
use tests::trace_log::logged;
use tests::until::until;

use super::stack::{ALICE, BOB, PASSWORD, Stack, answer_refusal, oauth_bearer, xoauth2};

const MESSAGE: &str = "From: alice@example.test\r\nTo: alice@example.test\r\nSubject: by token\r\n\r\nx";

#[tokio::test(flavor = "multi_thread")]
async fn both_mechanisms_with_and_without_an_initial_response() {
    let stack = Stack::start().await;
    let token = stack.tokens().issue(ALICE);
    for (mechanism, message) in [("XOAUTH2", xoauth2(ALICE, &token)), ("OAUTHBEARER", oauth_bearer(ALICE, &token))] {
        let mut imap = ImapClient::connect(stack.imap).await;
        let capability = imap.command("CAPABILITY").await.ok();
        let offered = capability.line("CAPABILITY").expect("capabilities");
        assert!(offered.contains(&format!(" AUTH={mechanism}")) && !offered.contains("AUTH=PLAIN"), "{offered}");
        imap.command(&format!("AUTHENTICATE {mechanism} {message}")).await.ok();
        imap.command("SELECT INBOX").await.ok();
        assert!(imap.command("FETCH 1 BODY.PEEK[]").await.ok().line("BODY[]").is_some());

        let mut imap = ImapClient::connect(stack.imap).await;
        let tag = imap.send(&format!("AUTHENTICATE {mechanism}")).await;
        assert_eq!(imap.response().await, b"+ ");
        imap.raw(format!("{message}\r\n").as_bytes()).await;
        imap.finish(&tag).await.ok();

        let mut smtp = SmtpClient::connect(stack.smtp).await;
        let offered = smtp.expect("EHLO test", "250").await;
        assert!(offered.contains("AUTH XOAUTH2 OAUTHBEARER\r\n"), "{offered}");
        smtp.expect(&format!("AUTH {mechanism}"), "334").await;
        smtp.expect(&message, "235").await;
        smtp.send(ALICE, &[ALICE], MESSAGE).await;
    }
    // A password is of no use here, and sent nowhere.
    let mut imap = ImapClient::connect(stack.imap).await;
    let status = imap.command(&format!("LOGIN {ALICE} {PASSWORD}")).await.status;
    assert!(status.starts_with("NO [CANNOT]"), "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_offered_that_the_upstream_does_not_take() {
    // Over plain HTTP no token is sent unless "bearer" is named.
    for upstream in ["auth = \"basic\"", "auth = \"auto\""] {
        let stack = Stack::configured(upstream, "", |_, _| String::new()).await;
        let mut imap = ImapClient::connect(stack.imap).await;
        let offered = imap.command("CAPABILITY").await.ok().line("CAPABILITY").expect("capabilities");
        assert!(offered.contains("AUTH=PLAIN") && !offered.contains("OAUTH"), "{offered}");
        let token = stack.tokens().issue(ALICE);
        let status = imap.command(&format!("AUTHENTICATE XOAUTH2 {}", xoauth2(ALICE, &token))).await.status;
        assert!(status.starts_with("NO [CANNOT]"), "{status}");
        let mut smtp = SmtpClient::connect(stack.smtp).await;
        let offered = smtp.expect("EHLO test", "250").await;
        assert!(offered.contains("AUTH PLAIN LOGIN\r\n"), "{offered}");
        smtp.expect(&format!("AUTH XOAUTH2 {}", xoauth2(ALICE, &token)), "504").await;
    }
    // Both, where both are taken.
    let stack = Stack::configured("auth = [\"bearer\", \"basic\"]", "", |_, _| String::new()).await;
    let mut imap = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    imap.command("SELECT INBOX").await.ok();
    stack.imap(ALICE, &stack.tokens().issue(ALICE)).await.command("SELECT INBOX").await.ok();
    let mut smtp = SmtpClient::connect(stack.smtp).await;
    smtp.expect("EHLO test", "250").await;
    smtp.expect(&format!("AUTH PLAIN {}", plain_token(ALICE, PASSWORD)), "235").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_opens_only_its_own_mailbox() {
    let stack = Stack::start().await;
    let (alice, bob) = (stack.tokens().issue(ALICE), stack.tokens().issue(BOB));
    let status = stack.refused(ALICE, &bob).await;
    assert!(status.starts_with("NO [AUTHENTICATIONFAILED]"), "{status}");
    // Nor does it get in where Alice is at home already, and her token is known.
    let mut imap = stack.imap(ALICE, &alice).await;
    imap.command("SELECT INBOX").await.ok();
    for (user, token) in [(ALICE, &bob), (BOB, &alice), (ALICE, &"made-up".to_owned())] {
        let status = stack.refused(user, token).await;
        assert!(status.starts_with("NO [AUTHENTICATIONFAILED]"), "{status}");
    }
    let mut smtp = SmtpClient::connect(stack.smtp).await;
    smtp.expect("EHLO test", "250").await;
    smtp.expect(&format!("AUTH XOAUTH2 {}", xoauth2(ALICE, &bob)), "334").await;
    smtp.expect("", "535 5.7.8").await;
    let log = logged();
    assert!(log.contains("the upstream does not open the mailbox of alice@example.test with this token"));
    imap.command("NOOP").await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_token_ends_the_session_and_a_fresh_one_begins_another() {
    let stack = Stack::start().await;
    let token = stack.tokens().issue(ALICE);
    let mut imap = stack.imap(ALICE, &token).await;
    let mut idle = stack.imap(ALICE, &token).await;
    let mut smtp = stack.smtp(ALICE, &token).await;
    imap.command("SELECT INBOX").await.ok();
    idle.command("SELECT INBOX").await.ok();
    let idling = idle.send("IDLE").await;
    assert!(idle.response().await.starts_with(b"+"));
    stack.tokens().expire_all();

    let status = imap.command("CREATE Later").await.status;
    assert!(status.starts_with("NO [AUTHENTICATIONFAILED]"), "{status}");
    let bye = String::from_utf8(imap.response().await).expect("ASCII");
    assert!(bye.starts_with("* BYE [AUTHENTICATIONFAILED]"), "{bye}");
    let bye = String::from_utf8(idle.response().await).expect("ASCII");
    assert!(bye.starts_with("* BYE [AUTHENTICATIONFAILED]"), "{idling}: {bye}");
    smtp.expect(&format!("MAIL FROM:<{ALICE}>"), "250").await;
    smtp.expect(&format!("RCPT TO:<{ALICE}>"), "250").await;
    smtp.expect("DATA", "354").await;
    smtp.expect(&format!("{MESSAGE}\r\n."), "535 5.7.8").await;

    let status = stack.refused(ALICE, &token).await;
    assert!(status.starts_with("NO [AUTHENTICATIONFAILED]"), "{status}");
    assert!(logged().contains("the server refused the access token (invalid_token: The token is expired)"));
    let fresh = stack.tokens().issue(ALICE);
    let mut imap = stack.imap(ALICE, &fresh).await;
    imap.command("CREATE Later").await.ok();
    stack.smtp(ALICE, &fresh).await.send(ALICE, &[ALICE], MESSAGE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_with_different_tokens_share_the_account() {
    let stack = Stack::start().await;
    let first = stack.tokens().issue(ALICE);
    let mut one = stack.imap(ALICE, &first).await;
    one.command("SELECT INBOX").await.ok();
    let contexts = stack.sandbox.open_contexts();
    let second = stack.tokens().issue(ALICE);
    let mut other = stack.imap(ALICE, &second).await;
    other.command("SELECT INBOX").await.ok();
    // A session that only proved the token is closed again, in the background.
    until("one account, one session", async || stack.sandbox.open_contexts() == contexts).await;
    // The first one's token goes, but the account has a newer one: both go on, in a new session, too.
    stack.tokens().revoke_token(&first);
    one.command("CREATE Early").await.ok();
    stack.sandbox.drop_contexts();
    one.command("CREATE Late").await.ok();
    other.command("STATUS Late (MESSAGES)").await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_known_token_costs_nothing() {
    let stack = Stack::start().await;
    let token = stack.tokens().issue(ALICE);
    let mut imap = stack.imap(ALICE, &token).await;
    imap.command("SELECT INBOX").await.ok();
    let before = stack.sandbox.counters().execute();
    for _ in 0..3 {
        stack.imap(ALICE, &token).await;
    }
    assert_eq!(stack.sandbox.counters().execute(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn dummies_and_cancels() {
    let stack = Stack::start().await;
    let mut imap = ImapClient::connect(stack.imap).await;
    let wrong = oauth_bearer(ALICE, "wrong");
    for dummy in ["AQ==", "*"] {
        let answer = answer_refusal(&mut imap, &format!("AUTHENTICATE OAUTHBEARER {wrong}"), dummy).await;
        assert!(answer.status.starts_with("NO [AUTHENTICATIONFAILED]"), "{dummy}: {}", answer.status);
    }
}
