use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use futures::stream::{self, BoxStream, StreamExt};
use mail_core::listener::client_network;
use mail_core::work::Owner;
use mail_core::{
    ChangeWatch, FetchNeed, FetchedMessage, FlagChange, FlagChangeMode, FlagSet, FolderKey, Keywords, Peer, Snapshot,
    StoreChanges,
};
use tokio::sync::watch;
use tracing::{Instrument, Span};

use crate::session::{Call, Opened, Reply};
use crate::store::{FolderStore, MailStore, StoreError, UserStore};

/// What the store gave a session.
pub(super) struct Handles {
    store: Arc<dyn MailStore>,
    user: Option<Arc<dyn UserStore>>,
    owner: Owner,
    folder: Option<Folder>,
    /// What changes in the whole mailbox, if that is watched.
    changes: Option<ChangeWatch>,
}

struct Folder {
    store: Arc<dyn FolderStore>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
}

/// What changed while nobody asked.
pub(super) enum Changed {
    /// There is a newer snapshot.
    Folder,
    /// There will be none any more.
    Gone,
    Mailbox(StoreChanges),
}

/// What a call gives.
pub(super) enum Answer {
    Reply(Reply),
    LoggedIn(Arc<dyn UserStore>),
    Opened(Arc<dyn FolderStore>),
}

/// What a call gives, in order: for all but FETCH just one. Dropping it stops the work.
pub(super) type Answers = BoxStream<'static, Answer>;

impl Handles {
    /// Until somebody logs in, the client's network is who work is done for.
    pub fn new(store: Arc<dyn MailStore>, peer: Peer) -> Self {
        let owner = Owner::new(&client_network(peer.address.ip()).to_string());
        Self { store, user: None, owner, folder: None, changes: None }
    }

    /// For whom work is done.
    pub fn owner(&self) -> Owner {
        self.owner.clone()
    }

    /// Whether there is something that can change.
    pub fn watches(&self) -> bool {
        self.folder.is_some() || self.changes.is_some()
    }

    pub fn drop_folder(&mut self) {
        self.folder = None;
    }

    /// The newest state of the selected folder.
    pub fn newest(&mut self) -> Option<Arc<Snapshot>> {
        self.folder.as_mut().map(|folder| folder.snapshots.borrow_and_update().clone())
    }

