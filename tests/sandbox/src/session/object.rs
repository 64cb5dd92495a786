use std::sync::Arc;

use mapi_core::fasttransfer::SyncState;
use mapi_core::message::Attachment;
use mapi_core::property::{PropertyKey, PropertyTag};

use super::table::Table;
use crate::store::Message;
use crate::transfer::{ContentsSync, Source};

/// A server object that a handle of a session stands for.
#[derive(Debug)]
pub struct Entry {
    /// The LogonId it belongs to.
    pub logon_id: u8,
    /// Which mailbox it is of.
    pub mailbox: usize,
    /// The object.
    pub object: Object,
}

/// The kinds of server objects.
#[derive(Debug)]
pub enum Object {
    /// A logon to a mailbox.
    Logon,
    /// An open folder.
    Folder(u64),
    /// An open message.
    Message(Box<MessageObject>),
    /// An open attachment.
    Attachment(Box<AttachmentObject>),
    /// A table.
    Table(Box<Table>),
    /// A property value as a stream.
    Stream(StreamObject),
    /// A FastTransfer download.
    Source(Box<Source>),
    /// A synchronisation download that is being configured.
    Sync(Box<SyncObject>),
    /// A synchronisation upload to a folder.
    Collector(Box<CollectorObject>),
    /// A subscription.
    Subscription(Subscription),
}

/// An open message: the copy that the client works on. What it changes is seen by nobody else before it is saved.
#[derive(Debug)]
pub struct MessageObject {
    /// The copy.
    pub message: Message,
    /// The change number that the stored message had when it was opened or saved; 0: it was never saved.
    pub base: u64,
    /// Whether it may be changed.
    pub writable: bool,
    /// Whether it may be saved.
    pub editable: bool,
    /// Whether a property was set that only the server sets: it can't be saved any more.
    pub spoiled: bool,
    /// The attachment it is embedded in, by handle.
    pub embedded_in: Option<u32>,
    /// The number of the next new attachment.
    pub next_attachment: u32,
}

/// An open attachment: the copy that the client works on.
#[derive(Debug)]
pub struct AttachmentObject {
    /// The message, by handle.
    pub message: u32,
    /// The copy.
    pub attachment: Attachment,
    /// Whether it may be changed.
    pub writable: bool,
}

/// An open stream.
#[derive(Debug)]
pub struct StreamObject {
    /// The object whose property it is, by handle.
    pub owner: u32,
    /// The property.
    pub key: PropertyKey,
    /// The tag it was opened with: its type tells how text is written.
    pub tag: PropertyTag,
    /// The bytes.
    pub data: Vec<u8>,
    /// The next byte to read or write.
    pub position: usize,
    /// Whether it may be changed.
    pub writable: bool,
    /// Whether it was changed since the last commit.
    pub dirty: bool,
}

/// A synchronisation download: its configuration until the first GetBuffer, then a stream.
#[derive(Debug)]
pub struct SyncObject {
    /// What to synchronise.
    pub scope: SyncScope,
    /// The client's state, as uploaded.
    pub state: StateUpload,
    /// The stream, once it began.
    pub source: Option<Source>,
}

/// What a synchronisation is about.
#[derive(Debug, Clone)]
pub enum SyncScope {
    /// The messages of a folder.
    Contents(ContentsSync),
    /// The folders below a folder: root, flags, extra flags, property list.
    Hierarchy(u64, u16, u32, Arc<[PropertyTag]>),
}

/// A synchronisation upload.
#[derive(Debug)]
pub struct CollectorObject {
    /// The folder.
    pub folder: u64,
    /// Messages, else folders.
    pub contents: bool,
    /// The client's state, as uploaded.
    pub state: StateUpload,
}

/// A state that arrives in pieces.
#[derive(Debug, Default)]
pub struct StateUpload {
    /// What is complete.
    pub state: SyncState,
    /// The element that is open, and its bytes so far.
    pub open: Option<(PropertyTag, Vec<u8>)>,
}

/// A subscription.
#[derive(Debug)]
pub struct Subscription {
    /// The events wanted.
    pub types: u16,
    /// Folder and message to watch; `None` watches the whole store.
    pub scope: Option<(u64, u64)>,
    /// The number of the next event to look at.
    pub cursor: u64,
}
