use std::path::Path;
use std::time::{Duration, Instant};

use tests::imap_client::uid_code;
use tests::stack::{Seed, Stack};

use super::outlook::Outlook;
use super::program::{Act, Command, Deed, Look, Mishap, Mode, NAMES, Picks, Program, Step, Target, Who};
use super::reference::{Entry, FlagNames, Reference};
use super::session::{Promises, Session};
use super::view::{Numbers, Row, View};

/// How long a change may take until a session that asks for it is told.
const PATIENCE: Duration = Duration::from_secs(8);

/// Everything a program works on.
struct World {
    stack: Stack,
    sessions: [Session; 2],
    outlook: Outlook,
    reference: Reference,
    promises: Promises,
    made: usize,
}

/// Runs a program.
///
/// # Errors
/// The first difference between the model and what the sessions were told.
pub async fn run(program: &Program) -> Result<(), String> {
    let ledger = format!("envelopes = {}", program.envelopes);
    let stack = Stack::start_with_ledger(Seed::Empty, &ledger, |builder| builder).await;
    let outlook = Outlook::open(&stack).await?;
    let mut promises = Promises::default();
    let mut reference = Reference::default();
    for number in 0..program.start {
        let marker = format!("m{number}");
        outlook.deliver(&marker).await?;
        reference.here.push(Entry::new(&marker, FlagNames::new()));
    }
    let sessions =
        [Session::open(stack.imap, false, &mut promises).await?, Session::open(stack.imap, true, &mut promises).await?];
    let mut world = World { stack, sessions, outlook, reference, promises, made: program.start };
    world.look(Look::Both).await.map_err(|error| format!("at the start: {error}"))?;
    for (number, step) in program.steps.iter().enumerate() {
        world = world.step(step).await.map_err(|error| format!("step {number} {:?}: {error}", step.act))?;
    }
    world.finish().await.map_err(|error| format!("at the end: {error}"))
}

impl Mishap {
    /// Befalls what a gateway keeps of messages beside the ledgers in a directory.
    fn befall(self, directory: &Path) {
        let files = std::fs::read_dir(directory).expect("a directory").map(|file| file.expect("a file").path());
        for file in files.filter(|file| file.extension().is_some_and(|extension| extension == "envelopes")) {
            match self {
                Self::None => {}
                Self::Lost => std::fs::remove_file(&file).expect("removed"),
                Self::Damaged(apart) => {
                    let mut bytes = std::fs::read(&file).expect("read");
                    bytes.iter_mut().step_by(apart).for_each(|byte| *byte ^= 0x10);
                    std::fs::write(&file, bytes).expect("written");
                }
            }
        }
    }
}

impl World {
    async fn step(mut self, step: &Step) -> Result<Self, String> {
        match &step.act {
            Act::Imap(who, command) => self.imap(*who, command).await?,
            Act::Outlook(deed) => self.deed(deed).await?,
            Act::Restart(mishap, resync) => {
                self.stack = self.stack.restart_after(|directory| mishap.befall(directory)).await;
                let [first, second] = &mut self.sessions;
                *first = Session::open(self.stack.imap, false, &mut self.promises).await?;
                second.reconnect(self.stack.imap, *resync, &mut self.promises).await?;
            }
        }
        self.look(step.look).await?;
        Ok(self)
    }

    /// The sessions ask for news until they see what the model has.
    async fn look(&mut self, look: Look) -> Result<(), String> {
        for who in [Who::A, Who::B] {
            if look == Look::Both || look == Look::Only(who) {
                self.settle(who).await.map_err(|error| format!("{who:?}: {error}"))?;
            }
        }
        Ok(())
    }

    async fn settle(&mut self, who: Who) -> Result<(), String> {
        let session = &mut self.sessions[who.index()];
        let began = Instant::now();
        let mut pause = Duration::from_millis(2);
        loop {
            session.run("NOOP", Numbers::MayChange).await?;
            session.learn(&mut self.promises).await?;
            let Err(difference) = self.reference.meet(&session.view.known().ok_or("unknown messages")?) else {
                return Ok(());
            };
            if began.elapsed() > PATIENCE {
                return Err(difference);
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(100));
        }
    }

