use std::ops::{AddAssign, SubAssign};

use super::Row;
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

/// What is counted of the messages of a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MessageCounts {
    /// Messages without `\Seen`.
    pub unseen: u32,
    /// Messages with `\Deleted`.
    pub deleted: u32,
    /// Messages with keywords.
    pub with_keywords: u32,
    /// Messages whose size is not known.
    pub without_size: u32,
    /// The known sizes together, in bytes.
    pub size: u64,
}

impl Row for MessageRow {
    type Counts = MessageCounts;

    fn uid(&self) -> u32 {
        self.uid
    }

    fn counts(&self) -> MessageCounts {
        MessageCounts {
            unseen: u32::from(!self.flags.contains(FlagSet::SEEN)),
            deleted: u32::from(self.flags.contains(FlagSet::DELETED)),
            with_keywords: u32::from(!self.keywords.is_empty()),
            without_size: u32::from(self.size.is_none()),
            size: self.size.map_or(0, u64::from),
        }
    }
}

impl AddAssign for MessageCounts {
    fn add_assign(&mut self, other: Self) {
        self.unseen += other.unseen;
        self.deleted += other.deleted;
        self.with_keywords += other.with_keywords;
        self.without_size += other.without_size;
        self.size += other.size;
    }
}

impl SubAssign for MessageCounts {
    fn sub_assign(&mut self, other: Self) {
        self.unseen -= other.unseen;
        self.deleted -= other.deleted;
        self.with_keywords -= other.with_keywords;
        self.without_size -= other.without_size;
        self.size -= other.size;
    }
}
