//! How many Execute requests the upstream is asked for each operation, at 10,000 messages. Counted by the sandbox, so the
//! same on every machine.

use std::time::Duration;

use exchange_sandbox::RunningSandbox;
use exchange_sandbox::seed::{self, MessageBuilder};
use exchange_sandbox::store::Special;
use tests::imap_client::ImapClient;
use tests::smtp_client;
use tests::stack::{ALICE, BOB, PASSWORD, Seed, Stack};
use tests::until::until;

const MESSAGES: usize = 10_000;

/// Execute requests between two points.
struct Meter<'a> {
    sandbox: &'a RunningSandbox,
    before: u64,
    used: u64,
}

impl<'a> Meter<'a> {
    fn new(stack: &'a Stack) -> Self {
        Self { sandbox: &stack.sandbox, before: stack.executes(), used: 0 }
    }

    /// Waits until no more requests come, so that what an operation leaves behind (fetching notifications of its own
    /// changes) counts for it. Fails if more than `budget` were made; prints what was used.
    async fn within(&mut self, budget: u64, what: &str) {
        let mut now = self.sandbox.counters().execute();
        // On a busy machine the last of them takes a while to come.
        let mut quiet = 0;
        while quiet < 8 {
            tokio::time::sleep(Duration::from_millis(200)).await;
            let later = self.sandbox.counters().execute();
            quiet = if later == now { quiet + 1 } else { 0 };
            now = later;
        }
        let used = now - self.before;
        println!("{what}: {used} E (budget {budget})");
        assert!(used <= budget, "{what}: {used} Execute requests, budget {budget}");
        (self.before, self.used) = (now, used);
    }

    /// How many it were.
    fn last(&self) -> u64 {
        self.used
    }
}

async fn select(client: &mut ImapClient) -> u32 {
    let answer = client.command("SELECT INBOX").await.ok();
    let exists = answer.line(" EXISTS").expect("EXISTS");
    exists.split_whitespace().nth(1).and_then(|count| count.parse().ok()).expect("a count")
}

