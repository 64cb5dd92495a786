/// The order in which found messages are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// That of the mailbox: SEARCH.
    Mailbox,
    /// SORT (RFC 5256 3), by the first key, where that is the same by the next.
    Sorted(Vec<SortKey>),
    /// THREAD (RFC 5256 3).
    Threads(ThreadAlgorithm),
}

/// What is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SortKey {
    /// What of a message is compared.
    pub by: SortBy,
    /// The largest first.
    pub reverse: bool,
}

/// `sort-key` (RFC 5256 5, RFC 5957 4).
#[allow(missing_docs, reason = "the names are those of RFC 5256 3 and RFC 5957 3")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortBy {
    Arrival,
    Cc,
    Date,
    DisplayFrom,
    DisplayTo,
    From,
    Size,
    Subject,
    To,
}

/// How threads are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThreadAlgorithm {
    /// ORDEREDSUBJECT (RFC 5256 3).
    OrderedSubject,
    /// REFERENCES (RFC 5256 3).
    References,
    /// REFS (draft-ietf-morg-inthread 4): by references alone, the thread with the newest message last.
    Refs,
}

impl SortBy {
    /// The key of this name, in upper case.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "ARRIVAL" => Self::Arrival,
            "CC" => Self::Cc,
            "DATE" => Self::Date,
            "DISPLAYFROM" => Self::DisplayFrom,
            "DISPLAYTO" => Self::DisplayTo,
            "FROM" => Self::From,
            "SIZE" => Self::Size,
            "SUBJECT" => Self::Subject,
            "TO" => Self::To,
            _ => return None,
        })
    }
}

impl ThreadAlgorithm {
    /// The algorithm of this name, in upper case.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "ORDEREDSUBJECT" => Self::OrderedSubject,
            "REFERENCES" => Self::References,
            "REFS" => Self::Refs,
            _ => return None,
        })
    }
}
