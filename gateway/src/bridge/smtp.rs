use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use async_trait::async_trait;
use mail_core::message;
use mail_core::spool::SpooledMessage;
use mail_core::work::Owner;
use mail_core::{Accepts, Credentials, Peer, Secret};
use smtp_front::submit::{Address, Departure, Envelope, Grant, Recipient, Submit, SubmitError, Submitter};

use super::log;
use crate::account::Account;
use crate::account::sending::submit::Sending;
use crate::blocking::blocking;
use crate::config::SenderPolicy;
use crate::device::{self, Device, Devices, HeaderRule, Proof};
use crate::line::error::UpstreamError;
use crate::login::accounts::Accounts;
use crate::share::{COPIES, Share};

/// The accounts and devices as a submission backend.
pub struct SmtpBridge {
    accounts: Arc<Accounts>,
    /// What connections get that are still to come.
    latest: RwLock<(Arc<Devices>, Arc<Sending>)>,
}

impl SmtpBridge {
    /// Submits through `accounts` in the manner of `sending`.
    pub fn new(accounts: Arc<Accounts>, devices: Arc<Devices>, sending: Sending) -> Self {
        Self { accounts, latest: RwLock::new((devices, Arc::new(sending))) }
    }

    /// Submits for these devices and in this manner from now on. Who is logged in goes on as before.
    pub fn replace(&self, devices: Arc<Devices>, sending: Sending) {
        *self.latest.write().unwrap_or_else(PoisonError::into_inner) = (devices, Arc::new(sending));
    }

    /// The devices.
    pub fn devices(&self) -> Arc<Devices> {
        self.latest().0
    }

    fn latest(&self) -> (Arc<Devices>, Arc<Sending>) {
        self.latest.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn device(&self, device: &Arc<Device>, sending: Arc<Sending>) -> Arc<dyn Submitter> {
        let (accounts, device) = (Arc::clone(&self.accounts), Arc::clone(device));
        Arc::new(DeviceSubmitter { accounts, device, sending })
    }
}

#[async_trait]
impl Submit for SmtpBridge {
    async fn login(&self, credentials: Credentials, peer: Peer) -> Result<Arc<dyn Submitter>, SubmitError> {
        let (devices, sending) = self.latest();
        let result = match &credentials.secret {
            Secret::Password(password) => match devices.login(&credentials.user, password) {
                Some((device, true)) => {
                    log::login("smtp", "device");
                    return Ok(self.device(device, sending));
                }
                Some((_, false)) => Err(UpstreamError::NoMailbox("not the password of this device".into())),
                None => self.accounts.login(&credentials.user, password, peer.address.ip()).await,
            },
            Secret::Bearer(token) => self.accounts.login_with_token(&credentials.user, token).await,
        };
        log::login("smtp", log::outcome(&result));
        match result {
            Ok(account) => Ok(Arc::new(AccountSubmitter { account, sending })),
            Err(error) => {
                log::failed_login(&credentials.user, peer, &error);
                Err(error.into())
            }
        }
    }

    fn accepts(&self) -> Accepts {
        let (passwords, tokens) = self.accounts.accepts();
        Accepts { passwords: passwords || self.devices().have_users(), tokens }
    }

    async fn guest(&self, peer: Peer) -> Result<Arc<dyn Submitter>, SubmitError> {
        let (devices, sending) = self.latest();
        let device = devices.at(peer.address.ip()).ok_or(SubmitError::AuthenticationRequired)?;
        log::login("smtp", "device");
        Ok(self.device(device, sending))
    }
}

struct AccountSubmitter {
    account: Arc<Account>,
    sending: Arc<Sending>,
}

#[async_trait]
impl Submitter for AccountSubmitter {
    fn owner(&self) -> Owner {
        self.account.context().share().owner().clone()
    }

    async fn recipient(&self, recipient: &Recipient) -> Result<(), SubmitError> {
        check(&self.account, recipient, &self.sending).await
    }

    fn max_recipients(&self) -> usize {
        self.account.max_recipients()
    }

