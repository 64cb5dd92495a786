use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use exchange_sandbox::seed::{self, MessageBuilder};
use exchange_sandbox::store::{Mailbox, Special};
use exchange_sandbox::{RunningSandbox, Sandbox};
use gateway::mutant::Mutant;
use mapi_core::property::{PropertyValue, tags};
use tempfile::TempDir;
use tests::imap_client::{Answer, ImapClient};
use tests::process::{Gateway, Settings};
use tests::stack::{ALICE, BOB, PASSWORD};

use super::damage::Damage;
use super::facts::{Facts, Look, Shown};

/// How long a client goes on trying.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(150);
/// How long the gateway may take to show what happened, where no notification says so: it looks by itself every minute.
const TRUTH_TIME: Duration = Duration::from_secs(90);

/// Characters of what a client sees other than it is, told to people.
const MAX_WORDS: usize = 4000;

/// The second folder.
pub const TARGET: &str = "Target";

/// What violates a promise, in words.
pub type Held<T> = Result<T, String>;

/// What is in the inbox at the start.
#[derive(Debug, Clone, Copy)]
pub enum Content {
    /// Messages of these subjects.
    Few(&'static [&'static str]),
    /// So many messages, each with an INTERNALDATE of its own.
    Many(usize),
}

/// A fresh upstream, a gateway in front of it, and a client that remembers what it was told.
pub struct Stage {
    /// The upstream.
    pub sandbox: RunningSandbox,
    /// The program under test.
    pub gateway: Gateway,
    /// How often the client got no answer or a refusal, and tried again.
    pub failed: usize,
    /// What goes wrong here, if anything.
    pub damage: Option<Damage>,
    session: Option<ImapClient>,
    selected: Option<&'static str>,
    facts: BTreeMap<&'static str, Facts>,
    /// Where messages are told apart by it: the subject of each INTERNALDATE.
    dates: HashMap<i64, String>,
    _directory: TempDir,
}

impl Stage {
    /// Alice's inbox with some messages, an empty folder "Target", and Bob's mailbox.
    pub async fn set(content: Content, damage: Option<Damage>, mutant: Option<Mutant>) -> Held<Self> {
        let builder = Sandbox::builder().user(ALICE, PASSWORD, "Alice Example").user(BOB, PASSWORD, "Bob Example");
        let sandbox = builder.start(SocketAddr::from(([127, 0, 0, 1], 0))).await.expect("the sandbox starts");
        sandbox.with(|store| {
            let mailbox = store.mailbox_of(ALICE).expect("Alice has a mailbox");
            mailbox.create_folder(mailbox.special(Special::IpmSubtree), TARGET, "", 1, false).expect("made");
        });
        let directory = TempDir::new().expect("a directory");
        let timeout = damage.map_or(Duration::from_secs(60), Damage::request_timeout);
        let upstream_keys = &format!("request_timeout_seconds = {}", timeout.as_secs());
        let program = env!("CARGO_BIN_EXE_gateway-under-test");
        let settings = Settings { upstream_keys, mutant, ..Settings::new(program, directory.path(), sandbox.addr()) };
        let gateway = Gateway::start(settings).await?;
        let (session, selected, facts, dates) = (None, None, BTreeMap::new(), HashMap::new());
        let mut stage =
            Self { sandbox, gateway, failed: 0, damage, session, selected, facts, dates, _directory: directory };
        match content {
            Content::Few(subjects) => subjects.iter().for_each(|subject| stage.deliver(subject)),
            Content::Many(count) => stage.dates = stage.fill(count),
        }
        Ok(stage)
    }

    /// Fills the inbox; tells the subject of each INTERNALDATE.
    fn fill(&self, count: usize) -> HashMap<i64, String> {
        self.outlook(|mailbox, inbox| {
            seed::bulk(mailbox, inbox, count).expect("seeded");
            let mut dates = HashMap::new();
            for id in mailbox.content_rows(mailbox.folder(inbox).expect("a folder")) {
                let bag = &mailbox.message(id).expect("a message").content.properties;
                let date = bag.time(tags::PidTagMessageDeliveryTime).expect("a date").to_unix_seconds();
                let subject = bag.text(tags::PidTagSubject).or(bag.text(tags::PidTagNormalizedSubject));
                dates.insert(date, subject.unwrap_or_default().to_owned());
            }
            assert_eq!(dates.len(), count, "each has a date of its own");
            dates
        })
    }

