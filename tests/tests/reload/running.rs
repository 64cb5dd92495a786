use std::net::SocketAddr;
use std::sync::Mutex;

use exchange_sandbox::{RunningSandbox, Sandbox};
use gateway::config::{Changes, Config};
use gateway::service::Service;
use tempfile::TempDir;
use tests::imap_client::ImapClient;
use tests::smtp_talk::Talk;
use tests::stack::{ALICE, BOB, PASSWORD};
use tokio::net::TcpStream;

use super::identity::Identity;

/// A gateway within the test's process.
pub struct Running {
    pub imap: SocketAddr,
    pub smtp: SocketAddr,
    service: Service,
    text: Mutex<String>,
    _sandbox: RunningSandbox,
    _folder: TempDir,
}

impl Running {
    /// With more sections; `FOLDER` is one with a certificate and the file `password` with Alice's.
    pub async fn start(sections: &str) -> Self {
        let builder =
            [ALICE, BOB].into_iter().fold(Sandbox::builder(), |builder, user| builder.user(user, PASSWORD, user));
        let sandbox = builder.start(SocketAddr::from(([127, 0, 0, 1], 0))).await.expect("the sandbox starts");
        let folder = tempfile::tempdir().expect("a folder");
        Identity::new().write(folder.path());
        std::fs::write(folder.path().join("password"), PASSWORD).expect("written");
        let text = format!(
            r#"
            [upstream]
            domains = ["example.test"]
            autodiscover_url = "{url}"
            auth = ["basic", "bearer"]
            allow_plain_http = true
            [ledger]
            directory = "FOLDER/ledger"
            {sections}
            [[imap.listener]]
            address = "127.0.0.1:0"
            tls = "none"
            allow_plaintext_auth = true
            [[smtp.listener]]
            address = "127.0.0.1:0"
            tls = "none"
            allow_plaintext_auth = true
            "#,
            url = sandbox.autodiscover_url(),
        );
        let text = text.replace("FOLDER", &folder.path().display().to_string());
        let service = Service::start(&Config::parse(&text).expect("good")).await.expect("it starts");
        let (imap, smtp) = (service.imap_addresses()[0], service.smtp_addresses()[0]);
        Self { imap, smtp, service, text: Mutex::new(text), _sandbox: sandbox, _folder: folder }
    }

    /// Adds sections at the end, where the SMTP listener is, and reloads. All that changes must be taken.
    pub async fn add(&self, sections: &str) -> Changes {
        self.change(|text| {
            format!("{text}\n{}", sections.replace("FOLDER", &self._folder.path().display().to_string()))
        })
        .await
    }

    /// Puts something in the place of something else and reloads. All that changes must be taken.
    pub async fn put(&self, from: &str, to: &str) -> Changes {
        self.change(|text| {
            assert!(text.contains(from), "{from}");
            text.replacen(from, to, 1)
        })
        .await
    }

    async fn change(&self, change: impl FnOnce(String) -> String) -> Changes {
        let text = change(self.text.lock().expect("sound").clone());
        let config = Config::parse(&text).expect("good");
        let changes = self.service.reload(&config).await.expect("nothing is wrong with it");
        assert_eq!(changes.restart, [""; 0], "{changes:?}");
        assert!(!changes.applied.is_empty());
        *self.text.lock().expect("sound") = text;
        changes
    }

    /// What an IMAP client is told without login.
    pub async fn capability(&self) -> String {
        ImapClient::connect(self.imap).await.command("CAPABILITY").await.ok().lines().concat()
    }

    pub async fn talk(&self) -> Talk<TcpStream> {
        Talk::new(TcpStream::connect(self.smtp).await.expect("the gateway listens"))
    }

    /// What an SMTP client is told.
    pub async fn ehlo(&self) -> String {
        let mut talk = self.talk().await;
        talk.hears("220 ").await;
        talk.says("EHLO client", "250-").await
    }
}
