//! The mailbox client against the sandbox: every operation end to end, and what it costs in Execute requests.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use exchange_sandbox::{Manners, RunningSandbox, Sandbox, UnknownRecipient, seed};
use mapi_core::auth::{BasicCredentials, PlainHttp};
use mapi_core::client::{Client, ClientSettings, EndpointUrl, Endpoints, Tls, TlsSettings};
use mapi_core::fasttransfer::{MessageChange, MessageLimits, SyncState};
use mapi_core::id::{FolderId, MessageId};
use mapi_core::mailbox::{
    ContentsQuery, FetchOptions, Fetched, Mailbox, MessageUpdate, NotSubmitted, OpenOptions, SyncOutcome,
};
use mapi_core::message::{Attachment, MessageContent, PropertyBag};
use mapi_core::property::{FileTime, PropertyKey, PropertyName, PropertyType, PropertyValue, property_set, tags};

const ALICE: &str = "alice@example.test";
const BOB: &str = "bob@example.test";

struct World {
    sandbox: RunningSandbox,
}

impl World {
    async fn start(manners: Manners) -> Self {
        let sandbox = Sandbox::builder()
            .manners(manners)
            .user(ALICE, "secret", "Alice")
            .user(BOB, "secret", "Bob")
            .start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
            .await
            .expect("a free port");
        Self { sandbox }
    }

    async fn open(&self, user: &str) -> Mailbox {
        let url = self.sandbox.emsmdb_url(user).expect("a known user");
        let emsmdb = EndpointUrl::parse(&url, PlainHttp::Allow).expect("a URL");
        let credentials = Arc::new(BasicCredentials::new(user, "secret".to_owned().into(), PlainHttp::Allow));
        let dn = self.sandbox.user(user).expect("a known user").legacy_dn;
        let tls = Tls::new(&TlsSettings::default()).expect("TLS is set up");
        let settings = ClientSettings::new(Endpoints { emsmdb, nspi: None }, credentials, dn.clone(), tls);
        let client = Client::new(&settings);
        client.connect().await.expect("a session");
        let options = OpenOptions { names: vec![keywords()], subscribe: true };
        Mailbox::open(client, &dn, options).await.expect("a mailbox")
    }

    fn bulk(&self, user: &str, folder: FolderId, count: usize) {
        self.sandbox.with(|store| {
            let mailbox = store.mailbox_of(user).expect("a known user");
            seed::bulk(mailbox, folder.counter.value(), count).expect("room for messages");
        });
    }

    /// Execute requests that the server has counted while `work` ran.
    async fn cost<T>(&self, work: impl Future<Output = T>) -> (T, u64) {
        let before = self.sandbox.counters().execute();
        let done = work.await;
        (done, self.sandbox.counters().execute() - before)
    }
}

fn keywords() -> PropertyName {
    PropertyName::string(property_set::PS_PUBLIC_STRINGS, "Keywords")
}

fn keyword_key() -> PropertyKey {
    PropertyKey::Named(keywords(), PropertyType::MULTIPLE_STRING)
}

fn long_key() -> PropertyKey {
    PropertyKey::Named(PropertyName::string(keywords().guid, "Long"), PropertyType::BINARY)
}

fn recipient(kind: i32, name: &str, address: &str) -> PropertyBag {
    PropertyBag::from_iter([
        (tags::PidTagRecipientType, PropertyValue::Integer32(kind)),
        (tags::PidTagDisplayName, PropertyValue::String(name.into())),
        (tags::PidTagAddressType, PropertyValue::String("SMTP".into())),
        (tags::PidTagEmailAddress, PropertyValue::String(address.into())),
        (tags::PidTagSmtpAddress, PropertyValue::String(address.into())),
    ])
}

fn note(subject: &str, body: usize) -> MessageContent {
    MessageContent {
        properties: PropertyBag::from_iter([
            (tags::PidTagMessageClass, PropertyValue::String("IPM.Note".into())),
            (tags::PidTagSubject, PropertyValue::String(subject.into())),
            (tags::PidTagMessageFlags, PropertyValue::Integer32(1)),
            (tags::PidTagBody, PropertyValue::String("grün ".repeat(body / 5))),
            (tags::PidTagMessageDeliveryTime, PropertyValue::Time(FileTime::from_unix_seconds(1_700_000_000))),
        ]),
        recipients: vec![recipient(1, "Bob", BOB)],
        attachments: Vec::new(),
    }
}

