use std::collections::HashMap;
use std::time::Duration;

use super::Owner;
use super::waiting::Waiting;

/// Bounds of [`super::Workers`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkLimits {
    /// How many jobs run at a time.
    pub running: usize,
    /// How many jobs may have begun: those that run and those that let others go first. Each has a thread.
    pub begun: usize,
    /// The same of one owner.
    pub begun_per_owner: usize,
    /// How long a job runs before it lets others go first.
    pub slice: Duration,
}

impl Default for WorkLimits {
    /// One core is left for everything else, where there are several; 64 jobs, 2 of an owner, 5 ms.
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self { running: cores.saturating_sub(1).max(1), begun: 64, begun_per_owner: 2, slice: Duration::from_millis(5) }
    }
}

/// What somebody waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    Begin,
    GoOn,
}

/// Which job runs next. Without threads and clock.
#[derive(Debug)]
pub(super) struct Queue<T> {
    limits: WorkLimits,
    waiting: Waiting<(Wish, T)>,
    running: usize,
    begun: usize,
    /// Holds no zeros.
    begun_of: HashMap<Owner, usize>,
}

impl<T> Queue<T> {
    pub(super) fn new(limits: WorkLimits) -> Self {
        let limits = usable(limits);
        Self { limits, waiting: Waiting::new(), running: 0, begun: 0, begun_of: HashMap::new() }
    }

    pub(super) fn set_limits(&mut self, limits: WorkLimits) {
        self.limits = usable(limits);
    }

    pub(super) fn limits(&self) -> WorkLimits {
        self.limits
    }

    pub(super) fn wait(&mut self, owner: &Owner, wish: Wish, waiter: T) {
        self.waiting.push(owner, (wish, waiter));
    }

    /// Removes those who wait no more.
    pub(super) fn forget(&mut self, owner: &Owner, gone: impl Fn(&T) -> bool) {
        self.waiting.forget(owner, |(_, waiter)| gone(waiter));
    }

    /// Whether anybody waits.
    pub(super) fn is_wanted(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Lets the next one run, if there is room for one more.
    pub(super) fn next(&mut self) -> Option<(Owner, T)> {
        if self.running >= self.limits.running {
            return None;
        }
        let room = self.begun < self.limits.begun;
        let may = |owner: &Owner, (wish, _): &(Wish, T)| {
            let begun = self.begun_of.get(owner).copied().unwrap_or(0);
            *wish == Wish::GoOn || (room && begun < self.limits.begun_per_owner)
        };
        let (owner, (wish, waiter)) = self.waiting.pop(may)?;
        self.running += 1;
        if wish == Wish::Begin {
            self.begun += 1;
            *self.begun_of.entry(owner.clone()).or_default() += 1;
        }
        Some((owner, waiter))
    }

    /// A job that ran lets others go first.
    pub(super) fn paused(&mut self) {
        self.running -= 1;
    }

    /// A job that ran is done.
    pub(super) fn ended(&mut self, owner: &Owner) {
        self.running -= 1;
        self.begun -= 1;
        if let Some(begun) = self.begun_of.get_mut(owner) {
            *begun -= 1;
            if *begun == 0 {
                self.begun_of.remove(owner);
            }
        }
    }
}

/// With which something can be done at all.
fn usable(limits: WorkLimits) -> WorkLimits {
    WorkLimits {
        running: limits.running.max(1),
        begun: limits.begun.max(limits.running).max(1),
        begun_per_owner: limits.begun_per_owner.max(1),
        ..limits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(running: usize, begun: usize, begun_per_owner: usize) -> Queue<u32> {
        Queue::new(WorkLimits { running, begun, begun_per_owner, slice: Duration::ZERO })
    }

    fn all(queue: &mut Queue<u32>) -> Vec<u32> {
        std::iter::from_fn(|| queue.next()).map(|(_, waiter)| waiter).collect()
    }

    #[test]
    fn jobs_begin_within_the_bounds() {
        let (one, other) = (Owner::new("one"), Owner::new("other"));
        let mut queue = queue(4, 5, 2);
        for number in 1..=3 {
            queue.wait(&one, Wish::Begin, number);
            queue.wait(&other, Wish::Begin, 10 * number);
        }
        assert_eq!(all(&mut queue), [1, 10, 2, 20]);
        queue.ended(&one);
        assert_eq!(all(&mut queue), [3]);
        queue.paused();
        assert_eq!(all(&mut queue), [0; 0], "the other has two");
        queue.ended(&other);
        assert_eq!(all(&mut queue), [30]);
    }

    #[test]
    fn who_let_others_go_first_goes_on_however_many_began() {
        let one = Owner::new("one");
        let mut queue = queue(1, 1, 1);
        queue.wait(&one, Wish::Begin, 1);
        assert_eq!(all(&mut queue), [1]);
        queue.wait(&one, Wish::Begin, 2);
        queue.wait(&one, Wish::GoOn, 1);
        assert!(queue.is_wanted());
        queue.paused();
        assert_eq!(all(&mut queue), [1]);
        queue.ended(&one);
        assert_eq!(all(&mut queue), [2]);
        queue.ended(&one);
        assert!(!queue.is_wanted() && queue.begun_of.is_empty());
    }
}
