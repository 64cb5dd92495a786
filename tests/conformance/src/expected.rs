/// One field that a scenario is to see, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    /// The field.
    pub field: &'static str,
    /// Its value as the specifications have it, or as the gateway relies on it.
    pub value: &'static str,
    /// Whether it may be otherwise.
    pub level: Level,
}

/// How binding an expectation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// The gateway relies on it.
    Must,
    /// Servers differ.
    May {
        /// The other values that the gateway copes with; `*` is any.
        others: &'static [&'static str],
        /// Why they are harmless.
        reason: &'static str,
    },
}

impl Expected {
    /// The gateway relies on `field` being `value`.
    pub const fn must(field: &'static str, value: &'static str) -> Self {
        Self { field, value, level: Level::Must }
    }

    /// `field` should be `value`; the gateway copes with `others`.
    pub const fn may(
        field: &'static str,
        value: &'static str,
        others: &'static [&'static str],
        reason: &'static str,
    ) -> Self {
        Self { field, value, level: Level::May { others, reason } }
    }
}
