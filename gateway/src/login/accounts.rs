use std::net::IpAddr;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use dashmap::{DashMap, Entry};
use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use mapi_core::auth::AuthError;
use mapi_core::id::Guid;
use mapi_core::mailbox::Mailbox;
use secrecy::SecretString;
use tokio::sync::watch;

use super::credential::{Accepted, AcceptedPasswords};
use super::fixed::FixedAccount;
use super::guard::{Denied, Guard, Verdict};
use crate::account::identity::Identity;
use crate::account::sending::sweep;
use crate::account::{Account, background};
use crate::blocking::blocking;
use crate::config::{Config, LedgerConfig};
use crate::convert::folders::FolderFilter;
use crate::ledger::{Ledger, LedgerOptions, Ledgers, Slot};
use crate::line::connector::Connector;
use crate::line::error::UpstreamError;
use crate::line::login::{Login, Proof, TicketFile};
use crate::line::settings::UpstreamSettings;
use crate::line::upstream::Upstream;
use crate::mailbox::cache::RenderingCache;
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
const FIRST_LEARN: Duration = Duration::from_secs(2);

/// All accounts of the gateway.
pub struct Accounts {
    settings: Arc<UpstreamSettings>,
    ledgers: Arc<Ledgers>,
    max_accounts: usize,
    max_message_bytes: usize,
    sessions_per_user: usize,
    render_ahead: Duration,
    filter: FolderFilter,
    keep_original_bytes: usize,
    idle: Duration,
    credentials: AcceptedPasswords,
    guard: Guard,
    fixed: Vec<FixedAccount>,
    cache: Arc<RenderingCache>,
    bounds: Bounds,
    /// By what they were proved with.
    logins: DashMap<LoginKey, KnownLogin>,
    /// Attempts under way, so that the connections a client opens at once cost one.
    attempts: DashMap<(String, [u8; 32]), Attempt>,
    /// By (identity that signed in, MailboxGuid).
    accounts: DashMap<(String, Guid), Arc<Account>>,
}

/// The login name, in lower case; for a token with its tag, as several of them are good at a time.
type LoginKey = (String, Option<[u8; 32]>);

type Attempt = Shared<BoxFuture<'static, Result<Arc<Account>, UpstreamError>>>;

struct KnownLogin {
    accepted: Accepted,
    account: Weak<Account>,
}

/// An attempt to log in. However it ends, by a panic or with its task too, nothing of it stays behind.
struct UnderWay {
    accounts: Arc<Accounts>,
    key: (String, [u8; 32]),
    admitted: Option<super::guard::Admitted>,
}

