use std::sync::atomic::{AtomicU64, Ordering};

use crate::http::RequestType;

/// What clients did. Counting is relaxed: numbers are right, moments are not.
#[derive(Debug, Default)]
pub struct Counters {
    requests: [AtomicU64; RequestType::ALL.len()],
    connections: AtomicU64,
    retries: AtomicU64,
    sent: AtomicU64,
    received: AtomicU64,
}

/// The numbers of a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CountersSnapshot {
    requests: [u64; RequestType::ALL.len()],
    /// TCP connections opened.
    pub connections: u64,
    /// Requests tried again because they never reached the server.
    pub retries: u64,
    /// Bytes sent, below HTTP and above TLS.
    pub sent: u64,
    /// Bytes received, likewise.
    pub received: u64,
}

impl Counters {
    /// The numbers of now.
    pub fn snapshot(&self) -> CountersSnapshot {
        let mut requests = [0; RequestType::ALL.len()];
        for (number, counter) in requests.iter_mut().zip(&self.requests) {
            *number = counter.load(Ordering::Relaxed);
        }
        CountersSnapshot {
            requests,
            connections: self.connections.load(Ordering::Relaxed),
            retries: self.retries.load(Ordering::Relaxed),
            sent: self.sent.load(Ordering::Relaxed),
            received: self.received.load(Ordering::Relaxed),
        }
    }

    pub(crate) fn count_request(&self, kind: RequestType) {
        if let Some(counter) = self.requests.get(kind.index()) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn count_connection(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_retry(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_sent(&self, bytes: usize) {
        self.sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn count_received(&self, bytes: usize) {
        self.received.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

impl CountersSnapshot {
    /// Requests of type `kind` that were sent, tries included.
    pub fn requests(&self, kind: RequestType) -> u64 {
        self.requests.get(kind.index()).copied().unwrap_or(0)
    }
}
