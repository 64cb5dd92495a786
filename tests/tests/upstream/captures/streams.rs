//! FastTransfer streams in the notation of the recordings' expectations, and as the readers of `mapi-core` see them.

use std::collections::BTreeMap;

use mapi_core::fasttransfer::{
    Atom, AtomParser, Marker, MessageLimits, MessageList, ParserLimits, SyncEvent, SyncStream,
};
use mapi_core::id::{Guid, ReplicaGuidSet, ReplicaIdSet, ReplicaKey};
use mapi_core::property::{PropertyKey, PropertyValue};
use serde_json::{Map, Value, json};

use super::renderings;
use super::value::{key, plain, property};

fn atoms(stream: &[u8], piece: usize) -> Vec<Atom> {
    let mut parser = AtomParser::new(ParserLimits::default());
    let mut out = Vec::new();
    for bytes in stream.chunks(piece) {
        parser.push(bytes).expect("within limits");
        while let Some(atom) = parser.next_atom().expect("well-formed") {
            out.push(atom);
        }
    }
    parser.finish().expect("a whole stream");
    out
}

/// Compares a stream with its expectation: an object for synchronisations, a list for messages.
pub fn check(stream: &[u8], expected: &Value) {
    let atoms = {
        let whole = atoms(stream, usize::MAX);
        assert_eq!(atoms(stream, 13), whole, "cuts do not matter");
        whole
    };
    if expected.is_array() {
        let got: Value = atoms.iter().map(one).collect();
        assert_eq!(&got, expected);
        messages(stream, &atoms);
    } else {
        synchronisation(&atoms, expected);
        events(stream, expected);
    }
}

fn marker(marker: Marker) -> String {
    match marker {
        Marker::StartFaiMsg => "StartFAIMsg".to_owned(),
        Marker::FxErrorInfo => "FXErrorInfo".to_owned(),
        other => format!("{other:?}"),
    }
}

fn one(atom: &Atom) -> Value {
    match atom {
        Atom::Marker(m) => marker(*m).into(),
        // Ids are plain numbers in these lists.
        Atom::Property(k, value) => json!({ key(k): plain(value) }),
        Atom::Skipped(k, _) => panic!("{} was skipped", key(k)),
    }
}

/// As many messages come out as go in.
fn messages(stream: &[u8], atoms: &[Atom]) {
    let mut list = match atoms.first() {
        Some(Atom::Marker(Marker::StartMessage)) => MessageList::new(MessageLimits::default()),
        // The state of a synchronisation, asked for alone.
        Some(Atom::Marker(Marker::IncrSyncStateBegin)) => return,
        _ => MessageList::of_one_message(MessageLimits::default()),
    };
    list.push(stream).expect("within limits");
    let mut messages = Vec::new();
    while let Some(message) = list.next_message().expect("well-formed") {
        messages.push(message);
    }
    messages.extend(list.finish().expect("a whole stream"));
    let starts = atoms.iter().filter(|atom| **atom == Atom::Marker(Marker::StartMessage)).count();
    assert_eq!(messages.len(), starts.max(1));
    assert!(messages.iter().all(|message| !message.oversize));
    messages.iter().for_each(|message| renderings::check(&message.content));
}

/// The four parts of a synchronisation, property by property.
fn synchronisation(atoms: &[Atom], expected: &Value) {
    let mut changes: Vec<Map<String, Value>> = Vec::new();
    let [mut deletions, mut read_state, mut state] = [Map::new(), Map::new(), Map::new()];
    let mut state_raw = Map::new();
    let mut part = None;
    let mut ended = false;
    for atom in atoms {
        match atom {
            Atom::Marker(Marker::IncrSyncMessage) => {}
            Atom::Marker(Marker::IncrSyncChg) => {
                changes.push(Map::new());
                part = Some(Marker::IncrSyncChg);
            }
            Atom::Marker(Marker::IncrSyncEnd) => ended = true,
            Atom::Marker(m @ (Marker::IncrSyncDel | Marker::IncrSyncRead | Marker::IncrSyncStateBegin)) => {
                part = Some(*m);
            }
            Atom::Marker(Marker::IncrSyncStateEnd) => part = None,
            Atom::Marker(other) => panic!("{other} was never recorded here"),
            Atom::Skipped(k, _) => panic!("{} was skipped", key(k)),
            Atom::Property(k, value) => {
                let set = || value.as_bytes().expect("a set of ids");
                match part {
                    Some(Marker::IncrSyncChg) => {
                        let change = changes.last_mut().expect("a change has begun");
                        change.insert(key(k), shown(k, value));
                    }
                    Some(Marker::IncrSyncDel) => drop(deletions.insert(key(k), id_set::<u16>(set()))),
                    Some(Marker::IncrSyncRead) => drop(read_state.insert(key(k), id_set::<u16>(set()))),
                    Some(Marker::IncrSyncStateBegin) => {
                        state.insert(key(k), id_set::<Guid>(set()));
                        state_raw.insert(key(k), plain(value));
                    }
                    _ => panic!("{} stands outside of everything", key(k)),
                }
            }
        }
    }
    let got = json!({
        "changes": changes,
        "deletions": deletions,
        "read_state": read_state,
        "state": state,
        "state_raw": state_raw,
        "ended": ended,
    });
    assert_eq!(got, normalised(expected));
}

