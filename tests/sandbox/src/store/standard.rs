//! The folders that every mailbox has ([MS-OXOSFLD]).

use mapi_core::property::PropertyTag;

/// A folder with a part to play.
#[allow(missing_docs, reason = "the names are those of [MS-OXOSFLD] 2.2.1")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(usize)]
pub enum Special {
    Root,
    DeferredAction,
    SpoolerQueue,
    IpmSubtree,
    Inbox,
    Outbox,
    SentItems,
    DeletedItems,
    CommonViews,
    Schedule,
    Finder,
    Views,
    Shortcuts,
    Drafts,
    Junk,
    Archive,
    Calendar,
    Contacts,
    Tasks,
    Notes,
    Journal,
    SyncIssues,
    Conflicts,
    LocalFailures,
    ServerFailures,
}

/// Every special folder: itself, its parent, display name and container class. Parents come first.
pub const ALL: [(Special, Special, &str, &str); 25] = {
    use Special::*;
    [
        (Root, Root, "", ""),
        (DeferredAction, Root, "Deferred Action", ""),
        (SpoolerQueue, Root, "Spooler Queue", ""),
        (IpmSubtree, Root, "Top of Information Store", ""),
        (Inbox, IpmSubtree, "Inbox", "IPF.Note"),
        (Outbox, IpmSubtree, "Outbox", "IPF.Note"),
        (SentItems, IpmSubtree, "Sent Items", "IPF.Note"),
        (DeletedItems, IpmSubtree, "Deleted Items", "IPF.Note"),
        (CommonViews, Root, "Common Views", ""),
        (Schedule, Root, "Schedule", ""),
        (Finder, Root, "Finder", ""),
        (Views, Root, "Views", ""),
        (Shortcuts, Root, "Shortcuts", ""),
        (Drafts, IpmSubtree, "Drafts", "IPF.Note"),
        (Junk, IpmSubtree, "Junk Email", "IPF.Note"),
        (Archive, IpmSubtree, "Archive", "IPF.Note"),
        (Calendar, IpmSubtree, "Calendar", "IPF.Appointment"),
        (Contacts, IpmSubtree, "Contacts", "IPF.Contact"),
        (Tasks, IpmSubtree, "Tasks", "IPF.Task"),
        (Notes, IpmSubtree, "Notes", "IPF.StickyNote"),
        (Journal, IpmSubtree, "Journal", "IPF.Journal"),
        (SyncIssues, IpmSubtree, "Sync Issues", "IPF.Note"),
        (Conflicts, SyncIssues, "Conflicts", "IPF.Note"),
        (LocalFailures, SyncIssues, "Local Failures", "IPF.Note"),
        (ServerFailures, SyncIssues, "Server Failures", "IPF.Note"),
    ]
};

/// Properties of the Inbox and the Root folder that hold the EntryID of a special folder ([MS-OXOSFLD] 2.2.3).
pub const ENTRY_IDS: [(PropertyTag, Special); 7] = [
    (PropertyTag(0x36D0_0102), Special::Calendar),
    (PropertyTag(0x36D1_0102), Special::Contacts),
    (PropertyTag(0x36D2_0102), Special::Journal),
    (PropertyTag(0x36D3_0102), Special::Notes),
    (PropertyTag(0x36D4_0102), Special::Tasks),
    (PropertyTag(0x36D7_0102), Special::Drafts),
    (PropertyTag(0x35FF_0102), Special::Archive),
];

/// Properties of the store that hold the EntryID of a special folder ([MS-OXCSTOR] 2.2.2.1).
pub const STORE_ENTRY_IDS: [(PropertyTag, Special); 5] = [
    (PropertyTag(0x35E0_0102), Special::IpmSubtree),
    (PropertyTag(0x35E2_0102), Special::Outbox),
    (PropertyTag(0x35E3_0102), Special::DeletedItems),
    (PropertyTag(0x35E4_0102), Special::SentItems),
    (PropertyTag(0x35E7_0102), Special::Finder),
];

/// PidTagAdditionalRenEntryIds, in its order ([MS-OXOSFLD] 2.2.4).
pub const ADDITIONAL: [Special; 5] =
    [Special::Conflicts, Special::SyncIssues, Special::LocalFailures, Special::ServerFailures, Special::Junk];
