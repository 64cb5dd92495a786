use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use thiserror::Error;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::Owner;
use super::waiting::Waiting;

/// Bounds of a [`ByteBudget`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BudgetLimits {
    /// Bytes in all.
    pub total: u64,
    /// Bytes of one owner.
    pub per_owner: u64,
    /// For how long somebody waits for room while nothing moves: nobody before him got any. While those before him are served
    /// he waits on, [`TURNS`] times as long at most.
    pub patience: Duration,
}

/// See [`BudgetLimits::patience`].
pub const TURNS: u32 = 10;

impl Default for BudgetLimits {
    /// 128 MiB, 96 of one owner, half a minute.
    fn default() -> Self {
        Self { total: 128 << 20, per_owner: 96 << 20, patience: Duration::from_secs(30) }
    }
}

impl BudgetLimits {
    /// How much of so many bytes can be taken at all.
    fn most_of(&self, bytes: u64) -> u64 {
        bytes.min(self.per_owner).min(self.largest())
    }

    /// What is larger must leave some room for what is smaller.
    fn is_large(&self, bytes: u64) -> bool {
        bytes > self.total / 256
    }

    /// The most that what is large may use.
    fn largest(&self) -> u64 {
        self.total - self.total / 8
    }
}

/// There was no room in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("too much memory is in use")]
pub struct BudgetExceeded;

/// Memory for what is held for clients. Who finds no room waits: the owners' turns come round, and what is large does not
/// wait in front of what is small.
#[derive(Debug)]
pub struct ByteBudget {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    limits: BudgetLimits,
    used: u64,
    used_by_large: u64,
    /// Only who uses some.
    used_by: HashMap<Owner, Used>,
    small: Waiting<Waiter>,
    large: Waiting<Waiter>,
    /// When somebody got room last.
    moved: Instant,
}

/// What an owner uses.
#[derive(Debug)]
struct Used {
    bytes: u64,
    /// Of these, what stays until something is done that may wait for more: see [`Reservation::pin`].
    pinned: u64,
    /// When some of it was taken last.
    moved: Instant,
}

#[derive(Debug)]
struct Waiter {
    bytes: u64,
    sender: oneshot::Sender<Reservation>,
}

/// Room that was taken. Dropping it gives it back.
#[derive(Debug)]
pub struct Reservation {
    budget: Arc<ByteBudget>,
    owner: Owner,
    bytes: u64,
    is_large: bool,
    is_pinned: bool,
    dispatches: bool,
}

impl ByteBudget {
    /// A budget of which nothing is used.
    pub fn new(limits: BudgetLimits) -> Arc<Self> {
        let (small, large) = (Waiting::new(), Waiting::new());
        let state =
            State { limits, used: 0, used_by_large: 0, used_by: HashMap::new(), small, large, moved: Instant::now() };
        Arc::new(Self { state: Mutex::new(state) })
    }

    /// Bytes that are taken.
    pub fn used(&self) -> u64 {
        self.lock().used
    }

    /// The bounds.
    pub fn limits(&self) -> BudgetLimits {
        self.lock().limits
    }

    /// From now on these are the bounds. What is taken stays so, also where it is more than they allow.
    pub fn set_limits(self: &Arc<Self>, limits: BudgetLimits) {
        self.lock().limits = limits;
        self.dispatch();
    }

    /// Takes room for so many bytes. What is larger than all of it, or than an owner's share, takes all of that, and is
    /// alone. Dropping the future leaves the queue.
    ///
    /// # Errors
    /// [`BudgetExceeded`] if [`BudgetLimits::patience`] ends.
    pub async fn reserve(self: &Arc<Self>, owner: &Owner, bytes: u64) -> Result<Reservation, BudgetExceeded> {
        let _waits = ForgetOnDrop { budget: self, owner };
        let (sender, mut reserved) = oneshot::channel();
        let BudgetLimits { patience, .. } = self.limits();
        let began = Instant::now();
        {
            let mut state = self.lock();
            let bytes = state.limits.most_of(bytes);
            let waiter = Waiter { bytes, sender };
            if state.limits.is_large(bytes) { state.large.push(owner, waiter) } else { state.small.push(owner, waiter) }
        }
        self.dispatch();
        let mut until = began + patience;
        loop {
            match tokio::time::timeout_at(until, &mut reserved).await {
                Ok(reservation) => {
                    metrics::histogram!("mapi_gateway_budget_wait_seconds").record(began.elapsed());
                    return reservation.map_err(|_| BudgetExceeded);
                }
                Err(_) => {
                    let next = (self.moved(owner) + patience).min(began + patience.saturating_mul(TURNS));
                    if next <= until {
                        metrics::counter!("mapi_gateway_budget_refused_total").increment(1);
                        return Err(BudgetExceeded);
                    }
                    until = next;
                }
            }
        }
    }

