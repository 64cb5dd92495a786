use std::collections::{BTreeMap, HashMap, HashSet};
use std::future::Future;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::client_network;
use crate::work::Owner;

/// How many connections a [`Gate`] lets in at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GateLimits {
    /// In all.
    pub total: usize,
    /// The last ones of these are for clients that have none yet.
    pub kept: usize,
    /// Of one client, which is an address, or in IPv6 a /64 network.
    pub per_client: usize,
    /// Of one client, that have not logged in yet.
    pub waiting_per_client: usize,
    /// Of one user.
    pub per_user: usize,
}

impl Default for GateLimits {
    /// No bounds.
    fn default() -> Self {
        Self {
            total: usize::MAX,
            kept: 0,
            per_client: usize::MAX,
            waiting_per_client: usize::MAX,
            per_user: usize::MAX,
        }
    }
}

/// Counts connections and refuses those over the bounds. Servers that share it share its bounds.
///
/// Where it is full, one that has not logged in yet has to go for the next one: the oldest of the client that has most of
/// them, or of the client that has too many of them. So strangers can't keep anybody out, however many they are, and who stands
/// beside others behind one address neither.
#[derive(Debug)]
pub struct Gate {
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    limits: GateLimits,
    open: usize,
    /// Those of them that were told to go.
    leaving: HashSet<u64>,
    /// Never holds a client without connections, so it is no larger than `open`.
    clients: HashMap<IpAddr, Client>,
    /// Never holds a user without connections.
    users: HashMap<Owner, usize>,
    /// Who has not logged in, by number.
    waiting: BTreeMap<u64, Waiting>,
    last_id: u64,
}

#[derive(Debug, Default)]
struct Client {
    open: usize,
    waiting: usize,
    leaving: usize,
}

impl Client {
    fn staying(&self) -> usize {
        self.open - self.leaving
    }
}

#[derive(Debug)]
struct Waiting {
    network: IpAddr,
    go: Arc<Notify>,
}

/// A connection that was let in; dropping it makes room for the next one.
#[derive(Debug)]
pub struct Admission {
    gate: Arc<Gate>,
    id: u64,
    client: Option<IpAddr>,
    user: Option<Owner>,
    go: Arc<Notify>,
}

impl Gate {
    /// A gate through which nobody has come yet.
    pub fn new(limits: GateLimits) -> Arc<Self> {
        Arc::new(Self { counts: Mutex::new(Counts { limits, ..Counts::default() }) })
    }

    /// From now on these are the bounds. Who is in stays, also where that is more than they allow.
    pub fn set_limits(&self, limits: GateLimits) {
        self.lock().limits = limits;
    }

    /// Connections that are open, and how many of them have not logged in.
    pub fn open(&self) -> (usize, usize) {
        let counts = self.lock();
        (counts.open, counts.waiting.len())
    }

    /// Lets a connection in if there is room, or another one can go for it. It counts for no client until
    /// [`Admission::at`] says where it comes from, which a server behind a proxy learns later.
    #[must_use]
    pub fn admit(self: &Arc<Self>) -> Option<Admission> {
        let mut counts = self.lock();
        if counts.staying() >= counts.limits.total && !counts.let_one_go(None) {
            return None;
        }
        counts.open += 1;
        counts.last_id += 1;
        let (id, go) = (counts.last_id, Arc::new(Notify::new()));
        Some(Admission { gate: Arc::clone(self), id, client: None, user: None, go })
    }

    /// Connections of a user.
    pub fn of_user(&self, user: &Owner) -> usize {
        self.lock().users.get(user).copied().unwrap_or(0)
    }

    /// The counts are right even if a thread panicked while it held the lock: nothing in between can.
    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    fn staying(&self) -> usize {
        self.open - self.leaving.len()
    }

    /// Tells one that has not logged in to go: of this client, or of anybody.
    fn let_one_go(&mut self, of: Option<IpAddr>) -> bool {
        let crowd = |waiting: &Waiting| self.clients.get(&waiting.network).map_or(0, |client| client.waiting);
        // Of those with the same crowd the first one, which is the oldest.
        let victim = self
            .waiting
            .iter()
            .rev()
            .filter(|(_, waiting)| of.is_none_or(|of| of == waiting.network))
            .max_by_key(|(_, waiting)| crowd(waiting))
            .map(|(id, _)| *id);
        let Some((id, waiting)) = victim.and_then(|id| self.waiting.remove_entry(&id)) else { return false };
        if let Some(client) = self.clients.get_mut(&waiting.network) {
            client.waiting -= 1;
            client.leaving += 1;
        }
        self.leaving.insert(id);
        waiting.go.notify_one();
        true
    }

