use std::collections::HashSet;

use mapi_core::id::{Gid, MessageId};
use mapi_core::mailbox::{MOVE_COPY_LIMIT, Mailbox, MailboxError};

use super::{Attempt, Doubt, Operation};
use crate::line::kind::Kind;
use crate::mutant::{self, Mutant};

/// Copies or moves messages from one folder to another, so many in one request. Each request that was answered stays done: a
/// session that is lost between two of them costs nothing.
///
/// A copy whose answer is lost stays in doubt, as nothing tells a copy from another one. A move is looked after: what is
/// still in the source was not moved, and moving it (again) can't make two of it.
pub(crate) struct Transfer {
    source: Gid,
    target: Gid,
    remove: bool,
    messages: Vec<Gid>,
    /// Messages whose requests were answered.
    done: usize,
    /// The request after these is in doubt.
    doubt: bool,
    /// What was left out was asked for once more.
    stuck: bool,
    result: Transferred,
}

/// What has come of a [`Transfer`].
#[derive(Debug, Clone, Default)]
pub(crate) struct Transferred {
    /// Old and new ids, as far as they were told.
    pub pairs: Vec<(Gid, Gid)>,
    /// Some new ids were not told, or not for certain.
    pub untold: bool,
    /// Messages that the server left out although they are there.
    pub left: Vec<Gid>,
    /// Messages that were gone when their turn came.
    pub gone: HashSet<Gid>,
}

impl Transfer {
    /// Copies `messages`, or moves them if `remove`.
    pub(crate) fn new(source: Gid, target: Gid, messages: Vec<Gid>, remove: bool) -> Self {
        let (doubt, stuck, result) = (false, false, Transferred::default());
        Self { source, target, remove, messages, done: 0, doubt, stuck, result }
    }

    /// What has come of it, whether it was performed to its end or not.
    pub(crate) fn into_result(self) -> Transferred {
        self.result
    }

    /// One request, for the messages of which `ids` knows the ids in this session.
    async fn transfer(&mut self, attempt: &mut Attempt, ids: &[(Gid, MessageId)]) -> Result<(), MailboxError> {
        let mailbox = attempt.mailbox();
        let source = attempt.read(mailbox.resolve(self.source)).await?;
        let target = attempt.read(mailbox.resolve(self.target)).await?;
        let asked: Vec<MessageId> = ids.iter().map(|(_, id)| *id).collect();
        let outcome = attempt.effect(mailbox.move_copy(source, target, &asked, !self.remove)).await?;
        let told: HashSet<MessageId> = outcome.pairs.iter().map(|(old, _)| *old).collect();
        let pair = |(old, new): &(MessageId, MessageId)| Some((mailbox.gid_of(*old)?, mailbox.gid_of(*new)?));
        let pairs: Vec<_> = outcome.pairs.iter().filter_map(pair).collect();
        self.result.untold |= !outcome.complete || pairs.len() < told.len();
        self.result.pairs.extend(pairs);
        if outcome.partial {
            self.result.left.extend(ids.iter().filter(|(_, id)| !told.contains(id)).map(|(gid, _)| *gid));
        }
        Ok(())
    }

    /// Which of these are in the source now; those that are not were moved, or removed by somebody.
    async fn present(&self, attempt: &mut Attempt, gids: &[Gid]) -> Result<HashSet<Gid>, MailboxError> {
        let mailbox = attempt.mailbox();
        let source = attempt.read(mailbox.resolve(self.source)).await?;
        let wanted: HashSet<Gid> = gids.iter().copied().collect();
        let mut found = HashSet::new();
        let there = attempt.read(mailbox.message_ids(source)).await?;
        found.extend(there.into_iter().filter_map(|id| mailbox.gid_of(id)).filter(|gid| wanted.contains(gid)));
        Ok(found)
    }

    /// What was left out is looked at: what is gone is gone; of a move the rest is tried once more, as servers leave out what
    /// stands behind a message that is gone (seen on Gromox).
    async fn look_at_left(&mut self, attempt: &mut Attempt) -> Result<(), MailboxError> {
        let left = self.result.left.clone();
        let there = self.present(attempt, &left).await?;
        attempt.settled();
        self.doubt = false;
        self.result.gone.extend(left.iter().filter(|gid| !there.contains(gid)));
        self.result.left.retain(|gid| there.contains(gid));
        if self.result.left.is_empty() || !self.remove || self.stuck {
            return Ok(());
        }
        let again = std::mem::take(&mut self.result.left);
        let ids = ids_of(&attempt.mailbox(), &again);
        if let Err(error) = self.transfer(attempt, &ids).await {
            self.result.left = again;
            return Err(error);
        }
        self.stuck = true;
        Ok(())
    }
}

impl Operation for Transfer {
    type Done = ();

    fn kind(&self) -> Kind {
        if self.remove { Kind::Move } else { Kind::Copy }
    }

    fn folder(&self) -> Option<Gid> {
        Some(self.source)
    }

    async fn run(&mut self, attempt: &mut Attempt) -> Result<(), MailboxError> {
        if mutant::is(Mutant::RepeatWhole) {
            (self.done, self.result) = (0, Transferred::default());
        }
        let mailbox = attempt.mailbox();
        while self.done < self.messages.len() {
            let end = self.messages.len().min(self.done + MOVE_COPY_LIMIT);
            let mut chunk = self.messages[self.done..end].to_vec();
            attempt.read(mailbox.meet(&chunk)).await?;
            if self.doubt {
                let there = self.present(attempt, &chunk).await?;
                attempt.settled();
                // What is not there any more was moved, as far as anybody knows; what it became is not told.
                self.result.untold |= there.len() < chunk.len();
                chunk.retain(|gid| there.contains(gid));
                self.doubt = false;
            }
            let ids = ids_of(&mailbox, &chunk);
            self.result.gone.extend(chunk.iter().filter(|gid| !ids.iter().any(|(known, _)| known == *gid)));
            if !ids.is_empty() {
                self.transfer(attempt, &ids).await?;
            }
            self.done = end;
            attempt.progressed();
        }
        while !self.result.left.is_empty() {
            let stuck = self.stuck;
            self.look_at_left(attempt).await?;
            if stuck || !self.remove {
                break;
            }
        }
        Ok(())
    }

    async fn in_doubt(&mut self, _: &Attempt, _: &MailboxError) -> Doubt {
        self.doubt = self.remove;
        self.result.untold = true;
        if self.remove { Doubt::Look } else { Doubt::Stays }
    }
}

/// The messages whose replica the server knows, with their ids in this session.
fn ids_of(mailbox: &Mailbox, gids: &[Gid]) -> Vec<(Gid, MessageId)> {
    gids.iter().filter_map(|gid| Some((*gid, mailbox.id_of(*gid)?))).collect()
}
