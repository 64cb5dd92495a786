//! What clients may change, through a whole gateway: copies, moves, new messages, folders, subscriptions.

use exchange_sandbox::store::Special;
use tests::imap_client::{Answer, ImapClient, first_literal, uid_code};
use tests::stack::{ALICE, PASSWORD, Seed, Stack};

/// Every other test again, with upstreams that behave differently.
#[test]
fn the_same_with_other_manners() {
    for manners in ["rude", "gromox"] {
        let program = std::env::current_exe().expect("this program");
        let mut again = std::process::Command::new(program);
        let output =
            again.env("SANDBOX_MANNERS", manners).args(["writes::", "--skip", "the_same_with_other_manners"]).output();
        let output = output.expect("it runs");
        let report = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && !report.contains(" 0 passed"), "with the manners {manners}:\n{report}");
    }
}

async fn start(messages: usize) -> (Stack, ImapClient) {
    let stack = Stack::start(Seed::Bulk(messages)).await;
    let client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    (stack, client)
}

async fn append(client: &mut ImapClient, arguments: &str, message: &str) -> Answer {
    let tag = client.send(&format!("APPEND {arguments} {{{}+}}\r\n{message}", message.len())).await;
    client.finish(&tag).await
}

/// `[NAME validity …]` in a status: the words after the validity.
fn code<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    uid_code(text, name).unwrap_or_else(|| panic!("no {name} in {text}")).1
}

async fn names(client: &mut ImapClient, command: &str) -> Vec<String> {
    let answer = client.command(command).await.ok();
    let name = |line: &String| line.rsplit_once(" \"/\" ").map(|(_, name)| name.trim_matches('"').to_owned());
    answer.lines().iter().filter_map(name).collect()
}

