use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use mail_core::listener::one_client;

/// Counts connections and refuses those over the bounds.
#[derive(Debug)]
pub struct Admission {
    max_total: usize,
    max_per_address: usize,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    total: usize,
    per_address: HashMap<IpAddr, usize>,
}

/// A connection that was let in; dropping it makes room.
#[derive(Debug)]
pub(super) struct Admitted {
    admission: Arc<Admission>,
    address: Option<IpAddr>,
}

impl Admission {
    /// Lets in `max_total` connections at a time, of them `max_per_address` from one address (for IPv6: from one /64
    /// network).
    pub fn new(max_total: usize, max_per_address: usize) -> Arc<Self> {
        Arc::new(Self { max_total, max_per_address, counts: Mutex::default() })
    }

    /// Lets a connection in, or not. It counts for no address until [`Admitted::at`] says where it comes from.
    pub(super) fn admit(self: &Arc<Self>) -> Option<Admitted> {
        // Counting can't leave the map half-changed, so a panic elsewhere does not matter.
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.total >= self.max_total {
            return None;
        }
        counts.total += 1;
        Some(Admitted { admission: Arc::clone(self), address: None })
    }
}

impl Admitted {
    /// The connection comes from this address; says whether the address may have one more.
    pub(super) fn at(&mut self, address: IpAddr) -> bool {
        let address = one_client(address);
        let mut counts = self.admission.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let here = counts.per_address.get(&address).copied().unwrap_or_default();
        if self.address.is_some() || here >= self.admission.max_per_address {
            return false;
        }
        counts.per_address.insert(address, here + 1);
        self.address = Some(address);
        true
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut counts = self.admission.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.total = counts.total.saturating_sub(1);
        let Some(address) = self.address else { return };
        let here = counts.per_address.get(&address).copied().unwrap_or_default();
        if here > 1 {
            counts.per_address.insert(address, here - 1);
        } else {
            counts.per_address.remove(&address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_hold_and_room_comes_back() {
        let admission = Admission::new(3, 2);
        let admit = |address: &str| {
            let mut admitted = admission.admit()?;
            admitted.at(address.parse().unwrap()).then_some(admitted)
        };
        let first = admit("192.0.2.1").unwrap();
        let second = admit("::ffff:192.0.2.1").unwrap();
        assert!(admit("192.0.2.1").is_none(), "two from this address");
        let third = admit("2001:db8::1").unwrap();
        assert!(admit("192.0.2.9").is_none(), "three in all");
        drop(second);
        let fourth = admit("2001:db8::2").unwrap();
        drop(first);
        assert!(admit("2001:db8::3").is_none(), "two from this network");
        drop((third, fourth));
        assert!(admission.counts.lock().unwrap().per_address.is_empty());
        assert_eq!(admission.counts.lock().unwrap().total, 0);
    }
}
