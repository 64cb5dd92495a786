use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::histogram::Buckets;

/// What is kept of a series.
#[derive(Debug, Clone)]
pub(super) enum Series {
    Counter(Arc<AtomicU64>),
    Gauge(Arc<AtomicU64>),
    Histogram(Arc<Buckets>),
}
