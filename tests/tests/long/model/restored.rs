//! Ledgers that are restored from copies. While a random program runs, the ledger's directory is copied at random points,
//! of a running gateway (also in the midst of a command) or of a stopped one. Later each copy is put back, and the program
//! goes on. Whatever any session was told in all that time must not be contradicted.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use exchange_sandbox::store::{Mailbox, Special};
use gateway::ledger::{Ledger, RedbLedger};
use mapi_core::id::{Gid, Guid};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tests::imap_client::{ImapClient, first_literal};
use tests::stack::{ALICE, PASSWORD, Seed, Stack};

use super::keeper::Keeper;
use super::program::Resync;

/// Copies of a program, and how many of them redb must be able to read: one that is made while a file is written may not be.
pub const COPIES: usize = 20;
const READABLE: usize = 15;
/// So many of the last things that happened may not have been told yet.
const JUST_HAPPENED: usize = 4;
/// How long a change may take until a session that asks for it is told.
const PATIENCE: Duration = Duration::from_secs(8);

/// What is where, by marker (the subject, which no two messages share).
type View = BTreeMap<String, u32>;

/// Everything that sessions were told.
#[derive(Default)]
struct Told {
    uid_validity: Option<u32>,
    markers: BTreeMap<u32, String>,
    digests: BTreeMap<u32, [u8; 32]>,
    gids: BTreeMap<u32, Gid>,
    recorded: BTreeMap<u32, [u8; 32]>,
    modseq: u64,
}

/// A moment of a program.
#[derive(Clone, Default)]
struct Moment {
    view: View,
    /// Messages whose bytes were served to somebody, as they are.
    served: BTreeSet<String>,
    /// How much had happened.
    at: usize,
}

struct Copy {
    directory: TempDir,
    of: Moment,
}

struct World {
    stack: Stack,
    client: ImapClient,
    /// They come back now and then, and must be told what they missed.
    keepers: Vec<Keeper>,
    mailbox: Guid,
    random: Random,
    told: Told,
    now: Moment,
    before: Moment,
    /// What happened: the marker, and whether the content changed.
    log: Vec<(String, bool)>,
    made: usize,
    readable: usize,
    anew: usize,
}

/// Clients that come back.
const KEEPERS: usize = 4;

/// In the name of a message that is shown under two UIDs, which may be so for a moment.
const TWICE: &str = " as ";

/// A small generator: the same program for a seed, on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or(0) % bound.max(1)
    }
}

/// Runs the program of a seed; tells how many copies could be read, and how many messages were shown anew.
///
/// # Errors
/// The first contradiction.
pub async fn run(seed: u64) -> Result<(usize, usize), String> {
    let stack = Stack::start(Seed::Empty).await;
    let mailbox = stack.as_outlook(|mailbox| mailbox.guid());
    let client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    let random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x5DEE_CE66);
    let (told, now, before) = (Told::default(), Moment::default(), Moment::default());
    let log = Vec::new();
    let keepers = (0..KEEPERS).map(|_| Keeper::default()).collect();
    let mut world =
        World { stack, client, keepers, mailbox, random, told, now, before, log, made: 0, readable: 0, anew: 0 };
    world.select().await?;
    for _ in 0..4 {
        world.deliver();
    }
    world.settle().await?;
    let mut copies: Vec<Copy> = Vec::new();
    let mut made = 0;
    while made < COPIES || !copies.is_empty() {
        for _ in 0..1 + world.random.below(4) {
            world.deed().await?;
        }
        let keeper = world.random.below(2 * KEEPERS);
        if keeper < KEEPERS {
            world.come_back(keeper).await?;
        }
        if made < COPIES && (copies.len() < 3 || world.random.below(2) == 0) {
            made += 1;
            let copy;
            (world, copy) = world.copy().await?;
            copies.extend(copy);
        } else if !copies.is_empty() {
            let at = world.random.below(copies.len());
            world = world.restore(copies.swap_remove(at)).await?;
        }
    }
    for keeper in 0..KEEPERS {
        world.come_back(keeper).await?;
    }
    if world.readable < READABLE {
        return Err(format!("only {} of {COPIES} copies could be read", world.readable));
    }
    Ok((world.readable, world.anew))
}

