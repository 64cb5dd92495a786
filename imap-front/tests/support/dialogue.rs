//! Drives a session without sockets or clock.

#![allow(dead_code, missing_docs, clippy::unwrap_used, reason = "test support, shared by several tests")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::{FutureExt, StreamExt};
use imap_front::frame::{Frame, Framer};
use imap_front::session::{Action, Apart, Call, Opened, Reply, Session, SessionConfig};
use imap_front::store::*;
use mail_core::*;
use tokio::sync::watch;

use crate::support::{Memory, Users};

/// Something that happens while a FETCH goes on.
pub type Interruption = Box<dyn FnOnce(&Memory)>;

/// A session, its store, and a clock that stands still unless moved.
pub struct Dialogue {
    pub session: Session,
    pub store: Arc<Memory>,
    pub now: Instant,
    /// Seconds since 1970, at `now`.
    pub time: i64,
    pub closed: bool,
    pub tls_started: bool,
    pub paused: Duration,
    framer: Framer,
    incoming: Vec<Vec<u8>>,
    arrived: Vec<Vec<u8>>,
    user: Option<Arc<dyn UserStore>>,
    folder: Option<Arc<dyn FolderStore>>,
    watch: Option<watch::Receiver<Arc<Snapshot>>>,
    changes: Option<ChangeWatch>,
    /// Run after the n-th message of a FETCH, to change things while it goes on.
    pub during_fetch: Option<Interruption>,
    /// The store takes its time: calls wait for [`Dialogue::release_calls`].
    pub hold_calls: bool,
    /// The next FETCH stops after so many messages until [`Dialogue::release_calls`].
    pub pause_fetch_after: Option<usize>,
    paused_fetch: Vec<Reply>,
    held: Vec<Call>,
    output: Vec<u8>,
}

impl Dialogue {
    pub fn new(store: Arc<Memory>, config: SessionConfig, encrypted: bool) -> Self {
        let now = Instant::now();
        let mut dialogue = Self {
            session: Session::new(Arc::new(config), encrypted, now),
            store,
            now,
            time: 0,
            closed: false,
            tls_started: false,
            paused: Duration::ZERO,
            framer: Framer::new(usize::MAX),
            incoming: Vec::new(),
            arrived: Vec::new(),
            user: None,
            folder: None,
            watch: None,
            changes: None,
            during_fetch: None,
            hold_calls: false,
            pause_fetch_after: None,
            paused_fetch: Vec::new(),
            held: Vec::new(),
            output: Vec::new(),
        };
        dialogue.run();
        dialogue
    }

    /// One that has logged in on an encrypted connection.
    pub fn logged_in(store: Arc<Memory>) -> Self {
        let mut dialogue = Self::new(store, SessionConfig::default(), true);
        dialogue.taken();
        let answer = dialogue.say("l LOGIN alice secret\r\n");
        assert!(answer.starts_with("l OK "), "{answer}");
        dialogue
    }

    /// One that has selected a folder.
    pub fn selected(store: Arc<Memory>, folder: &str) -> Self {
        let mut dialogue = Self::logged_in(store);
        let answer = dialogue.say(&format!("s SELECT \"{folder}\"\r\n"));
        assert!(answer.contains("s OK [READ-"), "{answer}");
        dialogue
    }

    /// What the server says to this.
    pub fn say(&mut self, text: &str) -> String {
        self.say_bytes(text.as_bytes())
    }

    /// The same of bytes that are no text.
    pub fn say_bytes(&mut self, bytes: &[u8]) -> String {
        self.framer.feed(bytes).unwrap();
        self.run();
        self.taken()
    }

