use std::net::SocketAddr;

use exchange_sandbox::seed::MessageBuilder;
use exchange_sandbox::store::Special;
use exchange_sandbox::{RunningSandbox, Sandbox, Settings as SandboxSettings};
use tempfile::TempDir;
use tests::imap_client::ImapClient;
use tests::process::{Gateway, Settings};
use tests::stack::{ALICE, BOB, PASSWORD, PLAIN_LISTENERS};

use super::bystander::Bystander;

const PROGRAM: &str = env!("CARGO_BIN_EXE_gateway-under-test");

/// A gateway process before a sandbox with two users.
pub struct Stage {
    pub sandbox: RunningSandbox,
    pub gateway: Gateway,
    _directory: TempDir,
}

impl Stage {
    /// `sections` are added to the configuration.
    pub async fn set(sections: &str) -> Self {
        Self::set_before(SandboxSettings::default(), "", sections).await
    }

    /// With an upstream of another kind, and more keys of `[upstream]`.
    pub async fn set_before(upstream: SandboxSettings, upstream_keys: &str, sections: &str) -> Self {
        Self::build(PROGRAM, upstream, upstream_keys, sections).await
    }

    /// With another program, which becomes the gateway.
    pub async fn set_program(program: &str) -> Self {
        Self::build(program, SandboxSettings::default(), "", "").await
    }

    async fn build(program: &str, upstream: SandboxSettings, upstream_keys: &str, sections: &str) -> Self {
        let builder = Sandbox::builder().settings(upstream);
        let builder = [ALICE, BOB].into_iter().fold(builder, |builder, user| builder.user(user, PASSWORD, user));
        let sandbox = builder.start(SocketAddr::from(([127, 0, 0, 1], 0))).await.expect("the sandbox starts");
        let directory = tempfile::tempdir().expect("a directory");
        let sections = format!("{PLAIN_LISTENERS}\n{sections}");
        let settings =
            Settings { sections: &sections, upstream_keys, ..Settings::new(program, directory.path(), sandbox.addr()) };
        let gateway = Gateway::start(settings).await.expect("the gateway starts");
        Self { sandbox, gateway, _directory: directory }
    }

    /// Puts a message into a user's inbox.
    pub fn deliver(&self, user: &str, subject: &str, body: &str) {
        let message = MessageBuilder::new(subject).from("Somebody", "somebody@example.org").body(body).build();
        self.sandbox.deliver(user, message).expect("delivered");
    }

    /// How many messages are in a user's inbox, read from the store itself.
    pub fn inbox(&self, user: &str) -> u32 {
        self.sandbox.with(|store| {
            let mailbox = store.mailbox_of(user).expect("a mailbox");
            let inbox = mailbox.special(Special::Inbox);
            mailbox.folder(inbox).expect("an inbox").total()
        })
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