#[tokio::test(flavor = "multi_thread")]
async fn selecting_ten_thousand_messages() {
    let stack = Stack::start(Seed::Bulk(MESSAGES)).await;
    let mut client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    let mut meter = Meter::new(&stack);
    assert_eq!(select(&mut client).await as usize, MESSAGES);
    meter.within(20, "SELECT with an empty ledger").await;
    select(&mut client).await;
    meter.within(0, "SELECT again").await;
    let flags = client.command("FETCH 1:* (UID FLAGS INTERNALDATE)").await.ok();
    assert_eq!(flags.untagged.len(), MESSAGES);
    client.command("NOOP").await.ok();
    meter.within(0, "FETCH FLAGS and NOOP").await;
    let mut other = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    meter.within(0, "LOGIN of a known account").await;
    assert_eq!(select(&mut other).await as usize, MESSAGES);
    meter.within(0, "SELECT by a second connection").await;
    let uids = |answer: tests::imap_client::Answer| answer.line("UIDVALIDITY").expect("UIDVALIDITY");
    let before = uids(other.command("SELECT INBOX").await);

    let stack = stack.restart().await;
    let mut client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    client.command("LIST \"\" *").await.ok();
    let mut meter = Meter::new(&stack);
    let answer = client.command("SELECT INBOX").await.ok();
    assert!(answer.line(&format!("{MESSAGES} EXISTS")).is_some());
    meter.within(1, "SELECT with a ledger, nothing changed").await;
    assert_eq!(uids(answer), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn fetching_what_needs_renderings() {
    let stack = Stack::start(Seed::Bulk(MESSAGES)).await;
    let mut client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    select(&mut client).await;
    let mut meter = Meter::new(&stack);
    let answer = client.command("FETCH 1:1000 (RFC822.SIZE ENVELOPE)").await.ok();
    assert_eq!(answer.untagged.len(), 1000);
    let bytes: u64 = answer.lines().iter().map(|line| size_of(line)).sum();
    let budget = 1000 / 50 + bytes * 5 / 4 / (256 * 1024) + 2;
    meter.within(budget, &format!("first FETCH of sizes and envelopes of 1,000 messages, {bytes} bytes")).await;
    let again = client.command("FETCH 1:1000 (RFC822.SIZE)").await.ok();
    assert_eq!(again.lines().iter().map(|line| size_of(line)).sum::<u64>(), bytes);
    client.command("FETCH 1:1000 (ENVELOPE BODYSTRUCTURE)").await.ok();
    meter.within(0, "the same again").await;
}

/// What listings need is kept where the messages themselves don't fit.
#[tokio::test(flavor = "multi_thread")]
async fn listing_what_does_not_fit_the_memory() {
    let stack = Stack::start_configured(Seed::Bulk(MESSAGES), "[cache]\nrendering_bytes = 100_000\n").await;
    let mut client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    select(&mut client).await;
    let items = "(RFC822.SIZE ENVELOPE BODYSTRUCTURE BODY.PEEK[HEADER] BODY.PEEK[1.MIME])";
    let listing = format!("FETCH 1:1000 {items}");
    let first = client.command(&listing).await.ok();
    let bytes: u64 = first.lines().iter().map(|line| size_of(line)).sum();
    let mut meter = Meter::new(&stack);
    let again = client.command(&listing).await.ok();
    assert!(again.untagged == first.untagged, "an outline shows the same as the message");
    for key in ["SUBJECT message", "FROM example", "SENTSINCE 1-Jan-2000", "HEADER X-Mailer outlook"] {
        client.command(&format!("SEARCH 1:1000 {key}")).await.ok();
    }
    meter.within(0, "listing 1,000 again, and searching in their headers").await;
    client.command("FETCH 1:1000 BODY.PEEK[]").await.ok();
    let budget = 1000 / 50 + bytes * 5 / 4 / (256 * 1024) + 2;
    meter.within(budget, &format!("reading them again, {bytes} bytes")).await;
    assert!(meter.last() > 15, "the messages were still in memory");
}

/// As clients do that fetch one message a command.
#[tokio::test(flavor = "multi_thread")]
async fn reading_one_after_the_other() {
    let stack = Stack::start(Seed::Bulk(MESSAGES)).await;
    let mut client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    select(&mut client).await;
    let mut meter = Meter::new(&stack);
    for number in 1..=500 {
        let answer = client.command(&format!("FETCH {number} (UID BODY.PEEK[])")).await.ok();
        assert_eq!(answer.untagged.len(), 1, "{number}");
    }
    meter.within(40, "500 messages, one after the other").await;
    client.command("FETCH 501:550 (UID BODY.PEEK[])").await.ok();
    for number in (1000..1500).step_by(5) {
        client.command(&format!("FETCH {number} (UID BODY.PEEK[])")).await.ok();
    }
    meter.within(110, "100 messages here and there").await;
    for number in 2000..2003 {
        client.command(&format!("FETCH {number} (UID BODY.PEEK[])")).await.ok();
    }
    meter.within(6, "three, and what was read in vain").await;
    // Who reads from the newest to the oldest is not helped, and costs no more than before.
    for number in (3000..3020).rev() {
        client.command(&format!("FETCH {number} BODYSTRUCTURE")).await.ok();
    }
    meter.within(21, "20 messages downwards").await;
}

fn size_of(line: &str) -> u64 {
    let (_, rest) = line.split_once("RFC822.SIZE ").expect("a size");
    rest.split([' ', ')']).next().and_then(|size| size.parse().ok()).expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn storing_flags_of_a_thousand_messages() {
    let stack = Stack::start(Seed::Bulk(MESSAGES)).await;
    let mut client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    select(&mut client).await;
    client.command("FETCH 1:1000 (RFC822.SIZE)").await.ok();
    let mut meter = Meter::new(&stack);
    let answer = client.command("STORE 1:1000 +FLAGS (\\Seen)").await.ok();
    assert!(answer.untagged.len() <= 1000 && !answer.untagged.is_empty());
    meter.within(5, "STORE \\Seen on 1,000").await;
    client.command("STORE 1:1000 +FLAGS (\\Flagged)").await.ok();
    meter.within(45, "STORE \\Flagged on 1,000").await;
    client.command("STORE 1:1000 +FLAGS (Later)").await.ok();
    meter.within(48, "STORE of a keyword on 1,000, with their lists read before").await;
    client.command("STORE 1:1000 +FLAGS (\\Flagged \\Seen)").await.ok();
    meter.within(0, "STORE of what is set already").await;
    client.command("STORE 1:1000 +FLAGS (\\Deleted)").await.ok();
    meter.within(0, "STORE \\Deleted, which the ledger keeps").await;
    let shown = client.command("FETCH 1:1000 (RFC822.SIZE ENVELOPE BODYSTRUCTURE)").await.ok();
    assert_eq!(shown.untagged.len(), 1000);
    meter.within(0, "FETCH of what the gateway itself set flags of").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn being_pushed_new_mail() {
    let stack = Stack::start(Seed::Bulk(MESSAGES)).await;
    let mut client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    select(&mut client).await;
    let tag = client.send("IDLE").await;
    assert!(client.response().await.starts_with(b"+"));
    // What the login left behind is over before anything is delivered.
    Meter::new(&stack).within(5, "after IDLE").await;
    let mut meter = Meter::new(&stack);
    stack.deliver(ALICE, "pushed", "hello");
    let expected = format!("* {} EXISTS", MESSAGES + 1);
    while client.response().await != expected.as_bytes() {}
    meter.within(2, "new mail to EXISTS in an idling client").await;
    client.raw(b"DONE\r\n").await;
    client.finish(&tag).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn submitting_a_small_message() {
    let stack = Stack::start(Seed::Empty).await;
    let mut smtp = smtp_client::SmtpClient::login(stack.smtp, ALICE, PASSWORD).await;
    let body = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abc\r\n".repeat(160);
    let message = format!("From: {ALICE}\r\nTo: {BOB}\r\nSubject: ten KiB\r\n\r\n{body}");
    smtp.send(ALICE, &[BOB], &message).await;
    // The account is warm now: named properties are known.
    Meter::new(&stack).within(20, "the first submission").await;
    let mut meter = Meter::new(&stack);
    smtp.send(ALICE, &[BOB], &message).await;
    meter.within(3, "submission of a 10 KiB message").await;
    assert_eq!(stack.message_count(BOB), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn copying_moving_and_appending() {
    let stack = Stack::start(Seed::Bulk(MESSAGES)).await;
    let mut client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    client.command("CREATE Target").await.ok();
    select(&mut client).await;
    client.command("STATUS Target (UIDNEXT)").await.ok();
    let mut meter = Meter::new(&stack);
    meter.within(20, "getting ready").await;
    // The notification of the new folder has come by now; with it goes the tree.
    client.command("LIST \"\" *").await.ok();
    meter.within(1, "LIST").await;
    let answer = client.command("COPY 1:1000 Target").await.ok();
    assert!(answer.status.contains(" 1:1000 1:1000]"), "{}", answer.status);
    meter.within(6, "COPY of 1,000").await;
    let answer = client.command("MOVE 1001:2000 Target").await.ok();
    assert!(answer.line(" 1001:2000 1001:2000]").is_some());
    meter.within(6, "MOVE of 1,000").await;
    client.command("STORE 1:1000 +FLAGS.SILENT (\\Deleted)").await.ok();
    client.command("EXPUNGE").await.ok();
    meter.within(4, "EXPUNGE of 1,000").await;
    let append = format!("APPEND Target (\\Seen) {{72+}}\r\nSubject: small\r\n\r\n{}", "x".repeat(54));
    client.command(&append).await.ok();
    meter.within(6, "the first APPEND").await;
    client.command(&append).await.ok();
    meter.within(6, "APPEND of a small message").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn searching_in_messages_that_were_never_read() {
    let stack = Stack::start(Seed::Bulk(MESSAGES)).await;
    let mut client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    select(&mut client).await;
    let mut meter = Meter::new(&stack);
    meter.within(20, "LOGIN and SELECT").await;
    for keys in ["SUBJECT 77", "FROM nobody@", "TEXT 123", "BODY nothing", "OR SUBJECT 77 BODY nothing"] {
        let answer = client.command(&format!("SEARCH {keys}")).await.ok();
        assert_eq!(answer.untagged.len(), 1, "{keys}");
        // The first one opens a session that is for what takes long.
        meter.within(6, &format!("SEARCH {keys} in {MESSAGES} messages that were never read")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn asking_for_the_status_of_many_folders() {
    const FOLDERS: usize = 40;
    let stack = Stack::start(Seed::Bulk(100)).await;
    stack.sandbox.with(|store| {
        let mailbox = store.mailbox_of(ALICE).expect("a mailbox");
        let top = mailbox.special(Special::IpmSubtree);
        for number in 0..FOLDERS {
            mailbox.create_folder(top, &format!("Folder {number}"), "", 1, false).expect("made");
        }
    });
    let mut client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    let mut meter = Meter::new(&stack);
    meter.within(20, "LOGIN").await;
    for number in 0..FOLDERS {
        let answer = client.command(&format!("STATUS \"Folder {number}\" (MESSAGES RECENT UNSEEN)")).await.ok();
        assert!(answer.line("(MESSAGES 0 RECENT 0 UNSEEN 0)").is_some(), "{:?}", answer.lines());
    }
    let inbox = client.command("STATUS INBOX (MESSAGES RECENT UNSEEN)").await.ok();
    assert!(inbox.line("MESSAGES 100 RECENT 100 ").is_some(), "{:?}", inbox.lines());
    meter.within(2, "STATUS of 41 unopened folders").await;
}

/// What was told of a folder that nobody read holds, whatever comes and goes before somebody does.
#[tokio::test(flavor = "multi_thread")]
async fn uidnext_that_was_told_of_an_empty_folder_holds() {
    for left in [0, 1, 3] {
        let stack = Stack::start(Seed::Bulk(1)).await;
        let folder = stack.as_outlook(|mailbox| {
            let top = mailbox.special(Special::IpmSubtree);
            mailbox.create_folder(top, "Folder 0", "", 1, false).expect("made").0
        });
        let mut client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
        let empty = status(&mut client, 0).await;
        assert_eq!((empty.messages, empty.uid_next), (0, 1));
        let ids: Vec<u64> = stack.as_outlook(|mailbox| {
            let message = || MessageBuilder::new("new").from("Somebody", "somebody@example.org").body("new").build();
            (0..4).map(|_| mailbox.add(folder, message(), false).expect("added")).collect()
        });
        until("four are told of", async || status(&mut client, 0).await.messages == 4).await;
        let told = status(&mut client, 0).await;
        assert!(told.uid_next >= 5, "{told:?}");
        stack.as_outlook(|mailbox| mailbox.delete_messages(folder, &ids[left..], false).map(drop)).expect("deleted");
        until("they are gone", async || status(&mut client, 0).await.messages == left as u32).await;
        let (stack, mut client) = if left == 1 {
            drop(client);
            let stack = stack.restart().await;
            let client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
            (stack, client)
        } else {
            (stack, client)
        };
        let appended = client.command("APPEND \"Folder 0\" {15+}\r\nSubject: x\r\n\r\ny").await.ok();
        let uid = appended.status.split(['[', ']']).nth(1).and_then(|code| code.rsplit(' ').next()?.parse().ok());
        let uid: u32 = uid.unwrap_or_else(|| panic!("{}", appended.status));
        assert!(uid >= told.uid_next, "UID {uid} of {left} left, after {told:?}");
        let now = status(&mut client, 0).await;
        assert_eq!((now.uid_validity, now.messages), (empty.uid_validity, left as u32 + 1));
        assert!(now.uid_next > uid, "{now:?}");
        drop(stack);
    }
}

/// As Thunderbird asks at each check for new mail.
#[tokio::test(flavor = "multi_thread")]
async fn asking_for_uidnext_of_many_folders() {
    let is_full = std::env::var_os("FULL").is_some();
    let (folders, messages) = if is_full { (500, 2000) } else { (100, 20) };
    let stack = Stack::start(Seed::Bulk(100)).await;
    let ids: Vec<u64> = stack.as_outlook(|mailbox| {
        let top = mailbox.special(Special::IpmSubtree);
        let make = |number| {
            let (folder, _) = mailbox.create_folder(top, &format!("Folder {number}"), "", 1, false).expect("made");
            seed::bulk(mailbox, folder, messages).expect("seeded");
            folder
        };
        (0..folders).map(make).collect()
    });
    let add = |stack: &Stack, number: usize| {
        let message = MessageBuilder::new("new").from("Somebody", "somebody@example.org").body("new").build();
        stack.as_outlook(|mailbox| mailbox.add(ids[number], message, false).map(drop)).expect("added");
    };
    let mut client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    let mut meter = Meter::new(&stack);
    meter.within(20, "LOGIN").await;
    let told = statuses(&mut client, folders).await;
    meter.within(2, &format!("STATUS with UIDNEXT of {folders} folders that were never read")).await;
    assert!(told.iter().all(|status| status.messages == messages as u32 && status.uid_next > status.messages));
    assert_eq!(statuses(&mut client, folders).await, told);
    meter.within(1, "the same again").await;

    add(&stack, 7);
    let mut expected = told.clone();
    (expected[7].messages, expected[7].uid_next, expected[7].unseen) =
        (told[7].messages + 1, told[7].uid_next + 1, told[7].unseen + 1);
    until("the message is told of", async || status(&mut client, 7).await == expected[7]).await;
    assert_eq!(statuses(&mut client, folders).await, expected);
    let selected = client.command("EXAMINE \"Folder 7\"").await.ok();
    assert!(selected.line(&format!("[UIDNEXT {}]", expected[7].uid_next)).is_some(), "{:?}", selected.lines());
    assert!(selected.line(&format!("[UIDVALIDITY {}]", expected[7].uid_validity)).is_some());
    let last = client.command("FETCH * UID").await.ok();
    assert!(last.line(&format!("(UID {})", told[7].uid_next)).is_some(), "{:?}", last.lines());
    client.command("UNSELECT").await.ok();
    drop(client);

    let stack = stack.restart().await;
    let mut client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    let mut meter = Meter::new(&stack);
    meter.within(20, "LOGIN").await;
    assert_eq!(statuses(&mut client, folders).await, expected);
    meter.within(2, "the same after a restart").await;
    // One folder that was read, and one that was not.
    for number in [7, 8] {
        add(&stack, number);
        (expected[number].messages, expected[number].uid_next, expected[number].unseen) =
            (expected[number].messages + 1, expected[number].uid_next + 1, expected[number].unseen + 1);
        until("the message is told of", async || status(&mut client, number).await == expected[number]).await;
    }
    assert_eq!(statuses(&mut client, folders).await, expected);
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Status {
    messages: u32,
    unseen: u32,
    uid_next: u32,
    uid_validity: u32,
}

async fn statuses(client: &mut ImapClient, folders: usize) -> Vec<Status> {
    let mut statuses = Vec::new();
    for number in 0..folders {
        statuses.push(status(client, number).await);
    }
    statuses
}

async fn status(client: &mut ImapClient, number: usize) -> Status {
    let command = format!("STATUS \"Folder {number}\" (UIDNEXT MESSAGES UNSEEN UIDVALIDITY)");
    let line = client.command(&command).await.ok().line("* STATUS ").expect("a status");
    let words: Vec<&str> = line.split([' ', '(', ')']).collect();
    let value = |item: &str| {
        let at = words.iter().position(|word| *word == item).expect("the item");
        words[at + 1].parse().expect("a number")
    };
    Status {
        messages: value("MESSAGES"),
        unseen: value("UNSEEN"),
        uid_next: value("UIDNEXT"),
        uid_validity: value("UIDVALIDITY"),
    }
}
