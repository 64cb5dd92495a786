use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;

use tokio::sync::oneshot;

use super::Owner;
use super::queue::{Queue, Wish, WorkLimits};

/// Gives out the right to run.
pub(super) struct Turns {
    queue: Mutex<Queue<Waiter>>,
}

enum Waiter {
    Begin(oneshot::Sender<Turn>),
    GoOn(mpsc::SyncSender<()>),
}

impl Turns {
    pub(super) fn new(limits: WorkLimits) -> Arc<Self> {
        Arc::new(Self { queue: Mutex::new(Queue::new(limits)) })
    }

    pub(super) fn limits(&self) -> WorkLimits {
        self.lock().limits()
    }

    pub(super) fn set_limits(self: &Arc<Self>, limits: WorkLimits) {
        self.lock().set_limits(limits);
        self.dispatch();
    }

    /// Waits for a turn to begin; `None` if there will be none. Dropping the future leaves the queue.
    pub(super) async fn begin(self: &Arc<Self>, owner: &Owner) -> Option<Turn> {
        // Dropped after the receiver, by which it knows who waits no more.
        let _waits = ForgetOnDrop { turns: self, owner };
        let (sender, turn) = oneshot::channel();
        self.lock().wait(owner, Wish::Begin, Waiter::Begin(sender));
        self.dispatch();
        turn.await.ok()
    }

    /// Lets those run for whom there is room.
    fn dispatch(self: &Arc<Self>) {
        loop {
            let mut queue = self.lock();
            let Some((owner, waiter)) = queue.next() else { return };
            let slice = queue.limits().slice;
            drop(queue);
            match waiter {
                Waiter::Begin(sender) => {
                    let turn = Turn { turns: Arc::clone(self), owner, slice, dispatches: true };
                    if let Err(mut turn) = sender.send(turn) {
                        // Nobody waits for it any more. This loop lets the next one run.
                        turn.dispatches = false;
                    }
                }
                // It waits on its thread until this comes.
                Waiter::GoOn(sender) => drop(sender.send(())),
            }
        }
    }

    /// Whether anybody waits.
    #[cfg(test)]
    pub(super) fn is_wanted(&self) -> bool {
        self.lock().is_wanted()
    }

    /// Nothing in between can panic.
    fn lock(&self) -> MutexGuard<'_, Queue<Waiter>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to run. Dropping it lets the next one run.
pub(super) struct Turn {
    turns: Arc<Turns>,
    owner: Owner,
    slice: Duration,
    dispatches: bool,
}

impl Turn {
    /// How long it runs before others go first.
    pub(super) fn slice(&self) -> Duration {
        self.slice
    }

    /// Waits until it is this one's turn again, if others wait.
    pub(super) fn let_others_go_first(&self) {
        let mut queue = self.turns.lock();
        if !queue.is_wanted() {
            return;
        }
        let (sender, again) = mpsc::sync_channel(1);
        queue.wait(&self.owner, Wish::GoOn, Waiter::GoOn(sender));
        queue.paused();
        drop(queue);
        self.turns.dispatch();
        // The sender is dropped only with the queue, which this keeps alive.
        let _ = again.recv();
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.turns.lock().ended(&self.owner);
        if self.dispatches {
            self.turns.dispatch();
        }
    }
}

/// Takes those out of the queue who wait no more.
struct ForgetOnDrop<'a> {
    turns: &'a Arc<Turns>,
    owner: &'a Owner,
}

impl Drop for ForgetOnDrop<'_> {
    fn drop(&mut self) {
        self.turns.lock().forget(self.owner, |waiter| matches!(waiter, Waiter::Begin(sender) if sender.is_closed()));
    }
}