impl World {
    async fn copy(mut self) -> Result<(Self, Option<Copy>), String> {
        let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
        let to = directory.path().to_owned();
        let of = match self.random.below(3) {
            0 => {
                let of = self.now.clone();
                self = self.restart(|ledger| copy_files(ledger, &to)).await?;
                of
            }
            1 => {
                copy_files(self.stack.ledger(), &to);
                self.now.clone()
            }
            _ => {
                // While something is under way. The last commit that it has may be the one before the last.
                let (from, of) = (self.stack.ledger().to_owned(), self.before.clone());
                let copying = tokio::task::spawn_blocking(move || copy_files(&from, &to));
                self.deed().await?;
                copying.await.map_err(|error| error.to_string())?;
                of
            }
        };
        let readable = is_readable(directory.path(), self.mailbox);
        self.readable += usize::from(readable);
        Ok((self, readable.then_some(Copy { directory, of })))
    }

    async fn restore(self, copy: Copy) -> Result<Self, String> {
        let from = copy.directory.path().to_owned();
        let mut world = self.restart(|ledger| copy_files(&from, ledger)).await?;
        world.settle().await?;
        let Moment { view, served, at } = &copy.of;
        // What happened right before the copy may not have been told by then.
        let at = at.saturating_sub(JUST_HAPPENED);
        for (marker, uid) in &world.now.view {
            let of_it = || world.log[at..].iter().filter(|(other, _)| other == marker);
            // What came since the copy, or changed without its bytes being known to the copy, is shown anew; nothing else.
            let stays = of_it().next().is_none() || (served.contains(marker) && of_it().all(|(_, edited)| !edited));
            match view.get(marker) {
                Some(before) if before != uid && stays => {
                    return Err(format!("{marker} was UID {before} in the copy, is {uid}"));
                }
                Some(before) => world.anew += usize::from(before != uid),
                None => world.anew += 1,
            }
        }
        if world.random.below(3) == 0 {
            // Nothing happens before the next look into the ledger.
            world = world.restart(|_| ()).await?;
            world.settle().await?;
        }
        Ok(world)
    }

    /// Stops the gateway, looks into its ledger, does something to it, and starts it again.
    async fn restart(self, between: impl FnOnce(&Path)) -> Result<Self, String> {
        let Self { stack, mailbox, mut told, .. } = self;
        let mut held = Ok(());
        let change = |directory: &Path| {
            held = told.look(directory, mailbox);
            between(directory);
        };
        let stack = stack.restart_after(change).await;
        held?;
        let client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
        let mut world = Self { stack, client, told, ..self };
        world.select().await?;
        Ok(world)
    }

    async fn come_back(&mut self, keeper: usize) -> Result<(), String> {
        let resync = Resync { uids: self.random.below(2) == 0, matches: self.random.below(2) == 0 };
        let imap = self.stack.imap;
        self.keepers[keeper].come_back(imap, resync).await
    }

    async fn select(&mut self) -> Result<(), String> {
        let answer = self.client.command("SELECT INBOX").await;
        let line = answer.line("[UIDVALIDITY ").ok_or_else(|| format!("SELECT: {}", answer.status))?;
        let number = line.split("UIDVALIDITY ").nth(1).and_then(|rest| rest.split(']').next()?.parse().ok());
        if *self.told.uid_validity.get_or_insert(number.ok_or("no number")?) != number.unwrap_or_default() {
            return Err(format!("{line}, which was {:?}", self.told.uid_validity));
        }
        Ok(())
    }

