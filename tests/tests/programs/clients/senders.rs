//! Programs that send: swaks and msmtp.

use std::process::Command;

use libtest_mimic::Failed;
use mail_parser::{MessageParser, MimeHeaders};
use tests::imap_client::{ImapClient, first_literal};
use tests::stack::{ALICE, BOB, PASSWORD, Seed, Stack};

use super::support::{run, sha256, wait_for_subject};

pub async fn swaks_sends_an_attachment_and_idle_hears_it() -> Result<(), Failed> {
    let stack = Stack::start(Seed::Demo(20)).await;
    let directory = tempfile::tempdir()?;
    let attachment = directory.path().join("scan.pdf");
    let bytes: Vec<u8> = (0..200_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    std::fs::write(&attachment, &bytes)?;

    let mut bob = ImapClient::login(stack.imap, BOB, PASSWORD).await;
    let selected = bob.command("SELECT INBOX").await.ok();
    let exists = |lines: &[String]| {
        lines.iter().find_map(|line| line.strip_prefix("* ")?.strip_suffix(" EXISTS")?.parse::<u32>().ok())
    };
    let before = exists(&selected.lines()).ok_or("EXISTS")?;
    let tag = bob.send("IDLE").await;
    assert!(bob.response().await.starts_with(b"+"));

    let mut swaks = Command::new("swaks");
    swaks.args(["--server", "127.0.0.1", "--port", &stack.smtp.port().to_string(), "--auth", "PLAIN"]);
    swaks.args(["--auth-user", ALICE, "--auth-password", PASSWORD, "--from", ALICE, "--to", BOB]);
    swaks.args(["--header", "Subject: scanned", "--body", "see attachment", "--attach-type", "application/pdf"]);
    swaks.arg("--attach").arg(format!("@{}", attachment.display()));
    run(swaks).await?;

    let pushed = loop {
        let response = String::from_utf8_lossy(&bob.response().await).into_owned();
        if let Some(now) = exists(&[response]) {
            break now;
        }
    };
    assert_eq!(pushed, before + 1);
    bob.raw(b"DONE\r\n").await;
    bob.finish(&tag).await.ok();
    let answer = bob.command(&format!("FETCH {pushed} BODY[]")).await.ok();
    let message = first_literal(&answer.untagged[0]).ok_or("a literal")?;
    let message = MessageParser::new().parse(message).ok_or("a message")?;
    assert_eq!(message.subject(), Some("scanned"));
    assert_eq!(message.body_text(0).as_deref().map(str::trim), Some("see attachment"));
    let part = message.attachments().next().ok_or("an attachment")?;
    assert_eq!(part.attachment_name(), Some("scan.pdf"));
    assert_eq!(sha256(part.contents()), sha256(&bytes));

    // Alice has one copy of it in Sent Items.
    let mut alice = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    let sent = alice.command("LIST \"\" *").await.ok().line("\\Sent").ok_or("a folder for sent mail")?;
    let name = sent.rsplit_once(" \"/\" ").map(|(_, name)| name.to_owned()).ok_or("a name")?;
    alice.command(&format!("EXAMINE {name}")).await.ok();
    let found = alice.command("UID SEARCH SUBJECT scanned").await.ok();
    let line = found.line("SEARCH").ok_or("a SEARCH response")?;
    assert_eq!(line.split_whitespace().count(), 3, "{line}");
    Ok(())
}

pub async fn msmtp_sends_over_starttls() -> Result<(), Failed> {
    let stack = Stack::start(Seed::Demo(20)).await;
    let directory = tempfile::tempdir()?;
    let configuration = directory.path().join("msmtprc");
    let text = format!(
        "account default\nhost 127.0.0.1\nport {}\nauth on\nuser {ALICE}\npassword {PASSWORD}\nfrom {ALICE}\ntls on\n\
         tls_starttls on\ntls_certcheck off\n",
        stack.smtp.port()
    );
    std::fs::write(&configuration, text)?;
    std::fs::set_permissions(&configuration, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    let message = directory.path().join("message.eml");
    std::fs::write(&message, "From: alice@example.test\nTo: bob@example.test\nSubject: by msmtp\n\nhello\n")?;
    let script = format!("msmtp -C {} {BOB} < {}", configuration.display(), message.display());
    let mut msmtp = Command::new("sh");
    msmtp.arg("-c").arg(script);
    run(msmtp).await?;
    let received = wait_for_subject(stack.imap, "by msmtp").await?;
    assert!(received.ends_with(b"hello\r\n"), "{}", String::from_utf8_lossy(&received));
    Ok(())
}
