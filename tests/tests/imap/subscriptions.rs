//! Subscriptions: a list of names that the mailbox keeps, whatever becomes of folders and gateways.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use exchange_sandbox::store::{Mailbox, Special};
use exchange_sandbox::{Fault, FaultKind, Requests};
use gateway::convert::subscriptions::{Edit, Subscriptions};
use gateway::own_property;
use mapi_core::ErrorCode;
use mapi_core::http::RequestType;
use mapi_core::property::{PropertyType, PropertyValue};
use tests::imap_client::ImapClient;
use tests::process::{Gateway, Settings};
use tests::stack::{ALICE, PASSWORD, Seed, Stack};
use tests::until::until;

const EXECUTE: Requests = Requests::Only(RequestType::Execute);

async fn start() -> (Stack, ImapClient) {
    let stack = Stack::start(Seed::Bulk(1)).await;
    let client = login(&stack).await;
    (stack, client)
}

async fn login(stack: &Stack) -> ImapClient {
    ImapClient::login(stack.imap, ALICE, PASSWORD).await
}

async fn ok(client: &mut ImapClient, commands: &[&str]) {
    for command in commands {
        client.command(command).await.ok();
    }
}

/// What a command lists: names, with their attributes.
async fn listed(client: &mut ImapClient, command: &str) -> BTreeMap<String, String> {
    let answer = client.command(command).await.ok();
    let entry = |line: &String| {
        let (attributes, name) = line.split_once(" \"/\" ")?;
        let attributes = attributes.split_once('(')?.1.trim_end_matches(')');
        Some((name.trim_matches('"').to_owned(), attributes.to_owned()))
    };
    answer.lines().iter().filter_map(entry).collect()
}

/// Whether a name is subscribed: LIST and LSUB say the same.
async fn is_subscribed(client: &mut ImapClient, name: &str) -> bool {
    let listed_so = listed(client, "LIST (SUBSCRIBED) \"\" *").await.contains_key(name);
    let lsub = listed(client, "LSUB \"\" *").await.contains_key(name);
    assert_eq!(listed_so, lsub, "{name}");
    let marked = listed(client, "LIST \"\" * RETURN (SUBSCRIBED)").await;
    if let Some(attributes) = marked.get(name) {
        assert_eq!(attributes.contains("\\Subscribed"), listed_so, "{name}: {attributes}");
    }
    listed_so
}

/// What another program than a gateway does to the folder of a name at the top, made if need be.
fn folder(mailbox: &mut Mailbox, name: &str) -> u64 {
    let top = mailbox.special(Special::IpmSubtree);
    mailbox.child_named(top, name).unwrap_or_else(|| mailbox.create_folder(top, name, "", 1, false).expect("made").0)
}

/// The list as the mailbox keeps it.
fn kept(mailbox: &Mailbox) -> Subscriptions {
    let top = mailbox.folder(mailbox.special(Special::IpmSubtree)).expect("a folder");
    let value = top.properties.get_named(&own_property::SUBSCRIPTIONS.name(), PropertyType::BINARY);
    Subscriptions::decode(value.and_then(PropertyValue::as_bytes).unwrap_or_default()).expect("a known version")
}

/// Another gateway writes the list.
fn keep(mailbox: &mut Mailbox, list: &Subscriptions) {
    let value = PropertyValue::Binary(list.encode().expect("room"));
    let top = mailbox.special(Special::IpmSubtree);
    mailbox.set_folder_properties(top, vec![(own_property::SUBSCRIPTIONS.key(), value)]).expect("set");
}