    async fn imap(&mut self, who: Who, command: &Command) -> Result<(), String> {
        let session = &mut self.sessions[who.index()];
        session.learn(&mut self.promises).await?;
        let known = session.view.known().ok_or("unknown messages")?;
        self.reference.adopt(&known);
        match command {
            Command::Store { picks, mode, flags, silent } => {
                let Some((set, uids)) = resolve(picks, &known) else { return Ok(()) };
                let (prefix, numbers) = form(picks);
                let sign = match mode {
                    Mode::Add => "+",
                    Mode::Remove => "-",
                    Mode::Replace => "",
                };
                let suffix = if *silent { ".SILENT" } else { "" };
                let names: Vec<&str> = flags.names().collect();
                if *silent {
                    // A client takes its own change for made; what differs it is told.
                    for uid in &uids {
                        if let Some(row) = session.view.row_mut(*uid) {
                            let mut entry = Entry::new("", row.flags.clone());
                            entry.store(*mode, *flags);
                            row.flags = entry.flags;
                        }
                    }
                }
                let command = format!("{prefix}STORE {set} {sign}FLAGS{suffix} ({})", names.join(" "));
                let answer = session.attempt(&command, numbers).await?;
                let gone = uids.iter().any(|uid| self.reference.position(*uid).is_none());
                if !answer.status.starts_with("OK") && !gone {
                    return Err(format!("{command}: {}", answer.status));
                }
                self.each(&uids, |entry| entry.store(*mode, *flags));
            }
            Command::Append { flags } => {
                let marker = self.mark();
                let names: Vec<&str> = flags.names().collect();
                let message = format!("Subject: {marker}\r\n\r\nthe body of {marker}\r\n");
                let command = format!("APPEND INBOX ({}) {{{}+}}\r\n{message}", names.join(" "), message.len());
                let answer = self.sessions[who.index()].run(&command, Numbers::MayChange).await?;
                let mut entry = Entry::new(&marker, flags.names().map(str::to_owned).collect());
                entry.uid = uid_code(&answer.status, "APPENDUID").and_then(|(_, words)| words.first()?.parse().ok());
                if entry.uid.is_none() {
                    return Err(format!("no APPENDUID: {}", answer.status));
                }
                self.reference.here.push(entry);
            }
            Command::Copy { picks, target } => self.transfer(who, picks, *target, false, &known).await?,
            Command::Move { picks, target } => self.transfer(who, picks, *target, true, &known).await?,
            Command::Expunge => {
                session.run("EXPUNGE", Numbers::MayChange).await?;
                self.expunge(&known, |_| true);
            }
            Command::UidExpunge { picks } => {
                let picks = Picks { uid: true, ..picks.clone() };
                let Some((set, uids)) = resolve(&picks, &known) else { return Ok(()) };
                session.run(&format!("UID EXPUNGE {set}"), Numbers::MayChange).await?;
                self.expunge(&known, |uid| uids.contains(&uid));
            }
            Command::FetchBody { picks, peek } => {
                let Some((set, uids)) = resolve(picks, &known) else { return Ok(()) };
                let served = session.fetch_bodies(&set, picks.uid, *peek, &mut self.promises).await?;
                // A message that is gone or was changed by Outlook need not be served.
                let changed = |uid: &u32| self.reference.position(*uid).is_none_or(|at| self.reference.here[at].edited);
                if let Some(uid) = uids.iter().find(|uid| !served.contains(uid) && !changed(uid)) {
                    return Err(format!("the body of {uid} can't be read"));
                }
                if !peek {
                    self.each(&served, |entry| entry.set("\\Seen", true));
                }
            }
            Command::Search { flag } => {
                let name = NAMES[*flag];
                let found = session.search(name).await?;
                // What is found may be reported gone, or new, in the same answer.
                let all = session.view.uids();
                if found.iter().any(|uid| !all.contains(uid) && !known.iter().any(|row| row.uid == *uid)) {
                    return Err(format!("SEARCH finds {found:?} of {all:?}"));
                }
                // With nothing under way any more, exactly those that have the flag.
                self.settle(who).await?;
                let found = self.sessions[who.index()].search(name).await?;
                self.reference.searched(name, &found)?;
            }
            Command::Close => {
                session.run("CLOSE", Numbers::MayChange).await?;
                self.expunge(&known, |_| true);
                self.sessions[who.index()].select(&mut self.promises).await?;
            }
            Command::Select => session.select(&mut self.promises).await?,
            Command::Idle => session.idle().await?,
            Command::Resync { resync, store } => {
                if let Some((picks, mode, flags)) = store {
                    let picks = Picks { picks: picks.clone(), uid: false };
                    let store = Command::Store { picks, mode: *mode, flags: *flags, silent: false };
                    Box::pin(self.imap(who, &store)).await?;
                }
                let session = &mut self.sessions[who.index()];
                session.reconnect(self.stack.imap, *resync, &mut self.promises).await?;
            }
        }
        Ok(())
    }