async fn ids(mailbox: &Mailbox, folder: FolderId) -> Vec<MessageId> {
    let mut ids = Vec::new();
    let query = ContentsQuery { columns: vec![tags::PidTagMid], ..ContentsQuery::default() };
    let take = |rows: Vec<mapi_core::property::PropertyRow>| {
        let id = |row: &mapi_core::property::PropertyRow| row.values[0].value()?.as_i64().map(MessageId::from_i64);
        ids.extend(rows.iter().filter_map(id));
    };
    mailbox.contents_rows(folder, &query, take).await.expect("rows");
    ids
}

async fn fetch_one(mailbox: &Mailbox, folder: FolderId, mid: MessageId) -> MessageContent {
    let mut fetch = mailbox.fetch_messages(folder, &[mid], FetchOptions::default());
    match fetch.next().await.expect("a stream") {
        Some(Fetched::Message { content, .. }) => *content,
        other => panic!("{other:?}"),
    }
}

async fn round(mailbox: &Mailbox, folder: FolderId, state: &SyncState) -> (Vec<MessageChange>, SyncOutcome) {
    let properties = [tags::PidTagMessageFlags.into(), tags::PidTagFlagStatus.into(), keyword_key()];
    let delta = mailbox.sync_contents(folder, state, &properties, 20_000).await.expect("a round");
    (delta.changes, delta.outcome)
}

#[tokio::test]
async fn opening_and_folders() {
    let world = World::start(Manners::default()).await;
    let (alice, cost) = world.cost(world.open(ALICE)).await;
    assert_eq!(cost, 2);
    let folders = alice.info().folders;
    assert!(folders.drafts.is_some() && folders.junk.is_some());
    world.bulk(ALICE, folders.inbox, 3);
    let (rows, cost) = world.cost(alice.folders(&[])).await;
    let rows = rows.expect("folders");
    assert!(cost <= 2, "{cost}");
    let inbox = rows.iter().find(|row| row.id == folders.inbox).expect("the Inbox");
    assert_eq!((inbox.counters.total, inbox.depth, inbox.parent_id), (3, 1, folders.ipm_subtree));
    for special in [folders.outbox, folders.sent_items, folders.deleted_items] {
        assert!(rows.iter().any(|row| row.id == special));
    }
    // A value of the folder that all of them are in comes with them, as long as values of properties may be.
    let long = PropertyValue::Binary((0..8000_u32).map(|n| n.to_le_bytes()[0]).collect());
    let set = PropertyBag::from_iter([(long_key(), long.clone())]);
    alice.set_folder_properties(folders.ipm_subtree, &set, &[]).await.expect("set");
    let key = long_key();
    let (found, dearer) = world.cost(alice.folders_with_top(&[], Some(&key))).await;
    let found = found.expect("folders");
    assert_eq!((found.folders.len(), dearer), (rows.len(), cost));
    assert_eq!(found.of_top.expect("given"), Some(long.clone()));
    assert_eq!(alice.folder_value(folders.ipm_subtree, &key).await.expect("given"), Some(long));
    assert_eq!(alice.folder_value(folders.inbox, &key).await.expect("asked"), None);
    // One that is too long to be given is not taken for none.
    let longer = PropertyBag::from_iter([(key.clone(), PropertyValue::Binary(vec![7; 9000]))]);
    alice.set_folder_properties(folders.ipm_subtree, &longer, &[]).await.expect("set");
    assert!(alice.folder_value(folders.ipm_subtree, &key).await.is_err());
    assert!(alice.folders_with_top(&[], Some(&key)).await.expect("folders").of_top.is_err());
    let counters = alice.counters(&[folders.inbox, FolderId::new(1, 0xFFFF_FFFF)]).await.expect("counters");
    assert_eq!(counters, [Some(inbox.counters), None]);
}

