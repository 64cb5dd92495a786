//! Sending: submissions with their mark, copies in Sent Items and for Bcc recipients, and what unfinished submissions left.

pub(crate) mod blind_copies;
pub(crate) mod sent_copy;
pub(crate) mod submit;
pub(crate) mod sweep;
mod unwanted_copy;
