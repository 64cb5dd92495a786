use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use mail_core::Peer;
use mail_core::listener::{Admission, Stream, stopped};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;
use tokio_rustls::rustls;
use zeroize::{Zeroize, Zeroizing};

use super::bounds::{Arrived, Bounds, Incoming, Performed, Room};
use super::calls::{Answer, Answers, Changed, Handles, once};
use super::compression::{Inflater, PIECE, deflated};
use super::served::Served;
use crate::frame::{Frame, Framer, NO_ROOM};
use crate::session::{Action, Call, Reply, Session, SessionConfig};
use crate::store::{MailStore, StoreError};

/// So much is read at a time from a client that says much.
const READ: usize = 8 << 10;
/// And from one that says little: most connections wait for a word nearly all of the time.
const READ_LITTLE: usize = 512;
/// While a command runs no more is read if this much of the next ones is there.
const READ_AHEAD: usize = 16 << 10;
/// How often it is tried whether a client is there that sends nothing more but waits for the end of its command.
const PROBE: Duration = Duration::from_secs(2);
/// After so long without a word from the client a compressed connection keeps as little as it can.
const REST: Duration = Duration::from_secs(5);
/// Small pieces of output are put together up to this.
const WRITE: usize = 16 << 10;
/// So often it is looked at most what changed in the mailbox.
const LOOK: Duration = Duration::from_secs(1);

/// One client.
pub(super) struct Connection {
    pub stream: Stream,
    /// Set when the client asked for compression.
    pub inflater: Option<Inflater>,
    pub start_tls: Option<Arc<rustls::ServerConfig>>,
    pub store: Arc<dyn MailStore>,
    pub peer: Peer,
    pub config: Arc<SessionConfig>,
    pub write_timeout: Duration,
    pub bounds: Bounds,
    pub admission: Admission,
    pub stopping: watch::Receiver<bool>,
    /// Commands that go on are cut off.
    pub cutting: watch::Receiver<bool>,
}

/// What happened while there was nothing to do.
enum Event {
    Read(usize),
    Answer(Option<Answer>),
    Worked(Performed),
    Changed(Changed),
    Deadline,
    /// The client has sent all it will, and may have gone.
    Probe,
    /// It says nothing for now.
    Rest,
    SignedOut,
    /// The connection has to go for another one.
    ToldToGo,
    Stopping,
    CutOff,
}

