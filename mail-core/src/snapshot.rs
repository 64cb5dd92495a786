use crate::flag::FlagSet;
use crate::keyword::Keywords;

/// A message of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageRow {
    /// UID.
    pub uid: u32,
    /// System flags.
    pub flags: FlagSet,
    /// Keywords.
    pub keywords: Keywords,
    /// MODSEQ of its last visible change (RFC 7162).
    pub modseq: u64,
    /// INTERNALDATE in seconds since 1970-01-01 UTC.
    pub internal_date: i64,
    /// RFC822.SIZE in bytes, once known. For one UID it never changes from one known value to another.
    pub size: Option<u32>,
}

/// An immutable view of a folder. Sessions hold one; the difference between theirs and the newest is the untagged output.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snapshot {
    /// UIDVALIDITY. If it differs from that of the snapshot a session holds, the session must be ended.
    pub uid_validity: u32,
    /// UIDNEXT: above every UID ever seen in the folder.
    pub uid_next: u32,
    /// HIGHESTMODSEQ.
    pub highest_modseq: u64,
    /// Ascending by UID.
    pub messages: Vec<MessageRow>,
}

impl Snapshot {
    /// The position of `uid` in [`Snapshot::messages`].
    pub fn position(&self, uid: u32) -> Option<usize> {
        self.messages.binary_search_by_key(&uid, |row| row.uid).ok()
    }

    /// The message with `uid`.
    pub fn get(&self, uid: u32) -> Option<&MessageRow> {
        self.position(uid).map(|position| &self.messages[position])
    }
}
