use std::collections::{HashMap, VecDeque};

use super::Owner;

/// Those who wait, by owner: the owners' turns come round, and each one's own are in order.
#[derive(Debug)]
pub(super) struct Waiting<T> {
    /// None is empty.
    queues: HashMap<Owner, VecDeque<T>>,
    /// Whose turn comes when. Each owner with a queue is here once.
    turns: VecDeque<Owner>,
}

impl<T> Waiting<T> {
    pub(super) fn new() -> Self {
        Self { queues: HashMap::new(), turns: VecDeque::new() }
    }

    /// Adds one behind the owner's others.
    pub(super) fn push(&mut self, owner: &Owner, waiter: T) {
        let queue = self.queues.entry(owner.clone()).or_default();
        if queue.is_empty() {
            self.turns.push_back(owner.clone());
        }
        queue.push_back(waiter);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }

    /// Takes the first that may go on, of the owner whose turn comes first among those who have such a one. That owner's
    /// next turn is behind all others'.
    pub(super) fn pop(&mut self, may: impl Fn(&Owner, &T) -> bool) -> Option<(Owner, T)> {
        self.pop_if(may, |_| true)
    }

    /// The same, but that one is not taken unless it is `ready`; nor is any other in its place.
    pub(super) fn pop_if(
        &mut self,
        may: impl Fn(&Owner, &T) -> bool,
        ready: impl FnOnce(&T) -> bool,
    ) -> Option<(Owner, T)> {
        let (turn, place) = self.turns.iter().enumerate().find_map(|(turn, owner)| {
            let place = self.queues.get(owner)?.iter().position(|waiter| may(owner, waiter))?;
            Some((turn, place))
        })?;
        let queue = self.queues.get_mut(self.turns.get(turn)?)?;
        if !ready(queue.get(place)?) {
            return None;
        }
        let owner = self.turns.remove(turn)?;
        let waiter = queue.remove(place)?;
        if queue.is_empty() {
            self.queues.remove(&owner);
        } else {
            self.turns.push_back(owner.clone());
        }
        Some((owner, waiter))
    }

    /// Removes those for whom `gone` holds.
    pub(super) fn forget(&mut self, owner: &Owner, gone: impl Fn(&T) -> bool) {
        let Some(queue) = self.queues.get_mut(owner) else { return };
        queue.retain(|waiter| !gone(waiter));
        if queue.is_empty() {
            self.queues.remove(owner);
            self.turns.retain(|other| other != owner);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_go_round_among_owners() {
        let (one, other) = (Owner::new("one"), Owner::new("other"));
        let mut waiting = Waiting::new();
        for number in 0..4 {
            waiting.push(&one, number);
        }
        waiting.push(&other, 10);
        waiting.push(&other, 11);
        let mut order = Vec::new();
        while let Some((_, waiter)) = waiting.pop(|_, _| true) {
            order.push(waiter);
        }
        assert_eq!(order, [0, 10, 1, 11, 2, 3]);
        assert!(waiting.is_empty());
    }

    #[test]
    fn who_may_not_go_on_is_passed_over_and_keeps_its_place() {
        let (one, other) = (Owner::new("one"), Owner::new("other"));
        let mut waiting = Waiting::new();
        waiting.push(&one, 1);
        waiting.push(&one, 2);
        waiting.push(&other, 3);
        assert_eq!(waiting.pop(|_, waiter| *waiter > 1), Some((one.clone(), 2)));
        assert_eq!(waiting.pop(|owner, _| *owner == other), Some((other.clone(), 3)));
        assert_eq!(waiting.pop(|_, _| false), None);
        waiting.forget(&one, |waiter| *waiter == 1);
        assert!(waiting.is_empty());
    }
}
