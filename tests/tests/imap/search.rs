//! Searches in messages that are not in memory: by the server, and by reading them (`imap.search`).

use exchange_sandbox::seed::MessageBuilder;
use exchange_sandbox::store::Special;
use mapi_core::property::{FileTime, PropertyValue, tags};
use tests::imap_client::ImapClient;
use tests::stack::{ALICE, PASSWORD, Seed, Stack};

const MESSAGES: u64 = 400;
const DAY: u64 = 86_400 * 10_000_000;
/// 2026-01-01.
const FIRST: u64 = 134_116_992_000_000_000;

/// Messages that differ in everything that a search can ask for.
fn message(number: u64) -> exchange_sandbox::seed::MessageBuilder {
    let word = ["invoice", "report", "Ärger", "GRÜSSE", "meeting"][(number % 5) as usize];
    let mut builder = MessageBuilder::new(format!("{word} {number}"))
        .from(&format!("Person {}", number % 17), &format!("person{}@example.org", number % 17))
        .recipient(1, "Alice Example", ALICE)
        .recipient(2, &format!("Copy {}", number % 3), &format!("copy{}@example.org", number % 3))
        .date(FileTime(FIRST + number * DAY / 7));
    builder = match number % 4 {
        0 => builder.body(format!("Plain text of {number}.\r\nThe zebra is in every fourth.\r\n")),
        1 => builder.html(format!("<html><body><p>Page <b>number</b> {number}</p></body></html>")),
        2 => builder.body("Short.\r\n").attach("data.bin", "application/octet-stream", vec![7; 200_000]),
        _ => builder.body("x".repeat(500 + usize::try_from(number).unwrap_or_default() * 13)),
    };
    if number.is_multiple_of(3) {
        let header = format!(
            "From: \"Person {}\" <person{}@example.org>\r\nTo: Alice Example <{ALICE}>\r\nCc: Copy {} <copy{}@example.org>\r\n\
             Subject: {}\r\nList-Id: <list{}.example.org>\r\nMessage-ID: <{number}@example.org>\r\n\
             Date: {} 2026 12:00:00 +0000\r\n\r\n",
            number % 17,
            number % 17,
            number % 3,
            number % 3,
            if word.is_ascii() { format!("{word} {number}") } else { format!("=?utf-8?q?{}?=", quoted(word, number)) },
            number % 2,
            if number / 7 < 31 { format!("{} Jan", 1 + number / 7) } else { format!("{} Feb", number / 7 - 30) },
        );
        builder = builder.set(tags::PidTagTransportMessageHeaders, PropertyValue::String(header));
    }
    builder.message_id(format!("<{number}@example.org>"))
}

fn quoted(word: &str, number: u64) -> String {
    let mut out = String::new();
    for byte in format!("{word} {number}").bytes() {
        out.push_str(&format!("={byte:02X}"));
    }
    out
}

/// Those at the end have to read messages.
const SEARCHES: [&str; 22] = [
    "SUBJECT invoice",
    "SUBJECT \"REPORT 1\"",
    "CHARSET UTF-8 SUBJECT \"ärger\"",
    "CHARSET UTF-8 SUBJECT \"grüsse\"",
    "FROM person16@",
    "FROM \"PERSON 3\"",
    "TO alice",
    "CC copy1@example",
    "BCC alice",
    "HEADER Message-ID <17@example.org>",
    "HEADER From person5@example.org",
    "BODY zebra",
    "TEXT zebra",
    "TEXT person16@",
    "SENTSINCE 20-Jan-2026",
    "SENTBEFORE 15-Jan-2026",
    "SENTON 18-Jan-2026",
    "OR (SUBJECT invoice FROM person1@) (NOT BODY zebra SENTSINCE 1-Feb-2026)",
    "UNSEEN NOT SUBJECT invoice NOT SUBJECT report UID 50:250",
    "HEADER List-Id list1",
    "LARGER 100000",
    "SMALLER 2000",
];

async fn stack(keys: &str) -> Stack {
    let stack = Stack::start_configured(Seed::Empty, keys).await;
    stack.as_outlook(|mailbox| {
        let inbox = mailbox.special(Special::Inbox);
        for number in 0..MESSAGES {
            mailbox.add(inbox, message(number).build(), false).expect("added");
        }
    });
    stack
}

async fn search(client: &mut ImapClient, keys: &str) -> String {
    let answer = client.command(&format!("UID SEARCH {keys}")).await.ok();
    answer.line("* SEARCH").unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_finds_what_reading_finds() {
    let (server, exact) = (stack("").await, stack("[imap]\nsearch = \"exact\"\n").await);
    let mut reading = ImapClient::login(exact.imap, ALICE, PASSWORD).await;
    reading.command("SELECT INBOX").await.ok();
    let mut asking = ImapClient::login(server.imap, ALICE, PASSWORD).await;
    asking.command("SELECT INBOX").await.ok();
    let mut differ = Vec::new();
    for keys in SEARCHES {
        let before = server.executes();
        let (found, read) = (search(&mut asking, keys).await, search(&mut reading, keys).await);
        println!("{keys}: {} requests", server.executes() - before);
        if found != read {
            differ.push(format!("{keys}: {found}, not {read}"));
        }
    }
    assert!(differ.is_empty(), "{}", differ.join("\n"));
    // And when everything is in memory.
    asking.command("FETCH 1:* BODY.PEEK[]").await.ok();
    for keys in SEARCHES {
        let before = server.executes();
        assert_eq!(search(&mut asking, keys).await, search(&mut reading, keys).await, "{keys}");
        assert_eq!(server.executes(), before, "{keys}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_of_the_server_takes_few_requests() {
    let stack = stack("").await;
    let mut client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    client.command("SELECT INBOX").await.ok();
    for keys in ["SUBJECT invoice", "FROM person3@", "TO alice", "BODY zebra", "TEXT zebra"] {
        let before = stack.executes();
        let found = search(&mut client, keys).await;
        assert!(found.len() > "* SEARCH".len(), "{keys}");
        let used = stack.executes() - before;
        assert!(used <= 3, "{keys}: {used} requests");
    }
}

/// What is put in order is held until the end, and a message that needs all the memory there is for its user comes all the same.
#[tokio::test(flavor = "multi_thread")]
async fn messages_with_large_headers_are_sorted() {
    let stack = Stack::start(Seed::Empty).await;
    let mut client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    for number in 0..3 {
        let message = format!("From: a@b.c\r\nSubject: {}{number}\r\n\r\nx\r\n", "A".repeat(300_000));
        client.command(&format!("APPEND INBOX {{{}+}}\r\n{message}", message.len())).await.ok();
    }
    let stack = stack.restart_without_ledger().await;
    let mut client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    client.command("SELECT INBOX").await.ok();
    let sorted = client.command("SORT (REVERSE SUBJECT) UTF-8 ALL").await.ok();
    assert!(sorted.line("* SORT ").is_some_and(|line| line.split(' ').count() == 5), "{:?}", sorted.lines());
    let threads = client.command("THREAD REFERENCES UTF-8 ALL").await.ok();
    assert!(threads.line("* THREAD ").is_some(), "{:?}", threads.lines());
}
