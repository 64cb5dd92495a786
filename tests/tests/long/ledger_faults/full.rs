use std::fs::File;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use exchange_sandbox::seed::MessageBuilder;
use exchange_sandbox::store::{Mailbox, Special};
use exchange_sandbox::{RunningSandbox, Sandbox};
use tempfile::TempDir;
use tests::imap_client::ImapClient;
use tests::process::{Gateway, Settings};
use tests::smtp_client::try_submit;
use tests::stack::{ALICE, BOB, PASSWORD, PLAIN_LISTENERS};
use tests::until::until;

use crate::Failed;

/// Small enough to be filled at once.
const SIZE: &str = "size=16m";
const MESSAGE: &str = "Subject: appended\r\n\r\ntext\r\n";
const FOLDER: &str = "Target";

/// A file system of its own, until it is dropped.
struct Mount(PathBuf);

impl Mount {
    fn new(place: &Path) -> Option<Self> {
        std::fs::create_dir_all(place).ok()?;
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", SIZE, "ledgers"]).arg(place).stderr(std::process::Stdio::null());
        command.status().is_ok_and(|status| status.success()).then(|| Self(place.to_owned()))
    }

    /// Takes all room there is, until what is returned is removed.
    fn fill(&self) -> PathBuf {
        let ballast = self.0.join("ballast");
        let mut file = File::create(&ballast).expect("made");
        // In the end byte by byte, so that not one page is left.
        for part in [64 * 1024, 1] {
            let bytes = vec![1; part];
            while file.write_all(&bytes).is_ok() {}
        }
        ballast
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Lazily: a gateway that is just being killed has files there.
        drop(Command::new("umount").arg("-l").arg(&self.0).status());
    }
}

/// Whether file systems can be mounted here.
pub fn can_mount() -> bool {
    let place = tempfile::tempdir().ok();
    place.is_some_and(|place| Mount::new(&place.path().join("mount")).is_some())
}

/// While there is no room for ledgers, what is known can be read, mail can be sent and users log in; what would have to be
/// noted is refused before it is done; and all goes on when there is room.
pub fn stops_nothing_but_what_needs_it() -> Result<(), Failed> {
    let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
    runtime.block_on(run())?;
    Ok(())
}

