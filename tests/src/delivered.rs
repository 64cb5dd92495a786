//! Whether what arrives is what was sent: messages are submitted through a gateway, read from the receiver's mailbox through
//! it, and compared by what they say.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mail_parser::decoders::html::html_to_text;
use mail_parser::{Address, HeaderValue, Message, MessageParser, MimeHeaders, PartType};
use sha2::{Digest, Sha256};

use crate::imap_client::{ImapClient, first_literal};
use crate::letters::{Letter, Parties, letters};
use crate::smtp_client::SmtpClient;

/// For how long messages are waited for.
const PATIENCE: Duration = Duration::from_secs(120);

/// Who sends to whom, with passwords.
#[derive(Debug, Clone)]
pub struct Route {
    /// The gateway's SMTP listener.
    pub smtp: SocketAddr,
    /// The gateway's IMAP listener.
    pub imap: SocketAddr,
    /// Address and password of the sender.
    pub sender: (String, String),
    /// Address and password of the receiver.
    pub receiver: (String, String),
    /// Further recipients.
    pub others: Vec<String>,
    /// Whether the upstream keeps the Message-ID.
    pub keeps_id: bool,
}

/// Sends that many messages and compares what arrives. Returns the differences: what is different in which message.
pub async fn compare(route: &Route, count: usize) -> Vec<String> {
    let parties = Parties { sender: &route.sender.0, receiver: &route.receiver.0, others: &route.others };
    let letters = letters(count, parties);
    let mut client = ImapClient::login(route.imap, &route.receiver.0, &route.receiver.1).await;
    let before = exists(&mut client).await;
    let mut smtp = SmtpClient::login(route.smtp, &route.sender.0, &route.sender.1).await;
    let recipients: Vec<&str> = [&route.receiver.0].into_iter().chain(&route.others).map(String::as_str).collect();
    for letter in &letters {
        smtp.send_bytes(&route.sender.0, &recipients, &letter.bytes).await;
    }
    let began = Instant::now();
    let wanted = before + letters.len() as u32;
    while exists(&mut client).await < wanted && began.elapsed() < PATIENCE {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let answer = client.command(&format!("FETCH {}:* BODY.PEEK[]", before + 1)).await.ok();
    let arrived: Vec<&[u8]> = answer.untagged.iter().filter_map(|line| first_literal(line)).collect();
    letters.iter().flat_map(|letter| differences(letter, &arrived, route.keeps_id)).collect()
}

async fn exists(client: &mut ImapClient) -> u32 {
    client.command("NOOP").await.ok();
    let line = client.command("SELECT INBOX").await.ok().line(" EXISTS").expect("EXISTS");
    line.split_whitespace().nth(1).and_then(|count| count.parse().ok()).expect("a count")
}

fn differences(letter: &Letter, arrived: &[&[u8]], keeps_id: bool) -> Vec<String> {
    let parse = |bytes| MessageParser::new().parse(bytes);
    let is_it = |message: &Message<'_>| message.subject().is_some_and(|subject| subject.contains(&letter.tag));
    let mut found = arrived.iter().filter_map(|bytes| parse(*bytes)).filter(is_it);
    let (Some(got), None) = (found.next(), found.next()) else {
        return vec![format!("{} {}: did not arrive once", letter.tag, letter.kind)];
    };
    let parsed = parse(&letter.bytes).expect("a message");
    let (mut sent, mut got) = (facts(&parsed), facts(&got));
    if !parsed.text_bodies().any(|part| matches!(part.body, PartType::Text(_))) {
        // Servers add plain text made of the HTML, each in its own way.
        sent.remove("text");
        got.remove("text");
    }
    if !keeps_id {
        sent.remove("Message-ID");
        got.remove("Message-ID");
    }
    let keys: std::collections::BTreeSet<_> = sent.keys().chain(got.keys()).collect();
    let differs = keys.into_iter().filter(|key| sent.get(*key) != got.get(*key));
    differs
        .map(|key| format!("{} {}: {key}: sent {:?}, got {:?}", letter.tag, letter.kind, sent.get(key), got.get(key)))
        .collect()
}

/// What a message says, by name.
fn facts(message: &Message<'_>) -> BTreeMap<String, String> {
    let mut facts = BTreeMap::new();
    let mut put = |name: &str, value: Option<String>| {
        facts.extend(value.filter(|value| !value.is_empty()).map(|value| (name.to_owned(), value)));
    };
    put("Subject", message.subject().map(words));
    put("From", addresses(message.from()));
    put("To", addresses(message.to()));
    put("Cc", addresses(message.cc()));
    put("Bcc", addresses(message.bcc()));
    put("Reply-To", addresses(message.reply_to()));
    put("Message-ID", message.message_id().map(str::to_owned));
    put("In-Reply-To", ids(message.in_reply_to()));
    put("References", ids(message.references()));
    // RFC 2156 5.3.6: normal is what it is without the field.
    let importance = message.header("Importance").and_then(HeaderValue::as_text).map(str::to_lowercase);
    put("Importance", importance.filter(|importance| importance != "normal"));
    put("text", message.body_text(0).map(|text| words(&text)));
    let is_html = |part: &&mail_parser::MessagePart<'_>| matches!(part.body, PartType::Html(_));
    let html =
        message.html_bodies().find(is_html).map(|part| words(&html_to_text(&String::from_utf8_lossy(part.contents()))));
    put("HTML", html);
    let mut attachments: Vec<_> = message.attachments().map(attachment).collect();
    attachments.sort_unstable();
    put("attachments", Some(attachments.join("; ")));
    facts
}

fn attachment(part: &mail_parser::MessagePart<'_>) -> String {
    if let PartType::Message(message) = &part.body {
        return format!("message {:?}", facts(message));
    }
    let digest = Sha256::digest(part.contents());
    let digest: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("{} of {} bytes, SHA-256 {digest}", part.attachment_name().unwrap_or("?"), part.contents().len())
}

fn addresses(list: Option<&Address<'_>>) -> Option<String> {
    let mut found: Vec<_> = list?.iter().filter_map(|one| Some(one.address()?.to_lowercase())).collect();
    found.sort_unstable();
    Some(found.join(" "))
}

fn ids(value: &HeaderValue<'_>) -> Option<String> {
    value.as_text_list().map(|list| list.join(" "))
}

/// A text without regard to how its lines are broken.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
