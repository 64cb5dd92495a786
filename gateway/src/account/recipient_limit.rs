use std::sync::atomic::{AtomicUsize, Ordering};

/// How many recipients the server takes in one message, as far as its refusals tell: it says ecTooManyRecips and not how many
/// are allowed. So each time half as many are tried, and clients send to the rest in further messages.
#[derive(Debug)]
pub(crate) struct RecipientLimit(AtomicUsize);

impl Default for RecipientLimit {
    fn default() -> Self {
        Self(AtomicUsize::new(usize::MAX))
    }
}

impl RecipientLimit {
    /// The limit as it is thought to be.
    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// The server refused so many.
    pub(crate) fn refused(&self, recipients: usize) {
        self.0.fetch_min((recipients / 2).max(1), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_as_many_each_time_and_never_none() {
        let limit = RecipientLimit::default();
        assert_eq!(limit.get(), usize::MAX);
        for (refused, left) in [(1000, 500), (500, 250), (900, 250), (1, 1), (0, 1)] {
            limit.refused(refused);
            assert_eq!(limit.get(), left);
        }
    }
}
