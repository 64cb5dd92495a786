use proptest::prelude::*;

use super::*;
use crate::id::{ChangeNumber, Guid, MessageId, ObjectId, ReplicaIdSet};
use crate::message::{Attachment, MessageContent, PropertyBag};
use crate::property::{FileTime, PropertyKey, PropertyName, PropertyTag, PropertyType, PropertyValue, tags};
use crate::wire::{WireErrorKind, WireResult};

fn value() -> impl Strategy<Value = PropertyValue> {
    let text = "\\PC{0,12}";
    prop_oneof![
        any::<i16>().prop_map(PropertyValue::Integer16),
        any::<i32>().prop_map(PropertyValue::Integer32),
        any::<bool>().prop_map(PropertyValue::Boolean),
        any::<i64>().prop_map(PropertyValue::Integer64),
        any::<u64>().prop_map(|n| PropertyValue::Time(FileTime(n))),
        any::<[u8; 16]>().prop_map(|b| PropertyValue::Guid(Guid(b))),
        text.prop_map(PropertyValue::String),
        proptest::collection::vec(1u8.., 0..20).prop_map(PropertyValue::String8),
        proptest::collection::vec(any::<u8>(), 0..300).prop_map(PropertyValue::Binary),
        proptest::collection::vec(any::<u8>(), 0..30).prop_map(PropertyValue::ServerId),
        proptest::collection::vec(any::<u8>(), 0..30).prop_map(PropertyValue::Object),
        proptest::collection::vec(text, 0..4).prop_map(PropertyValue::MultipleString),
        proptest::collection::vec(any::<i32>(), 0..5).prop_map(PropertyValue::MultipleInteger32),
        proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..9), 0..4)
            .prop_map(PropertyValue::MultipleBinary),
    ]
}

fn property() -> impl Strategy<Value = (PropertyKey, PropertyValue)> {
    let key = prop_oneof![
        4 => (0x0001u16..0x3FF0).prop_map(Ok),
        1 => (any::<[u8; 16]>(), any::<u32>()).prop_map(|(guid, lid)| Err(PropertyName::lid(Guid(guid), lid))),
        1 => (any::<[u8; 16]>(), "[a-z-]{1,9}").prop_map(|(guid, name)| Err(PropertyName::string(Guid(guid), name))),
    ];
    (key, value()).prop_map(|(key, value)| {
        let kind = value.kind();
        let key = match key {
            Ok(id) => PropertyKey::Tag(PropertyTag::new(id, kind)),
            Err(name) => PropertyKey::Named(name, kind),
        };
        (key, value)
    })
}

fn bag(size: usize) -> impl Strategy<Value = PropertyBag> {
    proptest::collection::vec(property(), 0..size).prop_map(|values| {
        let mut bag: PropertyBag = values.into_iter().collect();
        bag.remove(&PropertyKey::Tag(tags::PidTagMid));
        bag.remove(&PropertyKey::Tag(tags::PidTagAttachNumber));
        bag
    })
}

fn content() -> impl Strategy<Value = MessageContent> {
    let recipient = (bag(4), 0..9i32).prop_map(|(mut bag, row)| {
        bag.set(tags::PidTagRowid, PropertyValue::Integer32(row));
        bag
    });
    let leaf = (bag(6), proptest::collection::vec(recipient, 0..3))
        .prop_map(|(properties, recipients)| MessageContent { properties, recipients, attachments: Vec::new() });
    leaf.prop_recursive(3, 12, 3, |inner| {
        let attachment =
            (any::<u32>(), bag(4), proptest::option::of(inner)).prop_map(|(number, properties, embedded)| Attachment {
                number,
                properties,
                embedded: embedded.map(Box::new),
            });
        (bag(4), proptest::collection::vec(attachment, 0..3)).prop_map(|(properties, attachments)| MessageContent {
            properties,
            recipients: Vec::new(),
            attachments,
        })
    })
}

