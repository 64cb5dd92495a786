//! Same UID, same bytes, for ever: what a client appended comes back as it was, what others delivered is rendered the same
//! way every time, whatever happens in between.
//!
//! All messages of the corpus with `FULL=1`, by default every third.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use exchange_sandbox::RunningSandbox;
use exchange_sandbox::store::Special;
use gateway::convert::mime_to_mapi::{self, Purpose};
use gateway::ledger::{FolderCommit, Ledger, RedbLedger, RenderingRecord};
use mail_core::message::Message;
use mail_core::{FlagSet, Keywords};
use mapi_core::message::MessageContent;
use mapi_core::property::{FileTime, PropertyValue, tags};
use tests::corpus::{self, Sample};
use tests::imap_client::{ImapClient, first_literal, uid_code};
use tests::stack::{ALICE, BOB, PASSWORD, Seed, Stack};
use tests::until::until;

const MESSAGES: usize = 560;

fn samples() -> Vec<Sample> {
    let step = if std::env::var("FULL").is_ok_and(|full| full == "1") { 1 } else { 3 };
    corpus::messages(MESSAGES).into_iter().step_by(step).collect()
}

async fn start() -> (Stack, ImapClient) {
    let shuffling = |builder: exchange_sandbox::Builder| {
        builder.manners(exchange_sandbox::Manners { shuffle_properties: true, ..Default::default() })
    };
    let stack = Stack::start_with(Seed::Empty, shuffling).await;
    let client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    (stack, client)
}

async fn login(stack: &Stack) -> ImapClient {
    let mut client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    client.command("SELECT INBOX").await.ok();
    client
}

async fn append(client: &mut ImapClient, arguments: &str, message: &[u8]) -> u32 {
    let tag = client.send(&format!("APPEND {arguments} {{{}}}", message.len())).await;
    let response = client.response().await;
    assert!(response.starts_with(b"+"), "{}", String::from_utf8_lossy(&response));
    client.raw(message).await;
    client.raw(b"\r\n").await;
    let status = client.finish(&tag).await.ok().status;
    let uid = uid_code(&status, "APPENDUID").and_then(|(_, words)| words.first()?.parse().ok());
    uid.unwrap_or_else(|| panic!("no APPENDUID in {status}"))
}

/// A number behind a name in a FETCH response.
fn number(response: &[u8], name: &str) -> u32 {
    let text = String::from_utf8_lossy(response);
    let rest = text.split_once(name).unwrap_or_else(|| panic!("no {name} in {text}")).1;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().expect("a number")
}

type Messages = BTreeMap<u32, Bytes>;

/// What is served of the selected folder, by UID, and the status. Every size is checked.
async fn fetch(client: &mut ImapClient) -> (Messages, String) {
    let answer = client.command("UID FETCH 1:* (UID RFC822.SIZE BODY.PEEK[])").await;
    let mut messages = Messages::new();
    for response in answer.untagged.iter().filter(|line| line.windows(7).any(|part| part == b" FETCH ")) {
        let Some(bytes) = first_literal(response).map(Bytes::copy_from_slice) else { continue };
        let uid = number(response, "UID ");
        assert_eq!(number(response, "RFC822.SIZE ") as usize, bytes.len(), "size of {uid}");
        messages.insert(uid, bytes);
    }
    (messages, answer.status)
}

/// Fails, with the first difference, unless all messages are there with these bytes.
async fn same(client: &mut ImapClient, expected: &Messages, when: &str) {
    let (found, status) = fetch(client).await;
    assert!(status.starts_with("OK"), "{when}: {status}");
    compare(&found, expected, when);
    assert_eq!(found.len(), expected.len(), "{when}");
    // Sizes alone, which the ledger may answer.
    let sizes = client.command("UID FETCH 1:* RFC822.SIZE").await.ok();
    for response in &sizes.untagged {
        let uid = number(response, "UID ");
        assert_eq!(number(response, "RFC822.SIZE ") as usize, expected[&uid].len(), "{when}: size of {uid}");
    }
}

