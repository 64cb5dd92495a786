use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::{Duration, Instant};

use dashmap::DashMap;
use futures::future::{BoxFuture, Shared};
use mapi_core::id::Guid;
use mapi_core::mailbox::Mailbox;
use secrecy::SecretString;
use tokio::sync::watch;

use super::credential::{Accepted, AcceptedPasswords};
use super::file_stamp::FileStamp;
use super::fixed::FixedAccount;
use super::guard::Guard;
use super::known::Tag;
use super::moment::Moment;
use super::origin::Origin;
use super::saving;
use crate::account::identity::Identity;
use crate::account::sending::sweep;
use crate::account::{Account, background};
use crate::blocking::blocking;
use crate::config::{Config, LedgerConfig, SearchMode};
use crate::convert::folders::FolderFilter;
use crate::ledger::envelopes::{EnvelopeOptions, Envelopes};
use crate::ledger::{Ledger, LedgerOptions, Ledgers, Slot};
use crate::line::connector::Connector;
use crate::line::error::UpstreamError;
use crate::line::login::{Login, TicketFile};
use crate::line::settings::UpstreamSettings;
use crate::line::upstream::Upstream;
use crate::mailbox::cache::MessageCaches;
use crate::mailbox::context::MailboxContext;
use crate::mailbox::events;
use crate::mailbox::open_mailbox::OpenMailbox;
use crate::share::Bounds;

/// How often idle accounts are looked for.
const REAP_INTERVAL: Duration = Duration::from_secs(15);

/// How long a login waits for the file of its ledger, which was in use until just now.
const CLOSING_TIME: Duration = Duration::from_secs(10);

/// How often the upstream is asked what it offers, and how soon again at first if it doesn't say.
const LEARN_INTERVAL: Duration = Duration::from_secs(60 * 60);
/// With a smaller cache of renderings nothing is read ahead.
const LEAST_CACHE: u64 = 16 << 20;
const FIRST_LEARN: Duration = Duration::from_secs(2);

/// All accounts of the gateway.
pub struct Accounts {
    pub(super) settings: Arc<UpstreamSettings>,
    ledgers: Arc<Ledgers>,
    /// What lists of messages need, if that is kept on disk.
    envelopes: Option<Arc<Envelopes>>,
    max_accounts: usize,
    max_message_bytes: usize,
    sessions_per_user: usize,
    render_ahead: Duration,
    read_ahead_messages: usize,
    filter: FolderFilter,
    keep_original_bytes: usize,
    search: SearchMode,
    /// Accounts that nobody used for so long are shut down, and of those that nobody uses all but so many.
    pub(super) idle: Duration,
    pub(super) idle_accounts: usize,
    pub(super) credentials: AcceptedPasswords,
    pub(super) guard: Arc<Guard>,
    fixed: RwLock<Arc<[FixedAccount]>>,
    caches: Arc<MessageCaches>,
    bounds: Bounds,
    /// By what they were proved with.
    pub(super) logins: DashMap<LoginKey, KnownLogin>,
    /// Attempts under way, so that the connections a client opens at once cost one.
    pub(super) attempts: DashMap<(String, Tag), Attempt>,
    /// By (identity that signed in, MailboxGuid).
    pub(super) accounts: DashMap<(String, Guid), Arc<Account>>,
}

/// The name that is shown to the upstream, in lower case; for a token with its tag, as several of them are good at a time.
pub(super) type LoginKey = (String, Option<Tag>);

pub(super) type Attempt = Shared<BoxFuture<'static, Result<Arc<Account>, UpstreamError>>>;

pub(super) struct KnownLogin {
    pub(super) accepted: Accepted,
    pub(super) account: Weak<Account>,
}

