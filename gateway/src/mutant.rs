//! Bugs on purpose. Tests that are to find such bugs are themselves tested with them: each must make them fail.
//!
//! They exist only with the feature `mutants`, which no default includes, and even then only in a process whose `main` calls
//! `choose`, which the gateway's own program never does.

/// A bug that can be seeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutant {
    /// What must not be done twice is tried again although it may have been carried out.
    BlindResubmit,
    /// A folder's new state is shown to sessions before it is durable.
    PublishBeforeCommit,
    /// That a message is gone is not written to the ledger.
    LostTombstone,
    /// The ICS state of a round is written to the ledger without the messages that came with it.
    StateWithoutRows,
    /// An operation of several requests that goes on in another session begins anew instead.
    RepeatWhole,
}

impl Mutant {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::BlindResubmit,
        Self::PublishBeforeCommit,
        Self::LostTombstone,
        Self::StateWithoutRows,
        Self::RepeatWhole,
    ];

    /// Its name on command lines and in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::BlindResubmit => "blind-resubmit",
            Self::PublishBeforeCommit => "publish-before-commit",
            Self::LostTombstone => "lost-tombstone",
            Self::StateWithoutRows => "state-without-rows",
            Self::RepeatWhole => "repeat-whole",
        }
    }
}

#[cfg(feature = "mutants")]
static CHOSEN: std::sync::OnceLock<Mutant> = std::sync::OnceLock::new();

/// Seeds a bug in this process, for good. The first choice counts.
#[cfg(feature = "mutants")]
pub fn choose(mutant: Mutant) {
    CHOSEN.get_or_init(|| mutant);
}

/// Whether this bug is seeded.
#[cfg(feature = "mutants")]
pub(crate) fn is(mutant: Mutant) -> bool {
    CHOSEN.get() == Some(&mutant)
}

/// Whether this bug is seeded: never.
#[cfg(not(feature = "mutants"))]
pub(crate) const fn is(_: Mutant) -> bool {
    false
}
