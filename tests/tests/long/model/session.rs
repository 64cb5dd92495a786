use std::collections::BTreeMap;
use std::net::SocketAddr;

use sha2::{Digest, Sha256};
use tests::imap_client::{Answer, ImapClient, first_literal};
use tests::stack::{ALICE, PASSWORD};

use super::program::Resync;
use super::view::{Numbers, View, number_after, numbers};

/// What all sessions of a program were told, which must stay true for ever.
#[derive(Debug, Default)]
pub struct Promises {
    pub uid_validity: Option<u32>,
    /// Marker of each UID.
    pub markers: BTreeMap<u32, String>,
    /// Digest of the bytes of each UID.
    pub digests: BTreeMap<u32, [u8; 32]>,
}

/// An IMAP session with the inbox selected.
pub struct Session {
    client: ImapClient,
    pub view: View,
    /// Up to which MODSEQ it knows of all changes (RFC 7162 6).
    modseq: u64,
}

impl Session {
    pub async fn open(imap: SocketAddr, qresync: bool, promises: &mut Promises) -> Result<Self, String> {
        let mut client = ImapClient::login(imap, ALICE, PASSWORD).await;
        // Only half of the clients know of it.
        if qresync {
            client.command("ENABLE QRESYNC").await.ok();
        }
        let mut session = Self { client, view: View::default(), modseq: 0 };
        session.select(promises).await?;
        Ok(session)
    }

    /// Selects the folder anew and forgets what was known of it.
    pub async fn select(&mut self, promises: &mut Promises) -> Result<(), String> {
        self.view = View::default();
        self.modseq = 0;
        let answer = self.run("SELECT INBOX", Numbers::MayChange).await?;
        check_uid_validity(&answer, promises)?;
        self.learn(promises).await
    }

    /// Connects anew, and asks for nothing but what is different from what was known.
    pub async fn reconnect(&mut self, imap: SocketAddr, resync: Resync, promises: &mut Promises) -> Result<(), String> {
        self.client = ImapClient::login(imap, ALICE, PASSWORD).await;
        // Of messages that were only announced nothing is known. They are the last ones.
        let known = self.view.rows.iter().take_while(|row| row.is_some()).count();
        self.view.rows.truncate(known);
        let uids = self.view.uids();
        let set = uids.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
        let mut parameters = format!("{} {}", promises.uid_validity.ok_or("nothing is known")?, self.modseq);
        if resync.uids && !uids.is_empty() {
            parameters.push_str(&format!(" {set}"));
        }
        if resync.matches && !uids.is_empty() {
            parameters.push_str(&format!(" (1:{} {set})", uids.len()));
        }
        self.run("ENABLE QRESYNC", Numbers::MayChange).await?;
        let command = format!("SELECT INBOX (QRESYNC ({parameters}))");
        let answer = self.client.command(&command).await.ok();
        check_uid_validity(&answer, promises)?;
        // Messages that are gone count in no number (RFC 7162 3.2.10.1).
        for line in answer.lines() {
            if let Some(gone) = line.strip_prefix("* VANISHED (EARLIER) ") {
                let gone = numbers(gone)?;
                self.view.rows.retain(|row| row.as_ref().is_none_or(|row| !gone.contains(&row.uid)));
            }
        }
        self.take_in(&command, &answer, Numbers::MayChange)?;
        self.learn(promises).await
    }

    /// Runs a command that must succeed.
    pub async fn run(&mut self, command: &str, numbers: Numbers) -> Result<Answer, String> {
        let answer = self.attempt(command, numbers).await?;
        if answer.status.starts_with("OK") { Ok(answer) } else { Err(format!("{command}: {}", answer.status)) }
    }

    /// Runs a command that may be refused, and takes in what it is told.
    pub async fn attempt(&mut self, command: &str, numbers: Numbers) -> Result<Answer, String> {
        let answer = self.client.command(command).await;
        self.take_in(command, &answer, numbers)?;
        if answer.status.starts_with("BAD") {
            return Err(format!("{command}: {}", answer.status));
        }
        Ok(answer)
    }