    /// A connection stays, which may have been told to go a moment ago.
    fn keep(&mut self, id: u64, network: Option<IpAddr>) {
        self.has_left(id, network);
        if let Some(Waiting { network, .. }) = self.waiting.remove(&id)
            && let Some(client) = self.clients.get_mut(&network)
        {
            client.waiting -= 1;
        }
    }

    /// A connection that was told to go went, or stays after all.
    fn has_left(&mut self, id: u64, network: Option<IpAddr>) {
        if self.leaving.remove(&id)
            && let Some(client) = network.and_then(|network| self.clients.get_mut(&network))
        {
            client.leaving -= 1;
        }
    }
}

impl Admission {
    /// The connection's number: they begin with 1 and are never used again.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Whether it is known where the connection comes from.
    pub fn is_known(&self) -> bool {
        self.client.is_some()
    }

    /// The connection comes from this address. Says whether the client there may have one more; it is not counted there
    /// if not. A connection comes from one address only.
    #[must_use]
    pub fn at(&mut self, address: IpAddr) -> bool {
        let network = client_network(address);
        let mut counts = self.gate.lock();
        let limits = counts.limits;
        let (staying, waiting) =
            counts.clients.get(&network).map_or((0, 0), |client| (client.staying(), client.waiting));
        let has_too_many =
            staying >= limits.per_client || (self.user.is_none() && waiting >= limits.waiting_per_client);
        // Who has not logged in can go for others.
        let is_nearly_full = counts.staying() - counts.waiting.len() > limits.total.saturating_sub(limits.kept);
        if self.client.is_some()
            || (is_nearly_full && staying > 0)
            || (has_too_many && !counts.let_one_go(Some(network)))
        {
            return false;
        }
        let client = counts.clients.entry(network).or_default();
        client.open += 1;
        self.client = Some(network);
        if self.user.is_none() {
            client.waiting += 1;
            counts.waiting.insert(self.id, Waiting { network, go: Arc::clone(&self.go) });
        }
        true
    }

    /// The client has logged in. Says whether the user may have one more connection; it is not counted for the user if not.
    /// Who logged in need not go for others any more.
    #[must_use]
    pub fn logged_in(&mut self, user: &Owner) -> bool {
        if self.user.is_some() {
            return true;
        }
        let mut counts = self.gate.lock();
        let open = counts.users.get(user).copied().unwrap_or(0);
        if open >= counts.limits.per_user {
            return false;
        }
        counts.users.insert(user.clone(), open + 1);
        self.user = Some(user.clone());
        counts.keep(self.id, self.client);
        true
    }

    /// The client was let in without a login, and need not go for others any more.
    pub fn let_in(&mut self) {
        self.gate.lock().keep(self.id, self.client);
    }

