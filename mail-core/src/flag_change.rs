use crate::flag::FlagSet;
use crate::keyword::Keywords;

/// How flags are to change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlagChangeMode {
    /// `FLAGS`
    Replace,
    /// `+FLAGS`
    Add,
    /// `-FLAGS`
    Remove,
}

/// A STORE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlagChange {
    /// How.
    pub mode: FlagChangeMode,
    /// The system flags.
    pub flags: FlagSet,
    /// The keywords.
    pub keywords: Keywords,
}
