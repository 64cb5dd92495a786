use std::collections::VecDeque;

use crate::fasttransfer::{MessageChange, SyncEvent, SyncState, SyncStream};
use crate::id::{FolderId, Gid, ReplicaGuidSet};
use crate::property::PropertyKey;
use crate::rop::{ResponseBody, RopId};

use super::download::Download;
use super::link::{Answers, odd_answer};
use super::sync::{CHANGE_LIMITS, CONTENTS, CONTENTS_FLAGS, Sets};
use super::{Mailbox, MailboxError, SyncOutcome};

/// A contents synchronisation under way. Changes come in pages of what one request brought, some hundred messages.
pub struct ContentsSync {
    mailbox: Mailbox,
    before: SyncState,
    reading: Reading,
    download: Download,
    progress: Option<Progress>,
    next_article: Option<u32>,
}

/// What of the stream was read and not handed out.
struct Reading {
    stream: SyncStream,
    page: VecDeque<MessageChange>,
    sets: Sets,
}

/// What a client has that got everything handed out so far.
struct Progress {
    given: ReplicaGuidSet,
    seen: ReplicaGuidSet,
}

impl Mailbox {
    /// Begins a round of contents synchronisation, see [`Mailbox::sync_contents_with`]; for those who want to keep what has
    /// come so far before the rest is there.
    ///
    /// # Errors
    /// As there.
    pub async fn begin_sync_contents(
        &self,
        folder: FolderId,
        state: &SyncState,
        properties: &[PropertyKey],
    ) -> Result<ContentsSync, MailboxError> {
        let tags: Vec<_> = self.tags(properties, true).await?.into_iter().flatten().collect();
        let inner = &self.inner;
        let (script, source, article) = inner.synchronisation(folder, CONTENTS, CONTENTS_FLAGS, state, tags);
        let mut reading =
            Reading { stream: SyncStream::contents(CHANGE_LIMITS), page: VecDeque::new(), sets: Sets::default() };
        let mut next_article = None;
        let look = |answers: &Answers| {
            if let Ok(ResponseBody::GetPropertiesSpecific(got)) = answers.body(article) {
                let value = got.row.values.first().and_then(|value| value.value()?.as_i32());
                next_article = value.map(i32::cast_unsigned);
            }
        };
        let download = Download::start_and_look(inner, script, source, |bytes| reading.push(bytes), look).await?;
        let progress = Progress::of(state);
        Ok(ContentsSync { mailbox: self.clone(), before: state.clone(), reading, download, progress, next_article })
    }
}

impl ContentsSync {
    /// The next new and changed messages, in the server's order; `None` after the last ones.
    ///
    /// # Errors
    /// What came so far stays right.
    pub async fn next_page(&mut self) -> Result<Option<Vec<MessageChange>>, MailboxError> {
        while self.reading.page.is_empty() {
            if self.download.is_done() {
                return Ok(None);
            }
            let reading = &mut self.reading;
            self.download.more(&self.mailbox.inner, |bytes| reading.push(bytes)).await?;
        }
        let page: Vec<_> = self.reading.page.drain(..).collect();
        for change in &page {
            if let (Some(mid), Some(gid)) = (change.mid, change.gid()) {
                self.mailbox.inner.learn_replica(mid.replica_id, gid.replica_guid);
            }
        }
        for change in &page {
            let seen = change.change_number.and_then(|number| self.mailbox.gid_of(number));
            match (&mut self.progress, change.gid(), seen) {
                (Some(progress), Some(gid), Some(seen)) => progress.add(gid, seen),
                // The server did not tell enough of this message.
                _ => self.progress = None,
            }
        }
        Ok(Some(page))
    }

    /// The state with which another synchronisation goes on after what has been handed out, if this one is given up; `None`
    /// if the server did not tell enough.
    pub fn checkpoint(&self) -> Option<SyncState> {
        let progress = self.progress.as_ref()?;
        Some(SyncState {
            idset_given: Some(progress.given.to_bytes()),
            cnset_seen: Some(progress.seen.to_bytes()),
            ..self.before.clone()
        })
    }

    /// The rest of what the server told, after the last page.
    ///
    /// # Errors
    /// A stream that ended early.
    pub async fn finish(mut self) -> Result<SyncOutcome, MailboxError> {
        while self.next_page().await?.is_some() {}
        let inner = &self.mailbox.inner;
        let Reading { stream, mut sets, .. } = self.reading;
        stream.finish()?;
        let told = sets.state.take().ok_or_else(|| odd_answer(RopId::SYNCHRONIZATION_CONFIGURE))?;
        Ok(SyncOutcome {
            deleted: inner.global(&sets.deleted).await?,
            read: inner.global(&sets.read).await?,
            unread: inner.global(&sets.unread).await?,
            state: told.after(&self.before),
            next_article: self.next_article,
        })
    }
}

impl Reading {
    fn push(&mut self, bytes: &[u8]) -> Result<(), MailboxError> {
        self.stream.push(bytes)?;
        while let Some(event) = self.stream.next_event()? {
            match event {
                SyncEvent::Message(change) => self.page.push_back(*change),
                event => self.sets.take(event),
            }
        }
        Ok(())
    }
}

impl Progress {
    /// `None` if the state can't be read.
    fn of(state: &SyncState) -> Option<Self> {
        let seen = ReplicaGuidSet::from_bytes(state.cnset_seen.as_deref().unwrap_or_default()).ok()?;
        Some(Self { given: state.given().ok()?, seen })
    }

    fn add(&mut self, gid: Gid, seen: Gid) {
        self.given.insert(gid);
        self.seen.insert(seen);
    }
}
