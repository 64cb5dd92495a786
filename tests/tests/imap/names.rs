//! Folder names and uses: whatever a mailbox calls its folders, each can be reached by one name that stays, and what
//! clients make under such a name is called by the plain one in the mailbox.

use std::collections::{BTreeMap, BTreeSet};

use exchange_sandbox::seed::MessageBuilder;
use exchange_sandbox::store::{Mailbox, Special};
use gateway::convert::folders::encode_name;
use mail_core::utf7;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use tests::imap_client::{ImapClient, first_literal};
use tests::stack::{ALICE, PASSWORD, Seed, Stack};

/// Names as other clients give them.
const NAMES: [&str; 27] = [
    "a/b",
    "a=2Fb",
    "/",
    "//",
    "Q&A",
    "&AOk-",
    "100%",
    "*",
    "#news",
    "x#y",
    "tab\there",
    "line\r\nbreak",
    "del\u{7f} nel\u{85}",
    "sep\u{2028}\u{2029}",
    "  leading",
    "trailing  ",
    " ",
    "\u{a0}",
    "😀 & 𝔘𝔫𝔦",
    "e\u{301}",
    "\u{e9}",
    "=",
    "=~00",
    "\"quoted\\\"",
    "{5}",
    "(NIL)",
    "nil",
];

/// As one argument of a command.
fn quoted(name: &str) -> String {
    format!("\"{}\"", utf7::encode(name).replace('\\', "\\\\").replace('"', "\\\""))
}

/// LIST's lines: attributes and name.
async fn list(client: &mut ImapClient, command: &str) -> Vec<(String, String)> {
    let answer = client.command(command).await.ok();
    let entry = |line: &Vec<u8>| {
        let text = String::from_utf8_lossy(line).into_owned();
        let (attributes, name) = text.split_once(" \"/\" ").expect("a delimiter");
        let name = match name.strip_prefix('"') {
            Some(quoted) => quoted.strip_suffix('"').expect("closed").replace("\\\"", "\"").replace("\\\\", "\\"),
            None => first_literal(line).map_or(name.to_owned(), |name| String::from_utf8_lossy(name).into_owned()),
        };
        (attributes.to_owned(), utf7::decode(name.as_bytes()).expect("modified UTF-7"))
    };
    answer.untagged.iter().map(entry).collect()
}

async fn names(client: &mut ImapClient) -> Vec<String> {
    list(client, "LIST \"\" *").await.into_iter().map(|(_, name)| name).collect()
}

/// Each folder's name by the subject of the message that is alone in it.
async fn by_subject(client: &mut ImapClient) -> BTreeMap<String, String> {
    let mut out = BTreeMap::new();
    for name in names(client).await {
        client.command(&format!("EXAMINE {}", quoted(&name))).await.ok();
        let answer = client.command("UID FETCH 1:* BODY.PEEK[HEADER.FIELDS (Subject)]").await.ok();
        for response in &answer.untagged {
            let subject = String::from_utf8_lossy(first_literal(response).expect("a literal")).trim().to_owned();
            assert_eq!(out.insert(subject.clone(), name.clone()), None, "{subject} is in two places");
        }
    }
    out
}

/// A folder of that name, whether or not a sibling has it, with a message that tells them apart.
fn make(mailbox: &mut Mailbox, parent: u64, name: &str, number: &mut u32) -> u64 {
    *number += 1;
    let (id, _) = mailbox.create_folder(parent, &format!("folder {number}"), "", 1, false).expect("created");
    mailbox.rename_regardless(id, name).expect("renamed");
    let message = MessageBuilder::new(format!("folder {number}")).from("a", "a@example.org").body("b").build();
    mailbox.add(id, message, false).expect("added");
    id
}

async fn login(stack: &Stack) -> ImapClient {
    ImapClient::login(stack.imap, ALICE, PASSWORD).await
}

