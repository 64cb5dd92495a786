//! ENVELOPE, BODYSTRUCTURE, SEARCH, SORT and THREAD are what Dovecot says of the same bytes, but for what [`known`] lists.

mod known;
mod messages;
mod ordered;
mod value;

use std::collections::BTreeSet;

use known::KNOWN;
use libtest_mimic::{Failed, Trial};
use messages::{Sample, messages};
use ordered::{Ordered, RETURNS, SORTS, THREADS, UNSORTED};
use tests::dovecot::Dovecot;
use tests::imap_client::{ImapClient, first_literal};
use tests::stack::{ALICE, BOB, PASSWORD, Seed, Stack};
use value::Value;

/// APPENDs that are sent at a time.
const AT_A_TIME: usize = 20;
/// 2026-01-05T08:00:00Z
const ARRIVED: u64 = 1_767_600_000;

const SEARCHES: [&str; 20] = [
    "SUBJECT number",
    "SUBJECT Grüße",
    "FROM example.org",
    "FROM Zoë",
    "TO alice",
    "CC person",
    "BCC hidden",
    "HEADER X-A 1",
    "HEADER List-Id \"\"",
    "TEXT text",
    "TEXT boundary",
    "TEXT Köln",
    "BODY text",
    "BODY boundary",
    "BODY café",
    "BODY 日本",
    "SENTSINCE 5-Jan-2026",
    "SENTBEFORE 5-Jan-2026",
    "SENTON 5-Jan-2026",
    "LARGER 1000",
];

pub fn trials() -> Vec<Trial> {
    let required = std::env::var_os("REQUIRE_CLIENTS").is_some_and(|value| value == "1");
    let name = "dovecot::answers_are_the_same";
    vec![match Dovecot::program() {
        Ok(_) => Trial::test(name, || {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            runtime.block_on(answers_are_the_same())
        }),
        Err(why) => Trial::test(name, move || Err(why.into())).with_ignored_flag(!required),
    }]
}

async fn answers_are_the_same() -> Result<(), Failed> {
    let samples = messages();
    assert!(samples.len() >= 1000, "{}", samples.len());
    let directory = tempfile::tempdir()?;
    let dovecot = Dovecot::start(directory.path()).await?;
    let stack = Stack::start(Seed::Empty).await;
    // Half of them in each of two mailboxes, which takes less time.
    let half = |number: usize| samples.iter().enumerate().skip(number).step_by(2).collect::<Vec<_>>();
    let (one, other) =
        tokio::join!(compared(&dovecot, &stack, ALICE, half(0)), compared(&dovecot, &stack, BOB, half(1)));
    let halves = [one?, other?];
    for (number, keys) in SEARCHES.iter().enumerate() {
        // What finds nothing, or everything, would compare nothing.
        let found: usize = halves.iter().map(|half| half.found[number]).sum();
        assert!(found > 0 && found < samples.len(), "{keys}");
    }
    let differences: BTreeSet<_> = halves.into_iter().flat_map(|half| half.differences).collect();
    let is_known = |asked: &str, at: usize| KNOWN.iter().any(|known| known.is_about(asked) && (known.of)(&samples[at]));
    let new: Vec<_> = differences
        .iter()
        .filter(|(asked, at)| !is_known(asked, *at))
        .map(|(asked, at)| format!("{asked}, message {}: {}", at + 1, samples[*at].kind))
        .collect();
    assert!(new.is_empty(), "not Dovecot's answers:\n{}", new.join("\n"));
    for known in KNOWN {
        let is_there = differences.iter().any(|(asked, at)| *asked == known.asked && (known.of)(&samples[*at]));
        assert!(is_there, "no longer so: {}: {}", known.asked, known.why);
    }
    Ok(())
}

