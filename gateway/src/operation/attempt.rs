use std::future::Future;

use mapi_core::mailbox::{Mailbox, MailboxError};

/// One try of an operation, in one session.
///
/// Every request of an operation goes through one of [`Attempt::read`], [`Attempt::set`] and [`Attempt::effect`], which say
/// what its loss means.
pub(crate) struct Attempt {
    mailbox: Mailbox,
    /// An effect may have happened of which no answer tells.
    doubt: bool,
    progress: bool,
    settled: bool,
}

impl Attempt {
    pub(crate) fn new(mailbox: Mailbox) -> Self {
        Self { mailbox, doubt: false, progress: false, settled: false }
    }

    /// The session's mailbox. Ids hold for this session only.
    pub(crate) fn mailbox(&self) -> Mailbox {
        self.mailbox.clone()
    }

    /// Requests that only ask: they may be repeated.
    ///
    /// # Errors
    /// Those of `asking`.
    pub(crate) async fn read<T>(
        &mut self,
        asking: impl Future<Output = Result<T, MailboxError>> + Send,
    ) -> Result<T, MailboxError> {
        asking.await
    }

    /// Requests that say how something is to be: saying it twice is the same as saying it once, so they may be repeated.
    ///
    /// # Errors
    /// Those of `setting`.
    pub(crate) async fn set<T>(
        &mut self,
        setting: impl Future<Output = Result<T, MailboxError>> + Send,
    ) -> Result<T, MailboxError> {
        setting.await
    }

    /// A request whose effect must not happen twice. It is repeated only if its error proves that it was not run. It is one
    /// request: of several, the error of the last would speak for all.
    ///
    /// # Errors
    /// Those of `acting`.
    pub(crate) async fn effect<T>(
        &mut self,
        acting: impl Future<Output = Result<T, MailboxError>> + Send,
    ) -> Result<T, MailboxError> {
        let done = acting.await;
        self.doubt |= done.as_ref().is_err_and(MailboxError::may_have_run);
        done
    }

    /// An effect's outcome is unknown.
    pub(crate) fn doubt(&mut self) {
        self.doubt = true;
    }

    /// Something was achieved that stays, so that a session lost from now on does not count as one more failure to get on.
    pub(crate) fn progressed(&mut self) {
        self.progress = true;
    }

    /// What became of an effect of unknown outcome has been found out.
    pub(crate) fn settled(&mut self) {
        self.settled = true;
    }

    pub(crate) fn is_settled(&self) -> bool {
        self.settled
    }

    pub(crate) fn is_in_doubt(&self) -> bool {
        self.doubt
    }

    pub(crate) fn has_progressed(&self) -> bool {
        self.progress
    }
}
