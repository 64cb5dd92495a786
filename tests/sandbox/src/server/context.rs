use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use mapi_core::http::{CookieJar, Endpoint, ResponseCode};
use tokio::sync::Notify;

use crate::session::Session;

/// Name of the cookie that tells the session context.
pub const CONTEXT_COOKIE: &str = "MapiContext";
/// Name of the cookie that changes with every request.
pub const SEQUENCE_COOKIE: &str = "MapiSequence";

/// A session context ([MS-OXCMAPIHTTP] 3.1.1.1): what lives between the requests of one client.
#[derive(Debug)]
pub struct SessionContext {
    id: String,
    /// Which user opened it.
    pub user: usize,
    endpoint: Endpoint,
    sequence: AtomicU64,
    /// The sequence as of the last Execute that was answered.
    answered: AtomicU64,
    busy: AtomicBool,
    waiting: AtomicBool,
    closed: AtomicBool,
    last_used: Mutex<Instant>,
    session: Mutex<Session>,
    /// Completes the outstanding wait when the context goes.
    pub gone: Notify,
}

/// Marks a context as busy (or waiting) until it is dropped.
#[derive(Debug)]
pub struct Claim {
    context: Arc<SessionContext>,
    wait: bool,
}

impl Drop for Claim {
    fn drop(&mut self) {
        if !self.wait {
            self.context.answered.store(self.context.sequence.load(Ordering::Acquire), Ordering::Release);
        }
        let flag = if self.wait { &self.context.waiting } else { &self.context.busy };
        flag.store(false, Ordering::Release);
        self.context.touch();
    }
}

impl SessionContext {
    /// Its objects.
    pub fn session(&self) -> MutexGuard<'_, Session> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Claims the context for one request; `None` while another one runs.
    pub fn claim(self: &Arc<Self>) -> Option<Claim> {
        let free = self.busy.compare_exchange(false, true, Ordering::AcqRel, Ordering::Acquire).is_ok();
        self.touch();
        free.then(|| Claim { context: self.clone(), wait: false })
    }

    /// Claims the one NotificationWait; `None` while another one is outstanding.
    pub fn claim_wait(self: &Arc<Self>) -> Option<Claim> {
        let free = self.waiting.compare_exchange(false, true, Ordering::AcqRel, Ordering::Acquire).is_ok();
        self.touch();
        free.then(|| Claim { context: self.clone(), wait: true })
    }

    /// Whether it was closed.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Keeps it from expiring.
    pub fn touch(&self) {
        *self.last_used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Value of the context cookie.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Value of the sequence cookie that the next request has to carry.
    pub fn sequence(&self) -> String {
        format!("{:08x}", self.sequence.load(Ordering::Acquire))
    }

    /// Value of the sequence cookie as of the last request that was answered: while another one is in flight, an old one.
    pub fn answered_sequence(&self) -> String {
        format!("{:08x}", self.answered.load(Ordering::Acquire))
    }

    /// Gives the sequence cookie its next value.
    pub fn advance(&self) {
        self.sequence.fetch_add(1, Ordering::AcqRel);
    }

    fn is_expired(&self, after: Duration) -> bool {
        let last = *self.last_used.lock().unwrap_or_else(PoisonError::into_inner);
        last.elapsed() > after && !self.busy.load(Ordering::Acquire) && !self.waiting.load(Ordering::Acquire)
    }
}

/// All session contexts.
#[derive(Debug, Default)]
pub struct Contexts {
    open: Mutex<HashMap<String, Arc<SessionContext>>>,
    opened: AtomicU64,
}

impl Contexts {
    /// Most contexts of one user at one endpoint.
    pub const PER_USER: usize = 100;

    /// Opens a context; `None` if the user has too many.
    pub fn open(&self, user: usize, endpoint: Endpoint, session: Session) -> Option<Arc<SessionContext>> {
        let number = self.opened.fetch_add(1, Ordering::Relaxed);
        // Whoever guesses a context still needs its user's password.
        let id = format!("{:016x}{number:08x}", rand::random::<u64>());
        let context = Arc::new(SessionContext {
            id: id.clone(),
            user,
            endpoint,
            sequence: AtomicU64::new(number << 16),
            answered: AtomicU64::new(number << 16),
            busy: AtomicBool::new(false),
            waiting: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            last_used: Mutex::new(Instant::now()),
            session: Mutex::new(session),
            gone: Notify::new(),
        });
        let mut open = self.lock();
        let mine = open.values().filter(|other| other.user == user && other.endpoint == endpoint).count();
        if mine >= Self::PER_USER {
            return None;
        }
        open.insert(id, context.clone());
        Some(context)
    }

    /// The context that a request's cookies name.
    ///
    /// # Errors
    /// The response code to answer with.
    pub fn find(
        &self,
        cookies: &CookieJar,
        user: usize,
        endpoint: Endpoint,
        check_sequence: bool,
    ) -> Result<Arc<SessionContext>, ResponseCode> {
        let id = cookies.get(CONTEXT_COOKIE).ok_or(ResponseCode::MISSING_COOKIE)?;
        let context = self.lock().get(id).cloned().ok_or(ResponseCode::CONTEXT_NOT_FOUND)?;
        if context.user != user {
            return Err(ResponseCode::NO_PRIVILEGE);
        }
        if context.endpoint != endpoint {
            return Err(ResponseCode::INVALID_CONTEXT_COOKIE);
        }
        if check_sequence {
            let sequence = cookies.get(SEQUENCE_COOKIE).ok_or(ResponseCode::MISSING_COOKIE)?;
            if sequence != context.sequence() {
                return Err(ResponseCode::INVALID_SEQUENCE);
            }
        }
        Ok(context)
    }

    /// Closes the context `id`, if there is one.
    pub fn close(&self, id: &str) {
        if let Some(context) = self.lock().remove(id) {
            context.closed.store(true, Ordering::Release);
            context.gone.notify_waiters();
        }
    }

    /// Closes every context: clients have to connect anew.
    pub fn close_all(&self) {
        let ids: Vec<String> = self.lock().keys().cloned().collect();
        ids.iter().for_each(|id| self.close(id));
    }

    /// Closes contexts that nobody used for `after`.
    pub fn expire(&self, after: Duration) {
        let old: Vec<String> =
            self.lock().iter().filter(|(_, context)| context.is_expired(after)).map(|(id, _)| id.clone()).collect();
        old.iter().for_each(|id| self.close(id));
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<SessionContext>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
