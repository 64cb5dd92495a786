use std::net::SocketAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use exchange_sandbox::auth::{AuthPolicy, Scheme, TokenIssuer};
use exchange_sandbox::{RunningSandbox, Sandbox, seed};
use gateway::config::Config;
use gateway::service::Service;
use tempfile::TempDir;
use tests::imap_client::{Answer, ImapClient};
use tests::smtp_client::SmtpClient;
use tests::stack::PLAIN_LISTENERS;
use tests::trace_log;

pub const ALICE: &str = "alice@example.test";
pub const BOB: &str = "bob@example.test";
pub const PASSWORD: &str = "Kx7-hunter-two";

/// A gateway in front of a sandbox that takes access tokens, over plain HTTP.
pub struct Stack {
    pub sandbox: RunningSandbox,
    pub imap: SocketAddr,
    pub smtp: SocketAddr,
    pub directory: TempDir,
    /// The gateway's.
    pub configuration: String,
    pub service: Service,
}

impl Stack {
    pub async fn start() -> Self {
        Self::configured("auth = \"bearer\"", "", |_, _| String::new()).await
    }

    /// With these lines of `[upstream]` and `[[smtp.listener]]`, and with more tables.
    pub async fn configured(
        upstream: &str,
        listener: &str,
        tables: impl FnOnce(&RunningSandbox, &TempDir) -> String,
    ) -> Self {
        trace_log::keep();
        let directory = TempDir::new().expect("a directory");
        let sandbox = sandbox(&[Scheme::Bearer, Scheme::Basic]).await;
        let text = format!(
            r#"
            [upstream]
            domains = ["example.test"]
            autodiscover_url = "{url}"
            allow_plain_http = true
            {upstream}
            [ledger]
            directory = "{directory}"
            {PLAIN_LISTENERS}
            {listener}
            {tables}
            "#,
            url = sandbox.autodiscover_url(),
            tables = tables(&sandbox, &directory),
            directory = directory.path().display(),
        );
        let service = Service::start(&Config::parse(&text).expect("a good configuration")).await.expect("it starts");
        let (imap, smtp) = (service.imap_addresses()[0], service.smtp_addresses()[0]);
        Self { sandbox, imap, smtp, directory, configuration: text, service }
    }

    pub fn tokens(&self) -> &TokenIssuer {
        self.sandbox.tokens()
    }

    /// An IMAP connection that signed in with a token.
    pub async fn imap(&self, user: &str, token: &str) -> ImapClient {
        let mut imap = ImapClient::connect(self.imap).await;
        imap.command(&format!("AUTHENTICATE XOAUTH2 {}", xoauth2(user, token))).await.ok();
        imap
    }

    /// What IMAP says to a token that is to be refused.
    pub async fn refused(&self, user: &str, token: &str) -> String {
        let mut imap = ImapClient::connect(self.imap).await;
        answer_refusal(&mut imap, &format!("AUTHENTICATE XOAUTH2 {}", xoauth2(user, token)), "").await.status
    }

    /// Signs in to SMTP with a token.
    pub async fn smtp(&self, user: &str, token: &str) -> SmtpClient {
        let mut smtp = SmtpClient::connect(self.smtp).await;
        smtp.expect("EHLO test", "250").await;
        smtp.expect(&format!("AUTH XOAUTH2 {}", xoauth2(user, token)), "235").await;
        smtp
    }
}

/// A sandbox with two users and some mail.
async fn sandbox(schemes: &[Scheme]) -> RunningSandbox {
    let sandbox = Sandbox::builder()
        .user(ALICE, PASSWORD, "Alice Example")
        .user(BOB, PASSWORD, "Bob Example")
        .auth(AuthPolicy { schemes: schemes.to_vec(), ..AuthPolicy::default() })
        .start("127.0.0.1:0".parse().expect("an address"))
        .await
        .expect("the sandbox starts");
    seed::demo(&sandbox, 5).expect("seeded");
    sandbox
}

/// Sends a command that is answered by the reason of a refusal, says `dummy` to that, and returns the end.
pub async fn answer_refusal(imap: &mut ImapClient, command: &str, dummy: &str) -> Answer {
    let tag = imap.send(command).await;
    let challenge = String::from_utf8(imap.response().await).expect("ASCII");
    let json = STANDARD.decode(challenge.strip_prefix("+ ").expect(&challenge)).expect("base64");
    assert!(String::from_utf8(json).expect("JSON").contains("\"schemes\":\"bearer\""), "{challenge}");
    imap.raw(format!("{dummy}\r\n").as_bytes()).await;
    imap.finish(&tag).await
}

pub fn xoauth2(user: &str, token: &str) -> String {
    STANDARD.encode(format!("user={user}\x01auth=Bearer {token}\x01\x01"))
}

pub fn oauth_bearer(user: &str, token: &str) -> String {
    STANDARD.encode(format!("n,a={user},\x01host=localhost\x01port=143\x01auth=Bearer {token}\x01\x01"))
}
