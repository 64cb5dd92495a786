//! What clients are told that come back (CONDSTORE and QRESYNC, RFC 7162), with ledgers as they may be by then.

use exchange_sandbox::store::Special;
use tests::imap_client::{Answer, ImapClient};
use tests::stack::{ALICE, PASSWORD, Seed, Stack};

async fn client(stack: &Stack) -> ImapClient {
    let mut client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    client.command("ENABLE QRESYNC").await.ok();
    client
}

fn number(answer: &Answer, name: &str) -> u64 {
    let line = answer.line(&format!("[{name} ")).expect("told");
    let rest = line.split_once(&format!("[{name} ")).and_then(|(_, rest)| rest.split_once(']')).expect("a code").0;
    rest.parse().expect("a number")
}

/// UIDVALIDITY and HIGHESTMODSEQ of the inbox, selected.
async fn select(client: &mut ImapClient) -> (u64, u64) {
    let answer = client.command("SELECT INBOX").await.ok();
    (number(&answer, "UIDVALIDITY"), number(&answer, "HIGHESTMODSEQ"))
}

/// What is told of the inbox to who knows it up to a MODSEQ: which UIDs vanished, and the messages that are shown.
async fn resync(client: &mut ImapClient, known: (u64, u64), more: &str) -> (String, Vec<String>) {
    let answer = client.command(&format!("SELECT INBOX (QRESYNC ({} {}{more}))", known.0, known.1)).await.ok();
    let gone = answer.line("VANISHED").unwrap_or_default().replace("* VANISHED (EARLIER) ", "");
    let shown = answer.lines().into_iter().filter(|line| line.contains(" FETCH ")).collect();
    (gone.trim().to_owned(), shown)
}