    /// The UIDs of the messages with a flag or keyword, as the server finds them.
    pub async fn search(&mut self, name: &str) -> Result<Vec<u32>, String> {
        let key = name.strip_prefix('\\').map_or(format!("KEYWORD {name}"), str::to_uppercase);
        let answer = self.run(&format!("UID SEARCH {key}"), Numbers::MayChange).await?;
        let line = answer.line("* SEARCH").ok_or("no SEARCH response")?;
        let numbers = line.split(' ').skip(2).map(|word| word.parse().map_err(|_| format!("{line:?}")));
        numbers.collect()
    }

    /// Runs IDLE and ends it at once.
    pub async fn idle(&mut self) -> Result<(), String> {
        let tag = self.client.send("IDLE").await;
        let mut told = Vec::new();
        loop {
            let response = self.client.response().await;
            if response.starts_with(b"+") {
                break;
            }
            told.push(response);
        }
        self.client.raw(b"DONE\r\n").await;
        let mut answer = self.client.finish(&tag).await;
        answer.untagged.splice(0..0, told);
        self.take_in("IDLE", &answer, Numbers::MayChange)
    }

    /// Asks for everything about messages that are only known to exist.
    pub async fn learn(&mut self, promises: &mut Promises) -> Result<(), String> {
        while let Some((first, last)) = self.view.unknown() {
            let items = "(UID FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])";
            let answer = self.attempt(&format!("FETCH {first}:{last} {items}"), Numbers::Stay).await?;
            if !answer.status.starts_with("OK") {
                // Some are gone already: the next NOOP tells.
                self.run("NOOP", Numbers::MayChange).await?;
            }
        }
        for row in self.view.rows.iter().flatten() {
            let known = promises.markers.entry(row.uid).or_insert_with(|| row.marker.clone());
            if *known != row.marker {
                return Err(format!("UID {} was {known}, is {}", row.uid, row.marker));
            }
        }
        Ok(())
    }

    /// Fetches bodies and compares them with what was served before. Returns the UIDs of those that were served.
    pub async fn fetch_bodies(
        &mut self,
        set: &str,
        uid: bool,
        peek: bool,
        promises: &mut Promises,
    ) -> Result<Vec<u32>, String> {
        let (prefix, numbers) = if uid { ("UID ", Numbers::MayChange) } else { ("", Numbers::Stay) };
        let item = if peek { "BODY.PEEK[]" } else { "BODY[]" };
        let answer = self.attempt(&format!("{prefix}FETCH {set} (UID {item})"), numbers).await?;
        let mut served = Vec::new();
        for response in &answer.untagged {
            let text = String::from_utf8_lossy(response);
            let uid = text.split_once("UID ").and_then(|(_, rest)| rest.split([' ', ')']).next()?.parse().ok());
            let (Some(uid), Some(bytes)) = (uid, first_literal(response)) else { continue };
            let digest = Sha256::digest(bytes).into();
            if *promises.digests.entry(uid).or_insert(digest) != digest {
                return Err(format!("other bytes for UID {uid}"));
            }
            served.push(uid);
        }
        Ok(served)
    }

    fn take_in(&mut self, command: &str, answer: &Answer, numbers: Numbers) -> Result<(), String> {
        let (mut told, mut shown) = (None, None);
        for line in answer.lines() {
            self.view.apply(&line, numbers).map_err(|error| format!("{command}: {error}"))?;
            told = number_after(&line, "[HIGHESTMODSEQ ").or(told);
            shown = shown.max(number_after(&line, "MODSEQ ("));
        }
        // RFC 7162 6: what is told counts, however high the others are that were shown.
        let told = number_after(&answer.status, "[HIGHESTMODSEQ ").or(told);
        self.modseq = told.unwrap_or(self.modseq.max(shown.unwrap_or(0)));
        Ok(())
    }
}

fn check_uid_validity(answer: &Answer, promises: &mut Promises) -> Result<(), String> {
    let line = answer.line("[UIDVALIDITY ").ok_or("SELECT tells no UIDVALIDITY")?;
    let number = number_after(&line, "[UIDVALIDITY ").and_then(|number| u32::try_from(number).ok());
    if promises.uid_validity.get_or_insert(number.ok_or("no number")?) != &number.unwrap_or_default() {
        return Err(format!("{line}, which was {:?}", promises.uid_validity));
    }
    Ok(())
}
