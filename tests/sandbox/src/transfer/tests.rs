//! Clients that follow a mailbox by synchronising know it exactly, whatever happens and wherever they stop.

use std::collections::BTreeMap;
use std::sync::Arc;

use mapi_core::fasttransfer::{MessageLimits, SyncEvent, SyncState, SyncStream};
use mapi_core::id::{GlobalCounter, ReplicaGuidSet, ReplicaIdSet};
use mapi_core::property::tags::*;
use mapi_core::property::{FileTime, PropertyTag};
use proptest::prelude::*;

use super::contents::flag;
use super::{ContentsSync, Source, hierarchy};
use crate::Manners;
use crate::seed::{MessageBuilder, Random, kinds};
use crate::store::{Mailbox, Special, SteppingClock, User};

const TAGS: [PropertyTag; 3] = [PidTagMessageFlags, PidTagSubject, PidTagFlagStatus];

fn mailbox() -> Mailbox {
    mailbox_with(Default::default())
}

fn mailbox_with(manners: Manners) -> Mailbox {
    let clock = Arc::new(SteppingClock::new(FileTime::from_unix_seconds(1_770_000_000)));
    Mailbox::new(&User::new("alice@example.test", "demo", "Alice"), clock, manners)
}

fn events(mailbox: &Mailbox, mut source: Source, piece: usize, contents: bool) -> Vec<SyncEvent> {
    let limits = MessageLimits::default();
    let mut stream = if contents { SyncStream::contents(limits) } else { SyncStream::hierarchy(limits) };
    let mut out = Vec::new();
    loop {
        stream.push(&source.next_piece(mailbox, piece).expect("room for an atom")).expect("bytes");
        while let Some(event) = stream.next_event().expect("a well-formed stream") {
            out.push(event);
        }
        if source.is_done() {
            stream.finish().expect("complete");
            return out;
        }
    }
}

/// What a client knows of a folder: subject, read state and flag by id.
#[derive(Debug, Default)]
struct Client {
    state: SyncState,
    messages: BTreeMap<u64, (String, bool, Option<i32>)>,
}

impl Client {
    fn round(&mut self, mailbox: &Mailbox, folder: u64, piece: usize) {
        let sync = ContentsSync {
            folder,
            flags: flag::READ_STATE | flag::NORMAL | flag::ONLY_SPECIFIED,
            extra: flag::EXTRA_EID | flag::EXTRA_CHANGE_NUMBER,
            tags: TAGS.to_vec(),
            restriction: None,
        };
        let source = sync.begin(mailbox, &self.state).expect("the folder is there");
        let ids = |set: &ReplicaIdSet| set.ids().map(|id| id.counter.value()).collect::<Vec<_>>();
        for event in events(mailbox, source, piece, true) {
            match event {
                SyncEvent::Message(change) => {
                    let bag = change.properties();
                    let read = bag.integer(PidTagMessageFlags).expect("asked for") & 1 != 0;
                    let subject = bag.text(PidTagSubject).unwrap_or_default().to_owned();
                    let id = change.mid.expect("asked for").counter.value();
                    self.messages.insert(id, (subject, read, bag.integer(PidTagFlagStatus)));
                }
                SyncEvent::Deleted(set) => {
                    for id in ids(&set) {
                        assert!(self.messages.remove(&id).is_some(), "only what the client has is told as deleted");
                    }
                }
                SyncEvent::ReadState { read, unread } => {
                    for (set, now) in [(read, true), (unread, false)] {
                        for id in ids(&set) {
                            self.messages.get_mut(&id).expect("only what the client has").1 = now;
                        }
                    }
                }
                SyncEvent::State(state) => {
                    self.state = state.after(&self.state);
                    // What claims everything that will ever happen would hide it.
                    let claimed = ReplicaGuidSet::from_bytes(self.state.cnset_read.as_deref().unwrap_or_default());
                    let claimed = claimed.expect("a set").replica(mailbox.replica_guid()).cloned().unwrap_or_default();
                    if claimed.contains(GlobalCounter::new(0xFFFF_FFFF_FFFF)) {
                        self.state.cnset_read = None;
                    }
                }
                SyncEvent::Folder(_) => panic!("no folders here"),
            }
        }
    }

    fn check(&self, mailbox: &Mailbox, folder: u64) {
        let folder = mailbox.folder(folder).expect("there");
        let there: BTreeMap<_, _> = folder
            .messages
            .iter()
            .map(|id| {
                let message = mailbox.message(*id).expect("there");
                let bag = &message.content.properties;
                let subject = bag.text(PidTagNormalizedSubject).unwrap_or_default().to_owned();
                (*id, (subject, message.read, bag.integer(PidTagFlagStatus)))
            })
            .collect();
        assert_eq!(self.messages, there);
    }
}

