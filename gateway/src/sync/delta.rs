use imap_front::store::{FlagSet, Keywords};
use mapi_core::id::Gid;

use super::GidSet;
use crate::ledger::IcsState;

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

/// What one ICS round reported.
#[derive(Debug, Clone, Default)]
pub struct Delta {
    /// New and changed messages.
    pub changed: Vec<RemoteMessage>,
    /// Messages that are gone: deleted, moved, expired or out of scope.
    pub deleted: GidSet,
    /// Messages that became read.
    pub read: GidSet,
    /// Messages that became unread.
    pub unread: GidSet,
    /// The state with which the next round starts.
    pub ics: IcsState,
    /// The round started from nothing: what it did not report is gone.
    pub complete: bool,
}
