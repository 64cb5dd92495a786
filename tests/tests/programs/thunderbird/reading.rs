//! An account is set up, and its mail read.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use exchange_sandbox::seed::MessageBuilder;
use libtest_mimic::Failed;
use serde_json::json;
use sha2::{Digest, Sha256};
use tests::stack::{ALICE, PASSWORD};

use super::day::{Day, ensure, eventually};

/// The subject of a message with an attachment.
pub const LARGE: &str = "with an attachment";
/// The size of the attachment in bytes: more than what Thunderbird fetches at once.
pub const LARGE_SIZE: u32 = 300_000;

/// What special uses are called by the server (RFC 6154) and by Thunderbird.
const USES: [(&str, &str); 5] = [
    ("\\Drafts", "Drafts"),
    ("\\Sent", "SentMail"),
    ("\\Trash", "Trash"),
    ("\\Junk", "Junk"),
    ("\\Archive", "Archive"),
];

/// Of contents, in hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// That many bytes of every kind.
pub fn varied(size: u32) -> Vec<u8> {
    (0..size).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

/// Thunderbird comes to know all folders, each with its special use.
pub async fn account_is_set_up(day: &mut Day) -> Result<(), Failed> {
    let pem = std::fs::read_to_string(day.stack.ledger().join("certificate.pem"))?;
    let certificate: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    ensure(STANDARD.decode(&certificate).is_ok(), || format!("no certificate: {pem}"))?;
    let (imap, smtp) = (day.stack.imap.port(), day.stack.smtp.port());
    let trust = json!({"host": "localhost", "ports": [imap, smtp], "certificate": certificate});
    day.thunderbird.call("trust", trust).await?;
    let account = json!({
        "host": "localhost", "imap": imap, "smtp": smtp, "user": ALICE, "password": PASSWORD, "name": "Alice Example"
    });
    day.thunderbird.call("createAccount", account).await?;

    let there = day.alice.folders().await?;
    let uses = |attributes: &[String]| {
        let found = USES.iter().filter(|(attribute, _)| attributes.iter().any(|one| one == attribute));
        found.map(|(_, name)| (*name).to_owned()).collect::<Vec<_>>()
    };
    let inbox = ("INBOX".to_owned(), vec!["Inbox".to_owned()]);
    // Thunderbird has enabled UTF8=ACCEPT and keeps names as they are; the other client has not.
    let plain = |name: &str| mail_core::utf7::decode(name.as_bytes()).unwrap_or_else(|| name.to_owned());
    let others = there.iter().filter(|(name, _)| name != "INBOX").map(|(name, all)| (plain(name), uses(all)));
    let mut expected: Vec<_> = others.chain([inbox]).collect();
    expected.sort();
    for (attribute, _) in USES {
        ensure(there.iter().any(|(_, all)| all.iter().any(|one| one == attribute)), || format!("no {attribute}"))?;
    }
    eventually(async || {
        let folders = day.folders().await?;
        let mut here: Vec<_> = folders.into_iter().map(|folder| (folder.name, folder.uses)).collect();
        here.sort();
        ensure(here == expected, || format!("Thunderbird's folders: {here:?}, the server's: {expected:?}"))
    })
    .await
}

/// Every message of the inbox arrives once, and with the bytes that other clients get.
pub async fn inbox_is_downloaded(day: &mut Day) -> Result<(), Failed> {
    day.thunderbird.call("open", json!({"folder": "INBOX"})).await?;
    // Thunderbird downloads folders by itself, one after the other.
    for folder in day.folders().await?.into_iter().filter(|folder| folder.offline) {
        day.downloaded(&folder.name).await?;
    }
    let messages = day.downloaded("INBOX").await?;
    ensure(messages.len() > 20, || format!("only {} messages", messages.len()))?;
    for message in messages {
        let here = day.thunderbird.call("kept", json!({"folder": "INBOX", "uid": message.uid})).await?;
        let there: String = day.alice.message("INBOX", message.uid).await?.into_iter().map(char::from).collect();
        ensure(here == there.as_str(), || format!("message {} is kept as {here} and was {there:?}", message.uid))?;
    }
    Ok(())
}

/// A message with a large attachment is shown, with its text and the bytes of the attachment; then it counts as read.
pub async fn attachment_is_read(day: &mut Day) -> Result<(), Failed> {
    const TEXT: &str = "The figures are attached, as promised: ½ of them in €.";
    let file = varied(LARGE_SIZE);
    let message = MessageBuilder::new(LARGE)
        .from("Carol Example", "carol@elsewhere.test")
        .body(format!("Dear Alice,\r\n\r\n{TEXT}\r\n"))
        .attach("figures 2026.pdf", "application/pdf", file.clone());
    day.stack.sandbox.deliver(ALICE, message.build())?;
    let uid = eventually(async || {
        let found = day.messages("INBOX").await?.into_iter().find(|message| message.subject == LARGE);
        Ok(found.ok_or("the message does not arrive")?.uid)
    })
    .await?;
    let shown = day.thunderbird.call("read", json!({"folder": "INBOX", "uid": uid})).await?;
    let text = shown["text"].as_str().unwrap_or_default();
    ensure(text.contains(TEXT), || format!("shown is {text:?}"))?;
    let expected = json!([{"name": "figures 2026.pdf", "size": file.len(), "sha256": sha256(&file)}]);
    ensure(shown["attachments"] == expected, || format!("attached is {}", shown["attachments"]))?;
    eventually(async || {
        let flags = day.alice.flags("INBOX", uid).await?.unwrap_or_default();
        ensure(flags.contains("\\Seen"), || format!("what was shown has the flags {flags}"))
    })
    .await
}
