use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mapi_core::http::RequestType;

/// How many requests came, by type, and ROPs, by RopId. Cheap to clone; all clones count together.
#[derive(Debug, Clone)]
pub struct Counters {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    requests: [AtomicU64; RequestType::ALL.len()],
    rops: [AtomicU64; 256],
    autodiscover: AtomicU64,
    unauthorized: AtomicU64,
    bytes_out: AtomicU64,
    work: Mutex<HashMap<usize, Duration>>,
}

/// The counters at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CounterSnapshot {
    requests: [u64; RequestType::ALL.len()],
    rops: Vec<u64>,
    /// Autodiscover requests.
    pub autodiscover: u64,
    /// Requests that ended in 401.
    pub unauthorized: u64,
    /// Bytes of response bodies, both endpoints.
    pub bytes_out: u64,
}

impl CounterSnapshot {
    /// Requests of one type.
    pub fn requests(&self, kind: RequestType) -> u64 {
        self.requests.get(kind.index()).copied().unwrap_or(0)
    }

    /// Execute requests: what budgets count.
    pub fn execute(&self) -> u64 {
        self.requests(RequestType::Execute)
    }

    /// NotificationWait requests.
    pub fn notification_wait(&self) -> u64 {
        self.requests(RequestType::NotificationWait)
    }

    /// Connect requests.
    pub fn connect(&self) -> u64 {
        self.requests(RequestType::Connect)
    }

    /// ROPs with this RopId.
    pub fn rop(&self, id: u8) -> u64 {
        self.rops.get(usize::from(id)).copied().unwrap_or(0)
    }

    /// ROPs of any kind.
    pub fn rops(&self) -> u64 {
        self.rops.iter().sum()
    }
}

impl Default for Counters {
    fn default() -> Self {
        let inner = Inner {
            requests: std::array::from_fn(|_| AtomicU64::new(0)),
            rops: std::array::from_fn(|_| AtomicU64::new(0)),
            autodiscover: AtomicU64::new(0),
            unauthorized: AtomicU64::new(0),
            bytes_out: AtomicU64::new(0),
            work: Mutex::default(),
        };
        Self { inner: Arc::new(inner) }
    }
}

impl Counters {
    /// The counters now.
    pub fn snapshot(&self) -> CounterSnapshot {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        CounterSnapshot {
            requests: std::array::from_fn(|at| self.inner.requests.get(at).map_or(0, get)),
            rops: self.inner.rops.iter().map(get).collect(),
            autodiscover: get(&self.inner.autodiscover),
            unauthorized: get(&self.inner.unauthorized),
            bytes_out: get(&self.inner.bytes_out),
        }
    }

    /// Execute requests so far.
    pub fn execute(&self) -> u64 {
        self.snapshot().execute()
    }

    /// How long requests of a user took so far, from when they were there until their answers were, added up; without those that
    /// wait for notifications.
    pub(crate) fn work_of(&self, user: usize) -> Duration {
        let work = self.inner.work.lock().unwrap_or_else(PoisonError::into_inner);
        work.get(&user).copied().unwrap_or_default()
    }

    /// Sets all of them to zero, but for the time that requests took.
    pub fn reset(&self) {
        let inner = &self.inner;
        let single = [&inner.autodiscover, &inner.unauthorized, &inner.bytes_out];
        inner.requests.iter().chain(&inner.rops).chain(single).for_each(|counter| counter.store(0, Ordering::Relaxed));
    }

    pub(crate) fn request(&self, kind: RequestType) {
        if let Some(counter) = self.inner.requests.get(kind.index()) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn rop(&self, id: u8) {
        if let Some(counter) = self.inner.rops.get(usize::from(id)) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn autodiscover(&self) {
        self.inner.autodiscover.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn unauthorized(&self) {
        self.inner.unauthorized.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn worked(&self, user: usize, time: Duration) {
        let mut work = self.inner.work.lock().unwrap_or_else(PoisonError::into_inner);
        *work.entry(user).or_default() += time;
    }

    pub(crate) fn bytes_out(&self, count: usize) {
        self.inner.bytes_out.fetch_add(count as u64, Ordering::Relaxed);
    }
}