    /// Something happens, and the session is told of it.
    async fn deed(&mut self) -> Result<(), String> {
        let markers: Vec<String> = self.now.view.keys().cloned().collect();
        let marker = markers.get(self.random.below(markers.len())).cloned();
        let uid = marker.as_ref().and_then(|marker| self.now.view.get(marker)).copied().unwrap_or(1);
        match (self.random.below(14), marker) {
            (0..=2, _) | (_, None) => self.deliver(),
            (3, _) => {
                let marker = self.mark();
                let message = format!("Subject: {marker}\r\n\r\nthe body of {marker}\r\n");
                let command = format!("APPEND INBOX {{{}+}}\r\n{message}", message.len());
                self.obey(&command).await?;
                self.log.push((marker, true));
            }
            (4..=5, _) => self.fetch("1:*").await?,
            (6, _) => self.fetch(&uid.to_string()).await?,
            (n @ 7..=9, Some(marker)) => {
                let flag = ["\\Flagged", "\\Seen", "\\Deleted"][self.random.below(3)];
                let sign = if n == 9 { '-' } else { '+' };
                self.obey(&format!("UID STORE {uid} {sign}FLAGS ({flag})")).await?;
                self.log.push((marker, false));
            }
            (10, _) => {
                let marked = self.client.command("UID SEARCH DELETED").await.lines().join("");
                let uids: Vec<u32> = marked.split(' ').filter_map(|word| word.trim().parse().ok()).collect();
                let gone = self.now.view.iter().filter(|(_, uid)| uids.contains(uid));
                self.log.extend(gone.map(|(marker, _)| (marker.clone(), true)));
                self.obey("EXPUNGE").await?;
            }
            (11, Some(marker)) => {
                let body = format!("changed {}", self.log.len());
                self.outlook(&marker, |mailbox, _, id| mailbox.set_body(id, &body).map_err(text))?;
                self.now.served.remove(&marker);
                self.log.push((marker, true));
            }
            (12, Some(marker)) => {
                let on = self.random.below(2) == 0;
                self.outlook(&marker, |mailbox, _, id| mailbox.set_flagged(id, on).map_err(text))?;
                self.log.push((marker, false));
            }
            (_, Some(marker)) => {
                self.outlook(&marker, |mailbox, inbox, id| mailbox.delete_messages(inbox, &[id], false).map_err(text))?;
                self.log.push((marker, true));
            }
        }
        self.settle().await
    }

    fn deliver(&mut self) {
        let marker = self.mark();
        self.stack.deliver(ALICE, &marker, &format!("the body of {marker}"));
        self.log.push((marker, true));
    }

    async fn obey(&mut self, command: &str) -> Result<(), String> {
        let answer = self.client.command(command).await;
        // A message may just be getting its new UID.
        let done = answer.status.starts_with("OK") || answer.status.starts_with("NO [EXPUNGEISSUED]");
        if done { Ok(()) } else { Err(format!("{command}: {}", answer.status)) }
    }

    /// Does something with a message past the gateway.
    fn outlook<R>(
        &self,
        marker: &str,
        act: impl FnOnce(&mut Mailbox, u64, u64) -> Result<R, String>,
    ) -> Result<(), String> {
        self.stack.as_outlook(|mailbox| {
            let inbox = mailbox.special(Special::Inbox);
            match mailbox.find_subject(inbox, marker).first().copied() {
                Some(id) => act(mailbox, inbox, id).map(drop),
                None => Ok(()),
            }
        })
    }

    async fn fetch(&mut self, set: &str) -> Result<(), String> {
        // One that was edited is not served, and gets a new UID: then the command is refused.
        let answer = self.client.command(&format!("UID FETCH {set} (UID BODY.PEEK[])")).await;
        for response in &answer.untagged {
            let text = String::from_utf8_lossy(response);
            let uid = text.split_once("UID ").and_then(|(_, rest)| rest.split([' ', ')']).next()?.parse().ok());
            let (Some(uid), Some(bytes)) = (uid, first_literal(response)) else { continue };
            let digest = Sha256::digest(bytes).into();
            if *self.told.digests.entry(uid).or_insert(digest) != digest {
                return Err(format!("other bytes for UID {uid}"));
            }
            let marker = self.now.view.iter().find(|(_, known)| **known == uid).map(|(marker, _)| marker.clone());
            self.now.served.extend(marker);
        }
        Ok(())
    }