    async fn transfer(
        &mut self,
        who: Who,
        picks: &Picks,
        target: Target,
        remove: bool,
        known: &[Row],
    ) -> Result<(), String> {
        let Some((set, uids)) = resolve(picks, known) else { return Ok(()) };
        let (prefix, _) = form(picks);
        let verb = if remove { "MOVE" } else { "COPY" };
        let folder = if target == Target::Here { "INBOX" } else { "Other" };
        let command = format!("{prefix}{verb} {set} {folder}");
        let answer = self.sessions[who.index()].attempt(&command, Numbers::MayChange).await?;
        let gone = uids.iter().any(|uid| self.reference.position(*uid).is_none());
        if !answer.status.starts_with("OK") {
            // Refused because some are gone, which this session did not know: then nothing may have happened to the others.
            return if gone { Ok(()) } else { Err(format!("{command}: {}", answer.status)) };
        }
        let there: Vec<u32> = uids.iter().copied().filter(|uid| self.reference.position(*uid).is_some()).collect();
        let copies: Vec<Entry> = there
            .iter()
            .filter_map(|uid| self.reference.position(*uid))
            .map(|at| self.reference.here[at].copy())
            .collect();
        if remove {
            self.reference.here.retain(|entry| entry.uid.is_none_or(|uid| !there.contains(&uid)));
        }
        match target {
            Target::Here => self.reference.here.extend(copies),
            Target::There => self.reference.there.extend(copies),
        }
        Ok(())
    }

    async fn deed(&mut self, deed: &Deed) -> Result<(), String> {
        let pick = match deed {
            Deed::Deliver => {
                let marker = self.mark();
                self.reference.here.push(Entry::new(&marker, FlagNames::new()));
                return self.outlook.deliver(&marker).await;
            }
            Deed::CopyBack { pick } => {
                let Some(entry) = choose(pick, &self.reference.there) else { return Ok(()) };
                let marker = entry.marker.clone();
                self.outlook.copy_back(&marker).await?;
                let copies: Vec<Entry> =
                    self.reference.there.iter().filter(|entry| entry.marker == marker).map(Entry::copy).collect();
                self.reference.here.extend(copies);
                return Ok(());
            }
            Deed::Read { pick, .. } | Deed::Flag { pick, .. } | Deed::Categorise { pick, .. } => pick,
            Deed::Edit { pick } | Deed::Delete { pick } | Deed::MoveAway { pick } => pick,
        };
        let Some(entry) = choose(pick, &self.reference.here) else { return Ok(()) };
        let marker = entry.marker.clone();
        let of_marker = |entry: &Entry| entry.marker == marker;
        let here = &mut self.reference.here;
        let picked = here.iter_mut().filter(|entry| of_marker(entry));
        match deed {
            Deed::Read { read, .. } => {
                picked.for_each(|entry| entry.set("\\Seen", *read));
                self.outlook.read(&marker, *read).await
            }
            Deed::Flag { on, .. } => {
                picked.for_each(|entry| entry.set("\\Flagged", *on));
                self.outlook.flag(&marker, *on).await
            }
            Deed::Categorise { keywords, .. } => {
                picked.for_each(|entry| entry.categorise(*keywords));
                self.outlook.categorise(&marker, *keywords).await
            }
            Deed::Edit { .. } => {
                picked.for_each(|entry| entry.edited = true);
                let number = self.made;
                self.made += 1;
                self.outlook.edit(&marker, &format!("changed {number}")).await
            }
            Deed::Delete { .. } => {
                here.retain(|entry| !of_marker(entry));
                self.outlook.delete(&marker).await
            }
            Deed::MoveAway { .. } => {
                let (away, stay): (Vec<Entry>, Vec<Entry>) = std::mem::take(here).into_iter().partition(of_marker);
                self.reference.here = stay;
                self.reference.there.extend(away.iter().map(Entry::copy));
                self.outlook.move_away(&marker).await
            }
            Deed::Deliver | Deed::CopyBack { .. } => Ok(()),
        }
    }

