//! The scenarios, by what they are about.

mod address_book;
mod attachments;
mod creation;
mod deletion;
mod done;
mod errors;
mod folders;
mod full_answer;
mod hierarchy;
mod move_copy;
mod notifications;
mod properties;
mod read_state;
mod recipients;
mod save_flags;
mod saving;
mod search;
mod session;
mod submission;
mod sync;
mod tables;
mod transfer;

use super::Scenario;

/// All scenarios.
pub const SCENARIOS: &[Scenario] = &[
    session::CONNECT,
    session::IDS,
    session::RECONNECT,
    errors::OBJECTS,
    errors::OTHER_MAILBOX,
    errors::LARGE_ANSWERS,
    hierarchy::TABLE,
    hierarchy::COUNTERS,
    hierarchy::SYNC,
    folders::LIFE,
    folders::DELETION,
    folders::EVENTS,
    properties::TYPES,
    properties::NAMES,
    properties::LARGE,
    properties::FAILING_WRITE,
    creation::AS_APPENDED,
    recipients::FEW,
    recipients::MANY,
    full_answer::FULL_ANSWER,
    attachments::FILE,
    attachments::MESSAGE,
    tables::CONTENTS,
    tables::CHAINED,
    search::RESTRICTIONS,
    transfer::MESSAGES,
    transfer::BODIES,
    sync::FIRST,
    sync::ROUNDS,
    sync::STATES,
    sync::READ_TRAP,
    read_state::SET_READ_FLAGS,
    saving::NUMBERS,
    saving::CONFLICT,
    save_flags::FLAGS,
    save_flags::LATE,
    saving::STATUS,
    move_copy::COPY,
    move_copy::MOVE,
    deletion::MESSAGES,
    notifications::MESSAGES,
    notifications::WAITING,
    notifications::TABLES,
    submission::SUBMIT,
    submission::NOBODY,
    address_book::RESOLVE,
];
