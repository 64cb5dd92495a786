//! The rules of the store, and that a client that synchronises with it never loses or invents anything.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use exchange_sandbox::seed::{self, MessageBuilder, Random};
use exchange_sandbox::store::{Mailbox, Quota, STORE_FULL, Special, SteppingClock, Store, User, right};
use exchange_sandbox::{Manners, Sandbox, UnknownRecipient};
use mapi_core::ErrorCode;
use mapi_core::property::tags::*;
use mapi_core::property::{FileTime, PropertyValue};

fn store(manners: Manners) -> Store {
    let mut store = Store::new(Arc::new(SteppingClock::new(FileTime::from_unix_seconds(1_770_000_000))), manners);
    store.add_user(User::new("alice@example.test", "demo", "Alice Example"));
    store.add_user(User::new("bob@example.test", "demo", "Bob Example"));
    store
}

fn inbox(mailbox: &Mailbox) -> u64 {
    mailbox.special(Special::Inbox)
}

#[test]
fn what_changes_what() {
    let mut store = store(Manners::default());
    let mailbox = store.mailbox_of("alice@example.test").expect("a user");
    let inbox = inbox(mailbox);
    let id = mailbox.add(inbox, MessageBuilder::new("m").body("b").build(), false).expect("added");
    let state = |mailbox: &Mailbox| {
        let message = mailbox.message(id).expect("there");
        (message.change_number, message.article, message.modified, message.read_change)
    };
    let first = state(mailbox);
    assert_eq!((first.1, first.3), (1, 0));
    // Read state: its own change number, nothing else.
    mailbox.set_read(inbox, &[id], true).expect("set");
    let read = state(mailbox);
    assert_eq!((read.0, read.1, read.2), (first.0, first.1, first.2));
    assert!(read.3 > first.0);
    mailbox.set_read(inbox, &[id], true).expect("set again");
    assert_eq!(state(mailbox), read, "nothing changed");
    // Status: nothing at all.
    assert_eq!(mailbox.set_status(id, 8, 8), Ok(0));
    assert_eq!(state(mailbox), read);
    // A save: new change and article number; read state and status stay.
    mailbox.set_flagged(id, true).expect("saved");
    let saved = state(mailbox);
    assert!(saved.0 > read.3 && saved.1 == 2 && saved.2 > read.2 && saved.3 == read.3);
    let message = mailbox.message(id).expect("there");
    assert_eq!((message.read, message.status), (true, 8));
    let folder = mailbox.folder(inbox).expect("there");
    assert_eq!((folder.total(), folder.unread, folder.article_next), (1, 0, 3));
}

#[test]
fn a_save_may_reset_the_status() {
    let mut store = store(Manners { save_resets_status: true, ..Manners::default() });
    let mailbox = store.mailbox_of("alice@example.test").expect("a user");
    let inbox = inbox(mailbox);
    let id = mailbox.add(inbox, MessageBuilder::new("m").build(), false).expect("added");
    mailbox.set_status(id, 8, 8).expect("set");
    mailbox.set_categories(id, &["Blue"]).expect("saved");
    assert_eq!(mailbox.message(id).map(|message| message.status), Ok(0));
    assert_eq!(mailbox.categories(id), ["Blue"]);
}

#[test]
fn counters_agree_with_messages_whatever_happens() {
    let mut store = store(Manners::default());
    let mailbox = store.mailbox_of("alice@example.test").expect("a user");
    let (here, there) = (inbox(mailbox), mailbox.special(Special::Archive));
    let mut random = Random::new(7);
    for step in 0..600 {
        let ids: Vec<u64> = mailbox.folder(here).expect("there").messages.iter().copied().collect();
        let some: Vec<u64> = ids.iter().copied().filter(|_| random.below(3) == 0).collect();
        match random.below(7) {
            0 | 1 => drop(mailbox.add(here, MessageBuilder::new(format!("{step}")).build(), random.below(2) == 0)),
            2 => mailbox.set_read(here, &some, random.below(2) == 0).expect("set"),
            3 => drop(mailbox.move_copy(here, &some, there, random.below(2) == 0)),
            4 => drop(mailbox.delete_messages(here, &some, random.below(2) == 0)),
            5 => some.iter().take(2).for_each(|id| mailbox.set_flagged(*id, true).expect("saved")),
            _ => drop(mailbox.move_copy(there, &some, here, false)),
        }
        for folder in [here, there] {
            let folder = mailbox.folder(folder).expect("there");
            let unread = folder.messages.iter().filter(|id| mailbox.is_unread(**id)).count();
            assert_eq!(folder.unread as usize, unread, "step {step}");
            assert!(folder.messages.iter().all(|id| mailbox.message(*id).is_ok()), "step {step}");
        }
    }
}