fn compare(found: &Messages, expected: &Messages, when: &str) {
    for (uid, bytes) in found {
        let wanted = expected.get(uid).unwrap_or_else(|| panic!("{when}: UID {uid} is new"));
        if bytes != wanted {
            let at = bytes.iter().zip(wanted).position(|(a, b)| a != b).unwrap_or(bytes.len().min(wanted.len()));
            let around = |bytes: &Bytes| {
                let from = at.saturating_sub(40);
                String::from_utf8_lossy(&bytes[from.min(bytes.len())..(at + 60).min(bytes.len())]).into_owned()
            };
            panic!("{when}: UID {uid} differs at {at}: {:?} instead of {:?}", around(bytes), around(wanted));
        }
    }
}

/// Changes flags in every way that must not touch the bytes.
async fn flag(client: &mut ImapClient, expected: &Messages) {
    for change in ["+FLAGS.SILENT (\\Seen)", "+FLAGS.SILENT (\\Flagged \\Answered $label)", "FLAGS.SILENT ($other)"] {
        client.command(&format!("UID STORE 1:* {change}")).await.ok();
        same(client, expected, change).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn appended_messages_come_back_as_they_were() {
    let (stack, mut client) = start().await;
    let mut expected = Messages::new();
    for (n, sample) in samples().into_iter().enumerate() {
        let arguments = ["INBOX", "INBOX (\\Seen)", "INBOX (\\Flagged $label) \"17-Jul-1996 02:44:25 -0700\""][n % 3];
        let uid = append(&mut client, arguments, &sample.bytes).await;
        assert!(expected.insert(uid, sample.bytes.into()).is_none(), "UID {uid} again");
    }
    client.command("SELECT INBOX").await.ok();
    same(&mut client, &expected, "after APPEND").await;
    same(&mut client, &expected, "again").await;
    let shown = client.command("UID FETCH 1:* (ENVELOPE BODYSTRUCTURE)").await.ok();
    assert_eq!(shown.untagged.len(), expected.len());
    flag(&mut client, &expected).await;
    same(&mut login(&stack).await, &expected, "after a reconnect").await;

    client.command("CREATE Copies").await.ok();
    client.command("UID COPY 1:* Copies").await.ok();
    client.command("CREATE Moved").await.ok();
    client.command("SELECT Copies").await.ok();
    let in_order: Vec<_> = expected.values().cloned().collect();
    let copies: Vec<_> = fetch(&mut client).await.0.into_values().collect();
    assert!(copies == in_order, "copies have the same bytes");
    client.command("UID MOVE 1:* Moved").await.ok();
    client.command("SELECT Moved").await.ok();
    let moved: Vec<_> = fetch(&mut client).await.0.into_values().collect();
    assert!(moved == in_order, "moved messages have the same bytes");

    let stack = stack.restart().await;
    same(&mut login(&stack).await, &expected, "after a restart").await;
    // Another gateway, which knows nothing of the first one.
    let stack = stack.restart_without_ledger().await;
    let found: Vec<_> = fetch(&mut login(&stack).await).await.0.into_values().collect();
    assert!(found == in_order, "without the ledger");
}

/// Puts messages into Alice's inbox as a server does that received them. Every fourth came from within the organisation:
/// without an Internet header, its sender and recipients known to the address book alone.
fn deliver(stack: &Stack) -> usize {
    let samples = samples();
    let dn = stack.sandbox.user(BOB).expect("Bob").legacy_dn;
    for (n, sample) in samples.iter().enumerate() {
        let purpose = Purpose::Append {
            flags: FlagSet::EMPTY,
            keywords: &Keywords::EMPTY,
            internal_date: FileTime::from_unix_seconds(1_767_600_000 + n as i64),
        };
        let mut content = mime_to_mapi::parse(&Message::new(sample.bytes.clone().into()), purpose).expect("a message");
        if n % 4 == 0 {
            come_from_within(&mut content, &dn);
        }
        stack.sandbox.deliver(ALICE, content).expect("delivered");
    }
    samples.len()
}

fn come_from_within(content: &mut MessageContent, dn: &str) {
    let string = |text: &str| PropertyValue::String(text.to_owned());
    let bag = &mut content.properties;
    bag.remove(&tags::PidTagTransportMessageHeaders.into());
    for (kind, address) in [
        (tags::PidTagSenderAddressType, tags::PidTagSenderEmailAddress),
        (tags::PidTagSentRepresentingAddressType, tags::PidTagSentRepresentingEmailAddress),
    ] {
        bag.set(kind, string("EX"));
        bag.set(address, string(dn));
    }
    for tag in [tags::PidTagSenderEntryId, tags::PidTagSentRepresentingEntryId] {
        bag.remove(&tag.into());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn delivered_messages_are_rendered_the_same_way_for_ever() {
    let (stack, mut client) = start().await;
    let count = deliver(&stack);
    client.command("SELECT INBOX").await.ok();
    let (expected, status) = fetch(&mut client).await;
    assert!(status.starts_with("OK") && expected.len() == count, "{status} {}", expected.len());
    same(&mut client, &expected, "again").await;
    flag(&mut client, &expected).await;
    same(&mut login(&stack).await, &expected, "after a reconnect").await;
    let stack = stack.restart().await;
    same(&mut login(&stack).await, &expected, "after a restart").await;

    // Nobody answers for the address book: what needs it waits, the rest is as it was.
    let stack = stack.restart_changed("nspi_url = \"http://127.0.0.1:9/nspi\"", |_, _| ()).await;
    let mut client = login(&stack).await;
    let mut served = 0;
    for uid in expected.keys() {
        let answer = client.command(&format!("UID FETCH {uid} (UID BODY.PEEK[])")).await;
        match answer.untagged.iter().find_map(|line| first_literal(line)) {
            Some(bytes) => {
                assert_eq!(bytes, expected[uid], "UID {uid} without the address book");
                served += 1;
            }
            None => assert!(answer.status.starts_with("NO [UNAVAILABLE]"), "UID {uid}: {}", answer.status),
        }
    }
    assert!(served > 0 && served < count, "{served} of {count} served without the address book");

    // A later version of the gateway renders some messages in another way.
    let stack = stack.restart_changed("", render_otherwise).await;
    let mut client = login(&stack).await;
    let (found, status) = fetch(&mut client).await;
    compare(&found, &expected, "by a changed converter");
    let replaced: BTreeSet<_> = expected.keys().filter(|uid| !found.contains_key(uid)).copied().collect();
    assert_eq!(replaced, expected.keys().copied().filter(|uid| uid % 3 == 0).collect(), "{status}");
    client.command("NOOP").await.ok();
    let (found, status) = fetch(&mut client).await;
    assert!(status.starts_with("OK"), "{status}");
    assert_eq!(found.len(), count);
    let last = expected.keys().copied().max().expect("messages");
    let new = found.keys().filter(|uid| **uid > last).count();
    assert_eq!(new, replaced.len(), "the messages whose bytes changed have new UIDs");
    assert!(replaced.iter().all(|uid| !found.contains_key(uid)));
    same(&mut client, &found, "after the change").await;
}

/// Makes the ledger remember other bytes of every third message, as if a former version had served them.
fn render_otherwise(sandbox: &RunningSandbox, directory: &Path) {
    let mailbox = sandbox.with(|store| store.mailbox_of(ALICE).expect("a mailbox").guid());
    let open = || RedbLedger::open(directory, mailbox);
    let ledger = (0..50).find_map(|_| open().inspect_err(|_| std::thread::sleep(Duration::from_millis(100))).ok());
    let ledger = ledger.expect("the gateway closed its ledger");
    for (folder, head) in ledger.heads().expect("heads") {
        let stored = ledger.load(&folder).expect("read").expect("a folder");
        let mut upserts = stored.rows;
        upserts.retain(|row| row.uid % 3 == 0);
        for row in &mut upserts {
            let recorded = row.rendering.expect("rendered before");
            row.rendering = Some(RenderingRecord { size: recorded.size + 1, digest: [7; 32] });
        }
        let (expected_version, mut head) = (head.version, head);
        head.version += 1;
        let commit = FolderCommit {
            expected_version,
            head,
            upserts,
            tombstones: Vec::new(),
            reset: false,
            next_article: None,
            run: None,
        };
        ledger.commit(&folder, commit).expect("committed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_edits_is_not_the_original_any_more() {
    let (stack, mut client) = start().await;
    let message = |n: usize| {
        format!(
            "From: a@example.org\nTo: b@example.org\nSubject: edit {n}\nMIME-Version: 1.0\nContent-Type: multipart/mixed; \
             boundary=x\n\n--x\n\nfirst\n--x\nContent-Disposition: attachment; filename=f\n\nfile\n--x--"
        )
    };
    client.command("CREATE Copies").await.ok();
    let mut expected = Messages::new();
    for n in 0..6 {
        let uid = append(&mut client, "INBOX (\\Seen)", message(n).as_bytes()).await;
        expected.insert(uid, message(n).into());
    }
    client.command("SELECT INBOX").await.ok();
    same(&mut client, &expected, "before").await;
    client.command("UID COPY 1:* Copies").await.ok();

    type Edit = fn(&mut exchange_sandbox::store::Mailbox, u64);
    let edits: [Edit; 4] = [
        |mailbox, id| mailbox.set_body(id, "rewritten").expect("edited"),
        |mailbox, id| {
            let html = PropertyValue::Binary(b"<p>rewritten</p>".to_vec());
            mailbox.set_property(id, tags::PidTagHtml, html).expect("edited");
        },
        |mailbox, id| {
            let edit = |message: &mut exchange_sandbox::store::Message| {
                std::sync::Arc::make_mut(&mut message.content).attachments.clear();
                Ok(())
            };
            mailbox.edit(id, edit).expect("edited");
        },
        |mailbox, id| {
            mailbox.set_property(id, tags::PidTagSubject, PropertyValue::String("new".into())).expect("edited")
        },
    ];
    stack.sandbox.with(|store| {
        let mailbox = store.mailbox_of(ALICE).expect("a mailbox");
        let inbox = mailbox.special(Special::Inbox);
        let id =
            |mailbox: &exchange_sandbox::store::Mailbox, n: usize| mailbox.find_subject(inbox, &format!("edit {n}"))[0];
        for (n, edit) in edits.iter().enumerate() {
            let id = id(mailbox, n);
            edit(mailbox, id);
        }
        // These are no edits.
        let (flagged, categorised) = (id(mailbox, 4), id(mailbox, 5));
        mailbox.set_flagged(flagged, true).expect("flagged");
        mailbox.set_categories(categorised, &["Red"]).expect("categorised");
    });
    let kept: Messages = expected.iter().skip(4).map(|(uid, bytes)| (*uid, bytes.clone())).collect();
    let mut found = Messages::new();
    until("each edit gives a new UID", async || {
        client.command("NOOP").await.ok();
        found = fetch(&mut client).await.0;
        for (uid, bytes) in &found {
            // Bytes of an old UID are the old ones, or there are none.
            assert!(expected.get(uid).is_none_or(|old| old == bytes), "other bytes for UID {uid}");
        }
        found.len() == 6 && edits.len() == found.keys().filter(|uid| !expected.contains_key(uid)).count()
    })
    .await;
    assert!(kept.iter().all(|(uid, bytes)| found.get(uid) == Some(bytes)), "flags are no edits");
    let new: Vec<_> = found.iter().filter(|(uid, _)| !expected.contains_key(uid)).collect();
    assert_eq!(new.len(), edits.len(), "each edit gave a new UID");
    assert!(new.iter().all(|(_, bytes)| !expected.values().any(|original| original == *bytes)));
    let holding =
        |needle: &str| new.iter().filter(|(_, bytes)| String::from_utf8_lossy(bytes).contains(needle)).count();
    assert_eq!((holding("rewritten"), holding("ZmlsZQ==")), (2, 3), "{new:?}");

    // Copies made before are untouched; what is appended from now on is kept as well.
    client.command("SELECT Copies").await.ok();
    let copies: Vec<_> = fetch(&mut client).await.0.into_values().collect();
    assert_eq!(copies, expected.into_values().collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_is_rendered_and_its_first_version_is_not_kept() {
    let (_stack, mut client) = start().await;
    let draft = b"From: alice@example.test\nTo: b@example.org\nBcc: hidden@example.org\nSubject: draft\n\nsecret\n";
    append(&mut client, "INBOX (\\Draft)", draft).await;
    client.command("SELECT INBOX").await.ok();
    let (found, _) = fetch(&mut client).await;
    let text = String::from_utf8_lossy(found.values().next().expect("the draft")).into_owned();
    assert!(text.contains("\r\nBcc: hidden@example.org\r\n") && text.as_bytes() != draft, "{text}");
}
