use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use mail_core::listener::{Admission, Stream, TlsMode, stopped};
use mail_core::spool::{Disk, Spool, SpooledMessage};
use mail_core::{Credentials, Peer};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tracing::Instrument;
use zeroize::{Zeroize, Zeroizing};

use super::ServerConfig;
use super::ahead::Ahead;
use crate::session::{Action, Authentication, Session};
use crate::submit::{Address, Departure, Envelope, Grant, Recipient, Submit, SubmitError, Submitter};

/// Read at once: one TLS record.
const READ_SIZE: usize = 16 * 1024;
/// How long the end of a connection may take.
const CLOSE_TIME: Duration = Duration::from_secs(5);

/// One connection and what it needs.
pub(super) struct Connection<'a> {
    config: &'a ServerConfig,
    backend: &'a dyn Submit,
    submitter: Option<Arc<dyn Submitter>>,
    peer: Peer,
    /// Whether the client's address is its own, and not that of a proxy which speaks for itself.
    known: bool,
    message: Option<Spool>,
    shutdown: watch::Receiver<bool>,
    admission: Admission,
}

/// Why [`Connection::drive`] returned.
enum Next {
    Close,
    StartTls,
}

impl<'a> Connection<'a> {
    /// A connection of a client at `address`, or of a proxy there that names no client.
    pub(super) fn new(
        config: &'a ServerConfig,
        backend: &'a dyn Submit,
        (address, known): (SocketAddr, bool),
        shutdown: watch::Receiver<bool>,
        admission: Admission,
    ) -> Self {
        let encrypted = matches!(config.tls, TlsMode::Implicit(_));
        let peer = Peer { address, encrypted };
        Self { config, backend, submitter: None, peer, known, message: None, shutdown, admission }
    }

    /// Serves the client until one side closes.
    pub(super) async fn run(mut self, stream: TcpStream) -> io::Result<()> {
        let start = Instant::now();
        let mut policy = self.config.policy.clone();
        let accepts = self.backend.accepts();
        policy.mechanisms.retain(|mechanism| mechanism.is_accepted(accepts));
        if !self.known {
            policy.authentication = Authentication::Required;
        }
        let handshake_deadline = start + policy.login_time;
        let mut stream = Stream::Plain(stream);
        if let TlsMode::Implicit(tls) = &self.config.tls {
            stream = stream.encrypted(Arc::clone(tls), handshake_deadline, &mut self.shutdown, &self.admission).await?;
        }
        let mut session = Session::new(policy, self.peer.encrypted, start.into_std());
        while let (Next::StartTls, TlsMode::StartTls(tls)) =
            (self.drive(&mut stream, &mut session).await?, &self.config.tls)
        {
            stream = stream.encrypted(Arc::clone(tls), handshake_deadline, &mut self.shutdown, &self.admission).await?;
            self.peer.encrypted = true;
            self.submitter = None;
            session.tls_started(Instant::now().into_std());
        }
        timeout(CLOSE_TIME, stream.shutdown()).await?
    }