    /// A message arrives in Alice's inbox.
    pub fn deliver(&self, subject: &str) {
        let message = MessageBuilder::new(subject).from("Somebody", "somebody@example.org").body("text").build();
        self.sandbox.deliver(ALICE, message).expect("delivered");
    }

    /// What Outlook does in Alice's inbox.
    pub fn outlook<R>(&self, act: impl FnOnce(&mut Mailbox, u64) -> R) -> R {
        self.sandbox.with(|store| {
            let mailbox = store.mailbox_of(ALICE).expect("Alice has a mailbox");
            let inbox = mailbox.special(Special::Inbox);
            act(mailbox, inbox)
        })
    }

    /// What a folder holds, read from the store itself.
    pub fn truth(&self, user: &str, folder: &str) -> Vec<Shown> {
        self.sandbox.with(|store| {
            let mailbox = store.mailbox_of(user).expect("a mailbox");
            let id = match folder {
                "INBOX" => mailbox.special(Special::Inbox),
                "Sent" => mailbox.special(Special::SentItems),
                name => mailbox.child_named(mailbox.special(Special::IpmSubtree), name).expect("a folder"),
            };
            let mut content = Vec::new();
            for id in mailbox.content_rows(mailbox.folder(id).expect("a folder")) {
                let message = mailbox.message(id).expect("a message");
                let bag = &message.content.properties;
                let subject = bag.text(tags::PidTagSubject).or(bag.text(tags::PidTagNormalizedSubject));
                let flagged = bag.get(tags::PidTagFlagStatus) == Some(&PropertyValue::Integer32(2));
                content.push(Shown { subject: subject.unwrap_or_default().to_owned(), seen: message.read, flagged });
            }
            content.sort();
            content
        })
    }

    /// [`Stage::truth`] of Alice's mailbox.
    pub fn truth_of_alice(&self, folder: &str) -> Vec<Shown> {
        self.truth(ALICE, folder)
    }

    /// How many messages of each subject a folder of Alice's holds in truth.
    pub fn counts(&self, folder: &str) -> HashMap<String, usize> {
        let mut counts = HashMap::new();
        self.truth(ALICE, folder).into_iter().for_each(|message| *counts.entry(message.subject).or_default() += 1);
        counts
    }

    /// The paths of Alice's folders below the root of mail, in truth.
    pub fn folder_names(&self) -> Vec<String> {
        self.outlook(|mailbox, _| {
            let top = mailbox.special(Special::IpmSubtree);
            let mut names: HashMap<u64, String> = HashMap::new();
            let mut all = Vec::new();
            for (id, _) in mailbox.descendants(top) {
                let folder = mailbox.folder(id).expect("a folder");
                let name = match folder.parent.and_then(|parent| names.get(&parent)) {
                    Some(above) => format!("{above}/{}", folder.name()),
                    None => folder.name().to_owned(),
                };
                names.insert(id, name.clone());
                all.push(name);
            }
            all
        })
    }

    /// How many messages with this subject a folder holds in truth.
    pub fn count(&self, user: &str, folder: &str, subject: &str) -> usize {
        self.truth(user, folder).iter().filter(|message| message.subject == subject).count()
    }

    /// How many times one thing may have been done, given that the client repeated what it got no good answer to.
    pub fn explained(&self) -> usize {
        1 + if self.damage.is_some_and(Damage::leaves_doubt) { self.failed } else { 0 }
    }

    /// What the client knows of a folder.
    pub fn facts(&mut self, folder: &'static str) -> &mut Facts {
        self.facts.entry(folder).or_default()
    }