#[test]
fn folder_names_are_unique_and_special_folders_stay() {
    let mut store = store(Manners::default());
    let mailbox = store.mailbox_of("alice@example.test").expect("a user");
    let top = mailbox.special(Special::IpmSubtree);
    let (a, existed) = mailbox.create_folder(top, "A/B & C", "", 1, false).expect("created");
    assert!(!existed);
    assert_eq!(mailbox.create_folder(top, "a/b & c", "", 1, false), Err(ErrorCode::DUPLICATE_NAME));
    assert_eq!(mailbox.create_folder(top, "a/b & c", "", 1, true), Ok((a, true)));
    let inbox = inbox(mailbox);
    assert_eq!(mailbox.delete_folder(top, inbox, true, true), Err(ErrorCode::ACCESS_DENIED));
    let (b, _) = mailbox.create_folder(a, "B", "", 1, false).expect("created");
    assert_eq!(mailbox.move_folder(a, b, "A"), Err(ErrorCode::ACCESS_DENIED), "below itself");
    assert_eq!(mailbox.delete_folder(top, a, true, false), Ok(false), "it has a subfolder");
    assert_eq!(mailbox.delete_folder(top, a, true, true), Ok(true));
    assert!(mailbox.folder(b).is_err());
    assert_eq!(mailbox.folder_at(&["inbox"]), Some(inbox));
}

fn submit(store: &mut Store, recipients: &[(i32, &str)]) -> Result<exchange_sandbox::store::Submission, ErrorCode> {
    let mailbox = store.mailbox_of("alice@example.test").expect("a user");
    let outbox = mailbox.special(Special::Outbox);
    let mut message = MessageBuilder::new("hello").set(PidTagMessageFlags, PropertyValue::Integer32(8)).body("text");
    for (kind, address) in recipients {
        message = message.recipient(*kind, address, address);
    }
    let id = mailbox.add(outbox, message.build(), true).expect("added");
    store.submit(0, id)
}

#[test]
fn mail_reaches_whom_it_names_and_hides_bcc() {
    let mut store = store(Manners::default());
    let sent = submit(&mut store, &[(1, "x@elsewhere.test"), (2, "alice@example.test"), (3, "bob@example.test")]);
    let sent = sent.expect("sent");
    assert_eq!(sent.delivered.len(), 2);
    let outbound = store.outbound().first().expect("mail for elsewhere");
    assert_eq!(outbound.recipients, ["x@elsewhere.test"]);
    assert_eq!(outbound.content.recipients.len(), 2);
    let mailbox = store.mailbox_of("bob@example.test").expect("a user");
    let (_, id) = sent.delivered[1];
    let copy = mailbox.message(id).expect("delivered");
    assert_eq!((copy.folder, copy.read, copy.message_flags() & 8), (inbox(mailbox), false, 0));
    let headers = copy.content.properties.text(PidTagTransportMessageHeaders).expect("headers");
    assert!(headers.contains("To: <x@elsewhere.test>\r\nCc: <alice@example.test>\r\n"), "{headers}");
    assert!(!headers.contains("bob@"), "{headers}");
    let mailbox = store.mailbox_of("alice@example.test").expect("a user");
    let kept = mailbox.message(sent.sent.expect("a sent copy")).expect("there");
    assert_eq!(kept.folder, mailbox.special(Special::SentItems));
    assert_eq!((kept.content.recipients.len(), kept.message_flags() & 0xD), (3, 5));
}