async fn refused(client: &mut ImapClient, command: &str, code: &str) {
    let status = client.command(command).await.status;
    let short: String = command.chars().take(80).collect();
    assert!(status.starts_with(&format!("NO [{code}]")), "{short}: {status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_folder_has_one_name_that_stays() {
    let stack = Stack::start(Seed::Empty).await;
    let made = stack.as_outlook(|mailbox| {
        let (top, inbox) = (mailbox.special(Special::IpmSubtree), mailbox.special(Special::Inbox));
        mailbox.rename_regardless(inbox, "Posteingang").expect("renamed");
        let mut number = 0;
        for name in NAMES.into_iter().chain(["INBOX", "inbox", "Inbox", "same", "Same", "same", "SAME", "same"]) {
            make(mailbox, top, name, &mut number);
            let nested = make(mailbox, inbox, name, &mut number);
            make(mailbox, nested, name, &mut number);
        }
        number
    });
    let mut client = login(&stack).await;
    let known = by_subject(&mut client).await;
    assert_eq!(known.len(), made as usize, "every folder is reached");
    assert_eq!(known.values().collect::<BTreeSet<_>>().len(), known.len());
    let all = names(&mut client).await;
    for expected in ["INBOX", "a=2Fb", "a=3D2Fb", "INBOX/same", "INBOX/same/same", "INBOX/inbox", "same", "Same"] {
        assert!(all.iter().any(|name| name == expected), "{expected} in {all:?}");
    }
    let mistakable: Vec<_> = all.iter().filter(|name| name.eq_ignore_ascii_case("INBOX")).collect();
    assert_eq!(mistakable, ["INBOX"]);

    // Newer folders take no names away, nor does a restart, nor a lost ledger.
    stack.as_outlook(|mailbox| {
        let (top, mut number) = (mailbox.special(Special::IpmSubtree), 1000);
        for name in ["same", "INBOX", "a/b", "a=2Fb"] {
            make(mailbox, top, name, &mut number);
        }
    });
    let stack = stack.restart().await;
    let mut now = by_subject(&mut login(&stack).await).await;
    assert_eq!(now.len(), known.len() + 4);
    now.retain(|subject, _| known.contains_key(subject));
    assert_eq!(now, known);
    let stack = stack.restart_without_ledger().await;
    let mut now = by_subject(&mut login(&stack).await).await;
    now.retain(|subject, _| known.contains_key(subject));
    assert_eq!(now, known);
}

#[tokio::test(flavor = "multi_thread")]
async fn folders_of_equal_names_are_changed_one_by_one() {
    let stack = Stack::start(Seed::Empty).await;
    let ids = stack.as_outlook(|mailbox| {
        let (top, mut number) = (mailbox.special(Special::IpmSubtree), 0);
        ["same", "same", "same"].map(|name| make(mailbox, top, name, &mut number))
    });
    let plain = |id: u64| stack.as_outlook(|mailbox| mailbox.folder(id).map(|folder| folder.name().to_owned()));
    let mut client = login(&stack).await;
    let known = by_subject(&mut client).await;
    let [first, second, third] = ["Subject: folder 1", "Subject: folder 2", "Subject: folder 3"].map(|s| &known[s]);
    assert_eq!(first, "same");
    assert!(second.starts_with("same=~") && third.starts_with("same=~"), "{known:?}");
    refused(&mut client, &format!("RENAME {} same", quoted(second)), "ALREADYEXISTS").await;
    refused(&mut client, "CREATE same=~0011", "CANNOT").await;
    client.command(&format!("RENAME {} Other", quoted(second))).await.ok();
    assert_eq!(ids.map(|id| plain(id).expect("there")), ["same", "Other", "same"]);
    assert_eq!(&by_subject(&mut client).await["Subject: folder 3"], third);
    client.command(&format!("DELETE {}", quoted(third))).await.ok();
    client.command("DELETE same").await.ok();
    assert_eq!(ids.map(|id| plain(id).expect("there")), ["same (2)", "Other", "same"]);
}

/// Whoever makes and deletes a folder of one name every week is not refused after two years.
#[tokio::test(flavor = "multi_thread")]
async fn deleted_folders_of_one_name_are_as_many_as_there_are() {
    let stack = Stack::start(Seed::Empty).await;
    stack.as_outlook(|mailbox| {
        let (top, trash) = (mailbox.special(Special::IpmSubtree), mailbox.special(Special::DeletedItems));
        let mut number = 0;
        make(mailbox, trash, "work", &mut number);
        for count in 2..=150 {
            make(mailbox, trash, &format!("Work ({count})"), &mut number);
        }
        make(mailbox, top, "Work", &mut number);
    });
    let mut client = login(&stack).await;
    let before = stack.executes();
    client.command("DELETE Work").await.ok();
    assert!(stack.executes() - before <= 8, "{} requests", stack.executes() - before);
    assert!(stack.as_outlook(|mailbox| mailbox.folder_at(&["Deleted Items", "Work (151)"]).is_some()));
}

#[tokio::test(flavor = "multi_thread")]
async fn mapped_names_make_plain_ones() {
    let stack = Stack::start(Seed::Empty).await;
    let mut client = login(&stack).await;
    client.command("CREATE Work").await.ok();
    let mut runner = TestRunner::deterministic();
    let some = "[a-c/%*#=~&\\\\\"{} \t\u{e9}\u{1f600}]{1,6}|\\PC{1,8}|[^\0]{1,4}";
    let mut random = || some.new_tree(&mut runner).expect("a strategy").current();
    let mut plain: Vec<String> =
        NAMES.map(str::to_owned).into_iter().chain(std::iter::repeat_with(&mut random).take(60)).collect();
    // Servers don't tell letter case apart.
    let mut seen = BTreeSet::new();
    plain.retain(|name| seen.insert(name.to_lowercase()));
    let held = |path: &[&str]| stack.as_outlook(|mailbox| mailbox.folder_at(path).is_some());
    for (number, name) in plain.iter().enumerate() {
        let encoded = encode_name(name);
        client.command(&format!("CREATE {}", quoted(&format!("Work/{encoded}")))).await.ok();
        assert!(held(&["Work", name]), "{name:?} of {encoded:?}");
        // A name in another place, another name in the same place, and back.
        if number % 4 == 0 {
            let (here, there) = (quoted(&format!("Work/{encoded}")), quoted(&format!("Elsewhere/{encoded}/{encoded}")));
            client.command(&format!("RENAME {here} {there}")).await.ok();
            assert!(held(&["Elsewhere", name, name]) && !held(&["Work", name]), "{name:?} of {encoded:?}");
            client.command(&format!("RENAME {there} {}", quoted(&format!("Elsewhere/{encoded}/x")))).await.ok();
            client.command(&format!("RENAME {} {here}", quoted(&format!("Elsewhere/{encoded}/x")))).await.ok();
            assert!(held(&["Work", name]), "{name:?} of {encoded:?}");
        }
    }
    let listed: BTreeSet<_> = list(&mut client, "LIST \"\" Work/%").await.into_iter().map(|(_, name)| name).collect();
    let expected: BTreeSet<_> = plain.iter().map(|name| format!("Work/{}", encode_name(name))).collect();
    assert_eq!(listed, expected);
    for name in plain.iter().take(8) {
        client.command(&format!("DELETE {}", quoted(&format!("Work/{}", encode_name(name))))).await.ok();
        assert!(held(&["Deleted Items", name]), "{name:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_cannot_be_are_refused_and_leave_nothing() {
    let stack = Stack::start(Seed::Empty).await;
    let mut client = login(&stack).await;
    client.command("CREATE Work/Inner").await.ok();
    let before = names(&mut client).await;
    let too_long = "x".repeat(256);
    let wide = "\u{e9}".repeat(256);
    let too_deep = vec!["d"; 301].join("/");
    let odd = ["a%b", "a*", "#news", "Work/#x", "tab\t", "=2f", "=00", "same=~00", "New/b%/c", "Work/New/*", "INBOX/%"];
    for name in odd.into_iter().chain([&too_long[..], &wide, &too_deep, "//", "New//x", "/New", ""]) {
        refused(&mut client, &format!("CREATE {}", quoted(name)), "CANNOT").await;
        refused(&mut client, &format!("RENAME Work {}", quoted(name)), "CANNOT").await;
        refused(&mut client, &format!("RENAME INBOX {}", quoted(name)), "CANNOT").await;
    }
    // What is in the way may be one that clients don't see.
    for name in ["WORK", "work/new", "Work/INNER/x", "Calendar", "contacts/New"] {
        refused(&mut client, &format!("CREATE {name}"), "CANNOT").await;
        refused(&mut client, &format!("RENAME INBOX {name}"), "CANNOT").await;
    }
    refused(&mut client, "RENAME Work calendar", "CANNOT").await;
    refused(&mut client, "RENAME Work/Inner Calendar/Inner", "CANNOT").await;
    for name in ["inbox", "INBOX", "Work", "Work/Inner/", "Drafts"] {
        refused(&mut client, &format!("CREATE {name}"), "ALREADYEXISTS").await;
    }
    for name in ["inbox", "Work", "Drafts"] {
        refused(&mut client, &format!("RENAME Work/Inner {name}"), "ALREADYEXISTS").await;
    }
    refused(&mut client, "RENAME Work Work/Inner/Deeper", "CANNOT").await;
    refused(&mut client, "RENAME Nothing New", "NONEXISTENT").await;
    refused(&mut client, "DELETE Nothing", "NONEXISTENT").await;
    for (_, name) in list(&mut client, "LIST (SPECIAL-USE) \"\" *")
        .await
        .into_iter()
        .chain([(String::new(), "INBOX".into()), (String::new(), "Outbox".into())])
    {
        refused(&mut client, &format!("DELETE {}", quoted(&name)), "CANNOT").await;
        if name != "INBOX" {
            refused(&mut client, &format!("RENAME {} New", quoted(&name)), "CANNOT").await;
        }
    }
    for command in ["CREATE &", "CREATE &AGE-", "CREATE &2D0-x", "RENAME Work a&b", "CREATE {1+}\r\n\u{7f}"] {
        let status = client.command(command).await.status;
        assert!(status.starts_with("BAD") || status.starts_with("NO [CANNOT]"), "{command}: {status}");
    }
    assert_eq!(names(&mut client).await, before);
    assert!(client.command("SELECT &AGE-").await.status.starts_with("NO [NONEXISTENT]"));

    // The deepest that can be, and what would go deeper.
    let deepest = vec!["d"; 300].join("/");
    client.command(&format!("CREATE {deepest}")).await.ok();
    assert!(names(&mut client).await.contains(&deepest));
    refused(&mut client, &format!("CREATE {deepest}/d"), "CANNOT").await;
    refused(&mut client, "RENAME d Work/d", "CANNOT").await;
    refused(&mut client, &format!("RENAME Work {}/x", vec!["d"; 299].join("/")), "CANNOT").await;
    client.command(&format!("RENAME Work {}/x", vec!["d"; 298].join("/"))).await.ok();
    let long = ["y".repeat(255), "\u{e9}".repeat(255)].join("/");
    client.command(&format!("CREATE {}", quoted(&long))).await.ok();
    assert!(names(&mut client).await.contains(&long));
}

#[tokio::test(flavor = "multi_thread")]
async fn uses_follow_the_folder_in_any_language() {
    let german = ["Posteingang", "Gesendete Elemente", "Gelöschte Elemente", "Entwürfe", "Junk-E-Mail", "Archiv"];
    let japanese = ["受信トレイ", "送信済みアイテム", "削除済みアイテム", "下書き", "迷惑メール", "アーカイブ"];
    for language in [german, japanese] {
        let stack = Stack::start(Seed::Empty).await;
        stack.as_outlook(|mailbox| {
            use Special::{Archive, DeletedItems, Drafts, Inbox, IpmSubtree, Junk, SentItems};
            for (which, name) in [Inbox, SentItems, DeletedItems, Drafts, Junk, Archive].into_iter().zip(language) {
                mailbox.rename_regardless(mailbox.special(which), name).expect("renamed");
            }
            // What is only called so has no use.
            for name in ["Sent Items", "Drafts", "Trash"] {
                mailbox.create_folder(mailbox.special(IpmSubtree), name, "", 1, false).expect("created");
            }
        });
        let mut client = login(&stack).await;
        let uses = ["\\Sent", "\\Trash", "\\Drafts", "\\Junk", "\\Archive"];
        let listed = list(&mut client, "LIST (SPECIAL-USE) \"\" *").await;
        assert_eq!(listed.len(), uses.len(), "{listed:?}");
        for (special_use, name) in uses.into_iter().zip(&language[1..]) {
            assert!(
                listed.iter().any(|(attributes, listed)| attributes.contains(special_use) && listed == name),
                "{name} in {listed:?}"
            );
            refused(&mut client, &format!("DELETE {}", quoted(name)), "CANNOT").await;
        }
        let all = names(&mut client).await;
        assert!(all[0] == "INBOX" && !all.iter().any(|name| name == language[0]), "{all:?}");
        // What is deleted goes to the folder for it, whatever that is called.
        client.command("DELETE Trash").await.ok();
        assert!(names(&mut client).await.contains(&format!("{}/Trash", language[2])));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn renaming_the_inbox_empties_it() {
    let stack = Stack::start(Seed::Bulk(5)).await;
    let mut client = login(&stack).await;
    client.command("CREATE INBOX/Within").await.ok();
    client.command("SELECT INBOX").await.ok();
    client.command("STORE 2 +FLAGS (\\Flagged $kept)").await.ok();
    client.command("RENAME INBOX INBOX/Within/Older").await.ok();
    assert!(client.command("NOOP").await.ok().line("5 EXPUNGE").is_none(), "told with the command itself");
    assert!(client.command("STATUS INBOX (MESSAGES)").await.ok().line("MESSAGES 0").is_some());
    assert!(client.command("SELECT INBOX/Within/Older").await.ok().line("5 EXISTS").is_some());
    let flags = client.command("FETCH 2 FLAGS").await.ok().lines().join("");
    assert!(flags.contains("\\Flagged") && flags.contains("$kept"), "{flags}");
    // An empty one leaves an empty folder.
    client.command("RENAME inbox Empty").await.ok();
    assert!(client.command("SELECT Empty").await.ok().line("0 EXISTS").is_some());
    let all = names(&mut client).await;
    for name in ["INBOX", "INBOX/Within", "INBOX/Within/Older", "Empty"] {
        assert!(all.iter().any(|known| known == name), "{name} in {all:?}");
    }
}

/// What clients remember goes by name and UIDVALIDITY: no two folders that ever had a name may have the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_goes_to_another_folder_gets_another_uid_validity() {
    let stack = Stack::start(Seed::Empty).await;
    let mut client = login(&stack).await;
    let mut seen = BTreeSet::new();
    for round in 0..6 {
        client.command("CREATE Here").await.ok();
        let status = client.command("STATUS Here (UIDVALIDITY)").await.ok().lines().join("");
        assert!(seen.insert(status.clone()), "round {round}: {status} again");
        client.command(if round % 2 == 0 { "DELETE Here" } else { "RENAME Here Away" }).await.ok();
        if round % 2 == 1 {
            client.command("DELETE Away").await.ok();
        }
    }
    for name in ["A", "B"] {
        client.command(&format!("CREATE {name}")).await.ok();
        client.command(&format!("STATUS {name} (UIDVALIDITY)")).await.ok();
    }
    let before = client.command("STATUS A (UIDVALIDITY)").await.ok().lines();
    client.command("RENAME A C").await.ok();
    client.command("RENAME B A").await.ok();
    assert_ne!(client.command("STATUS A (UIDVALIDITY)").await.ok().lines(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn folders_without_mail_are_shown_on_demand() {
    let seed = |stack: &Stack| {
        stack.as_outlook(|mailbox| {
            let calendar = mailbox.special(Special::Calendar);
            let mut event = MessageBuilder::new("lunch").from("a", "a@example.org").body("at noon").build();
            let class = mapi_core::property::PropertyValue::String("IPM.Appointment".to_owned());
            event.properties.set(mapi_core::property::tags::PidTagMessageClass, class);
            mailbox.add(calendar, event, true).expect("added");
        });
    };
    let kinds = ["Calendar", "Contacts", "Tasks", "Notes", "Journal"];
    let stack = Stack::start(Seed::Empty).await;
    seed(&stack);
    let mut client = login(&stack).await;
    let all = names(&mut client).await;
    assert!(!kinds.iter().any(|kind| all.iter().any(|name| name == kind)), "{all:?}");
    refused(&mut client, "SELECT Calendar", "NONEXISTENT").await;

    let stack = Stack::start_configured(Seed::Empty, "[imap]\nshow_non_mail_folders = true").await;
    seed(&stack);
    let mut client = login(&stack).await;
    let all = names(&mut client).await;
    assert!(kinds.iter().all(|kind| all.iter().any(|name| name == kind)), "{all:?}");
    assert!(client.command("SELECT Calendar").await.ok().line("1 EXISTS").is_some());
    let answer = client.command("FETCH 1 (ENVELOPE BODY.PEEK[])").await.ok();
    assert!(answer.lines().join("").contains("lunch"), "{:?}", answer.lines());
    // The mailbox can't do without them.
    for kind in kinds {
        refused(&mut client, &format!("DELETE {kind}"), "CANNOT").await;
        refused(&mut client, &format!("RENAME {kind} New"), "CANNOT").await;
    }
}