fn change() -> impl Strategy<Value = MessageChange> {
    let key = || proptest::collection::vec(any::<u8>(), 0..24);
    let ids = proptest::option::of((any::<u16>(), 0u64..1 << 48).prop_map(|(r, c)| ObjectId::new(r, c)));
    (key(), any::<u64>(), key(), any::<bool>(), ids, proptest::option::of(any::<u32>()), content()).prop_map(
        |(source_key, time, change_key, associated, mid, size, content)| MessageChange {
            source_key,
            last_modified: FileTime(time),
            predecessors: change_key.clone(),
            change_key,
            associated,
            mid,
            size,
            change_number: mid.map(|id: MessageId| ChangeNumber::new(id.replica_id, 77)),
            content,
        },
    )
}

/// Pieces of `bytes`, cut at `cuts` (taken modulo the length).
fn pieces<'a>(bytes: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut at: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    at.extend([0, bytes.len()]);
    at.sort_unstable();
    at.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
}

fn messages(stream: &[u8], cuts: &[usize], limits: MessageLimits) -> WireResult<Vec<FetchedMessage>> {
    let mut list = MessageList::new(limits);
    let mut out = Vec::new();
    for piece in pieces(stream, cuts) {
        list.push(piece)?;
        while let Some(message) = list.next_message()? {
            out.push(message);
        }
    }
    assert_eq!(list.finish()?, None);
    Ok(out)
}

fn events(mut sync: SyncStream, stream: &[u8], cuts: &[usize]) -> WireResult<Vec<SyncEvent>> {
    let mut out = Vec::new();
    for piece in pieces(stream, cuts) {
        sync.push(piece)?;
        while let Some(event) = sync.next_event()? {
            out.push(event);
        }
    }
    sync.finish()?;
    Ok(out)
}

fn atoms(stream: &[u8], limits: ParserLimits) -> WireResult<Vec<Atom>> {
    let mut parser = AtomParser::new(limits);
    parser.push(stream)?;
    let mut out = Vec::new();
    while let Some(atom) = parser.next_atom()? {
        out.push(atom);
    }
    parser.finish()?;
    Ok(out)
}

#[test]
fn known_bytes() {
    let mut writer = StreamWriter::new();
    writer
        .marker(Marker::StartMessage)
        .tagged(tags::PidTagSubject, PropertyValue::String("Hi".into()))
        .tagged(tags::PidTagAssociated, PropertyValue::Boolean(true))
        .property(
            &PropertyKey::Named(PropertyName::lid(Guid([1; 16]), 0x8530), PropertyType::INTEGER32),
            &PropertyValue::Integer32(5),
        )
        .tagged(tags::MetaTagIdsetGiven, PropertyValue::Binary(vec![9]));
    let expected = [
        &[0x03, 0x00, 0x0C, 0x40][..],
        &[0x1F, 0x00, 0x37, 0x00, 6, 0, 0, 0, b'H', 0, b'i', 0, 0, 0],
        &[0x0B, 0x00, 0xAA, 0x67, 1, 0],
        &[0x03, 0x00, 0x00, 0x80],
        &[1; 16],
        &[0, 0x30, 0x85, 0, 0, 5, 0, 0, 0],
        &[0x03, 0x00, 0x17, 0x40, 1, 0, 0, 0, 9],
    ];
    assert_eq!(writer.into_vec(), expected.concat());
}

#[test]
fn code_page_strings_become_strings() {
    let unicode = [0xB0, 0x84, 0x37, 0x00, 4, 0, 0, 0, b'x', 0, 0, 0];
    let latin = [0xE4, 0x84, 0x37, 0x00, 2, 0, 0, 0, 0xE9, 0];
    let atoms = atoms(&[&unicode[..], &latin].concat(), ParserLimits::default()).expect("a valid stream");
    let eight = tags::PidTagSubject.with_kind(PropertyType::STRING8);
    assert_eq!(atoms[0], Atom::Property(tags::PidTagSubject.into(), PropertyValue::String("x".into())));
    assert_eq!(atoms[1], Atom::Property(eight.into(), PropertyValue::String8(vec![0xE9])));
}