fn shown(k: &PropertyKey, value: &PropertyValue) -> Value {
    match k {
        PropertyKey::Tag(tag) => property(*tag, value),
        PropertyKey::Named(..) => plain(value),
    }
}

trait Replica: ReplicaKey {
    fn show(self) -> String;
}

impl Replica for u16 {
    fn show(self) -> String {
        self.to_string()
    }
}

impl Replica for Guid {
    fn show(self) -> String {
        self.to_string()
    }
}

/// A set of ids; it encodes to a set that reads the same.
fn id_set<K: Replica>(bytes: &[u8]) -> Value {
    let set = mapi_core::id::IdSet::<K>::from_bytes(bytes).expect("a set of ids");
    assert_eq!(mapi_core::id::IdSet::<K>::from_bytes(&set.to_bytes()), Ok(set.clone()));
    let ranges = set.replicas().map(|(replica, counters)| {
        let ranges = counters.ranges().map(|(low, high)| (low.value(), high.value()));
        (replica.show(), show_ranges(ranges))
    });
    Value::Object(ranges.collect())
}

fn show_ranges(ranges: impl Iterator<Item = (u64, u64)>) -> Value {
    ranges.map(|(low, high)| if low == high { format!("{low:X}") } else { format!("{low:X}-{high:X}") }).collect()
}

/// The expectation with adjacent ranges joined: it lists them as the server cut them.
fn normalised(expected: &Value) -> Value {
    let mut expected = expected.clone();
    for part in ["deletions", "read_state", "state"] {
        for set in expected[part].as_object_mut().expect("sets").values_mut() {
            for ranges in set.as_object_mut().expect("replicas").values_mut() {
                let number = |digits: &str| u64::from_str_radix(digits, 16).expect("hex");
                let range = |range: &Value| {
                    let text = range.as_str().expect("a range");
                    let (low, high) = text.split_once('-').unwrap_or((text, text));
                    (number(low), number(high))
                };
                let all: BTreeMap<u64, u64> = ranges.as_array().expect("ranges").iter().map(range).collect();
                let mut joined: Vec<(u64, u64)> = Vec::new();
                for (low, high) in all {
                    match joined.last_mut() {
                        Some(last) if last.1 + 1 == low => last.1 = high,
                        _ => joined.push((low, high)),
                    }
                }
                *ranges = show_ranges(joined.into_iter());
            }
        }
    }
    expected
}

/// The same stream as the reader of synchronisations tells it.
fn events(stream: &[u8], expected: &Value) {
    let changes = expected["changes"].as_array().expect("changes");
    let hierarchy = changes.iter().any(|change| change.get("0x65E10102").is_some());
    let limits = MessageLimits::default();
    let mut sync = if hierarchy { SyncStream::hierarchy(limits) } else { SyncStream::contents(limits) };
    let (mut seen, mut gone, mut reads, mut states) =
        (Vec::new(), ReplicaIdSet::new(), ReplicaIdSet::new(), Vec::new());
    for bytes in stream.chunks(100) {
        sync.push(bytes).expect("within limits");
        while let Some(event) = sync.next_event().expect("well-formed") {
            match event {
                SyncEvent::Message(change) => seen.push(change.source_key),
                SyncEvent::Folder(change) => {
                    seen.push(
                        change.properties.binary(mapi_core::property::tags::PidTagSourceKey).expect("key").to_vec(),
                    );
                }
                SyncEvent::Deleted(set) => gone.extend(&set),
                SyncEvent::ReadState { read, unread } => {
                    reads.extend(&read);
                    reads.extend(&unread);
                }
                SyncEvent::State(state) => states.push(state),
            }
        }
    }
    assert!(sync.is_complete());
    sync.finish().expect("a whole stream");
    let keys: Vec<Value> = seen.iter().map(|bytes| super::value::binary(bytes)).collect();
    let expected_keys: Vec<Value> = changes.iter().map(|change| change["0x65E00102"].clone()).collect();
    assert_eq!(keys, expected_keys);
    let count = |part: &str| {
        let sets = expected[part].as_object().expect("sets").values();
        let ranges = sets.flat_map(|set| set.as_object().expect("replicas").values());
        let texts = ranges.flat_map(|ranges| ranges.as_array().expect("ranges")).map(|r| r.as_str().expect("a range"));
        let number = |digits: &str| u64::from_str_radix(digits, 16).expect("hex");
        texts.map(|r| r.split_once('-').map_or(1, |(low, high)| number(high) - number(low) + 1)).sum::<u64>()
    };
    assert_eq!((gone.count(), reads.count()), (count("deletions"), count("read_state")));
    let [state] = &states[..] else { panic!("one state, not {states:?}") };
    let raw = state.elements().map(|(tag, bytes)| (super::value::tag(tag), super::value::binary(bytes)));
    let mut expected_raw = expected["state_raw"].as_object().expect("sets").clone();
    // Empty sets are not uploaded.
    expected_raw.retain(|_, set| set != "");
    assert_eq!(raw.collect::<Map<_, _>>(), expected_raw);
    let given = state.given().expect("a set of ids");
    assert_eq!(ReplicaGuidSet::from_bytes(&given.to_bytes()), Ok(given));
}
