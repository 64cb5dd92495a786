use std::sync::Arc;
use std::time::Duration;

use super::{Counters, EndpointUrl, Throttles, Tls};
use crate::auth::Credentials;
use crate::http::{ConnectRequest, RequestType};

/// Where the two services are.
#[derive(Debug, Clone)]
pub struct Endpoints {
    /// The mailbox store.
    pub emsmdb: EndpointUrl,
    /// The address book.
    pub nspi: Option<EndpointUrl>,
}

/// Everything a [`super::Client`] needs.
#[derive(Debug, Clone)]
pub struct ClientSettings {
    /// Where to.
    pub endpoints: Endpoints,
    /// Who.
    pub credentials: Arc<dyn Credentials>,
    /// legacyExchangeDN of the user, flags, code page and locale of the session.
    pub connect: ConnectRequest,
    /// X-ClientApplication.
    pub client_application: String,
    /// For https endpoints.
    pub tls: Tls,
    /// How long things may take.
    pub timeouts: Timeouts,
    /// How often to try again what never reached the server.
    pub retry: RetryPolicy,
    /// Largest response body, in bytes.
    pub max_response: usize,
    /// Where to count; may be shared by several clients.
    pub counters: Arc<Counters>,
    /// Which hosts are busy; to be shared by all clients of the same hosts.
    pub throttles: Throttles,
}

impl ClientSettings {
    /// X-ClientApplication of a client that servers do not turn away as outdated.
    pub const CLIENT_APPLICATION: &'static str = "Outlook/16.0.10000.20000";

    /// Settings with defaults for everything that has one.
    pub fn new(endpoints: Endpoints, credentials: Arc<dyn Credentials>, user_dn: impl Into<String>, tls: Tls) -> Self {
        Self {
            endpoints,
            credentials,
            connect: ConnectRequest::new(user_dn),
            client_application: Self::CLIENT_APPLICATION.to_owned(),
            tls,
            timeouts: Timeouts::default(),
            retry: RetryPolicy::default(),
            max_response: 2 * 1024 * 1024,
            counters: Arc::default(),
            throttles: Throttles::default(),
        }
    }
}

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// TCP connection, TLS and HTTP handshake together.
    pub connect: Duration,
    /// Silence until the first byte of a response.
    pub first_byte: Duration,
    /// Added to twice the server's pending period: longer silence within a response means that the connection is dead.
    pub slack: Duration,
    /// A whole answer, however often the server says that it is pending: the time that it may take without its bytes.
    /// Keep-alives are waiting, not progress.
    pub answer: Duration,
    /// Bytes a second, of a request and its answer, below which a server is too slow: the larger both may be, the longer
    /// the whole may take. At least 1.
    pub slowest: u32,
    /// A NotificationWait is given up and made again after this time.
    pub wait: Duration,
    /// Connections that were idle for longer are not used again. Servers close them after two to three minutes.
    pub idle: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(15),
            first_byte: Duration::from_secs(75),
            slack: Duration::from_secs(15),
            answer: Duration::from_secs(5 * 60),
            slowest: 8 * 1024,
            wait: Duration::from_secs(5 * 60),
            idle: Duration::from_secs(110),
        }
    }
}

impl Timeouts {
    /// How long a request of type `kind` may take as a whole, if it and its answer have at most `bytes`.
    pub fn whole(&self, kind: RequestType, bytes: usize) -> Duration {
        match kind {
            // The server answers when there is news. Who waits gives up first; this is for servers that it can't hear.
            RequestType::NotificationWait => self.wait.saturating_add(self.slack),
            _ => self.of_bytes(bytes),
        }
    }

    /// How long an exchange of at most `bytes` may take as a whole.
    pub(crate) fn of_bytes(&self, bytes: usize) -> Duration {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.answer.saturating_add(Duration::from_secs_f64(f64::from(bytes) / f64::from(self.slowest.max(1))))
    }
}

/// How often to try again what never reached the server, with pauses that double and vary by chance.
#[derive(Debug, Clone, Copy)]
pub struct RetryPolicy {
    /// Tries after the first one.
    pub retries: u32,
    /// Pause before the first of them.
    pub first_pause: Duration,
    /// Longest pause.
    pub longest_pause: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { retries: 3, first_pause: Duration::from_millis(200), longest_pause: Duration::from_secs(5) }
    }
}

impl RetryPolicy {
    /// Pause before retry number `retry` (from 0): half of it fixed, half by chance.
    pub(crate) fn pause(&self, retry: u32) -> Duration {
        let full = self.first_pause.saturating_mul(1u32 << retry.min(16)).min(self.longest_pause);
        full.mul_f64(rand::random_range(0.5..=1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_time_depends_on_what_is_asked() {
        let timeouts = Timeouts { answer: Duration::from_secs(60), slowest: 1000, ..Timeouts::default() };
        let execute = |bytes| timeouts.whole(RequestType::Execute, bytes);
        assert_eq!(execute(0), Duration::from_secs(60));
        assert_eq!(execute(30_000), Duration::from_secs(90));
        assert!(timeouts.whole(RequestType::NotificationWait, 0) > timeouts.wait);
        let never = Timeouts { slowest: 0, ..timeouts };
        assert!(never.whole(RequestType::Execute, usize::MAX) < Duration::from_secs(1 << 33), "no overflow");
    }

    #[test]
    fn pauses_grow_up_to_a_bound() {
        let policy = RetryPolicy::default();
        for retry in 0..40 {
            let pause = policy.pause(retry);
            let full = Duration::from_millis(200 << retry.min(10)).min(policy.longest_pause);
            assert!(pause >= full / 2 && pause <= full, "{pause:?} before retry {retry}");
        }
    }
}
