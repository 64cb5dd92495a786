use mapi_core::fasttransfer::{
    Atom, AtomParser, FetchedMessage, MessageLimits, MessageList, ParserLimits, SyncEvent, SyncState, SyncStream,
};
use mapi_core::id::{GlobSet, ReplicaGuidSet, ReplicaIdSet};
use mapi_core::wire::{Reader, WireResult, Writer};

use super::cut;

pub(super) const LIMITS: MessageLimits = MessageLimits { bytes: 1 << 16, depth: 8, objects: 100 };

/// Streams of whole messages: atoms, a list of messages, one message's content.
pub fn messages(data: &[u8]) {
    let pieces = cut(data);
    let whole = [&pieces.concat()[..]];
    assert_same(&atoms(&whole), &atoms(&pieces));
    for bare in [false, true] {
        assert_same(&list(&whole, bare), &list(&pieces, bare));
    }
}

/// Streams of changes.
pub fn synchronisation(data: &[u8]) {
    let pieces = cut(data);
    let whole = [&pieces.concat()[..]];
    for hierarchy in [false, true] {
        assert_same(&events(&whole, hierarchy), &events(&pieces, hierarchy));
    }
    if let Ok(state) = SyncState::from_bytes(whole[0]) {
        assert_eq!(SyncState::from_bytes(&state.to_bytes()).as_ref(), Ok(&state));
        let _ = state.given();
    }
}

/// GLOBSETs and id sets of both replica forms.
pub fn idset(data: &[u8]) {
    if let Ok(set) = ReplicaIdSet::from_bytes(data) {
        let again = ReplicaIdSet::from_bytes(&set.to_bytes()).expect("what was written");
        // Replicas without ids are not written, so the sets themselves may differ.
        assert_eq!((again.to_bytes(), again.count()), (set.to_bytes(), set.count()));
    }
    if let Ok(set) = ReplicaGuidSet::from_bytes(data) {
        let again = ReplicaGuidSet::from_bytes(&set.to_bytes()).expect("what was written");
        // Replicas without ids are not written, so the sets themselves may differ.
        assert_eq!((again.to_bytes(), again.count()), (set.to_bytes(), set.count()));
    }
    if let Ok(set) = GlobSet::decode(&mut Reader::new(data)) {
        let mut writer = Writer::new();
        set.encode(&mut writer);
        assert_eq!(GlobSet::decode(&mut Reader::new(&writer.into_vec())).as_ref(), Ok(&set));
        assert!(set.difference(&set).is_empty());
    }
}

/// What was read, and whether the stream was well formed to its end.
type Outcome<T> = (Vec<T>, WireResult<()>);

/// The same things read, to the last bit (`==` would say that a NaN differs from itself), and the same verdict. What an
/// error tells may depend on how much was there to look at.
fn assert_same<T: std::fmt::Debug>(left: &Outcome<T>, right: &Outcome<T>) {
    assert_eq!(format!("{:?}", left.0), format!("{:?}", right.0));
    assert_eq!(left.1.is_ok(), right.1.is_ok(), "{:?} {:?}", left.1, right.1);
}

fn collect<T>(mut next: impl FnMut() -> WireResult<Option<T>>, out: &mut Vec<T>) -> WireResult<()> {
    while let Some(item) = next()? {
        out.push(item);
    }
    Ok(())
}

fn atoms(pieces: &[&[u8]]) -> Outcome<Atom> {
    let mut parser = AtomParser::new(ParserLimits { value: 1 << 16, total: 1 << 20, skip_large_values: true });
    let mut out = Vec::new();
    let result = pieces
        .iter()
        .try_for_each(|piece| {
            parser.push(piece)?;
            collect(|| parser.next_atom(), &mut out)
        })
        .and_then(|()| parser.finish());
    (out, result)
}

fn list(pieces: &[&[u8]], bare: bool) -> Outcome<FetchedMessage> {
    let mut list = if bare { MessageList::of_one_message(LIMITS) } else { MessageList::new(LIMITS) };
    let mut out = Vec::new();
    let read = pieces.iter().try_for_each(|piece| {
        list.push(piece)?;
        collect(|| list.next_message(), &mut out)
    });
    let result = read.and_then(|()| list.finish()).map(|last| out.extend(last));
    (out, result)
}

fn events(pieces: &[&[u8]], hierarchy: bool) -> Outcome<SyncEvent> {
    let mut stream = if hierarchy { SyncStream::hierarchy(LIMITS) } else { SyncStream::contents(LIMITS) };
    let mut out = Vec::new();
    let read = pieces.iter().try_for_each(|piece| {
        stream.push(piece)?;
        collect(|| stream.next_event(), &mut out)
    });
    (out, read.and_then(|()| stream.finish()))
}