    async fn submit(
        &self,
        envelope: Envelope,
        message: SpooledMessage,
        departure: &Departure,
    ) -> Result<(), SubmitError> {
        let share = self.account.context().share();
        let _room = share.reserve(COPIES * message.len()).await?;
        let mailbox = self.account.context().user().to_owned();
        let rule = HeaderRule { mailbox, sender: SenderPolicy::Keep };
        let message = completed(share, message, rule).await?;
        begun(departure)?;
        submit(&self.account, envelope, message, &self.sending).await
    }
}

struct DeviceSubmitter {
    accounts: Arc<Accounts>,
    device: Arc<Device>,
    sending: Arc<Sending>,
}

impl DeviceSubmitter {
    async fn account(&self) -> Result<Arc<Account>, UpstreamError> {
        match self.device.proof() {
            Proof::Password(password) => {
                let password = Arc::clone(password);
                let (password, stamp) = blocking(move || password.now()).await?;
                self.accounts.login_with_configured_password(self.device.mailbox(), &password, stamp).await
            }
            Proof::Tokens(mailbox) => self.accounts.login_with_own_token(mailbox).await,
            Proof::Tickets(file) => self.accounts.login_with_tickets(self.device.mailbox(), file).await,
        }
    }

    async fn opened(&self) -> Result<Arc<Account>, SubmitError> {
        self.account().await.map_err(|error| {
            let device = self.device.name();
            tracing::error!(device, mailbox = self.device.mailbox(), %error, "the device's mailbox can't be opened");
            not_its_fault(error.into())
        })
    }
}

#[async_trait]
impl Submitter for DeviceSubmitter {
    fn owner(&self) -> Owner {
        self.accounts.bounds().of(self.device.mailbox()).owner().clone()
    }

    fn grant(&self) -> Grant {
        self.device.grant()
    }

    fn device(&self) -> Option<&str> {
        Some(self.device.name())
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

    async fn submit(
        &self,
        envelope: Envelope,
        message: SpooledMessage,
        departure: &Departure,
    ) -> Result<(), SubmitError> {
        let submitted = self.hand_over(envelope, message, departure).await;
        self.device.note(submitted.is_ok());
        submitted
    }
}

impl DeviceSubmitter {
    async fn hand_over(
        &self,
        envelope: Envelope,
        message: SpooledMessage,
        departure: &Departure,
    ) -> Result<(), SubmitError> {
        self.device.count(Instant::now())?;
        let share = self.accounts.bounds().of(self.device.mailbox());
        let _room = share.reserve(COPIES * message.len()).await?;
        let message = completed(&share, message, self.device.header_rule()).await?;
        let account = self.opened().await?;
        begun(departure)?;
        let submitted = submit(&account, envelope.clone(), message.clone(), &self.sending).await;
        match (submitted, self.device.proof()) {
            (Err(SubmitError::AuthenticationFailed), Proof::Tokens(_)) => {
                // The token was taken back meanwhile, and nothing handed over. There may be another.
                let account = self.opened().await?;
                submit(&account, envelope, message, &self.sending).await.map_err(not_its_fault)
            }
            (submitted, _) => submitted.map_err(not_its_fault),
        }
    }
}

/// That its mailbox is refused a device can't help, and the administrator may.
fn not_its_fault(error: SubmitError) -> SubmitError {
    match error {
        SubmitError::AuthenticationFailed => {
            SubmitError::Internal("the mail server refuses this device's mailbox".to_owned())
        }
        error => error,
    }
}

/// Refuses a recipient that certainly does not exist. Nobody is refused because it can't be told.
async fn check(account: &Account, recipient: &Recipient, sending: &Sending) -> Result<(), SubmitError> {
    if account.is_unknown(&recipient.address, sending).await {
        return Err(SubmitError::RecipientRefused("nobody in the address book has this address".to_owned()));
    }
    Ok(())
}

/// Goes on only if the client still waits.
fn begun(departure: &Departure) -> Result<(), SubmitError> {
    if departure.begin() { Ok(()) } else { Err(SubmitError::Unavailable("the client gave up".to_owned())) }
}

/// Reads a message; nobody does so again.
async fn completed(
    share: &Share,
    message: SpooledMessage,
    rule: HeaderRule,
) -> Result<Arc<message::Message>, SubmitError> {
    // What lies in a file is read, too.
    let bytes = if message.is_spooled() { u64::MAX } else { message.len() };
    let completed = share.compute(bytes, move || device::complete(message, &rule)).await;
    Ok(Arc::new(completed.map_err(SubmitError::from)??))
}

async fn submit(
    account: &Account,
    envelope: Envelope,
    message: Arc<message::Message>,
    sending: &Sending,
) -> Result<(), SubmitError> {
    let submitted = account.submit(message, envelope, sending).await;
    submitted.map_err(|error| {
        tracing::warn!(user = account.context().user(), %error, "submission failed");
        error.into()
    })
}
