//! Real clients against the gateway. A client that isn't installed shows as ignored, never as a pass; with
//! `REQUIRE_CLIENTS=1` it is a failure.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use libtest_mimic::{Arguments, Failed, Trial};
use mail_parser::{MessageParser, MimeHeaders};
use sha2::{Digest, Sha256};
use tests::imap_client::{ImapClient, first_literal};
use tests::stack::{ALICE, BOB, PASSWORD, Seed, Stack};

fn main() {
    let trials = vec![
        trial("mbsync_pulls_every_folder_whole", &["mbsync"], || block_on(mbsync_pulls_every_folder_whole())),
        trial("mbsync_syncs_both_ways", &["mbsync"], || block_on(mbsync_syncs_both_ways())),
        trial("imaplib_changes_everything", &["python3"], || block_on(imaplib_changes_everything())),
        trial("curl_fetches_what_fetch_says", &["curl"], || block_on(curl_fetches_what_fetch_says())),
        trial("curl_over_starttls", &["curl"], || block_on(curl_over_starttls())),
        trial("swaks_sends_an_attachment_and_idle_hears_it", &["swaks"], || {
            block_on(swaks_sends_an_attachment_and_idle_hears_it())
        }),
        trial("msmtp_sends_over_starttls", &["msmtp"], || block_on(msmtp_sends_over_starttls())),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn trial(name: &'static str, programs: &'static [&'static str], test: fn() -> Result<(), Failed>) -> Trial {
    let missing: Vec<_> = programs.iter().filter(|program| !installed(program)).collect();
    let required = std::env::var_os("REQUIRE_CLIENTS").is_some_and(|value| value == "1");
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

fn block_on(test: impl Future<Output = Result<(), Failed>>) -> Result<(), Failed> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(test)
}

/// Runs a program off the async threads; its standard output if it succeeds.
async fn run(mut command: Command) -> Result<Vec<u8>, Failed> {
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

fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// Every message of every folder, by folder and as bytes, as our own test client reads them.
async fn read_everything(imap: SocketAddr, user: &str) -> Result<BTreeMap<String, Vec<Vec<u8>>>, Failed> {
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

fn mbsync_configuration(imap: SocketAddr, directory: &Path) -> String {
    format!(
        "IMAPAccount gateway\nHost 127.0.0.1\nPort {}\nUser {ALICE}\nPass {PASSWORD}\nSSLType None\n\n\
         IMAPStore far\nAccount gateway\n\n\
         MaildirStore near\nPath {dir}/mail/\nInbox {dir}/mail/INBOX\nSubFolders Verbatim\n\n\
         Channel all\nFar :far:\nNear :near:\nPatterns *\nSync Pull\nCreate Near\nSyncState {dir}/state/\n",
        imap.port(),
        dir = directory.display()
    )
}

/// The messages below a maildir tree as bytes with CRLF, by folder; the header that mbsync adds is taken out.
fn read_maildir(root: &Path) -> Result<BTreeMap<String, Vec<Vec<u8>>>, Failed> {
    let mut out: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
    let mut queue = vec![root.to_owned()];
    while let Some(directory) = queue.pop() {
        for entry in std::fs::read_dir(&directory)? {
            let path = entry?.path();
            if !path.is_dir() {
                continue;
            }
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            match name {
                "cur" | "new" => {
                    let folder = directory.strip_prefix(root)?.to_string_lossy().into_owned();
                    let messages = out.entry(folder).or_default();
                    for file in std::fs::read_dir(&path)? {
                        messages.push(without_tuid(&std::fs::read(file?.path())?));
                    }
                }
                "tmp" => {}
                _ => queue.push(path),
            }
        }
    }
    out.values_mut().for_each(|messages| messages.sort());
    Ok(out)
}

fn without_tuid(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 40);
    let mut in_header = true;
    for line in bytes.split_inclusive(|&b| b == b'\n') {
        in_header &= line != b"\n" && line != b"\r\n";
        if in_header && line.starts_with(b"X-TUID: ") {
            continue;
        }
        match line.strip_suffix(b"\n") {
            Some(text) => {
                out.extend_from_slice(text.strip_suffix(b"\r").unwrap_or(text));
                out.extend_from_slice(b"\r\n");
            }
            None => out.extend_from_slice(line),
        }
    }
    out
}

async fn mbsync_pulls_every_folder_whole() -> Result<(), Failed> {
    let stack = Stack::start(Seed::Demo(200)).await;
    let directory = tempfile::tempdir()?;
    std::fs::create_dir_all(directory.path().join("mail"))?;
    std::fs::create_dir_all(directory.path().join("state"))?;
    let configuration = directory.path().join("mbsyncrc");
    std::fs::write(&configuration, mbsync_configuration(stack.imap, directory.path()))?;
    let mbsync = || {
        let mut command = Command::new("mbsync");
        command.arg("-c").arg(&configuration).arg("all");
        run(command)
    };
    mbsync().await?;
    let pulled = read_maildir(&directory.path().join("mail"))?;
    let expected = read_everything(stack.imap, ALICE).await?;
    let count = |all: &BTreeMap<String, Vec<Vec<u8>>>| all.values().map(Vec::len).sum::<usize>();
    assert_eq!(count(&expected), stack.message_count(ALICE), "the gateway shows every message");
    let names = |all: &BTreeMap<String, Vec<Vec<u8>>>| -> Vec<(String, usize)> {
        all.iter().map(|(name, messages)| (name.clone(), messages.len())).collect()
    };
    assert_eq!(names(&pulled), names(&expected));
    for (name, messages) in &expected {
        assert!(pulled[name] == *messages, "the bytes of {name} differ");
    }

    let before = directory_listing(directory.path())?;
    mbsync().await?;
    assert_eq!(directory_listing(directory.path())?, before, "a second run does nothing");
    Ok(())
}

/// New, flagged and deleted messages and new folders of either side arrive at the other; then there is nothing to do.
async fn mbsync_syncs_both_ways() -> Result<(), Failed> {
    let stack = Stack::start(Seed::Demo(60)).await;
    let directory = tempfile::tempdir()?;
    let mail = directory.path().join("mail");
    std::fs::create_dir_all(&mail)?;
    std::fs::create_dir_all(directory.path().join("state"))?;
    let configuration = directory.path().join("mbsyncrc");
    let text = mbsync_configuration(stack.imap, directory.path());
    let text = text.replace("Sync Pull", "Sync All\nExpunge Both").replace("Create Near", "Create Both");
    std::fs::write(&configuration, text)?;
    let mbsync = || {
        let mut command = Command::new("mbsync");
        command.arg("-c").arg(&configuration).arg("all");
        run(command)
    };
    mbsync().await?;

    let message = |subject: &str| format!("From: a@example.org\nTo: b@example.org\nSubject: {subject}\n\nbody\n");
    for sub in ["cur", "new", "tmp"] {
        std::fs::create_dir_all(mail.join("Fresh").join(sub))?;
    }
    std::fs::write(mail.join("Fresh/new/1.near"), message("near and new"))?;
    std::fs::write(mail.join("INBOX/cur/2.near:2,FS"), message("near in the inbox"))?;
    let uid_of = |path: &Path| {
        let name = path.file_name()?.to_str()?;
        name.split_once(",U=")?.1.split([':', ',']).next()?.parse::<u32>().ok()
    };
    let mut known: Vec<(u32, PathBuf)> = Vec::new();
    for sub in ["cur", "new"] {
        for entry in std::fs::read_dir(mail.join("INBOX").join(sub))? {
            let path = entry?.path();
            known.extend(uid_of(&path).map(|uid| (uid, path)));
        }
    }
    known.sort();
    let [(dropped, drop_path), (flagged, flag_path), (far_dropped, _), (far_flagged, _), (far_moved, _), ..] =
        &known[..]
    else {
        return Err("five messages in the inbox".into());
    };
    std::fs::remove_file(drop_path)?;
    let name = flag_path.file_name().and_then(|name| name.to_str()).ok_or("a name")?;
    let base = name.split_once(":2,").map_or(name, |(base, _)| base);
    std::fs::rename(flag_path, mail.join("INBOX/cur").join(format!("{base}:2,FRS")))?;

    let mut client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    client.command("CREATE Far/Away").await.ok();
    client.command("SELECT INBOX").await.ok();
    client.command(&format!("UID STORE {far_flagged} FLAGS (\\Answered \\Flagged \\Seen)")).await.ok();
    client.command(&format!("UID MOVE {far_moved} Far/Away")).await.ok();
    client.command(&format!("UID STORE {far_dropped} +FLAGS (\\Deleted)")).await.ok();
    client.command(&format!("UID EXPUNGE {far_dropped}")).await.ok();
    mbsync().await?;

    let near = read_maildir(&mail)?;
    let far = read_everything(stack.imap, ALICE).await?;
    let counts = |all: &BTreeMap<String, Vec<Vec<u8>>>| -> Vec<(String, usize)> {
        all.iter().map(|(name, messages)| (name.clone(), messages.len())).collect()
    };
    assert_eq!(counts(&near), counts(&far));
    assert_eq!((far["Fresh"].len(), far["Far/Away"].len()), (1, 1));
    client.command("SELECT INBOX").await.ok();
    let flags = client.command(&format!("UID FETCH {flagged} FLAGS")).await.ok().lines().join("");
    for flag in ["\\Answered", "\\Flagged", "\\Seen"] {
        assert!(flags.contains(flag), "{flag} in {flags}");
    }
    assert!(client.command(&format!("UID FETCH {dropped} FLAGS")).await.ok().untagged.is_empty());
    let pulled = directory_listing(directory.path())?;
    let is_flagged = |path: &PathBuf| uid_of(path) == Some(*far_flagged) && path.to_string_lossy().ends_with(":2,FRS");
    assert!(pulled.iter().any(is_flagged), "{pulled:?}");

    mbsync().await?;
    assert_eq!(directory_listing(directory.path())?, pulled, "a run after that does nothing here");
    assert!(read_everything(stack.imap, ALICE).await? == far, "and nothing there");
    Ok(())
}

const IMAPLIB: &str = r#"
import imaplib, sys, time
host, port, user, password = sys.argv[1:]
imap = imaplib.IMAP4(host, int(port))
imap.login(user, password)
def ok(answer):
    assert answer[0] == "OK", answer
    return answer[1]
assert "UIDPLUS" in imap.capabilities and "MOVE" in imap.capabilities, imap.capabilities
message = b"From: a@example.org\r\nTo: b@example.org\r\nSubject: by imaplib\r\n\r\nbody\r\n"
ok(imap.create("Python/Deep"))
ok(imap.append("Python/Deep", "(\\Seen $tag)", imaplib.Time2Internaldate(time.time()), message))
ok(imap.append("Python/Deep", None, None, message))
assert ok(imap.select("Python/Deep")) == [b"2"]
assert b"$tag" in ok(imap.fetch("1", "(FLAGS)"))[0]
ok(imap.create("Python/Other"))
ok(imap.copy("1:2", "Python/Other"))
ok(imap.uid("MOVE", "2", "Python/Other"))
ok(imap.store("1", "+FLAGS", "(\\Deleted)"))
ok(imap.expunge())
assert ok(imap.search(None, "ALL")) == [b""]
ok(imap.close())
assert ok(imap.select("Python/Other")) == [b"3"]
assert ok(imap.search(None, "SUBJECT", "imaplib")) == [b"1 2 3"]
ok(imap.close())
ok(imap.unsubscribe("Python/Other"))
assert not any(b"Other" in line for line in ok(imap.lsub()))
ok(imap.rename("Python/Other", "Renamed"))
assert b"MESSAGES 3" in ok(imap.status("Renamed", "(MESSAGES)"))[0]
ok(imap.delete("Renamed"))
ok(imap.delete("Python"))
left = [line for line in ok(imap.list()) if b"Python" in line or b"Renamed" in line]
assert left and all(b"Deleted" in line for line in left), left
assert imap.delete("INBOX")[0] == "NO"
imap.logout()
"#;

async fn imaplib_changes_everything() -> Result<(), Failed> {
    let stack = Stack::start(Seed::Demo(20)).await;
    let mut python = Command::new("python3");
    python.args(["-c", IMAPLIB, "127.0.0.1", &stack.imap.port().to_string(), ALICE, PASSWORD]);
    run(python).await.map(drop)
}

fn directory_listing(root: &Path) -> Result<Vec<PathBuf>, Failed> {
    let (mut out, mut queue) = (Vec::new(), vec![root.join("mail")]);
    while let Some(directory) = queue.pop() {
        for entry in std::fs::read_dir(&directory)? {
            let path = entry?.path();
            if path.is_dir() {
                queue.push(path.clone());
            }
            out.push(path);
        }
    }
    out.sort();
    Ok(out)
}

async fn curl_fetches_what_fetch_says() -> Result<(), Failed> {
    let stack = Stack::start(Seed::Demo(40)).await;
    let mut client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    client.command("EXAMINE INBOX").await.ok();
    for uid in 1..=5 {
        let answer = client.command(&format!("UID FETCH {uid} BODY.PEEK[]")).await.ok();
        let expected = first_literal(&answer.untagged[0]).ok_or("a literal")?.to_vec();
        let mut curl = Command::new("curl");
        curl.args(["-s", "-u", &format!("{ALICE}:{PASSWORD}")]);
        curl.arg(format!("imap://{}/INBOX;UID={uid}", stack.imap));
        assert!(run(curl).await? == expected, "UID {uid}");
    }
    Ok(())
}

async fn curl_over_starttls() -> Result<(), Failed> {
    let stack = Stack::start(Seed::Demo(20)).await;
    let mut curl = Command::new("curl");
    curl.args(["-s", "--ssl-reqd", "--insecure", "-u", &format!("{ALICE}:{PASSWORD}")]);
    curl.arg(format!("imap://{}/", stack.imap));
    let list = String::from_utf8(run(curl).await?)?;
    assert!(list.contains("INBOX"), "{list}");

    let directory = tempfile::tempdir()?;
    let message = directory.path().join("message.eml");
    std::fs::write(&message, "From: alice@example.test\r\nTo: bob@example.test\r\nSubject: by curl\r\n\r\nhello\r\n")?;
    let mut curl = Command::new("curl");
    curl.args(["-s", "--ssl-reqd", "--insecure", "-u", &format!("{ALICE}:{PASSWORD}")]);
    curl.args(["--mail-from", ALICE, "--mail-rcpt", BOB, "-T"]).arg(&message);
    curl.arg(format!("smtp://{}/", stack.smtp));
    run(curl).await?;
    wait_for_subject(stack.imap, "by curl").await?;
    Ok(())
}

/// Bob's newest message, once its subject is `subject`.
async fn wait_for_subject(imap: SocketAddr, subject: &str) -> Result<Vec<u8>, Failed> {
    let mut client = ImapClient::login(imap, BOB, PASSWORD).await;
    for _ in 0..100 {
        client.command("EXAMINE INBOX").await.ok();
        let answer = client.command("FETCH * BODY.PEEK[]").await;
        let newest = answer.untagged.iter().find_map(|response| first_literal(response)).map(<[u8]>::to_vec);
        let is_it = |message: &[u8]| MessageParser::new().parse(message).is_some_and(|m| m.subject() == Some(subject));
        if let Some(newest) = newest.filter(|newest| is_it(newest)) {
            return Ok(newest);
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    Err(format!("no message {subject:?} arrived").into())
}

async fn swaks_sends_an_attachment_and_idle_hears_it() -> Result<(), Failed> {
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

async fn msmtp_sends_over_starttls() -> Result<(), Failed> {
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
