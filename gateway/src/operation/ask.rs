use std::future::Future;

use mapi_core::mailbox::{Mailbox, MailboxError};

use super::{Attempt, Operation};
use crate::line::kind::Kind;
use crate::line::upstream::Lane;

/// An operation that keeps nothing between its tries: it asks, or says how something is to be, and may be repeated as a whole.
pub(crate) struct Ask<F> {
    kind: Kind,
    lane: Lane,
    ask: F,
}

impl<F> Ask<F> {
    /// Asks by `ask`, in the session of a lane.
    pub(crate) fn new(kind: Kind, lane: Lane, ask: F) -> Self {
        Self { kind, lane, ask }
    }
}

impl<T, A, F> Operation for Ask<F>
where
    T: Send,
    A: Future<Output = Result<T, MailboxError>> + Send,
    F: FnMut(Mailbox) -> A + Send,
{
    type Done = T;

    fn kind(&self) -> Kind {
        self.kind
    }

    fn lane(&self) -> Lane {
        self.lane
    }

    async fn run(&mut self, attempt: &mut Attempt) -> Result<T, MailboxError> {
        let mailbox = attempt.mailbox();
        attempt.set((self.ask)(mailbox)).await
    }
}
