//! What lives between the Executes of one client: its objects, and how ROPs work on them ([MS-OXCROPS] 3.2). One file
//! per family of ROPs.

mod answers;
mod attachment;
mod busy;
mod context;
mod dispatch;
mod execute;
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
mod release;
mod row;
mod stream;
mod submit;
mod sync;
mod sync_import;
mod table;
mod table_rops;
mod transfer;

pub use busy::backoff;
pub use execute::Rejection;

use std::collections::HashMap;

use mapi_core::ErrorCode;

use object::Entry;

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
    /// Most FastTransfer downloads: Exchange's default (MaxObjsPerMapiSession, objtFXSrcStrm).
    const MAX_SOURCES: usize = 50;
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
}
