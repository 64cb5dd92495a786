use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts connections and bounds them. Servers that share it share its bounds.
#[derive(Debug)]
pub struct Gate {
    max: usize,
    max_waiting: usize,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    open: usize,
    /// Per network those that have not logged in. Never holds a zero, so it is no larger than `open`.
    waiting: HashMap<IpAddr, usize>,
    last_id: u64,
}

/// A connection that was let in; lets the next one in when dropped.
pub(super) struct Admission {
    gate: Arc<Gate>,
    network: Option<IpAddr>,
    id: u64,
}

impl Gate {
    /// Lets in `max` connections at a time. Of one address (IPv6: of one /64) `max_waiting` may not have logged in yet.
    pub fn new(max: usize, max_waiting: usize) -> Arc<Self> {
        Arc::new(Self { max, max_waiting, counts: Mutex::default() })
    }

    /// Lets a connection in, if there is room.
    pub(super) fn admit(self: &Arc<Self>, address: IpAddr) -> Option<Admission> {
        let network = network(address);
        let mut counts = self.lock();
        let waiting = counts.waiting.get(&network).copied().unwrap_or(0);
        if counts.open >= self.max || waiting >= self.max_waiting {
            return None;
        }
        counts.open += 1;
        counts.waiting.insert(network, waiting + 1);
        counts.last_id += 1;
        Some(Admission { gate: self.clone(), network: Some(network), id: counts.last_id })
    }

    /// The counts are right even if a thread panicked while it held the lock: nothing in between can.
    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Admission {
    /// The connection's number.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The client has logged in.
    pub fn logged_in(&mut self) {
        let Some(network) = self.network.take() else { return };
        let mut counts = self.gate.lock();
        if let Some(waiting) = counts.waiting.get_mut(&network) {
            *waiting -= 1;
            if *waiting == 0 {
                counts.waiting.remove(&network);
            }
        }
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.logged_in();
        self.gate.lock().open -= 1;
    }
}

fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds() {
        let gate = Gate::new(3, 2);
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let mut first = gate.admit(address("2001:db8::1")).unwrap();
        let second = gate.admit(address("2001:db8::2")).unwrap();
        assert!(gate.admit(address("2001:db8::3")).is_none());
        first.logged_in();
        let third = gate.admit(address("2001:db8::3")).unwrap();
        assert_eq!(third.id(), 3);
        assert!(gate.admit(address("192.0.2.1")).is_none());
        drop(first);
        let fourth = gate.admit(address("192.0.2.1")).unwrap();
        drop((second, third, fourth));
        assert_eq!(gate.lock().open, 0);
        assert!(gate.lock().waiting.is_empty());
    }
}
