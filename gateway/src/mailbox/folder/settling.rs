use mail_core::FlagSet;
use mapi_core::id::Gid;

use crate::ledger::{RenderingRecord, StateMark};
use crate::sync::KnownRendering;

/// What an operation that was just carried out did to a folder.
#[derive(Debug, Clone, Default)]
pub struct Settling {
    /// Messages that came.
    pub came: Vec<Gid>,
    /// Messages that went.
    pub gone: Vec<Gid>,
    /// Flags that messages which came are to have, as far as only the ledger keeps these.
    pub flags: Vec<(Gid, FlagSet)>,
    /// Messages that came whose bytes are known.
    pub rendered: Vec<StoredBytes>,
}

/// The bytes that a message has as long as nobody changes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredBytes {
    /// The message.
    pub gid: Gid,
    /// Its PidTagChangeKey.
    pub change_key: Vec<u8>,
    /// How many bytes.
    pub size: u32,
    /// SHA-256 over them.
    pub digest: [u8; 32],
}

impl StoredBytes {
    /// The same as rounds know it; nothing if the change key is empty.
    pub(super) fn known(&self) -> Option<KnownRendering> {
        let rendering = RenderingRecord { size: self.size, digest: self.digest };
        Some(KnownRendering { gid: self.gid, state: StateMark::of(&self.change_key)?, rendering })
    }
}

/// What a folder knows after [`super::Folder::settle`].
#[derive(Debug, Clone)]
pub struct Settled {
    /// UIDVALIDITY.
    pub uid_validity: u32,
    /// The UIDs of the messages that came, in their order; none of one that changed already, so that the UID would promise other
    /// bytes.
    pub uids: Vec<Option<u32>>,
}
