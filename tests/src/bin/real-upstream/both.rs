//! The gateway and the upstream's own IMAP server on the same mailbox: each must see what the other changed.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tests::imap_client::ImapClient;

use super::Arguments;

/// Flags of messages by their subjects.
type View = BTreeMap<String, BTreeSet<String>>;

const FOLDER: &str = "BothWays";
const OTHER: &str = "BothWaysTarget";
const FLAGS: [&str; 4] = ["\\Seen", "\\Flagged", "\\Answered", "Keyword-X"];

/// One of the two servers.
struct Side {
    name: &'static str,
    client: ImapClient,
    selected: String,
    /// Changes show in a folder that stays selected.
    stays: bool,
}

impl Side {
    async fn open(name: &'static str, address: SocketAddr, arguments: &Arguments, stays: bool) -> Self {
        let client = ImapClient::login(address, &arguments.user, &arguments.password).await;
        Self { name, client, selected: String::new(), stays }
    }

    /// Says why something is not OK, without ending.
    async fn run(&mut self, command: &str) -> Result<(), String> {
        let answer = self.client.command(command).await;
        if answer.status.starts_with("OK") { Ok(()) } else { Err(format!("{command}: {}", answer.status)) }
    }

    async fn select(&mut self, folder: &str) -> Result<(), String> {
        self.run(&format!("SELECT {folder}")).await?;
        self.selected = folder.to_owned();
        Ok(())
    }

    async fn append(&mut self, folder: &str, subject: &str, flags: &str) -> Result<(), String> {
        let message = format!(
            "From: a@example.org\r\nTo: b@example.org\r\nSubject: {subject}\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\nText of {subject}.\r\n"
        );
        let tag = self.client.send(&format!("APPEND {folder} ({flags}) {{{}}}", message.len())).await;
        let go_on = self.client.response().await;
        if !go_on.starts_with(b"+") {
            return Err(format!("APPEND: {}", String::from_utf8_lossy(&go_on)));
        }
        self.client.raw(message.as_bytes()).await;
        self.client.raw(b"\r\n").await;
        let answer = self.client.finish(&tag).await;
        if answer.status.starts_with("OK") { Ok(()) } else { Err(answer.status) }
    }

    /// Does something with the message that has this subject: the command with its UID in the place of `@`.
    async fn on(&mut self, folder: &str, subject: &str, command: &str) -> Result<(), String> {
        self.select(folder).await?;
        let uid = self.uid(subject).await?;
        self.run(&command.replace('@', &uid)).await
    }

    async fn uid(&mut self, subject: &str) -> Result<String, String> {
        let answer = self.client.command("UID FETCH 1:* (BODY.PEEK[HEADER.FIELDS (SUBJECT)])").await;
        for line in answer.lines() {
            if subject_of(&line).as_deref() == Some(subject) {
                let rest = line.split_once("UID ").map(|(_, rest)| rest).unwrap_or_default();
                return Ok(rest.chars().take_while(char::is_ascii_digit).collect());
            }
        }
        Err(format!("no message {subject} on the {}", self.name))
    }

    /// What is in a folder now.
    async fn view(&mut self, folder: &str) -> Result<View, String> {
        if self.stays && self.selected == folder {
            self.run("NOOP").await?;
        } else {
            self.select(folder).await?;
        }
        let answer = self.client.command("FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])").await;
        let mut view = View::new();
        for line in answer.lines() {
            let (Some(subject), Some((_, rest))) = (subject_of(&line), line.split_once("FLAGS (")) else { continue };
            let flags = rest.split(')').next().unwrap_or_default();
            view.insert(subject, flags.split(' ').map(str::to_ascii_lowercase).collect());
        }
        Ok(view)
    }

    async fn folders(&mut self) -> Vec<String> {
        let answer = self.client.command("LIST \"\" *").await;
        let name = |line: String| Some(line.split_once(" \"/\" ")?.1.trim_matches('"').to_owned());
        answer.lines().into_iter().filter_map(name).collect()
    }

