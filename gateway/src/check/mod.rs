//! Checks for administrators: step by step, whether a configuration works for a user, and whether a running gateway is
//! alive. Each step says what was found, who is to blame if it failed, and what to do next. Nothing secret is shown.

mod anonymous;
mod autodiscover;
mod certificate;
mod checked;
mod client_settings;
#[cfg(feature = "conformance")]
mod conformance;
mod connection;
mod content;
mod explain;
mod health;
mod mount;
mod notification;
mod report;
mod session;
mod step;
mod storage;

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use mapi_core::mailbox::Mailbox;

use crate::config::{Config, ConfigError};
use crate::line::connector::Connector;
use crate::line::login::Login;
use crate::line::settings::UpstreamSettings;

#[cfg(feature = "conformance")]
pub use self::conformance::{TargetError, find_target};
pub use checked::Checked;
pub use health::{HealthError, health};
pub use mount::{Durability, Mount, mount_of};
pub use report::{Finding, Report, Status, Step};

use self::report::Steps;
use self::step::{AUTODISCOVER, CLIENT_SETTINGS, CONFIGURATION, FOLDERS, LEDGER, MESSAGE, SPOOL};

/// A check under way. Call [`Check::configuration`], then [`Check::user`], [`Check::ledger`] and
/// [`Check::spool`] with what it returned, then
/// [`Check::finish`].
pub struct Check<'a> {
    steps: Steps<'a>,
}

impl<'a> Check<'a> {
    /// A check that tells `on_step` of each step as it ends.
    pub fn new(on_step: impl FnMut(&Step) + Send + 'a) -> Self {
        Self { steps: Steps::new(on_step) }
    }

    /// Reads the configuration file and what it names, as the gateway's start does. Listeners are not bound.
    pub fn configuration(&mut self, path: &Path) -> Option<Checked> {
        let began = Instant::now();
        match read(path) {
            Ok(checked) => {
                let (imap, smtp) = (checked.config.imap.listener.len(), checked.config.smtp.listener.len());
                let read = Finding::ok(format!("{}: {imap} IMAP and {smtp} SMTP listeners", path.display()));
                self.steps.record(CONFIGURATION, began, read);
                Some(checked)
            }
            Err(error) => {
                let next = "correct the configuration; the README lists every key and its default";
                let mut wrong = Finding::failed_silently(next);
                error.to_string().lines().for_each(|line| wrong.add(line));
                self.steps.record(CONFIGURATION, began, wrong);
                None
            }
        }
    }

    /// Follows the way of a user's login to the mailbox, reads in it, and has itself notified of a change.
    ///
    /// What it leaves in the mailbox: nothing. For the notification it sets a private property on the mailbox's (invisible)
    /// root folder and deletes it again.
    pub async fn user(&mut self, checked: &Checked, login: Login) {
        let began = Instant::now();
        let connector = match Connector::new(Arc::clone(&checked.settings), login) {
            Ok(connector) => connector,
            Err(error) => {
                let next = "give --user as clients will: an address in one of upstream.domains";
                return self.steps.record(AUTODISCOVER, began, Finding::failed(error.to_string(), next));
            }
        };
        let located = autodiscover::locate(&mut self.steps, &connector).await;
        if !connection::probe(&mut self.steps, checked, &connector, &located).await {
            return;
        }
        let opened = session::open(&mut self.steps, checked, &connector, located).await;
        let Some((mailbox, target)) = opened else { return };
        self.look_into(checked, &connector, &mailbox).await;
        notification::wait_for_one(&mut self.steps, &connector, &mailbox, &target).await;
        mailbox.close().await;
    }

    /// Looks where the ledger will be: whether it can be written, and whether it outlives the container or the machine's
    /// next start. No ledger is opened: a running gateway may have them open.
    pub fn ledger(&mut self, checked: &Checked) {
        let began = Instant::now();
        let found = storage::check(&checked.config.ledger.directory);
        self.steps.record(LEDGER, began, found);
    }

    /// Whether large messages find a place while they come in by SMTP.
    pub fn spool(&mut self, checked: &Checked) {
        let began = Instant::now();
        let found = if checked.config.smtp.listener.is_empty() {
            Finding::ok("not needed: there is no SMTP listener")
        } else {
            storage::check_spool(&checked.config.spool.dir)
        };
        self.steps.record(SPOOL, began, found);
    }

    /// Whether DNS tells clients where the gateway is, if the configuration says where that is.
    pub async fn client_settings(&mut self, checked: &Checked) {
        let began = Instant::now();
        let found = client_settings::check(&checked.config).await;
        self.steps.record(CLIENT_SETTINGS, began, found);
    }

    /// The report. Steps that did not come about are in it as skipped.
    pub fn finish(mut self) -> Report {
        self.steps.skip_until("");
        self.steps.into_report()
    }

    async fn look_into(&mut self, checked: &Checked, connector: &Connector, mailbox: &Mailbox) {
        let began = Instant::now();
        let found = content::folders(mailbox).await;
        self.steps.record(FOLDERS, began, found);
        let began = Instant::now();
        let found = content::newest_message(mailbox, connector, checked.config.upstream.max_message_bytes).await;
        self.steps.record(MESSAGE, began, found);
    }
}

fn read(path: &Path) -> Result<Checked, ConfigError> {
    let config = Config::load(path)?;
    if let Some(tls) = &config.tls {
        crate::tls::certified_key(tls)?;
    }
    crate::device::Devices::new(&config.smtp)?;
    let settings = Arc::new(UpstreamSettings::new(&config.upstream)?);
    Ok(Checked { config, settings })
}
