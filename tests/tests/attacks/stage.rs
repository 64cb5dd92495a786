use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use exchange_sandbox::seed::MessageBuilder;
use exchange_sandbox::{RunningSandbox, Sandbox};
use tempfile::TempDir;
use tests::imap_client::ImapClient;
use tests::process::{Gateway, Settings};
use tests::stack::{ALICE, BOB, PASSWORD, PLAIN_LISTENERS};
use tests::until::until;
use tokio::task::JoinHandle;

/// A gateway process before a sandbox with two users.
pub struct Stage {
    pub sandbox: RunningSandbox,
    pub gateway: Gateway,
    _directory: TempDir,
}

impl Stage {
    /// `sections` are added to the configuration.
    pub async fn set(sections: &str) -> Self {
        let builder =
            [ALICE, BOB].into_iter().fold(Sandbox::builder(), |builder, user| builder.user(user, PASSWORD, user));
        let sandbox = builder.start(SocketAddr::from(([127, 0, 0, 1], 0))).await.expect("the sandbox starts");
        let directory = tempfile::tempdir().expect("a directory");
        let sections = format!("{PLAIN_LISTENERS}\n{sections}");
        let settings = Settings {
            sections: &sections,
            ..Settings::new(env!("CARGO_BIN_EXE_gateway-under-test"), directory.path(), sandbox.addr())
        };
        let gateway = Gateway::start(settings).await.expect("the gateway starts");
        Self { sandbox, gateway, _directory: directory }
    }

    /// Puts a message into a user's inbox.
    pub fn deliver(&self, user: &str, subject: &str, body: &str) {
        let message = MessageBuilder::new(subject).from("Somebody", "somebody@example.org").body(body).build();
        self.sandbox.deliver(user, message).expect("delivered");
    }

    /// Memory of the gateway in MiB.
    pub fn mebibytes(&self, figure: &str) -> u64 {
        self.gateway.memory(figure).expect("it lives") >> 10
    }

    pub async fn imap(&self, user: &str) -> ImapClient {
        ImapClient::login(self.gateway.imap, user, PASSWORD).await
    }

    /// The other user, who goes on meanwhile.
    pub async fn bystander(&self) -> Bystander {
        Bystander::begin(self.gateway.imap).await
    }
}

/// Bob, who looks into his inbox again and again, also over new connections.
pub struct Bystander {
    served: Arc<AtomicUsize>,
    leaves: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

impl Bystander {
    async fn begin(imap: SocketAddr) -> Self {
        let (served, leaves) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (count, stop) = (Arc::clone(&served), Arc::clone(&leaves));
        let mut known = ImapClient::login(imap, BOB, PASSWORD).await;
        known.command("SELECT INBOX").await.ok();
        let task = tokio::spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                known.command("NOOP").await.ok();
                known.command("FETCH 1 (FLAGS BODY.PEEK[])").await.ok();
                let mut new = ImapClient::login(imap, BOB, PASSWORD).await;
                new.command("SELECT INBOX").await.ok();
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
        Self { served, leaves, task }
    }

    /// Waits until he was served so many times from now on.
    pub async fn is_served(&self, times: usize) {
        let from = self.served.load(Ordering::Relaxed);
        until("the bystander is served", async || {
            assert!(!self.task.is_finished(), "the bystander was refused something");
            self.served.load(Ordering::Relaxed) >= from + times
        })
        .await;
    }

    /// Ends, and fails if something was refused.
    pub async fn leave(self) {
        self.leaves.store(true, Ordering::Relaxed);
        self.task.await.expect("the bystander was served");
    }
}
