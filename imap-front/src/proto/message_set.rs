use super::sequence::SequenceSet;

/// Which messages a command means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MessageSet {
    /// Those with these numbers or UIDs.
    Numbers(SequenceSet),
    /// `$`: those that a SEARCH found last that was to save what it finds (RFC 5182).
    Saved,
}

impl From<SequenceSet> for MessageSet {
    fn from(set: SequenceSet) -> Self {
        Self::Numbers(set)
    }
}
