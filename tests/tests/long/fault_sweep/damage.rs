use std::fmt;
use std::time::Duration;

use exchange_sandbox::{Armed, Fault, FaultKind, NotificationFault, Requests, RunningSandbox};
use mapi_core::http::RequestType;
use tests::stack::ALICE;

use tests::process::Axe;

/// What goes wrong at one point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// A request fails.
    Request(FaultKind),
    /// The gateway is killed while a request is on its way; it never arrives.
    KillBefore,
    /// The gateway is killed when a request was processed, before it hears of it.
    KillAfter,
    /// A NotificationWait fails.
    Wait(FaultKind),
    /// A notification is lost, doubled or late.
    Notification(NotificationFault),
}

impl Damage {
    /// What every request of every scenario meets.
    pub fn of_requests() -> Vec<Self> {
        FaultKind::SWEEP.into_iter().map(Self::Request).chain([Self::KillBefore, Self::KillAfter]).collect()
    }

    /// What waits and notifications meet.
    pub fn of_notifications() -> [Vec<Self>; 2] {
        let waits = FaultKind::SWEEP.into_iter().filter(|kind| !matches!(kind, FaultKind::Backoff(_)));
        let late = NotificationFault::Delay(Duration::from_millis(1500));
        let told = [NotificationFault::Drop, NotificationFault::Duplicate, late];
        [waits.map(Self::Wait).collect(), told.into_iter().map(Self::Notification).collect()]
    }

    /// Arms it for the `at`-th request or event from now.
    pub fn arm(self, sandbox: &RunningSandbox, axe: Axe, at: u64) -> Armed {
        let hang = FaultKind::HangBefore { keep_alives: false };
        let hang_after = FaultKind::HangAfter { keep_alives: false };
        let faults = sandbox.faults();
        match self {
            Self::Request(kind) => faults.arm(Fault::new(kind, Requests::Work, at)),
            Self::KillBefore => faults.arm_then(Fault::new(hang, Requests::Work, at), move || axe.fall()),
            Self::KillAfter => faults.arm_then(Fault::new(hang_after, Requests::Work, at), move || axe.fall()),
            Self::Wait(kind) => faults.arm(Fault::new(kind, Requests::Only(RequestType::NotificationWait), at)),
            Self::Notification(fault) => sandbox.arm_notification(ALICE, fault, at).expect("Alice has a mailbox"),
        }
    }

    /// How many requests or events there were that it could meet.
    pub fn count(self, sandbox: &RunningSandbox) -> u64 {
        match self {
            Self::Request(_) | Self::KillBefore | Self::KillAfter => sandbox.faults().requests_seen(Requests::Work),
            Self::Wait(_) => sandbox.faults().requests_seen(Requests::Only(RequestType::NotificationWait)),
            Self::Notification(_) => sandbox.notifications_seen(ALICE),
        }
    }

    /// Whether a command that fails through this may have been carried out, so that the client's retry may do it twice: the
    /// request has its effects although the gateway does not hear of it, or the gateway dies after an earlier request had them.
    pub fn leaves_doubt(self) -> bool {
        match self {
            Self::Request(kind) => kind.is_processed(),
            Self::KillBefore | Self::KillAfter => true,
            Self::Wait(_) | Self::Notification(_) => false,
        }
    }

    /// How long the gateway waits for an answer: briefly where none is to come.
    pub fn request_timeout(self) -> Duration {
        let hangs = |kind| matches!(kind, FaultKind::HangBefore { .. } | FaultKind::HangAfter { .. });
        match self {
            Self::Request(kind) | Self::Wait(kind) if hangs(kind) => Duration::from_secs(3),
            _ => Duration::from_secs(60),
        }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(kind) => write!(f, "{kind:?}"),
            Self::KillBefore => f.write_str("kill -9 before processing"),
            Self::KillAfter => f.write_str("kill -9 after processing"),
            Self::Wait(kind) => write!(f, "wait {kind:?}"),
            Self::Notification(fault) => write!(f, "notification {fault:?}"),
        }
    }
}