    /// A new session sees the same as the two, in both folders. (A message that Outlook changed gets its new UID when
    /// somebody looks at it, so the others may be told a moment later.)
    async fn finish(mut self) -> Result<(), String> {
        let mut fresh = Session::open(self.stack.imap, false, &mut self.promises).await?;
        let began = Instant::now();
        loop {
            self.look(Look::Both).await?;
            fresh.run("NOOP", Numbers::MayChange).await?;
            fresh.learn(&mut self.promises).await?;
            let views = [&self.sessions[0].view, &self.sessions[1].view, &fresh.view].map(View::known);
            if views.iter().all(|view| *view == views[0]) {
                self.reference.meet(&views[2].clone().ok_or("unknown messages")?)?;
                break;
            }
            if began.elapsed() > PATIENCE {
                return Err(format!("two old sessions and a new one are shown {views:?}"));
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let expected = format!("MESSAGES {})", self.reference.there.len());
        loop {
            let answer = fresh.run("STATUS Other (MESSAGES)", Numbers::MayChange).await?;
            if answer.line(&expected).is_some() {
                return Ok(());
            }
            if began.elapsed() > 2 * PATIENCE {
                return Err(format!("{:?}, not {expected}", answer.lines()));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn mark(&mut self) -> String {
        self.made += 1;
        format!("m{}", self.made)
    }

    fn each(&mut self, uids: &[u32], change: impl Fn(&mut Entry)) {
        let is_meant = |entry: &&mut Entry| entry.uid.is_some_and(|uid| uids.contains(&uid));
        self.reference.here.iter_mut().filter(is_meant).for_each(change);
    }

    /// Removes what is marked for deletion and known to a session.
    fn expunge(&mut self, known: &[Row], meant: impl Fn(u32) -> bool) {
        let goes = |entry: &Entry| {
            let known = |uid| known.iter().any(|row| row.uid == uid);
            entry.flags.contains("\\Deleted") && entry.uid.is_some_and(|uid| known(uid) && meant(uid))
        };
        self.reference.here.retain(|entry| !goes(entry));
    }
}

/// The set that picks mean, as numbers or UIDs, and the UIDs; nothing if there are no messages.
fn resolve(picks: &Picks, known: &[Row]) -> Option<(String, Vec<u32>)> {
    if known.is_empty() {
        return None;
    }
    let mut at: Vec<usize> = picks.picks.iter().map(|pick| pick.index(known.len())).collect();
    at.sort_unstable();
    at.dedup();
    let name = |at: &usize| if picks.uid { known[*at].uid.to_string() } else { (at + 1).to_string() };
    Some((at.iter().map(name).collect::<Vec<_>>().join(","), at.iter().map(|at| known[*at].uid).collect()))
}

fn form(picks: &Picks) -> (&'static str, Numbers) {
    if picks.uid { ("UID ", Numbers::MayChange) } else { ("", Numbers::Stay) }
}

fn choose<'a>(pick: &proptest::sample::Index, entries: &'a [Entry]) -> Option<&'a Entry> {
    (!entries.is_empty()).then(|| &entries[pick.index(entries.len())])
}