    /// Does what the session wants until it wants to close or to start TLS, or the client is gone.
    async fn drive(&mut self, stream: &mut Stream, session: &mut Session) -> io::Result<Next> {
        // Passwords come through it.
        let mut buffer = Zeroizing::new(vec![0; READ_SIZE]);
        let now = || Instant::now().into_std();
        let mut ahead = Ahead::default();
        let mut told_to_go = std::pin::pin!(self.admission.told_to_go());
        // When something was last read, and when the last byte of a message was that is not answered yet.
        let (mut read, mut submitted) = (Instant::now(), None);
        loop {
            while let Some(action) = session.poll(now()) {
                match action {
                    Action::Send(bytes) => {
                        self.log_refusals(&bytes);
                        count_replies(&bytes);
                        self.send(stream, &bytes).await?;
                        if let Some(read) = submitted.take() {
                            self.served(read, &bytes);
                        }
                    }
                    Action::Login(credentials) => session.login_done(self.login(credentials).await, now()),
                    Action::Guest => session.guest_done(self.guest().await, now()),
                    Action::CheckSender(sender) => session.sender_done(self.sender(sender.as_ref()).await, now()),
                    Action::CheckRecipient(to) => {
                        let checked = self.recipient(&to, session.recipients()).await;
                        session.recipient_done(checked, now());
                    }
                    Action::Store(bytes) => self.store(&bytes).await,
                    Action::Discard => self.message = None,
                    Action::Submit(envelope) => match self.submit(stream, &mut ahead, envelope).await {
                        Some(done) => {
                            submitted = Some(read);
                            session.submit_done(done, now());
                        }
                        // Nobody is there to be told.
                        None => return Ok(Next::Close),
                    },
                    Action::StartTls => return Ok(Next::StartTls),
                    Action::Close => return Ok(Next::Close),
                }
            }
            let deadline = session.deadline().map(Instant::from_std);
            tokio::select! {
                biased;
                () = stopped(&mut self.shutdown) => session.shutdown(),
                () = &mut told_to_go, if self.submitter.is_none() => {
                    tracing::info!("sent away before it logged in: too many connections, and others came");
                    session.crowded_out();
                }
                () = sleep_until(deadline) => session.timeout(),
                count = ahead.read(stream, &mut buffer) => {
                    let bytes = &mut buffer[..count?];
                    if bytes.is_empty() {
                        return Ok(Next::Close);
                    }
                    read = Instant::now();
                    session.receive(bytes, read.into_std());
                    bytes.zeroize();
                }
            }
        }
    }

    /// What a client is refused. Many a device shows it to nobody, so that the log is the only place to see it.
    fn log_refusals(&self, replies: &[u8]) {
        for reply in replies.split(|byte| *byte == b'\n').filter(|reply| matches!(reply, [b'4' | b'5', _, _, b' ', ..]))
        {
            tracing::info!(reply = %String::from_utf8_lossy(reply.trim_ascii_end()), "refused");
        }
    }

    /// Tells whoever listens how long it took from the last byte of a message until its reply was written: an event of level
    /// TRACE with the target `smtp_front::served` and the fields `user` and `micros`, and the histogram
    /// `mapi_gateway_smtp_message_seconds`.
    fn served(&self, read: Instant, reply: &[u8]) {
        let status = class(reply);
        metrics::histogram!("mapi_gateway_smtp_message_seconds", "status" => status).record(read.elapsed());
        if tracing::enabled!(target: "smtp_front::served", tracing::Level::TRACE)
            && let Some(submitter) = &self.submitter
        {
            let micros = u64::try_from(read.elapsed().as_micros()).unwrap_or(u64::MAX);
            tracing::trace!(target: "smtp_front::served", user = %submitter.owner(), micros);
        }
    }

    /// A client that doesn't read its replies is as idle as one that sends nothing.
    async fn send(&self, stream: &mut Stream, bytes: &[u8]) -> io::Result<()> {
        let write = async {
            stream.write_all(bytes).await?;
            stream.flush().await
        };
        timeout(self.config.policy.idle_time, write).await?
    }

    async fn login(&mut self, credentials: Credentials) -> Result<Grant, SubmitError> {
        let span = tracing::info_span!("command", verb = "AUTH", user = credentials.user);
        let login = self.backend.login(credentials, self.peer);
        let done = login.instrument(span).await.and_then(|submitter| {
            let owner = submitter.owner();
            if self.admission.logged_in(&owner) {
                Ok(submitter)
            } else {
                tracing::info!(user = %owner, "refused: too many connections of this user");
                Err(SubmitError::RateLimited("Too many connections of this user, try again later".to_owned()))
            }
        });
        if matches!(done, Err(SubmitError::AuthenticationFailed)) {
            tokio::time::sleep(self.config.policy.login_failure_delay).await;
        }
        let grant = self.let_in(done?);
        tracing::info!("logged in");
        Ok(grant)
    }

    async fn guest(&mut self) -> Result<Grant, SubmitError> {
        let guest = self.backend.guest(self.peer).await?;
        self.admission.let_in();
        Ok(self.let_in(guest))
    }

