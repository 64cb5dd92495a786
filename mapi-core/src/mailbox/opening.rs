use std::collections::VecDeque;

use crate::ErrorCode;
use crate::client::ClientError;
use crate::id::{FolderId, MessageId};
use crate::rop::{OpenMessageRequest, RequestBody, RopId};
use crate::wire::Writer;

use super::handle::Handle;
use super::link::{Answers, OnFailure};
use super::script::{Script, Slot, Ticket};
use super::{Inner, MailboxError};

/// Messages opened in the first request, when nothing is known of their answers, and in any.
const FIRST_BATCH: usize = 8;
const LARGEST_BATCH: usize = 30;
/// Bytes of answers to aim at. All answers of one Execute have 32 KiB together.
const ANSWER_GOAL: usize = 22 * 1024;
/// An answer of more than this is a large one, and one of more than that does not fit beside others.
const LARGE: usize = 2 * 1024;
const HUGE: usize = 6 * 1024;
/// Answers looked back at.
const RECENT: usize = 16;
/// Unreadable answers to a request for one message alone, before that message is given up.
const STRIKES: u32 = 2;

/// How many messages to open per Execute request.
///
/// RopOpenMessage answers with as many recipients as fit ([MS-OXCMSG] R328): two hundred fill the 32 KiB that all answers of
/// a request have together. What comes behind is then left out, or fails the whole request although its beginning ran
/// (0x47D), or the answer is unreadable (Gromox leaves RowCount unwritten where not one recipient fits). So requests are
/// planned by the sizes of the answers seen. Where these are large, or a request did overflow, messages are opened one by
/// one, each as the last operation of its request, whose answer may fill what is left: that cannot overflow. It costs a
/// request per message, and ends when the last answers were small.
///
/// An unreadable answer loses the session. The plan is to be kept and given to whoever goes on over the next one.
#[derive(Debug, Clone, Default)]
pub struct OpenPlan {
    /// Sizes of the last answers.
    recent: VecDeque<usize>,
    careful: bool,
    /// Small answers in a row, and how often requests overflowed: each time it takes twice as many to trust again.
    small: usize,
    overflows: u32,
    /// Unreadable answers while being careful.
    strikes: u32,
}

impl OpenPlan {
    /// Whether messages are opened one by one.
    pub fn is_careful(&self) -> bool {
        self.careful
    }

    /// Messages for the next request.
    fn batch(&self) -> usize {
        let Some(largest) = self.recent.iter().max() else { return FIRST_BATCH };
        let sum = self.recent.iter().sum::<usize>();
        let mean = (sum / self.recent.len().max(1)).max(1);
        (1 + ANSWER_GOAL.saturating_sub(*largest) / mean).clamp(1, LARGEST_BATCH)
    }

    /// Notes the size of the answers that a message cost.
    fn saw(&mut self, size: usize) {
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(size);
        self.small = if size > LARGE { 0 } else { self.small.saturating_add(1) };
        if self.careful {
            self.careful = self.small < RECENT << self.overflows.saturating_sub(1).min(16);
        } else if size > HUGE || self.recent.iter().sum::<usize>() > LARGE * self.recent.len() {
            self.careful = true;
            self.small = 0;
        }
    }

    /// The answers to a request did not fit, or not in a readable way.
    fn overflowed(&mut self) {
        self.careful = true;
        self.small = 0;
        self.overflows = self.overflows.saturating_add(1);
    }
}

/// What is to be done with each of many messages.
pub(super) trait Work: Sync {
    /// What one message yields.
    type Done;
    /// Names the answers of one message.
    type Sent: Send;
    /// OpenModeFlags.
    const MODE: u8;