#[test]
fn values_above_the_limit_are_refused_or_passed_over() {
    let mut writer = StreamWriter::new();
    writer.tagged(tags::PidTagHtml, PropertyValue::Binary(vec![7; 100])).marker(Marker::EndMessage);
    let stream = writer.into_vec();
    let limits = ParserLimits { value: 50, ..ParserLimits::default() };
    let error = atoms(&stream, limits).expect_err("too large");
    assert_eq!((error.offset, error.kind), (0, WireErrorKind::TooLarge { asked: 104, limit: 50 }));
    let skipping = ParserLimits { skip_large_values: true, ..limits };
    let expected = [Atom::Skipped(tags::PidTagHtml.into(), 104), Atom::Marker(Marker::EndMessage)];
    assert_eq!(atoms(&stream, skipping), Ok(expected.to_vec()));
    let error = atoms(&stream, ParserLimits { total: 60, ..limits }).expect_err("too long");
    assert!(matches!(error.kind, WireErrorKind::TooLarge { limit: 60, .. }));
    // A size that claims more than ever arrives reserves nothing.
    let claim = [0x02, 0x01, 0x13, 0x10, 0xFF, 0xFF, 0xFF, 0x7F];
    assert!(matches!(atoms(&claim, limits).expect_err("too large").kind, WireErrorKind::TooLarge { .. }));
}

#[test]
fn an_oversize_message_does_not_touch_its_neighbours() {
    let small = |mid: i64| MessageContent {
        properties: PropertyBag::from_iter([(tags::PidTagMid, PropertyValue::Integer64(mid))]),
        ..MessageContent::default()
    };
    let mut large = small(2);
    large.attachments.push(Attachment {
        number: 0,
        properties: PropertyBag::from_iter([(tags::PidTagAttachDataBinary, PropertyValue::Binary(vec![1; 5000]))]),
        embedded: Some(Box::default()),
    });
    let mut wide = small(3);
    wide.recipients = vec![PropertyBag::from_iter([(tags::PidTagRowid, PropertyValue::Integer32(1))]); 100];
    let mut writer = StreamWriter::new();
    writer.message(&small(1), false).message(&large, true).message(&wide, false).message(&small(4), false);
    let limits = MessageLimits { bytes: 1000, ..MessageLimits::default() };
    let got = messages(&writer.into_vec(), &[3, 500, 900], limits).expect("a valid stream");
    let told: Vec<_> = got.iter().map(|m| (m.mid.map(MessageId::to_i64), m.associated, m.oversize)).collect();
    assert_eq!(told, [(Some(1), false, false), (Some(2), true, true), (Some(3), false, true), (Some(4), false, false)]);
    assert!(got[1].content == MessageContent::default() && got[1].bytes > 5000);
    assert_eq!(got[3].content, small(4));
    // The same with more levels, or more recipients, than are kept.
    let mut deep = small(2);
    for _ in 0..3 {
        let attachment = Attachment { embedded: Some(Box::new(deep)), ..Attachment::default() };
        deep = MessageContent { attachments: vec![attachment], ..small(2) };
    }
    let mut writer = StreamWriter::new();
    writer.message(&small(1), false).message(&deep, false).message(&wide, false).message(&small(4), false);
    let limits = MessageLimits { depth: 2, objects: 50, ..MessageLimits::default() };
    let got = messages(&writer.into_vec(), &[3, 500, 900], limits).expect("a valid stream");
    assert_eq!(got.iter().map(|message| message.oversize).collect::<Vec<_>>(), [false, true, true, false]);
    assert_eq!(got[1].content, MessageContent::default());
}

