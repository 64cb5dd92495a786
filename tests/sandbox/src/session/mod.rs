//! What lives between the Executes of one client: its objects, and how ROPs work on them ([MS-OXCROPS] 3.2). One file
//! per family of ROPs.

mod attachment;
mod dispatch;
mod execute;
pub use execute::{Rejection, backoff};
mod folder;
mod folder_content;
mod logon;
mod message;
mod notification;
mod object;
mod permission;
mod property;
mod property_copy;
mod recipient;
mod row;
mod stream;
mod submit;
mod sync;
mod sync_import;
mod table;
mod table_rops;
mod transfer;

use std::collections::HashMap;

use mapi_core::ErrorCode;
use mapi_core::rop::{NO_HANDLE, ResponseBody};

use crate::store::{Mailbox, Store};
use object::{Entry, MessageObject, Object};

/// What a ROP answers: the results, or why there are none.
type RopResult = Result<ResponseBody, ErrorCode>;

/// The objects of one session context.
#[derive(Debug)]
pub struct Session {
    user: usize,
    objects: HashMap<u32, Entry>,
    logons: HashMap<u8, u32>,
    last_handle: u32,
    /// Executes with ROPs so far.
    executes: u64,
    /// Pieces of FastTransfer streams asked for so far.
    pieces: u64,
    /// What every RopLogon answers instead of what it is asked for.
    refused_logon: Option<ErrorCode>,
}

impl Session {
    /// Most objects of all kinds; real servers have a limit per kind, of this order.
    const MAX_OBJECTS: usize = 2_000;

    /// A session of user `user` without logons.
    pub fn new(user: usize) -> Self {
        Self {
            user,
            objects: HashMap::new(),
            logons: HashMap::new(),
            last_handle: 0,
            executes: 0,
            pieces: 0,
            refused_logon: None,
        }
    }

    /// From now on every RopLogon fails in this way, or none does.
    pub fn refuse_logons(&mut self, code: Option<ErrorCode>) {
        self.refused_logon = code;
    }

    /// Releases an object, and everything under a logon.
    fn release(&mut self, store: &mut Store, handle: u32) {
        if matches!(self.objects.get(&handle), Some(Entry { object: Object::Stream(_), .. })) {
            // A stream that goes is committed ([MS-OXCPRPT] 3.2.5.18); what cannot be is lost with it.
            let _ = stream::commit(self, store, handle);
        }
        let Some(entry) = self.objects.remove(&handle) else { return };
        if matches!(entry.object, Object::Logon) {
            self.logons.retain(|_, logon| *logon != handle);
            self.objects.retain(|_, other| other.logon_id != entry.logon_id);
        }
    }
}

/// One ROP at work: the session, the store, and the handle table of its Execute.
struct Cx<'a> {
    session: &'a mut Session,
    store: &'a mut Store,
    handles: &'a mut Vec<u32>,
    logon_id: u8,
    /// The index in the head of the request.
    index: u8,
    /// Bytes that the answer may take.
    room: usize,
}

impl Cx<'_> {
    /// The handle at an index of the handle table.
    fn handle(&self, index: u8) -> Result<u32, ErrorCode> {
        let handle = self.handles.get(usize::from(index)).copied().filter(|handle| *handle != NO_HANDLE);
        handle.filter(|handle| self.session.objects.contains_key(handle)).ok_or(ErrorCode::NULL_OBJECT)
    }

    /// The object at an index of the handle table.
    fn entry(&self, index: u8) -> Result<&Entry, ErrorCode> {
        self.session.objects.get(&self.handle(index)?).ok_or(ErrorCode::NULL_OBJECT)
    }

    /// The object at an index of the handle table, to be changed.
    fn entry_mut(&mut self, index: u8) -> Result<&mut Entry, ErrorCode> {
        let handle = self.handle(index)?;
        self.session.objects.get_mut(&handle).ok_or(ErrorCode::NULL_OBJECT)
    }

    /// Puts a new object into the session and its handle at an index of the handle table.
    fn add(&mut self, index: u8, mailbox: usize, object: Object) -> Result<u32, ErrorCode> {
        if self.session.objects.len() >= Session::MAX_OBJECTS {
            return Err(ErrorCode::MAX_OBJECTS_EXCEEDED);
        }
        let logon_id = self.logon_id;
        self.session.last_handle += 1;
        let handle = self.session.last_handle;
        self.session.objects.insert(handle, Entry { logon_id, mailbox, object });
        let at = usize::from(index);
        if self.handles.len() <= at {
            self.handles.resize(at + 1, NO_HANDLE);
        }
        self.handles[at] = handle;
        Ok(handle)
    }

    /// The mailbox of the object in the head of the request.
    fn mailbox(&self) -> Result<&Mailbox, ErrorCode> {
        self.store.mailbox(self.entry(self.index)?.mailbox).ok_or(ErrorCode::NULL_OBJECT)
    }

    /// The mailbox of the object in the head of the request, to be changed.
    fn mailbox_mut(&mut self) -> Result<&mut Mailbox, ErrorCode> {
        let index = self.entry(self.index)?.mailbox;
        self.store.mailbox_mut(index).ok_or(ErrorCode::NULL_OBJECT)
    }

    /// Checks that the user of this session may do something in a folder of that mailbox.
    fn require(&self, mailbox: usize, folder: u64, wanted: u32) -> Result<(), ErrorCode> {
        self.store.require(self.session.user, mailbox, folder, wanted)
    }

    /// The folder at an index, if the user of this session may do something in it.
    fn folder_for(&self, index: u8, wanted: u32) -> Result<(usize, u64), ErrorCode> {
        let (mailbox, folder) = self.folder(index)?;
        self.require(mailbox, folder, wanted)?;
        Ok((mailbox, folder))
    }

    /// Mailbox and id of the folder at an index.
    fn folder(&self, index: u8) -> Result<(usize, u64), ErrorCode> {
        let entry = self.entry(index)?;
        match entry.object {
            Object::Folder(id) => Ok((entry.mailbox, id)),
            _ => Err(ErrorCode::NOT_SUPPORTED),
        }
    }

    /// The message at an index.
    fn message(&self, index: u8) -> Result<&MessageObject, ErrorCode> {
        match &self.entry(index)?.object {
            Object::Message(message) => Ok(message),
            _ => Err(ErrorCode::NOT_SUPPORTED),
        }
    }

    /// The message at an index, to be changed.
    fn message_mut(&mut self, index: u8) -> Result<&mut MessageObject, ErrorCode> {
        match &mut self.entry_mut(index)?.object {
            Object::Message(message) if message.writable => Ok(message),
            Object::Message(_) => Err(ErrorCode::ACCESS_DENIED),
            _ => Err(ErrorCode::NOT_SUPPORTED),
        }
    }
}
