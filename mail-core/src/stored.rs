use bytes::Bytes;

use crate::flag::FlagSet;
use crate::keyword::Keywords;

/// A message to be stored in a folder (RFC 9051 6.3.12).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMessage {
    /// System flags.
    pub flags: FlagSet,
    /// Keywords.
    pub keywords: Keywords,
    /// INTERNALDATE in seconds since 1970-01-01 UTC; absent if it is to be now.
    pub internal_date: Option<i64>,
    /// Its bytes.
    pub content: Bytes,
}

/// Under which UID a message was stored (RFC 4315 APPENDUID).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AppendUid {
    /// UIDVALIDITY of the folder.
    pub uid_validity: u32,
    /// UID of the message.
    pub uid: u32,
    /// Whether it was made: else it was there before, and stands for the one that was to be stored.
    pub made: bool,
}

/// Under which UIDs messages were copied (RFC 4315 COPYUID).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyUid {
    /// UIDVALIDITY of the folder they were copied to.
    pub uid_validity: u32,
    /// UIDs there by UIDs here, ascending by those here.
    pub pairs: Vec<(u32, u32)>,
}