    /// When those moved last who may stand before an owner: his own, whose share may be what is used up, or anybody.
    fn moved(&self, owner: &Owner) -> Instant {
        let state = self.lock();
        state.used_by.get(owner).map_or(state.moved, |used| used.moved)
    }

    /// How much of so many bytes can be taken at all.
    pub fn most_of(&self, bytes: u64) -> u64 {
        self.lock().limits.most_of(bytes)
    }

    fn dispatch(self: &Arc<Self>) {
        while let Some((owner, is_large, Waiter { bytes, sender })) = self.next() {
            let reservation =
                Reservation { budget: Arc::clone(self), owner, bytes, is_large, is_pinned: false, dispatches: true };
            if let Err(mut unwanted) = sender.send(reservation) {
                // Nobody waits for it any more. This loop serves the next one.
                unwanted.dispatches = false;
            }
        }
    }

    /// Takes the room for the next one whose turn it is, if there is enough. Within each kind nobody overtakes, unless an
    /// owner's own share is used up.
    fn next(&self) -> Option<(Owner, bool, Waiter)> {
        let mut state = self.lock();
        let State { limits, used, used_by_large, used_by, small, large, moved } = &mut *state;
        // The bounds may have been wider when it came.
        let most = |waiter: &Waiter| limits.most_of(waiter.bytes);
        // Who wants all of his share, and has pinned some, wants the rest.
        let wanted = |pinned: u64, waiter: &Waiter| most(waiter).min(limits.per_owner.saturating_sub(pinned));
        let share = |owner: &Owner, waiter: &Waiter| match used_by.get(owner) {
            Some(used) => used.bytes + wanted(used.pinned, waiter) <= limits.per_owner,
            None => true,
        };
        let room = limits.total.saturating_sub(*used);
        let room_for_large = limits.largest().saturating_sub(*used_by_large).min(room);
        let small = small.pop_if(share, |waiter| most(waiter) <= room);
        let (owner, mut waiter) = small.or_else(|| large.pop_if(share, |waiter| most(waiter) <= room_for_large))?;
        waiter.bytes = wanted(used_by.get(&owner).map_or(0, |used| used.pinned), &waiter);
        let is_large = limits.is_large(waiter.bytes);
        if is_large {
            *used_by_large += waiter.bytes;
        }
        *used += waiter.bytes;
        *moved = Instant::now();
        if waiter.bytes > 0 {
            let used = used_by.entry(owner.clone()).or_insert(Used { bytes: 0, pinned: 0, moved: *moved });
            (used.bytes, used.moved) = (used.bytes + waiter.bytes, *moved);
        }
        Some((owner, is_large, waiter))
    }

    /// Takes more for somebody who has `held` already.
    fn take_now(&self, owner: &Owner, more: u64, is_large: &mut bool, held: u64) -> bool {
        let mut state = self.lock();
        let becomes_large = *is_large || state.limits.is_large(held + more);
        let of_large = match (*is_large, becomes_large) {
            (true, _) => more,
            (false, true) => held + more,
            (false, false) => 0,
        };
        let used = state.used_by.get(owner).map_or(0, |used| used.bytes);
        if state.used + more > state.limits.total
            || (of_large > 0 && state.used_by_large + of_large > state.limits.largest())
            || used + more > state.limits.per_owner
        {
            return false;
        }
        *is_large = becomes_large;
        state.used += more;
        state.used_by_large += of_large;
        state.used_by.entry(owner.clone()).or_insert(Used { bytes: 0, pinned: 0, moved: Instant::now() }).bytes += more;
        true
    }

