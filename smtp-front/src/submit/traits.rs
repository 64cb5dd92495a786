use std::sync::Arc;

use async_trait::async_trait;
use mail_core::spool::SpooledMessage;
use mail_core::work::Owner;
use mail_core::{Accepts, Credentials, Peer};

use super::{Address, Departure, Envelope, Recipient, SubmitError};

/// What somebody who was let in may do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Grant {
    /// The largest message in bytes, if it is less than what the listener takes.
    pub max_message: Option<u64>,
}

/// A backend that takes messages from many users.
#[async_trait]
pub trait Submit: Send + Sync + 'static {
    /// Logs a user in.
    ///
    /// # Errors
    /// [`SubmitError::AuthenticationFailed`], [`SubmitError::Unavailable`].
    async fn login(&self, credentials: Credentials, peer: Peer) -> Result<Arc<dyn Submitter>, SubmitError>;

    /// What users can log in with, asked for every connection: of the mechanisms of [`crate::session::Policy`] the others
    /// are not offered. By default everything.
    fn accepts(&self) -> Accepts {
        Accepts { passwords: true, tokens: true }
    }

    /// Lets a client in that has not logged in. It is asked only where [`crate::session::Policy::authentication`] is
    /// optional. By default nobody is let in.
    ///
    /// # Errors
    /// [`SubmitError::AuthenticationRequired`].
    async fn guest(&self, _peer: Peer) -> Result<Arc<dyn Submitter>, SubmitError> {
        Err(SubmitError::AuthenticationRequired)
    }
}

/// Somebody who was let in and sends.
#[async_trait]
pub trait Submitter: Send + Sync + 'static {
    /// What it may do. By default everything.
    fn grant(&self) -> Grant {
        Grant::default()
    }

    /// Whether it may send as this sender, `None` being the null sender, and now. By default it may.
    ///
    /// # Errors
    /// [`SubmitError::SenderDenied`], [`SubmitError::RateLimited`].
    async fn sender(&self, _sender: Option<&Address>) -> Result<(), SubmitError> {
        Ok(())
    }

    /// Whether it may send to this recipient. By default it may.
    ///
    /// # Errors
    /// [`SubmitError::RecipientDenied`], [`SubmitError::RecipientRefused`].
    async fn recipient(&self, _recipient: &Recipient) -> Result<(), SubmitError> {
        Ok(())
    }

    /// How many recipients a message may have, asked for with each; further ones are refused for this message. By default
    /// [`crate::session::Policy::max_recipients`] alone bounds it.
    fn max_recipients(&self) -> usize {
        usize::MAX
    }

    /// What logs call it if it is a device.
    fn device(&self) -> Option<&str> {
        None
    }

    /// For whom work is done: the mailbox, whoever sends through it.
    fn owner(&self) -> Owner;

    /// Sends a message. Returns only when the upstream has taken it. If the client gives up before anything is handed over
    /// (see [`Departure`]), nothing is, and the future is dropped.
    ///
    /// # Errors
    /// Any; the message was not taken then, but for [`SubmitError::OutcomeUnknown`].
    async fn submit(
        &self,
        envelope: Envelope,
        message: SpooledMessage,
        departure: &Departure,
    ) -> Result<(), SubmitError>;
}