impl Accounts {
    /// The accounts of a configuration; none is open yet. Reads from where users got in; blocks.
    ///
    /// # Errors
    /// Settings of the upstream that can't be used (an unreadable CA file), passwords of accounts that can't be read.
    pub fn new(config: &Config) -> Result<Arc<Self>, crate::config::ConfigError> {
        let accounts = Arc::new(Self {
            settings: Arc::new(UpstreamSettings::new(&config.upstream)?),
            ledgers: Arc::new(ledgers(&config.ledger)),
            envelopes: config.ledger.envelopes.then(|| Arc::new(envelopes(&config.ledger))),
            max_accounts: config.upstream.max_accounts,
            max_message_bytes: config.upstream.max_message_bytes,
            sessions_per_user: config.upstream.sessions_per_user,
            // What is read ahead has to find room in memory.
            read_ahead_messages: if config.cache.rendering_bytes < LEAST_CACHE {
                0
            } else {
                config.upstream.read_ahead_messages
            },
            render_ahead: Duration::from_secs(config.upstream.render_ahead_seconds),
            filter: FolderFilter { non_mail: config.imap.show_non_mail_folders },
            keep_original_bytes: config.imap.keep_original_bytes,
            search: config.imap.search,
            idle: Duration::from_secs(config.cache.account_idle_seconds),
            idle_accounts: config.cache.idle_accounts,
            fixed: RwLock::new(FixedAccount::all(&config.account, &[])?),
            credentials: AcceptedPasswords::new(Duration::from_secs(config.cache.credential_seconds)),
            guard: Arc::new(Guard::new(
                config.upstream.wrong_passwords_per_user,
                config.ledger.directory.clone(),
                Moment::now(),
            )),
            caches: Arc::new(MessageCaches::new(config.cache.rendering_bytes, config.cache.outline_bytes)),
            bounds: Bounds::new(config.limits.work(), config.limits.budget()),
            logins: DashMap::new(),
            attempts: DashMap::new(),
            accounts: DashMap::new(),
        });
        Ok(accounts)
    }

    /// What the work for all of them may take.
    pub fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    /// What all of them share of the upstream.
    pub fn settings(&self) -> &Arc<UpstreamSettings> {
        &self.settings
    }

    /// Those that are open.
    pub fn open_accounts(&self) -> Vec<Arc<Account>> {
        self.accounts.iter().map(|account| Arc::clone(&account)).collect()
    }

    /// What is kept of messages.
    pub fn caches(&self) -> &MessageCaches {
        &self.caches
    }

