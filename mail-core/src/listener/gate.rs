use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::client_network;

/// How many connections a [`Gate`] lets in at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GateLimits {
    /// In all.
    pub total: usize,
    /// Of one client, which is an address, or in IPv6 a /64 network.
    pub per_client: usize,
    /// Of one client, that have not logged in yet.
    pub waiting_per_client: usize,
}

impl Default for GateLimits {
    /// No bounds.
    fn default() -> Self {
        Self { total: usize::MAX, per_client: usize::MAX, waiting_per_client: usize::MAX }
    }
}

/// Counts connections and refuses those over the bounds. Servers that share it share its bounds.
#[derive(Debug)]
pub struct Gate {
    limits: GateLimits,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    open: usize,
    /// Never holds a client without connections, so it is no larger than `open`.
    clients: HashMap<IpAddr, Client>,
    last_id: u64,
}

#[derive(Debug, Default)]
struct Client {
    open: usize,
    waiting: usize,
}

/// A connection that was let in; dropping it makes room for the next one.
#[derive(Debug)]
pub struct Admission {
    gate: Arc<Gate>,
    id: u64,
    client: Option<IpAddr>,
    logged_in: bool,
}

impl Gate {
    /// A gate through which nobody has come yet.
    pub fn new(limits: GateLimits) -> Arc<Self> {
        Arc::new(Self { limits, counts: Mutex::default() })
    }

    /// Lets a connection in if there is room. It counts for no client until [`Admission::at`] says where it comes from,
    /// which a server behind a proxy learns later.
    #[must_use]
    pub fn admit(self: &Arc<Self>) -> Option<Admission> {
        let mut counts = self.lock();
        if counts.open >= self.limits.total {
            return None;
        }
        counts.open += 1;
        counts.last_id += 1;
        Some(Admission { gate: Arc::clone(self), id: counts.last_id, client: None, logged_in: false })
    }

    /// The counts are right even if a thread panicked while it held the lock: nothing in between can.
    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Admission {
    /// The connection's number: they begin with 1 and are never used again.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The connection comes from this address. Says whether the client there may have one more; it is not counted there
    /// if not. A connection comes from one address only.
    #[must_use]
    pub fn at(&mut self, address: IpAddr) -> bool {
        let network = client_network(address);
        let limits = self.gate.limits;
        let mut counts = self.gate.lock();
        let (open, waiting) = counts.clients.get(&network).map_or((0, 0), |client| (client.open, client.waiting));
        if self.client.is_some()
            || open >= limits.per_client
            || (!self.logged_in && waiting >= limits.waiting_per_client)
        {
            return false;
        }
        let client = counts.clients.entry(network).or_default();
        client.open += 1;
        client.waiting += usize::from(!self.logged_in);
        self.client = Some(network);
        true
    }

    /// The client has logged in.
    pub fn logged_in(&mut self) {
        if std::mem::replace(&mut self.logged_in, true) {
            return;
        }
        if let Some(network) = self.client
            && let Some(client) = self.gate.lock().clients.get_mut(&network)
        {
            client.waiting -= 1;
        }
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        let mut counts = self.gate.lock();
        counts.open -= 1;
        let Some(network) = self.client else { return };
        let Some(client) = counts.clients.get_mut(&network) else { return };
        client.open -= 1;
        client.waiting -= usize::from(!self.logged_in);
        if client.open == 0 {
            counts.clients.remove(&network);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn admit(gate: &Arc<Gate>, address: &str) -> Option<Admission> {
        let mut admission = gate.admit()?;
        admission.at(address.parse().unwrap()).then_some(admission)
    }

    fn is_empty(gate: &Gate) -> bool {
        let counts = gate.lock();
        counts.open == 0 && counts.clients.is_empty()
    }

    #[test]
    fn clients_have_a_bound_and_room_comes_back() {
        let gate = Gate::new(GateLimits { total: 3, per_client: 2, ..GateLimits::default() });
        let first = admit(&gate, "192.0.2.1").unwrap();
        let mut second = admit(&gate, "::ffff:192.0.2.1").unwrap();
        second.logged_in();
        assert!(admit(&gate, "192.0.2.1").is_none(), "two from this address");
        let third = admit(&gate, "2001:db8::1").unwrap();
        assert!(admit(&gate, "192.0.2.9").is_none(), "three in all");
        drop(second);
        let fourth = admit(&gate, "2001:db8::2").unwrap();
        drop(first);
        assert!(admit(&gate, "2001:db8::3").is_none(), "two from this network");
        drop((third, fourth));
        assert!(is_empty(&gate));
    }

    #[test]
    fn who_logged_in_makes_room_for_the_next_of_its_network() {
        let gate = Gate::new(GateLimits { total: 3, waiting_per_client: 2, ..GateLimits::default() });
        let mut first = admit(&gate, "2001:db8::1").unwrap();
        let second = admit(&gate, "2001:db8::2").unwrap();
        assert!(admit(&gate, "2001:db8::3").is_none());
        first.logged_in();
        first.logged_in();
        let third = admit(&gate, "2001:db8::3").unwrap();
        assert_eq!((first.id(), second.id(), third.id()), (1, 2, 4));
        assert!(admit(&gate, "192.0.2.1").is_none());
        drop(first);
        let fourth = admit(&gate, "192.0.2.1").unwrap();
        drop((second, third, fourth));
        assert!(is_empty(&gate));
    }

    #[test]
    fn a_connection_comes_from_one_address() {
        let gate = Gate::new(GateLimits { per_client: 1, ..GateLimits::default() });
        let mut unknown = gate.admit().unwrap();
        unknown.logged_in();
        assert!(unknown.at("192.0.2.1".parse().unwrap()));
        assert!(!unknown.at("192.0.2.2".parse().unwrap()));
        drop(unknown);
        assert!(is_empty(&gate));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn counts_are_those_of_what_is_open(steps in proptest::collection::vec((0u8..4, 0u8..3), 0..60)) {
            let limits = GateLimits { total: 6, per_client: 3, waiting_per_client: 2 };
            let gate = Gate::new(limits);
            let mut open: Vec<Admission> = Vec::new();
            for (step, which) in steps {
                let some = usize::from(which) % open.len().max(1);
                match step {
                    0 => open.extend(gate.admit()),
                    1 => if let Some(admission) = open.get_mut(some) {
                        let _ = admission.at(std::net::Ipv4Addr::from_bits(u32::from(which)).into());
                    },
                    2 => open.iter_mut().skip(some).take(1).for_each(Admission::logged_in),
                    _ => drop((some < open.len()).then(|| open.swap_remove(some))),
                }
                let counts = gate.lock();
                prop_assert!(counts.open == open.len() && counts.open <= limits.total);
                for (network, client) in &counts.clients {
                    let here = || open.iter().filter(|admission| admission.client == Some(*network));
                    prop_assert_eq!(client.open, here().count());
                    prop_assert_eq!(client.waiting, here().filter(|admission| !admission.logged_in).count());
                    prop_assert!((1..=limits.per_client).contains(&client.open));
                    prop_assert!(client.waiting <= limits.waiting_per_client);
                }
            }
            drop(open);
            prop_assert!(is_empty(&gate));
        }
    }
}