    /// Sends a command in a folder. `None`: no answer, or `NO`. A client without a connection logs in and selects first,
    /// for as long as it takes.
    pub async fn attempt(&mut self, folder: &'static str, command: &str) -> Held<Option<Answer>> {
        self.enter(folder).await?;
        let Some(session) = self.session.as_mut() else { return Ok(None) };
        match session.try_command(command).await {
            Ok(answer) if answer.status.starts_with("OK") => return Ok(Some(answer)),
            Ok(answer) if answer.status.starts_with("NO") => {}
            Ok(answer) => return Err(format!("{command:.40}: {}", answer.status)),
            Err(error) if error.kind() == std::io::ErrorKind::TimedOut => {
                return Err(format!("{command:.40}: no answer"));
            }
            Err(_) => self.session = None,
        }
        self.failed += 1;
        Ok(None)
    }

    /// Idles in a folder until a message comes, or for two seconds; then asks with NOOP. Not all at once: a gateway that only
    /// tells those who ask, or only those who wait, is found out. Whether it is still connected.
    pub async fn idle(&mut self, folder: &'static str) -> Held<bool> {
        self.enter(folder).await?;
        let Some(session) = self.session.as_mut() else { return Ok(false) };
        match session.try_idle(" EXISTS", Duration::from_secs(2)).await {
            Ok(true) => return Ok(true),
            Ok(false) => {}
            Err(error) if error.kind() == std::io::ErrorKind::TimedOut => return Err("IDLE: no answer".to_owned()),
            Err(_) => self.session = None,
        }
        Ok(self.session.is_some() && self.attempt(folder, "NOOP").await?.is_some())
    }