impl Connection {
    /// Serves the client until one of both ends it.
    pub async fn run(mut self) -> io::Result<()> {
        let mut session = Session::new(self.config.clone(), self.peer.encrypted, Instant::now());
        let limits = &self.config.limits;
        let longest = limits.before_login.line.max(limits.after_login.line).max(READ_AHEAD);
        // A line that lacks its end, or commands ahead, and what is read to that.
        let mut framer = Framer::new(longest.saturating_add(2 + READ));
        // Passwords come through it.
        let mut buffer = Zeroizing::new(vec![0; READ_LITTLE]);
        let mut handles = Handles::new(self.store.clone(), self.peer);
        let mut answers: Option<Answers> = None;
        // What keeps the session from the next answer, and the memory that what came of it takes.
        let mut working: Option<BoxFuture<'static, Performed>> = None;
        let mut room: Option<Room> = None;
        // What the command that runs holds until it is done.
        let mut held: Vec<Room> = Vec::new();
        let mut holds = false;
        // The large messages of the command that comes in, and of the one that runs.
        let mut incoming: Option<Incoming> = None;
        let mut arrived: Option<Arrived> = None;
        let mut pending = Vec::new();
        let mut served = Served::default();
        let mut stopping = self.stopping.clone();
        let mut told_to_go = self.admission.told_to_go().boxed();
        let mut cutting = self.cutting.clone();
        let (mut ended, mut told_to_stop, mut cut_off) = (false, false, false);
        let mut sign_in: Option<watch::Receiver<bool>> = None;
        let mut next_look = Instant::now();
        loop {
            while let Some(action) = session.next_action() {
                match action {
                    Action::Send(bytes) => self.send(&mut pending, &bytes).await?,
                    Action::Call(Call::Take(number)) => {
                        let taking = self.bounds.clone().take(handles.owner(), arrived.as_ref(), number);
                        let answer = async move { Answer::Reply(Reply::Taken(taking.await)) };
                        answers = Some(once(session.span(), answer));
                    }
                    Action::Call(call) => answers = Some(handles.call(self.peer, call, session.span())),
                    Action::Work(work) => {
                        holds = work.holds;
                        let room = if holds { None } else { room.take() };
                        working = Some(self.bounds.clone().work(handles.owner(), room, work));
                    }
                    Action::Watch(watch) => handles.watch_mailbox(watch),
                    Action::StartTls => {
                        self.flush(&mut pending).await?;
                        if framer.is_partial() {
                            return Err(io::Error::other("plaintext behind STARTTLS"));
                        }
                        let Some(tls) = self.start_tls.take() else { return Err(io::Error::other("no certificate")) };
                        let deadline = Instant::now() + self.config.limits.login_timeout;
                        self.stream =
                            self.stream.encrypted(tls, deadline.into(), &mut stopping, &self.admission).await?;
                        self.peer.encrypted = true;
                        session.encrypted();
                    }
                    Action::Compress => {
                        self.flush(&mut pending).await?;
                        self.inflater = Some(Inflater::new());
                    }
                    Action::Close => {
                        self.flush(&mut pending).await?;
                        return tokio::time::timeout(self.write_timeout, self.stream.shutdown()).await?;
                    }
                }
            }
            if let Some((command, status)) = session.take_answered() {
                served.answered(command, status);
            }
            if !session.is_selected() && answers.is_none() {
                handles.drop_folder();
            }
            if answers.is_none() && working.is_none() {
                room = None;
            }
            if let Some(expect) = session.expects() {
                (held, arrived) = (Vec::new(), None);
                if let Some(frame) = framer.next(expect, session.frame_limits()) {
                    let now = Instant::now();
                    show_newest(&mut session, &mut handles, now);
                    match frame {
                        Frame::Command(command) => {
                            served.begins(now);
                            let came = match incoming.take() {
                                Some(incoming) => Some(incoming.finish().await),
                                None => None,
                            };
                            session.tell_time(unix_seconds());
                            let (pipelined, now) = (framer.is_partial(), Instant::now());
                            match came {
                                Some(Ok(came)) => {
                                    let apart = came.apart();
                                    arrived = Some(came);
                                    session.append(&command, Ok(apart), pipelined, now);
                                }
                                Some(Err(error)) => session.append(&command, Err(error), pipelined, now),
                                None => session.command(&command, pipelined, now),
                            }
                        }
                        Frame::Large { size, waits } => {
                            incoming = self.bounds.incoming(&handles.owner(), incoming.take(), size).await;
                            if incoming.is_none() {
                                framer.refuse(NO_ROOM);
                            } else if waits {
                                session.literal();
                            }
                        }
                        Frame::Piece(piece) => {
                            session.heard(now);
                            if let Some(incoming) = &mut incoming {
                                incoming.push(&piece).await;
                            }
                        }
                        Frame::Line(line) => session.line(line, now),
                        Frame::Continue => session.literal(),
                        Frame::Refused(refusal) => {
                            incoming = None;
                            session.refused(&refusal);
                        }
                    }
                    continue;
                }
                if ended {
                    return self.flush(&mut pending).await;
                }
            }
            // While messages come as fast as they are written, small ones share a write.
            let ready = match working {
                None => answers.as_mut().and_then(|answers| answers.next().now_or_never()),
                Some(_) => None,
            };
            let event = if let Some(answer) = ready {
                Event::Answer(answer)
            } else {
                self.flush(&mut pending).await?;
                served.written(|| handles.owner());
                let is_busy = answers.is_some() || working.is_some();
                let may_read = !ended && (!is_busy || framer.buffered() < READ_AHEAD);
                let watching = !is_busy && handles.watches();
                let is_between = !is_busy && !framer.is_partial();
                if let Some(inflater) = self.inflater.as_mut().filter(|_| is_between) {
                    inflater.pause();
                }
                let may_rest = is_between && self.inflater.as_ref().is_some_and(Inflater::may_rest);
                let event = tokio::select! {
                    biased;
                    worked = next_work(&mut working), if working.is_some() => Event::Worked(worked),
                    answer = next_answer(&mut answers), if working.is_none() => Event::Answer(answer),
                    () = stopped(&mut stopping), if !told_to_stop => Event::Stopping,
                    () = stopped(&mut cutting), if !cut_off => Event::CutOff,
                    read = read(&mut self.stream, &mut self.inflater, &mut buffer), if may_read => Event::Read(read?),
                    () = tokio::time::sleep(REST), if may_rest => Event::Rest,
                    () = signed_out(&mut sign_in) => Event::SignedOut,
                    () = &mut told_to_go, if !session.is_authenticated() => Event::ToldToGo,
                    changed = handles.changed(next_look), if watching => Event::Changed(changed),
                    () = sleep_until(session.deadline()) => Event::Deadline,
                    () = tokio::time::sleep(PROBE), if ended => Event::Probe,
                };
                if let Event::Read(count) = event {
                    let bytes = buffer.get_mut(..count).unwrap_or_default();
                    framer.feed(bytes).map_err(io::Error::other)?;
                    bytes.zeroize();
                    let room = match count {
                        ..=READ_LITTLE if count < buffer.len() => READ_LITTLE,
                        _ if count == buffer.len() => READ,
                        _ => buffer.len(),
                    };
                    if room != buffer.len() {
                        buffer = Zeroizing::new(vec![0; room]);
                    }
                    if !is_busy {
                        served.read(Instant::now());
                    }
                }
                event
            };
            let now = Instant::now();
            match event {
                Event::Read(count) => ended = count == 0,
                Event::Worked((taken, worked)) => {
                    working = None;
                    if std::mem::take(&mut holds) {
                        held.extend(taken);
                    } else {
                        room = taken;
                    }
                    session.reply(Reply::Worked(worked), now);
                }
                Event::Answer(answer) => {
                    room = None;
                    if let Some(Answer::LoggedIn(user)) = &answer {
                        sign_in = user.signed_out();
                        let owner = user.owner();
                        if !self.admission.logged_in(&owner) {
                            tracing::info!(user = %owner, "refused: too many connections of this user");
                            session.crowded_out(true);
                            continue;
                        }
                        tracing::Span::current().record("user", tracing::field::display(&owner));
                        tracing::info!("logged in");
                    }
                    let reply = match answer {
                        Some(answer) => handles.take(answer),
                        None => Reply::Done(Err(StoreError::Internal("internal error".to_owned()))),
                    };
                    if !matches!(reply, Reply::Fetched(..)) {
                        answers = None;
                    }
                    show_newest(&mut session, &mut handles, now);
                    session.reply(reply, now);
                }
                Event::Changed(Changed::Folder) => {
                    if session.follows() {
                        show_newest(&mut session, &mut handles, now);
                    }
                }
                Event::Changed(Changed::Mailbox(changes)) => {
                    next_look = now + LOOK;
                    session.mailbox_changed(changes);
                }
                Event::Changed(Changed::Gone) => {
                    handles.drop_folder();
                    session.folder_gone();
                }
                Event::Deadline => session.timeout(now),
                Event::Probe => session.probe(),
                Event::Rest => {
                    if let Some(inflater) = &mut self.inflater {
                        inflater.rest()?;
                    }
                }
                Event::ToldToGo => {
                    tracing::info!("sent away before it logged in: too many connections, and others came");
                    session.crowded_out(false);
                }
                Event::SignedOut => {
                    sign_in = None;
                    session.signed_out();
                }
                Event::CutOff => {
                    cut_off = true;
                    session.cut_off();
                }
                Event::Stopping => {
                    told_to_stop = true;
                    session.shutdown();
                }
            }
        }
    }