#[test]
fn grammar_errors_tell_their_offset() {
    let built = |markers: &[Marker]| {
        let mut writer = StreamWriter::new();
        for &marker in markers {
            writer.marker(marker);
        }
        writer.into_vec()
    };
    let mut nested = vec![Marker::StartMessage];
    nested.extend([Marker::NewAttach, Marker::StartEmbed].repeat(1025));
    for (offset, markers) in [
        (0, &[Marker::EndMessage][..]),
        (4, &[Marker::StartMessage, Marker::EndAttach]),
        (8, &[Marker::StartMessage, Marker::StartRecip, Marker::EndMessage]),
        (8, &[Marker::StartMessage, Marker::StartRecip, Marker::NewAttach]),
        (4, &[Marker::StartMessage, Marker::FxErrorInfo]),
        (4 + 8 * 1024 + 4, &nested),
    ] {
        let error = messages(&built(markers), &[], MessageLimits::default()).expect_err("not allowed");
        assert_eq!(error.offset, offset, "{error}");
    }
    for markers in [
        &[Marker::IncrSyncEnd][..],
        &[Marker::IncrSyncChg, Marker::IncrSyncChg],
        &[Marker::IncrSyncRead, Marker::IncrSyncDel],
        &[Marker::IncrSyncStateBegin, Marker::IncrSyncEnd],
        &[Marker::IncrSyncStateBegin, Marker::IncrSyncStateEnd, Marker::IncrSyncChg],
        &[Marker::IncrSyncStateBegin, Marker::IncrSyncStateEnd],
        &[Marker::StartMessage],
    ] {
        let sync = SyncStream::contents(MessageLimits::default());
        assert!(events(sync, &built(markers), &[]).is_err(), "{markers:?}");
    }
}