    /// Repeats a command until it succeeds.
    pub async fn until_ok(&mut self, folder: &'static str, command: &str) -> Held<Answer> {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            if let Some(answer) = self.attempt(folder, command).await? {
                return Ok(answer);
            }
            tokio::time::sleep(PAUSE).await;
        }
        Err(format!("{command:.40}: not once OK in a minute"))
    }

    /// Whether the client is connected, as far as it knows.
    pub fn is_connected(&self) -> bool {
        self.session.is_some()
    }

    /// Looks at the whole folder and holds what is seen against what was seen before.
    pub async fn look(&mut self, folder: &'static str) -> Held<Look> {
        let failed = self.failed;
        self.until_ok(folder, "NOOP").await?;
        // UIDVALIDITY comes with SELECT.
        let selected = self.until_ok(folder, &format!("SELECT {folder}")).await?;
        let uid_validity = number_after(&selected.lines().join("\n"), "[UIDVALIDITY ").ok_or("no UIDVALIDITY")?;
        let exists = selected.line(" EXISTS").and_then(|line| number_after(&line, "* ")).ok_or("no EXISTS")?;
        let by_date = !self.dates.is_empty();
        let command = match by_date {
            true => "UID FETCH 1:* (UID FLAGS INTERNALDATE)",
            false => "UID FETCH 1:* (UID FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])",
        };
        let answer = self.until_ok(folder, command).await?;
        // Afterwards: what of it is gone may be known by then.
        let listed = self.until_ok(folder, "UID SEARCH ALL").await?.line("* SEARCH").ok_or("no SEARCH")?;
        // Looking is harmless however often it is repeated.
        self.failed = failed;
        let listed = listed.split_whitespace().filter_map(|uid| uid.parse().ok()).collect();
        let mut look = Look { uid_validity, exists: exists as usize, messages: BTreeMap::new(), listed };
        for line in answer.lines() {
            let Some((_, rest)) = line.split_once(if by_date { "INTERNALDATE \"" } else { "Subject: " }) else {
                continue;
            };
            let uid = number_after(&line, "UID ").ok_or_else(|| format!("no UID in {line:?}"))?;
            let subject = match by_date {
                true => self.dated(rest.split('"').next().unwrap_or_default())?,
                false => rest.lines().next().unwrap_or_default().to_owned(),
            };
            let flags = line.split_once("FLAGS (").and_then(|(_, rest)| rest.split_once(')')).map_or("", |(f, _)| f);
            let (seen, flagged) = (flags.contains("\\Seen"), flags.contains("\\Flagged"));
            look.messages.insert(uid, Shown { subject, seen, flagged });
        }
        self.facts(folder).saw(&look)?;
        Ok(look)
    }

    /// Waits until the client sees what the store holds, which must come to pass without anybody's help.
    pub async fn agree(&mut self, folder: &'static str) -> Held<Look> {
        let began = Instant::now();
        loop {
            let look = self.look(folder).await?;
            if look.is(&self.truth(ALICE, folder)) {
                return Ok(look);
            }
            if began.elapsed() > TRUTH_TIME {
                return Err(self.disagreement(folder, &look));
            }
            tokio::time::sleep(PAUSE * 2).await;
        }
    }

    /// Kills the gateway once more and starts it: everything must be as it was, at first sight.
    pub async fn survive_restart(&mut self) -> Held<()> {
        self.gateway.axe().fall();
        self.session = None;
        for folder in ["INBOX", TARGET] {
            let look = self.look(folder).await.map_err(|error| format!("after a restart: {error}"))?;
            if !look.is(&self.truth(ALICE, folder)) {
                return Err(format!("after a restart: {}", self.disagreement(folder, &look)));
            }
        }
        Ok(())
    }

    /// The subject of the message with an INTERNALDATE.
    fn dated(&self, text: &str) -> Held<String> {
        let date = chrono::DateTime::parse_from_str(text.trim(), "%d-%b-%Y %H:%M:%S %z");
        let date = date.map_err(|error| format!("INTERNALDATE {text:?}: {error}"))?.timestamp();
        self.dates.get(&date).cloned().ok_or_else(|| format!("nobody has the INTERNALDATE {text:?}"))
    }

    fn disagreement(&self, folder: &str, look: &Look) -> String {
        let Look { exists, messages, listed, .. } = look;
        let truth = self.truth(ALICE, folder);
        let text = format!(
            "{folder} holds {}, and the client is told of {exists}, listed {}, and served {}: {truth:?} against {messages:?}, \
             listed {listed:?}",
            truth.len(),
            listed.len(),
            messages.len()
        );
        text.chars().take(MAX_WORDS).collect()
    }

    /// Connects, logs in and selects, unless that is done. Gives up only if a password that is right is called wrong, or
    /// after a minute.
    async fn enter(&mut self, folder: &'static str) -> Held<()> {
        let began = Instant::now();
        let mut why = String::new();
        while began.elapsed() < PATIENCE {
            self.gateway.ensure_running().await?;
            let Some(session) = self.session.as_mut() else {
                self.selected = None;
                match ImapClient::try_login(self.gateway.imap, ALICE, PASSWORD).await {
                    Ok(client) => self.session = Some(client),
                    Err(error) if error.to_string().contains("[AUTHENTICATIONFAILED]") => {
                        return Err(format!("the right password is called wrong: {error}"));
                    }
                    Err(error) => {
                        why = error.to_string();
                        tokio::time::sleep(PAUSE).await;
                    }
                }
                continue;
            };
            if self.selected == Some(folder) {
                return Ok(());
            }
            match session.try_command(&format!("SELECT {folder}")).await {
                Ok(answer) if answer.status.starts_with("OK") => self.selected = Some(folder),
                Ok(answer) if answer.status.starts_with("NO [NONEXISTENT]") => {
                    return Err(format!("a folder that exists is called nonexistent: {}", answer.status));
                }
                Ok(answer) => {
                    why = answer.status;
                    tokio::time::sleep(PAUSE).await;
                }
                Err(error) => {
                    why = error.to_string();
                    self.session = None;
                }
            }
        }
        Err(format!("not back in a minute: {why}"))
    }
}

/// The number that follows a word.
pub fn number_after(text: &str, word: &str) -> Option<u32> {
    let (_, rest) = text.split_once(word)?;
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest[..digits].parse().ok()
}