#[tokio::test]
async fn messages_come_back_as_they_were_stored() {
    let world = World::start(Manners::default()).await;
    let alice = world.open(ALICE).await;
    let inbox = alice.info().folders.inbox;
    let mut content = note("everything", 30_000);
    content.properties.set(keyword_key(), PropertyValue::MultipleString(vec!["red".into(), "blue".into()]));
    content.recipients.push(recipient(2, "Süß", "suess@example.org"));
    content.attachments.push(Attachment {
        number: 0,
        properties: PropertyBag::from_iter([
            (tags::PidTagAttachMethod, PropertyValue::Integer32(1)),
            (tags::PidTagAttachLongFilename, PropertyValue::String("a.bin".into())),
            (tags::PidTagAttachDataBinary, PropertyValue::Binary((0..200_000u32).map(|n| n as u8).collect())),
        ]),
        embedded: None,
    });
    content.attachments.push(Attachment {
        number: 1,
        properties: PropertyBag::from_iter([(tags::PidTagAttachMethod, PropertyValue::Integer32(5))]),
        embedded: Some(Box::new(note("inside", 6000))),
    });
    let mid = alice.create_message(inbox, &content, false).await.expect("stored");
    let got = fetch_one(&alice, inbox, mid).await;
    let same = |sent: &PropertyBag, got: &PropertyBag| {
        for (key, value) in sent.iter().filter(|(key, _)| **key != PropertyKey::Tag(tags::PidTagMessageFlags)) {
            assert_eq!(got.iter().find(|(other, _)| *other == key).map(|(_, value)| value), Some(value), "{key:?}");
        }
    };
    same(&content.properties, &got.properties);
    assert_eq!(got.recipients.len(), 2);
    content.recipients.iter().zip(&got.recipients).for_each(|(sent, got)| same(sent, got));
    assert_eq!(got.attachments.len(), 2);
    same(&content.attachments[0].properties, &got.attachments[0].properties);
    let (sent, embedded) = (&content.attachments[1].embedded, &got.attachments[1].embedded);
    let (Some(sent), Some(embedded)) = (sent, embedded) else { panic!("the attached message is gone") };
    same(&sent.properties, &embedded.properties);
    assert_eq!(embedded.recipients.len(), 1);
}

#[tokio::test]
async fn rounds_tell_what_changed() {
    for manners in [Manners::default(), Manners { chain_rows_unpacked: true, ..Manners::default() }] {
        let world = World::start(manners).await;
        let alice = world.open(ALICE).await;
        let folders = alice.info().folders;
        world.bulk(ALICE, folders.inbox, 20);
        let all = ids(&alice, folders.inbox).await;
        assert_eq!(all.len(), 20);
        alice.set_read(folders.inbox, &all[..2], false).await.expect("marked");
        let (changes, outcome) = round(&alice, folders.inbox, &SyncState::new()).await;
        assert_eq!(changes.len(), 20);
        assert!(changes.iter().all(|change| change.gid().and_then(|gid| alice.id_of(gid)) == change.mid));
        let (changes, outcome) = round(&alice, folders.inbox, &outcome.state).await;
        assert!(changes.is_empty() && outcome.deleted.is_empty() && outcome.read.is_empty());

        alice.set_read(folders.inbox, &all[..2], true).await.expect("marked");
        let set = PropertyBag::from_iter([
            (PropertyKey::Tag(tags::PidTagFlagStatus), PropertyValue::Integer32(2)),
            (keyword_key(), PropertyValue::MultipleString(vec!["work".into()])),
        ]);
        let delete = vec![tags::PidTagFollowupIcon.into()];
        let update = |mid| MessageUpdate { mid, set: set.clone(), delete: delete.clone() };
        let gone = MessageId::new(1, 0x7777_7777);
        let results = alice.update_messages(folders.inbox, &[update(all[2]), update(gone)]).await.expect("run");
        assert!(results[0].is_ok() && results[1].is_err(), "{results:?}");
        alice.delete_messages(folders.inbox, &all[3..5]).await.expect("deleted");
        let moved = alice.move_copy(folders.inbox, folders.deleted_items, &all[5..6], false).await.expect("moved");
        assert!(moved.complete);

        let (changes, outcome) = round(&alice, folders.inbox, &outcome.state).await;
        assert_eq!(changes.iter().map(|change| change.mid).collect::<Vec<_>>(), [Some(all[2])]);
        assert_eq!(changes[0].properties().integer(tags::PidTagFlagStatus), Some(2));
        let words = changes[0].properties().get_named(&keywords(), PropertyType::MULTIPLE_STRING);
        assert_eq!(words, Some(&PropertyValue::MultipleString(vec!["work".into()])));
        let gid = |at: usize| alice.gid_of(all[at]).expect("a known replica");
        assert!((3..6).all(|at| outcome.deleted.contains(gid(at))) && !outcome.deleted.contains(gid(6)));
        assert!(outcome.read.contains(gid(0)) && outcome.read.contains(gid(1)) && outcome.unread.is_empty());
        assert_eq!(ids(&alice, folders.deleted_items).await, [moved.pairs[0].1]);
    }
}

