use mapi_core::ErrorCode;
use mapi_core::rop::{NO_HANDLE, ResponseBody};

use super::Session;
use super::object::{Entry, MessageObject, Object};
use crate::store::{Mailbox, Store};

/// One ROP at work: the session, the store, and the handle table of its Execute.
pub struct Cx<'a> {
    pub session: &'a mut Session,
    pub store: &'a mut Store,
    pub handles: &'a mut Vec<u32>,
    pub logon_id: u8,
    /// The index in the head of the request.
    pub index: u8,
    /// Bytes that the answer may take.
    pub room: usize,
}

impl Cx<'_> {
    /// The handle at an index of the handle table.
    pub fn handle(&self, index: u8) -> Result<u32, ErrorCode> {
        let handle = self.handles.get(usize::from(index)).copied().filter(|handle| *handle != NO_HANDLE);
        handle.filter(|handle| self.session.objects.contains_key(handle)).ok_or(ErrorCode::NULL_OBJECT)
    }

    /// The object at an index of the handle table.
    pub fn entry(&self, index: u8) -> Result<&Entry, ErrorCode> {
        self.session.objects.get(&self.handle(index)?).ok_or(ErrorCode::NULL_OBJECT)
    }

    /// The object at an index of the handle table, to be changed.
    pub fn entry_mut(&mut self, index: u8) -> Result<&mut Entry, ErrorCode> {
        let handle = self.handle(index)?;
        self.session.objects.get_mut(&handle).ok_or(ErrorCode::NULL_OBJECT)
    }

    /// Puts a new object into the session and its handle at an index of the handle table.
    pub fn add(&mut self, index: u8, mailbox: usize, object: Object) -> Result<u32, ErrorCode> {
        let is_source = |object: &Object| matches!(object, Object::Source(_));
        let sources = || self.session.objects.values().filter(|entry| is_source(&entry.object)).count();
        let too_many_sources = is_source(&object) && sources() >= Session::MAX_SOURCES;
        if too_many_sources || self.session.objects.len() >= Session::MAX_OBJECTS {
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
    pub fn mailbox(&self) -> Result<&Mailbox, ErrorCode> {
        self.store.mailbox(self.entry(self.index)?.mailbox).ok_or(ErrorCode::NULL_OBJECT)
    }

    /// The mailbox of the object in the head of the request, to be changed.
    pub fn mailbox_mut(&mut self) -> Result<&mut Mailbox, ErrorCode> {
        let index = self.entry(self.index)?.mailbox;
        self.store.mailbox_mut(index).ok_or(ErrorCode::NULL_OBJECT)
    }

    /// Checks that the user of this session may do something in a folder of that mailbox.
    pub fn require(&self, mailbox: usize, folder: u64, wanted: u32) -> Result<(), ErrorCode> {
        self.store.require(self.session.user, mailbox, folder, wanted)
    }

    /// The folder at an index, if the user of this session may do something in it.
    pub fn folder_for(&self, index: u8, wanted: u32) -> Result<(usize, u64), ErrorCode> {
        let (mailbox, folder) = self.folder(index)?;
        self.require(mailbox, folder, wanted)?;
        Ok((mailbox, folder))
    }

    /// Mailbox and id of the folder at an index.
    pub fn folder(&self, index: u8) -> Result<(usize, u64), ErrorCode> {
        let entry = self.entry(index)?;
        match entry.object {
            Object::Folder(id) => Ok((entry.mailbox, id)),
            _ => Err(ErrorCode::NOT_SUPPORTED),
        }
    }

    /// The message at an index.
    pub fn message(&self, index: u8) -> Result<&MessageObject, ErrorCode> {
        match &self.entry(index)?.object {
            Object::Message(message) => Ok(message),
            _ => Err(ErrorCode::NOT_SUPPORTED),
        }
    }

    /// The message at an index, to be changed.
    pub fn message_mut(&mut self, index: u8) -> Result<&mut MessageObject, ErrorCode> {
        match &mut self.entry_mut(index)?.object {
            Object::Message(message) if message.writable => Ok(message),
            Object::Message(_) => Err(ErrorCode::ACCESS_DENIED),
            _ => Err(ErrorCode::NOT_SUPPORTED),
        }
    }
}

/// What a ROP answers: the results, or why there are none.
pub type RopResult = Result<ResponseBody, ErrorCode>;
