use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use bytes::Bytes;
use smtp_front::submit::{
    Address, Credentials, Envelope, Grant, Message, Peer, Recipient, Secret, Submit, SubmitError, Submitter,
};

use crate::account::{Account, Accounts, UpstreamError};
use crate::config::SenderPolicy;
use crate::device::{self, Device, Devices, HeaderRule};

/// The accounts and devices as a submission backend.
pub struct SmtpBridge {
    accounts: Arc<Accounts>,
    devices: Arc<Devices>,
    save_sent: bool,
}

impl SmtpBridge {
    /// Submits through `accounts`; with `save_sent` the server keeps a copy in Sent Items.
    pub fn new(accounts: Arc<Accounts>, devices: Arc<Devices>, save_sent: bool) -> Self {
        Self { accounts, devices, save_sent }
    }

    fn device(&self, device: &Arc<Device>) -> Arc<dyn Submitter> {
        let (accounts, device) = (Arc::clone(&self.accounts), Arc::clone(device));
        Arc::new(DeviceSubmitter { accounts, device, save_sent: self.save_sent })
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
            Ok(account) => Ok(Arc::new(AccountSubmitter { account, save_sent: self.save_sent })),
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
    save_sent: bool,
}

#[async_trait]
impl Submitter for AccountSubmitter {
    async fn submit(&self, envelope: Envelope, message: Message) -> Result<(), SubmitError> {
        let mailbox = self.account.context().user().to_owned();
        let rule = HeaderRule { mailbox, sender: SenderPolicy::Keep };
        submit(&self.account, envelope, message, rule, self.save_sent).await
    }
}

struct DeviceSubmitter {
    accounts: Arc<Accounts>,
    device: Arc<Device>,
    save_sent: bool,
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
        self.device.recipient(recipient)
    }

    async fn submit(&self, envelope: Envelope, message: Message) -> Result<(), SubmitError> {
        self.device.count(Instant::now())?;
        let device = self.device.name();
        let login = self.accounts.login(self.device.mailbox(), self.device.password()).await;
        let account = login.map_err(|error| {
            tracing::error!(device, mailbox = self.device.mailbox(), %error, "the device's mailbox can't be opened");
            match SubmitError::from(error) {
                // The device can't help it, and the administrator may.
                SubmitError::AuthenticationFailed => {
                    SubmitError::Internal("the mail server refuses this device's mailbox".to_owned())
                }
                error => error,
            }
        })?;
        submit(&account, envelope, message, self.device.header_rule(), self.save_sent).await
    }
}

async fn submit(
    account: &Account,
    envelope: Envelope,
    message: Message,
    rule: HeaderRule,
    save_sent: bool,
) -> Result<(), SubmitError> {
    let completed = crate::account::blocking(move || device::complete(message, &rule)).await;
    let message = Bytes::from(completed.map_err(SubmitError::from)??);
    let submitted = account.submit(message.into(), envelope, save_sent).await;
    submitted.map_err(|error| {
        tracing::warn!(user = account.context().user(), %error, "submission failed");
        error.into()
    })
}
