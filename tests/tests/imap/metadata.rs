//! Metadata: kept by the mailbox with each folder, whatever becomes of gateways.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use exchange_sandbox::store::{Mailbox, Special};
use exchange_sandbox::{Fault, FaultKind, Requests};
use gateway::convert::metadata::Entries;
use gateway::own_property;
use mapi_core::ErrorCode;
use mapi_core::http::RequestType;
use mapi_core::property::{PropertyType, PropertyValue};
use tests::imap_client::ImapClient;
use tests::process::{Gateway, Settings};
use tests::stack::{ALICE, PASSWORD, Seed, Stack};

const EXECUTE: Requests = Requests::Only(RequestType::Execute);

async fn start() -> (Stack, ImapClient) {
    let stack = Stack::start(Seed::Bulk(1)).await;
    let client = login(&stack).await;
    (stack, client)
}

async fn login(stack: &Stack) -> ImapClient {
    ImapClient::login(stack.imap, ALICE, PASSWORD).await
}

async fn ok(client: &mut ImapClient, commands: &[&str]) {
    for command in commands {
        client.command(command).await.ok();
    }
}

/// What a mailbox has as an entry, as GETMETADATA shows it.
async fn entry(client: &mut ImapClient, mailbox: &str, name: &str) -> String {
    let answer = client.command(&format!("GETMETADATA {mailbox} {name}")).await.ok();
    let lines = answer.lines().join("\r\n");
    let values = lines.split_once(" (").map(|(_, values)| values.trim_end_matches(')').to_owned()).unwrap_or_default();
    values.strip_prefix(&format!("{name} ")).unwrap_or_default().to_owned()
}

/// What the inbox has, as the mailbox keeps it.
fn kept(mailbox: &Mailbox) -> Entries {
    let inbox = mailbox.folder(mailbox.special(Special::Inbox)).expect("a folder");
    let value = inbox.properties.get_named(&own_property::METADATA.name(), PropertyType::BINARY);
    Entries::decode(value.and_then(PropertyValue::as_bytes).unwrap_or_default()).expect("a known version")
}

/// Another gateway writes it.
fn keep(mailbox: &mut Mailbox, entries: &Entries) {
    let bytes = entries.encode_instead_of(&Entries::default()).expect("room");
    let value = vec![(own_property::METADATA.key(), PropertyValue::Binary(bytes))];
    mailbox.set_folder_properties(mailbox.special(Special::Inbox), value).expect("set");
}

fn change(name: &str, value: &'static str) -> Vec<(String, Option<Bytes>)> {
    vec![(name.to_owned(), Some(Bytes::from(value)))]
}

#[tokio::test(flavor = "multi_thread")]
async fn it_outlives_the_gateway_and_goes_where_its_folder_goes() {
    let (mut stack, mut client) = start().await;
    ok(&mut client, &["CREATE Work", "SETMETADATA Work (/private/comment \"of a folder\")"]).await;
    ok(&mut client, &["SETMETADATA \"\" (/private/comment \"of the server\" /private/vendor/x/y \"z\")"]).await;
    ok(&mut client, &["SETMETADATA INBOX (/private/comment \"of the inbox\")"]).await;
    for round in 0..3 {
        assert_eq!(entry(&mut client, "Work", "/private/comment").await, "\"of a folder\"", "{round}");
        assert_eq!(entry(&mut client, "\"\"", "/private/comment").await, "\"of the server\"", "{round}");
        assert_eq!(entry(&mut client, "\"\"", "/private/vendor/x/y").await, "\"z\"", "{round}");
        assert_eq!(entry(&mut client, "INBOX", "/private/comment").await, "\"of the inbox\"", "{round}");
        stack = if round == 0 { stack.restart().await } else { stack.restart_without_ledger().await };
        client = login(&stack).await;
    }
    ok(&mut client, &["RENAME Work Other/Place"]).await;
    assert_eq!(entry(&mut client, "Other/Place", "/private/comment").await, "\"of a folder\"");
    assert_eq!(entry(&mut client, "Other", "/private/comment").await, "NIL");
    // It goes with its folder: one that is made under the same name has nothing of it.
    ok(&mut client, &["DELETE Other/Place", "CREATE Other/Place"]).await;
    assert_eq!(entry(&mut client, "Other/Place", "/private/comment").await, "NIL");
    assert_eq!(entry(&mut client, "\"Deleted Items/Place\"", "/private/comment").await, "\"of a folder\"");
    ok(&mut client, &["DELETE \"Deleted Items/Place\""]).await;
    // Only the messages go (RFC 9051 6.3.6).
    ok(&mut client, &["RENAME INBOX Old"]).await;
    assert_eq!(entry(&mut client, "INBOX", "/private/comment").await, "\"of the inbox\"");
    assert_eq!(entry(&mut client, "Old", "/private/comment").await, "NIL");
    assert_eq!(entry(&mut client, "\"Sent Items\"", "/private/specialuse").await, "\"\\\\Sent\"");
    assert!(client.command("GETMETADATA Work /private/comment").await.status.starts_with("NO [NONEXISTENT]"));
}