fn change(mailbox: &mut Mailbox, random: &mut Random, number: usize) {
    let (here, there) = (mailbox.special(Special::Inbox), mailbox.special(Special::Archive));
    let ids: Vec<u64> = mailbox.folder(here).expect("there").messages.iter().copied().collect();
    let some: Vec<u64> = ids.iter().copied().filter(|_| random.below(4) == 0).collect();
    match random.below(8) {
        0..=2 => {
            let message = MessageBuilder::new(format!("m{number}")).build();
            mailbox.add(here, message, random.below(2) == 0).expect("added");
        }
        3 => mailbox.set_read(here, &some, random.below(2) == 0).expect("set"),
        4 => some.iter().for_each(|id| mailbox.set_flagged(*id, random.below(2) == 0).expect("saved")),
        5 => drop(mailbox.move_copy(here, &some, there, random.below(2) == 0)),
        6 => drop(mailbox.delete_messages(here, &some, random.below(2) == 0)),
        _ => {
            if let Some(id) = some.first() {
                mailbox.set_status(*id, 8, 8).expect("set");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn clients_know_what_is_there(
        seed: u64,
        steps in 1usize..40,
        pause in 1usize..5,
        piece in 200usize..4000,
        manners in prop_oneof![Just(Manners::default()), Just(Manners::rude()), Just(Manners::gromox())],
    ) {
        let mut mailbox = mailbox_with(manners);
        let inbox = mailbox.special(Special::Inbox);
        let mut random = Random::new(seed);
        let mut client = Client::default();
        for number in 0..steps {
            change(&mut mailbox, &mut random, number);
            if number % pause == 0 {
                client.round(&mailbox, inbox, piece);
                client.check(&mailbox, inbox);
            }
        }
        client.round(&mailbox, inbox, piece);
        client.check(&mailbox, inbox);
        // A quiet round tells nothing, and leaves the state as it is.
        let before = (client.state.clone(), client.messages.clone());
        client.round(&mailbox, inbox, piece);
        prop_assert_eq!(before, (client.state, client.messages));
    }
}

#[test]
fn folders_come_parents_first_and_go() {
    let mut mailbox = mailbox();
    let top = mailbox.special(Special::IpmSubtree);
    let sync = |mailbox: &Mailbox, state: &SyncState| {
        let source = hierarchy(mailbox, top, 0, flag::EXTRA_EID, &[], state).expect("there");
        let mut changed = Vec::new();
        let mut deleted = 0;
        let mut after = SyncState::new();
        for event in events(mailbox, source, 8000, false) {
            match event {
                SyncEvent::Folder(folder) => {
                    let id = folder.folder_id().expect("asked for").counter.value();
                    let parent = folder.properties.integer64(PidTagParentFolderId).expect("asked for");
                    changed.push((id, mapi_core::id::ObjectId::from_i64(parent).counter.value()));
                }
                SyncEvent::Deleted(set) => deleted += set.count(),
                SyncEvent::State(state) => after = state,
                other => panic!("unexpected {other:?}"),
            }
        }
        (changed, deleted, after)
    };
    let (all, _, state) = sync(&mailbox, &SyncState::new());
    let mut seen = vec![top];
    for (id, parent) in &all {
        assert!(seen.contains(parent), "parents come first");
        seen.push(*id);
    }
    let (a, _) = mailbox.create_folder(top, "A", "", 1, false).expect("created");
    let (b, _) = mailbox.create_folder(a, "B", "", 1, false).expect("created");
    let (changed, deleted, state) = sync(&mailbox, &state);
    assert_eq!((changed, deleted), (vec![(a, top), (b, a)], 0));
    mailbox.move_folder(b, top, "B2").expect("moved");
    let (changed, _, state) = sync(&mailbox, &state);
    assert_eq!(changed, [(b, top)]);
    mailbox.delete_folder(top, a, true, true).expect("deleted");
    let (changed, deleted, _) = sync(&mailbox, &state);
    assert_eq!((changed, deleted), (Vec::new(), 1));
}

#[test]
fn every_kind_of_message_downloads_in_pieces_of_any_size() {
    use mapi_core::fasttransfer::MessageList;
    let mut mailbox = mailbox();
    let inbox = mailbox.special(Special::Inbox);
    let mut random = Random::new(3);
    for number in 0..12 {
        let base = MessageBuilder::new(format!("m{number}")).recipient(1, "Bob", "bob@example.test");
        mailbox.add(inbox, kinds::build(&mut random, number, base).build(), false).expect("added");
    }
    let ids: Vec<u64> = mailbox.folder(inbox).expect("there").messages.iter().copied().collect();
    for piece in [200, 4097, 31_000] {
        let steps = ids.iter().map(|id| super::Step::Message { id: *id });
        let mut source = Source::new(steps, super::Filter::everything());
        let mut list = MessageList::new(MessageLimits::default());
        let mut fetched = Vec::new();
        while !source.is_done() {
            list.push(&source.next_piece(&mailbox, piece).expect("room for an atom")).expect("bytes");
            while let Some(message) = list.next_message().expect("well-formed") {
                fetched.push(message);
            }
        }
        fetched.extend(list.finish().expect("complete"));
        assert_eq!(fetched.len(), ids.len());
        for (message, id) in fetched.iter().zip(&ids) {
            let stored = mailbox.message(*id).expect("there");
            assert_eq!(message.mid.map(|mid| mid.counter.value()), Some(*id));
            assert_eq!(message.content.attachments.len(), stored.content.attachments.len());
            for tag in [PidTagBody, PidTagHtml, PidTagNormalizedSubject] {
                assert_eq!(message.content.properties.get(tag), stored.content.properties.get(tag));
            }
        }
    }
}

#[test]
fn properties_come_in_another_order_each_time_and_in_the_same_orders_again() {
    let download = |mailbox: &Mailbox, id: u64| {
        let mut source = Source::new([super::Step::Message { id }], super::Filter::everything());
        let mut bytes = Vec::new();
        while !source.is_done() {
            bytes.extend(source.next_piece(mailbox, 30_000).expect("room"));
        }
        bytes
    };
    let content = |bytes: &[u8]| {
        use mapi_core::fasttransfer::MessageList;
        let mut list = MessageList::new(MessageLimits::default());
        list.push(bytes).expect("bytes");
        let mut all = Vec::new();
        while let Some(message) = list.next_message().expect("well-formed") {
            all.push(message.content);
        }
        all.extend(list.finish().expect("complete").into_iter().map(|message| message.content));
        all
    };
    let seeded = |manners: Manners| {
        let mut mailbox = mailbox_with(manners);
        let inbox = mailbox.special(Special::Inbox);
        let message = MessageBuilder::new("m").body("b").recipient(1, "A", "a@x.test").recipient(1, "B", "b@x.test");
        let id = mailbox.add(inbox, message.build(), false).expect("added");
        (mailbox, id)
    };
    let (plain, id) = seeded(Manners::default());
    assert_eq!(download(&plain, id), download(&plain, id));
    let rude = || seeded(Manners { shuffle_properties: true, seed: 5, ..Manners::default() }).0;
    let (one, two) = (rude(), rude());
    let streams = [download(&one, id), download(&one, id), download(&one, id)];
    assert!(streams[0] != streams[1] && streams[1] != streams[2] && streams[0] != download(&plain, id));
    assert_eq!(streams, [download(&two, id), download(&two, id), download(&two, id)]);
    for stream in &streams {
        assert_eq!(content(stream), content(&download(&plain, id)));
    }
}

#[test]
fn soft_deletions_and_read_changes_are_told_as_the_server_likes() {
    let sets = |manners: Manners| {
        let mut mailbox = mailbox_with(manners);
        let inbox = mailbox.special(Special::Inbox);
        let ids =
            [1, 2].map(|n| mailbox.add(inbox, MessageBuilder::new(format!("{n}")).build(), false).expect("added"));
        let mut client = Client::default();
        client.round(&mailbox, inbox, 4000);
        let kept = client.state.cnset_read.is_some();
        mailbox.delete_messages(inbox, &ids[..1], false).expect("deleted");
        mailbox.delete_messages(inbox, &ids[1..], true).expect("deleted");
        let sync = ContentsSync {
            folder: inbox,
            flags: flag::READ_STATE | flag::NORMAL,
            extra: 0,
            tags: Vec::new(),
            restriction: None,
        };
        let mut source = sync.begin(&mailbox, &client.state).expect("the folder is there");
        let mut bytes = Vec::new();
        while !source.is_done() {
            bytes.extend(source.next_piece(&mailbox, 4000).expect("room"));
        }
        let tells = |tag: PropertyTag| bytes.windows(4).any(|window| window == tag.0.to_le_bytes());
        (kept, tells(MetaTagIdsetDeleted), tells(MetaTagIdsetNoLongerInScope))
    };
    assert_eq!(sets(Manners::default()), (true, true, false));
    assert_eq!(sets(Manners::gromox()), (false, true, true));
}
