use imap_front::store::{FlagSet, Keywords};
use mapi_core::id::{Gid, ReplicaGuidSet};

/// A message as a round reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteMessage {
    /// Its global id.
    pub gid: Gid,
    /// The flags the server keeps.
    pub flags: FlagSet,
    /// Its keywords (categories).
    pub keywords: Keywords,
    /// INTERNALDATE, seconds since 1970-01-01 UTC.
    pub internal_date: i64,
}

/// Flags of a message that were read from the message itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteFlags {
    /// Its global id.
    pub gid: Gid,
    /// The flags the server keeps.
    pub flags: FlagSet,
    /// Its keywords (categories).
    pub keywords: Keywords,
}

/// What one ICS round reported.
#[derive(Debug, Clone, Default)]
pub struct Delta {
    /// New and changed messages.
    pub changed: Vec<RemoteMessage>,
    /// Flags of messages that did not change as far as the server says, newer than what is known of them.
    pub flags: Vec<RemoteFlags>,
    /// Messages that are gone: deleted, moved, expired or out of scope.
    pub deleted: ReplicaGuidSet,
    /// Messages that became read.
    pub read: ReplicaGuidSet,
    /// Messages that became unread.
    pub unread: ReplicaGuidSet,
    /// The state with which the next round starts, as bytes.
    pub ics: Vec<u8>,
    /// The round started from nothing: what it did not report is gone.
    pub complete: bool,
}
