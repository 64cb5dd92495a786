/// What FETCH responses look like that the client did not ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shows {
    /// Messages are named by their UIDs (RFC 9586).
    pub uid_only: bool,
    pub uid: bool,
    pub flags: bool,
    pub modseq: bool,
}
