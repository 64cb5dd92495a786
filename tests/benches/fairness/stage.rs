use std::net::SocketAddr;

use exchange_sandbox::seed::{self, MessageBuilder};
use exchange_sandbox::store::Special;
use exchange_sandbox::{RunningSandbox, Sandbox};
use mapi_core::message::MessageContent;
use tempfile::TempDir;
use tests::process::{Gateway, Settings};
use tests::stack::PASSWORD;

use crate::load::Servers;

/// A gateway process with its default configuration before a sandbox.
pub struct Stage {
    pub sandbox: RunningSandbox,
    pub gateway: Gateway,
    _directory: TempDir,
}

impl Stage {
    /// `log` is what the gateway logs.
    pub async fn set(users: &[&str], log: &str) -> Result<Self, String> {
        let builder = users.iter().fold(Sandbox::builder(), |builder, user| builder.user(user, PASSWORD, user));
        let sandbox = builder.start(SocketAddr::from(([127, 0, 0, 1], 0))).await.expect("the sandbox starts");
        let directory = tempfile::tempdir().expect("a directory");
        let program = env!("CARGO_BIN_EXE_gateway-under-test");
        let settings = Settings { log, ..Settings::new(program, directory.path(), sandbox.addr()) };
        let gateway = Gateway::start(settings).await?;
        Ok(Self { sandbox, gateway, _directory: directory })
    }

    pub fn servers(&self) -> Servers {
        Servers { imap: self.gateway.imap, smtp: self.gateway.smtp }
    }

    /// Puts small messages into a user's inbox.
    pub fn fill(&self, user: &str, messages: usize) {
        self.sandbox.with(|store| {
            let mailbox = store.mailbox_of(user).expect("a mailbox");
            let inbox = mailbox.special(Special::Inbox);
            seed::bulk(mailbox, inbox, messages).expect("seeded");
        });
    }

    pub fn deliver(&self, user: &str, message: MessageContent) {
        self.sandbox.deliver(user, message).expect("delivered");
    }

    /// Takes away what a user got and sent, lest it take all memory there is.
    pub fn empty(&self, user: &str) {
        self.sandbox.with(|store| {
            let mailbox = store.mailbox_of(user).expect("a mailbox");
            for folder in [Special::Inbox, Special::SentItems] {
                let folder = mailbox.special(folder);
                mailbox.empty_folder(folder, false, true).expect("emptied");
            }
        });
    }

    pub fn mebibytes(&self, figure: &str) -> Result<u64, String> {
        Ok(self.gateway.memory(figure)? >> 10)
    }
}

/// A message with so many bytes of text.
pub fn with_text(bytes: usize) -> MessageContent {
    let line = "Nothing of it is here, and no line is like the one before it.\r\n";
    message("text").body(line.repeat(bytes / line.len())).build()
}

/// A message with an attachment that takes so many bytes on its way to a client.
pub fn with_attachment(bytes: usize) -> MessageContent {
    let data = (0..bytes as u64 / 78 * 57).map(|at| (at.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8).collect();
    message("attachment").body("see there").attach("data.bin", "application/octet-stream", data).build()
}

fn message(subject: &str) -> MessageBuilder {
    MessageBuilder::new(subject).from("Somebody", "somebody@example.org")
}