impl UnderWay {
    fn settle(&mut self, verdict: Verdict) {
        if let Some(admitted) = self.admitted.take() {
            self.accounts.guard.settle(admitted, verdict, Instant::now());
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.settle(Verdict::Unknown);
        self.accounts.attempts.remove(&self.key);
    }
}

impl Accounts {
    /// The accounts of a configuration; none is open yet.
    ///
    /// # Errors
    /// Settings of the upstream that can't be used (an unreadable CA file), passwords of accounts that can't be read.
    pub fn new(config: &Config) -> Result<Arc<Self>, crate::config::ConfigError> {
        let accounts = Arc::new(Self {
            settings: Arc::new(UpstreamSettings::new(&config.upstream)?),
            ledgers: Arc::new(ledgers(&config.ledger)),
            max_accounts: config.upstream.max_accounts,
            max_message_bytes: config.upstream.max_message_bytes,
            sessions_per_user: config.upstream.sessions_per_user,
            render_ahead: Duration::from_secs(config.upstream.render_ahead_seconds),
            filter: FolderFilter { non_mail: config.imap.show_non_mail_folders },
            keep_original_bytes: config.imap.keep_original_bytes,
            idle: Duration::from_secs(config.cache.account_idle_seconds),
            fixed: config
                .account
                .iter()
                .enumerate()
                .map(|(position, account)| FixedAccount::new(position, account))
                .collect::<Result<_, _>>()?,
            credentials: AcceptedPasswords::new(Duration::from_secs(config.cache.credential_seconds)),
            guard: Guard::new(config.upstream.wrong_passwords_per_user),
            cache: Arc::new(RenderingCache::new(config.cache.rendering_bytes)),
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

    /// Shuts down accounts that nobody has used for a while, for as long as the accounts live.
    pub async fn reap_idle(self: Arc<Self>) {
        let accounts = Arc::downgrade(&self);
        drop(self);
        loop {
            tokio::time::sleep(REAP_INTERVAL).await;
            let Some(accounts) = accounts.upgrade() else { return };
            accounts.accounts.retain(|_, account| {
                let unused = Arc::strong_count(account) == 1;
                !(unused && account.context().idle_for() >= accounts.idle)
            });
            accounts.accounts.iter().for_each(|account| account.context().upstream.close_idle());
            accounts.close_idle_ledgers();
            let now = Instant::now();
            accounts.logins.retain(|_, known| {
                known.account.strong_count() > 0 && accounts.credentials.is_recent(&known.accepted, now)
            });
        }
    }

    /// Logs a user in: from memory if the upstream accepted the same password lately and the account is open, else by
    /// opening a session with it.
    ///
    /// # Errors
    /// [`UpstreamError::Unauthorized`], [`UpstreamError::NoMailbox`], [`UpstreamError::Unreachable`], …
    pub async fn login(self: &Arc<Self>, user: &str, password: &SecretString) -> Result<Arc<Account>, UpstreamError> {
        self.login_from(user, password, None).await
    }

    /// [`Accounts::login`] of a client at `address`. Where users got in lately, wrong passwords that others try elsewhere
    /// don't keep them out.
    ///
    /// # Errors
    /// Those of [`Accounts::login`], and [`UpstreamError::TooManyAttempts`].
    pub async fn login_from(
        self: &Arc<Self>,
        user: &str,
        password: &SecretString,
        address: Option<IpAddr>,
    ) -> Result<Arc<Account>, UpstreamError> {
        for fixed in &self.fixed {
            match fixed.check(user, password) {
                Some(true) => return self.login_with_own_token(&fixed.mailbox).await,
                Some(false) => return Err(UpstreamError::NoMailbox("not the password of this [[account]]".into())),
                None => {}
            }
        }
        self.enter(Login::new(user, password.clone()), address).await
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
        self.enter(Login::with_token(user, token.clone()), None).await
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
        self.enter(Login::to_configured(user, token.clone()), None).await
    }

    /// Opens the mailbox of `user` by Kerberos, with a file that the configuration names.
    ///
    /// # Errors
    /// As [`Accounts::login`].
    pub async fn login_with_tickets(
        self: &Arc<Self>,
        user: &str,
        file: &TicketFile,
    ) -> Result<Arc<Account>, UpstreamError> {
        self.enter(Login::with_tickets(user, file.clone()), None).await
    }

    /// Whether users can log in with passwords, and whether with access tokens.
    pub fn accepts(&self) -> (bool, bool) {
        (self.settings.takes_passwords() || !self.fixed.is_empty(), self.settings.takes_tokens())
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

    async fn enter(self: &Arc<Self>, login: Login, address: Option<IpAddr>) -> Result<Arc<Account>, UpstreamError> {
        // What is a token is never taken for a password: no name has a NUL.
        let (name, secret, token) = match &login.proof {
            Proof::Password(password) => (login.user.to_lowercase(), password.clone(), false),
            Proof::Token(token) => (format!("\0{}", login.user.to_lowercase()), token.clone(), true),
            // Whoever may use the file is decided before.
            Proof::Tickets(TicketFile::Keytab(path) | TicketFile::CredentialCache(path)) => {
                let path = path.display().to_string();
                (format!("\0\0{}", login.user.to_lowercase()), SecretString::from(path), false)
            }
        };
        let secret = &secret;
        let tag = self.credentials.tag(&name, secret);
        let login_key = (name.clone(), token.then_some(tag));
        let now = Instant::now();
        let mut is_known = false;
        if let Some(known) = self.logins.get(&login_key) {
            let account = known.account.upgrade().filter(|account| !account.context().is_locked_out());
            is_known = account.is_some() && self.credentials.is_same(&known.accepted, &name, secret);
            if self.credentials.is_accepted(&known.accepted, &name, secret, now)
                && let Some(account) = account
            {
                self.guard.got_in(&account.context().user().to_lowercase(), address, now);
                account.context().touch();
                return Ok(account);
            }
        }
        let account = self.attempt(login, (name.clone(), tag), is_known, address)?.await?;
        self.guard.got_in(&account.context().user().to_lowercase(), address, now);
        let accepted = self.credentials.accept(&name, secret, Instant::now());
        self.logins.insert(login_key, KnownLogin { accepted, account: Arc::downgrade(&account) });
        account.context().touch();
        Ok(account)
    }

    /// The attempt to log in: the one that is under way, or one that is begun if the guard lets it. Tokens can't be guessed, and
    /// wrong ones lock no account.
    fn attempt(
        self: &Arc<Self>,
        login: Login,
        key: (String, [u8; 32]),
        is_known: bool,
        address: Option<IpAddr>,
    ) -> Result<Attempt, UpstreamError> {
        let token = matches!(login.proof, Proof::Token(_));
        let vacant = match self.attempts.entry(key.clone()) {
            Entry::Occupied(under_way) => return Ok(under_way.get().clone()),
            Entry::Vacant(vacant) => vacant,
        };
        let connector = Arc::new(Connector::new(Arc::clone(&self.settings), login)?);
        let who = connector.user().to_lowercase();
        let admit = || self.guard.admit(&who, key.1, is_known, address, Instant::now());
        let admitted = (!token).then(admit).transpose().map_err(|why| match why {
            Denied::Refused => UpstreamError::Unauthorized(AuthError::Refused),
            Denied::TooMany(wait) => {
                tracing::warn!(user = who, ?address, "too many wrong passwords; not passing on another");
                UpstreamError::TooManyAttempts(wait)
            }
        })?;
        let mut under_way = UnderWay { accounts: Arc::clone(self), key, admitted };
        // A task of its own: it comes to its end, and out of the map, even if every client hangs up.
        let task = tokio::spawn(async move {
            let result = Arc::clone(&under_way.accounts).open(connector).await;
            under_way.settle(match &result {
                Ok(_) => Verdict::Accepted,
                Err(UpstreamError::Unauthorized(_) | UpstreamError::NoMailbox(_)) => Verdict::Refused,
                Err(_) => Verdict::Unknown,
            });
            result
        });
        let ended = |error| UpstreamError::Internal(format!("a login task ended: {error}"));
        Ok(vacant.insert(async move { task.await.map_err(ended)? }.boxed().shared()).clone())
    }

    async fn open(self: Arc<Self>, connector: Arc<Connector>) -> Result<Arc<Account>, UpstreamError> {
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
        self.logins.clear();
        self.accounts.clear();
        let closed = futures::future::join_all(self.ledgers.watch_closing().into_iter().map(ended));
        if tokio::time::timeout(patience, closed).await.is_err() {
            tracing::info!("some ledgers could not be closed in order: their folders are in use");
        }
    }

    fn start(
        &self,
        connector: Arc<Connector>,
        mailbox: Mailbox,
        ledger: Arc<dyn Ledger>,
    ) -> (Arc<Account>, tokio::sync::watch::Receiver<()>) {
        let (max_message, keep_original) = (self.max_message_bytes, self.keep_original_bytes);
        let upstream = Arc::new(Upstream::new(connector, mailbox, self.sessions_per_user));
        let cache = Arc::clone(&self.cache);
        let context =
            MailboxContext::new(Arc::clone(&upstream), ledger, cache, max_message, keep_original, &self.bounds);
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

/// Waits for a ledger's file to be closed.
async fn ended(mut closing: watch::Receiver<()>) {
    while closing.changed().await.is_ok() {}
}

/// Disconnects a session that is not needed; nobody waits for the server's answer.
fn close_later(mailbox: Mailbox) {
    tokio::spawn(async move { mailbox.close().await });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_login_that_panics_or_is_aborted_leaves_nothing_behind() {
        let config = "[upstream]\ndomains = [\"example.test\"]\nwrong_passwords_per_user = 2\n\n\
                      [[imap.listener]]\naddress = \"127.0.0.1:0\"\ntls = \"none\"\nallow_plaintext_auth = true\n";
        let config = Config::parse(config).expect("a configuration");
        let accounts = Accounts::new(&config).expect("accounts");
        for aborts in [false, true, false, true] {
            let key = ("alice".to_owned(), [7; 32]);
            let admitted = accounts.guard.admit("alice", key.1, false, None, Instant::now()).ok();
            assert!(admitted.is_some(), "those before count no more");
            accounts.attempts.insert(key.clone(), std::future::pending().boxed().shared());
            let under_way = UnderWay { accounts: Arc::clone(&accounts), key, admitted };
            let task = tokio::spawn(async move {
                let _under_way = under_way;
                assert!(aborts, "a fault of ours");
                std::future::pending::<()>().await;
            });
            if aborts {
                tokio::task::yield_now().await;
                task.abort();
            }
            assert!(task.await.is_err());
            assert!(accounts.attempts.is_empty());
        }
    }
}
