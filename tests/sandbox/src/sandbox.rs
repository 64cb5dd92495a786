use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::fault::Signal;
use crate::server::{Auth, AuthPolicy, Counters, Listener, Service, Settings, Style, TokenIssuer, endpoint_url};
use crate::store::{Clock, SharedStore, Store, StoreResult, SystemClock, User};
use crate::{Armed, Faults, Manners, NotificationFault};
use mapi_core::message::MessageContent;

/// Builds a sandbox. `Sandbox::builder().user(…).start(addr)` is enough for a running server.
pub struct Builder {
    users: Vec<User>,
    clock: Arc<dyn Clock>,
    manners: Manners,
    settings: Settings,
    auth: AuthPolicy,
    tls: Option<TlsAcceptor>,
    snapshot: Option<PathBuf>,
}

/// A sandbox that is not running: where to begin.
#[derive(Debug)]
pub struct Sandbox;

impl Sandbox {
    /// A builder with the defaults of Exchange, the machine's clock, no users.
    pub fn builder() -> Builder {
        Builder {
            users: Vec::new(),
            clock: Arc::new(SystemClock),
            manners: Manners::default(),
            settings: Settings::default(),
            auth: AuthPolicy::default(),
            tls: None,
            snapshot: None,
        }
    }
}

impl Builder {
    /// Adds a user with an empty mailbox.
    #[must_use]
    pub fn user(mut self, address: &str, password: &str, display_name: &str) -> Self {
        self.users.push(User::new(address, password, display_name));
        self
    }

    /// Gives the last user another address.
    #[must_use]
    pub fn alias(mut self, address: &str) -> Self {
        if let Some(user) = self.users.last_mut() {
            user.aliases.push(address.to_ascii_lowercase());
        }
        self
    }

    /// Takes times from `clock`.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Sets how it differs from other servers.
    #[must_use]
    pub fn manners(mut self, manners: Manners) -> Self {
        self.manners = manners;
        self
    }

    /// Sets how it behaves towards time and connections.
    #[must_use]
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Sets how users sign in: by Basic only, unless this says otherwise.
    #[must_use]
    pub fn auth(mut self, policy: AuthPolicy) -> Self {
        self.auth = policy;
        self
    }

    /// Delays each answer by `rtt`.
    #[must_use]
    pub fn rtt(mut self, rtt: Duration) -> Self {
        self.settings.rtt = rtt;
        self
    }

    /// Encrypts connections; Autodiscover then gives out `https` URLs.
    #[must_use]
    pub fn tls(mut self, acceptor: TlsAcceptor) -> Self {
        self.tls = Some(acceptor);
        self
    }

    /// Takes in the mailboxes of a snapshot file, if it exists; [`RunningSandbox::save`] writes it.
    #[must_use]
    pub fn snapshot(mut self, path: impl Into<PathBuf>) -> Self {
        self.snapshot = Some(path.into());
        self
    }

    /// Starts the server; port 0 takes a free one.
    ///
    /// # Errors
    /// What binding says, e.g. that the port is taken; a snapshot file that cannot be read.
    pub async fn start(self, address: SocketAddr) -> io::Result<RunningSandbox> {
        let style = Style::of(&self.manners);
        let mut store = Store::new(self.clock, self.manners);
        self.users.into_iter().for_each(|user| store.add_user(user));
        let mut restored = false;
        if let Some(path) = self.snapshot.as_ref().filter(|path| path.exists()) {
            let bytes = std::fs::read(path)?;
            store.restore(&bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            restored = true;
        }
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let listener = Listener::bind(address, self.tls).await?;
        let address = listener.local_addr()?;
        let host = match &self.settings.public_host {
            Some(host) if host.contains(':') => host.clone(),
            Some(host) => format!("{host}:{}", address.port()),
            None => address.to_string(),
        };
        let service = Arc::new(Service {
            store: SharedStore::new(store),
            contexts: Default::default(),
            counters: Counters::default(),
            faults: Faults::default(),
            settings: self.settings,
            style,
            auth: Auth::new(self.auth),
            base_url: format!("{scheme}://{host}"),
        });
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(listener.run(service.clone(), stopped));
        Ok(RunningSandbox { address, service, stop, task, snapshot: self.snapshot, restored })
    }
}

/// A running sandbox. It stops when this is dropped.
pub struct RunningSandbox {
    address: SocketAddr,
    service: Arc<Service>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
    snapshot: Option<PathBuf>,
    restored: bool,
}

impl RunningSandbox {
    /// The address that it listens on.
    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    /// `http://host:port`, or `https`.
    pub fn base_url(&self) -> &str {
        &self.service.base_url
    }

