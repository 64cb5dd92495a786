//! What servers do otherwise than others, as mail clients see it through the gateway.

use std::time::{Duration, Instant};

use exchange_sandbox::Manners;
use exchange_sandbox::seed::MessageBuilder;
use exchange_sandbox::store::{Mailbox, Quota, Special};
use mapi_core::property::{PropertyKey, PropertyValue, tags};
use tests::imap_client::ImapClient;
use tests::smtp_client::SmtpClient;
use tests::stack::{ALICE, BOB, PASSWORD, Seed, Stack};
use tests::until::until;

async fn start(manners: Manners) -> (Stack, ImapClient) {
    let stack = Stack::start_with(Seed::Bulk(3), |builder| builder.manners(manners)).await;
    let mut client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    client.command("SELECT INBOX").await.ok();
    (stack, client)
}

/// A folder comes to be there, sooner than everything is looked at again anyway.
async fn listed(client: &mut ImapClient, name: &str) {
    let began = Instant::now();
    until(name, async || {
        assert!(began.elapsed() < Duration::from_secs(30), "{name} is not seen");
        client.command("LIST \"\" *").await.ok().line(name).is_some()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_renamed_past_the_gateway_soon_has_its_new_name() {
    // Told as a change of counts by some, as one of the folder by others, without saying what changed.
    for manners in [Manners::default(), Manners::gromox()] {
        let (stack, mut client) = start(manners).await;
        let folder = stack.as_outlook(|mailbox| {
            mailbox.create_folder(mailbox.special(Special::IpmSubtree), "Before", "", 1, false).expect("made").0
        });
        listed(&mut client, "Before").await;
        for name in ["Once", "Twice", "Thrice"] {
            stack.as_outlook(|mailbox: &mut Mailbox| {
                let value = PropertyValue::String(name.into());
                let key = PropertyKey::Tag(tags::PidTagDisplayName);
                mailbox.set_folder_properties(folder, vec![(key, value)]).expect("renamed");
            });
            listed(&mut client, name).await;
            client.command(&format!("STATUS {name} (MESSAGES)")).await.ok();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_mailbox_is_called_full() {
    let (stack, mut client) = start(Manners::gromox()).await;
    stack.as_outlook(|mailbox| mailbox.set_quota(Quota { receive: Some(0), send: Some(0), ..Quota::default() }));
    // Large enough to be written through a stream, whose failure Gromox answers without the size written.
    let body = "0123456789 0123456789 0123456789 0123456789\r\n".repeat(4000);
    let message = format!("From: {ALICE}\r\nTo: {BOB}\r\nSubject: large\r\n\r\n{body}");
    let answer = client.command(&format!("APPEND INBOX {{{}+}}\r\n{message}", message.len())).await;
    assert!(answer.status.starts_with("NO [OVERQUOTA]"), "{}", answer.status);
    let answer = client.command("STORE 1 +FLAGS (\\Flagged)").await;
    assert!(answer.status.starts_with("NO [OVERQUOTA]"), "{}", answer.status);
    let mut smtp = SmtpClient::login(stack.smtp, ALICE, PASSWORD).await;
    smtp.expect(&format!("MAIL FROM:<{ALICE}>"), "250").await;
    smtp.expect(&format!("RCPT TO:<{BOB}>"), "250").await;
    smtp.expect("DATA", "354").await;
    smtp.expect(&format!("{message}\r\n."), "552 5.2.2").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn recipients_beyond_what_the_server_takes_are_put_off() {
    let manners = Manners { most_recipients: Some(6), ..Manners::default() };
    let (stack, _client) = start(manners).await;
    let mut smtp = SmtpClient::login(stack.smtp, ALICE, PASSWORD).await;
    let message = format!("From: {ALICE}\r\nSubject: many\r\n\r\ntext\r\n.");
    let begin = async |smtp: &mut SmtpClient, recipients: usize| {
        smtp.expect(&format!("MAIL FROM:<{ALICE}>"), "250").await;
        for number in 0..recipients {
            smtp.expect(&format!("RCPT TO:<r{number}@elsewhere.test>"), "250").await;
        }
    };
    begin(&mut smtp, 10).await;
    smtp.expect("DATA", "354").await;
    let refused = smtp.expect(&message, "452 4.5.3").await;
    assert!(refused.contains("fewer"), "{refused}");
    begin(&mut smtp, 5).await;
    smtp.expect("RCPT TO:<r6@elsewhere.test>", "452 4.5.3").await;
    smtp.expect("DATA", "354").await;
    smtp.expect(&message, "250").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn id_tells_name_and_version() {
    let (_stack, mut client) = start(Manners::default()).await;
    let answer = client.command("ID NIL").await.ok();
    let line = answer.line("* ID").expect("an answer");
    assert!(
        line.contains("\"mapi-gateway\"") && line.contains(&format!("\"{}\"", env!("CARGO_PKG_VERSION"))),
        "{line}"
    );
}

/// What can't be shown of a folder has a stand-in, and its other messages are as they are.
#[tokio::test(flavor = "multi_thread")]
async fn one_message_that_cannot_be_shown_keeps_no_other_back() {
    let stack = Stack::start(Seed::Empty).await.restart_changed("max_message_bytes = 2000000", |_, _| {}).await;
    let large = PropertyValue::String("x".repeat(3 << 20));
    let rich = PropertyValue::Binary(b"no RTF".to_vec());
    let note = |subject: &str| MessageBuilder::new(subject).from("Bob", BOB);
    for message in [
        note("first").body("text"),
        note("corrupt").body("text"),
        note("large").body("text").set(tags::PidTagTransportMessageHeaders, large),
        note("rich").set(tags::PidTagRtfCompressed, rich),
        note("last").body("text"),
    ] {
        stack.sandbox.deliver(ALICE, message.build()).expect("delivered");
    }
    let corrupt = |stack: &Stack, corrupt: bool| {
        stack.as_outlook(|mailbox| {
            let inbox = mailbox.folder(mailbox.special(Special::Inbox)).expect("there");
            let second = inbox.messages.iter().nth(1).copied().expect("five");
            mailbox.set_corrupt(second, corrupt);
        });
    };
    corrupt(&stack, true);
    let mut client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    client.command("SELECT INBOX").await.ok();
    let sizes = client.command("FETCH 1:* RFC822.SIZE").await.ok().untagged.len();
    assert_eq!(sizes, 5);
    for (number, subject, shown) in [
        (1, "first", "text"),
        (2, "corrupt", "hand it out"),
        (3, "large", "larger than"),
        (4, "rich", "can't read"),
        (5, "last", "text"),
    ] {
        let message = client.command(&format!("FETCH {number} BODY.PEEK[]")).await.ok();
        let text = message.lines().concat();
        assert!(text.contains(&format!("Subject: {subject}\r\n")) && text.contains(shown), "{text}");
        client.command(&format!("UID STORE {number} +FLAGS (\\Flagged)")).await.ok();
    }
    // Another time it is the same; and what was read once is not taken from those who have it.
    let stack = stack.restart_changed("max_message_bytes = 2000000", |_, _| {}).await;
    let mut client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    client.command("SELECT INBOX").await.ok();
    let again = client.command("UID FETCH 2:3 BODY.PEEK[]").await.ok().lines().concat();
    assert!(again.contains("hand it out") && again.contains("larger than"), "{again}");
    let stack = stack.restart_changed("max_message_bytes = 50", |_, _| {}).await;
    let mut client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    client.command("SELECT INBOX").await.ok();
    let refused = client.command("UID FETCH 1 BODY.PEEK[]").await.status;
    assert!(refused.starts_with("NO [LIMIT]"), "{refused}");
    // What can be read again is another message for those who were shown the stand-in.
    corrupt(&stack, false);
    let stack = stack.restart().await;
    let mut client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    client.command("SELECT INBOX").await.ok();
    until("the message has its own number", async || {
        client.command("UID FETCH 1:* BODY.PEEK[]").await;
        client.command("NOOP").await.ok();
        let seen = client.command("UID FETCH 1:* (UID BODY.PEEK[])").await.lines().concat();
        !seen.contains("UID 2 ") && seen.contains("UID 6 ") && !seen.contains("hand it out")
    })
    .await;
}
