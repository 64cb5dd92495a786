//! Walks a user's day through a running gateway, whatever upstream is behind it: log in, list, read every message twice,
//! set and clear flags, be pushed a delivery, send. Prints what it saw; ends with an error at the first thing that is
//! wrong.
//!
//! ```text
//! cargo run -p tests --bin real-upstream -- --imap 127.0.0.1:1143 --smtp 127.0.0.1:1587 \
//!     --user alice@lab.test --password secret --deliver 127.0.0.1:2525
//! ```
//!
//! With `--submit 133` varied messages are submitted, and what arrives is compared with them.
//!
//! With `--upstream-imap` the upstream's own IMAP server is the second witness: what is changed through the gateway is read
//! there, and what is changed there is seen through the gateway. Nothing else is done then.

mod both;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use clap::Parser;
use mail_parser::MessageParser;
use sha2::{Digest, Sha256};
use tests::corpus::{self, Sample};
use tests::delivered::{self, Route};
use tests::imap_client::{ImapClient, first_literal};
use tests::smtp_client::SmtpClient;

#[derive(Parser)]
struct Arguments {
    /// The gateway's IMAP listener (plaintext passwords allowed).
    #[arg(long)]
    imap: SocketAddr,
    /// The gateway's SMTP listener (plaintext passwords allowed).
    #[arg(long, required_unless_present = "upstream_imap")]
    smtp: Option<SocketAddr>,
    /// The user.
    #[arg(long)]
    user: String,
    /// The user's password.
    #[arg(long)]
    password: String,
    /// Where the upstream itself takes mail for the user by SMTP, without login.
    #[arg(long, required_unless_present_any = ["upstream_imap", "submit"])]
    deliver: Option<SocketAddr>,
    /// The upstream's own IMAP server (plaintext passwords allowed): compare with it, in both directions.
    #[arg(long)]
    upstream_imap: Option<SocketAddr>,
    /// Seconds after which a change must have been seen on the other side.
    #[arg(long, default_value_t = 15)]
    bound: u64,
    /// A row of that comparison that need not hold on this upstream. May be repeated.
    #[arg(long)]
    tolerate: Vec<String>,
    /// How many messages of the corpus to append to a folder of their own, which stays.
    #[arg(long, default_value_t = 0)]
    append: usize,
    /// How many varied messages to submit and to compare with what arrives. They stay in the receiver's inbox. Nothing else
    /// is done then.
    #[arg(long, conflicts_with = "upstream_imap")]
    submit: Option<usize>,
    /// Who gets them, if not the user.
    #[arg(long, requires = "receiver_password")]
    receiver: Option<String>,
    /// The receiver's password.
    #[arg(long)]
    receiver_password: Option<String>,
    /// Further recipients of them. May be repeated.
    #[arg(long)]
    other: Vec<String>,
}

#[tokio::main]
async fn main() {
    let arguments = Arguments::parse();
    if let Some(upstream) = arguments.upstream_imap {
        return both::run(&arguments, upstream).await;
    }
    if let (Some(count), Some(smtp)) = (arguments.submit, arguments.smtp) {
        return submit(&arguments, smtp, count).await;
    }
    let (Some(smtp), Some(deliver)) = (arguments.smtp, arguments.deliver) else { unreachable!("clap asks for them") };
    let mut client = ImapClient::login(arguments.imap, &arguments.user, &arguments.password).await;
    let folders = list(&mut client).await;
    let first = read_all(&mut client, &folders).await;
    let second = read_all(&mut client, &folders).await;
    assert!(first == second, "reading everything again gives other bytes");
    println!("read again: identical");
    flags(&mut client).await;
    let third = read_all(&mut client, &folders).await;
    for (key, digest) in &first {
        assert!(third.get(key) == Some(digest), "{key:?} has other bytes after flag changes");
    }
    println!("read after flag changes: identical");
    if arguments.append > 0 {
        append(&mut client, arguments.append).await;
    }
    push(&mut client, &arguments, deliver).await;
    send(&mut client, &arguments, smtp).await;
    println!("all of it held");
}

