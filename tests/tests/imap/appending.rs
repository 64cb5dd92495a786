//! Several messages in one APPEND, and messages that are replaced: all of it or nothing, whatever goes wrong upstream.

use exchange_sandbox::{Fault, FaultKind, Requests};
use mapi_core::ErrorCode;
use mapi_core::http::RequestType;
use tests::imap_client::ImapClient;
use tests::stack::{ALICE, PASSWORD, Seed, Stack};

const EXECUTE: Requests = Requests::Only(RequestType::Execute);

/// A literal that the client does not wait for.
fn literal(content: &str) -> String {
    format!("{{{}+}}\r\n{content}", content.len())
}

/// How many messages there are.
async fn count(client: &mut ImapClient, folder: &str) -> u32 {
    let answer = client.command(&format!("STATUS {folder} (MESSAGES)")).await.ok();
    let line = answer.lines().into_iter().find(|line| line.contains("MESSAGES")).expect("STATUS");
    let number = line.rsplit_once("MESSAGES ").expect("a number").1.trim_end_matches(')');
    number.trim().parse().expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn several_messages_or_none() {
    let stack = Stack::start(Seed::Bulk(2)).await;
    let mut client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    client.command("CREATE Target").await.ok();
    client.command("SELECT INBOX").await.ok();
    let messages: String =
        (1..=3).map(|number| format!(" {}", literal(&format!("Subject: {number}\r\n\r\n{number}\r\n")))).collect();
    let command = format!("APPEND Target{messages}");
    let answer = client.command(&command).await.ok();
    assert!(answer.status.contains("[APPENDUID "), "{}", answer.status);
    assert_eq!(count(&mut client, "Target").await, 3);
    let mut failed = 0;
    for at in 1..=9 {
        let before = count(&mut client, "Target").await;
        stack.sandbox.faults().arm(Fault::new(FaultKind::Fail(ErrorCode::RPC_FORMAT), EXECUTE, at));
        let answer = client.command(&command).await;
        stack.sandbox.faults().disarm();
        let stored = count(&mut client, "Target").await - before;
        if answer.status.starts_with("OK") {
            assert_eq!(stored, 3, "request {at}");
        } else if !answer.status.contains("stored all the same") {
            assert_eq!(stored, 0, "request {at}: {}", answer.status);
            failed += 1;
        }
    }
    assert!(failed > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_replaced() {
    let stack = Stack::start(Seed::Bulk(3)).await;
    let mut client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    client.command("SELECT INBOX").await.ok();
    let binary = "MIME-Version: 1.0\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\r\n\0\u{1}\u{2}";
    let answer = client.command(&format!("REPLACE 2 INBOX (\\Seen) ~{}", literal(binary))).await.ok();
    assert!(answer.line("2 EXPUNGE").is_some(), "{:?}", answer.lines());
    assert_eq!(count(&mut client, "INBOX").await, 3);
    let answer = client.command("FETCH 3 (FLAGS BINARY.SIZE[1] BINARY[1])").await.ok();
    let shown = answer.lines().join("\n");
    assert!(shown.contains("BINARY.SIZE[1] 3 BINARY[1] ~{3}"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_put_together_of_parts_that_are_there() {
    let stack = Stack::start_configured(Seed::Bulk(1), "").await;
    let mut client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    client.command("CREATE Entw&APw-rfe").await.ok();
    let lines =
        |count: usize| "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5ejAx\r\n".repeat(count);
    for (uid, count) in [(1, 100), (2, 200_000)] {
        let original = format!(
            "From: {ALICE}\r\nSubject: original\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntext\r\n\
             --b\r\nContent-Type: application/x-thing; name=t.bin\r\nContent-Transfer-Encoding: base64\r\n\r\n{}--b--\r\n",
            lines(count)
        );
        client.command(&format!("APPEND Entw&APw-rfe {}", literal(&original))).await.ok();
        client.command("SELECT INBOX").await.ok();
        let header =
            "Subject: forwarded\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n";
        let url = format!("/Entw%C3%BCrfe/;UID={uid}/;SECTION=2");
        let command = format!(
            "APPEND INBOX CATENATE (TEXT {} URL \"{url}.MIME\" URL \"{url}\" TEXT {})",
            literal(header),
            literal("\r\n--c--\r\n")
        );
        let answer = client.command(&command).await;
        assert!(answer.status.starts_with("OK [APPENDUID "), "{}", answer.status);
        let shown = client.command("UID FETCH * BODY.PEEK[]").await.ok();
        let content = shown.untagged.iter().find_map(|response| tests::imap_client::first_literal(response));
        let mime = "Content-Type: application/x-thing; name=t.bin\r\nContent-Transfer-Encoding: base64\r\n\r\n";
        let body = lines(count);
        let expected = format!("{header}{mime}{}\r\n--c--\r\n", body.trim_end());
        let text = String::from_utf8_lossy(content.expect("a message")).into_owned();
        assert!(
            text.replace("\r\n--c--", "--c--") == expected.replace("\r\n--c--", "--c--"),
            "{count}: {}",
            text.len()
        );
    }
    let gone = client.command("APPEND INBOX CATENATE (URL \"/Entw%C3%BCrfe/;UID=99\")").await;
    assert!(gone.status.starts_with("NO [BADURL \"/Entw%C3%BCrfe/;UID=99\"]"), "{}", gone.status);
}
