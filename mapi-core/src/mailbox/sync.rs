use crate::fasttransfer::{FolderChange, MessageChange, MessageLimits, SyncEvent, SyncState, SyncStream};
use crate::id::{FolderId, ObjectId, ReplicaGuidSet, ReplicaIdSet};
use crate::property::{PropertyKey, PropertyTag, tags};
use crate::rop::{
    LongTermIdFromIdRequest, OpenFolderRequest, RequestBody, ResponseBody, RopId, SynchronizationConfigureRequest,
    UploadStateStreamBeginRequest, UploadStateStreamContinueRequest, send_options,
    synchronization_extra_flags as extra, synchronization_flags as flags,
};

use super::download::Download;
use super::link::{OnFailure, odd_answer};
use super::open::get_properties;
use super::script::{Script, Slot, Ticket};
use super::{Inner, Mailbox, MailboxError};

/// What a contents synchronisation told, apart from the changed messages.
#[derive(Debug, Clone, PartialEq)]
pub struct SyncOutcome {
    /// Messages that are gone (deleted, expired, moved away). May name ids the client never had.
    pub deleted: ReplicaGuidSet,
    /// Messages that were marked as read, without any other change.
    pub read: ReplicaGuidSet,
    /// Messages that were marked as unread, without any other change.
    pub unread: ReplicaGuidSet,
    /// The state for the next round, to be stored with what this one told.
    pub state: SyncState,
    /// PidTagArticleNumNext of the folder when the round began. It only grows; a smaller one than before means that the
    /// server was set back to an older state, and that `state` is worth nothing ([MS-OXCFXICS] 3.3.5.3).
    pub next_article: Option<u32>,
}

/// What a contents synchronisation told.
#[derive(Debug, Clone, PartialEq)]
pub struct ContentsDelta {
    /// New and changed messages, in the server's order.
    pub changes: Vec<MessageChange>,
    /// The rest.
    pub outcome: SyncOutcome,
}

/// What a hierarchy synchronisation told.
#[derive(Debug, Clone, PartialEq)]
pub struct HierarchyDelta {
    /// New and changed folders, parents before their children.
    pub changes: Vec<FolderChange>,
    /// Folders that are gone.
    pub deleted: ReplicaGuidSet,
    /// The state for the next round.
    pub state: SyncState,
}

pub(super) const CONTENTS: u8 = 1;
const HIERARCHY: u8 = 2;
pub(super) const CONTENTS_FLAGS: u16 = flags::UNICODE
    | flags::READ_STATE
    | flags::NORMAL
    | flags::ONLY_SPECIFIED_PROPERTIES
    | flags::NO_FOREIGN_IDENTIFIERS;
/// Bytes of state uploaded in one operation.
const STATE_PIECE: usize = 16_000;
/// Bounds of one change: only the properties asked for come.
pub(super) const CHANGE_LIMITS: MessageLimits = MessageLimits { bytes: 16 << 20, depth: 8, objects: 20_000 };
/// Folder changes kept.
const FOLDER_LIMIT: usize = 100_000;

impl Mailbox {
    /// One round of contents synchronisation of the normal messages of a folder: what changed since `state`, with the
    /// named `properties` of each changed message (recipients and attachments only if PidTagMessageRecipients or
    /// PidTagMessageAttachments is among them). Changes are handed to `on_change` as they arrive; it must not block.
    ///
    /// Harmless to repeat: with the same `state` the same comes again. An empty round is one Execute request, 10,000
    /// messages with an envelope each about 15.
    ///
    /// # Errors
    /// ecRpcFormat or ecFormat mean that the server cannot use `state`: start over with an empty one.
    pub async fn sync_contents_with(
        &self,
        folder: FolderId,
        state: &SyncState,
        properties: &[PropertyKey],
        mut on_change: impl FnMut(MessageChange) + Send,
    ) -> Result<SyncOutcome, MailboxError> {
        let mut sync = self.begin_sync_contents(folder, state, properties).await?;
        while let Some(page) = sync.next_page().await? {
            page.into_iter().for_each(&mut on_change);
        }
        sync.finish().await
    }

    /// [`Mailbox::sync_contents_with`], collecting at most `limit` changes.
    ///
    /// # Errors
    /// [`MailboxError::Limit`] if there are more.
    pub async fn sync_contents(
        &self,
        folder: FolderId,
        state: &SyncState,
        properties: &[PropertyKey],
        limit: usize,
    ) -> Result<ContentsDelta, MailboxError> {
        let mut changes = Vec::new();
        let mut more = false;
        let outcome = self
            .sync_contents_with(folder, state, properties, |change| {
                more |= changes.len() >= limit;
                if !more {
                    changes.push(change);
                }
            })
            .await?;
        match more {
            true => Err(MailboxError::Limit { what: "number of changed messages", limit: limit as u64 }),
            false => Ok(ContentsDelta { changes, outcome }),
        }
    }