    fn give_back(&self, owner: &Owner, bytes: u64, is_large: bool, is_pinned: bool) {
        let mut state = self.lock();
        state.used -= bytes;
        if is_large {
            state.used_by_large -= bytes;
        }
        if let Some(used) = state.used_by.get_mut(owner) {
            used.bytes -= bytes;
            used.pinned -= if is_pinned { bytes } else { 0 };
            if used.bytes == 0 {
                state.used_by.remove(owner);
            }
        }
    }

    /// Nothing in between can panic.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reservation {
    /// How many bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Makes it so many bytes if there is room for them now, before whoever waits: what is under way comes to its end, and
    /// gives all of it back. Tells whether it is as large.
    pub fn grow(&mut self, bytes: u64) -> bool {
        let bytes = self.budget.most_of(bytes);
        let Some(more) = bytes.checked_sub(self.bytes).filter(|more| *more > 0) else { return true };
        if !self.budget.take_now(&self.owner, more, &mut self.is_large, self.bytes) {
            return false;
        }
        self.bytes = bytes;
        true
    }

    /// Says that it is kept until something is done that may itself need all of the owner's share: who wants that much gets what
    /// is left beside. Otherwise each would wait for the other.
    pub fn pin(&mut self) {
        let mut state = self.budget.lock();
        if let Some(used) = state.used_by.get_mut(&self.owner).filter(|_| !self.is_pinned) {
            used.pinned += self.bytes;
            self.is_pinned = true;
        }
        drop(state);
        self.budget.dispatch();
    }

    /// Gives back what is above so many bytes.
    pub fn shrink(&mut self, bytes: u64) {
        let Some(surplus) = self.bytes.checked_sub(bytes).filter(|surplus| *surplus > 0) else { return };
        self.bytes = bytes;
        self.budget.give_back(&self.owner, surplus, self.is_large, self.is_pinned);
        self.budget.dispatch();
    }

    /// These bytes, for which room is taken, for so many copies of them, as long as anybody has what this returns.
    pub fn hold(mut self, copies: u64, bytes: Bytes) -> Bytes {
        self.shrink(copies.saturating_mul(bytes.len() as u64));
        Bytes::from_owner(Held { bytes, _room: self })
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.budget.give_back(&self.owner, self.bytes, self.is_large, self.is_pinned);
        if self.dispatches {
            self.budget.dispatch();
        }
    }
}

struct Held {
    bytes: Bytes,
    _room: Reservation,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Takes those out of the queues who wait no more.
struct ForgetOnDrop<'a> {
    budget: &'a Arc<ByteBudget>,
    owner: &'a Owner,
}