    /// Adds the operations on message number `number`; none of them may have large answers.
    fn plan(&self, inner: &Inner, script: &mut Script<'_>, message: Slot, number: usize) -> Self::Sent;

    /// What the answers say.
    fn result(&self, answers: &Answers, sent: &Self::Sent, number: usize) -> Result<Self::Done, MailboxError>;
}

/// Messages to be opened, with their numbers, and where results go as soon as they are known.
pub(super) struct Opening<'a, W: Work> {
    pub(super) inner: &'a Inner,
    pub(super) folder: FolderId,
    pub(super) work: &'a W,
    pub(super) plan: &'a mut OpenPlan,
    pub(super) on_result: &'a mut (dyn FnMut(usize, Result<W::Done, MailboxError>) + Send),
}

impl<W: Work> Opening<'_, W> {
    /// Opens messages, does the work, and closes them. Dropping the future leaves nothing open; what was sent runs.
    ///
    /// # Errors
    /// What stops the whole run. Results that were known before have been handed out.
    pub(super) async fn run(&mut self, todo: &[(usize, MessageId)]) -> Result<(), MailboxError> {
        let mut at = 0;
        while let Some(left) = todo.get(at..).filter(|left| !left.is_empty()) {
            at += match self.plan.careful {
                true => self.one_by_one(left).await?,
                false => self.together(left).await?,
            };
        }
        Ok(())
    }

    /// Opens as many as fit. Returns how many are done.
    async fn together(&mut self, todo: &[(usize, MessageId)]) -> Result<usize, MailboxError> {
        let batch = todo.get(..self.plan.batch()).unwrap_or(todo);
        let mut script = self.inner.link.script();
        let store = script.known(&self.inner.logon);
        let mut sent = Vec::with_capacity(batch.len());
        for &(number, id) in batch {
            let (message, open) = script.open(store, self.open(id));
            let work = self.work.plan(self.inner, &mut script, message, number);
            script.release(message);
            sent.push((number, open, work, script.tickets()));
        }
        match self.inner.link.run(&mut script, OnFailure::GoOn).await {
            Ok(answers) => {
                for (number, open, work, end) in sent {
                    if answers.body(open).is_ok() {
                        self.plan.saw(size_of(&answers, open.0..end));
                    }
                    let opened = answers.body(open).map(drop);
                    (self.on_result)(number, opened.and_then(|()| self.work.result(&answers, &work, number)));
                }
                Ok(batch.len())
            }
            Err(error) => {
                let too_large = error.is_answer_too_large();
                if too_large || is_unreadable(&error) {
                    tracing::debug!(%error, messages = batch.len(), "answers did not fit: messages are opened one by one");
                    self.plan.overflowed();
                }
                if too_large { Ok(0) } else { Err(error) }
            }
        }
    }

    /// One after the other: a request finishes with the message opened before, and opens the next. Returns how many are
    /// done, when there are no more or the plan trusts in larger requests again.
    async fn one_by_one(&mut self, todo: &[(usize, MessageId)]) -> Result<usize, MailboxError> {
        let mut opened: Option<(usize, Handle, usize)> = None;
        let mut next = 0;
        let mut alone = false;
        loop {
            // Somebody's answer could not be read: whose shows if nobody shares a request.
            let combine = opened.is_none() || !(alone || self.plan.strikes > 0);
            let coming = todo.get(next).filter(|_| combine && (self.plan.careful || next == 0)).copied();
            if opened.is_none() && coming.is_none() {
                return Ok(next);
            }
            alone = false;
            let mut script = self.inner.link.script();
            let store = script.known(&self.inner.logon);
            let finishing = opened.as_ref().map(|(number, handle, _)| {
                let message = script.known(handle);
                self.work.plan(self.inner, &mut script, message, *number)
            });
            let finishing_end = script.tickets();
            let opening = coming.map(|(number, id)| (number, script.open(store, self.open(id))));
            match self.inner.link.run(&mut script, OnFailure::GoOn).await {
                Ok(answers) => {
                    // The handle is released with the next request.
                    if let (Some((number, _, open_size)), Some(sent)) = (opened.take(), finishing) {
                        self.plan.strikes = 0;
                        self.plan.saw(open_size + size_of(&answers, 0..finishing_end));
                        (self.on_result)(number, self.work.result(&answers, &sent, number));
                    }
                    let Some((number, (slot, ticket))) = opening else { continue };
                    next += 1;
                    match (answers.body(ticket), script.take(slot)) {
                        (Ok(_), Some(handle)) => {
                            opened = Some((number, handle, size_of(&answers, ticket.0..ticket.0 + 1)));
                        }
                        (Ok(_), None) => (self.on_result)(number, Err(given_up())),
                        (Err(error), _) => (self.on_result)(number, Err(error)),
                    }
                }
                Err(error) if error.is_answer_too_large() => match (opened.take(), opening) {
                    // What of it ran may run again.
                    (before @ Some(_), Some(_)) => (opened, alone) = (before, true),
                    (Some((number, ..)), None) => (self.on_result)(number, Err(error)),
                    (None, Some((number, _))) => {
                        next += 1;
                        (self.on_result)(number, Err(error));
                    }
                    (None, None) => return Err(error),
                },
                Err(error) => {
                    if is_unreadable(&error) {
                        self.plan.strikes += 1;
                        let culprit = opened.as_ref().map(|(number, ..)| *number).or(coming.map(|(number, _)| number));
                        if let (true, Some(number)) = (self.plan.strikes >= STRIKES, culprit) {
                            self.plan.strikes = 0;
                            (self.on_result)(number, Err(given_up()));
                        }
                    }
                    return Err(error);
                }
            }
        }
    }

    fn open(&self, message_id: MessageId) -> RequestBody {
        RequestBody::OpenMessage(OpenMessageRequest {
            output_handle_index: 0,
            code_page_id: OpenMessageRequest::LOGON_CODE_PAGE,
            folder_id: self.folder,
            open_mode_flags: W::MODE,
            message_id,
        })
    }
}