    /// The accounts behind passwords of the gateway's own.
    pub(crate) fn fixed(&self) -> Arc<[FixedAccount]> {
        Arc::clone(&self.fixed.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// From now on these are the accounts behind passwords of the gateway's own. Who is logged in stays so.
    pub(crate) fn set_fixed(&self, fixed: Arc<[FixedAccount]>) {
        *self.fixed.write().unwrap_or_else(PoisonError::into_inner) = fixed;
    }

    /// Shuts down accounts that nobody has used for a while, for as long as the accounts live.
    pub async fn reap_idle(self: Arc<Self>) {
        let accounts = Arc::downgrade(&self);
        drop(self);
        loop {
            tokio::time::sleep(REAP_INTERVAL).await;
            let Some(accounts) = accounts.upgrade() else { return };
            accounts.close_idle();
            accounts.accounts.iter().for_each(|account| account.context().upstream.close_idle());
            accounts.close_idle_ledgers();
            let now = Instant::now();
            accounts.logins.retain(|_, known| {
                known.account.strong_count() > 0 && accounts.credentials.is_recent(&known.accepted, now)
            });
        }
    }

    /// Writes from where users got in, soon after it is known, for as long as the task lives.
    pub async fn save_trust(self: Arc<Self>) {
        let guard = Arc::clone(&self.guard);
        drop(self);
        saving::keep_saved(guard).await;
    }

    /// Logs a user in whose client is at `address`: from memory if the upstream accepted the same password lately and the
    /// account is open, else by opening a session with it. Where users got in lately, wrong passwords that others try
    /// elsewhere don't keep them out.
    ///
    /// # Errors
    /// [`UpstreamError::Unauthorized`], [`UpstreamError::NoMailbox`], [`UpstreamError::Unreachable`],
    /// [`UpstreamError::TooManyAttempts`], …
    pub async fn login(
        self: &Arc<Self>,
        user: &str,
        password: &SecretString,
        address: IpAddr,
    ) -> Result<Arc<Account>, UpstreamError> {
        for fixed in self.fixed().iter() {
            match fixed.check(user, password) {
                Some(true) => return self.login_with_own_token(&fixed.mailbox).await,
                Some(false) => return Err(UpstreamError::NoMailbox("not the password of this [[account]]".into())),
                None => {}
            }
        }
        self.enter(Login::new(user, password.clone()), Origin::Client(address)).await
    }

    /// Opens the mailbox of `user` with a password of the configuration; `stamp` is the state of the file that it is from.
    /// Refused, it counts against nobody, and is not sent again for an hour unless the file has changed.
    ///
    /// # Errors
    /// As [`Accounts::login`].
    pub(crate) async fn login_with_configured_password(
        self: &Arc<Self>,
        user: &str,
        password: &SecretString,
        stamp: Option<FileStamp>,
    ) -> Result<Arc<Account>, UpstreamError> {
        self.enter(Login::new(user, password.clone()), Origin::Configuration(stamp)).await
    }

    /// Logs a user in with an access token that the upstream takes for this user's: from memory if it did so lately and the
    /// account is open. The account goes on with this token.
    ///
    /// # Errors
    /// As [`Accounts::login`].
    pub async fn login_with_token(
        self: &Arc<Self>,
        user: &str,
        token: &SecretString,
    ) -> Result<Arc<Account>, UpstreamError> {
        self.enter(Login::with_token(user, token.clone()), Origin::Token).await
    }

    /// [`Accounts::login_with_token`] to a mailbox that the configuration names, which need not be the token owner's: what its
    /// folders allow is what clients can do.
    ///
    /// # Errors
    /// As [`Accounts::login`].
    pub(crate) async fn login_to_configured(
        self: &Arc<Self>,
        user: &str,
        token: &SecretString,
    ) -> Result<Arc<Account>, UpstreamError> {
        self.enter(Login::to_configured(user, token.clone()), Origin::Token).await
    }

    /// Opens the mailbox of `user` by Kerberos, with a file that the configuration names. Refused, it is not used again for an
    /// hour unless it has changed.
    ///
    /// # Errors
    /// As [`Accounts::login`].
    pub async fn login_with_tickets(
        self: &Arc<Self>,
        user: &str,
        file: &TicketFile,
    ) -> Result<Arc<Account>, UpstreamError> {
        let (TicketFile::Keytab(path) | TicketFile::CredentialCache(path)) = file.clone();
        let stamp = blocking(move || FileStamp::of(&path)).await?;
        self.enter(Login::with_tickets(user, file.clone()), Origin::Configuration(stamp)).await
    }

    /// Whether users can log in with passwords, and whether with access tokens.
    pub fn accepts(&self) -> (bool, bool) {
        (self.settings.takes_passwords() || !self.fixed().is_empty(), self.settings.takes_tokens())
    }

    /// Asks the upstream now and then what it offers, for as long as the accounts live.
    pub async fn learn_offers(self: Arc<Self>) {
        let settings = Arc::clone(&self.settings);
        drop(self);
        let mut pause = FIRST_LEARN;
        loop {
            let learned = settings.learn_offers().await;
            tokio::time::sleep(if learned { LEARN_INTERVAL } else { pause }).await;
            pause = (pause * 2).min(LEARN_INTERVAL);
        }
    }

    pub(super) async fn open(self: Arc<Self>, connector: Arc<Connector>) -> Result<Arc<Account>, UpstreamError> {
        // Opening a session has no effect: one that got lost in between was not opened, and nothing more.
        let mailbox = connector.open(true).await.map_err(|error| match error {
            UpstreamError::OutcomeUnknown(why) => UpstreamError::Unreachable(why),
            error => error,
        })?;
        let key = (connector.identity(&mailbox), mailbox.info().mailbox_guid);
        if let Some(account) = self.known_account(&key, &connector) {
            close_later(mailbox);
            return Ok(account);
        }
        if self.accounts.len() >= self.max_accounts {
            close_later(mailbox);
            return Err(UpstreamError::Busy(format!("{} accounts are open, the configured limit", self.max_accounts)));
        }
        let ledger = match self.ledger(key.1).await {
            Ok(ledger) => ledger,
            Err(error) => {
                close_later(mailbox);
                return Err(error);
            }
        };
        // Another login of the same user may have been faster.
        if let Some(account) = self.known_account(&key, &connector) {
            close_later(mailbox);
            return Ok(account);
        }
        let (account, closed) = self.start(connector, mailbox, ledger);
        let kept = Arc::clone(&self.accounts.entry(key).or_insert_with(|| Arc::clone(&account)));
        if Arc::ptr_eq(&kept, &account) {
            sweep::start(&account, closed).await;
        }
        self.close_surplus();
        Ok(kept)
    }

    /// The account, if it is open. It goes on with its session; the new password is what it reconnects with.
    fn known_account(&self, key: &(String, Guid), connector: &Arc<Connector>) -> Option<Arc<Account>> {
        let account = self.accounts.get(key).map(|account| Arc::clone(&account))?;
        account.context().upstream.set_connector(Arc::clone(connector));
        Some(account)
    }

    /// Closes all accounts: their sessions are disconnected as soon as nobody uses them. Waits, at most `patience`, until
    /// their ledgers are closed in order. One that is not counts as cut off, and its folders go on above what may have been
    /// lost.
    pub async fn close(&self, patience: Duration) {
        saving::save(&self.guard).await;
        self.logins.clear();
        self.accounts.clear();
        let closed = futures::future::join_all(self.ledgers.watch_closing().into_iter().map(ended));
        if tokio::time::timeout(patience, closed).await.is_err() {
            tracing::info!("some ledgers could not be closed in order: their folders are in use");
        }
        if let Some(envelopes) = self.envelopes.clone() {
            let closed = tokio::task::spawn_blocking(move || envelopes.close());
            if tokio::time::timeout(patience, closed).await.is_err() {
                tracing::info!("the newest of what lists of messages need could not be written in time");
            }
        }
    }

    fn start(
        &self,
        connector: Arc<Connector>,
        mailbox: Mailbox,
        ledger: Arc<dyn Ledger>,
    ) -> (Arc<Account>, tokio::sync::watch::Receiver<()>) {
        let (max_message, keep_original, ahead) =
            (self.max_message_bytes, self.keep_original_bytes, self.read_ahead_messages);
        let upstream = Arc::new(Upstream::new(connector, mailbox, self.sessions_per_user));
        let caches = Arc::clone(&self.caches);
        let context =
            MailboxContext::new(Arc::clone(&upstream), ledger, caches, max_message, keep_original, ahead, &self.bounds);
        let context = context.with_server_searches(self.search == SearchMode::Server);
        let context = match &self.envelopes {
            Some(envelopes) => context.with_envelopes(envelopes.get(upstream.mailbox_guid())),
            None => context,
        };
        let mailbox = Arc::new(OpenMailbox::new(context, self.filter));
        tokio::spawn(events::pump(Arc::downgrade(&mailbox), mailbox.watch_closing()));
        let closing = mailbox.watch_closing();
        let account = Arc::new(Account::new(Identity::new(upstream), mailbox));
        if !self.render_ahead.is_zero() {
            let weak = Arc::downgrade(&account);
            tokio::spawn(background::render_ahead(weak, self.render_ahead, closing.clone()));
        }
        (account, closing)
    }

    async fn ledger(&self, mailbox: Guid) -> Result<Arc<dyn Ledger>, UpstreamError> {
        let deadline = tokio::time::Instant::now() + CLOSING_TIME;
        let ledger = loop {
            match self.ledgers.get(mailbox) {
                Slot::Ready(ledger) => break ledger,
                // Nobody uses it any more, but its file may not be free yet.
                Slot::Closing(closing) => {
                    let late = |_| UpstreamError::Busy("the mailbox's ledger is still being closed".into());
                    tokio::time::timeout_at(deadline, ended(closing)).await.map_err(late)?;
                }
            }
        };
        self.close_idle_ledgers();
        let waking = Arc::clone(&ledger);
        match blocking(move || waking.wake()).await? {
            Ok(()) => Ok(ledger),
            // What needs no ledger works without: whoever needs it is told.
            Err(error) if error.is_out_of_service() => {
                tracing::warn!(%mailbox, %error, "logging in without the ledger");
                Ok(ledger)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Closes files of ledgers that are not needed now, in the background.
    fn close_idle_ledgers(&self) {
        let ledgers = Arc::clone(&self.ledgers);
        tokio::task::spawn_blocking(move || ledgers.close_idle());
        if let Some(envelopes) = self.envelopes.clone() {
            tokio::task::spawn_blocking(move || envelopes.tend());
        }
    }
}

fn ledgers(config: &LedgerConfig) -> Ledgers {
    let options = LedgerOptions {
        cache_bytes: config.cache_bytes,
        tombstone_days: config.tombstone_days,
        tombstones: config.tombstones,
        ..LedgerOptions::default()
    };
    let idle = Duration::from_secs(config.idle_seconds);
    Ledgers::new(config.directory.clone(), options, idle, config.open_files)
}

fn envelopes(config: &LedgerConfig) -> Envelopes {
    let options = EnvelopeOptions { bytes: config.envelope_bytes, ..EnvelopeOptions::default() };
    let idle = Duration::from_secs(config.idle_seconds);
    Envelopes::new(config.directory.clone(), options, idle, config.open_files)
}

/// Waits for a ledger's file to be closed.
async fn ended(mut closing: watch::Receiver<()>) {
    while closing.changed().await.is_ok() {}
}

/// Disconnects a session that is not needed; nobody waits for the server's answer.
fn close_later(mailbox: Mailbox) {
    tokio::spawn(async move { mailbox.close().await });
}
