use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use tests::imap_client::{Answer, ImapClient};
use tests::stack::{ALICE, PASSWORD};

use super::program::Resync;
use super::view::{number_after, numbers};

/// A client that keeps what it knows of the inbox, and comes back for what it missed (RFC 7162 3.2.5).
#[derive(Debug, Default)]
pub struct Keeper {
    uid_validity: u64,
    modseq: u64,
    /// Flags and keywords by UID.
    messages: BTreeMap<u32, BTreeSet<String>>,
}

impl Keeper {
    /// Connects, asks for what it missed, and compares what it knows then with the folder.
    ///
    /// # Errors
    /// What differs.
    pub async fn come_back(&mut self, imap: SocketAddr, resync: Resync) -> Result<(), String> {
        let mut client = ImapClient::login(imap, ALICE, PASSWORD).await;
        client.command("ENABLE QRESYNC").await.ok();
        let command = if self.uid_validity == 0 { "SELECT INBOX".to_owned() } else { self.select(resync) };
        let before = format!("{command} with {:?}", self.messages);
        let answer = client.command(&command).await;
        let told = |what: &str| answer.lines().iter().find_map(|line| number_after(line, what));
        let (Some(uid_validity), Some(modseq)) = (told("[UIDVALIDITY "), told("[HIGHESTMODSEQ ")) else {
            return Err(format!("{command}: {}", answer.status));
        };
        if self.uid_validity != 0 && (uid_validity != self.uid_validity || modseq < self.modseq) {
            return Err(format!("{command}: UIDVALIDITY {uid_validity}, HIGHESTMODSEQ {modseq}"));
        }
        self.take_in(&answer, "* VANISHED (EARLIER) ")?;
        let highest = self.messages.keys().last().copied().unwrap_or(0);
        if self.uid_validity == 0 || resync.uids {
            // What is new it was not told of.
            let new = client.command(&format!("UID FETCH {}:* (FLAGS MODSEQ)", highest + 1)).await.ok();
            self.take_in(&new, "* VANISHED ")?;
        }
        (self.uid_validity, self.modseq) = (uid_validity, modseq);
        let now = client.command("UID FETCH 1:* (FLAGS MODSEQ)").await.ok();
        let mut there = Self::default();
        there.take_in(&now, "* VANISHED ")?;
        // What happened since it came back it is told another time.
        let late: BTreeSet<u32> = now
            .lines()
            .iter()
            .filter(|line| number_after(line, "MODSEQ (") > Some(modseq))
            .filter_map(|line| uid(line))
            .collect();
        self.take_in(&now, "* VANISHED ")?;
        let settled = |messages: &BTreeMap<u32, BTreeSet<String>>| -> BTreeMap<u32, BTreeSet<String>> {
            messages.iter().filter(|(uid, _)| !late.contains(uid)).map(|(uid, flags)| (*uid, flags.clone())).collect()
        };
        let (known, there) = (settled(&self.messages), settled(&there.messages));
        if known != there { Err(format!("{before}: {known:?} is known, {there:?} is there")) } else { Ok(()) }
    }

    fn select(&self, resync: Resync) -> String {
        let mut parameters = format!("{} {}", self.uid_validity, self.modseq);
        let set = self.messages.keys().map(u32::to_string).collect::<Vec<_>>().join(",");
        if let Some(last) = self.messages.keys().last() {
            if resync.uids {
                parameters.push_str(&format!(" 1:{last}"));
            }
            if resync.matches {
                parameters.push_str(&format!(" (1:{} {set})", self.messages.len()));
            }
        }
        format!("SELECT INBOX (QRESYNC ({parameters}))")
    }

    fn take_in(&mut self, answer: &Answer, vanished: &str) -> Result<(), String> {
        for line in answer.lines() {
            if let Some(gone) = line.strip_prefix(vanished) {
                numbers(gone)?.iter().for_each(|uid| drop(self.messages.remove(uid)));
            }
            let flags = line.split_once("FLAGS (").and_then(|(_, rest)| rest.split_once(')')).map(|(flags, _)| flags);
            if let (true, Some(uid), Some(flags)) = (line.contains(" FETCH "), uid(&line), flags) {
                let flags = flags.split(' ').filter(|flag| !flag.is_empty() && *flag != "\\Recent").map(str::to_owned);
                self.messages.insert(uid, flags.collect());
            }
        }
        Ok(())
    }
}

fn uid(line: &str) -> Option<u32> {
    number_after(line, "UID ").and_then(|uid| u32::try_from(uid).ok())
}
