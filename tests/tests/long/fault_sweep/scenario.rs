use std::time::{Duration, Instant};

use gateway::line::Kind;
use tests::imap_client::uid_code;
use tests::smtp_client::try_submit;
use tests::stack::{ALICE, BOB, PASSWORD};

use super::many;
use super::stage::{Content, Held, Stage, TARGET, number_after};

/// What users do while something goes wrong, each with the way in which clients retry it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scenario {
    /// The first login and the first look at two folders. Clients repeat until it works.
    FirstSync,
    /// Flags are set. Clients repeat until OK; repeating is harmless.
    Store,
    /// Two messages are copied. After no answer or NO this client copies again without looking, as a user does who sees an
    /// error: each failed attempt that the upstream may have carried out explains one more copy.
    Copy,
    /// Two messages are moved. After no answer or NO the client looks, and moves those that are still there: never explains a
    /// second one.
    Move,
    /// Two messages are marked and expunged. Clients repeat both until OK; repeating is harmless.
    Expunge,
    /// A message is appended. After no answer or NO clients append again: each failed attempt that the upstream may have
    /// carried out explains one more.
    Append,
    /// A message is appended that takes a session of its own, with the same client.
    LargeAppend,
    /// The same as [`Scenario::Store`] and so on with many messages, which take several requests: see [`many`].
    ReadMany,
    FlagMany,
    CopyMany,
    MoveMany,
    ExpungeMany,
    FetchMany,
    /// Folders are made, renamed, moved and deleted, some over several levels.
    Folders,
    /// Metadata of the inbox is set, changed and removed, and read. Clients repeat until OK; repeating is harmless.
    Annotate,
    /// A message is submitted that takes a session of its own.
    LargeSubmission,
    /// A message is submitted. Clients repeat after no answer and after 4xx, and give up after 5xx. Only an attempt without
    /// any reply explains one more; 4xx and 5xx promise that nobody got it.
    Submission,
    /// A message arrives and is read, flags change and another message is deleted by Outlook, while a client idles; then the
    /// message is deleted and another one arrives, at the latest when the gateway has died.
    Arrival,
}

/// What is in the inbox at the start.
const SUBJECTS: [&str; 4] = ["one", "two", "three", "four"];
/// The first two of them.
const CHOSEN: [&str; 2] = ["one", "two"];
/// Bytes of a message that is large.
const LARGE: usize = 300 << 10;
const LINE: &str = "Lines of a large message, which takes some requests to store.\r\n";
/// The message that a scenario adds.
const FRESH: &str = "fresh";

impl Scenario {
    /// All of them: those in which some operation is performed.
    pub fn all() -> Vec<Self> {
        let mut all: Vec<Self> = Kind::ALL.into_iter().flat_map(Self::of).copied().collect();
        all.sort();
        all.dedup();
        all
    }