/// Submits varied messages and tells in what they differ when they arrive.
async fn submit(arguments: &Arguments, smtp: SocketAddr, count: usize) {
    let sender = (arguments.user.clone(), arguments.password.clone());
    let receiver = arguments.receiver.clone().zip(arguments.receiver_password.clone());
    let route = Route {
        smtp,
        imap: arguments.imap,
        receiver: receiver.unwrap_or_else(|| sender.clone()),
        sender,
        others: arguments.other.clone(),
        keeps_id: false,
    };
    let differences = delivered::compare(&route, count).await;
    differences.iter().for_each(|difference| println!("{difference}"));
    println!("messages compared: {count}, differences: {}", differences.len());
    assert!(differences.is_empty(), "not everything arrived as it was sent");
}

async fn list(client: &mut ImapClient) -> Vec<String> {
    let answer = client.command("LIST \"\" *").await.ok();
    let mut names = Vec::new();
    for line in answer.lines() {
        println!("{line}");
        names.extend(line.rsplit_once(" \"/\" ").map(|(_, name)| name.to_owned()));
    }
    assert!(names.iter().any(|name| name == "INBOX"), "no INBOX");
    names
}

/// SHA-256 of every message by folder, UIDVALIDITY and UID.
async fn read_all(client: &mut ImapClient, folders: &[String]) -> BTreeMap<(String, String, u32), [u8; 32]> {
    let began = Instant::now();
    let mut out = BTreeMap::new();
    let (mut bytes, mut broken) = (0, 0);
    for folder in folders {
        let selected = client.command(&format!("EXAMINE {folder}")).await.ok();
        let validity = selected.line("UIDVALIDITY").expect("UIDVALIDITY");
        let answer = client.command("UID FETCH 1:* (RFC822.SIZE BODY.PEEK[])").await.ok();
        for response in &answer.untagged {
            let Some(message) = first_literal(response) else { continue };
            let head = String::from_utf8_lossy(&response[..response.len().min(200)]).into_owned();
            let number = |name: &str| -> u32 {
                let rest = head.split_once(name).unwrap_or_else(|| panic!("{name} in {head}")).1;
                rest.trim_start().split([' ', ')']).next().and_then(|n| n.parse().ok()).expect("a number")
            };
            assert_eq!(number("RFC822.SIZE") as usize, message.len(), "{head}");
            bytes += message.len();
            broken += usize::from(MessageParser::new().parse(message).is_none());
            out.insert((folder.clone(), validity.clone(), number("UID")), Sha256::digest(message).into());
        }
    }
    println!("{} messages, {bytes} bytes, {broken} unparsable, {:.2} s", out.len(), began.elapsed().as_secs_f64());
    out
}

async fn flags(client: &mut ImapClient) {
    client.command("SELECT INBOX").await.ok();
    for flag in ["\\Seen", "\\Flagged", "\\Answered", "\\Deleted", "Project-X"] {
        for (sign, expected) in [("+", true), ("-", false), ("+", true), ("-", false)] {
            client.command(&format!("STORE 1:3 {sign}FLAGS ({flag})")).await.ok();
            client.command("NOOP").await.ok();
            let answer = client.command("FETCH 1:3 FLAGS").await.ok();
            let has = answer.lines().iter().filter(|line| line.contains(flag)).count();
            assert_eq!(has, if expected { 3 } else { 0 }, "{sign}{flag}: {:?}", answer.lines());
        }
        println!("{flag}: set and cleared");
    }
}