impl Drop for ForgetOnDrop<'_> {
    fn drop(&mut self) {
        let mut state = self.budget.lock();
        state.small.forget(self.owner, |waiter| waiter.sender.is_closed());
        state.large.forget(self.owner, |waiter| waiter.sender.is_closed());
        drop(state);
        // It may have stood in front of others.
        self.budget.dispatch();
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use proptest::prelude::*;

    use super::*;

    const MIB: u64 = 1 << 20;

    fn budget(total: u64, per_owner: u64) -> Arc<ByteBudget> {
        ByteBudget::new(BudgetLimits { total, per_owner, patience: Duration::from_secs(60) })
    }

    fn now(budget: &Arc<ByteBudget>, owner: &Owner, bytes: u64) -> Option<Reservation> {
        budget.reserve(owner, bytes).now_or_never().map(Result::unwrap)
    }

    #[tokio::test]
    async fn other_bounds_hold_at_once_and_what_is_taken_stays() {
        let (budget, one, two) = (budget(MIB, MIB), Owner::new("one"), Owner::new("two"));
        let held = now(&budget, &one, 700 << 10).unwrap();
        let mut waits = std::pin::pin!(budget.reserve(&two, 800 << 10));
        assert!(waits.as_mut().now_or_never().is_none());
        budget.set_limits(BudgetLimits { total: 4 * MIB, per_owner: MIB, ..budget.limits() });
        assert_eq!(waits.as_mut().now_or_never().unwrap().unwrap().bytes(), 800 << 10);
        let mut waits = std::pin::pin!(budget.reserve(&one, 800 << 10));
        assert!(waits.as_mut().now_or_never().is_none());
        budget.set_limits(BudgetLimits { total: 512 << 10, per_owner: 256 << 10, ..budget.limits() });
        assert!(waits.as_mut().now_or_never().is_none(), "more is taken than there is now");
        assert_eq!(held.bytes(), 700 << 10);
        drop(held);
        assert_eq!(waits.as_mut().now_or_never().unwrap().unwrap().bytes(), 256 << 10, "all that one may have now");
        assert_eq!(budget.used(), 0);
    }

    #[tokio::test]
    async fn who_wants_all_gets_it_beside_what_is_pinned() {
        let (budget, one) = (budget(128 * MIB, 96 * MIB), Owner::new("one"));
        let mut order = now(&budget, &one, MIB).unwrap();
        assert!(now(&budget, &one, 500 * MIB).is_none(), "something is in use");
        order.pin();
        let all = now(&budget, &one, 500 * MIB).unwrap();
        assert_eq!((all.bytes(), budget.used()), (95 * MIB, 96 * MIB));
        assert!(now(&budget, &one, MIB).is_none());
        drop((order, all));
        assert_eq!(budget.used(), 0);
        assert_eq!(now(&budget, &one, 500 * MIB).unwrap().bytes(), 96 * MIB);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_is_refused_when_nothing_moves_and_not_before() {
        let patience = Duration::from_secs(30);
        let budget = ByteBudget::new(BudgetLimits { total: 256 * MIB, per_owner: 100 * MIB, patience });
        let (one, other) = (Owner::new("one"), Owner::new("other"));
        let stuck = now(&budget, &other, 100 * MIB).unwrap();
        let first = now(&budget, &one, 100 * MIB).unwrap();
        // Those before him are served, one in twenty seconds.
        let (waiting, served) = (Arc::clone(&budget), one.clone());
        let last = tokio::spawn(async move {
            let mut room = first;
            for _ in 0..5 {
                let next = tokio::spawn({
                    let (waiting, served) = (Arc::clone(&waiting), served.clone());
                    async move { waiting.reserve(&served, 100 * MIB).await }
                });
                tokio::time::sleep(Duration::from_secs(20)).await;
                drop(room);
                room = next.await.unwrap().unwrap();
            }
        });
        let own = tokio::spawn({
            let (budget, other) = (Arc::clone(&budget), other.clone());
            async move { budget.reserve(&other, 100 * MIB).await.err() }
        });
        let began = Instant::now();
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert!(budget.reserve(&one, 90 * MIB).await.is_ok(), "his turn comes");
        assert!(began.elapsed() > patience, "after {:?}", began.elapsed());
        assert_eq!(own.await.unwrap(), Some(BudgetExceeded), "the other one's own share does not move");
        last.await.unwrap();
        drop(stuck);
    }

    #[tokio::test]
    async fn what_is_under_way_grows_before_who_waits() {
        let budget = budget(256 * MIB, 100 * MIB);
        let (one, other) = (Owner::new("one"), Owner::new("other"));
        let mut first = now(&budget, &one, 60 * MIB).unwrap();
        let waiting = budget.reserve(&one, 60 * MIB);
        let mut waiting = Box::pin(waiting);
        assert!((&mut waiting).now_or_never().is_none());
        assert!(first.grow(90 * MIB) && first.grow(50 * MIB) && first.grow(500 * MIB), "all of its owner's share");
        assert_eq!((first.bytes(), budget.used()), (100 * MIB, 100 * MIB));
        let mut small = now(&budget, &other, 1000).unwrap();
        assert!(small.grow(90 * MIB), "it is a large one now");
        let more = now(&budget, &Owner::new("third"), 30 * MIB).unwrap();
        assert!(!small.grow(100 * MIB), "there is no more room for large ones");
        assert_eq!(small.bytes(), 90 * MIB);
        drop((first, small, more));
        let waited = waiting.await.unwrap();
        drop(waited);
        assert_eq!((budget.used(), budget.lock().used_by_large), (0, 0));
        assert!(budget.lock().used_by.is_empty());
    }

    #[tokio::test]
    async fn who_finds_no_room_waits_and_small_ones_find_some() {
        let budget = budget(256 * MIB, 256 * MIB);
        let (one, other) = (Owner::new("one"), Owner::new("other"));
        let first = now(&budget, &one, 200 * MIB).unwrap();
        let mut second = Box::pin(budget.reserve(&one, 100 * MIB));
        assert!((&mut second).now_or_never().is_none());
        assert!(now(&budget, &other, 30 * MIB).is_none(), "it does not overtake what is as large");
        let small = now(&budget, &other, MIB).unwrap();
        drop(first);
        let second = second.await.unwrap();
        assert_eq!(budget.used(), 101 * MIB);
        drop((second, small));
        assert_eq!(budget.used(), 0);
        assert!(budget.lock().used_by.is_empty() && budget.lock().used_by_large == 0);
    }

    #[tokio::test]
    async fn an_owner_has_a_share_and_waits_for_himself_alone() {
        let budget = budget(256 * MIB, 100 * MIB);
        let (one, other) = (Owner::new("one"), Owner::new("other"));
        let mut held = now(&budget, &one, 90 * MIB).unwrap();
        let mut more = Box::pin(budget.reserve(&one, 20 * MIB));
        assert!((&mut more).now_or_never().is_none());
        let others = now(&budget, &other, 90 * MIB).unwrap();
        held.shrink(80 * MIB);
        assert!((&mut more).now_or_never().is_some());
        drop(others);
        // What is larger than the share is alone in it.
        assert!(now(&budget, &one, u64::MAX).is_none());
        drop(held);
        assert_eq!(now(&budget, &one, u64::MAX).unwrap().bytes(), 100 * MIB);
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_has_an_end_and_leaves_nothing_behind() {
        let budget = budget(MIB, MIB);
        let owner = Owner::new("one");
        let held = now(&budget, &owner, MIB).unwrap();
        assert_eq!(held.bytes(), MIB - MIB / 8);
        assert_eq!(budget.reserve(&owner, MIB).await.err(), Some(BudgetExceeded));
        assert!(now(&budget, &owner, MIB).is_none());
        assert!(budget.lock().large.is_empty());
    }

    #[tokio::test]
    async fn bytes_hold_their_room() {
        let budget = budget(MIB, MIB);
        let bytes = now(&budget, &Owner::new("one"), 1000).unwrap().hold(2, vec![7; 10].into());
        let part = bytes.slice(2..4);
        drop(bytes);
        assert_eq!((budget.used(), &part[..]), (20, &[7, 7][..]));
        drop(part);
        assert_eq!(budget.used(), 0);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn bounds_hold_and_everybody_is_served(steps in proptest::collection::vec((0u8..3, 0u8..3, 0u64..120), 0..60)) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            let _entered = runtime.enter();
            let budget = budget(100 * 256, 60 * 256);
            let (mut held, mut waiting) = (Vec::new(), Vec::new());
            for (step, owner, units) in steps {
                match step {
                    0 => {
                        let (budget, owner) = (Arc::clone(&budget), Owner::new(&owner.to_string()));
                        waiting.push(Box::pin(async move { budget.reserve(&owner, units * 256).await }));
                    }
                    1 => drop((!held.is_empty()).then(|| held.swap_remove(units as usize % held.len()))),
                    _ => drop((!waiting.is_empty()).then(|| waiting.swap_remove(units as usize % waiting.len()))),
                }
                waiting.retain_mut(|waiter| match waiter.as_mut().now_or_never() {
                    Some(reservation) => {
                        held.push(reservation.unwrap());
                        false
                    }
                    None => true,
                });
                let sum: u64 = held.iter().map(Reservation::bytes).sum();
                prop_assert_eq!(budget.used(), sum);
                prop_assert!(sum <= 100 * 256);
                prop_assert!(budget.lock().used_by.values().all(|used| used.bytes <= 60 * 256));
            }
            while !waiting.is_empty() {
                let before = waiting.len();
                held.clear();
                waiting.retain_mut(|waiter| waiter.as_mut().now_or_never().is_none());
                prop_assert!(waiting.len() < before, "nobody is served");
            }
            held.clear();
            prop_assert_eq!(budget.used(), 0);
        }
    }
}