    /// URL of the mailbox endpoint for a user.
    pub fn emsmdb_url(&self, address: &str) -> Option<String> {
        Some(endpoint_url(self.base_url(), "emsmdb", &self.user(address)?))
    }

    /// URL of the address book endpoint for a user.
    pub fn nspi_url(&self, address: &str) -> Option<String> {
        Some(endpoint_url(self.base_url(), "nspi", &self.user(address)?))
    }

    /// URL of the Autodiscover service.
    pub fn autodiscover_url(&self) -> String {
        format!("{}/autodiscover/autodiscover.xml", self.base_url())
    }

    /// A user.
    pub fn user(&self, address: &str) -> Option<User> {
        self.with(|store| store.user_index(address).and_then(|index| store.users().get(index)).cloned())
    }

    /// How those fared who signed in.
    pub fn auth(&self) -> &Auth {
        &self.service.auth
    }

    /// The token endpoint.
    pub fn tokens(&self) -> &TokenIssuer {
        self.service.auth.tokens()
    }

    /// URL of the token endpoint; that for device codes ends in `devicecode` instead.
    pub fn token_url(&self) -> String {
        format!("{}/oauth2/token", self.base_url())
    }

    /// Gives a user another password. Connections and session contexts stay as they are.
    pub fn set_password(&self, address: &str, password: &str) {
        self.with(|store| store.set_password(address, password));
    }

    /// What was counted.
    pub fn counters(&self) -> &Counters {
        &self.service.counters
    }

    /// How long this user's requests took so far, from when they were there until their answers were, added up; without
    /// those that wait for notifications. `None`: there is no such user.
    pub fn time_spent_on(&self, address: &str) -> Option<Duration> {
        let index = self.with(|store| store.user_index(address))?;
        Some(self.service.counters.work_of(index))
    }

    /// What goes wrong on purpose.
    pub fn faults(&self) -> &Faults {
        &self.service.faults
    }

    /// Arms a fault of notifications: the `at`-th event of that user's mailbox, 1 being the next one, is told as `fault`
    /// says to everybody who subscribed. Events are counted by [`RunningSandbox::notifications_seen`]. `None`: there is no
    /// such user.
    pub fn arm_notification(&self, address: &str, fault: NotificationFault, at: u64) -> Option<Armed> {
        let (signal, armed) = Signal::new(None);
        self.with(|store| store.mailbox_of(address).map(|mailbox| mailbox.disturb(fault, at, signal)))?;
        Some(armed)
    }

    /// How many events that are worth a notification a user's mailbox had.
    pub fn notifications_seen(&self, address: &str) -> u64 {
        self.with(|store| store.mailbox_of(address).map_or(0, |mailbox| mailbox.events().happened()))
    }

    /// Runs `work` on the store: an oracle beside the protocol, and a way to change things as another client would.
    /// Waiting clients hear of it. Keep it short, and free of waiting.
    pub fn with<R>(&self, work: impl FnOnce(&mut Store) -> R) -> R {
        self.service.store.with(work)
    }

    /// Delivers a message to a user's Inbox; returns its id.
    ///
    /// # Errors
    /// `ecUnknownUser`.
    pub fn deliver(&self, address: &str, content: MessageContent) -> StoreResult<u64> {
        self.with(|store| store.deliver(address, content))
    }

    /// Whether the mailboxes came from a snapshot file.
    pub fn is_restored(&self) -> bool {
        self.restored
    }

    /// Writes the snapshot file, if the sandbox has one; a former one is replaced only when the new one is complete.
    ///
    /// # Errors
    /// What writing says.
    pub fn save(&self) -> io::Result<()> {
        let Some(path) = &self.snapshot else { return Ok(()) };
        let bytes = self.with(|store| store.snapshot());
        let fresh = path.with_extension("new");
        std::fs::write(&fresh, bytes)?;
        std::fs::rename(&fresh, path)
    }

    /// How many session contexts are open.
    pub fn open_contexts(&self) -> usize {
        self.service.contexts.len()
    }

    /// Ends all session contexts: clients get "context not found" and have to connect anew.
    pub fn drop_contexts(&self) {
        self.service.contexts.close_all();
    }

    /// Stops the server: connections end, the port is free again.
    pub async fn shutdown(mut self) {
        self.stop.send_replace(true);
        // It ends by itself now; a task that panicked has nothing to tell.
        let _ = (&mut self.task).await;
    }
}

impl Drop for RunningSandbox {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}