async fn body(client: &mut ImapClient, uid: &str) -> Vec<u8> {
    let answer = client.command(&format!("UID FETCH {uid} BODY.PEEK[]")).await.ok();
    first_literal(&answer.untagged[0]).expect("a literal").to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_and_moves_tell_the_new_uids() {
    let (_stack, mut client) = start(5).await;
    client.command("CREATE Target").await.ok();
    client.command("SELECT INBOX").await.ok();
    client.command("STORE 1 +FLAGS (\\Deleted \\Flagged $x)").await.ok();
    let copied = client.command("COPY 1:2,4 Target").await.ok();
    assert_eq!(code(&copied.status, "COPYUID"), ["1:2,4", "1:3"]);
    let moved = client.command("UID MOVE 2:3,5 Target").await.ok();
    let lines = moved.lines();
    let told = lines.iter().position(|line| line.contains("[COPYUID")).expect("a COPYUID");
    assert_eq!(code(&lines[told], "COPYUID"), ["2:3,5", "4:6"]);
    let expunges: Vec<_> = lines.iter().enumerate().filter(|(_, line)| line.ends_with(" EXPUNGE")).collect();
    assert_eq!(expunges.len(), 3, "{lines:?}");
    assert!(expunges.iter().all(|(at, _)| *at > told), "{lines:?}");
    let into_itself = client.command("COPY 1 INBOX").await.ok();
    assert_eq!(code(&into_itself.status, "COPYUID"), ["1", "6"]);
    assert!(into_itself.line("3 EXISTS").is_some(), "{:?}", into_itself.lines());
    assert!(client.command("COPY 1 Nowhere").await.status.starts_with("NO [TRYCREATE]"));
    let first = body(&mut client, "1").await;

    assert!(client.command("SELECT Target").await.ok().line("6 EXISTS").is_some());
    let flags = client.command("UID FETCH 1 FLAGS").await.ok().lines().join("");
    assert!(flags.contains("\\Flagged") && flags.contains("$x") && !flags.contains("\\Deleted"), "{flags}");
    assert_eq!(body(&mut client, "1").await, first);
    client.command("STORE 1:* +FLAGS (\\Deleted)").await.ok();
    let answer = client.command("UID EXPUNGE 2:3").await.ok();
    assert_eq!(answer.lines().iter().filter(|line| line.ends_with(" EXPUNGE")).count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn appended_messages_have_flags_and_dates() {
    let (_stack, mut client) = start(1).await;
    let message = "From: a@example.org\r\nTo: b@example.org\r\nSubject: h\u{e4}llo\r\nDate: Wed, 17 Jul 1996 02:23:25 -0700\r\n\
                   Message-ID: <x@example.org>\r\n\r\nbody\r\n";
    let answer =
        append(&mut client, "INBOX (\\Seen \\Flagged \\Deleted \\Answered $x) \"17-Jul-1996 02:44:25 -0700\"", message)
            .await
            .ok();
    assert_eq!(code(&answer.status, "APPENDUID"), ["2"]);
    client.command("SELECT INBOX").await.ok();
    let shown = client.command("UID FETCH 2 (FLAGS INTERNALDATE)").await.ok().lines().join("");
    for part in ["\\Seen", "\\Flagged", "\\Deleted", "\\Answered", "$x", "\"17-Jul-1996 09:44:25 +0000\""] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
    // One without flags is unread; one for the selected folder is seen to come.
    let answer = append(&mut client, "INBOX", message).await.ok();
    assert!(answer.line("3 EXISTS").is_some());
    let shown = client.command("UID FETCH 3 FLAGS").await.ok().lines().join("");
    assert!(!shown.contains("\\Seen") && !shown.contains("\\Draft"), "{shown}");
    append(&mut client, "Drafts (\\Draft \\Seen)", message).await.ok();
    client.command("SELECT Drafts").await.ok();
    assert!(client.command("FETCH 1 FLAGS").await.ok().lines().join("").contains("\\Draft"));
    assert!(append(&mut client, "Nowhere", message).await.status.starts_with("NO [TRYCREATE]"));
    let large = "x".repeat(3 << 20);
    let answer = append(&mut client, "INBOX", &format!("{message}{large}\r\n")).await.ok();
    assert_eq!(code(&answer.status, "APPENDUID"), ["4"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn folders_come_go_and_change_names() {
    let (stack, mut client) = start(3).await;
    client.command("CREATE One/Two/Three").await.ok();
    assert!(client.command("CREATE One/Two").await.status.starts_with("NO [ALREADYEXISTS]"));
    client.command("CREATE INBOX/Within/").await.ok();
    client.command("CREATE \"A &- B  =2F &2D3cqQ-\"").await.ok();
    for special in ["a%b", "#news"] {
        assert!(client.command(&format!("CREATE \"{special}\"")).await.status.starts_with("NO [CANNOT]"), "{special}");
    }
    let all = names(&mut client, "LIST \"\" *").await;
    for name in ["One", "One/Two", "One/Two/Three", "INBOX/Within", "A &- B  =2F &2D3cqQ-"] {
        assert!(all.iter().any(|known| known == name), "{name} in {all:?}");
    }
    client.command("SELECT INBOX").await.ok();
    client.command("COPY 1:3 One/Two").await.ok();

    // Across parents, one of which is new; by name only; into itself.
    client.command("RENAME One/Two New/Place").await.ok();
    client.command("RENAME New/Place New/Name").await.ok();
    assert!(client.command("RENAME New New/Name/Deep").await.status.starts_with("NO [CANNOT]"));
    assert!(client.command("RENAME One New/Name").await.status.starts_with("NO [ALREADYEXISTS]"));
    let all = names(&mut client, "LIST \"\" *").await;
    assert!(all.contains(&"New/Name/Three".to_owned()) && !all.contains(&"One/Two".to_owned()), "{all:?}");
    assert!(client.command("EXAMINE New/Name").await.ok().line("3 EXISTS").is_some());
    client.command("UNSELECT").await.ok();

    // INBOX stays, its messages go; what is below it stays.
    client.command("RENAME INBOX Old/Mail").await.ok();
    assert!(client.command("STATUS INBOX (MESSAGES)").await.ok().line("MESSAGES 0").is_some());
    assert!(client.command("STATUS Old/Mail (MESSAGES)").await.ok().line("MESSAGES 3").is_some());
    assert!(names(&mut client, "LIST \"\" *").await.contains(&"INBOX/Within".to_owned()));

    // Deleted folders are in Deleted Items with their messages; deleted there they are gone. What is below one goes first.
    let trash = names(&mut client, "LIST (SPECIAL-USE) \"\" *").await;
    let trash = trash.iter().find(|name| name.contains("Deleted")).expect("Deleted Items").clone();
    assert!(client.command("DELETE New/Name").await.status.starts_with("NO [HASCHILDREN]"));
    client.command("DELETE New/Name/Three").await.ok();
    client.command("DELETE New/Name").await.ok();
    client.command("CREATE New/Name").await.ok();
    client.command("DELETE New/Name").await.ok();
    let all = names(&mut client, "LIST \"\" *").await;
    for name in ["Name", "Three", "Name (2)"] {
        assert!(all.contains(&format!("{trash}/{name}")), "{name} in {all:?}");
    }
    client.command(&format!("DELETE \"{trash}/Name\"")).await.ok();
    let all = names(&mut client, "LIST \"\" *").await;
    assert!(!all.contains(&format!("{trash}/Name")) && all.contains(&format!("{trash}/Name (2)")), "{all:?}");
    for name in ["INBOX", "Drafts", &trash] {
        assert!(client.command(&format!("DELETE \"{name}\"")).await.status.starts_with("NO [CANNOT]"), "{name}");
    }
    assert!(client.command("RENAME Drafts Entw").await.status.starts_with("NO [CANNOT]"));
    let held = stack.sandbox.with(|store| {
        let mailbox = store.mailbox_of(ALICE).expect("a mailbox");
        mailbox.folder(mailbox.special(Special::Inbox)).expect("an inbox").total()
    });
    assert_eq!(held, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn subscriptions_are_kept_in_the_mailbox() {
    let (stack, mut client) = start(1).await;
    client.command("CREATE Wanted").await.ok();
    assert!(!names(&mut client, "LSUB \"\" *").await.contains(&"Wanted".to_owned()));
    for command in ["SUBSCRIBE Wanted", "UNSUBSCRIBE INBOX", "DELETE Wanted"] {
        client.command(command).await.ok();
    }
    // Another gateway knows, too.
    let stack = stack.restart_without_ledger().await;
    let mut client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    let subscribed = names(&mut client, "LSUB \"\" *").await;
    assert!(subscribed.contains(&"Wanted".to_owned()) && !subscribed.contains(&"INBOX".to_owned()), "{subscribed:?}");
    assert!(!names(&mut client, "LIST \"\" *").await.contains(&"Wanted".to_owned()));
    client.command("UNSUBSCRIBE Wanted").await.ok();
    assert!(!names(&mut client, "LSUB \"\" *").await.contains(&"Wanted".to_owned()));
    assert!(client.command("SUBSCRIBE Wanted").await.status.starts_with("NO [NONEXISTENT]"));
}
