//! What all steps of a user's day have: the gateway, Thunderbird, and other clients' views.

use std::time::{Duration, Instant};

use libtest_mimic::Failed;
use serde::Deserialize;
use serde_json::{Value, json};
use tests::stack::{ALICE, BOB, Seed, Stack};

use super::program::Thunderbird;
use super::server::Server;

/// How many messages the mailboxes have at the start, in all folders together.
const MESSAGES: usize = 60;
/// IMAP comes with TLS from the first byte. SMTP comes with STARTTLS, as every stack has it.
const LISTENER: &str = "[[imap.listener]]\naddress = \"127.0.0.1:0\"\ntls = \"implicit\"\n";

/// A message as Thunderbird knows it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Message {
    /// Thunderbird's keys of IMAP messages are their UIDs.
    pub uid: u32,
    pub id: String,
    pub subject: String,
    pub read: bool,
    pub flagged: bool,
    /// Marked as deleted, but still there.
    pub deleted: bool,
    /// Its bytes are here.
    pub whole: bool,
    pub keywords: Vec<String>,
}

/// A folder as Thunderbird knows it.
#[derive(Debug, Deserialize)]
pub struct Folder {
    /// On the server.
    pub name: String,
    pub uses: Vec<String>,
    /// Its messages are downloaded unasked.
    pub offline: bool,
}

pub struct Day {
    pub stack: Stack,
    pub thunderbird: Thunderbird,
    /// Another client of Alice's.
    pub alice: Server,
    /// A client of Bob's.
    pub bob: Server,
}

impl Day {
    /// Thunderbird has an empty profile.
    pub async fn begin() -> Result<Self, Failed> {
        let stack = Stack::start_configured(Seed::Demo(MESSAGES), LISTENER).await;
        let alice = Server::login(stack.imap, ALICE).await?;
        let bob = Server::login(stack.imap, BOB).await?;
        Ok(Self { thunderbird: Thunderbird::start().await?, stack, alice, bob })
    }

    /// Does a part of the day, within `deadline`. Whatever Thunderbird complains about to its user while it does, and each
    /// command that the gateway refuses, makes it fail.
    pub async fn step(
        &mut self,
        name: &str,
        deadline: Duration,
        step: impl AsyncFnOnce(&mut Self) -> Result<(), Failed>,
    ) -> Result<(), Failed> {
        let began = Instant::now();
        let outcome = match tokio::time::timeout(deadline, Box::pin(step(self))).await {
            Ok(outcome) => outcome,
            // The call of Thunderbird may have been broken off: it can't be asked for alerts any more.
            Err(_) => return Err(self.told(name, &format!("not within {} s", deadline.as_secs()))),
        };
        let alerts = self.thunderbird.call("alerts", Value::Null).await?;
        let log = self.thunderbird.imap_log();
        let refusals = log.refusals();
        match outcome {
            Err(error) => Err(self.told(name, &format!("{}; alerts: {alerts}", error.message().unwrap_or("?")))),
            Ok(()) if alerts != json!([]) => Err(self.told(name, &format!("Thunderbird complains: {alerts}"))),
            Ok(()) if !refusals.is_empty() => Err(self.told(name, &format!("refused: {refusals:?}"))),
            Ok(()) => {
                println!("thunderbird: {name}: {} ms", began.elapsed().as_millis());
                Ok(())
            }
        }
    }

    /// Folders as Thunderbird knows them.
    pub async fn folders(&mut self) -> Result<Vec<Folder>, Failed> {
        Ok(serde_json::from_value(self.thunderbird.call("folders", Value::Null).await?)?)
    }

    /// Messages as Thunderbird knows them, by UID. The server is not asked.
    pub async fn messages(&mut self, folder: &str) -> Result<Vec<Message>, Failed> {
        let value = self.thunderbird.call("messages", json!({ "folder": folder })).await?;
        let mut messages: Vec<Message> = serde_json::from_value(value)?;
        messages.sort_by_key(|message| message.uid);
        Ok(messages)
    }

    /// The messages of a folder, once all that the server has are here, with their bytes.
    pub async fn downloaded(&mut self, folder: &str) -> Result<Vec<Message>, Failed> {
        let there = self.alice.search(folder, "ALL").await?;
        eventually(async || {
            let messages = self.messages(folder).await?;
            let here: Vec<u32> = messages.iter().map(|one| one.uid).collect();
            ensure(here == there, || format!("in {folder} Thunderbird has {here:?}, the server {there:?}"))?;
            let missing: Vec<u32> = messages.iter().filter(|one| !one.whole).map(|one| one.uid).collect();
            ensure(missing.is_empty(), || format!("of {folder} are not downloaded: {missing:?}"))?;
            Ok(messages)
        })
        .await
    }

    /// Waits until Thunderbird waits for the server.
    pub async fn idles(&self, folder: &str) -> Result<(), Failed> {
        eventually(async || ensure(self.thunderbird.imap_log().idles(folder), || format!("no IDLE in {folder}"))).await
    }

    /// The message with this UID, as Thunderbird knows it.
    pub async fn message(&mut self, folder: &str, uid: u32) -> Result<Message, Failed> {
        let found = self.messages(folder).await?.into_iter().find(|message| message.uid == uid);
        found.ok_or_else(|| format!("Thunderbird has no message {uid} in {folder}").into())
    }

    /// The name of the folder of this use, an attribute such as `\Sent`, as the server says.
    pub async fn special(&mut self, attribute: &str) -> Result<String, Failed> {
        let found = self.alice.folders().await?.into_iter().find(|(_, all)| all.iter().any(|one| one == attribute));
        Ok(found.ok_or_else(|| format!("no folder is {attribute}"))?.0)
    }

    fn told(&self, name: &str, what: &str) -> Failed {
        let log = self.thunderbird.imap_log();
        format!("{name}: {what}\nThe end of Thunderbird's IMAP log ({}):\n{}", log.keep(), log.end()).into()
    }
}

/// Fails unless it is so.
pub fn ensure(is_so: bool, what: impl FnOnce() -> String) -> Result<(), Failed> {
    if is_so { Ok(()) } else { Err(what().into()) }
}

/// Asks until it is so; what it isn't is told after half a minute.
pub async fn eventually<T>(mut ask: impl AsyncFnMut() -> Result<T, Failed>) -> Result<T, Failed> {
    const PATIENCE: Duration = Duration::from_secs(30);
    let began = Instant::now();
    loop {
        match ask().await {
            Err(_) if began.elapsed() < PATIENCE => tokio::time::sleep(Duration::from_millis(50)).await,
            outcome => return outcome,
        }
    }
}