/// What becomes of a message whose answers cannot be read, by themselves.
fn given_up() -> MailboxError {
    MailboxError::Upstream { rop: RopId::OPEN_MESSAGE, code: ErrorCode::CORRUPT_DATA }
}

/// Whether the answer came and could not be read.
fn is_unreadable(error: &MailboxError) -> bool {
    matches!(error, MailboxError::Protocol(_) | MailboxError::Transport(ClientError::Protocol(_)))
}

/// Bytes that answers took.
fn size_of(answers: &Answers, tickets: std::ops::Range<usize>) -> usize {
    let mut writer = Writer::new();
    tickets.filter_map(|ticket| answers.answer(Ticket(ticket)).ok()).for_each(|answer| answer.encode(&mut writer));
    writer.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(sizes: impl IntoIterator<Item = usize>) -> OpenPlan {
        let mut plan = OpenPlan::default();
        sizes.into_iter().for_each(|size| plan.saw(size));
        plan
    }

    #[test]
    fn batches_follow_the_sizes_of_answers() {
        assert_eq!(OpenPlan::default().batch(), FIRST_BATCH);
        assert_eq!(seen([100; 8]).batch(), LARGEST_BATCH);
        assert!((28..=30).contains(&seen([770; 20]).batch()));
        assert_eq!(seen([2000; 20]).batch(), 11);
        let mixed = seen([500, 500, 500, 4500].into_iter().cycle().take(20));
        assert!(!mixed.is_careful() && mixed.batch() == 13, "{}", mixed.batch());
    }

    #[test]
    fn large_answers_and_overflows_make_careful_until_many_were_small() {
        assert!(seen([3000; 2]).is_careful());
        let mut plan = seen([500, 500, 500, 500, 20_000]);
        assert!(plan.is_careful());
        (0..RECENT).for_each(|_| plan.saw(500));
        assert!(!plan.is_careful());
        for wanted in [RECENT, 2 * RECENT, 4 * RECENT] {
            plan.overflowed();
            for _ in 0..wanted {
                assert!(plan.is_careful());
                plan.saw(500);
            }
            assert!(!plan.is_careful());
        }
    }
}
