use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mapi_core::http::RequestType;
use tokio::sync::watch;

use super::{Fault, FaultKind, Requests};

/// The faults of a sandbox: arm them here, and count requests. Cheap to clone; all clones are the same.
#[derive(Clone, Default)]
pub struct Faults {
    plan: Arc<Mutex<Plan>>,
}

#[derive(Default)]
struct Plan {
    seen: [u64; RequestType::ALL.len()],
    armed: Vec<Entry>,
}

struct Entry {
    fault: Fault,
    /// Requests counted so far.
    passed: u64,
    signal: Signal,
}

/// Tells whether a fault happened.
#[derive(Debug, Clone)]
pub struct Armed {
    hits: watch::Receiver<u64>,
}

impl Armed {
    /// Whether it happened.
    pub fn is_hit(&self) -> bool {
        self.hits() > 0
    }

    /// How often it happened.
    pub fn hits(&self) -> u64 {
        *self.hits.borrow()
    }

    /// Completes as soon as it happened: before processing, or after it but before anything of the answer leaves. Never
    /// completes if the fault was disarmed.
    pub async fn hit(&mut self) {
        if self.hits.wait_for(|hits| *hits > 0).await.is_err() {
            std::future::pending().await
        }
    }
}

type Callback = Arc<Mutex<dyn FnMut() + Send>>;

/// Tells [`Armed`], and who else wants to know.
#[derive(Clone)]
pub(crate) struct Signal {
    hits: Arc<watch::Sender<u64>>,
    then: Option<Callback>,
}

impl Signal {
    pub(crate) fn new(then: Option<Callback>) -> (Self, Armed) {
        let (sender, hits) = watch::channel(0);
        (Self { hits: Arc::new(sender), then }, Armed { hits })
    }

    pub(crate) fn hit(&self) {
        self.hits.send_modify(|hits| *hits += 1);
        if let Some(then) = &self.then {
            (then.lock().unwrap_or_else(PoisonError::into_inner))();
        }
    }
}

/// A fault whose time has come.
pub(crate) struct Strike {
    pub(crate) kind: FaultKind,
    pub(crate) signal: Signal,
}

impl Faults {
    /// Arms a fault. Several may be armed at once; of those that one request meets, the first armed happens, and counts
    /// for the others.
    pub fn arm(&self, fault: Fault) -> Armed {
        self.add(fault, None)
    }

    /// Arms a fault and runs `then` each time it happens, at that very moment (see [`Armed::hit`]): it should be short.
    pub fn arm_then(&self, fault: Fault, then: impl FnMut() + Send + 'static) -> Armed {
        self.add(fault, Some(Arc::new(Mutex::new(then))))
    }

    /// Forgets every fault that is armed. Requests that hang go on hanging.
    pub fn disarm(&self) {
        self.lock().armed.clear();
    }

    /// How many requests that count came since the sandbox started, failed ones included.
    pub fn requests_seen(&self, requests: Requests) -> u64 {
        let plan = self.lock();
        let seen = RequestType::ALL.into_iter().zip(&plan.seen);
        seen.filter(|(kind, _)| requests.include(*kind)).map(|(_, count)| count).sum()
    }

    /// Counts a request; returns the fault that it meets.
    pub(crate) fn meet(&self, kind: RequestType, user: &str) -> Option<Strike> {
        let mut plan = self.lock();
        if let Some(seen) = plan.seen.get_mut(kind.index()) {
            *seen += 1;
        }
        let mut strike = None;
        plan.armed.retain_mut(|entry| {
            let fault = &entry.fault;
            let of_user = fault.user.as_deref().is_none_or(|address| address.eq_ignore_ascii_case(user));
            if !of_user || !fault.requests.include(kind) {
                return true;
            }
            entry.passed += 1;
            if strike.is_none() && entry.passed >= fault.at {
                strike = Some(Strike { kind: fault.kind, signal: entry.signal.clone() });
            }
            entry.passed + 1 < fault.at.max(1).saturating_add(fault.times)
        });
        strike
    }

    fn add(&self, fault: Fault, then: Option<Callback>) -> Armed {
        let (signal, armed) = Signal::new(then);
        self.lock().armed.push(Entry { fault, passed: 0, signal });
        armed
    }

    fn lock(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXECUTE: RequestType = RequestType::Execute;

    #[test]
    fn the_request_that_was_meant_fails_and_no_other() {
        let faults = Faults::default();
        let armed = faults.arm(Fault::new(FaultKind::CloseBefore, Requests::Only(EXECUTE), 2).times(2).of_user("A@x"));
        let meet = |kind, user| faults.meet(kind, user).inspect(|strike| strike.signal.hit()).is_some();
        let met = [
            meet(EXECUTE, "a@x"),
            meet(RequestType::Connect, "a@x"),
            meet(EXECUTE, "b@x"),
            meet(EXECUTE, "a@x"),
            meet(EXECUTE, "a@x"),
            meet(EXECUTE, "a@x"),
        ];
        assert_eq!(met, [false, false, false, true, true, false]);
        assert_eq!((armed.hits(), faults.requests_seen(Requests::Any)), (2, 6));
        assert_eq!(faults.requests_seen(Requests::Only(EXECUTE)), 5);
        faults.arm(Fault::new(FaultKind::CloseBefore, Requests::Any, 1));
        faults.disarm();
        assert!(!meet(EXECUTE, "a@x"));
    }
}