    /// The session asks for news until it sees what is there.
    async fn settle(&mut self) -> Result<(), String> {
        let began = Instant::now();
        let view = loop {
            let view = self.look().await?;
            let is_settled = view.len() == self.there() && !view.keys().any(|marker| marker.contains(TWICE));
            if is_settled && view.values().collect::<BTreeSet<_>>().len() == view.len() {
                break view;
            }
            if began.elapsed() > PATIENCE {
                return Err(format!("{view:?} is shown, {} messages are there", self.there()));
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        for (marker, uid) in &view {
            let known = self.told.markers.entry(*uid).or_insert_with(|| marker.clone());
            if known != marker {
                return Err(format!("UID {uid} was {known}, is {marker}"));
            }
        }
        // A message whose content changed gets its new UID when somebody looks at it.
        for (marker, uid) in &view {
            if self.now.view.get(marker).is_some_and(|before| before != uid) {
                self.log.push((marker.clone(), true));
            }
        }
        let served = self.now.served.iter().filter(|marker| view.contains_key(*marker)).cloned().collect();
        let now = Moment { view, served, at: self.log.len() };
        self.before = std::mem::replace(&mut self.now, now);
        Ok(())
    }

    fn there(&self) -> usize {
        self.stack.as_outlook(|mailbox| {
            let inbox = mailbox.special(Special::Inbox);
            mailbox.folder(inbox).map_or(0, |folder| folder.total() as usize)
        })
    }

    /// What the session is shown, without anything being rendered for it.
    async fn look(&mut self) -> Result<View, String> {
        self.obey("NOOP").await?;
        let found = self.client.command("UID SEARCH ALL").await.lines().join("");
        let mut view = View::new();
        for uid in found.split(' ').filter_map(|word| word.trim().parse::<u32>().ok()) {
            let marker = match self.told.markers.get(&uid) {
                Some(marker) => marker.clone(),
                None => self.marker_of(uid).await?,
            };
            if let Some(other) = view.insert(marker.clone(), uid) {
                // For a moment both may be there; in the end there are not more messages than in the mailbox.
                view.insert(format!("{marker}{TWICE}{other}"), other);
            }
        }
        Ok(view)
    }

    /// The marker of a message that nobody was told of.
    async fn marker_of(&mut self, uid: u32) -> Result<String, String> {
        for made in (1..=self.made).rev() {
            let marker = format!("m{made:05}");
            let found = self.client.command(&format!("UID SEARCH UID {uid} SUBJECT {marker}")).await;
            if found.lines().iter().any(|line| line.split(' ').any(|word| word.trim() == uid.to_string())) {
                return Ok(marker);
            }
        }
        Ok(format!("nobody knows UID {uid}"))
    }

    fn mark(&mut self) -> String {
        self.made += 1;
        format!("m{:05}", self.made)
    }
}

impl Told {
    /// Compares what a ledger holds, all of which may have been told, with what was told before.
    fn look(&mut self, directory: &Path, mailbox: Guid) -> Result<(), String> {
        let ledger = RedbLedger::open(directory, mailbox).map_err(text)?;
        let of_inbox = |head: &gateway::ledger::FolderHead| Some(head.uid_validity) == self.uid_validity;
        let heads = ledger.heads().map_err(text)?;
        let (folder, head) = heads.into_iter().find(|(_, head)| of_inbox(head)).ok_or("the folder is not there")?;
        if head.highest_modseq < self.modseq {
            return Err(format!("HIGHESTMODSEQ was {}, is {}", self.modseq, head.highest_modseq));
        }
        self.modseq = head.highest_modseq;
        let stored = ledger.load(&folder).map_err(text)?.ok_or("the folder is not there")?;
        let mut gids = BTreeSet::new();
        for row in stored.rows {
            if !gids.insert(row.gid) {
                return Err(format!("{:?} has two UIDs, one is {}", row.gid, row.uid));
            }
            if *self.gids.entry(row.uid).or_insert(row.gid) != row.gid {
                return Err(format!("UID {} was given twice", row.uid));
            }
            if let Some(rendering) = row.rendering
                && *self.recorded.entry(row.uid).or_insert(rendering.digest) != rendering.digest
            {
                return Err(format!("other bytes are recorded for UID {}", row.uid));
            }
        }
        Ok(())
    }
}

fn ledger_files(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry").path());
    entries.filter(|path| path.extension().is_some_and(|ending| ending == "redb")).collect()
}

fn copy_files(from: &Path, to: &Path) {
    for path in ledger_files(from) {
        std::fs::copy(&path, to.join(path.file_name().expect("a name"))).expect("copied");
    }
}

/// Whether redb can read a copy, tried with a copy of it.
fn is_readable(copy: &Path, mailbox: Guid) -> bool {
    let directory = tempfile::tempdir().expect("a directory");
    copy_files(copy, directory.path());
    let Ok(ledger) = RedbLedger::open(directory.path(), mailbox) else { return false };
    let heads = ledger.heads().unwrap_or_default();
    let whole = heads.iter().all(|(folder, _)| ledger.load(folder).is_ok_and(|folder| folder.is_some()));
    whole && !heads.is_empty()
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
