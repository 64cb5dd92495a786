use std::net::SocketAddr;
use std::time::{Duration, Instant};

use exchange_sandbox::{RunningSandbox, Sandbox};
use tempfile::TempDir;
use tests::dovecot::Dovecot;
use tests::process::{Gateway, Settings};
use tests::stack::{ALICE, PASSWORD, PLAIN_LISTENERS};

use crate::client::{Client, append};
use crate::mail::Mail;

/// Where messages are put beside the inbox.
pub const OTHER: &str = "Other";
/// What `upstream.render_ahead_seconds` is by default; the harness has another one.
const AHEAD: &str = "render_ahead_seconds = 30";
/// APPENDs that are sent at a time when the gateway's mailbox is filled.
const AT_A_TIME: usize = 20;

/// How much the gateway keeps in memory.
#[derive(Debug, Clone, Copy)]
pub enum Cache {
    Default,
    /// `cache.rendering_bytes` is a gibibyte: more than all messages have.
    Large,
}

/// A gateway process before a sandbox, and a Dovecot, with the same messages.
pub struct Stage {
    sandbox: RunningSandbox,
    pub gateway: Gateway,
    pub dovecot: Dovecot,
    directories: [TempDir; 2],
    pub messages: usize,
}

impl Stage {
    pub async fn set(messages: usize) -> Result<Self, String> {
        let directories = [directory()?, directory()?];
        let sandbox = Sandbox::builder().user(ALICE, PASSWORD, "Alice Example");
        let sandbox = sandbox.start(SocketAddr::from(([127, 0, 0, 1], 0))).await.map_err(|error| error.to_string())?;
        let gateway = start(&directories[0], sandbox.addr(), Cache::Default).await?;
        let dovecot = Dovecot::start(directories[1].path()).await?;
        let stage = Self { sandbox, gateway, dovecot, directories, messages };
        stage.fill_dovecot().map_err(|error| error.to_string())?;
        stage.fill_gateway().await?;
        for imap in [stage.gateway.imap, stage.dovecot.imap] {
            Client::select(imap, "INBOX").await?.command(&format!("CREATE {OTHER}")).await?;
        }
        Ok(stage)
    }

    /// Starts both anew. The gateway has its ledger and nothing in memory; Dovecot has its index and forgot what it had noted
    /// of the contents of messages.
    pub async fn restart(&mut self, cache: Cache) -> Result<(), String> {
        self.gateway.stop().await?;
        self.gateway = start(&self.directories[0], self.sandbox.addr(), cache).await?;
        self.dovecot.stop();
        self.dovecot.inbox(ALICE).forget().map_err(|error| error.to_string())?;
        self.dovecot.ensure_running().await
    }

    /// What the upstream took for its requests so far, by its own clock.
    pub fn upstream(&self) -> Duration {
        self.sandbox.time_spent_on(ALICE).unwrap_or_default()
    }

    /// Writes the files that a delivery would have written.
    fn fill_dovecot(&self) -> std::io::Result<()> {
        let inbox = self.dovecot.inbox(ALICE);
        inbox.create()?;
        for number in 0..self.messages {
            let mail = Mail::number(number);
            inbox.add(number, &mail.bytes, mail.arrived, mail.is_seen)?;
        }
        self.dovecot.hand_over(ALICE)
    }

    /// Appends them, so that both have the same bytes.
    async fn fill_gateway(&self) -> Result<(), String> {
        let began = Instant::now();
        let mut client = Client::select(self.gateway.imap, "Drafts").await?;
        let mut octets = 0;
        let numbers: Vec<usize> = (0..self.messages).collect();
        for numbers in numbers.chunks(AT_A_TIME) {
            let mails = numbers.iter().map(|number| Mail::number(*number));
            let commands = mails.map(|mail| {
                octets += mail.bytes.len();
                append("INBOX", &mail.arguments(), &mail.bytes)
            });
            client.pipeline(&commands.collect::<Vec<_>>().concat(), numbers.len()).await?;
        }
        let took = began.elapsed().as_secs_f64();
        println!(
            "{} messages, {:.1} MB; appended to the gateway in {took:.0} s, {:.0} in a second",
            self.messages,
            octets as f64 / 1e6,
            self.messages as f64 / took
        );
        Ok(())
    }
}

async fn start(directory: &TempDir, upstream: SocketAddr, cache: Cache) -> Result<Gateway, String> {
    let sections = match cache {
        Cache::Default => PLAIN_LISTENERS.to_owned(),
        Cache::Large => format!("{PLAIN_LISTENERS}\n[cache]\nrendering_bytes = {}\n", 1 << 30),
    };
    let settings = Settings::new(env!("CARGO_BIN_EXE_gateway-under-test"), directory.path(), upstream);
    Gateway::start(Settings { upstream_keys: AHEAD, sections: &sections, ..settings }).await
}

fn directory() -> Result<TempDir, String> {
    tempfile::tempdir().map_err(|error| error.to_string())
}