    /// One round of hierarchy synchronisation below a folder.
    pub async fn sync_hierarchy(&self, top: FolderId, state: &SyncState) -> Result<HierarchyDelta, MailboxError> {
        let mut changes = Vec::new();
        let mut sets = Sets::default();
        let mut on_event = |event| {
            match event {
                SyncEvent::Folder(_) if changes.len() >= FOLDER_LIMIT => {
                    return Err(MailboxError::Limit { what: "number of changed folders", limit: FOLDER_LIMIT as u64 });
                }
                SyncEvent::Folder(change) => changes.push(change),
                event => sets.take(event),
            }
            Ok(())
        };
        let options = flags::UNICODE | flags::NO_FOREIGN_IDENTIFIERS;
        let mut stream = SyncStream::hierarchy(CHANGE_LIMITS);
        let mut on_bytes = |bytes: &[u8]| {
            stream.push(bytes)?;
            while let Some(event) = stream.next_event()? {
                on_event(event)?;
            }
            Ok(())
        };
        let (script, source, _) = self.inner.synchronisation(top, HIERARCHY, options, state, Vec::new());
        let mut download = Download::start(&self.inner, script, source, &mut on_bytes).await?;
        while !download.is_done() {
            download.more(&self.inner, &mut on_bytes).await?;
        }
        stream.finish()?;
        let told = sets.state.take().ok_or_else(|| odd_answer(RopId::SYNCHRONIZATION_CONFIGURE))?;
        Ok(HierarchyDelta { changes, deleted: self.inner.global(&sets.deleted).await?, state: told.after(state) })
    }
}

/// What a stream tells but the changes.
#[derive(Default)]
pub(super) struct Sets {
    pub(super) deleted: ReplicaIdSet,
    pub(super) read: ReplicaIdSet,
    pub(super) unread: ReplicaIdSet,
    pub(super) state: Option<SyncState>,
}

impl Sets {
    pub(super) fn take(&mut self, event: SyncEvent) {
        match event {
            SyncEvent::Deleted(ids) => self.deleted.extend(&ids),
            SyncEvent::ReadState { read, unread } => {
                self.read.extend(&read);
                self.unread.extend(&unread);
            }
            SyncEvent::State(state) => self.state = Some(state),
            SyncEvent::Message(_) | SyncEvent::Folder(_) => {}
        }
    }
}

impl Inner {
    /// The beginning of a synchronisation, where its stream comes from, and the folder's next article number.
    pub(super) fn synchronisation<'a>(
        &self,
        folder: FolderId,
        synchronization_type: u8,
        synchronization_flags: u16,
        state: &SyncState,
        property_tags: Vec<PropertyTag>,
    ) -> (Script<'a>, Slot, Ticket) {
        let mut script = self.link.script();
        let store = script.known(&self.logon);
        let request = OpenFolderRequest { output_handle_index: 0, folder_id: folder, open_mode_flags: 0 };
        let (folder, _) = script.open(store, RequestBody::OpenFolder(request));
        let article = script.rop(folder, get_properties(&[tags::PidTagArticleNumNext]));
        let request = SynchronizationConfigureRequest {
            output_handle_index: 0,
            synchronization_type,
            send_options: send_options::UNICODE | send_options::FORCE_UNICODE,
            synchronization_flags,
            restriction: None,
            synchronization_extra_flags: extra::EID | extra::MESSAGE_SIZE | extra::CN,
            property_tags,
        };
        let (source, _) = script.open(folder, RequestBody::SynchronizationConfigure(request));
        script.release(folder);
        upload(&mut script, source, state);
        (script, source, article)
    }

    /// The ids of a set beyond this logon. Asks the server about replicas it was not asked about yet.
    pub(super) async fn global(&self, ids: &ReplicaIdSet) -> Result<ReplicaGuidSet, MailboxError> {
        let unknown: Vec<_> = ids
            .replicas()
            .filter(|(replica, _)| self.replica_guid(*replica).is_none())
            .filter_map(|(replica_id, set)| {
                let counter = set.ranges().next()?.0;
                Some(ObjectId { replica_id, counter })
            })
            .collect();
        if !unknown.is_empty() {
            let mut script = self.link.script();
            let store = script.known(&self.logon);
            let ask = |&object_id| {
                let request = LongTermIdFromIdRequest { object_id };
                (object_id, script.rop(store, RequestBody::LongTermIdFromId(request)))
            };
            let asked: Vec<(ObjectId, _)> = unknown.iter().map(ask).collect();
            let answers = self.link.run(&mut script, OnFailure::GoOn).await?;
            for (id, ticket) in asked {
                let ResponseBody::LongTermIdFromId(found) = answers.body(ticket)? else {
                    return Err(odd_answer(RopId::LONG_TERM_ID_FROM_ID));
                };
                self.learn_replica(id.replica_id, found.long_term_id.gid.replica_guid);
            }
        }
        let mut out = ReplicaGuidSet::new();
        for (replica, set) in ids.replicas() {
            if let Some(guid) = self.replica_guid(replica) {
                out.replica_mut(guid).extend(set);
            }
        }
        Ok(out)
    }
}

fn upload(script: &mut Script<'_>, context: Slot, state: &SyncState) {
    for (state_property, bytes) in state.elements() {
        let transfer_buffer_size = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let begin = UploadStateStreamBeginRequest { state_property, transfer_buffer_size };
        script.rop(context, RequestBody::UploadStateStreamBegin(begin));
        for piece in bytes.chunks(STATE_PIECE) {
            let piece = UploadStateStreamContinueRequest { stream_data: piece.to_vec() };
            script.rop(context, RequestBody::UploadStateStreamContinue(piece));
        }
        script.rop(context, RequestBody::UploadStateStreamEnd);
    }
}