async fn run() -> Result<(), String> {
    let builder = Sandbox::builder().user(ALICE, PASSWORD, "Alice Example").user(BOB, PASSWORD, "Bob Example");
    let sandbox = builder.start(SocketAddr::from(([127, 0, 0, 1], 0))).await.expect("the sandbox starts");
    sandbox.with(|store| {
        let mailbox = store.mailbox_of(ALICE).expect("Alice has a mailbox");
        mailbox.create_folder(mailbox.special(Special::IpmSubtree), FOLDER, "", 1, false).expect("made");
    });
    for number in 1..=3 {
        deliver(&sandbox, &format!("known {number}"));
    }
    let directory = TempDir::new().expect("a directory");
    let mount = Mount::new(&directory.path().join("ledger")).expect("mounted");
    let program = env!("CARGO_BIN_EXE_gateway-under-test");
    // They stand where the keys of [ledger] end.
    let sections = &format!("idle_seconds = 1\n{PLAIN_LISTENERS}");
    let gateway =
        Gateway::start(Settings { sections, ..Settings::new(program, directory.path(), sandbox.addr()) }).await?;

    let mut alice = ImapClient::login(gateway.imap, ALICE, PASSWORD).await;
    let selected = alice.command("SELECT INBOX").await.ok().line("UIDVALIDITY").expect("told");
    let before = alice.command("FETCH 1:* (UID BODY.PEEK[])").await.ok().lines();
    if before.len() != 3 {
        return Err(format!("{before:?}"));
    }
    let ballast = mount.fill();

    // What is known.
    deliver(&sandbox, "new");
    alice.command("NOOP").await.ok();
    let flags = alice.command("FETCH 1:3 (FLAGS)").await.ok().lines();
    let known = alice.command("FETCH 1:3 (UID BODY.PEEK[])").await.ok().lines();
    if flags.iter().filter(|line| line.contains("FLAGS")).count() != 3
        || !known.iter().all(|line| before.contains(line) || line.ends_with(" EXISTS") || line.ends_with(" RECENT"))
    {
        return Err(format!("{flags:?} {known:?}"));
    }
    // What has to be noted.
    for _ in 0..5 {
        unavailable(&mut alice, &format!("APPEND {FOLDER} {{{}+}}\r\n{MESSAGE}", MESSAGE.len())).await?;
        unavailable(&mut alice, &format!("COPY 1:3 {FOLDER}")).await?;
        unavailable(&mut alice, &format!("MOVE 1 {FOLDER}")).await?;
        unavailable(&mut alice, "STORE 1 +FLAGS (\\Flagged)").await?;
    }
    let (there, inbox) = (count(&sandbox, Some(FOLDER)), count(&sandbox, None));
    if (there, inbox) != (0, 4) {
        return Err(format!("refused, and done all the same: {there} in {FOLDER}, {inbox} in the inbox"));
    }
    // Who has no ledger yet.
    let mut bob = ImapClient::login(gateway.imap, BOB, PASSWORD).await;
    bob.command("LIST \"\" *").await.ok();
    unavailable(&mut bob, "SELECT INBOX").await?;
    let sent = try_submit(gateway.smtp, (ALICE, PASSWORD), BOB, "Subject: sent\r\n\r\ntext\r\n").await;
    if !sent.as_ref().is_ok_and(|reply| reply.starts_with('2')) {
        return Err(format!("submission: {sent:?}"));
    }

    std::fs::remove_file(ballast).expect("removed");
    until("the new message comes", async || {
        alice.command("UID SEARCH ALL").await.line("SEARCH").is_some_and(|line| line.split(' ').count() == 6)
    })
    .await;
    until("a message can be stored", async || {
        alice.command(&format!("APPEND {FOLDER} {{{}+}}\r\n{MESSAGE}", MESSAGE.len())).await.status.starts_with("OK")
    })
    .await;
    until("Bob's inbox opens", async || bob.command("SELECT INBOX").await.status.starts_with("OK")).await;
    alice.command(&format!("COPY 1:3 {FOLDER}")).await.ok();
    let there = count(&sandbox, Some(FOLDER));
    if there != 4 {
        return Err(format!("{there} in {FOLDER}, not 4"));
    }
    let again = alice.command("SELECT INBOX").await.ok().line("UIDVALIDITY").expect("told");
    let after = alice.command("FETCH 1:3 (UID BODY.PEEK[])").await.ok().lines();
    if again != selected || after != before {
        return Err(format!("{again} was {selected}; {after:?} was {before:?}"));
    }
    println!("ledger: a full file system: 20 changes refused and none done, all went on when there was room");
    Ok(())
}

async fn unavailable(client: &mut ImapClient, command: &str) -> Result<(), String> {
    let status = client.command(command).await.status;
    let refused = status.starts_with("NO [UNAVAILABLE]");
    if refused { Ok(()) } else { Err(format!("{} was answered {status}", command.lines().next().unwrap_or_default())) }
}

fn deliver(sandbox: &RunningSandbox, subject: &str) {
    let message = MessageBuilder::new(subject).from("Somebody", "somebody@example.org").body("text").build();
    sandbox.deliver(ALICE, message).expect("delivered");
}

/// How many messages a folder of Alice's holds, or her inbox, read from the store itself.
fn count(sandbox: &RunningSandbox, folder: Option<&str>) -> usize {
    let of = |mailbox: &mut Mailbox| {
        let id = match folder {
            None => mailbox.special(Special::Inbox),
            Some(name) => mailbox.child_named(mailbox.special(Special::IpmSubtree), name).expect("a folder"),
        };
        mailbox.content_rows(mailbox.folder(id).expect("a folder")).len()
    };
    sandbox.with(|store| of(store.mailbox_of(ALICE).expect("Alice has a mailbox")))
}