/// Appends the corpus and tells which messages come back as they were: at once, after flag changes, and as copies.
async fn append(client: &mut ImapClient, count: usize) {
    let seconds = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs();
    let names = [format!("Corpus {seconds}"), format!("Corpus {seconds} copied")];
    for name in &names {
        client.command(&format!("CREATE \"{name}\"")).await.ok();
    }
    let samples = corpus::messages(count);
    let began = Instant::now();
    for sample in &samples {
        let tag = client.send(&format!("APPEND \"{}\" {{{}}}", names[0], sample.bytes.len())).await;
        assert!(client.response().await.starts_with(b"+"));
        client.raw(&sample.bytes).await;
        client.raw(b"\r\n").await;
        let answer = client.finish(&tag).await;
        assert!(answer.status.starts_with("OK"), "{}: {}", sample.kind, answer.status);
    }
    println!("{count} messages appended in {:.1} s", began.elapsed().as_secs_f64());
    client.command(&format!("SELECT \"{}\"", names[0])).await.ok();
    identical(client, &samples, "at once").await;
    client.command("STORE 1:* +FLAGS.SILENT (\\Seen)").await.ok();
    client.command("STORE 1:* +FLAGS.SILENT (\\Flagged $x)").await.ok();
    identical(client, &samples, "after flag changes").await;
    client.command(&format!("COPY 1:* \"{}\"", names[1])).await.ok();
    client.command(&format!("SELECT \"{}\"", names[1])).await.ok();
    identical(client, &samples, "as copies").await;
}

async fn identical(client: &mut ImapClient, samples: &[Sample], when: &str) {
    let answer = client.command("FETCH 1:* BODY.PEEK[]").await.ok();
    let found: Vec<_> = answer.untagged.iter().filter_map(|line| first_literal(line)).collect();
    assert_eq!(found.len(), samples.len(), "{when}");
    let other = samples.iter().zip(&found).filter(|(sample, bytes)| sample.bytes != **bytes);
    let other: Vec<_> = other.map(|(sample, _)| sample.kind).collect();
    println!("{when}: {} of {} byte-identical", samples.len() - other.len(), samples.len());
    assert!(other.is_empty(), "{when}, other bytes: {other:?}");
}

async fn push(client: &mut ImapClient, arguments: &Arguments, deliver: SocketAddr) {
    client.command("SELECT INBOX").await.ok();
    let tag = client.send("IDLE").await;
    assert!(client.response().await.starts_with(b"+"));
    // A client that idles has done so for a while: what SELECT set off is over, and costs the push no time.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let began = Instant::now();
    let mut smtp = SmtpClient::connect(deliver).await;
    smtp.expect("EHLO test", "250").await;
    let message = format!("From: x@example.org\r\nTo: {}\r\nSubject: pushed\r\n\r\nhello", arguments.user);
    smtp.send("x@example.org", &[&arguments.user], &message).await;
    let delivered = began.elapsed();
    while !client.response().await.ends_with(b" EXISTS") {}
    let pushed = began.elapsed() - delivered;
    println!("delivery pushed {:.0} ms after the upstream's 250", pushed.as_secs_f64() * 1000.0);
    client.raw(b"DONE\r\n").await;
    client.finish(&tag).await.ok();
    let answer = client.command("FETCH * BODY.PEEK[HEADER.FIELDS (SUBJECT)]").await.ok();
    assert!(answer.lines()[0].contains("pushed"), "{:?}", answer.lines());
}

async fn send(client: &mut ImapClient, arguments: &Arguments, smtp: SocketAddr) {
    let before = client.command("SELECT INBOX").await.ok().line(" EXISTS");
    let mut smtp = SmtpClient::login(smtp, &arguments.user, &arguments.password).await;
    let user = &arguments.user;
    let message = format!(
        "From: {user}\r\nTo: {user}\r\nSubject: sent through the gateway\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n--b\r\nContent-Type: application/pdf; name=\"a.pdf\"\r\nContent-Disposition: attachment; filename=\"a.pdf\"\r\nContent-Transfer-Encoding: base64\r\n\r\nAAECAwQF\r\n--b--"
    );
    smtp.send(user, &[user], &message).await;
    for _ in 0..100 {
        let now = client.command("SELECT INBOX").await.ok().line(" EXISTS");
        if now != before {
            let answer = client.command("FETCH * BODY.PEEK[]").await.ok();
            let message = first_literal(&answer.untagged[0]).expect("a literal");
            let message = MessageParser::new().parse(message).expect("a message");
            assert_eq!(message.subject(), Some("sent through the gateway"));
            let attachment = message.attachments().next().expect("an attachment");
            assert_eq!(attachment.contents(), [0, 1, 2, 3, 4, 5]);
            println!("sent, arrived, attachment intact");
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("what was sent did not arrive");
}
