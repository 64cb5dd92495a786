use std::sync::Arc;

use chrono::NaiveDate;
use mail_core::FlagSet;

use super::order::Order;
use super::return_options::ReturnOptions;
use super::sequence::SequenceSet;

/// SEARCH, SORT or THREAD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchRequest {
    /// Whether UIDs are to be shown.
    pub uid: bool,
    /// The charset of the texts in `key`, as it is called; if it is not known they mean nothing.
    pub charset: Option<String>,
    /// What messages must match.
    pub key: SearchKey,
    /// Which command it is, and in what order messages are shown.
    pub order: Order,
    /// What is to be returned, if that is said.
    pub returns: Option<ReturnOptions>,
}

/// A search key (RFC 9051 6.4.4, RFC 3501 6.4.4). Texts are as [`folded`](super::case::folded) makes them, as they are compared without case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SearchKey {
    /// Every message.
    All,
    /// `$`: what was saved.
    Saved,
    /// Sequence numbers.
    Numbers(SequenceSet),
    /// `UID`
    Uids(SequenceSet),
    /// The flag is set, or is not.
    Flag(FlagSet, bool),
    /// `KEYWORD`, or `UNKEYWORD` if false.
    Keyword(String, bool),
    /// `RECENT`, or `OLD` if false.
    Recent(bool),
    /// INTERNALDATE's day compared with a date.
    Internal(DateTest, NaiveDate),
    /// The `Date` header's day compared with a date.
    Sent(DateTest, NaiveDate),
    /// `LARGER`: more bytes than this.
    Larger(u32),
    /// `SMALLER`: fewer bytes than this.
    Smaller(u32),
    /// `OLDER`: INTERNALDATE is this many seconds ago, or longer (RFC 5032 3).
    Older(u32),
    /// `YOUNGER`: INTERNALDATE is this many seconds ago, or less long.
    Younger(u32),
    /// `MODSEQ`: MODSEQ is this or more (RFC 7162 3.1.5).
    Modseq(u64),
    /// `EMAILID` (RFC 8474 6)
    EmailId(String),
    /// `THREADID`
    ThreadId(String),
    /// An address in a field of this name contains the text, as ENVELOPE shows it: `FROM`, `TO`, `CC`, `BCC`.
    Address(&'static str, String),
    /// A header field of this name contains the text; an empty text asks only whether there is one.
    Header(String, String),
    /// `BODY`
    Body(String),
    /// `TEXT`
    Text(String),
    /// The UID is one of these, which ascend: in place of another key, where a store told of which messages it holds.
    Among(Arc<[u32]>),
    /// `NOT`
    Not(Box<SearchKey>),
    /// `OR`
    Or(Box<SearchKey>, Box<SearchKey>),
    /// All of these.
    And(Vec<SearchKey>),
}

/// How a day is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateTest {
    /// Earlier than the date.
    Before,
    /// That day.
    On,
    /// That day or later.
    Since,
}