#[test]
fn unknown_recipients_are_reported_or_refused() {
    let mut polite = store(Manners::default());
    submit(&mut polite, &[(1, "nobody@example.test")]).expect("taken");
    let mailbox = polite.mailbox_of("alice@example.test").expect("a user");
    let folder = inbox(mailbox);
    assert_eq!(mailbox.find_subject(folder, "Undeliverable: hello").len(), 1);
    let mut strict = store(Manners { unknown_recipient: UnknownRecipient::Refuse, ..Manners::default() });
    let recipients = [(1, "bob@example.test"), (1, "nobody@example.test")];
    assert_eq!(submit(&mut strict, &recipients), Err(ErrorCode::WARN_CANCEL_MESSAGE));
    let bob = strict.mailbox_of("bob@example.test").expect("a user");
    assert_eq!(bob.folder(inbox(bob)).map(|folder| folder.total()), Ok(0), "nobody got it");
    assert_eq!(submit(&mut strict, &[]), Err(ErrorCode::NO_RECIPIENTS));
}

#[tokio::test]
async fn seeding_is_the_same_every_time_and_varied() {
    let build = || async {
        let sandbox = Sandbox::builder()
            .user("alice@example.test", "demo", "Alice Example")
            .user("bob@example.test", "demo", "Bob Example")
            .start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
            .await
            .expect("a free port");
        seed::demo(&sandbox, 200).expect("seeded");
        sandbox
    };
    let (one, two) = (build().await, build().await);
    let messages = |sandbox: &exchange_sandbox::RunningSandbox| {
        sandbox.with(|store| {
            let mailbox = store.mailbox_of("alice@example.test").expect("a user");
            let mut all = BTreeMap::new();
            for folder in mailbox.folders() {
                for id in &folder.messages {
                    let message = mailbox.message(*id).expect("there");
                    let key = (folder.name().to_owned(), *id);
                    all.insert(key, (message.content.clone(), message.read, message.created, message.change_number));
                }
            }
            all
        })
    };
    let all = messages(&one);
    assert_eq!(all, messages(&two));
    assert!((190..=220).contains(&all.len()), "{}", all.len());
    let with = |test: fn(&mapi_core::message::MessageContent) -> bool| all.values().filter(|m| test(&m.0)).count();
    assert!(with(|m| m.properties.get(PidTagHtml).is_some()) > 20);
    assert!(with(|m| m.attachments.iter().any(|a| a.embedded.is_some())) > 5);
    assert!(with(|m| m.properties.get(PidTagBody).is_none() && m.properties.get(PidTagHtml).is_none()) > 5);
    assert!(all.keys().any(|(folder, _)| folder == "Alpha/Beta & Co"));
}

/// Alice's message in Bob's name, to Bob.
fn submit_for_bob(store: &mut Store) -> Result<exchange_sandbox::store::Submission, ErrorCode> {
    let mailbox = store.mailbox_of("alice@example.test").expect("a user");
    let outbox = mailbox.special(Special::Outbox);
    let message = MessageBuilder::new("for Bob")
        .set(PidTagMessageFlags, PropertyValue::Integer32(8))
        .set(PidTagSentRepresentingSmtpAddress, PropertyValue::String("bob@example.test".into()))
        .recipient(1, "Bob", "bob@example.test");
    let id = mailbox.add(outbox, message.build(), true).expect("added");
    store.submit(0, id)
}

#[test]
fn sending_in_somebodys_name_takes_his_leave() {
    let mut store = store(Manners::default());
    let alice = store.users()[0].legacy_dn.clone();
    assert_eq!(submit_for_bob(&mut store), Err(ErrorCode::SEND_AS_DENIED));
    let names = |store: &mut Store, (_, id): (usize, u64)| {
        let bob = store.mailbox_of("bob@example.test").expect("a user");
        let bag = bob.message(id).expect("delivered").content.properties.clone();
        [PidTagSenderSmtpAddress, PidTagSentRepresentingSmtpAddress].map(|tag| bag.text(tag).map(str::to_owned))
    };
    let (a, b) = (Some("alice@example.test".to_owned()), Some("bob@example.test".to_owned()));
    store.mailbox_of("bob@example.test").expect("a user").delegates_mut().allow_send_on_behalf(&alice);
    let sent = submit_for_bob(&mut store).expect("sent");
    assert_eq!(names(&mut store, sent.delivered[0]), [a, b.clone()]);
    store.mailbox_of("bob@example.test").expect("a user").delegates_mut().allow_send_as(&alice);
    let sent = submit_for_bob(&mut store).expect("sent");
    assert_eq!(names(&mut store, sent.delivered[0]), [b.clone(), b]);
}

