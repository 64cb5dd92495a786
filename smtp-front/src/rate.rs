//! How often something may happen: at most so many times in a window of time that begins with the first.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use mail_core::listener::client_network;

/// The most clients that a [`RateTable`] remembers. Clients beyond them count as one.
const MAX_CLIENTS: usize = 1 << 16;

/// At most `count` times in `period`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// How many times.
    pub count: u32,
    /// In which time.
    pub period: Duration,
}

impl RateLimit {
    /// So many times a minute.
    pub fn per_minute(count: u32) -> Self {
        Self { count, period: Duration::from_secs(60) }
    }

    /// So many times a day.
    pub fn per_day(count: u32) -> Self {
        Self { count, period: Duration::from_secs(24 * 60 * 60) }
    }
}

/// What happened in the window that runs.
#[derive(Debug, Clone, Copy, Default)]
pub struct Window {
    since: Option<Instant>,
    count: u32,
}

impl Window {
    /// Whether one more fits.
    pub fn has_room(&self, limit: RateLimit, now: Instant) -> bool {
        self.is_over(limit, now) || self.count < limit.count
    }

    /// Counts one more if it fits; says whether it did.
    pub fn take(&mut self, limit: RateLimit, now: Instant) -> bool {
        if self.is_over(limit, now) {
            *self = Self { since: Some(now), count: 0 };
        }
        let fits = self.count < limit.count;
        self.count += u32::from(fits);
        fits
    }

    fn is_over(&self, limit: RateLimit, now: Instant) -> bool {
        self.since.is_none_or(|since| now.saturating_duration_since(since) >= limit.period)
    }
}

/// A limit that holds for each client by itself. A client is an IPv4 address or a /64 network of IPv6.
#[derive(Debug)]
pub struct RateTable {
    limit: RateLimit,
    clients: Mutex<Clients>,
}

#[derive(Debug, Default)]
struct Clients {
    windows: HashMap<IpAddr, Window>,
    /// What all do for whom there is no room.
    others: Window,
    /// When room was made last.
    swept: Option<Instant>,
}

impl RateTable {
    /// Nobody has done anything yet.
    pub fn new(limit: RateLimit) -> Self {
        Self { limit, clients: Mutex::default() }
    }

    /// Counts one more of `client` if it fits; says whether it did.
    pub fn take(&self, client: IpAddr, now: Instant) -> bool {
        let client = client_network(client);
        // Counting can't leave the table half-changed, so a panic elsewhere does not matter.
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if !clients.has_room(client, self.limit, now) {
            return clients.others.take(self.limit, now);
        }
        clients.windows.entry(client).or_default().take(self.limit, now)
    }
}

impl Clients {
    /// Whether `client` is known or can be added. Looks through a full table only once in a period.
    fn has_room(&mut self, client: IpAddr, limit: RateLimit, now: Instant) -> bool {
        if self.windows.len() < MAX_CLIENTS || self.windows.contains_key(&client) {
            return true;
        }
        if self.swept.is_none_or(|swept| now.saturating_duration_since(swept) >= limit.period) {
            self.swept = Some(now);
            self.windows.retain(|_, window| !window.is_over(limit, now));
        }
        self.windows.len() < MAX_CLIENTS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_begin_with_the_first() {
        let limit = RateLimit::per_minute(2);
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut window = Window::default();
        assert!(window.take(limit, at(10)) && window.take(limit, at(69)));
        assert!(!window.has_room(limit, at(69)) && !window.take(limit, at(69)));
        assert!(window.has_room(limit, at(70)) && window.take(limit, at(70)));
        assert!(window.take(limit, at(71)) && !window.take(limit, at(129)));
        assert!(window.take(limit, at(130)));
    }

    #[test]
    fn each_client_has_its_own() {
        let table = RateTable::new(RateLimit::per_minute(1));
        let now = Instant::now();
        let take = |address: &str, now| table.take(address.parse().unwrap(), now);
        assert!(take("192.0.2.1", now) && !take("::ffff:192.0.2.1", now));
        assert!(take("2001:db8::1", now) && !take("2001:db8::2", now));
        assert!(take("192.0.2.2", now) && take("192.0.2.1", now + Duration::from_secs(60)));
    }

    #[test]
    fn the_table_is_bounded() {
        let table = RateTable::new(RateLimit::per_minute(1));
        let start = Instant::now();
        let client = |number: u32| IpAddr::V4(std::net::Ipv4Addr::from_bits(number));
        for number in 0..1 << 16 {
            assert!(table.take(client(number), start));
        }
        let known = || table.clients.lock().unwrap().windows.len();
        assert!(table.take(client(1 << 30), start), "those without room count as one");
        assert!(!table.take(client(1 << 29), start) && !table.take(client(7), start));
        assert_eq!(known(), MAX_CLIENTS);
        assert!(table.take(client(1 << 30), start + Duration::from_secs(60)));
        assert_eq!(known(), 1);
    }
}
