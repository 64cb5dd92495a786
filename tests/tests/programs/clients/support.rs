//! What the clients' tests share.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use libtest_mimic::{Failed, Trial};
use mail_parser::MessageParser;
use sha2::{Digest, Sha256};
use tests::imap_client::{ImapClient, first_literal};
use tests::stack::{BOB, PASSWORD, Stack};
use tests::until::until;

/// The bytes of messages, sorted, by folder.
pub type Mail = BTreeMap<String, Vec<Vec<u8>>>;

/// A test that needs programs.
pub fn trial(name: &'static str, programs: &'static [&'static str], test: fn() -> Result<(), Failed>) -> Trial {
    let missing: Vec<_> = programs.iter().filter(|program| !installed(program)).collect();
    let required = std::env::var_os("REQUIRE_CLIENTS").is_some_and(|value| value == "1");
    let name = format!("clients::{name}");
    if missing.is_empty() {
        return Trial::test(name, test);
    }
    let why = format!("not installed: {missing:?}");
    Trial::test(name, move || Err(why.into())).with_ignored_flag(!required)
}

fn installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
}

/// Runs a test.
pub fn block_on(test: impl Future<Output = Result<(), Failed>>) -> Result<(), Failed> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(test)
}

/// Runs a program off the async threads; its standard output if it succeeds.
pub async fn run(mut command: Command) -> Result<Vec<u8>, Failed> {
    let run = tokio::task::spawn_blocking(move || {
        let output = command.stdin(Stdio::null()).output()?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        Err(Failed::from(format!("{command:?}: {}\n{out}\n{err}", output.status)))
    });
    run.await?
}

/// Of contents.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// Every message of every folder, by folder and as bytes, as our own test client reads them.
pub async fn read_everything(imap: SocketAddr, user: &str) -> Result<Mail, Failed> {
    let mut client = ImapClient::login(imap, user, PASSWORD).await;
    let mut out = BTreeMap::new();
    for line in client.command("LIST \"\" *").await.ok().lines() {
        let name = line.rsplit_once(" \"/\" ").map(|(_, name)| name.to_owned()).ok_or("a LIST response")?;
        client.command(&format!("EXAMINE {name}")).await.ok();
        let mut messages = Vec::new();
        for response in client.command("UID FETCH 1:* BODY.PEEK[]").await.ok().untagged {
            messages.extend(first_literal(&response).map(<[u8]>::to_vec));
        }
        messages.sort();
        out.insert(name.trim_matches('"').to_owned(), messages);
    }
    Ok(out)
}

/// Bob's newest message, once its subject is `subject`.
pub async fn wait_for_subject(imap: SocketAddr, subject: &str) -> Result<Vec<u8>, Failed> {
    let mut client = ImapClient::login(imap, BOB, PASSWORD).await;
    let is_it = |message: &[u8]| MessageParser::new().parse(message).is_some_and(|m| m.subject() == Some(subject));
    let mut found = None;
    until(subject, async || {
        client.command("EXAMINE INBOX").await.ok();
        let answer = client.command("FETCH * BODY.PEEK[]").await;
        let newest = answer.untagged.iter().find_map(|response| first_literal(response)).map(<[u8]>::to_vec);
        found = newest.filter(|newest| is_it(newest));
        found.is_some()
    })
    .await;
    found.ok_or_else(|| format!("no message {subject:?} arrived").into())
}

/// How many messages each folder has.
pub fn counts(mail: &Mail) -> Vec<(String, usize)> {
    mail.iter().map(|(name, messages)| (name.clone(), messages.len())).collect()
}

/// How many messages of a folder have this subject.
pub fn with_subject(mail: &Mail, folder: &str, subject: &str) -> usize {
    let is_it = |message: &&Vec<u8>| {
        let header = message.split(|b| *b == b'\n').take_while(|line| !line.trim_ascii().is_empty());
        header.into_iter().any(|line| line.trim_ascii() == format!("Subject: {subject}").as_bytes())
    };
    mail.get(folder).map_or(0, |messages| messages.iter().filter(is_it).count())
}

/// Runs what must find nothing to do, and fails if anything in Alice's mailbox was written by it. Returns the Execute
/// requests that it took.
pub async fn writes_nothing<T>(stack: &Stack, run: impl Future<Output = Result<T, Failed>>) -> Result<u64, Failed> {
    let written = || stack.as_outlook(|mailbox| mailbox.last_counter());
    let (before, executes) = (written(), stack.executes());
    run.await?;
    assert_eq!(written(), before, "something was written upstream");
    Ok(stack.executes() - executes)
}
