/// What a search asks of the content of messages (RFC 9051 6.4.4), as a store may answer it for many of them at once. Words are
/// compared without case.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ContentKey {
    /// An address in fields of this name contains the word.
    Address(AddressField, String),
    /// A header field of this name contains the word.
    Header(String, String),
    /// A text of the message contains the word.
    Body(String),
    /// A header field or a text contains the word.
    Text(String),
    /// The day that the `Date` field names, in its own time zone, is this one or later: its midnight in seconds since
    /// 1970-01-01 UTC.
    SentSince(i64),
    /// The message has more bytes.
    Larger(u32),
}

/// A field that holds addresses and that a search can ask for.
#[allow(missing_docs, reason = "the names are those of RFC 5322 3.6")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AddressField {
    From,
    To,
    Cc,
    Bcc,
}

/// What a store found out about a [`ContentKey`] without reading messages. Those in neither list don't match.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sifted {
    /// The UIDs of those that match, ascending.
    pub matching: Vec<u32>,
    /// The UIDs of those that have to be read, ascending.
    pub open: Vec<u32>,
}

impl Sifted {
    /// Whether a message matches; nothing if it has to be read.
    pub fn matches(&self, uid: u32) -> Option<bool> {
        if self.matching.binary_search(&uid).is_ok() {
            return Some(true);
        }
        if self.open.binary_search(&uid).is_ok() { None } else { Some(false) }
    }
}
