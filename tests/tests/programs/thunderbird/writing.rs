//! A message is written, kept as a draft, and sent.

use libtest_mimic::Failed;
use mail_parser::{Message, MessageParser, MimeHeaders};
use serde_json::{Value, json};
use tests::stack::BOB;

use super::day::{Day, ensure, eventually};
use super::reading::{sha256, varied};

const SUBJECT: &str = "Übersicht für Bob";
const FIRST: &str = "The first version of the text.";
const SECOND: &str = "The second version, mit Umlauten: äöü.";

/// Saved twice, there is one draft, with the second text. The window stays open.
pub async fn draft_is_replaced(day: &mut Day) -> Result<(), Failed> {
    let drafts = day.special("\\Drafts").await?;
    let others = day.alice.search(&drafts, "ALL").await?;
    let message = json!({"to": BOB, "subject": SUBJECT, "html": format!("<p>{FIRST}</p>")});
    day.thunderbird.call("compose", message).await?;
    for (text, old) in [(FIRST, SECOND), (SECOND, FIRST)] {
        day.thunderbird.call("write", json!({"html": format!("<p>{text}</p>")})).await?;
        day.thunderbird.call("saveDraft", Value::Null).await?;
        let uid = eventually(async || {
            let now = day.alice.search(&drafts, "ALL").await?;
            match now.iter().filter(|uid| !others.contains(uid)).collect::<Vec<_>>()[..] {
                [uid] if now.len() == others.len() + 1 => Ok(*uid),
                _ => Err(format!("drafts were {others:?} and are {now:?}").into()),
            }
        })
        .await?;
        let bytes = day.alice.message(&drafts, uid).await?;
        let draft = MessageParser::new().parse(&bytes).ok_or("a message")?;
        let body = draft.body_text(0).unwrap_or_default();
        ensure(draft.subject() == Some(SUBJECT), || format!("the subject is {:?}", draft.subject()))?;
        ensure(body.contains(text) && !body.contains(old), || format!("the draft has the text {body:?}"))?;
        let flags = day.alice.flags(&drafts, uid).await?.unwrap_or_default();
        ensure(flags.contains("\\Draft"), || format!("the draft has the flags {flags}"))?;
    }
    Ok(())
}

/// The draft gets an attachment and is sent: it arrives once, a copy is in Sent once, and no draft remains.
pub async fn message_is_sent(day: &mut Day) -> Result<(), Failed> {
    let (drafts, sent) = (day.special("\\Drafts").await?, day.special("\\Sent").await?);
    let (drafts_before, sent_before) =
        (day.alice.search(&drafts, "ALL").await?.len(), day.alice.search(&sent, "ALL").await?);
    let arrived_before = day.bob.search("INBOX", "ALL").await?;
    let file = varied(150_000);
    let path = day.thunderbird.directory().join("Übersicht.pdf");
    std::fs::write(&path, &file)?;
    day.thunderbird.call("attach", json!({ "path": path })).await?;
    day.thunderbird.call("send", Value::Null).await?;

    let uid = eventually(async || only_new(&day.bob.search("INBOX", "ALL").await?, &arrived_before)).await?;
    same(&day.bob.message("INBOX", uid).await?, &file)?;
    let uid = eventually(async || only_new(&day.alice.search(&sent, "ALL").await?, &sent_before)).await?;
    same(&day.alice.message(&sent, uid).await?, &file)?;
    eventually(async || {
        let now = day.alice.search(&drafts, "ALL").await?.len();
        ensure(now + 1 == drafts_before, || format!("of {drafts_before} drafts {now} remain"))
    })
    .await?;
    // Thunderbird shows the copy in its folder for sent mail.
    day.thunderbird.call("open", json!({"folder": sent})).await?;
    eventually(async || {
        let here: Vec<_> = day.messages(&sent).await?.into_iter().filter(|one| one.subject == SUBJECT).collect();
        let uids: Vec<u32> = here.iter().map(|one| one.uid).collect();
        ensure(uids == [uid], || format!("Thunderbird has {here:?} in {sent}, the server {uid}"))
    })
    .await?;
    day.thunderbird.call("open", json!({"folder": "INBOX"})).await.map(drop)
}

/// It is there once more at the end of the day: nothing came later.
pub async fn sent_once(day: &mut Day) -> Result<(), Failed> {
    let sent = day.special("\\Sent").await?;
    for (server, folder) in [(&mut day.alice, sent.as_str()), (&mut day.bob, "INBOX")] {
        let mut found = 0;
        for uid in server.search(folder, "ALL").await? {
            let bytes = server.message(folder, uid).await?;
            let message = MessageParser::new().parse(&bytes).ok_or("a message")?;
            found += u32::from(message.subject() == Some(SUBJECT));
        }
        ensure(found == 1, || format!("{found} of them in {folder}"))?;
    }
    Ok(())
}

fn only_new(now: &[u32], before: &[u32]) -> Result<u32, Failed> {
    match now.iter().filter(|uid| !before.contains(uid)).collect::<Vec<_>>()[..] {
        [uid] if now.len() == before.len() + 1 => Ok(*uid),
        _ => Err(format!("there were {before:?}, there are {now:?}").into()),
    }
}

fn same(bytes: &[u8], file: &[u8]) -> Result<(), Failed> {
    let message: Message<'_> = MessageParser::new().parse(bytes).ok_or("a message")?;
    let body = message.body_text(0).unwrap_or_default();
    ensure(message.subject() == Some(SUBJECT), || format!("the subject is {:?}", message.subject()))?;
    ensure(body.contains(SECOND), || format!("the text is {body:?}"))?;
    let attached: Vec<_> =
        message.attachments().map(|part| (part.attachment_name(), sha256(part.contents()))).collect();
    let expected = [(Some("Übersicht.pdf"), sha256(file))];
    ensure(attached == expected, || format!("attached is {attached:?}"))
}
