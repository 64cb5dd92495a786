/// Which messages of a folder went, as far as this is remembered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expunged {
    /// All that went with a MODSEQ above this are remembered.
    pub complete_after: u64,
    /// What was told with lower MODSEQs may be unknown by now: what they who were told it say of message numbers proves nothing.
    pub lost_before: u64,
    /// The UIDs, ascending, of those that went with a MODSEQ above the one that was asked about.
    pub uids: Vec<u32>,
}

impl Expunged {
    /// Nothing is remembered.
    pub fn unknown() -> Self {
        Self { complete_after: u64::MAX, lost_before: u64::MAX, uids: Vec::new() }
    }
}