#[tokio::test]
async fn fetching_tells_missing_and_oversize_messages() {
    let world = World::start(Manners::default()).await;
    let alice = world.open(ALICE).await;
    let inbox = alice.info().folders.inbox;
    let small = alice.create_message(inbox, &note("small", 100), false).await.expect("stored");
    let large = alice.create_message(inbox, &note("large", 60_000), false).await.expect("stored");
    let gone = MessageId::new(1, 0x7777_7777);
    let options =
        FetchOptions { limits: MessageLimits { bytes: 50_000, ..MessageLimits::default() }, ..FetchOptions::default() };
    let mut fetch = alice.fetch_messages(inbox, &[gone, large, small], options);
    let mut seen = Vec::new();
    while let Some(fetched) = fetch.next().await.expect("a stream") {
        seen.push(match fetched {
            Fetched::Message { mid, .. } => (mid, "here"),
            Fetched::TooLarge { mid, .. } => (mid, "large"),
            Fetched::Unreadable { mid, .. } => (mid, "unreadable"),
            Fetched::Growing { .. } => panic!("nobody asked for it"),
            Fetched::Missing(mid) => (mid, "missing"),
        });
    }
    assert_eq!(seen, [(large, "large"), (small, "here"), (gone, "missing")]);
}

#[tokio::test]
async fn a_large_message_is_told_while_it_grows() {
    let world = World::start(Manners::default()).await;
    let alice = world.open(ALICE).await;
    let inbox = alice.info().folders.inbox;
    let large = alice.create_message(inbox, &note("large", 900_000), false).await.expect("stored");
    let small = alice.create_message(inbox, &note("small", 100), false).await.expect("stored");
    let options = FetchOptions { growing_after: Some(400_000), ..FetchOptions::default() };
    let mut fetch = alice.fetch_messages(inbox, &[small, large], options);
    let (mut grown, mut whole) = (Vec::new(), Vec::new());
    while let Some(fetched) = fetch.next().await.expect("a stream") {
        match fetched {
            Fetched::Growing { mid, bytes } => {
                assert!(mid == large && bytes - grown.last().unwrap_or(&0) > 400_000, "{bytes} after {grown:?}");
                grown.push(bytes);
            }
            Fetched::Message { mid, .. } => whole.push(mid),
            other => panic!("{other:?}"),
        }
    }
    // In the stream text takes two bytes a letter, and nothing of its value is understood before all of it is there.
    assert!(grown.len() >= 3 && grown.last().is_some_and(|last| *last > 900_000), "{grown:?}");
    assert_eq!(whole, [small, large]);
}

#[tokio::test]
async fn sending_reaches_the_other_mailbox_and_wakes_it() {
    let world = World::start(Manners::default()).await;
    let (alice, bob) = (world.open(ALICE).await, world.open(BOB).await);
    let listener = bob.clone();
    let waiting = tokio::spawn(async move {
        loop {
            let changes = listener.changes().await.expect("a session");
            if changes.folders.contains_key(&listener.info().folders.inbox) {
                return;
            }
        }
    });
    let message = note("hello", 10_000);
    let (sent, cost) = world.cost(alice.submit(&message)).await;
    sent.expect("sent");
    assert!(cost <= 3, "{cost} Execute requests (bob's may be among them)");
    tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("bob hears of it").expect("no panic");
    let arrived = ids(&bob, bob.info().folders.inbox).await;
    let got = fetch_one(&bob, bob.info().folders.inbox, arrived[0]).await;
    assert_eq!(got.properties.text(tags::PidTagSubject), Some("hello"));
    assert_eq!(ids(&alice, alice.info().folders.sent_items).await.len(), 1);
    assert!(ids(&alice, alice.info().folders.outbox).await.is_empty());
}

#[tokio::test]
async fn what_is_refused_leaves_nothing_in_the_outbox() {
    let manners = Manners { unknown_recipient: UnknownRecipient::Refuse, ..Manners::default() };
    let world = World::start(manners).await;
    let alice = world.open(ALICE).await;
    let mut message = note("lost", 100);
    message.recipients = vec![recipient(1, "Nobody", "nobody@example.test")];
    let refused = alice.submit(&message).await.expect_err("refused");
    assert!(matches!(refused, NotSubmitted::Refused(_)), "{refused}");
    message.recipients.clear();
    let refused = alice.submit(&message).await.expect_err("nobody to send it to");
    assert!(matches!(refused, NotSubmitted::Refused(_)), "{refused}");
    assert!(ids(&alice, alice.info().folders.outbox).await.is_empty());
    assert!(ids(&alice, alice.info().folders.sent_items).await.is_empty());
}

