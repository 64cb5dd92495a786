//! Scenarios of many messages, which take several requests each: what is lost between two of them shows here only.
//!
//! Messages are told apart by INTERNALDATE, as each has one of its own and no download is needed to see it.

use std::time::{Duration, Instant};

use tests::imap_client::uid_code;

use super::scenario::{check, numbers};
use super::stage::{Held, Stage, TARGET};

/// Messages in the inbox. More than one request copies, moves or deletes (1,000).
pub const MANY: usize = 1500;
/// Of these get a flag, which takes a request for each thirty.
const FLAGGED: usize = 300;
/// How long a client goes on trying.
const PATIENCE: Duration = Duration::from_secs(120);

/// What tells the message with this number, from 1, from others.
pub fn name(number: usize) -> String {
    format!("bulk message {}", number - 1)
}

/// All are marked as read, which is one operation for all.
pub async fn mark_read(stage: &mut Stage) -> Held<()> {
    stage.until_ok("INBOX", &format!("UID STORE 1:{MANY} +FLAGS.SILENT (\\Seen)")).await?;
    match stage.truth_of_alice("INBOX").iter().find(|message| !message.seen) {
        Some(unread) => Err(format!("STORE was answered OK, and the store has {unread:?}")),
        None => Ok(()),
    }
}

/// Some get a flag and a keyword, which are written message by message. The client has downloaded them: messages that nobody
/// ever downloaded may get other UIDs when they change while the gateway dies.
pub async fn prepare_flagging(stage: &mut Stage) -> Held<()> {
    stage.until_ok("INBOX", &format!("UID FETCH 1:{FLAGGED} (RFC822.SIZE)")).await.map(drop)
}

/// See [`prepare_flagging`].
pub async fn flag(stage: &mut Stage) -> Held<()> {
    stage.until_ok("INBOX", &format!("UID STORE 1:{FLAGGED} +FLAGS.SILENT (\\Flagged Later)")).await?;
    let wanted: std::collections::HashSet<String> = (1..=FLAGGED).map(name).collect();
    let wrong = |message: &&super::facts::Shown| message.flagged != wanted.contains(&message.subject);
    if let Some(other) = stage.truth_of_alice("INBOX").iter().find(wrong) {
        return Err(format!("STORE was answered OK, and the store has {other:?}"));
    }
    let with = stage.outlook(|mailbox, inbox| {
        let rows = mailbox.content_rows(mailbox.folder(inbox).expect("a folder"));
        rows.into_iter().filter(|id| mailbox.categories(*id) == ["Later"]).count()
    });
    if with == FLAGGED { Ok(()) } else { Err(format!("STORE was answered OK, and {with} messages have the keyword")) }
}

/// All are copied. After no answer or NO this client copies again without looking: each failed attempt that the upstream may
/// have carried out explains one more copy of each.
pub async fn copy(stage: &mut Stage) -> Held<()> {
    let answer = stage.until_ok("INBOX", &format!("UID COPY 1:{MANY} {TARGET}")).await?;
    copied(stage, &answer.status)?;
    let many = stage.explained();
    let copies = stage.counts(TARGET);
    for number in 1..=MANY {
        let found = copies.get(&name(number)).copied().unwrap_or(0);
        if !(1..=many).contains(&found) {
            let failed = stage.failed;
            return Err(format!("{TARGET} holds {:?} {found} times, not 1 to {many} ({failed} failed)", name(number)));
        }
    }
    once_each(stage, "INBOX", 1..=MANY)
}

/// All are moved. After no answer or NO the client looks, and moves those that are still there.
pub async fn move_away(stage: &mut Stage) -> Held<()> {
    (1..=MANY).for_each(|number| stage.facts("INBOX").let_vanish(&name(number)));
    let began = Instant::now();
    loop {
        let left: Vec<u32> = stage.look("INBOX").await?.messages.into_keys().collect();
        let (Some(first), Some(last)) = (left.first(), left.last()) else { break };
        if let Some(answer) = stage.attempt("INBOX", &format!("UID MOVE {first}:{last} {TARGET}")).await? {
            if left.len() == MANY {
                copied(stage, &answer.lines().join("\n"))?;
            }
            once_each(stage, TARGET, 1..=MANY)?;
        }
        if began.elapsed() > PATIENCE {
            return Err("MOVE: not once OK".to_owned());
        }
    }
    once_each(stage, TARGET, 1..=MANY)
}