    /// In which an operation is performed, with one message or request and with many.
    pub fn of(kind: Kind) -> &'static [Self] {
        match kind {
            Kind::ListFolders | Kind::ReadEpoch | Kind::NoteEpoch => &[Self::FirstSync],
            Kind::Synchronise => &[Self::FirstSync, Self::Arrival, Self::ExpungeMany],
            Kind::LookAtFlags => &[Self::Store, Self::Arrival],
            Kind::MarkRead => &[Self::Store, Self::ReadMany],
            Kind::Update => &[Self::Store, Self::FlagMany],
            Kind::Delete => &[Self::Expunge, Self::ExpungeMany],
            Kind::Copy => &[Self::Copy, Self::CopyMany],
            Kind::Move => &[Self::Move, Self::MoveMany],
            Kind::Download => &[Self::FirstSync, Self::FetchMany],
            Kind::Append | Kind::Complete => &[Self::Append, Self::LargeAppend],
            Kind::CreateFolder | Kind::RenameFolder | Kind::MoveFolder | Kind::DeleteFolder | Kind::Subscribe => {
                &[Self::Folders]
            }
            Kind::ReadMetadata | Kind::Annotate => &[Self::Annotate],
            Kind::Submit => &[Self::Submission, Self::LargeSubmission],
            Kind::SweepOutbox => &[Self::FirstSync, Self::Submission],
            // Asked only to explain a refusal, to find, measure or remember something, or to tidy up; all of it is harmless to repeat.
            Kind::Search | Kind::Measure | Kind::ReadQuota | Kind::ReadRights | Kind::FindCopy | Kind::RemoveCopy => {
                &[]
            }
        }
    }

    /// What is in the inbox before it begins.
    pub fn content(self) -> Content {
        match self {
            Self::ReadMany | Self::FlagMany | Self::CopyMany | Self::MoveMany | Self::ExpungeMany | Self::FetchMany => {
                Content::Many(many::MANY)
            }
            _ => Content::Few(&SUBJECTS),
        }
    }

    /// What comes before anything goes wrong.
    pub async fn prepare(self, stage: &mut Stage) -> Held<()> {
        if self != Self::FirstSync {
            stage.look(TARGET).await?;
            stage.look("INBOX").await?;
        }
        if self == Self::FlagMany {
            many::prepare_flagging(stage).await?;
        }
        Ok(())
    }

    /// What the user does, and what must be true in the store afterwards.
    pub async fn act(self, stage: &mut Stage) -> Held<()> {
        match self {
            Self::FirstSync => first_sync(stage).await,
            Self::Store => store(stage).await,
            Self::Copy => copy(stage).await,
            Self::Move => move_away(stage).await,
            Self::Expunge => expunge(stage).await,
            Self::Append => append(stage, &mail(FRESH)).await,
            Self::LargeAppend => append(stage, &format!("{}{}", mail(FRESH), LINE.repeat(LARGE / LINE.len()))).await,
            Self::ReadMany => many::mark_read(stage).await,
            Self::FlagMany => many::flag(stage).await,
            Self::CopyMany => many::copy(stage).await,
            Self::MoveMany => many::move_away(stage).await,
            Self::ExpungeMany => many::expunge(stage).await,
            Self::FetchMany => many::fetch(stage).await,
            Self::Folders => many::folders(stage).await,
            Self::Annotate => annotate(stage).await,
            Self::Submission => submit(stage, &mail(FRESH)).await,
            Self::LargeSubmission => {
                submit(stage, &format!("{}{}", mail(FRESH), LINE.repeat(LARGE / LINE.len()))).await
            }
            Self::Arrival => arrival(stage).await,
        }
    }
}

async fn first_sync(stage: &mut Stage) -> Held<()> {
    stage.look("INBOX").await?;
    stage.look(TARGET).await?;
    check(stage, "INBOX", &[("one", 1..=1), ("two", 1..=1), ("three", 1..=1), ("four", 1..=1)])
}

async fn store(stage: &mut Stage) -> Held<()> {
    stage.until_ok("INBOX", "UID STORE 1:2 +FLAGS (\\Seen \\Flagged)").await?;
    for message in stage.truth(ALICE, "INBOX") {
        let wanted = CHOSEN.contains(&message.subject.as_str());
        if (message.seen, message.flagged) != (wanted, wanted) {
            return Err(format!("STORE was answered OK, and the store has {message:?}"));
        }
    }
    Ok(())
}

async fn copy(stage: &mut Stage) -> Held<()> {
    let answer = stage.until_ok("INBOX", &format!("UID COPY 1:2 {TARGET}")).await?;
    copied(stage, &answer.status)?;
    let many = 1..=stage.explained();
    check(stage, TARGET, &[("one", many.clone()), ("two", many), ("three", 0..=0)])?;
    check(stage, "INBOX", &[("one", 1..=1), ("two", 1..=1), ("three", 1..=1), ("four", 1..=1)])
}

async fn move_away(stage: &mut Stage) -> Held<()> {
    CHOSEN.iter().for_each(|subject| stage.facts("INBOX").let_vanish(subject));
    let began = Instant::now();
    loop {
        let left = stage.look("INBOX").await?.uids(&CHOSEN);
        if left.is_empty() {
            break;
        }
        let set: Vec<String> = left.iter().map(u32::to_string).collect();
        if let Some(answer) = stage.attempt("INBOX", &format!("UID MOVE {} {TARGET}", set.join(","))).await? {
            if left.len() == 2 {
                copied(stage, &answer.lines().join("\n"))?;
            }
            // Accepted is accepted.
            check(stage, TARGET, &[("one", 1..=1), ("two", 1..=1)])?;
        }
        if began.elapsed() > Duration::from_secs(60) {
            return Err("MOVE: not once OK in a minute".to_owned());
        }
    }
    check(stage, TARGET, &[("one", 1..=1), ("two", 1..=1), ("three", 0..=0)])?;
    check(stage, "INBOX", &[("one", 0..=0), ("two", 0..=0), ("three", 1..=1), ("four", 1..=1)])
}

