use thiserror::Error;

/// Why a store could not do what was asked, sorted by who can do something about it. `session` maps each to a response
/// code of RFC 5530 in one place; the texts reach the client and must not hold secrets.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StoreError {
    /// Wrong user name or password: `NO [AUTHENTICATIONFAILED]`.
    #[error("invalid credentials")]
    AuthenticationFailed,
    /// The upstream cannot be reached or is busy: `NO [UNAVAILABLE]`. Trying again later may help.
    #[error("{0}")]
    Unavailable(String),
    /// No such folder: `NO [NONEXISTENT]`, or `NO [TRYCREATE]` for targets.
    #[error("no such mailbox")]
    NoSuchFolder,
    /// The user lacks the right: `NO [NOPERM]`.
    #[error("{0}")]
    NoPermission(String),
    /// The mailbox is full: `NO [OVERQUOTA]`.
    #[error("{0}")]
    OverQuota(String),
    /// A folder of that name exists: `NO [ALREADYEXISTS]`.
    #[error("a mailbox of that name exists")]
    AlreadyExists,
    /// There are folders below the one that was to go: `NO [HASCHILDREN]`.
    #[error("the mailbox has mailboxes below it")]
    HasChildren,
    /// This can't be done, whoever asks: `NO [CANNOT]`.
    #[error("{0}")]
    Cannot(String),
    /// A message that the command named is gone: `NO [EXPUNGEISSUED]`.
    #[error("some of the messages no longer exist")]
    ExpungeIssued,
    /// A limit of the configuration or of the store was reached: `NO [LIMIT]`.
    #[error("{0}")]
    Limit(String),
    /// There is no room for so much metadata: `NO [METADATA TOOMANY]` (RFC 5464 4.3).
    #[error("there is no room for so many annotations")]
    TooManyEntries,
    /// Private entries would not be private here: `NO [METADATA NOPRIVATE]` (RFC 5464 4.3).
    #[error("private annotations are kept in the user's own mailbox only")]
    NoPrivateEntries,
    /// The fault is ours; details are in the log: `NO [SERVERBUG]`.
    #[error("{0}")]
    Internal(String),
}