    /// How long it takes until both folders are there, or neither.
    async fn has_folders(&mut self, wanted: bool, bound: u64) -> Result<Duration, String> {
        let began = Instant::now();
        loop {
            let there = self.folders().await;
            if [FOLDER, OTHER].iter().all(|folder| there.iter().any(|name| name == folder) == wanted) {
                return Ok(began.elapsed());
            }
            if began.elapsed() > Duration::from_secs(bound) {
                return Err(format!("not within {bound} s: {there:?}"));
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// How long it takes until a folder is as wanted.
    async fn sees(&mut self, folder: &str, bound: u64, wanted: impl Fn(&View) -> bool) -> Result<Duration, String> {
        let began = Instant::now();
        loop {
            let view = self.view(folder).await?;
            if wanted(&view) {
                return Ok(began.elapsed());
            }
            if began.elapsed() > Duration::from_secs(bound) {
                return Err(format!("not within {bound} s: {view:?}"));
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

fn subject_of(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("Subject: ")?;
    rest.lines().next().map(|subject| subject.trim().to_owned())
}

struct Table<'a> {
    tolerated: &'a [String],
    failed: usize,
}

impl Table<'_> {
    fn row(&mut self, name: &str, result: Result<Duration, String>) {
        let seen = match result {
            Ok(took) => format!("{} ms", took.as_millis()),
            Err(why) if self.tolerated.iter().any(|tolerated| tolerated == name) => format!("tolerated: {why}"),
            Err(why) => {
                self.failed += 1;
                format!("FAILED: {why}")
            }
        };
        println!("| {name} | {seen} |");
    }
}

/// Runs the comparison and prints a table. Panics if something was not seen that is not tolerated.
pub(super) async fn run(arguments: &Arguments, upstream: SocketAddr) {
    let mut gateway = Side::open("gateway", arguments.imap, arguments, true).await;
    let mut upstream = Side::open("upstream", upstream, arguments, false).await;
    // What an earlier run may have left.
    remove_folders(&mut gateway).await;
    for folder in [FOLDER, OTHER] {
        gateway.run(&format!("CREATE {folder}")).await.expect("the gateway makes folders");
    }
    let mut table = Table { tolerated: &arguments.tolerate, failed: 0 };
    println!("| changed, and seen on the other side | after |\n|---|---|");
    table.row("gateway: CREATE", upstream.has_folders(true, arguments.bound).await);
    one_way(&mut gateway, &mut upstream, arguments.bound, &mut table).await;
    one_way(&mut upstream, &mut gateway, arguments.bound, &mut table).await;
    // The upstream lists folders that one of its own sessions has selected.
    drop(upstream.run("SELECT INBOX").await);
    remove_folders(&mut gateway).await;
    table.row("gateway: DELETE", upstream.has_folders(false, arguments.bound).await);
    assert_eq!(table.failed, 0, "changes were not seen");
    println!("each side saw what the other changed");
}

/// Deletes the folders, and then what is left of them in the trash.
async fn remove_folders(gateway: &mut Side) {
    drop(gateway.run("SELECT INBOX").await);
    for _ in 0..2 {
        for name in gateway.folders().await {
            if [FOLDER, OTHER].iter().any(|folder| name.rsplit('/').next().is_some_and(|last| last.starts_with(folder)))
            {
                drop(gateway.run(&format!("DELETE \"{name}\"")).await);
            }
        }
    }
}

async fn one_way(from: &mut Side, to: &mut Side, bound: u64, table: &mut Table<'_>) {
    let subject = |n: usize| format!("{} {n}", from.name);
    let [one, two, three, four] = [1, 2, 3, 4].map(subject);
    let title = |what: &str| format!("{}: {what}", if one.starts_with("gateway") { "gateway" } else { "upstream" });
    let has = |view: &View, subject: &str, flag: &str| {
        view.get(subject).is_some_and(|flags| flags.contains(&flag.to_ascii_lowercase()))
    };
    for (subject, flags) in [(&one, ""), (&two, "\\Seen \\Flagged"), (&three, ""), (&four, "")] {
        if let Err(why) = from.append(FOLDER, subject, flags).await {
            table.row(&title("APPEND"), Err(why));
            return;
        }
    }
    let seen = to.sees(FOLDER, bound, |view| [&one, &two, &three, &four].iter().all(|s| view.contains_key(*s))).await;
    table.row(&title("APPEND"), seen);
    let seen = to.sees(FOLDER, bound, |view| has(view, &two, "\\Seen") && has(view, &two, "\\Flagged")).await;
    table.row(&title("flags of APPEND"), seen);
    for flag in FLAGS {
        let mut shown = true;
        for (sign, set) in [('+', true), ('-', false)] {
            if !shown {
                println!("| {} | not tried: it was never there |", title(&format!("{sign}{flag}")));
                continue;
            }
            let command = format!("UID STORE @ {sign}FLAGS ({flag})");
            let seen = match from.on(FOLDER, &one, &command).await {
                Ok(()) => to.sees(FOLDER, bound, |view| has(view, &one, flag) == set).await,
                Err(why) => Err(why),
            };
            shown = seen.is_ok();
            table.row(&title(&format!("{sign}{flag}")), seen);
        }
    }
    let seen = match from.on(FOLDER, &two, &format!("UID COPY @ {OTHER}")).await {
        Ok(()) => to.sees(OTHER, bound, |view| has(view, &two, "\\Seen")).await,
        Err(why) => Err(why),
    };
    table.row(&title("COPY, with flags"), seen);
    let seen = match from.on(FOLDER, &three, &format!("UID MOVE @ {OTHER}")).await {
        Ok(()) => to.sees(OTHER, bound, |view| view.contains_key(&three)).await,
        Err(why) => Err(why),
    };
    table.row(&title("MOVE, there"), seen);
    let seen = to.sees(FOLDER, bound, |view| !view.contains_key(&three)).await;
    table.row(&title("MOVE, gone here"), seen);
    let seen = match from.on(FOLDER, &four, "UID STORE @ +FLAGS (\\Deleted)").await {
        Ok(()) => match from.run("EXPUNGE").await {
            Ok(()) => to.sees(FOLDER, bound, |view| !view.contains_key(&four)).await,
            Err(why) => Err(why),
        },
        Err(why) => Err(why),
    };
    table.row(&title("\\Deleted and EXPUNGE"), seen);
}