/// Makes edits until there is no room for more, and not for `left_out` either.
fn fill(list: &mut Subscriptions, left_out: &str, edits: impl Fn(u64) -> Vec<Edit>) {
    let small = |number| Subscriptions::subscribing(&format!("{number:x}"));
    for edits in [&edits as &dyn Fn(u64) -> Vec<Edit>, &small] {
        for number in 0.. {
            let mut more = list.clone();
            more.apply(&edits(number));
            if more.encode().is_none() {
                break;
            }
            *list = more;
        }
    }
    let mut more = list.clone();
    more.apply(&Subscriptions::subscribing(left_out));
    assert_eq!(more.encode(), None, "there is room for {left_out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscribed_name_outlives_its_folder_and_the_gateway() {
    let (stack, mut client) = start().await;
    ok(&mut client, &["CREATE Work/Old", "SUBSCRIBE Work/Old", "SUBSCRIBE Work/Old", "DELETE Work/Old"]).await;
    let mut stack = stack;
    for round in 0..3 {
        let subscribed = listed(&mut client, "LIST (SUBSCRIBED) \"\" *").await;
        assert_eq!(subscribed["Work/Old"], "\\NonExistent \\HasNoChildren \\Subscribed", "{round}");
        assert_eq!(listed(&mut client, "LSUB \"\" *").await["Work/Old"], "", "{round}");
        assert!(!listed(&mut client, "LIST \"\" * RETURN (SUBSCRIBED)").await.contains_key("Work/Old"), "{round}");
        let above = client.command("LIST (SUBSCRIBED RECURSIVEMATCH) \"\" Work").await.ok();
        let expected = "* LIST (\\HasNoChildren) \"/\" Work (\"CHILDINFO\" (\"SUBSCRIBED\"))";
        assert_eq!(above.lines(), [expected], "{round}");
        stack = if round == 0 { stack.restart().await } else { stack.restart_without_ledger().await };
        client = login(&stack).await;
    }
    assert!(client.command("SELECT Work/Old").await.status.starts_with("NO [NONEXISTENT]"));
    // It is subscribed already: nothing is said against that. Other names are no folders.
    ok(&mut client, &["SUBSCRIBE Work/Old"]).await;
    assert!(client.command("SUBSCRIBE Work/Never").await.status.starts_with("NO [NONEXISTENT]"));
    // Who makes it again finds it subscribed; once more gone, it goes by UNSUBSCRIBE.
    ok(&mut client, &["CREATE Work/Old"]).await;
    assert_eq!(listed(&mut client, "LIST (SUBSCRIBED) \"\" Work/*").await["Work/Old"], "\\HasNoChildren \\Subscribed");
    ok(&mut client, &["DELETE Work/Old", "UNSUBSCRIBE Work/Old"]).await;
    assert!(!is_subscribed(&mut client, "Work/Old").await);
    ok(&mut client, &["UNSUBSCRIBE Work/Old", "UNSUBSCRIBE Never/there"]).await;
    assert_eq!(stack.as_outlook(|mailbox| kept(mailbox).get("Work/Old")), None, "nothing is left of it");
}

#[tokio::test(flavor = "multi_thread")]
async fn folders_of_others_are_subscribed_and_those_of_create_are_not() {
    let (stack, mut client) = start().await;
    ok(&mut client, &["CREATE Made/On/Way"]).await;
    stack.as_outlook(|mailbox| folder(mailbox, "Outlook"));
    until("the folder is seen", async || listed(&mut client, "LIST \"\" *").await.contains_key("Outlook")).await;
    for (name, subscribed) in [
        ("INBOX", true),
        ("Drafts", true),
        ("Deleted Items", true),
        ("Outlook", true),
        ("Made", false),
        ("Made/On", false),
        ("Made/On/Way", false),
    ] {
        assert_eq!(is_subscribed(&mut client, name).await, subscribed, "{name}");
    }
    // Nobody ever said that it is subscribed: its name is gone with it, and it is out of sight where it lies.
    ok(&mut client, &["DELETE Outlook", "DELETE Made/On/Way"]).await;
    for name in ["Outlook", "Made/On/Way", "Deleted Items/Outlook", "Deleted Items/Way"] {
        assert!(!is_subscribed(&mut client, name).await, "{name}");
    }
    assert!(listed(&mut client, "LIST \"\" *").await.contains_key("Deleted Items/Outlook"));
    // Somebody who drags it there means to see it; and UNSUBSCRIBE is about the name, not the folder.
    let stack = stack.restart_without_ledger().await;
    let mut client = login(&stack).await;
    stack.as_outlook(|mailbox| {
        let (moved, trash) = (folder(mailbox, "Dragged"), mailbox.special(Special::DeletedItems));
        mailbox.move_folder(moved, trash, "Dragged").expect("moved");
        folder(mailbox, "Outlook");
    });
    until("the move is seen", async || listed(&mut client, "LIST \"\" *").await.contains_key("Outlook")).await;
    for (name, subscribed) in [("Deleted Items/Dragged", true), ("Deleted Items/Outlook", false), ("Outlook", true)] {
        assert_eq!(is_subscribed(&mut client, name).await, subscribed, "{name}");
    }
    ok(&mut client, &["UNSUBSCRIBE Outlook"]).await;
    stack.as_outlook(|mailbox| {
        let (id, top) = (folder(mailbox, "Outlook"), mailbox.special(Special::IpmSubtree));
        mailbox.delete_folder(top, id, true, true).expect("deleted");
    });
    until("it is gone", async || !listed(&mut client, "LIST \"\" *").await.contains_key("Outlook")).await;
    stack.as_outlook(|mailbox| folder(mailbox, "Outlook"));
    until("it is back", async || listed(&mut client, "LIST \"\" *").await.contains_key("Outlook")).await;
    assert!(!is_subscribed(&mut client, "Outlook").await);
    // CREATE says nothing against an older SUBSCRIBE, and nothing new behind an UNSUBSCRIBE.
    ok(&mut client, &["DELETE Outlook", "CREATE Outlook"]).await;
    assert!(!is_subscribed(&mut client, "Outlook").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_older_versions_kept_with_folders_is_taken_over() {
    let (stack, client) = start().await;
    drop(client);
    let old = |mailbox: &mut Mailbox, name: &str, subscribed| {
        let id = folder(mailbox, name);
        let value = (own_property::SUBSCRIBED.key(), PropertyValue::Boolean(subscribed));
        mailbox.set_folder_properties(id, vec![value]).expect("set");
    };
    stack.as_outlook(|mailbox| {
        for (name, subscribed) in [("No", false), ("Yes", true), ("Later", false), ("Wanted", true)] {
            old(mailbox, name, subscribed);
        }
    });
    let stack = stack.restart_without_ledger().await;
    let mut client = login(&stack).await;
    for (name, subscribed) in [("No", false), ("Yes", true), ("Later", false), ("Wanted", true)] {
        assert_eq!(is_subscribed(&mut client, name).await, subscribed, "{name}");
    }
    // What is said now counts for more, and what was said before is not forgotten with the folder.
    ok(&mut client, &["SUBSCRIBE Later", "UNSUBSCRIBE Yes", "DELETE Wanted"]).await;
    for (name, subscribed) in
        [("Later", true), ("Yes", false), ("Wanted", true), ("Deleted Items/Wanted", false), ("No", false)]
    {
        assert_eq!(is_subscribed(&mut client, name).await, subscribed, "{name}");
    }
    // A rename takes along what the folder says itself.
    ok(&mut client, &["RENAME No Never"]).await;
    assert!(!is_subscribed(&mut client, "Never").await);
    let own = |mailbox: &mut Mailbox, name: &str| {
        let id = folder(mailbox, name);
        let properties = &mailbox.folder(id).expect("a folder").properties;
        properties.get_named(&own_property::SUBSCRIBED.name(), PropertyType::BOOLEAN).cloned()
    };
    let values = stack.as_outlook(|mailbox| ["Later", "Yes"].map(|name| own(mailbox, name)));
    assert_eq!(
        values,
        [Some(PropertyValue::Boolean(false)), Some(PropertyValue::Boolean(true))],
        "not written any more"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_renamed_stays_in_sight() {
    let (stack, mut client) = start().await;
    stack.as_outlook(|mailbox| folder(mailbox, "Plain"));
    until("the folder is seen", async || listed(&mut client, "LIST \"\" *").await.contains_key("Plain")).await;
    ok(&mut client, &["CREATE a/b/c", "SUBSCRIBE a", "SUBSCRIBE a/b/c", "CREATE Plain/Below"]).await;
    // Of the new names something was said before, when other folders had them.
    ok(&mut client, &["UNSUBSCRIBE Plain", "RENAME Plain x", "SUBSCRIBE x", "RENAME a Plain"]).await;
    for (name, subscribed) in [
        ("a", false),
        ("a/b/c", false),
        ("Plain", true),
        ("Plain/b", false),
        ("Plain/b/c", true),
        ("x", true),
        ("x/Below", false),
    ] {
        assert_eq!(is_subscribed(&mut client, name).await, subscribed, "{name}");
    }
    // Thunderbird does the same itself.
    ok(&mut client, &["RENAME Plain/b/c Elsewhere/c", "SUBSCRIBE Elsewhere/c", "UNSUBSCRIBE Plain/b/c"]).await;
    for (name, subscribed) in [("Elsewhere", false), ("Elsewhere/c", true), ("Plain/b/c", false)] {
        assert_eq!(is_subscribed(&mut client, name).await, subscribed, "{name}");
    }
    // Out of Deleted Items; and a folder that takes the messages of the inbox.
    ok(&mut client, &["DELETE Elsewhere/c", "UNSUBSCRIBE Elsewhere/c"]).await;
    assert!(!is_subscribed(&mut client, "Deleted Items/c").await);
    ok(&mut client, &["RENAME \"Deleted Items/c\" Back", "RENAME inbox 2025/Inbox"]).await;
    for (name, subscribed) in [("Back", true), ("2025", false), ("2025/Inbox", true), ("INBOX", true)] {
        assert_eq!(is_subscribed(&mut client, name).await, subscribed, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_one_however_it_is_written() {
    let (stack, mut client) = start().await;
    ok(&mut client, &["UNSUBSCRIBE inBox"]).await;
    assert!(!is_subscribed(&mut client, "INBOX").await);
    ok(&mut client, &["SUBSCRIBE INBOX", "CREATE Entw&APw-rfe", "SUBSCRIBE \"Entw\u{fc}rfe\"", "CREATE inbox/In"])
        .await;
    assert!(is_subscribed(&mut client, "INBOX").await);
    assert!(is_subscribed(&mut client, "Entw&APw-rfe").await);
    ok(&mut client, &["SUBSCRIBE InBoX/In", "DELETE INBOX/In"]).await;
    let gone = &listed(&mut client, "LIST (SUBSCRIBED) \"\" inbox/%").await["INBOX/In"];
    assert!(gone.contains("\\NonExistent"), "{gone}");
    let list = stack.as_outlook(|mailbox| kept(mailbox));
    assert_eq!(list.subscribed().collect::<Vec<_>>(), ["Entw\u{fc}rfe", "INBOX", "INBOX/In"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_sessions_and_two_gateways_see_and_keep_what_the_other_says() {
    let (stack, mut one) = start().await;
    let mut other = login(&stack).await;
    ok(&mut one, &["CREATE Work", "SUBSCRIBE Work"]).await;
    assert!(is_subscribed(&mut other, "Work").await);
    ok(&mut other, &["UNSUBSCRIBE Work"]).await;
    assert!(!is_subscribed(&mut one, "Work").await);
    let directory = tempfile::TempDir::new().expect("a directory");
    let program = env!("CARGO_BIN_EXE_gateway-under-test");
    let settings = Settings::new(program, directory.path(), stack.sandbox.addr());
    let second = Gateway::start(settings).await.expect("started");
    let mut elsewhere = ImapClient::login(second.imap, ALICE, PASSWORD).await;
    assert!(!is_subscribed(&mut elsewhere, "Work").await);
    ok(&mut one, &["SUBSCRIBE Work"]).await;
    // The mailbox tells the other gateway, long before that looks again by itself.
    let told =
        until("the other gateway sees it", async || listed(&mut elsewhere, "LSUB \"\" *").await.contains_key("Work"));
    tokio::time::timeout(Duration::from_secs(30), told).await.expect("told");
    assert!(is_subscribed(&mut elsewhere, "Work").await);
    // The other one changes it back right afterwards.
    ok(&mut one, &["UNSUBSCRIBE Work", "SUBSCRIBE Work"]).await;
    assert!(is_subscribed(&mut one, "Work").await);
    ok(&mut elsewhere, &["UNSUBSCRIBE Work"]).await;
    let told = until("the first gateway sees it", async || !listed(&mut one, "LSUB \"\" *").await.contains_key("Work"));
    tokio::time::timeout(Duration::from_secs(30), told).await.expect("told");
    ok(&mut one, &["SUBSCRIBE Work"]).await;
    let (mut mine, mut theirs) = (Vec::new(), Vec::new());
    for number in 0..8 {
        mine.push(format!("a{number}"));
        theirs.push(format!("b{number}"));
    }
    for name in mine.iter().chain(&theirs) {
        ok(&mut one, &[&format!("CREATE {name}")]).await;
    }
    until("the other gateway sees the folders", async || {
        listed(&mut elsewhere, "LIST \"\" *").await.contains_key("b7")
    })
    .await;
    let subscribe = async |client: &mut ImapClient, names: &[String]| {
        for name in names {
            ok(client, &[&format!("SUBSCRIBE {name}")]).await;
        }
    };
    tokio::join!(subscribe(&mut one, &mine), subscribe(&mut elsewhere, &theirs));
    let list = stack.as_outlook(|mailbox| kept(mailbox));
    let names: Vec<_> = mine.iter().chain(&theirs).map(String::as_str).chain(["Work"]).collect();
    let mut found: Vec<_> = list.subscribed().collect();
    found.sort_unstable_by_key(|name| names.iter().position(|wanted| wanted == name));
    assert_eq!(found, names);
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_subscribe_at_once_are_all_told_the_truth() {
    const SESSIONS: usize = 24;
    let (stack, mut client) = start().await;
    let mut sessions = Vec::new();
    for number in 0..SESSIONS {
        ok(&mut client, &[&format!("CREATE at{number}")]).await;
        sessions.push(login(&stack).await);
    }
    for verb in ["SUBSCRIBE", "UNSUBSCRIBE"] {
        let at_once = std::mem::take(&mut sessions).into_iter().enumerate().map(|(number, mut session)| {
            tokio::spawn(async move {
                session.command(&format!("{verb} at{number}")).await.ok();
                session
            })
        });
        for session in at_once.collect::<Vec<_>>() {
            sessions.push(session.await.expect("done"));
        }
        let names = listed(&mut client, "LSUB \"\" at*").await;
        assert_eq!(names.len(), if verb == "SUBSCRIBE" { SESSIONS } else { 0 }, "{verb}: {names:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_gateway_writes_between_reading_and_writing_stays() {
    let mut between = 0;
    for at in 1..=3 {
        let (stack, mut client) = start().await;
        ok(&mut client, &["CREATE Mine", "LIST \"\" *"]).await;
        let stack = Arc::new(stack);
        let other = Arc::clone(&stack);
        let fault = Fault::new(FaultKind::Backoff(Duration::from_millis(20)), EXECUTE, at);
        let armed = stack.sandbox.faults().arm_then(fault, move || {
            other.as_outlook(|mailbox| {
                let mut list = kept(mailbox);
                list.apply(&Subscriptions::subscribing("INBOX"));
                keep(mailbox, &list);
            });
        });
        ok(&mut client, &["SUBSCRIBE Mine"]).await;
        between += u32::from(armed.is_hit());
        stack.sandbox.faults().disarm();
        let list = stack.as_outlook(|mailbox| kept(mailbox));
        let expected: &[&str] = if armed.is_hit() { &["INBOX", "Mine"] } else { &["Mine"] };
        assert_eq!(list.subscribed().collect::<Vec<_>>(), expected, "request {at}");
    }
    assert!(between >= 2, "the list is read and written");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_mailbox_can_not_keep_is_refused() {
    let (stack, mut client) = start().await;
    ok(&mut client, &["CREATE Work", "LIST \"\" *"]).await;
    // A mailbox in which the user may not write, as far as the answers tell.
    for command in ["SUBSCRIBE Work", "UNSUBSCRIBE INBOX"] {
        let denied = FaultKind::Fail(ErrorCode::ACCESS_DENIED);
        stack.sandbox.faults().arm(Fault::new(denied, EXECUTE, 1).times(100));
        let answer = client.command(command).await;
        stack.sandbox.faults().disarm();
        assert!(answer.status.starts_with("NO [NOPERM]"), "{command}: {}", answer.status);
    }
    // What can't be read by this version is not written over.
    let newer = vec![(own_property::SUBSCRIPTIONS.key(), PropertyValue::Binary(vec![99, 1, 2, 3]))];
    stack
        .as_outlook(|mailbox| mailbox.set_folder_properties(mailbox.special(Special::IpmSubtree), newer))
        .expect("set");
    assert!(client.command("SUBSCRIBE INBOX").await.status.starts_with("NO [CANNOT]"));
    ok(&mut client, &["CREATE Other", "LSUB \"\" *"]).await;
    // As many names as there is room for; half of them nobody needs to remember.
    let name = |number: u64| format!("{:016x}", (number + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let mut full = Subscriptions::default();
    fill(&mut full, "Work", |number| {
        let mut edits = Subscriptions::subscribing(&name(number));
        edits.extend(Subscriptions::unsubscribing(&name(number + 100_000), true));
        edits
    });
    stack.as_outlook(|mailbox| keep(mailbox, &full));
    ok(&mut client, &["SUBSCRIBE Work"]).await;
    let mut full = stack.as_outlook(|mailbox| kept(mailbox));
    let held = [&name(0), "Work", &name(100_000)].map(|name| full.get(name));
    assert_eq!(held, [Some(true), Some(true), None]);
    // Now all of them are subscribed.
    fill(&mut full, "Other", |number| Subscriptions::subscribing(&name(number + 200_000)));
    stack.as_outlook(|mailbox| keep(mailbox, &full));
    let answer = client.command("SUBSCRIBE Other").await;
    assert!(answer.status.starts_with("NO [LIMIT]"), "{}", answer.status);
    // Folders are made and deleted all the same, names can be given up, and then there is room again.
    ok(&mut client, &["CREATE Third", "DELETE Third", "UNSUBSCRIBE Work"]).await;
    for gone in 0..5 {
        ok(&mut client, &[&format!("UNSUBSCRIBE {}", name(gone))]).await;
    }
    ok(&mut client, &["SUBSCRIBE Other"]).await;
    assert!(is_subscribed(&mut client, "Other").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_list_is_read_whole() {
    let (stack, mut client) = start().await;
    // Tables cut values at 510 bytes; these are more, as nothing repeats in them.
    let names: Vec<String> = (1..=300_u64).map(|n| format!("{:016x}", n.wrapping_mul(0x9E37_79B9_7F4A_7C15))).collect();
    let mut list = Subscriptions::default();
    names.iter().for_each(|name| list.apply(&Subscriptions::subscribing(name)));
    let bytes = list.encode().expect("room");
    assert!(bytes.len() > 2000, "{}", bytes.len());
    stack.as_outlook(|mailbox| keep(mailbox, &list));
    until("all of it is seen", async || listed(&mut client, "LIST (SUBSCRIBED) \"\" *").await.len() > 300).await;
    ok(&mut client, &[&format!("UNSUBSCRIBE {}", names[7])]).await;
    let subscribed = listed(&mut client, "LSUB \"\" *").await;
    let missing: Vec<_> = names.iter().filter(|name| !subscribed.contains_key(*name)).collect();
    assert_eq!(missing, [&names[7]]);
}