/// Somebody deletes the messages of these subjects past the gateway.
fn delete(stack: &Stack, subjects: &[&str]) {
    stack.as_outlook(|mailbox| {
        let inbox = mailbox.special(Special::Inbox);
        for subject in subjects {
            let id = *mailbox.find_subject(inbox, subject).first().expect("there");
            mailbox.delete_messages(inbox, &[id], false).expect("deleted");
        }
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_back_is_told_what_was_missed_also_after_a_restart() {
    let stack = Stack::start(Seed::Empty).await;
    for subject in ["one", "two", "three", "four"] {
        stack.deliver(ALICE, subject, "body");
    }
    let mut first = client(&stack).await;
    let known = select(&mut first).await;
    first.command("UID STORE 3 +FLAGS.SILENT (\\Flagged)").await.ok();
    first.command("UID STORE 1 +FLAGS.SILENT (\\Deleted)").await.ok();
    let expunged = first.command("EXPUNGE").await.ok();
    assert!(expunged.line("* VANISHED 1").is_some(), "{:?}", expunged.lines());
    let told = format!("[HIGHESTMODSEQ {}]", known.1 + 3);
    assert!(expunged.status.contains(&told), "{}, not {told}", expunged.status);
    let stack = stack.restart().await;
    // While nobody looks.
    delete(&stack, &["four"]);
    stack.deliver(ALICE, "five", "body");
    let mut back = client(&stack).await;
    let (gone, shown) = resync(&mut back, known, "").await;
    assert_eq!(gone, "1,4");
    assert!(shown.len() == 2 && shown[0].contains("* 2 FETCH (UID 3 FLAGS (\\Flagged)"), "{shown:?}");
    assert!(shown[1].contains("* 3 FETCH (UID 5 FLAGS (\\Recent)"), "{shown:?}");
    assert_eq!(resync(&mut back, known, " 2:3").await.0, "");
    let (_, modseq) = select(&mut back).await;
    assert_eq!(resync(&mut back, (known.0, modseq), "").await, (String::new(), vec![]));
    assert_eq!(resync(&mut back, (known.0 + 1, 1), "").await, (String::new(), vec![]));
    let status = back.command("STATUS INBOX (HIGHESTMODSEQ)").await.ok();
    assert!(status.line(&format!("(HIGHESTMODSEQ {modseq})")).is_some(), "{:?}", status.lines());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_condition_knows_what_outlook_did_a_moment_ago() {
    let stack = Stack::start(Seed::Empty).await;
    stack.deliver(ALICE, "one", "body");
    stack.deliver(ALICE, "two", "body");
    let mut client = client(&stack).await;
    let (_, modseq) = select(&mut client).await;
    stack.as_outlook(|mailbox| {
        let inbox = mailbox.special(Special::Inbox);
        let id = *mailbox.find_subject(inbox, "two").first().expect("there");
        mailbox.set_flagged(id, true).expect("flagged");
    });
    let stored = client.command(&format!("STORE 1:2 (UNCHANGEDSINCE {modseq}) FLAGS.SILENT (\\Seen)")).await.ok();
    assert!(stored.status.starts_with("OK [MODIFIED 2]"), "{}", stored.status);
    assert!(stored.line("* 2 FETCH (UID 2 FLAGS (\\Flagged").is_some(), "{:?}", stored.lines());
    let flags = client.command("FETCH 1:2 FLAGS").await.ok();
    assert!(
        flags.line("* 1 FETCH (FLAGS (\\Seen").is_some() && flags.line("\\Flagged").is_some(),
        "{:?}",
        flags.lines()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_clients_with_the_same_condition_do_not_both_succeed() {
    let stack = Stack::start(Seed::Bulk(1)).await;
    let (mut one, mut other) = (client(&stack).await, client(&stack).await);
    let (_, modseq) = select(&mut one).await;
    select(&mut other).await;
    for round in 0..10 {
        let sign = if round % 2 == 0 { "+" } else { "-" };
        let answer = one.command("FETCH 1 MODSEQ").await.ok();
        let line = answer.line("MODSEQ (").expect("shown");
        let now: u64 =
            line.split_once("MODSEQ (").and_then(|(_, rest)| rest.split(')').next()?.parse().ok()).expect("a number");
        assert!(now >= modseq || round == 0);
        let command = format!("UID STORE 1 (UNCHANGEDSINCE {now}) {sign}FLAGS.SILENT (\\Flagged)");
        let (first, second) = tokio::join!(one.command(&command), other.command(&command));
        let modified = [first.ok(), second.ok()].iter().filter(|answer| answer.status.contains("[MODIFIED 1]")).count();
        assert_eq!(modified, 1, "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_remembered_any_more_is_told_by_what_is_there() {
    let stack = Stack::start_with_ledger(Seed::Empty, "tombstones = 2", |builder| builder).await;
    for number in 1..=9 {
        stack.deliver(ALICE, &format!("m{number}"), "body");
    }
    let mut first = client(&stack).await;
    let known = select(&mut first).await;
    for uid in [2, 3, 5, 7] {
        first.command(&format!("UID STORE {uid} +FLAGS.SILENT (\\Deleted)")).await.ok();
        first.command("EXPUNGE").await.ok();
    }
    let mut back = client(&stack).await;
    assert_eq!(resync(&mut back, known, "").await.0, "2:3,5,7");
    assert_eq!(resync(&mut back, known, " 1:4,7").await.0, "2:3,7");
    assert_eq!(resync(&mut back, known, " 1:9 (1,4 1,4)").await.0, "2:3,5,7");
    assert_eq!(resync(&mut back, known, " 1:9 (1,3 1,6)").await.0, "7");
    let fetched = back.command(&format!("UID FETCH 1:* (FLAGS) (CHANGEDSINCE {} VANISHED)", known.1)).await.ok();
    assert!(fetched.line("* VANISHED (EARLIER) 2:3,5,7").is_some(), "{:?}", fetched.lines());
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_lost_ledger_nothing_stays_that_it_told() {
    let stack = Stack::start(Seed::Empty).await;
    for number in 1..=3 {
        stack.deliver(ALICE, &format!("m{number}"), "body");
    }
    let mut before = client(&stack).await;
    select(&mut before).await;
    // Bytes that are known keep their UIDs.
    before.command("UID FETCH 1:* BODY.PEEK[]").await.ok();
    let copy = tempfile::tempdir().expect("a directory");
    let to = copy.path().to_owned();
    let copied = |from: &std::path::Path, to: &std::path::Path| {
        for entry in std::fs::read_dir(from).expect("a directory").map(|entry| entry.expect("an entry")) {
            if entry.path().extension().is_some_and(|ending| ending == "redb") {
                std::fs::copy(entry.path(), to.join(entry.file_name())).expect("copied");
            }
        }
    };
    let stack = stack.restart_after(|ledger| copied(ledger, &to)).await;
    // What only the ledger knows that is going to be lost.
    stack.deliver(ALICE, "m4", "body");
    stack.deliver(ALICE, "m5", "body");
    let mut first = client(&stack).await;
    select(&mut first).await;
    first.command("UID STORE 2 +FLAGS.SILENT (\\Flagged \\Deleted)").await.ok();
    first.command("UID STORE 2 -FLAGS.SILENT (\\Deleted)").await.ok();
    first.command("UID STORE 1,4 +FLAGS.SILENT (\\Deleted)").await.ok();
    first.command("EXPUNGE").await.ok();
    let known = select(&mut first).await;
    let stack = stack.restart_after(|ledger| copied(&to, ledger)).await;
    let mut back = client(&stack).await;
    let (gone, shown) = resync(&mut back, known, "").await;
    let all = back.command("UID SEARCH ALL").await.ok().lines().join("");
    let uids: Vec<u32> = all.split(' ').filter_map(|word| word.trim().parse().ok()).collect();
    assert!(uids.len() == 3 && uids[..2] == [2, 3] && uids[2] > 5, "{uids:?}");
    // Of 2, 3 and 5 the client knew; 5 is another one now, and all that are there are shown, whatever their flags were.
    assert!(gone.starts_with("1,4:"), "{gone}");
    let shown_uids = shown.iter().filter(|line| uids.iter().any(|uid| line.contains(&format!("UID {uid} ")))).count();
    assert_eq!((shown.len(), shown_uids), (3, 3), "{shown:?}");
    // What is said of numbers by who knows the lost one proves nothing.
    assert_eq!(resync(&mut back, known, " 1:5 (1:2 2:3)").await.0, "1,4:5");
    let (_, modseq) = select(&mut back).await;
    assert!(modseq > known.1);
    assert_eq!(resync(&mut back, (known.0, modseq), "").await, (String::new(), vec![]));
}
