use mapi_core::fasttransfer::{
    Atom, AtomParser, FolderChange, MessageChange, MessageLimits, ParserLimits, SyncEvent, SyncState, SyncStream,
};
use mapi_core::id::ReplicaIdSet;
use mapi_core::property::{PropertyKey, PropertyTag, tags};
use mapi_core::rop::{
    RequestBody, SynchronizationConfigureRequest, UploadStateStreamBeginRequest, UploadStateStreamContinueRequest,
    send_options, synchronization_extra_flags as extra, synchronization_flags as flags,
};

use super::super::Trouble;
use super::Bench;
use super::session::OUT;

/// What one synchronisation told.
#[derive(Debug, Default)]
pub(crate) struct Round {
    pub(crate) changes: Vec<MessageChange>,
    pub(crate) folders: Vec<FolderChange>,
    pub(crate) deleted: ReplicaIdSet,
    /// The names of the sets that were not empty.
    pub(crate) deletion_sets: Vec<&'static str>,
    pub(crate) read: ReplicaIdSet,
    pub(crate) unread: ReplicaIdSet,
    /// As the server sent it.
    pub(crate) raw_state: SyncState,
    /// As a client stores it.
    pub(crate) state: SyncState,
}

impl Round {
    /// Counts in one line: changes, deletions, read, unread.
    pub(crate) fn counts(&self) -> String {
        let changes = self.changes.len() + self.folders.len();
        let counts = [self.deleted.count(), self.read.count(), self.unread.count()];
        let [deleted, read, unread] = counts;
        format!("{changes} changed, {deleted} gone, {read} read, {unread} unread")
    }
}

impl Bench {
    /// Configures a contents synchronisation as the gateway does, and uploads a state.
    pub(crate) async fn sync_source(
        &mut self,
        folder: u32,
        contents: bool,
        property_tags: &[PropertyTag],
        state: &SyncState,
    ) -> Result<u32, Trouble> {
        let more = if contents { flags::READ_STATE | flags::NORMAL | flags::ONLY_SPECIFIED_PROPERTIES } else { 0 };
        let configure = SynchronizationConfigureRequest {
            output_handle_index: OUT,
            synchronization_type: if contents { 1 } else { 2 },
            send_options: send_options::UNICODE | send_options::FORCE_UNICODE,
            synchronization_flags: flags::UNICODE | flags::NO_FOREIGN_IDENTIFIERS | more,
            restriction: None,
            synchronization_extra_flags: extra::EID | extra::MESSAGE_SIZE | extra::CN,
            property_tags: property_tags.to_vec(),
        };
        let source = self.call(folder, RequestBody::SynchronizationConfigure(configure)).await?.ok()?.handle;
        for (state_property, bytes) in state.elements() {
            let size = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
            let begin = UploadStateStreamBeginRequest { state_property, transfer_buffer_size: size };
            self.call(source, RequestBody::UploadStateStreamBegin(begin)).await?.ok()?;
            // In two parts, as large states would be.
            for part in bytes.chunks((bytes.len() / 2).max(1)) {
                let part = UploadStateStreamContinueRequest { stream_data: part.to_vec() };
                self.call(source, RequestBody::UploadStateStreamContinue(part)).await?.ok()?;
            }
            self.call(source, RequestBody::UploadStateStreamEnd).await?.ok()?;
        }
        Ok(source)
    }

    /// A contents synchronisation with these properties.
    pub(crate) async fn sync(
        &mut self,
        folder: u32,
        property_tags: &[PropertyTag],
        state: &SyncState,
    ) -> Result<Round, Trouble> {
        let source = self.sync_source(folder, true, property_tags, state).await?;
        parse_round(&self.download(source).await?, true, state)
    }

    /// A hierarchy synchronisation.
    pub(crate) async fn sync_hierarchy(&mut self, folder: u32, state: &SyncState) -> Result<Round, Trouble> {
        let source = self.sync_source(folder, false, &[], state).await?;
        parse_round(&self.download(source).await?, false, state)
    }
}

/// Reads the stream of a synchronisation that began with `before`.
pub(crate) fn parse_round(bytes: &[u8], contents: bool, before: &SyncState) -> Result<Round, Trouble> {
    let limits = MessageLimits::default();
    let mut stream = if contents { SyncStream::contents(limits) } else { SyncStream::hierarchy(limits) };
    stream.push(bytes)?;
    let mut round = Round::default();
    while let Some(event) = stream.next_event()? {
        match event {
            SyncEvent::Message(change) => round.changes.push(*change),
            SyncEvent::Folder(change) => round.folders.push(change),
            SyncEvent::Deleted(ids) => round.deleted.extend(&ids),
            SyncEvent::ReadState { read, unread } => {
                round.read.extend(&read);
                round.unread.extend(&unread);
            }
            SyncEvent::State(state) => {
                round.raw_state = state.clone();
                round.state = state.after(before);
            }
        }
    }
    stream.finish()?;
    round.deletion_sets = deletion_sets(bytes)?;
    Ok(round)
}

fn deletion_sets(bytes: &[u8]) -> Result<Vec<&'static str>, Trouble> {
    let mut parser = AtomParser::new(ParserLimits::default());
    parser.push(bytes)?;
    let mut sets = Vec::new();
    while let Some(atom) = parser.next_atom()? {
        if let Atom::Property(PropertyKey::Tag(tag), _) = atom {
            match tag {
                tags::MetaTagIdsetDeleted => sets.push("deleted"),
                tags::MetaTagIdsetNoLongerInScope => sets.push("no longer in scope"),
                tags::MetaTagIdsetExpired => sets.push("expired"),
                _ => {}
            }
        }
    }
    Ok(sets)
}
