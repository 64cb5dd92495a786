use std::collections::HashMap;

use mail_core::{FlagSet, Keywords};
use mapi_core::id::{Gid, ReplicaGuidSet};

use crate::ledger::{MessageRecord, StateMark};

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
    /// Which state of it this is, if the server told it.
    pub state: Option<StateMark>,
}

impl RemoteMessage {
    /// The message as it is kept while the rest of its round has not come.
    pub fn to_staged(&self) -> MessageRecord {
        MessageRecord {
            uid: 0,
            gid: self.gid,
            modseq: 0,
            server_flags: self.flags.bits(),
            overlay_set: 0,
            overlay_cleared: 0,
            keywords: self.keywords.clone(),
            internal_date: self.internal_date,
            rendering: None,
            changed_at: 0,
            suspect: false,
            state: self.state,
        }
    }

    /// The reverse of [`RemoteMessage::to_staged`].
    pub fn from_staged(staged: &MessageRecord) -> Self {
        Self {
            gid: staged.gid,
            flags: FlagSet::from_bits(staged.server_flags),
            keywords: staged.keywords.clone(),
            internal_date: staged.internal_date,
            state: staged.state,
        }
    }
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

/// A change of a message that the gateway made itself, and that does not touch what is shown of its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnChange {
    /// The state that the message had.
    pub before: StateMark,
    /// The state that it got.
    pub after: StateMark,
}

/// What one ICS round reported.
#[derive(Debug, Clone, Default)]
pub struct Delta {
    /// New and changed messages.
    pub changed: Vec<RemoteMessage>,
    /// Flags of messages that did not change as far as the server says, newer than what is known of them.
    pub flags: Vec<RemoteFlags>,
    /// What the gateway changed itself since the round before.
    pub own: HashMap<Gid, OwnChange>,
    /// Messages that are gone: deleted, moved, expired or out of scope.
    pub deleted: ReplicaGuidSet,
    /// Messages that became read.
    pub read: ReplicaGuidSet,
    /// Messages that became unread.
    pub unread: ReplicaGuidSet,
    /// The state with which the next round starts, as bytes.
    pub ics: Vec<u8>,
    /// PidTagArticleNumNext of the folder, if the server has it.
    pub next_article: Option<u32>,
    /// The round started from nothing: what it did not report is gone.
    pub complete: bool,
}
