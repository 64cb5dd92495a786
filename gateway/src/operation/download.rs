use std::collections::{HashMap, HashSet};

use mapi_core::id::{Gid, MessageId};
use mapi_core::mailbox::{FetchOptions, Fetched, MailboxError};
use mapi_core::message::MessageContent;
use tokio::sync::mpsc;

use super::{Attempt, Operation};
use crate::line::kind::Kind;
use crate::line::upstream::Lane;

/// A message as it comes down: its content, or that it is too large to be served.
pub(crate) type Downloaded = (Gid, Option<Box<MessageContent>>);

/// Downloads messages; each goes into the sink as soon as it is complete, and is not downloaded again. Ends when nobody takes
/// them any more.
pub(crate) struct Download {
    folder: Gid,
    lane: Lane,
    wanted: Vec<Gid>,
    came: HashSet<Gid>,
    options: FetchOptions,
    sink: mpsc::Sender<Downloaded>,
}

impl Download {
    /// Downloads `wanted`, in the session of a lane.
    pub(crate) fn new(
        folder: Gid,
        lane: Lane,
        wanted: Vec<Gid>,
        options: FetchOptions,
        sink: mpsc::Sender<Downloaded>,
    ) -> Self {
        Self { folder, lane, wanted, came: HashSet::new(), options, sink }
    }
}

impl Operation for Download {
    type Done = ();

    fn kind(&self) -> Kind {
        Kind::Download
    }

    fn folder(&self) -> Option<Gid> {
        Some(self.folder)
    }

    fn lane(&self) -> Lane {
        self.lane
    }

    async fn run(&mut self, attempt: &mut Attempt) -> Result<(), MailboxError> {
        let mailbox = attempt.mailbox();
        let left: Vec<Gid> = self.wanted.iter().filter(|gid| !self.came.contains(gid)).copied().collect();
        attempt.read(mailbox.meet(&left)).await?;
        let gids: HashMap<MessageId, Gid> = left.iter().filter_map(|gid| Some((mailbox.id_of(*gid)?, *gid))).collect();
        let ids: Vec<MessageId> = left.iter().filter_map(|gid| mailbox.id_of(*gid)).collect();
        let folder = attempt.read(mailbox.resolve(self.folder)).await?;
        let mut fetch = mailbox.fetch_messages(folder, &ids, self.options);
        while let Some(fetched) = attempt.read(fetch.next()).await? {
            let (mid, content) = match fetched {
                Fetched::Message { mid, content, .. } => (mid, Some(content)),
                Fetched::TooLarge { mid, bytes } => {
                    tracing::warn!(%mid, bytes, "message above upstream.max_message_bytes");
                    (mid, None)
                }
                Fetched::Missing(_) => continue,
            };
            let Some(gid) = gids.get(&mid).copied().filter(|gid| self.came.insert(*gid)) else { continue };
            attempt.progressed();
            if self.sink.send((gid, content)).await.is_err() {
                return Ok(());
            }
        }
        Ok(())
    }
}
