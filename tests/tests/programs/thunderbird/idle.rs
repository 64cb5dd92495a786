//! What comes about without Thunderbird asking, and what it does not ask again.

use std::time::{Duration, Instant};

use libtest_mimic::Failed;
use serde_json::json;
use tests::stack::ALICE;

use super::day::{Day, ensure, eventually};
use super::reading::{LARGE, LARGE_SIZE};

/// How long new mail may take until Thunderbird has it.
const SOON: Duration = Duration::from_secs(10);

/// Thunderbird hears of a delivery and of a deletion by another client while it is in IDLE.
pub async fn new_mail_is_pushed(day: &mut Day) -> Result<(), Failed> {
    day.idles("INBOX").await?;
    let began = Instant::now();
    day.stack.deliver(ALICE, "pushed", "text");
    let pushed = eventually(async || {
        let found = day.messages("INBOX").await?.into_iter().find(|message| message.subject == "pushed");
        found.ok_or_else(|| "the message does not arrive".into())
    })
    .await?;
    ensure(began.elapsed() < SOON, || format!("it arrived after {:?}", began.elapsed()))?;
    ensure(!pushed.read, || format!("it counts as read: {pushed:?}"))?;

    day.idles("INBOX").await?;
    day.alice.expunge("INBOX", pushed.uid).await?;
    eventually(async || {
        let here = day.messages("INBOX").await?;
        ensure(here.iter().all(|message| message.uid != pushed.uid), || "what was expunged stays".to_owned())
    })
    .await
}

/// Started again, Thunderbird has the same messages, and downloads neither headers nor bodies of any message.
pub async fn nothing_is_downloaded_again(day: &mut Day) -> Result<(), Failed> {
    let mut before = Vec::new();
    for folder in day.folders().await?.into_iter().filter(|folder| folder.offline) {
        before.push((day.downloaded(&folder.name).await?, folder.name));
    }
    before.retain(|(messages, _)| !messages.is_empty());
    ensure(before.len() > 5, || format!("only {} folders with messages", before.len()))?;
    ensure(!downloads(day).is_empty(), || "the first start downloaded nothing: the log is not understood".to_owned())?;
    day.thunderbird.restart().await?;
    for (messages, folder) in &before {
        day.thunderbird.call("open", json!({ "folder": folder })).await?;
        eventually(async || ensure(day.thunderbird.imap_log().knows(folder), || format!("{folder} is not asked for")))
            .await?;
        let after = day.messages(folder).await?;
        ensure(after == *messages, || format!("in {folder} were {messages:?} and are {after:?}"))?;
    }
    let inbox = before.iter().find(|(_, folder)| folder == "INBOX").ok_or("the inbox")?;
    let large = inbox.0.iter().find(|message| message.subject == LARGE).ok_or("the message with an attachment")?;
    let shown = day.thunderbird.call("read", json!({"folder": "INBOX", "uid": large.uid})).await?;
    ensure(shown["attachments"][0]["size"] == LARGE_SIZE, || format!("shown is {shown}"))?;
    let again = downloads(day);
    ensure(again.is_empty(), || format!("downloaded again: {again:?}"))?;
    let log = day.thunderbird.imap_log();
    for wanted in ["COMPRESS DEFLATE", "ENABLE UTF8=ACCEPT", "(CHANGEDSINCE "] {
        ensure(log.said(wanted), || format!("Thunderbird did not say {wanted}"))?;
    }
    Ok(())
}

/// What was downloaded of messages since the last start: headers, bodies, parts.
fn downloads(day: &Day) -> Vec<String> {
    let log = day.thunderbird.imap_log();
    let commands = log.commands().filter(|(_, command)| command.contains("BODY"));
    commands.map(|(folder, command)| format!("{folder}: {command}")).collect()
}