async fn expunge(stage: &mut Stage) -> Held<()> {
    CHOSEN.iter().for_each(|subject| stage.facts("INBOX").let_vanish(subject));
    stage.until_ok("INBOX", "UID STORE 1:2 +FLAGS (\\Deleted)").await?;
    stage.until_ok("INBOX", "EXPUNGE").await?;
    check(stage, "INBOX", &[("one", 0..=0), ("two", 0..=0), ("three", 1..=1), ("four", 1..=1)])
}

async fn append(stage: &mut Stage, message: &str) -> Held<()> {
    let command = format!("APPEND {TARGET} (\\Seen) {{{}+}}\r\n{message}", message.len());
    let answer = stage.until_ok("INBOX", &command).await?;
    if let Some((uid_validity, words)) = uid_code(&answer.status, "APPENDUID") {
        let uid = words.first().and_then(|uid| uid.parse().ok()).ok_or("a strange APPENDUID")?;
        stage.facts(TARGET).told(uid_validity, uid, FRESH)?;
    }
    check(stage, TARGET, &[(FRESH, 1..=stage.explained())])
}

async fn annotate(stage: &mut Stage) -> Held<()> {
    for (set, expected) in [
        ("/private/comment \"one\" /private/vendor/x \"two\"", "/private/comment \"one\" /private/vendor/x \"two\""),
        ("/private/comment \"three\" /private/vendor/x NIL", "/private/comment \"three\" /private/vendor/x NIL"),
    ] {
        stage.until_ok("INBOX", &format!("SETMETADATA INBOX ({set})")).await?;
        let read = "GETMETADATA INBOX (/private/comment /private/vendor/x)";
        let answer = stage.until_ok("INBOX", read).await?.lines().join("\n");
        if answer != format!("* METADATA \"INBOX\" ({expected})") {
            return Err(format!("SETMETADATA ({set}) was answered OK, and then there is {answer}"));
        }
    }
    Ok(())
}

async fn submit(stage: &mut Stage, message: &str) -> Held<()> {
    let (mut unanswered, mut accepted, mut refused) = (0, false, false);
    let began = Instant::now();
    let mut replies = Vec::new();
    while began.elapsed() < Duration::from_secs(60) {
        stage.gateway.ensure_running().await?;
        let delivered = stage.count(BOB, "INBOX", FRESH);
        let reply = try_submit(stage.gateway.smtp, (ALICE, PASSWORD), BOB, message).await;
        let came = stage.count(BOB, "INBOX", FRESH) - delivered;
        replies.push(format!("{reply:?}"));
        match reply {
            Ok(reply) if reply.starts_with('2') => {
                accepted = true;
                break;
            }
            Ok(_) | Err(_) if stage.damage.is_none() => {
                return Err(format!("nothing went wrong, and the answer is not 250: {replies:?}"));
            }
            Ok(reply) if reply.starts_with("535") => {
                return Err(format!("the right password is called wrong: {reply}"));
            }
            Ok(reply) if came > 0 => return Err(format!("refused, but delivered: {reply}")),
            Ok(reply) if reply.starts_with('5') => {
                refused = true;
                break;
            }
            Ok(_) => tokio::time::sleep(Duration::from_millis(150)).await,
            Err(_) => unanswered += 1,
        }
    }
    if !accepted && !refused {
        return Err(format!("neither accepted nor refused in a minute: {replies:?}"));
    }
    let delivered = stage.count(BOB, "INBOX", FRESH);
    let explained = usize::from(accepted)..=usize::from(accepted) + unanswered;
    if !explained.contains(&delivered) {
        return Err(format!("delivered {delivered} times, explained are {explained:?}: {replies:?}"));
    }
    let sent = stage.count(ALICE, "Sent", FRESH);
    if sent != delivered {
        return Err(format!("delivered {delivered} times, and {sent} copies in Sent: {replies:?}"));
    }
    Ok(())
}