/// What was seen of some messages.
struct Compared {
    /// What was asked of which message and was not answered the same.
    differences: Vec<(&'static str, usize)>,
    /// How many messages each search found.
    found: Vec<usize>,
}

async fn compared(
    dovecot: &Dovecot,
    stack: &Stack,
    user: &str,
    samples: Vec<(usize, &Sample)>,
) -> Result<Compared, Failed> {
    let mut theirs = filled(dovecot, user, &samples).await?;
    // What Dovecot shows of them: other line ends become CRLF there.
    let bytes = bodies(&mut theirs).await;
    let arrived: Vec<u64> = samples.iter().map(|(number, _)| ARRIVED + *number as u64).collect();
    let mut ours = appended(stack, user, &bytes, &arrived).await;
    assert!(bodies(&mut ours).await == bytes, "the bytes are the same");

    let mut all = Compared { differences: Vec::new(), found: Vec::new() };
    for item in ["ENVELOPE", "BODYSTRUCTURE"] {
        let (one, other) = (fetched(&mut ours, item).await, fetched(&mut theirs, item).await);
        assert_eq!((one.len(), other.len()), (samples.len(), samples.len()));
        let different = (0..samples.len()).filter(|at| one[*at] != other[*at]);
        all.differences.extend(different.map(|at| (item, samples[at].0)));
    }
    for keys in SEARCHES {
        let (one, other) = (found(&mut ours, keys).await, found(&mut theirs, keys).await);
        all.found.push(one.len());
        all.differences.extend(one.symmetric_difference(&other).map(|number| (keys, samples[number - 1].0)));
    }
    for order in SORTS.into_iter().chain(THREADS) {
        let command = format!("{order} UTF-8 ALL");
        let (mut one, mut other) = (ordered(&mut ours, &command).await, ordered(&mut theirs, &command).await);
        assert_eq!((one.numbers.len(), other.numbers.len()), (samples.len(), samples.len()), "{order}");
        if order == UNSORTED {
            one.numbers.sort_unstable();
            other.numbers.sort_unstable();
        }
        all.differences.extend(one.differences(&other).into_iter().map(|number| (order, samples[number - 1].0)));
    }
    for command in RETURNS {
        assert_eq!(returned(&mut ours, command).await, returned(&mut theirs, command).await, "{command}");
    }
    Ok(all)
}

/// A second of the day on which messages arrive.
fn date_time(arrived: u64) -> String {
    let second = arrived - ARRIVED;
    format!(" 5-Jan-2026 08:{:02}:{:02} +0000", second / 60, second % 60)
}

async fn ordered(client: &mut ImapClient, command: &str) -> Ordered {
    let answer = client.command(command).await.ok();
    let name = command.split(' ').next().unwrap_or_default();
    let line = answer.line(&format!("* {name}")).unwrap_or_default();
    Ordered::of(line.strip_prefix(&format!("* {name} ")).unwrap_or_default())
}

/// The items of an ESEARCH response, in whatever order they stand there.
async fn returned(client: &mut ImapClient, command: &str) -> BTreeSet<String> {
    let line = client.command(command).await.ok().line("* ESEARCH").unwrap_or_default();
    let items = line.split_once(')').map(|(_, items)| items.trim()).unwrap_or_default();
    let (uid, items) = items.strip_prefix("UID").map_or((false, items), |items| (true, items.trim()));
    let words: Vec<&str> = items.split(' ').filter(|word| !word.is_empty()).collect();
    // PARTIAL has its range and its set in parentheses.
    let pairs = words.chunk_by(|_, next| !next.starts_with(|c: char| c.is_ascii_alphabetic()) || *next == "NIL)");
    pairs.map(|pair| pair.join(" ")).chain(uid.then(|| "UID".to_owned())).collect()
}

/// A session of Dovecot that has selected an inbox with the messages.
async fn filled(dovecot: &Dovecot, user: &str, samples: &[(usize, &Sample)]) -> Result<ImapClient, Failed> {
    let inbox = dovecot.inbox(user);
    inbox.create()?;
    for (number, sample) in samples {
        inbox.add(*number, &sample.bytes, ARRIVED + *number as u64, false)?;
    }
    dovecot.hand_over(user)?;
    let mut client = ImapClient::login(dovecot.imap, user, PASSWORD).await;
    client.command("SELECT INBOX").await.ok();
    Ok(client)
}

/// A session of the gateway that has selected an inbox with the messages.
async fn appended(stack: &Stack, user: &str, messages: &[Vec<u8>], arrived: &[u64]) -> ImapClient {
    let mut client = ImapClient::login(stack.imap, user, PASSWORD).await;
    for (messages, arrived) in messages.chunks(AT_A_TIME).zip(arrived.chunks(AT_A_TIME)) {
        let mut tags = Vec::with_capacity(messages.len());
        for (message, arrived) in messages.iter().zip(arrived) {
            tags.push(client.send(&format!("APPEND INBOX \"{}\" {{{}+}}", date_time(*arrived), message.len())).await);
            client.raw(message).await;
            client.raw(b"\r\n").await;
        }
        for tag in tags {
            client.finish(&tag).await.ok();
        }
    }
    client.command("SELECT INBOX").await.ok();
    client
}

async fn bodies(client: &mut ImapClient) -> Vec<Vec<u8>> {
    let answer = client.command("FETCH 1:* BODY.PEEK[]").await.ok();
    answer.untagged.iter().filter_map(|response| first_literal(response)).map(<[u8]>::to_vec).collect()
}

async fn fetched(client: &mut ImapClient, item: &str) -> Vec<Value> {
    let answer = client.command(&format!("FETCH 1:* {item}")).await.ok();
    answer.untagged.iter().filter_map(|response| Value::of_response(response, item)).collect()
}

async fn found(client: &mut ImapClient, keys: &str) -> BTreeSet<usize> {
    let command = match keys.rsplit_once(' ').filter(|_| !keys.is_ascii()) {
        Some((key, word)) => format!("SEARCH CHARSET UTF-8 {key} {{{}+}}\r\n{word}", word.len()),
        None => format!("SEARCH {keys}"),
    };
    let line = client.command(&command).await.ok().line("* SEARCH").unwrap_or_default();
    line.split(' ').filter_map(|number| number.parse().ok()).collect()
}