    /// Ends when the connection has to go for another one.
    pub fn told_to_go(&self) -> impl Future<Output = ()> + Send + 'static + use<> {
        let go = Arc::clone(&self.go);
        async move { go.notified().await }
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        let mut counts = self.gate.lock();
        counts.open -= 1;
        if let Some(user) = &self.user
            && let Some(open) = counts.users.get_mut(user)
        {
            *open -= 1;
            if *open == 0 {
                counts.users.remove(user);
            }
        }
        counts.has_left(self.id, self.client);
        let was_waiting = counts.waiting.remove(&self.id).is_some();
        let Some(network) = self.client else { return };
        let Some(client) = counts.clients.get_mut(&network) else { return };
        client.open -= 1;
        client.waiting -= usize::from(was_waiting);
        if client.open == 0 {
            counts.clients.remove(&network);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use proptest::prelude::*;

    use super::*;

    fn admit(gate: &Arc<Gate>, address: &str) -> Option<Admission> {
        let mut admission = gate.admit()?;
        admission.at(address.parse().unwrap()).then_some(admission)
    }

    fn is_empty(gate: &Gate) -> bool {
        let counts = gate.lock();
        counts.open == 0
            && counts.clients.is_empty()
            && counts.users.is_empty()
            && counts.waiting.is_empty()
            && counts.leaving.is_empty()
    }

    fn owner(number: usize) -> Owner {
        Owner::new(&number.to_string())
    }

    fn is_told_to_go(admission: &Admission) -> bool {
        admission.told_to_go().now_or_never().is_some()
    }

    #[test]
    fn clients_have_a_bound_and_room_comes_back() {
        let gate = Gate::new(GateLimits { total: 3, per_client: 2, ..GateLimits::default() });
        let mut first = admit(&gate, "192.0.2.1").unwrap();
        let mut second = admit(&gate, "::ffff:192.0.2.1").unwrap();
        let mut third = admit(&gate, "2001:db8::1").unwrap();
        for (number, admission) in [&mut first, &mut second, &mut third].into_iter().enumerate() {
            assert!(admission.logged_in(&owner(number)));
        }
        assert!(admit(&gate, "192.0.2.1").is_none(), "two from this address");
        assert!(admit(&gate, "192.0.2.9").is_none(), "three in all");
        drop(second);
        let mut fourth = admit(&gate, "2001:db8::2").unwrap();
        assert!(fourth.logged_in(&owner(3)));
        drop(first);
        assert!(admit(&gate, "2001:db8::3").is_none(), "two from this network");
        drop((third, fourth));
        assert!(is_empty(&gate));
    }

    #[test]
    fn other_bounds_hold_for_who_comes_next() {
        let gate = Gate::new(GateLimits { total: 1, per_user: 1, ..GateLimits::default() });
        let mut first = admit(&gate, "192.0.2.1").unwrap();
        assert!(first.logged_in(&owner(1)) && admit(&gate, "192.0.2.2").is_none());
        gate.set_limits(GateLimits { total: 2, ..GateLimits::default() });
        let mut second = admit(&gate, "192.0.2.2").unwrap();
        assert!(second.logged_in(&owner(1)), "two of one user");
        gate.set_limits(GateLimits { total: 1, ..GateLimits::default() });
        assert_eq!(gate.open(), (2, 0), "nobody is sent away");
        drop(first);
        assert!(admit(&gate, "192.0.2.3").is_none());
        drop(second);
        assert!(admit(&gate, "192.0.2.3").is_some() && is_empty(&gate));
    }

    #[test]
    fn where_too_many_of_a_network_wait_the_oldest_goes_for_the_next() {
        let gate = Gate::new(GateLimits { waiting_per_client: 2, ..GateLimits::default() });
        let mut first = admit(&gate, "2001:db8::1").unwrap();
        let second = admit(&gate, "2001:db8::2").unwrap();
        assert!(first.logged_in(&owner(1)) && first.logged_in(&owner(1)));
        let elsewhere = admit(&gate, "2001:db8:1::").unwrap();
        let third = admit(&gate, "2001:db8::3").unwrap();
        assert!(![&first, &second, &elsewhere, &third].into_iter().any(is_told_to_go), "one has logged in");
        let fourth = admit(&gate, "2001:db8::4").unwrap();
        assert!(is_told_to_go(&second) && ![&first, &elsewhere, &third, &fourth].into_iter().any(is_told_to_go));
        drop((first, second, elsewhere, third, fourth));
        let nobody = Gate::new(GateLimits { waiting_per_client: 0, ..GateLimits::default() });
        assert!(admit(&nobody, "2001:db8::1").is_none());
        assert!(is_empty(&gate));
    }

    #[test]
    fn silent_ones_of_a_full_network_go_for_the_next() {
        let gate = Gate::new(GateLimits { per_client: 2, ..GateLimits::default() });
        let mut user = admit(&gate, "192.0.2.1").unwrap();
        assert!(user.logged_in(&owner(1)));
        let silent = admit(&gate, "192.0.2.1").unwrap();
        let mut next = admit(&gate, "192.0.2.1").unwrap();
        assert!(is_told_to_go(&silent) && !is_told_to_go(&user));
        assert!(next.logged_in(&owner(2)));
        assert!(admit(&gate, "192.0.2.1").is_none(), "both have logged in");
        let mut late = silent;
        assert!(late.logged_in(&owner(3)), "before it was told");
        assert_eq!(gate.lock().staying(), 3);
        drop((user, next, late));
        let (mut guest, other) = (admit(&gate, "192.0.2.1").unwrap(), admit(&gate, "192.0.2.1").unwrap());
        guest.let_in();
        let another = admit(&gate, "192.0.2.1").unwrap();
        assert!(is_told_to_go(&other) && !is_told_to_go(&guest));
        drop((guest, other, another));
        assert!(is_empty(&gate));
    }

    #[test]
    fn strangers_keep_nobody_out() {
        let gate = Gate::new(GateLimits { total: 4, ..GateLimits::default() });
        let mut known = admit(&gate, "192.0.2.1").unwrap();
        assert!(known.logged_in(&owner(1)));
        let lonely = admit(&gate, "192.0.2.2").unwrap();
        let (old, new) = (admit(&gate, "192.0.2.3").unwrap(), admit(&gate, "192.0.2.3").unwrap());
        let mut late = admit(&gate, "192.0.2.4").unwrap();
        assert!(is_told_to_go(&old));
        assert!(![&known, &lonely, &new, &late].into_iter().any(is_told_to_go));
        // The crowd is gone: the oldest goes for the next one.
        let next = admit(&gate, "192.0.2.5").unwrap();
        assert!(is_told_to_go(&lonely));
        assert!(late.logged_in(&owner(4)));
        assert_eq!(gate.lock().staying(), 4);
        drop((known, lonely, old, new, late, next));
        assert!(is_empty(&gate));
    }

    #[test]
    fn users_have_a_bound_and_the_last_ones_are_for_who_has_none() {
        let gate = Gate::new(GateLimits { total: 4, kept: 2, per_user: 1, ..GateLimits::default() });
        let mut first = admit(&gate, "192.0.2.1").unwrap();
        assert!(first.logged_in(&owner(1)));
        let mut second = admit(&gate, "192.0.2.1").unwrap();
        assert!(!second.logged_in(&owner(1)));
        assert!(second.logged_in(&owner(2)));
        assert!(admit(&gate, "192.0.2.1").is_none());
        let mut third = admit(&gate, "192.0.2.2").unwrap();
        assert!(third.logged_in(&owner(3)));
        assert!(admit(&gate, "192.0.2.2").is_none());
        let fourth = admit(&gate, "192.0.2.3").unwrap();
        drop((first, second, third, fourth));
        assert!(is_empty(&gate));
    }

    #[test]
    fn a_connection_comes_from_one_address() {
        let gate = Gate::new(GateLimits { per_client: 1, ..GateLimits::default() });
        let mut unknown = gate.admit().unwrap();
        assert!(unknown.logged_in(&owner(1)));
        assert!(unknown.at("192.0.2.1".parse().unwrap()));
        assert!(!unknown.at("192.0.2.2".parse().unwrap()));
        drop(unknown);
        assert!(is_empty(&gate));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn counts_are_those_of_what_is_open(steps in proptest::collection::vec((0u8..4, 0u8..3), 0..60)) {
            let limits = GateLimits { total: 6, kept: 1, per_client: 3, waiting_per_client: 2, per_user: 2 };
            let gate = Gate::new(limits);
            let mut open: Vec<Admission> = Vec::new();
            for (step, which) in steps {
                let some = usize::from(which) % open.len().max(1);
                match step {
                    0 => open.extend(gate.admit()),
                    1 => if let Some(admission) = open.get_mut(some) {
                        let _ = admission.at(std::net::Ipv4Addr::from_bits(u32::from(which)).into());
                    },
                    2 => if let Some(admission) = open.get_mut(some) {
                        let _ = admission.logged_in(&owner(usize::from(which)));
                    },
                    _ => drop((some < open.len()).then(|| open.swap_remove(some))),
                }
                let counts = gate.lock();
                // Who logs in when it was told to go stays.
                let stays = |one: &&Admission| one.user.is_some();
                prop_assert!(counts.open == open.len());
                prop_assert!(counts.staying() <= limits.total + open.iter().filter(stays).count());
                for (network, client) in &counts.clients {
                    let here = || open.iter().filter(|admission| admission.client == Some(*network));
                    let waits = |admission: &&Admission| counts.waiting.contains_key(&admission.id);
                    prop_assert_eq!(client.open, here().count());
                    prop_assert_eq!(client.waiting, here().filter(waits).count());
                    prop_assert_eq!(client.leaving, here().filter(|one| counts.leaving.contains(&one.id)).count());
                    prop_assert!(client.open >= 1);
                    prop_assert!(client.staying() <= limits.per_client + here().filter(stays).count());
                    prop_assert!(client.waiting <= limits.waiting_per_client);
                }
                for (user, connections) in &counts.users {
                    prop_assert_eq!(*connections, open.iter().filter(|one| one.user.as_ref() == Some(user)).count());
                    prop_assert!(*connections <= limits.per_user);
                }
            }
            drop(open);
            prop_assert!(is_empty(&gate));
        }
    }
}
