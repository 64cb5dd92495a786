//! The whole gateway as IMAP clients see it.

mod appending;
mod budgets;
mod changes;
mod deadlines;
mod dialogues;
mod envelopes;
mod identifiers;
mod metadata;
mod names;
mod notify;
mod operations;
mod previews;
mod quota;
mod resync;
mod search;
mod servers;
mod sessions;
mod sizes;
mod stability;
mod subscriptions;
mod writes;
