use crate::id::{FolderId, Gid, Guid};

/// What is known of a mailbox once it is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailboxInfo {
    /// MailboxGuid of RopLogon: another one is another mailbox.
    pub mailbox_guid: Guid,
    /// REPLGUID of the mailbox's objects (that of the Inbox, not the one of RopLogon).
    pub replica_guid: Guid,
    /// The replica id that stands for `replica_guid` in this logon.
    pub replica_id: u16,
    /// The special folders.
    pub folders: SpecialFolders,
    /// The user owns the mailbox.
    pub owner: bool,
    /// The user may send as its owner.
    pub send_as: bool,
    /// Out of office is on.
    pub out_of_office: bool,
    /// PidTagMailboxOwnerName.
    pub owner_name: Option<String>,
}

/// The folders every mailbox has, and three that most have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say which folders they are")]
pub struct SpecialFolders {
    pub root: FolderId,
    /// The visible folders are below this one.
    pub ipm_subtree: FolderId,
    pub inbox: FolderId,
    pub outbox: FolderId,
    pub sent_items: FolderId,
    pub deleted_items: FolderId,
    pub drafts: Option<FolderId>,
    pub junk: Option<FolderId>,
    pub archive: Option<FolderId>,
}

/// The global id in a folder EntryID ([MS-OXCDATA] 2.2.4.1, 46 bytes).
pub(super) fn folder_of_entry_id(entry_id: &[u8]) -> Option<Gid> {
    if entry_id.len() != 46 {
        return None;
    }
    Gid::from_slice(entry_id.get(22..44)?)
}
