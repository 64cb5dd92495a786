//! What becomes of submissions beyond the plain case: refusals and their codes, other senders, what unfinished
//! submissions leave behind.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use exchange_sandbox::seed::MessageBuilder;
use exchange_sandbox::store::{Mailbox, Quota, Special};
use exchange_sandbox::{Builder, Fault, FaultKind, Manners, Requests, UnknownRecipient};
use gateway::own_property;
use mapi_core::ErrorCode;
use mapi_core::http::RequestType;
use mapi_core::property::{PropertyKey, PropertyValue, tags};
use tests::imap_client::{ImapClient, first_literal};
use tests::smtp_client::{SmtpClient, try_submit};
use tests::stack::{ALICE, BOB, PASSWORD, Seed, Stack};
use tests::until::until;

/// PidTagMessageFlags of what was never handed over.
const UNSENT: i32 = 0x8;

fn mail(from: &str, to: &str, subject: &str) -> String {
    format!("From: {from}\r\nTo: {to}\r\nSubject: {subject}\r\n\r\ntext")
}

/// The reply to a message of Alice's to Bob, or to what comes before it.
async fn reply(stack: &Stack, from: &str, recipient: &str) -> String {
    try_submit(stack.smtp, (ALICE, PASSWORD), recipient, &mail(from, recipient, "s")).await.expect("a reply")
}