async fn arrival(stage: &mut Stage) -> Held<()> {
    stage.facts("INBOX").let_vanish("one");
    stage.deliver(FRESH);
    stage.outlook(|mailbox, inbox| {
        let id = |subject| mailbox.find_subject(inbox, subject);
        let (one, two, three) = (id("one"), id("two"), id("three"));
        mailbox.delete_messages(inbox, &one, false).expect("deleted");
        mailbox.set_read(inbox, &two, true).expect("read");
        three.iter().for_each(|id| mailbox.set_flagged(*id, true).expect("flagged"));
    });
    // What is told of a new UID holds from then on: the message that came is the only one it can be.
    let began = Instant::now();
    let mut uid = None;
    while uid.is_none() && stage.is_connected() {
        if began.elapsed() > Duration::from_secs(90) {
            return Err("the new message did not come in 90 seconds".to_owned());
        }
        if !stage.idle("INBOX").await? {
            break;
        }
        if let Some(answer) = stage.attempt("INBOX", "UID FETCH 5:* (UID)").await? {
            uid = answer.lines().iter().filter_map(|line| number_after(line, "UID ")).find(|uid| *uid > 4);
        }
    }
    if let Some(uid) = uid {
        let selected = stage.attempt("INBOX", &format!("UID FETCH {uid} BODY.PEEK[]")).await?;
        let text = selected.map(|answer| answer.lines().join("\n")).unwrap_or_default();
        if !text.is_empty() && !text.contains(&format!("Subject: {FRESH}")) {
            return Err(format!("UID {uid} is not the message that came: {text}"));
        }
        stage.facts("INBOX").must_be(uid, FRESH)?;
        if !stage.is_connected() {
            // What was told before the gateway died is so afterwards.
            stage.look("INBOX").await?;
        }
    }
    stage.facts("INBOX").let_vanish(FRESH);
    stage.outlook(|mailbox, inbox| {
        let gone = mailbox.find_subject(inbox, FRESH);
        mailbox.delete_messages(inbox, &gone, false).expect("deleted");
    });
    stage.deliver("later");
    stage.agree("INBOX").await?;
    Ok(())
}

pub fn check(stage: &Stage, folder: &str, expected: &[(&str, std::ops::RangeInclusive<usize>)]) -> Held<()> {
    for (subject, range) in expected {
        let found = stage.count(ALICE, folder, subject);
        if !range.contains(&found) {
            let failed = stage.failed;
            return Err(format!("{folder} holds {subject:?} {found} times, not {range:?} ({failed} failed attempts)"));
        }
    }
    Ok(())
}

/// Notes what COPYUID tells of the two chosen messages.
fn copied(stage: &mut Stage, text: &str) -> Held<()> {
    let Some((uid_validity, words)) = uid_code(text, "COPYUID") else { return Ok(()) };
    let [from, to] = words.as_slice() else { return Err(format!("a strange COPYUID: {words:?}")) };
    let (from, to) = (numbers(from), numbers(to));
    if from != [1, 2] || to.len() != 2 {
        return Err(format!("COPYUID speaks of {from:?} and {to:?}"));
    }
    stage.facts(TARGET).told(uid_validity, to[0], CHOSEN[0])?;
    stage.facts(TARGET).told(uid_validity, to[1], CHOSEN[1])
}

/// The numbers of a set such as `1:2,5`.
pub fn numbers(set: &str) -> Vec<u32> {
    let number = |text: &str| text.parse::<u32>().unwrap_or(0);
    let range = |part: &str| part.split_once(':').map_or(number(part)..=number(part), |(a, b)| number(a)..=number(b));
    set.split(',').flat_map(range).collect()
}

fn mail(subject: &str) -> String {
    format!(
        "From: alice@example.test\r\nTo: bob@example.test\r\nSubject: {subject}\r\nDate: Wed, 17 Jul 1996 02:23:25 -0700\r\n\
         Message-ID: <{subject}@example.test>\r\n\r\ntext\r\n"
    )
}
