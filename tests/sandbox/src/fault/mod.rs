//! What goes wrong on purpose: the k-th request of a kind fails in one of the ways in which requests fail on real networks
//! and servers; the k-th notification of a mailbox is lost, told twice or late.

mod faults;
mod kind;

pub use faults::{Armed, Faults};
pub(crate) use faults::{Signal, Strike};
pub use kind::FaultKind;

use mapi_core::http::RequestType;

/// Which requests a fault counts. Only those that are well-formed and authenticated are counted at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requests {
    /// Every request to either endpoint.
    Any,
    /// All but NotificationWait and PING: how many of those there are depends on time.
    Work,
    /// Those of one type.
    Only(RequestType),
}

impl Requests {
    /// Whether requests of this type count.
    pub fn include(self, kind: RequestType) -> bool {
        match self {
            Self::Any => true,
            Self::Work => !matches!(kind, RequestType::NotificationWait | RequestType::Ping),
            Self::Only(only) => only == kind,
        }
    }
}

/// A fault that is to happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Which requests are counted.
    pub requests: Requests,
    /// Which one fails: 1 is the next one after the fault was armed.
    pub at: u64,
    /// How many fail in a row.
    pub times: u64,
    /// Only requests of the user with this address; `None`: everybody's.
    pub user: Option<String>,
    /// In which way.
    pub kind: FaultKind,
}

impl Fault {
    /// The `at`-th request that counts fails, once.
    pub fn new(kind: FaultKind, requests: Requests, at: u64) -> Self {
        Self { requests, at, times: 1, user: None, kind }
    }

    /// `times` requests in a row fail.
    #[must_use]
    pub fn times(self, times: u64) -> Self {
        Self { times, ..self }
    }

    /// Only requests of one user count.
    #[must_use]
    pub fn of_user(self, address: &str) -> Self {
        Self { user: Some(address.to_owned()), ..self }
    }
}

/// What happens to a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotificationFault {
    /// Nobody is told.
    Drop,
    /// Everybody is told twice.
    Duplicate,
    /// Everybody is told this much later, after what happened meanwhile.
    Delay(std::time::Duration),
}
