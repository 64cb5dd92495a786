use mail_core::FlagSet;
use mapi_core::id::Gid;

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
    pub rendered: Vec<KnownRendering>,
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
