use std::sync::atomic::{AtomicU64, Ordering};

use metrics::HistogramFn;

/// The upper bounds of the buckets, in seconds: from what is answered from memory to what a client gives up.
pub(super) const BOUNDS: [f64; 14] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0, 120.0];

/// Durations, counted by how long they are.
#[derive(Debug, Default)]
pub(super) struct Buckets {
    counts: [AtomicU64; BOUNDS.len() + 1],
    micros: AtomicU64,
}

/// The numbers of a moment.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Distribution {
    /// How many were not longer than each of [`BOUNDS`].
    pub(super) within: [u64; BOUNDS.len()],
    pub(super) count: u64,
    pub(super) seconds: f64,
}

impl HistogramFn for Buckets {
    fn record(&self, seconds: f64) {
        let bucket = BOUNDS.iter().position(|bound| seconds <= *bound).unwrap_or(BOUNDS.len());
        if let Some(count) = self.counts.get(bucket) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        // Casts of floats saturate.
        self.micros.fetch_add((seconds * 1e6) as u64, Ordering::Relaxed);
    }
}

impl Buckets {
    pub(super) fn read(&self) -> Distribution {
        let mut count = 0;
        let mut within = [0; BOUNDS.len()];
        for (position, bucket) in self.counts.iter().enumerate() {
            count += bucket.load(Ordering::Relaxed);
            if let Some(within) = within.get_mut(position) {
                *within = count;
            }
        }
        Distribution { within, count, seconds: self.micros.load(Ordering::Relaxed) as f64 / 1e6 }
    }
}

impl Distribution {
    /// The bound that 95 of 100 did not pass; `None` if it is above all bounds.
    pub(super) fn most(&self) -> Option<f64> {
        let position = self.within.iter().position(|within| within * 100 >= self.count * 95)?;
        BOUNDS.get(position).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_counted_by_their_length() {
        let buckets = Buckets::default();
        for seconds in [0.0005, 0.001, 0.3, 500.0] {
            buckets.record(seconds);
        }
        let read = buckets.read();
        assert_eq!((read.count, read.within[0], read.within[7], read.within[8], read.within[13]), (4, 2, 2, 3, 3));
        assert!((read.seconds - 500.3015).abs() < 1e-3, "{}", read.seconds);
        assert_eq!(read.most(), None);
        for _ in 0..100 {
            buckets.record(0.02);
        }
        assert_eq!(buckets.read().most(), Some(0.025));
    }
}