    /// Waits for a newer state of the folder, or a change in the mailbox that is watched: of the latter not before `next_look`.
    pub async fn changed(&mut self, next_look: Instant) -> Changed {
        let Self { folder, changes, .. } = self;
        let of_folder = async {
            match folder {
                Some(folder) => match folder.snapshots.changed().await {
                    Ok(()) => Changed::Folder,
                    Err(_) => Changed::Gone,
                },
                None => std::future::pending().await,
            }
        };
        let of_mailbox = async {
            match changes {
                Some(changes) => {
                    changes.changed().await;
                    tokio::time::sleep_until(next_look.into()).await;
                    Changed::Mailbox(changes.take())
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            changed = of_folder => changed,
            changed = of_mailbox => changed,
        }
    }

    /// Watches the whole mailbox, or no more.
    pub fn watch_mailbox(&mut self, watch: bool) {
        if !watch {
            self.changes = None;
        } else if self.changes.is_none() {
            self.changes = self.user.as_ref().and_then(|user| user.changes());
        }
    }

    /// Begins a call; dropping what it gives stops it.
    pub fn call(&self, peer: Peer, call: Call, span: Span) -> Answers {
        match call {
            Call::Login(credentials) => {
                let store = self.store.clone();
                once(span, async move {
                    match store.login(credentials, peer).await {
                        Ok(user) => Answer::LoggedIn(user),
                        Err(error) => Answer::Reply(Reply::Done(Err(error))),
                    }
                })
            }
            Call::Pause(duration) => once(span, async move {
                tokio::time::sleep(duration).await;
                Answer::Reply(Reply::Done(Ok(())))
            }),
            Call::Folders => {
                self.of_user(span, |user| async move { Answer::Reply(Reply::Folders(user.folders().await)) })
            }
            Call::Status { folders, items } => self.of_user(span, move |user| async move {
                Answer::Reply(Reply::Status(user.status(&folders, items).await))
            }),
            Call::Open(folder) => self.of_user(span, move |user| async move {
                match user.open(&folder).await {
                    Ok(folder) => Answer::Opened(folder),
                    Err(error) => Answer::Reply(Reply::Opened(Err(error))),
                }
            }),
            Call::Refresh => {
                self.of_folder(span, |folder| async move { Answer::Reply(Reply::Done(folder.refresh().await)) })
            }
            Call::Store { uids, change, unchanged_since } => self.of_folder(span, move |folder| async move {
                Answer::Reply(Reply::Stored(folder.store(uids, change, unchanged_since).await))
            }),
            Call::Sift { uids, keys } => self.of_folder(span, move |folder| async move {
                Answer::Reply(Reply::Sifted(folder.sift(&uids, &keys).await))
            }),
            Call::Expunged(after) => self.of_folder(span, move |folder| async move {
                Answer::Reply(Reply::Expunged(folder.expunged(after).await))
            }),
            Call::Expunge(uids) => self
                .of_folder(span, move |folder| async move { Answer::Reply(Reply::Done(folder.expunge(uids).await)) }),
            Call::Copy { uids, target, remove } => self.of_folder(span, move |folder| async move {
                Answer::Reply(Reply::Copied(folder.copy(uids, &target, remove).await))
            }),
            Call::Append { folder, message } => self.of_user(span, move |user| async move {
                Answer::Reply(Reply::Appended(user.append(&folder, *message).await))
            }),
            // The connection has what came in.
            Call::Take(_) => missing(),
            Call::Read { folder, uid_validity, uid, need } => self.of_user(span, move |user| async move {
                Answer::Reply(Reply::Read(read_message(&*user, &folder, uid_validity, uid, need).await))
            }),
            Call::TakeBack { folder, uid_validity, uids } => self.of_user(span, move |user| async move {
                Answer::Reply(Reply::Done(take_back(&*user, &folder, uid_validity, uids).await))
            }),
            Call::Create(name) => {
                self.of_user(span, move |user| async move { Answer::Reply(Reply::Done(user.create(&name).await)) })
            }
            Call::Delete(folder) => {
                self.of_user(span, move |user| async move { Answer::Reply(Reply::Done(user.delete(&folder).await)) })
            }
            Call::Rename { folder, name } => {
                self.of_user(
                    span,
                    move |user| async move { Answer::Reply(Reply::Done(user.rename(&folder, &name).await)) },
                )
            }
            Call::Subscribe { name, subscribed } => self.of_user(span, move |user| async move {
                Answer::Reply(Reply::Done(user.subscribe(&name, subscribed).await))
            }),
            Call::Metadata(folder) => self.of_user(span, |user| async move {
                Answer::Reply(Reply::Metadata(user.metadata(folder.as_ref()).await))
            }),
            Call::SetMetadata { folder, entries } => self.of_user(span, |user| async move {
                Answer::Reply(Reply::Done(user.set_metadata(folder.as_ref(), entries).await))
            }),
            Call::Quota => self.of_user(span, |user| async move { Answer::Reply(Reply::Quota(user.quota().await)) }),
            Call::Fetch { uids, need } => {
                let Some(folder) = &self.folder else { return missing() };
                let folder = folder.store.clone();
                let opened = async move { folder.fetch(uids, need).await }.instrument(span);
                let end = |result| stream::iter([Answer::Reply(Reply::FetchEnd(result))]);
                stream::once(opened)
                    .flat_map(move |opened| match opened {
                        Ok(messages) => messages
                            .map(|(uid, message)| Answer::Reply(Reply::Fetched(uid, message)))
                            .chain(end(Ok(())))
                            .boxed(),
                        Err(error) => end(Err(error)).boxed(),
                    })
                    .boxed()
            }
        }
    }

    /// Keeps what a call gave, and makes a reply of it.
    pub fn take(&mut self, answer: Answer) -> Reply {
        match answer {
            Answer::Reply(reply) => reply,
            Answer::LoggedIn(user) => {
                self.owner = user.owner();
                self.user = Some(user);
                Reply::Done(Ok(()))
            }
            Answer::Opened(store) => {
                let mut snapshots = store.watch();
                let snapshot = snapshots.borrow_and_update().clone();
                let (read_only, recent) = (store.read_only(), store.recent());
                self.folder = Some(Folder { store, snapshots });
                Reply::Opened(Ok(Opened { snapshot, read_only, recent }))
            }
        }
    }

    fn of_user<F: Future<Output = Answer> + Send + 'static>(
        &self,
        span: Span,
        call: impl FnOnce(Arc<dyn UserStore>) -> F,
    ) -> Answers {
        self.user.clone().map_or_else(missing, |user| once(span, call(user)))
    }

    fn of_folder<F: Future<Output = Answer> + Send + 'static>(
        &self,
        span: Span,
        call: impl FnOnce(Arc<dyn FolderStore>) -> F,
    ) -> Answers {
        self.folder.as_ref().map_or_else(missing, |folder| once(span, call(folder.store.clone())))
    }
}

pub(super) fn once(span: Span, answer: impl Future<Output = Answer> + Send + 'static) -> Answers {
    stream::once(answer.instrument(span)).boxed()
}

/// A message, whether or not its folder is the selected one.
async fn read_message(
    user: &dyn UserStore,
    folder: &FolderKey,
    uid_validity: Option<u32>,
    uid: u32,
    need: FetchNeed,
) -> Result<FetchedMessage, StoreError> {
    let folder = user.open(folder).await?;
    let is_there = {
        let snapshots = folder.watch();
        let snapshot = snapshots.borrow();
        uid_validity.is_none_or(|validity| validity == snapshot.uid_validity()) && snapshot.rows().get(uid).is_some()
    };
    if !is_there {
        return Err(StoreError::ExpungeIssued);
    }
    let mut messages = folder.fetch(vec![uid], need).await?;
    messages.next().await.map_or(Err(StoreError::ExpungeIssued), |(_, message)| message)
}

/// Removes messages that were stored a moment ago, whether or not their folder is the selected one.
async fn take_back(
    user: &dyn UserStore,
    folder: &FolderKey,
    uid_validity: u32,
    uids: Vec<u32>,
) -> Result<(), StoreError> {
    let folder = user.open(folder).await?;
    if folder.watch().borrow().uid_validity() != uid_validity {
        return Err(StoreError::Unavailable("the mailbox was renewed".to_owned()));
    }
    let change = FlagChange { mode: FlagChangeMode::Add, flags: FlagSet::DELETED, keywords: Keywords::EMPTY };
    folder.store(uids.clone(), change, None).await?;
    folder.expunge(uids).await
}

/// A session calls only what it was given; this answer ends its command should that not be so.
fn missing() -> Answers {
    let error = StoreError::Internal("internal error".to_owned());
    stream::iter([Answer::Reply(Reply::Done(Err(error)))]).boxed()
}