    fn let_in(&mut self, submitter: Arc<dyn Submitter>) -> Grant {
        let span = tracing::Span::current();
        span.record("user", tracing::field::display(submitter.owner()));
        if let Some(device) = submitter.device() {
            span.record("device", device);
        }
        self.submitter.insert(submitter).grant()
    }

    fn submitter(&self) -> Result<&dyn Submitter, SubmitError> {
        self.submitter.as_deref().ok_or_else(|| SubmitError::Internal("nobody was let in".to_owned()))
    }

    async fn sender(&self, sender: Option<&Address>) -> Result<(), SubmitError> {
        let messages = self.config.access.messages.as_ref();
        if messages.is_some_and(|messages| !messages.take(self.peer.address.ip(), Instant::now().into_std())) {
            let text = "Too many messages from your address, try again later";
            return Err(SubmitError::RateLimited(text.to_owned()));
        }
        self.submitter()?.sender(sender).await
    }

    async fn recipient(&self, recipient: &Recipient, before: usize) -> Result<(), SubmitError> {
        let submitter = self.submitter()?;
        if before >= submitter.max_recipients() {
            let why = format!(
                "the mail server takes no more than {before} recipients in one message; send to the others separately"
            );
            return Err(SubmitError::TooManyRecipients(why));
        }
        submitter.recipient(recipient).await
    }

    async fn store(&mut self, bytes: &[u8]) {
        // Nobody sends a message before he was let in.
        let Some(submitter) = &self.submitter else { return };
        let begin = || {
            let disk = Disk { budget: Arc::clone(&self.config.disk), owner: submitter.owner() };
            Spool::within(Arc::clone(&self.config.spool), disk)
        };
        self.message.get_or_insert_with(begin).push(bytes).await;
    }

    /// `None` if the client has gone before anything was handed over.
    async fn submit(
        &mut self,
        stream: &mut Stream,
        ahead: &mut Ahead,
        envelope: Envelope,
    ) -> Option<Result<(), SubmitError>> {
        let message = match self.message.take() {
            Some(spool) => match spool.finish().await {
                Ok(message) => message,
                Err(error) => {
                    tracing::error!(%error, directory = %self.config.spool.directory.display(), "no room for a message");
                    return Some(Err(SubmitError::NoSpace("Insufficient system storage".to_owned())));
                }
            },
            None => SpooledMessage::from(bytes::Bytes::new()),
        };
        let submitter = match self.submitter() {
            Ok(submitter) => submitter,
            Err(error) => return Some(Err(error)),
        };
        let (recipients, departure) = (envelope.recipients.len(), Departure::default());
        let from = envelope.sender.as_ref().map(tracing::field::display);
        let span = tracing::info_span!("command", verb = "DATA", from, recipients, bytes = message.len());
        let submission = async {
            submitter.submit(envelope, message, &departure).await?;
            tracing::info!("submission done");
            Ok(())
        };
        let mut submission = std::pin::pin!(submission.instrument(span));
        tokio::select! {
            biased;
            submitted = &mut submission => Some(submitted),
            () = ahead.gone(stream) => {
                if departure.leave() {
                    tracing::warn!("the client gave up before its message was handed over");
                    return None;
                }
                Some(submission.await)
            }
        }
    }
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// Counts replies in `mapi_gateway_smtp_replies_total`.
fn count_replies(replies: &[u8]) {
    for reply in replies.split(|byte| *byte == b'\n') {
        if let [b'2'..=b'5', b'0'..=b'9', b'0'..=b'9', b' ', ..] = reply {
            let code = String::from_utf8_lossy(reply.get(..3).unwrap_or_default()).into_owned();
            metrics::counter!("mapi_gateway_smtp_replies_total", "code" => code).increment(1);
        }
    }
}

/// What a reply says of a message (RFC 5321 4.2.1).
fn class(reply: &[u8]) -> &'static str {
    match reply.first() {
        Some(b'2') => "accepted",
        Some(b'4') => "temporary",
        _ => "refused",
    }
}