/// All are marked and expunged.
pub async fn expunge(stage: &mut Stage) -> Held<()> {
    (1..=MANY).for_each(|number| stage.facts("INBOX").let_vanish(&name(number)));
    stage.until_ok("INBOX", &format!("UID STORE 1:{MANY} +FLAGS.SILENT (\\Deleted)")).await?;
    stage.until_ok("INBOX", "EXPUNGE").await?;
    match stage.truth_of_alice("INBOX").first() {
        Some(left) => Err(format!("EXPUNGE was answered OK, and the store has {left:?}")),
        None => Ok(()),
    }
}

/// All are downloaded.
pub async fn fetch(stage: &mut Stage) -> Held<()> {
    let command = format!("UID FETCH 1:{MANY} (UID BODY.PEEK[HEADER.FIELDS (SUBJECT)])");
    let answer = stage.until_ok("INBOX", &command).await?;
    let mut came = std::collections::BTreeMap::new();
    for line in answer.lines() {
        let Some((_, rest)) = line.split_once("Subject: ") else { continue };
        let uid = super::stage::number_after(&line, "UID ").ok_or_else(|| format!("no UID in {line:?}"))?;
        let subject = rest.lines().next().unwrap_or_default().to_owned();
        if let Some(before) = came.insert(uid, subject) {
            return Err(format!("UID {uid} came twice, first as {before:?}"));
        }
    }
    for (uid, subject) in &came {
        stage.facts("INBOX").must_be(*uid, subject)?;
    }
    if came.len() == MANY { Ok(()) } else { Err(format!("FETCH was answered OK with {} messages", came.len())) }
}

fn once_each(stage: &Stage, folder: &str, numbers: std::ops::RangeInclusive<usize>) -> Held<()> {
    let there = stage.counts(folder);
    match numbers.map(name).find(|name| there.get(name) != Some(&1)) {
        Some(name) => Err(format!("{folder} holds {name:?} {:?} times, not once", there.get(&name))),
        None => Ok(()),
    }
}

/// Notes what COPYUID tells.
fn copied(stage: &mut Stage, text: &str) -> Held<()> {
    let Some((uid_validity, words)) = uid_code(text, "COPYUID") else { return Ok(()) };
    let [from, to] = words.as_slice() else { return Err(format!("a strange COPYUID: {words:?}")) };
    let (from, to) = (numbers(from), numbers(to));
    if from.len() != MANY || to.len() != MANY {
        return Err(format!("COPYUID speaks of {} and {} messages", from.len(), to.len()));
    }
    for (from, to) in from.into_iter().zip(to) {
        stage.facts(TARGET).told(uid_validity, to, &name(from as usize))?;
    }
    Ok(())
}

/// Folders are made, renamed, moved and deleted. Clients repeat until it is so, by looking at LIST.
pub async fn folders(stage: &mut Stage) -> Held<()> {
    for (command, gone, there) in [
        ("CREATE Made/Below/Deep", "", "Made/Below/Deep"),
        ("RENAME Made/Below/Deep Made/Below/Named", "Made/Below/Deep", "Made/Below/Named"),
        ("RENAME Made/Below/Named Moved", "Made/Below/Named", "Moved"),
        ("DELETE Moved", "Moved", ""),
    ] {
        let began = Instant::now();
        loop {
            let answered = stage.attempt("INBOX", command).await?.is_some();
            let names = stage.folder_names();
            let done = (gone.is_empty() || !names.iter().any(|name| name == gone))
                && (there.is_empty() || names.iter().filter(|name| *name == there).count() == 1);
            if answered && !done {
                return Err(format!("{command} was answered OK, and there are {names:?}"));
            }
            if done {
                break;
            }
            if began.elapsed() > PATIENCE {
                return Err(format!("{command}: not once OK; there are {names:?}"));
            }
            tokio::time::sleep(Duration::from_millis(150)).await;
        }
    }
    let names = stage.folder_names();
    for once in ["Made", "Made/Below", "Deleted Items/Moved"] {
        let found = names.iter().filter(|name| *name == once).count();
        if found != 1 {
            return Err(format!("{once} is there {found} times: {names:?}"));
        }
    }
    check(stage, "INBOX", &[("one", 1..=1), ("two", 1..=1), ("three", 1..=1), ("four", 1..=1)])
}
