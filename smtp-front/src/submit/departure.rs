use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// Who was first: the one who hands a message over, or the client who gave up waiting for that. Clones are about the same
/// message.
#[derive(Debug, Clone, Default)]
pub struct Departure(Arc<AtomicU8>);

const WAITS: u8 = 0;
const BEGUN: u8 = 1;
const GONE: u8 = 2;

impl Departure {
    /// To be called before anything is handed over: whether the client still waits. From then on it is too late to leave.
    #[must_use]
    pub fn begin(&self) -> bool {
        self.0.compare_exchange(WAITS, BEGUN, Ordering::AcqRel, Ordering::Acquire) != Err(GONE)
    }

    /// The client has gone. Whether nothing has been handed over, so that nothing will be.
    #[must_use]
    pub fn leave(&self) -> bool {
        self.0.compare_exchange(WAITS, GONE, Ordering::AcqRel, Ordering::Acquire) != Err(BEGUN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_them_is_first() {
        let begun = Departure::default();
        assert!(begun.begin() && begun.begin() && !begun.clone().leave());
        let gone = Departure::default();
        assert!(gone.leave() && gone.leave() && !gone.begin());
    }
}