    /// What the server has said since it was last asked for.
    pub fn taken(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.output)).into_owned()
    }

    /// Lets the session see what the store published, as the server does while it idles, or while there is nothing to do.
    pub fn publish(&mut self) -> String {
        self.show_newest();
        if let Some(changes) = &self.changes {
            self.session.mailbox_changed(changes.take());
        }
        if self.watch.as_ref().is_some_and(|watch| watch.has_changed().is_err()) {
            self.session.folder_gone();
        }
        self.run();
        self.taken()
    }

    /// Lets time pass.
    pub fn wait(&mut self, time: Duration) -> String {
        self.now += time;
        self.session.timeout(self.now);
        self.run();
        self.taken()
    }

    /// Answers the calls that were held back.
    pub fn release_calls(&mut self) -> String {
        for call in std::mem::take(&mut self.held) {
            self.call(call);
        }
        for reply in std::mem::take(&mut self.paused_fetch) {
            self.reply(reply);
            self.act();
        }
        self.run();
        self.taken()
    }

    fn show_newest(&mut self) {
        if let Some(watch) = &mut self.watch {
            let snapshot = watch.borrow_and_update().clone();
            self.session.snapshot(snapshot, self.now);
        }
    }

    fn reply(&mut self, reply: Reply) {
        self.show_newest();
        self.session.reply(reply, self.now);
    }

    fn act(&mut self) {
        while let Some(action) = self.session.next_action() {
            match action {
                Action::Send(bytes) => self.output.extend_from_slice(&bytes),
                Action::Call(call) if self.hold_calls => self.held.push(call),
                Action::Call(call) => self.call(call),
                Action::Work(work) => self.reply(Reply::Worked(Ok((work.job)()))),
                Action::StartTls => {
                    self.tls_started = true;
                    self.session.encrypted();
                }
                Action::Watch(watch) => {
                    let changes = self.user.as_ref().filter(|_| watch).and_then(|user| user.changes());
                    self.changes = if watch { self.changes.take().or(changes) } else { None };
                }
                // What is compressed is the server's part.
                Action::Compress => {}
                Action::Close => {
                    self.closed = true;
                    return;
                }
            }
        }
    }

    fn run(&mut self) {
        loop {
            self.act();
            if self.closed {
                return;
            }
            let Some(expect) = self.session.expects() else { return };
            let Some(frame) = self.framer.next(expect, self.session.frame_limits()) else { return };
            self.show_newest();
            match frame {
                Frame::Command(command) => {
                    let pipelined = self.framer.is_partial();
                    self.session.tell_time(self.time);
                    self.arrived = std::mem::take(&mut self.incoming);
                    if self.arrived.is_empty() {
                        self.session.command(&command, pipelined, self.now);
                    } else {
                        let apart = self.arrived.iter().map(|content| Apart { has_nul: content.contains(&0) });
                        self.session.append(&command, Ok(apart.collect()), pipelined, self.now);
                    }
                }
                Frame::Large { waits, .. } => {
                    self.incoming.push(Vec::new());
                    if waits {
                        self.session.literal();
                    }
                }
                Frame::Piece(piece) => self.incoming.last_mut().unwrap().extend_from_slice(&piece),
                Frame::Line(line) => self.session.line(line, self.now),
                Frame::Continue => self.session.literal(),
                Frame::Refused(refusal) => {
                    self.incoming.clear();
                    self.session.refused(&refusal);
                }
            }
        }
    }

    fn call(&mut self, call: Call) {
        let folder = || self.folder.clone().unwrap();
        let user = || self.user.clone().unwrap();
        let reply = match call {
            Call::Login(credentials) => {
                let address = ([127, 0, 0, 1], 1).into();
                let peer = Peer { address, encrypted: true };
                Reply::Done(block_on(Users(self.store.clone()).login(credentials, peer)).map(|user| {
                    self.user = Some(user);
                }))
            }
            Call::Folders => Reply::Folders(block_on(user().folders())),
            Call::Status { folders, items } => Reply::Status(block_on(user().status(&folders, items))),
            Call::Open(id) => Reply::Opened(block_on(user().open(&id)).map(|folder| {
                let watch = folder.watch();
                let snapshot = watch.borrow().clone();
                let opened = Opened { snapshot, read_only: folder.read_only(), recent: folder.recent() };
                self.watch = Some(watch);
                self.folder = Some(folder);
                opened
            })),
            Call::Refresh => Reply::Done(block_on(folder().refresh())),
            Call::Store { uids, change, unchanged_since } => {
                Reply::Stored(block_on(folder().store(uids, change, unchanged_since)))
            }
            Call::Sift { uids, keys } => Reply::Sifted(block_on(folder().sift(&uids, &keys))),
            Call::Expunged(after) => Reply::Expunged(block_on(folder().expunged(after))),
            Call::Expunge(uids) => Reply::Done(block_on(folder().expunge(uids))),
            Call::Copy { uids, target, remove } => Reply::Copied(block_on(folder().copy(uids, &target, remove))),
            Call::Append { folder, message } => Reply::Appended(block_on(user().append(&folder, *message))),
            Call::Take(number) => Reply::Taken(Ok(self.arrived[number].clone().into())),
            Call::Read { folder, uid_validity, uid, need } => {
                let folder = block_on(user().open(&folder)).unwrap();
                let right = uid_validity.is_none_or(|validity| validity == folder.watch().borrow().uid_validity());
                let mut messages = block_on(folder.fetch(vec![uid], need)).unwrap();
                let (_, message) = block_on(messages.next()).unwrap();
                Reply::Read(if right { message } else { Err(StoreError::ExpungeIssued) })
            }
            Call::TakeBack { folder, uids, .. } => {
                let folder = block_on(user().open(&folder)).unwrap();
                let flags = FlagSet::DELETED;
                let change = FlagChange { mode: FlagChangeMode::Add, flags, keywords: Keywords::EMPTY };
                let marked = block_on(folder.store(uids.clone(), change, None));
                Reply::Done(marked.and_then(|_| block_on(folder.expunge(uids))))
            }
            Call::Create(name) => Reply::Done(block_on(user().create(&name))),
            Call::Delete(folder) => Reply::Done(block_on(user().delete(&folder))),
            Call::Rename { folder, name } => Reply::Done(block_on(user().rename(&folder, &name))),
            Call::Subscribe { name, subscribed } => Reply::Done(block_on(user().subscribe(&name, subscribed))),
            Call::Metadata(folder) => Reply::Metadata(block_on(user().metadata(folder.as_ref()))),
            Call::SetMetadata { folder, entries } => {
                Reply::Done(block_on(user().set_metadata(folder.as_ref(), entries)))
            }
            Call::Quota => Reply::Quota(block_on(user().quota())),
            Call::Pause(time) => {
                self.paused += time;
                Reply::Done(Ok(()))
            }
            Call::Fetch { uids, need } => {
                let mut messages = match block_on(folder().fetch(uids, need)) {
                    Ok(messages) => messages,
                    Err(error) => return self.reply(Reply::FetchEnd(Err(error))),
                };
                let mut left = self.pause_fetch_after.take();
                while let Some((uid, message)) = block_on(messages.next()) {
                    let paused = left.as_mut().is_some_and(|left| {
                        *left = left.saturating_sub(1);
                        *left == 0
                    });
                    self.reply(Reply::Fetched(uid, message));
                    self.act();
                    if paused {
                        while let Some((uid, message)) = block_on(messages.next()) {
                            self.paused_fetch.push(Reply::Fetched(uid, message));
                        }
                        self.paused_fetch.push(Reply::FetchEnd(Ok(())));
                        return;
                    }
                    if let Some(during) = self.during_fetch.take() {
                        during(&self.store);
                    }
                }
                Reply::FetchEnd(Ok(()))
            }
        };
        self.reply(reply);
    }
}

/// The store in memory never waits.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().unwrap()
}
