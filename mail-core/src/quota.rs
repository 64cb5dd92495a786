/// How full a mailbox is (RFC 9208 5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Bytes that are taken.
    pub used: u64,
    /// Bytes that may be taken.
    pub limit: u64,
}