fn refuse(stack: &Stack, code: ErrorCode) {
    let fault = Fault::new(FaultKind::Fail(code), Requests::Only(RequestType::Execute), 1);
    stack.sandbox.faults().arm(fault);
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_have_the_codes_that_clients_act_on() {
    let stack = Stack::start(Seed::Empty).await;
    assert!(reply(&stack, ALICE, BOB).await.starts_with("250 "));
    stack.as_outlook(|mailbox| mailbox.set_quota(Quota { send: Some(0), ..Quota::default() }));
    assert!(reply(&stack, ALICE, BOB).await.starts_with("552 5.2.2 "), "the sender's mailbox is full");
    stack.as_outlook(|mailbox| mailbox.set_quota(Quota { submit: Some(0), ..Quota::default() }));
    assert!(reply(&stack, ALICE, BOB).await.starts_with("552 5.3.4 "), "larger than what may be sent");
    stack.as_outlook(|mailbox| mailbox.set_quota(Quota::default()));
    for (code, expected) in [
        (ErrorCode::INSUFFICIENT_RESOURCES, "452 4.3.1 "),
        (ErrorCode::RPC_FAILED, "451 4.3.2 "),
        (ErrorCode::ERROR, "554 5.0.0 "),
    ] {
        refuse(&stack, code);
        let reply = reply(&stack, ALICE, BOB).await;
        stack.sandbox.faults().disarm();
        assert!(reply.starts_with(expected), "{code}: {reply}");
    }
    let outbox = stack.as_outlook(|mailbox| left(mailbox));
    assert_eq!(outbox, 0, "what was refused is not left behind");
    assert_eq!(stack.message_count(BOB), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_that_is_busy_or_away_is_worth_another_try() {
    let stack = Stack::start(Seed::Empty).await;
    assert!(reply(&stack, ALICE, BOB).await.starts_with("250 "));
    let busy = FaultKind::HttpStatus { status: 503, retry_after: Some(Duration::from_secs(3600)) };
    stack.sandbox.faults().arm(Fault::new(busy, Requests::Only(RequestType::Execute), 1).times(1000));
    let answer = reply(&stack, ALICE, BOB).await;
    assert!(answer.starts_with("451 4.3.2 "), "{answer}");

    let stack = Stack::start(Seed::Empty).await;
    assert!(reply(&stack, ALICE, BOB).await.starts_with("250 "));
    let smtp = stack.smtp;
    let _gateway = stack.stop_upstream().await;
    let message = mail(ALICE, BOB, "s");
    let answer = try_submit(smtp, (ALICE, PASSWORD), BOB, &message).await.expect("a reply");
    assert!(answer.starts_with("451 4.4.1 "), "{answer}");
}

/// Messages in the Outbox.
fn left(mailbox: &Mailbox) -> u32 {
    mailbox.folder(mailbox.special(Special::Outbox)).expect("there is one").total()
}

/// The mark of a submission that was begun so many seconds ago.
fn mark(ago: u64) -> (PropertyKey, PropertyValue) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let key = own_property::SUBMISSION.key();
    (key, PropertyValue::String(format!("{:010x}{:032x}", now - ago, 4711)))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_unfinished_submissions_left_is_swept_and_nothing_else() {
    let stack = Stack::start(Seed::Empty).await;
    stack.as_outlook(|mailbox| {
        let outbox = mailbox.special(Special::Outbox);
        let mut put = |subject: &str, flags: i32, mark: Option<(PropertyKey, PropertyValue)>| {
            let message = MessageBuilder::new(subject).set(tags::PidTagMessageFlags, PropertyValue::Integer32(flags));
            let mut content = message.recipient(1, "Bob", BOB).build();
            content.properties.extend(mark);
            mailbox.add(outbox, content, true).expect("added");
        };
        put("left behind", UNSENT, Some(mark(2 * 3600)));
        put("just being sent", UNSENT, Some(mark(60)));
        put("waiting to be sent", 0x4, Some(mark(2 * 3600)));
        put("sent once, and put there by its owner", 0, Some(mark(2 * 3600)));
        let (key, _) = mark(0);
        put("somebody else's mark", UNSENT, Some((key, PropertyValue::String("0000000001".to_owned()))));
        put("the user's own", UNSENT, None);
    });
    ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    stack.as_outlook(|mailbox| {
        let outbox = mailbox.special(Special::Outbox);
        assert!(mailbox.find_subject(outbox, "left behind").is_empty());
        assert_eq!(left(mailbox), 5, "nothing else went");
    });
    assert_eq!(stack.message_count(BOB), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn sending_in_somebodys_name_takes_his_leave() {
    let stack = Stack::start_with(Seed::Empty, |builder| {
        builder.user("carol@example.test", PASSWORD, "Carol Example").alias("sales@example.test")
    })
    .await;
    let carol = "carol@example.test";
    for from in [carol, "sales@example.test", "somebody@example.org"] {
        let reply = reply(&stack, from, BOB).await;
        assert!(reply.starts_with(&format!("550 5.7.60 not allowed to send as {from}")), "{reply}");
    }
    assert_eq!(stack.as_outlook(|mailbox| left(mailbox)), 0);
    let allow = |behalf: bool| {
        stack.sandbox.with(|store| {
            let alice = store.users()[0].legacy_dn.clone();
            let delegates = store.mailbox_of(carol).expect("a user").delegates_mut();
            if behalf { delegates.allow_send_on_behalf(&alice) } else { delegates.allow_send_as(&alice) }
        });
    };
    let mut bob = ImapClient::login(stack.imap, BOB, PASSWORD).await;
    for (behalf, from, shown) in [(true, "sales@example.test", true), (false, carol, false)] {
        allow(behalf);
        assert!(reply(&stack, from, BOB).await.starts_with("250 "));
        let count = if behalf { 1 } else { 2 };
        let exists = format!("{count} EXISTS");
        while bob.command("SELECT INBOX").await.ok().line(&exists).is_none() {}
        let answer = bob.command("FETCH * BODY.PEEK[HEADER]").await.ok();
        let header = String::from_utf8_lossy(first_literal(&answer.untagged[0]).expect("a header")).into_owned();
        let field = |name: &str| header.lines().find(|line| line.starts_with(name)).map(str::to_owned);
        assert!(field("From: ").is_some_and(|line| line.contains("<carol@example.test>")), "{header}");
        assert_eq!(field("Sender: ").is_some_and(|line| line.contains(ALICE)), shown, "{header}");
        let copies = stack.as_outlook(|mailbox| mailbox.folder(mailbox.special(Special::SentItems)).map(|f| f.total()));
        assert_eq!(copies, Ok(count), "a copy in the sender's own mailbox");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn recipients_of_own_domains_are_looked_up_in_the_address_book() {
    for manners in [Manners::default(), Manners::gromox()] {
        let stack =
            Stack::start_with(Seed::Empty, |builder| builder.alias("robert@example.test").manners(manners)).await;
        let mut smtp = SmtpClient::login(stack.smtp, ALICE, PASSWORD).await;
        smtp.expect(&format!("MAIL FROM:<{ALICE}>"), "250").await;
        let before = stack.executes();
        for _ in 0..2 {
            smtp.expect("RCPT TO:<nobody@example.test>", "550 5.1.1 ").await;
            smtp.expect("RCPT TO:<Nobody@Example.TEST>", "550 5.1.1 ").await;
            for known in [ALICE, BOB, "Robert@example.test", "nobody@example.org", "nobody@sub.example.test"] {
                smtp.expect(&format!("RCPT TO:<{known}>"), "250 ").await;
            }
        }
        assert_eq!(stack.executes(), before, "the mailbox is not asked");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_unknown_to_an_address_book_that_is_down() {
    let stack = Stack::start(Seed::Empty).await;
    let down = FaultKind::HttpStatus { status: 500, retry_after: None };
    let armed = stack.sandbox.faults().arm(Fault::new(down, Requests::Only(RequestType::Bind), 1).times(1000));
    let mut smtp = SmtpClient::login(stack.smtp, ALICE, PASSWORD).await;
    smtp.expect(&format!("MAIL FROM:<{ALICE}>"), "250").await;
    for recipient in ["nobody@example.test", BOB] {
        smtp.expect(&format!("RCPT TO:<{recipient}>"), "250 ").await;
    }
    assert!(armed.is_hit());

    let stack = Stack::start_configured(Seed::Empty, "[smtp]\ncheck_recipients = false").await;
    let mut smtp = SmtpClient::login(stack.smtp, ALICE, PASSWORD).await;
    smtp.expect(&format!("MAIL FROM:<{ALICE}>"), "250").await;
    smtp.expect("RCPT TO:<nobody@example.test>", "250 ").await;
}

/// The folder for sent mail.
async fn sent_folder(client: &mut ImapClient) -> String {
    let answer = client.command("LIST (SPECIAL-USE) \"\" *").await.ok();
    let line = answer.line("\\Sent").expect("a folder for sent mail");
    line.rsplit_once(" \"/\" ").expect("a name").1.to_owned()
}

async fn append(client: &mut ImapClient, folder: &str, message: &str) -> u32 {
    let answer =
        client.command(&format!("APPEND {folder} (\\Seen $sent) {{{}+}}\r\n{message}", message.len())).await.ok();
    let code = answer.status.split("[APPENDUID ").nth(1).expect("APPENDUID").split(']').next().expect("its end");
    code.split(' ').nth(1).and_then(|uid| uid.parse().ok()).expect("a UID")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clients_own_copy_of_what_it_sent_becomes_the_servers() {
    let stack = Stack::start(Seed::Empty).await;
    let mut smtp = SmtpClient::login(stack.smtp, ALICE, PASSWORD).await;
    let mut client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    let sent = sent_folder(&mut client).await;
    let large = "A line of a message that is not small any more.\r\n".repeat(20_000);
    for (count, body) in [(1, "short\r\n"), (2, large.as_str())] {
        let rest = format!(
            "From: Alice <{ALICE}>\r\nTo: {BOB}\r\nSubject: number {count}\r\nDate: Wed, 17 Jul 1996 02:23:25 -0700\r\n\
             Message-ID: <{count}@client.test>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n{body}"
        );
        smtp.send(ALICE, &[BOB, "hidden@example.org"], &rest).await;
        let own = format!("X-Mozilla-Status: 0001\r\nBcc: hidden@example.org\r\n{rest}");
        let uid = append(&mut client, &sent, &own).await;
        let status = client.command(&format!("STATUS {sent} (MESSAGES)")).await.ok();
        assert!(status.line(&format!("MESSAGES {count})")).is_some(), "{:?}", status.lines());
        client.command(&format!("SELECT {sent}")).await.ok();
        let answer = client.command(&format!("UID FETCH {uid} (FLAGS BODY.PEEK[])")).await.ok();
        let shown = answer.untagged.iter().find_map(|line| first_literal(line)).expect("the message");
        assert!(shown == own.as_bytes(), "{}", String::from_utf8_lossy(&shown[..shown.len().min(600)]));
        assert!(answer.line("\\Seen").is_some_and(|line| line.contains("$sent")), "{:?}", answer.lines());
        // What is not the same, or is stored elsewhere, is stored.
        let other = own.replace("Subject: number", "Subject: another");
        assert_ne!(append(&mut client, &sent, &other).await, uid);
        client.command(&format!("STORE {}:* +FLAGS.SILENT (\\Deleted)", count + 1)).await.ok();
        client.command("EXPUNGE").await.ok();
        append(&mut client, "Drafts", &own).await;
    }
    let bob = stack.sandbox.with(|store| {
        let mailbox = store.mailbox_of(BOB).expect("a user");
        let ids = mailbox.find_subject(mailbox.special(Special::Inbox), "number 1");
        mailbox.message(ids[0]).expect("delivered").content.clone()
    });
    let shown = stack.sandbox.with(|store| store.manners().shows_bcc);
    assert!(shown || !format!("{bob:?}").contains("hidden@example.org"), "Bcc stays with the sender");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_copies_are_kept_if_that_is_configured() {
    let stack = Stack::start_configured(Seed::Empty, "[smtp]\nmerge_sent = false").await;
    let mut smtp = SmtpClient::login(stack.smtp, ALICE, PASSWORD).await;
    let mut client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    let sent = sent_folder(&mut client).await;
    let message = mail(ALICE, BOB, "twice");
    smtp.send(ALICE, &[BOB], &message).await;
    append(&mut client, &sent, &message).await;
    let status = client.command(&format!("STATUS {sent} (MESSAGES)")).await.ok();
    assert!(status.line("MESSAGES 2)").is_some(), "{:?}", status.lines());
}

/// What a user got, as text.
fn received(stack: &Stack, user: &str, subject: &str) -> Vec<String> {
    stack.sandbox.with(|store| {
        let mailbox = store.mailbox_of(user).expect("a user");
        let ids = mailbox.find_subject(mailbox.special(Special::Inbox), subject);
        ids.iter().map(|id| format!("{:?}", mailbox.message(*id).expect("there").content)).collect()
    })
}

async fn separate(manners: Manners) -> Stack {
    let adapt = |builder: Builder| {
        let more = ["carol", "dave"].map(|name| (format!("{name}@example.test"), name));
        more.iter().fold(builder.manners(manners), |builder, (address, name)| builder.user(address, PASSWORD, name))
    };
    Stack::start_adapted(Seed::Empty, "[smtp]\nseparate_bcc = true", adapt).await
}

#[tokio::test(flavor = "multi_thread")]
async fn bcc_recipients_sent_to_separately_see_nothing_of_each_other() {
    let stack = separate(Manners::gromox()).await;
    let mut smtp = SmtpClient::login(stack.smtp, ALICE, PASSWORD).await;
    let message = format!(
        "From: {ALICE}\r\nTo: {BOB}, nobody-asked@example.org\r\nBcc: Carol@example.test\r\nSubject: quiet\r\n\r\ntext"
    );
    smtp.send(ALICE, &[BOB, "carol@example.test", "dave@example.test", "far@example.org"], &message).await;
    for (user, unseen) in [
        (BOB, &["carol@", "dave@", "far@"][..]),
        ("carol@example.test", &["dave@", "far@"]),
        ("dave@example.test", &["carol@", "far@"]),
    ] {
        let got = received(&stack, user, "quiet");
        assert_eq!(got.len(), 1, "{user}");
        assert!(!unseen.iter().any(|other| got[0].to_lowercase().contains(other)), "{user}: {}", got[0]);
    }
    let outside = stack.sandbox.with(|store| store.outbound().to_vec());
    let outside: Vec<_> = outside.iter().map(|sent| sent.recipients.clone()).collect();
    assert_eq!(outside, [["far@example.org"]], "who is only in the header gets nothing");
    // One copy is kept; the others go as soon as they have proved that all was sent.
    let copies =
        || stack.as_outlook(|mailbox| mailbox.find_subject(mailbox.special(Special::SentItems), "quiet").len());
    until("one copy", async || copies() == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bcc_recipient_that_is_refused_is_told_to_the_sender() {
    let stack = separate(Manners { unknown_recipient: UnknownRecipient::Refuse, ..Manners::default() }).await;
    // The address book is not asked, so that the server itself refuses.
    let down = FaultKind::HttpStatus { status: 500, retry_after: None };
    stack.sandbox.faults().arm(Fault::new(down, Requests::Only(RequestType::Bind), 1).times(1000));
    let mut smtp = SmtpClient::login(stack.smtp, ALICE, PASSWORD).await;
    let message = mail(ALICE, BOB, "partly");
    smtp.send(ALICE, &[BOB, "nobody@example.test", "carol@example.test"], &message).await;
    assert_eq!((received(&stack, BOB, "partly").len(), received(&stack, "carol@example.test", "partly").len()), (1, 1));
    let notices = received(&stack, ALICE, "Undeliverable: partly");
    assert!(notices.len() == 1 && notices[0].contains("nobody@example.test"), "{notices:?}");
    assert!(!notices[0].contains("carol@example.test"), "{notices:?}");
    // Refused among those who are named: nobody gets it.
    smtp.expect(&format!("MAIL FROM:<{ALICE}>"), "250").await;
    for recipient in ["nobody@example.test", "carol@example.test"] {
        smtp.expect(&format!("RCPT TO:<{recipient}>"), "250").await;
    }
    smtp.expect("DATA", "354").await;
    smtp.expect(&format!("{}\r\n.", mail(ALICE, "nobody@example.test", "not at all")), "550 5.1.1 ").await;
    assert!(received(&stack, "carol@example.test", "not at all").is_empty());
}
