//! Accounts: an identity that signed in, the mailbox that it opened, and what clients do with both. All connections of a
//! user share one.

mod append;
pub(crate) mod background;
mod copy;
mod folders;
pub(crate) mod identity;
mod metadata;
pub(crate) mod recipient_limit;
pub(crate) mod sending;
mod subscriptions;

use std::sync::Arc;

use self::identity::Identity;
use self::sending::sent_copy::Submissions;
use crate::mailbox::context::MailboxContext;
use crate::mailbox::open_mailbox::OpenMailbox;

/// Somebody who signed in, and the mailbox that was opened.
pub struct Account {
    identity: Identity,
    mailbox: Arc<OpenMailbox>,
    /// What was sent lately.
    submissions: Submissions,
}

impl Account {
    /// An account of `identity` with `mailbox`.
    pub(crate) fn new(identity: Identity, mailbox: Arc<OpenMailbox>) -> Self {
        Self { identity, mailbox, submissions: Submissions::default() }
    }

    /// Who signed in.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// What was opened.
    pub fn mailbox(&self) -> &Arc<OpenMailbox> {
        &self.mailbox
    }

    /// What the parts of the mailbox share.
    pub fn context(&self) -> &Arc<MailboxContext> {
        self.mailbox.context()
    }
}