    /// Writes large pieces at once, and gathers small ones.
    async fn send(&mut self, pending: &mut Vec<u8>, bytes: &Bytes) -> io::Result<()> {
        if pending.len() + bytes.len() <= WRITE {
            pending.extend_from_slice(bytes);
            return Ok(());
        }
        self.write(pending).await?;
        pending.clear();
        self.write(bytes).await
    }

    async fn flush(&mut self, pending: &mut Vec<u8>) -> io::Result<()> {
        if !pending.is_empty() {
            self.write(pending).await?;
            // An idle connection keeps no buffer.
            *pending = Vec::new();
        }
        tokio::time::timeout(self.write_timeout, self.stream.flush()).await?
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.inflater.is_none() {
            return self.write_as_it_is(bytes).await;
        }
        for piece in bytes.chunks(PIECE) {
            self.write_as_it_is(&deflated(piece)?).await?;
        }
        Ok(())
    }

    async fn write_as_it_is(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let written = tokio::time::timeout(self.write_timeout, self.stream.write(bytes)).await??;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            bytes = bytes.get(written..).unwrap_or_default();
        }
        Ok(())
    }
}

/// Reads what the client says, decompressed where it compresses. Nothing is lost if the future is dropped.
async fn read(stream: &mut Stream, inflater: &mut Option<Inflater>, buffer: &mut [u8]) -> io::Result<usize> {
    let Some(inflater) = inflater else { return stream.read(buffer).await };
    loop {
        if inflater.has_more() {
            // However much a few bytes become, others get their turns.
            tokio::task::yield_now().await;
        }
        let count = inflater.next(buffer)?;
        if count > 0 {
            return Ok(count);
        }
        let count = stream.read(buffer).await?;
        if count == 0 {
            return Ok(0);
        }
        inflater.feed(buffer.get(..count).unwrap_or_default());
    }
}

fn unix_seconds() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

fn show_newest(session: &mut Session, handles: &mut Handles, now: Instant) {
    if let Some(snapshot) = handles.newest() {
        session.snapshot(snapshot, now);
    }
}

async fn next_work(working: &mut Option<BoxFuture<'static, Performed>>) -> Performed {
    match working {
        Some(working) => working.await,
        None => std::future::pending().await,
    }
}

async fn next_answer(answers: &mut Option<Answers>) -> Option<Answer> {
    match answers {
        Some(answers) => answers.next().await,
        None => std::future::pending().await,
    }
}

/// Waits until what the user logged in with is not valid any more.
async fn signed_out(sign_in: &mut Option<watch::Receiver<bool>>) {
    let told = match sign_in {
        Some(sign_in) => sign_in.wait_for(|out| *out).await.is_ok(),
        None => false,
    };
    if !told {
        *sign_in = None;
        std::future::pending().await
    }
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}
