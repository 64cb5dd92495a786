/// What STATUS can show.
#[allow(missing_docs, reason = "the names are those of RFC 9051 6.3.11")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusItem {
    Messages,
    Recent,
    UidNext,
    UidValidity,
    Unseen,
    Size,
    HighestModSeq,
    Deleted,
    /// RFC 9208 4.1.4
    DeletedStorage,
    /// RFC 8474 4.3
    MailboxId,
}

impl StatusItem {
    /// The item of that name, in upper case.
    pub(super) fn named(word: &str) -> Option<Self> {
        Some(match word {
            "MESSAGES" => Self::Messages,
            "RECENT" => Self::Recent,
            "UIDNEXT" => Self::UidNext,
            "UIDVALIDITY" => Self::UidValidity,
            "UNSEEN" => Self::Unseen,
            "HIGHESTMODSEQ" => Self::HighestModSeq,
            "SIZE" => Self::Size,
            "DELETED" => Self::Deleted,
            "MAILBOXID" => Self::MailboxId,
            "DELETED-STORAGE" => Self::DeletedStorage,
            _ => return None,
        })
    }
}