#[tokio::test]
async fn folder_properties_and_the_hierarchy() {
    let world = World::start(Manners::default()).await;
    let alice = world.open(ALICE).await;
    let folders = alice.info().folders;
    let key = PropertyKey::Named(PropertyName::string(property_set::PS_PUBLIC_STRINGS, "epoch"), PropertyType::BINARY);
    let set = PropertyBag::from_iter([(key.clone(), PropertyValue::Binary(vec![1, 2, 3]))]);
    alice.set_folder_properties(folders.inbox, &set, &[]).await.expect("set");
    let keys = [key.clone(), tags::PidTagDisplayName.into()];
    let got = alice.folder_properties(folders.inbox, &keys).await.expect("read");
    assert_eq!(got.len(), 2);
    alice.set_folder_properties(folders.inbox, &PropertyBag::new(), std::slice::from_ref(&key)).await.expect("deleted");
    assert!(alice.folder_properties(folders.inbox, &[key]).await.expect("read").is_empty());
    let hierarchy = alice.sync_hierarchy(folders.ipm_subtree, &SyncState::new()).await.expect("a round");
    assert!(hierarchy.changes.iter().any(|folder| folder.folder_id() == Some(folders.inbox)));
    let again = alice.sync_hierarchy(folders.ipm_subtree, &hierarchy.state).await.expect("a round");
    assert!(again.changes.is_empty() && again.deleted.is_empty());
}

#[tokio::test]
async fn a_lost_session_is_reported_as_one() {
    let world = World::start(Manners::default()).await;
    let alice = world.open(ALICE).await;
    world.sandbox.drop_contexts();
    let error = alice.folders(&[]).await.expect_err("the session is gone");
    assert!(error.is_session_lost(), "{error}");
}

/// Budgets at 10,000 messages.
#[tokio::test]
async fn ten_thousand_messages_are_few_requests() {
    for manners in [Manners::default(), Manners { chain_rows_unpacked: true, ..Manners::default() }] {
        let world = World::start(manners).await;
        let alice = world.open(ALICE).await;
        let folders = alice.info().folders;
        world.bulk(ALICE, folders.inbox, 10_000);
        let (all, cost) = world.cost(ids(&alice, folders.inbox)).await;
        assert_eq!(all.len(), 10_000);
        assert!(cost <= 20, "table: {cost}");
        let ((changes, outcome), cost) = world.cost(round(&alice, folders.inbox, &SyncState::new())).await;
        assert_eq!(changes.len(), 10_000);
        assert!(cost <= 20, "first round: {cost}");
        let (_, cost) = world.cost(round(&alice, folders.inbox, &outcome.state)).await;
        assert_eq!(cost, 1, "nothing changed");

        let thousand = &all[..1000];
        let (done, cost) = world.cost(alice.set_read(folders.inbox, thousand, true)).await;
        done.expect("marked");
        assert!(cost <= 5, "read: {cost}");
        alice.changes_so_far().await.expect("notifications");
        let updates: Vec<_> = thousand
            .iter()
            .map(|&mid| MessageUpdate {
                mid,
                set: PropertyBag::from_iter([(tags::PidTagFlagStatus, PropertyValue::Integer32(2))]),
                delete: Vec::new(),
            })
            .collect();
        let (done, cost) = world.cost(alice.update_messages(folders.inbox, &updates)).await;
        assert!(done.expect("run").iter().all(Result::is_ok));
        assert!(cost <= 45, "flags: {cost}");
        alice.changes_so_far().await.expect("notifications");
        let (copied, cost) = world.cost(alice.move_copy(folders.inbox, folders.deleted_items, thousand, true)).await;
        let copied = copied.expect("copied");
        assert!(copied.complete && copied.pairs.len() == 1000);
        assert!(cost <= 6, "copies: {cost}");
        alice.changes_so_far().await.expect("notifications");
        let (done, cost) = world.cost(alice.delete_messages(folders.inbox, thousand)).await;
        done.expect("deleted");
        assert!(cost <= 4, "deletions: {cost}");
        alice.changes_so_far().await.expect("notifications");

        let some = &all[2000..2500];
        let work = async {
            let mut fetch = alice.fetch_messages(folders.inbox, some, FetchOptions::default());
            let (mut messages, mut bytes) = (0, 0);
            while let Some(fetched) = fetch.next().await.expect("a stream") {
                let Fetched::Message { bytes: size, .. } = fetched else { panic!("{fetched:?}") };
                messages += 1;
                bytes += size;
            }
            (messages, bytes)
        };
        let ((messages, bytes), cost) = world.cost(work).await;
        assert_eq!(messages, some.len() as u64);
        let budget = messages / 50 + 5 * bytes / (4 * 256 * 1024) + 2;
        assert!(cost <= budget, "{messages} messages of {bytes} bytes: {cost} > {budget}");
    }
}
