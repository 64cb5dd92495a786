use std::sync::Arc;

use super::recipient_limit::RecipientLimit;
use crate::line::connector::Connector;
use crate::line::directory::{Directory, Finding};
use crate::line::error::UpstreamError;
use crate::line::upstream::Upstream;

/// Who signed in: whose sessions they are, and what the server lets them look up and send.
pub struct Identity {
    upstream: Arc<Upstream>,
    directory: Directory,
    recipient_limit: RecipientLimit,
}

impl Identity {
    /// The one whose sessions these are.
    pub(crate) fn new(upstream: Arc<Upstream>) -> Self {
        Self { upstream, directory: Directory::default(), recipient_limit: RecipientLimit::default() }
    }

    /// Its address.
    pub fn user(&self) -> &str {
        self.upstream.user()
    }

    /// Signs in.
    pub(crate) fn connector(&self) -> Arc<Connector> {
        self.upstream.connector()
    }

    /// What the address book knows of an address.
    ///
    /// # Errors
    /// An address book that can't be asked.
    pub(crate) async fn find(&self, address: &str) -> Result<Finding, UpstreamError> {
        self.directory.find(self.connector(), address).await
    }

    /// How many recipients the server takes in one message, as far as it told.
    pub(crate) fn recipient_limit(&self) -> &RecipientLimit {
        &self.recipient_limit
    }
}
