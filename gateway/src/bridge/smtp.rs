use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use bytes::Bytes;
use smtp_front::submit::{
    Address, Credentials, Envelope, Grant, Message, Peer, Recipient, Secret, Submit, SubmitError, Submitter,
};

use crate::account::{Account, Accounts, Sending, UpstreamError};
use crate::config::SenderPolicy;
use crate::device::{self, Device, Devices, HeaderRule};

/// The accounts and devices as a submission backend.
pub struct SmtpBridge {
    accounts: Arc<Accounts>,
    devices: Arc<Devices>,
    sending: Arc<Sending>,
}

impl SmtpBridge {
    /// Submits through `accounts` in the manner of `sending`.
    pub fn new(accounts: Arc<Accounts>, devices: Arc<Devices>, sending: Sending) -> Self {
        Self { accounts, devices, sending: Arc::new(sending) }
    }

    fn device(&self, device: &Arc<Device>) -> Arc<dyn Submitter> {
        let (accounts, device) = (Arc::clone(&self.accounts), Arc::clone(device));
        Arc::new(DeviceSubmitter { accounts, device, sending: Arc::clone(&self.sending) })
    }
}

#[async_trait]
impl Submit for SmtpBridge {
    async fn login(&self, credentials: Credentials, peer: Peer) -> Result<Arc<dyn Submitter>, SubmitError> {
        let result = match &credentials.secret {
            Secret::Password(password) => match self.devices.login(&credentials.user, password) {
                Some((device, true)) => return Ok(self.device(device)),
                Some((_, false)) => Err(UpstreamError::NoMailbox("not the password of this device".into())),
                None => self.accounts.login(&credentials.user, password).await,
            },
            // All schemes that the upstream is spoken to with need a password.
            Secret::Bearer(_) => Err(UpstreamError::NoMailbox("a token instead of a password".into())),
        };
        match result {
            Ok(account) => Ok(Arc::new(AccountSubmitter { account, sending: Arc::clone(&self.sending) })),
            Err(error) => {
                tracing::info!(user = %credentials.user, peer = %peer.address, %error, "SMTP login failed");
                Err(error.into())
            }
        }
    }

    async fn guest(&self, peer: Peer) -> Result<Arc<dyn Submitter>, SubmitError> {
        let device = self.devices.at(peer.address.ip()).ok_or(SubmitError::AuthenticationRequired)?;
        tracing::debug!(device = device.name(), peer = %peer.address, "device let in");
        Ok(self.device(device))
    }
}

struct AccountSubmitter {
    account: Arc<Account>,
    sending: Arc<Sending>,
}

#[async_trait]
impl Submitter for AccountSubmitter {
    async fn recipient(&self, recipient: &Recipient) -> Result<(), SubmitError> {
        check(&self.account, recipient, &self.sending).await
    }

    async fn submit(&self, envelope: Envelope, message: Message) -> Result<(), SubmitError> {
        let mailbox = self.account.context().user().to_owned();
        let rule = HeaderRule { mailbox, sender: SenderPolicy::Keep };
        submit(&self.account, envelope, message, rule, &self.sending).await
    }
}

struct DeviceSubmitter {
    accounts: Arc<Accounts>,
    device: Arc<Device>,
    sending: Arc<Sending>,
}

impl DeviceSubmitter {
    async fn account(&self) -> Result<Arc<Account>, UpstreamError> {
        self.accounts.login(self.device.mailbox(), self.device.password()).await
    }
}

#[async_trait]
impl Submitter for DeviceSubmitter {
    fn grant(&self) -> Grant {
        self.device.grant()
    }

    async fn sender(&self, sender: Option<&Address>) -> Result<(), SubmitError> {
        self.device.sender(sender, Instant::now())
    }

    async fn recipient(&self, recipient: &Recipient) -> Result<(), SubmitError> {
        self.device.recipient(recipient)?;
        if !self.sending.is_own(&recipient.address) {
            return Ok(());
        }
        match self.account().await {
            Ok(account) => check(&account, recipient, &self.sending).await,
            // What is wrong is said when there is something to be sent.
            Err(_) => Ok(()),
        }
    }

    async fn submit(&self, envelope: Envelope, message: Message) -> Result<(), SubmitError> {
        self.device.count(Instant::now())?;
        let device = self.device.name();
        let account = self.account().await.map_err(|error| {
            tracing::error!(device, mailbox = self.device.mailbox(), %error, "the device's mailbox can't be opened");
            match SubmitError::from(error) {
                // The device can't help it, and the administrator may.
                SubmitError::AuthenticationFailed => {
                    SubmitError::Internal("the mail server refuses this device's mailbox".to_owned())
                }
                error => error,
            }
        })?;
        submit(&account, envelope, message, self.device.header_rule(), &self.sending).await
    }
}

/// Refuses a recipient that certainly does not exist. Nobody is refused because it can't be told.
async fn check(account: &Account, recipient: &Recipient, sending: &Sending) -> Result<(), SubmitError> {
    if account.is_unknown(&recipient.address, sending).await {
        return Err(SubmitError::RecipientRefused("nobody in the address book has this address".to_owned()));
    }
    Ok(())
}

async fn submit(
    account: &Account,
    envelope: Envelope,
    message: Message,
    rule: HeaderRule,
    sending: &Sending,
) -> Result<(), SubmitError> {
    let completed = crate::account::blocking(move || device::complete(message, &rule)).await;
    let message = Bytes::from(completed.map_err(SubmitError::from)??);
    let submitted = account.submit(message.into(), envelope, sending).await;
    submitted.map_err(|error| {
        tracing::warn!(user = account.context().user(), %error, "submission failed");
        error.into()
    })
}
