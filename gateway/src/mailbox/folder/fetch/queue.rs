use std::collections::{HashMap, VecDeque};

use mail_core::FetchedMessage;
use mapi_core::id::Gid;
use tokio::sync::mpsc;

use crate::line::error::UpstreamError;
use crate::sync::MessageSource;

/// One message of a fetch.
pub type FetchedItem = (u32, Result<FetchedMessage, UpstreamError>);

/// The client went away.
pub(super) struct Stopped;

/// A message that waits for its turn.
pub(super) enum Waiting {
    /// What is told of it is known.
    Answer(Result<FetchedMessage, UpstreamError>),
    /// The upstream has to be asked for it.
    Asked(MessageSource),
}

/// Messages that are sent in this order, and what came of those that the upstream was asked for.
pub(super) struct Queue<'a> {
    sender: &'a mpsc::Sender<FetchedItem>,
    waiting: VecDeque<(u32, Waiting)>,
    fetched: HashMap<u32, Result<FetchedMessage, UpstreamError>>,
}

impl<'a> Queue<'a> {
    /// Nothing waits yet.
    pub fn new(sender: &'a mpsc::Sender<FetchedItem>) -> Self {
        Self { sender, waiting: VecDeque::new(), fetched: HashMap::new() }
    }

    /// One more message, after all others.
    pub fn push(&mut self, uid: u32, waiting: Waiting) {
        self.waiting.push_back((uid, waiting));
    }

    /// Those that the upstream is to be asked for.
    pub fn wanted(&self) -> Vec<(u32, Gid)> {
        let wanted = |(uid, waiting): &(u32, Waiting)| match waiting {
            Waiting::Asked(source) if !self.fetched.contains_key(uid) => Some((*uid, source.gid)),
            _ => None,
        };
        self.waiting.iter().filter_map(wanted).collect()
    }

    /// Whether one of those that the upstream is asked for was never rendered.
    pub fn has_unrendered(&self) -> bool {
        self.waiting.iter().any(|(_, waiting)| matches!(waiting, Waiting::Asked(source) if source.rendering.is_none()))
    }

    /// That is what came of a message.
    pub fn fetched(&mut self, uid: u32, item: Result<FetchedMessage, UpstreamError>) {
        self.fetched.insert(uid, item);
    }

    /// Looks anew at the messages of which nothing came yet.
    pub fn look_again(&mut self, look: impl Fn(u32) -> Waiting) {
        for (uid, waiting) in self.waiting.iter_mut().filter(|(uid, _)| !self.fetched.contains_key(uid)) {
            *waiting = look(*uid);
        }
    }

    /// Sends what is ready, in order.
    pub async fn emit(&mut self) -> Result<(), Stopped> {
        while let Some((uid, waiting)) = self.waiting.pop_front() {
            let item = match waiting {
                Waiting::Answer(answer) => answer,
                Waiting::Asked(_) => match self.fetched.remove(&uid) {
                    Some(item) => item,
                    None => {
                        self.waiting.push_front((uid, waiting));
                        return Ok(());
                    }
                },
            };
            self.send(uid, item).await?;
        }
        Ok(())
    }

    /// The next message, which was not ready when the others were sent.
    pub fn pop(&mut self) -> Option<(u32, Waiting)> {
        self.waiting.pop_front()
    }

    /// Sends a message that waits no more.
    pub async fn send(&self, uid: u32, item: Result<FetchedMessage, UpstreamError>) -> Result<(), Stopped> {
        self.sender.send((uid, item)).await.map_err(|_| Stopped)
    }
}
