use mail_core::FlagSet;
use mapi_core::id::Gid;

/// What an operation that was just carried out did to a folder.
#[derive(Debug, Clone, Default)]
pub struct Settling {
    /// Messages that came.
    pub came: Vec<Gid>,
    /// Messages that went.
    pub gone: Vec<Gid>,
    /// Flags that messages which came are to have, as far as only the ledger keeps these.
    pub flags: Vec<(Gid, FlagSet)>,
}

/// What a folder knows after [`super::Folder::settle`].
#[derive(Debug, Clone)]
pub struct Settled {
    /// UIDVALIDITY.
    pub uid_validity: u32,
    /// The UIDs of the messages that came, in their order.
    pub uids: Vec<Option<u32>>,
}
