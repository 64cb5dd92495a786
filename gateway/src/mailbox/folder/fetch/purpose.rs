/// For whom messages are fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A client, who may soon want more of them.
    Client,
    /// A client who has not asked for them yet.
    Ahead,
    /// Nobody but the ledger, which is to know their sizes.
    Ledger,
}
