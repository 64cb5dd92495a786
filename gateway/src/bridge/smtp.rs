use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use smtp_front::submit::{Credentials, Envelope, Peer, Submit, SubmitError, Submitter};

use crate::account::{Account, Accounts};

/// The accounts as a submission backend.
pub struct SmtpBridge {
    accounts: Arc<Accounts>,
    save_sent: bool,
}

impl SmtpBridge {
    /// Submits through `accounts`; with `save_sent` the server keeps a copy in Sent Items.
    pub fn new(accounts: Arc<Accounts>, save_sent: bool) -> Self {
        Self { accounts, save_sent }
    }
}

#[async_trait]
impl Submit for SmtpBridge {
    async fn login(&self, credentials: Credentials, peer: Peer) -> Result<Arc<dyn Submitter>, SubmitError> {
        let result = self.accounts.login(&credentials.user, &credentials.password).await;
        match result {
            Ok(account) => Ok(Arc::new(AccountSubmitter { account, save_sent: self.save_sent })),
            Err(error) => {
                tracing::info!(user = %credentials.user, peer = %peer.address, %error, "SMTP login failed");
                Err(error.into())
            }
        }
    }
}

struct AccountSubmitter {
    account: Arc<Account>,
    save_sent: bool,
}

#[async_trait]
impl Submitter for AccountSubmitter {
    async fn submit(&self, envelope: Envelope, message: Bytes) -> Result<(), SubmitError> {
        let recipients: Vec<String> = envelope.recipients.iter().map(ToString::to_string).collect();
        let submitted = self.account.submit(message, recipients, self.save_sent).await;
        submitted.map_err(|error| {
            tracing::warn!(user = self.account.context().user(), %error, "submission failed");
            error.into()
        })
    }
}