#[test]
fn a_full_mailbox_takes_nothing_and_its_senders_are_told() {
    let mut store = store(Manners::default());
    let bob = store.mailbox_of("bob@example.test").expect("a user");
    bob.set_quota(Quota { receive: Some(0), ..Quota::default() });
    let folder = inbox(bob);
    assert_eq!(bob.add(folder, MessageBuilder::new("m").build(), false), Err(ErrorCode::QUOTA_EXCEEDED));
    let sent = submit(&mut store, &[(1, "bob@example.test")]).expect("taken");
    assert_eq!(sent.delivered, []);
    let alice = store.mailbox_of("alice@example.test").expect("a user");
    let folder = inbox(alice);
    assert_eq!(alice.find_subject(folder, "Undeliverable: hello").len(), 1);
    alice.set_quota(Quota { send: Some(0), ..Quota::default() });
    assert_eq!(submit(&mut store, &[(1, "bob@example.test")]), Err(ErrorCode::QUOTA_EXCEEDED));
}

#[test]
fn stuck_messages_are_passed_over_and_rights_are_asked_for() {
    let mut store = store(Manners::default());
    let bob = store.users()[1].legacy_dn.clone();
    let mailbox = store.mailbox_of("alice@example.test").expect("a user");
    let (here, there) = (inbox(mailbox), mailbox.special(Special::Archive));
    let ids = [1, 2].map(|n| mailbox.add(here, MessageBuilder::new(format!("{n}")).build(), false).expect("added"));
    mailbox.set_stuck(ids[0], true);
    assert_eq!(mailbox.delete_messages(here, &ids[..1], false), Ok(0));
    assert_eq!(mailbox.move_copy(here, &ids, there, false).map(|moved| moved.len()), Ok(1));
    mailbox.set_read(here, &ids[..1], true).expect("passed over");
    assert!(mailbox.is_unread(ids[0]));
    mailbox.set_stuck(ids[0], false);
    assert_eq!(mailbox.delete_messages(here, &ids[..1], false), Ok(1));
    mailbox.grant(here, &bob, right::REVIEWER).expect("granted");
    assert_eq!(store.require(1, 0, here, right::READ_ANY), Ok(()));
    assert_eq!(store.require(1, 0, here, right::CREATE), Err(ErrorCode::ACCESS_DENIED));
    assert_eq!(store.require(1, 0, there, right::READ_ANY), Err(ErrorCode::ACCESS_DENIED));
    assert_eq!(store.require(0, 0, there, right::OWNER), Ok(()));
}

#[test]
fn some_servers_let_nothing_change_in_a_full_mailbox_and_limit_recipients() {
    let edit = |manners| {
        let mut store = store(manners);
        let mailbox = store.mailbox_of("alice@example.test").expect("a user");
        let folder = inbox(mailbox);
        let id = mailbox.add(folder, MessageBuilder::new("m").build(), false).expect("added");
        mailbox.set_quota(Quota { receive: Some(0), ..Quota::default() });
        let message = mailbox.message(id).expect("there").clone();
        let base = message.change_number;
        mailbox.save(message, base, false).map(|saved| saved.id == id)
    };
    assert_eq!(edit(Manners::default()), Ok(true));
    assert_eq!(edit(Manners { full_refuses_changes: true, ..Manners::default() }), Err(STORE_FULL));
    let mut store = store(Manners { most_recipients: Some(1), ..Manners::default() });
    assert!(submit(&mut store, &[(1, "bob@example.test")]).is_ok());
    let two = submit(&mut store, &[(1, "bob@example.test"), (2, "alice@example.test")]);
    assert_eq!(two, Err(ErrorCode::TOO_MANY_RECIPS));
}
