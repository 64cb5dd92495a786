use std::fmt;

use bytes::Bytes;

use super::ordered::Told;
use crate::proto::response::Output;

/// CPU work that may take long.
pub struct Work {
    /// How many bytes of memory it needs, what comes of it included.
    pub bytes: u64,
    /// Whether they stay taken until the command is done.
    pub holds: bool,
    /// What is to be done. It tells [`mail_core::work::spend`] of its steps.
    pub job: Box<dyn FnOnce() -> Worked + Send>,
}

/// What came of [`Work`].
#[derive(Debug)]
pub enum Worked {
    /// Which messages of a folder match, and of which more must be known.
    Sorted {
        /// The UIDs of those that match.
        found: Vec<u32>,
        /// The UIDs of those of which it is not known yet.
        open: Vec<u32>,
    },
    /// The UID of a message if that matches.
    Matched(Option<u32>),
    /// UIDs in an order.
    Ordered(Vec<u32>),
    /// The UID of a message, and what its place in an order depends on.
    Told(u32, Told),
    /// A piece of a response.
    Written(Output),
    /// What a client that knows a folder is to be told of it.
    Resynced {
        /// Which messages went, as a `sequence-set`.
        gone: String,
        /// The UIDs of those that came or changed.
        changed: Vec<u32>,
    },
    /// A message in a form in which it can be stored, if there is one.
    Encoded(Option<Bytes>),
    /// There is something that can't be decoded.
    Undecodable,
    /// Nothing but that it is done.
    Ready,
}

impl Work {
    /// Work that needs so many bytes.
    pub(crate) fn new(bytes: u64, job: impl FnOnce() -> Worked + Send + 'static) -> Self {
        Self { bytes, holds: false, job: Box::new(job) }
    }

    /// Nothing but room for so many bytes, until the command is done.
    pub(crate) fn hold(bytes: u64) -> Self {
        Self { holds: true, ..Self::new(bytes, || Worked::Ready) }
    }
}

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Work").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}