#[test]
fn progress_information_is_passed_over() {
    let mut writer = StreamWriter::new();
    writer
        .marker(Marker::IncrSyncProgressMode)
        .tagged(PropertyTag(0x0102), PropertyValue::Binary(vec![0; 32]))
        .marker(Marker::IncrSyncProgressPerMsg)
        .tagged(PropertyTag(0x0003), PropertyValue::Integer32(9))
        .tagged(PropertyTag(0x000B), PropertyValue::Boolean(false));
    let mut stream = writer.into_vec();
    stream.extend(SyncStreamWriter::new().finish(&SyncState::new()).into_vec());
    let events = events(SyncStream::contents(MessageLimits::default()), &stream, &[]).expect("a valid stream");
    assert_eq!(events, [SyncEvent::State(SyncState::new())]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn messages_survive_any_cut(list in proptest::collection::vec((content(), any::<bool>()), 0..4),
                                cuts in proptest::collection::vec(any::<usize>(), 0..12)) {
        let mut writer = StreamWriter::new();
        for (content, associated) in &list {
            writer.message(content, *associated);
        }
        let got = messages(&writer.into_vec(), &cuts, MessageLimits::default()).expect("a valid stream");
        let got: Vec<_> = got.into_iter().map(|m| (m.content, m.associated)).collect();
        prop_assert_eq!(got, list);
    }

    #[test]
    fn a_bare_message_survives(content in content()) {
        let mut writer = StreamWriter::new();
        writer.message_content(&content);
        let mut list = MessageList::of_one_message(MessageLimits::default());
        list.push(&writer.into_vec()).expect("within limits");
        prop_assert_eq!(list.next_message(), Ok(None));
        prop_assert_eq!(list.finish().expect("complete").expect("one").content, content);
    }

    #[test]
    fn contents_sync_survives_any_cut(changes in proptest::collection::vec(change(), 0..4),
                                      gone in proptest::collection::vec(0u64..300, 0..9),
                                      read in proptest::collection::vec(0u64..300, 0..9),
                                      state in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..40)),
                                      cuts in proptest::collection::vec(any::<usize>(), 0..12)) {
        let set = |ids: &[u64]| {
            let mut set = ReplicaIdSet::new();
            ids.iter().for_each(|&id| set.insert(ObjectId::new(1, id)));
            set
        };
        let (gone, read, unread) = (set(&gone), set(&read), set(&[]));
        let state = SyncState { cnset_seen: state.clone(), cnset_read: state, ..SyncState::new() };
        let mut writer = SyncStreamWriter::new();
        for change in &changes {
            writer.message(change);
        }
        writer.deleted(&[(tags::MetaTagIdsetNoLongerInScope, &gone)]).read_state(&read, &unread);
        let mut expected: Vec<_> = changes.into_iter().map(|change| SyncEvent::Message(Box::new(change))).collect();
        if !gone.is_empty() {
            expected.push(SyncEvent::Deleted(gone));
        }
        if !read.is_empty() {
            expected.push(SyncEvent::ReadState { read, unread });
        }
        expected.push(SyncEvent::State(state.clone()));
        let stream = writer.finish(&state).into_vec();
        prop_assert_eq!(events(SyncStream::contents(MessageLimits::default()), &stream, &cuts), Ok(expected));
    }

    #[test]
    fn hierarchy_sync_survives_any_cut(folders in proptest::collection::vec(bag(8), 0..4),
                                       cuts in proptest::collection::vec(any::<usize>(), 0..12)) {
        let mut writer = SyncStreamWriter::new();
        let mut expected = Vec::new();
        for properties in folders {
            let change = FolderChange { properties };
            writer.folder(&change);
            expected.push(SyncEvent::Folder(change));
        }
        expected.push(SyncEvent::State(SyncState::new()));
        let stream = writer.finish(&SyncState::new()).into_vec();
        prop_assert_eq!(events(SyncStream::hierarchy(MessageLimits::default()), &stream, &cuts), Ok(expected));
    }

    #[test]
    fn pieces_of_a_source_make_the_stream(content in content(), maximum in 1usize..200) {
        let mut writer = StreamWriter::new();
        writer.message(&content, false);
        let whole = { let mut again = StreamWriter::new(); again.message(&content, false); again.into_vec() };
        let mut source = writer.into_source();
        let mut got = Vec::new();
        while !source.is_done() {
            let before = source.progress().0;
            match source.next_piece(maximum) {
                Some(piece) => {
                    prop_assert!(!piece.is_empty() && piece.len() <= maximum);
                    got.extend_from_slice(piece);
                }
                None => {
                    prop_assert_eq!(source.progress().0, before);
                    got.extend_from_slice(source.next_piece(4096).expect("an atom fits 4096 bytes"));
                }
            }
        }
        prop_assert_eq!(got, whole);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300),
                                   cuts in proptest::collection::vec(any::<usize>(), 0..5)) {
        let _ = messages(&bytes, &cuts, MessageLimits::default());
        let _ = events(SyncStream::contents(MessageLimits::default()), &bytes, &cuts);
        let _ = events(SyncStream::hierarchy(MessageLimits::default()), &bytes, &cuts);
        let _ = SyncState::from_bytes(&bytes);
    }

    #[test]
    fn arbitrary_atoms_never_panic(
        atoms in proptest::collection::vec(
            prop_oneof![
                (0..Marker::ALL.len()).prop_map(|at| Marker::ALL[at].to_u32().to_le_bytes().to_vec()),
                property().prop_map(|(key, value)| {
                    let mut writer = StreamWriter::new();
                    writer.property(&key, &value);
                    writer.into_vec()
                }),
                proptest::collection::vec(any::<u8>(), 0..6),
            ],
            0..30,
        ),
    ) {
        let stream = atoms.concat();
        let _ = messages(&stream, &[], MessageLimits::default());
        let _ = events(SyncStream::contents(MessageLimits::default()), &stream, &[]);
        let _ = events(SyncStream::hierarchy(MessageLimits::default()), &stream, &[]);
    }
}