#[tokio::test(flavor = "multi_thread")]
async fn any_value_comes_back() {
    let (stack, mut client) = start().await;
    let noise: String =
        (0..4096_u32).map(|n| char::from(b'!' + (n.wrapping_mul(2_654_435_761) >> 24) as u8 % 90)).collect();
    ok(
        &mut client,
        &[&format!("SETMETADATA INBOX (/private/long {{4096+}}\r\n{noise} /private/zero ~{{3+}}\r\n\0\r\n)")],
    )
    .await;
    let stack = stack.restart().await;
    let mut client = login(&stack).await;
    assert_eq!(entry(&mut client, "INBOX", "/private/long").await, format!("{{4096}}\r\n{noise}"));
    let values = stack.as_outlook(|mailbox| kept(mailbox).values());
    assert_eq!(values["/private/zero"], Bytes::from("\0\r\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_gateways_keep_what_the_other_writes() {
    let (stack, mut one) = start().await;
    let directory = tempfile::TempDir::new().expect("a directory");
    let settings = Settings::new(env!("CARGO_BIN_EXE_gateway-under-test"), directory.path(), stack.sandbox.addr());
    let second = Gateway::start(settings).await.expect("started");
    let mut other = ImapClient::login(second.imap, ALICE, PASSWORD).await;
    ok(&mut one, &["SETMETADATA INBOX (/private/comment \"one\")"]).await;
    assert_eq!(entry(&mut other, "INBOX", "/private/comment").await, "\"one\"", "at once");
    let annotate = async |client: &mut ImapClient, who: &str| {
        for number in 0..8 {
            ok(client, &[&format!("SETMETADATA INBOX (/private/{who}{number} \"{who}\")")]).await;
        }
    };
    tokio::join!(annotate(&mut one, "a"), annotate(&mut other, "b"));
    let values = stack.as_outlook(|mailbox| kept(mailbox).values());
    assert_eq!(values.len(), 17, "{values:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_gateway_writes_between_reading_and_writing_stays() {
    let mut between = 0;
    for at in 1..=3 {
        let (stack, mut client) = start().await;
        ok(&mut client, &["GETMETADATA INBOX /private/comment"]).await;
        let stack = Arc::new(stack);
        let other = Arc::clone(&stack);
        let fault = Fault::new(FaultKind::Backoff(Duration::from_millis(20)), EXECUTE, at);
        let armed = stack.sandbox.faults().arm_then(fault, move || {
            other.as_outlook(|mailbox| {
                let mut entries = kept(mailbox);
                entries.apply(&change("/private/theirs", "theirs"));
                keep(mailbox, &entries);
            });
        });
        ok(&mut client, &["SETMETADATA INBOX (/private/mine \"mine\")"]).await;
        between += u32::from(armed.is_hit());
        stack.sandbox.faults().disarm();
        let values = stack.as_outlook(|mailbox| kept(mailbox).values());
        assert_eq!(values["/private/mine"], Bytes::from("mine"), "request {at}");
        assert_eq!(values.contains_key("/private/theirs"), armed.is_hit(), "request {at}");
    }
    assert!(between >= 2, "it is read and written");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_mailbox_can_not_keep_is_refused() {
    let (stack, mut client) = start().await;
    ok(&mut client, &["GETMETADATA INBOX /private/comment"]).await;
    stack.sandbox.faults().arm(Fault::new(FaultKind::Fail(ErrorCode::ACCESS_DENIED), EXECUTE, 1).times(100));
    let answer = client.command("SETMETADATA INBOX (/private/comment \"a\")").await;
    stack.sandbox.faults().disarm();
    assert!(answer.status.starts_with("NO [NOPERM]"), "{}", answer.status);
    // As many entries as there may be: all of a command or none of it.
    let set = |names: std::ops::Range<u32>, value: &str| {
        let entries: Vec<String> = names.map(|name| format!("/private/{name} {value}")).collect();
        format!("SETMETADATA INBOX ({})", entries.join(" "))
    };
    assert!(client.command(&set(0..65, "\"a\"")).await.status.starts_with("NO [METADATA TOOMANY]"));
    assert_eq!(entry(&mut client, "INBOX", "/private/0").await, "NIL");
    ok(&mut client, &[&set(0..64, "\"a\"")]).await;
    assert!(client.command(&set(64..65, "\"a\"")).await.status.starts_with("NO [METADATA TOOMANY]"));
    ok(&mut client, &[&set(0..64, "\"b\""), &set(5..64, "NIL"), &set(64..65, "\"a\"")]).await;
    // As many bytes.
    let noise = |seed: u32| -> String {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            char::from(b'0' + (state >> 24) as u8 % 64)
        };
        (0..3000).map(|_| next()).collect()
    };
    let large = |name: u32| format!("SETMETADATA INBOX (/private/large{name} {{3000+}}\r\n{})", noise(name));
    let mut stored = 0;
    let refused = loop {
        let answer = client.command(&large(stored)).await;
        if !answer.status.starts_with("OK ") {
            break answer.status;
        }
        stored += 1;
        assert!(stored < 10);
    };
    assert!(refused.starts_with("NO [METADATA TOOMANY]") && stored >= 2, "{stored}: {refused}");
    // What is removed makes room again.
    ok(&mut client, &["SETMETADATA INBOX (/private/large0 NIL)", &large(stored)]).await;
    // What can't be read by this version is neither shown nor written over.
    let newer = vec![(own_property::METADATA.key(), PropertyValue::Binary(vec![99, 1, 2, 3]))];
    stack.as_outlook(|mailbox| mailbox.set_folder_properties(mailbox.special(Special::Inbox), newer)).expect("set");
    for command in ["GETMETADATA INBOX /private/comment", "SETMETADATA INBOX (/private/comment NIL)"] {
        assert!(client.command(command).await.status.starts_with("NO [CANNOT]"), "{command}");
    }
}
