use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use crate::ErrorCode;
use crate::client::ClientError;
use crate::rop::{Expected, NO_HANDLE, Response, ResponseBody, ResponseBuffer, RopId, RopResponse};
use crate::wire::{WireError, WireErrorKind};

use super::handle::Garbage;
use super::hub::Hub;
use super::script::{Script, Ticket};
use super::{ExecuteChannel, ExecuteOptions, MailboxError};

/// The largest answer to ask for without announcing more.
const MAX_ROP_OUT: u32 = 0x0004_0000;
/// MaxRopOut of requests that expect small answers.
const SMALL_ROP_OUT: u32 = 0x0001_0008;
/// How long to obey RopBackoff and busy answers, per operation.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs scripts on a session: the one place where requests become Execute requests and answers are told apart.
pub(super) struct Link {
    transport: Arc<dyn ExecuteChannel>,
    /// Held while an Execute request is under way and what it brought is taken in, so that notifications arrive in order.
    turn: Arc<tokio::sync::Mutex<()>>,
    pub(super) garbage: Arc<Garbage>,
    pub(super) hub: Arc<Hub>,
    executes: Arc<AtomicU64>,
    wait: Mutex<Option<AbortHandle>>,
}

/// What to do when an operation of a script fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OnFailure {
    /// Send nothing more and report it.
    Stop,
    /// Go on; the answers tell.
    GoOn,
}

/// The answers to a script.
#[derive(Debug, Default)]
pub(super) struct Answers {
    answers: Vec<Option<RopResponse>>,
    /// Answers to repetitions of the last operation.
    pub(super) chained: Vec<RopResponse>,
    /// Payloads of the last answer.
    pub(super) payloads: usize,
    /// Bytes of all answers.
    pub(super) bytes: usize,
}

impl Answers {
    /// The answer to a step, whatever it says.
    pub(super) fn answer(&self, ticket: Ticket) -> Result<&RopResponse, MailboxError> {
        let missing = || WireError::new(0, "missing answer", WireErrorKind::Invalid(ticket.0 as u64));
        Ok(self.answers.get(ticket.0).and_then(Option::as_ref).ok_or_else(missing)?)
    }

    /// The results of a step.
    ///
    /// # Errors
    /// It failed.
    pub(super) fn body(&self, ticket: Ticket) -> Result<&ResponseBody, MailboxError> {
        let answer = self.answer(ticket)?;
        succeeded(answer)?;
        Ok(&answer.body)
    }

    /// Whether a step was answered, and not refused.
    fn has_succeeded(&self, ticket: Ticket) -> bool {
        self.answers.get(ticket.0).is_some_and(|answer| answer.as_ref().is_some_and(|a| succeeded(a).is_ok()))
    }

    /// Takes the answer of a step out.
    pub(super) fn take(&mut self, ticket: Ticket) -> Option<RopResponse> {
        self.answers.get_mut(ticket.0).and_then(Option::take)
    }
}

/// Fails with the code of a failed operation.
pub(super) fn succeeded(answer: &RopResponse) -> Result<(), MailboxError> {
    match answer.return_value {
        code if code.is_success() || code == ErrorCode::PARTIAL_COMPLETION => Ok(()),
        code => Err(MailboxError::Upstream { rop: answer.rop_id, code }),
    }
}

/// The error for an answer that is not of the kind its ROP asks for.
pub(super) fn odd_answer(rop: RopId) -> MailboxError {
    MailboxError::Protocol(WireError::new(0, rop.name(), WireErrorKind::Invalid(rop.0.into())))
}

impl Link {
    pub(super) fn new(transport: Arc<dyn ExecuteChannel>) -> Self {
        Self {
            transport,
            turn: Arc::default(),
            garbage: Arc::default(),
            hub: Arc::default(),
            executes: Arc::default(),
            wait: Mutex::new(None),
        }
    }

    pub(super) fn script<'a>(&self) -> Script<'a> {
        Script::new(Arc::clone(&self.garbage))
    }

    /// Execute requests sent so far.
    pub(super) fn executes(&self) -> u64 {
        self.executes.load(Ordering::Relaxed)
    }

    /// Sees to it that a wait for notifications is under way; the hub hears of its end. It goes on if whoever asked for it
    /// loses interest, as breaking it off would cost its connection.
    pub(super) fn keep_waiting(&self) {
        if !self.hub.begin_wait() {
            return;
        }
        let (transport, hub) = (Arc::clone(&self.transport), Arc::clone(&self.hub));
        let task = tokio::spawn(async move { hub.end_wait(transport.wait().await) });
        *self.wait.lock().unwrap_or_else(PoisonError::into_inner) = Some(task.abort_handle());
    }

    /// Ends the session context and the wait for notifications; says whether the server has ended it, too.
    pub(super) async fn close(&self) -> bool {
        if let Some(wait) = self.wait.lock().unwrap_or_else(PoisonError::into_inner).take() {
            wait.abort();
        }
        self.transport.close().await
    }

    /// Fetches the notifications that the server has, unless somebody else's request fetches them first.
    pub(super) async fn drain(&self) -> Result<(), MailboxError> {
        while self.hub.backlog.is_waiting() {
            self.poll(true).await?;
        }
        Ok(())
    }

    /// An empty Execute, which fetches notifications; with `if_waiting` only if there are any as far as is known.
    pub(super) async fn poll(&self, if_waiting: bool) -> Result<(), MailboxError> {
        let options = ExecuteOptions { chain: false, max_rop_out: MAX_ROP_OUT };
        let mut script = self.script();
        let packed = script.pack()?;
        let request = Outgoing { payload: packed.buffer.encode()?, options, expected: Vec::new(), outputs: Vec::new() };
        if let Some(received) = self.send(request, if_waiting).await? {
            script.unpack(packed, &[], received.handles());
            if received.notified == 0 {
                // A server that speaks of more and sends nothing is not asked again at once.
                self.hub.backlog.give_up();
            }
        }
        Ok(())
    }

    /// Runs a script with small answers to its end.
    pub(super) async fn run(&self, script: &mut Script<'_>, on_failure: OnFailure) -> Result<Answers, MailboxError> {
        self.run_with(script, on_failure, ExecuteOptions { chain: false, max_rop_out: SMALL_ROP_OUT }).await
    }

    /// Runs a script of which one step counts: once that one is answered, nothing that befalls what follows it (releases,
    /// reading what came of it) is a failure, as it has happened all the same. Steps behind it that were not run stay
    /// without an answer.
    ///
    /// # Errors
    /// The request with that step failed, or one before it: [`MailboxError::may_have_run`] speaks of the step.
    pub(super) async fn run_effect(
        &self,
        script: &mut Script<'_>,
        effect: Ticket,
        on_failure: OnFailure,
    ) -> Result<Answers, MailboxError> {
        let options = ExecuteOptions { chain: false, max_rop_out: SMALL_ROP_OUT };
        let mut answers = Answers { answers: vec![None; script.tickets()], ..Answers::default() };
        match self.run_into(&mut answers, script, on_failure, options).await {
            Err(error) if !answers.has_succeeded(effect) => Err(error),
            Err(error) => {
                tracing::debug!(%error, "what followed an operation that was carried out failed");
                Ok(answers)
            }
            Ok(()) => Ok(answers),
        }
    }

    /// Runs a script whose last operation may be repeated by the server.
    pub(super) async fn run_chained(&self, script: &mut Script<'_>) -> Result<Answers, MailboxError> {
        self.run_with(script, OnFailure::Stop, ExecuteOptions { chain: true, max_rop_out: MAX_ROP_OUT }).await
    }

    async fn run_with(
        &self,
        script: &mut Script<'_>,
        on_failure: OnFailure,
        options: ExecuteOptions,
    ) -> Result<Answers, MailboxError> {
        let mut answers = Answers { answers: vec![None; script.tickets()], ..Answers::default() };
        self.run_into(&mut answers, script, on_failure, options).await?;
        Ok(answers)
    }

    async fn run_into(
        &self,
        answers: &mut Answers,
        script: &mut Script<'_>,
        on_failure: OnFailure,
        options: ExecuteOptions,
    ) -> Result<(), MailboxError> {
        let mut patience = PATIENCE;
        while !script.is_done() {
            let pause = self.execute(script, options, answers).await?;
            if on_failure == OnFailure::Stop {
                let refused = |answer: &&RopResponse| !is_busy(answer);
                answers.answers.iter().flatten().filter(refused).try_for_each(succeeded)?;
            }
            if let Some(pause) = pause {
                self.pause(pause, &mut patience, RopId::BACKOFF).await?;
            }
        }
        Ok(())
    }

    /// Waits as the server asked, as long as the patience for an operation lasts.
    pub(super) async fn pause(&self, asked: Duration, patience: &mut Duration, rop: RopId) -> Result<(), MailboxError> {
        // A server that asks for no time at all is not to be asked again in a tight loop.
        let pause = asked.max(Duration::from_millis(50)).mul_f64(rand::random_range(1.0..=1.2));
        *patience = patience.checked_sub(pause).ok_or(MailboxError::Upstream { rop, code: ErrorCode::SERVER_BUSY })?;
        tokio::time::sleep(pause).await;
        Ok(())
    }

    /// Sends the next request of a script. Returns how long the server asks to wait before the next one.
    async fn execute(
        &self,
        script: &mut Script<'_>,
        options: ExecuteOptions,
        answers: &mut Answers,
    ) -> Result<Option<Duration>, MailboxError> {
        let packed = script.pack()?;
        let expected = Expected::of(&packed.buffer.requests, |request| script.columns(&packed, request.handle_index));
        let payload = packed.buffer.encode()?;
        let answered = packed.answered();
        let outputs = answered.iter().filter_map(|step| step.output).collect();
        let request = Outgoing { payload, options, expected, outputs };
        let Some(received) = self.send(request, false).await? else { return Ok(None) };
        answers.payloads = received.buffers.len();
        answers.bytes += received.bytes;

        let mut pause = None;
        let mut cut_short = false;
        let mut successes = Vec::new();
        let handles = received.handles().to_vec();
        for (number, buffer) in received.buffers.into_iter().enumerate() {
            for response in buffer.responses {
                match response {
                    Response::Rop(answer) if number == 0 => {
                        let Some(step) = answered.get(successes.len()) else { continue };
                        successes.push(answer.return_value.is_success());
                        let mut answer = answer;
                        if let (Some(size), ResponseBody::WriteStream(write)) = (step.written, &answer.body)
                            && answer.return_value.is_success()
                            && usize::from(write.written_size) != size
                        {
                            answer.return_value = ErrorCode::STREAM_SIZE;
                        }
                        // The first failure of a write that took several requests is the one to tell.
                        if let Some(slot) = answers.answers.get_mut(step.ticket.0)
                            && slot.as_ref().is_none_or(|known| known.return_value.is_success())
                        {
                            *slot = Some(answer);
                        }
                    }
                    Response::Rop(answer) => answers.chained.push(answer),
                    // Taken in already.
                    Response::Notify(_) | Response::Pending { .. } => {}
                    Response::Backoff(backoff) => {
                        pause = Some(Duration::from_millis(backoff.duration.into()));
                        cut_short = true;
                    }
                    Response::BufferTooSmall { .. } => cut_short = true,
                }
            }
        }
        if cut_short && successes.is_empty() && pause.is_none() {
            // Nothing at all fits: asking again would go on for ever.
            return Err(MailboxError::Upstream { rop: RopId::BUFFER_TOO_SMALL, code: ErrorCode::BUFFER_TOO_SMALL });
        }
        if successes.len() < answered.len() && !cut_short {
            let kind = WireErrorKind::Truncated { needed: answered.len(), left: successes.len() };
            return Err(WireError::new(0, "answers", kind).into());
        }
        script.unpack(packed, &successes, &handles);
        Ok(pause)
    }
}

/// A request with what is needed to take its answer in.
struct Outgoing {
    payload: Vec<u8>,
    options: ExecuteOptions,
    expected: Vec<Expected>,
    /// Indexes at which handles of new objects will stand.
    outputs: Vec<u8>,
}

/// An answer whose notifications have been taken in.
struct Received {
    buffers: Vec<ResponseBuffer>,
    /// Bytes of the payloads.
    bytes: usize,
    /// Notifications that came with it.
    notified: usize,
}

impl Received {
    /// The handle table.
    fn handles(&self) -> &[u32] {
        self.buffers.first().map_or(&[], |buffer| &buffer.handles)
    }
}

impl Link {
    /// Sends a request to its end even if the caller is dropped meanwhile: a request broken off would cost the session. What
    /// an answer that nobody waits for any more opened is released. With `if_waiting` it is sent only if notifications are
    /// still waiting when its turn comes.
    async fn send(&self, request: Outgoing, if_waiting: bool) -> Result<Option<Received>, MailboxError> {
        let (sender, receiver) = oneshot::channel();
        let (garbage, hub) = (Arc::clone(&self.garbage), Arc::clone(&self.hub));
        let (transport, turn, executes) =
            (Arc::clone(&self.transport), Arc::clone(&self.turn), Arc::clone(&self.executes));
        tokio::spawn(async move {
            let _turn = turn.lock_owned().await;
            if if_waiting && !hub.backlog.is_waiting() {
                drop(sender.send(Ok(None)));
                return;
            }
            executes.fetch_add(1, Ordering::Relaxed);
            let number = hub.backlog.begin();
            let result = match transport.execute(request.payload, request.options).await {
                Ok(payloads) => take_in(&payloads, &request.expected, number, &hub).map(Some),
                Err(error) => Err(error.into()),
            };
            if let Err(Ok(Some(received))) = sender.send(result) {
                let opened = request.outputs.iter().filter_map(|index| received.handles().get(usize::from(*index)));
                opened.filter(|handle| **handle != NO_HANDLE).for_each(|handle| garbage.add(*handle));
            }
        });
        let stopped = || ClientError::OutcomeUnknown("the runtime is shutting down".to_owned());
        receiver.await.map_err(|_| stopped())?
    }
}

/// Decodes an answer and passes its notifications on.
fn take_in(payloads: &[Vec<u8>], expected: &[Expected], number: u64, hub: &Hub) -> Result<Received, MailboxError> {
    let buffers = ResponseBuffer::decode_chain(payloads, expected)?;
    let (mut notified, mut pending) = (0, false);
    for response in buffers.iter().flat_map(|buffer| &buffer.responses) {
        match response {
            Response::Notify(notify) => {
                notified += 1;
                hub.notify(notify);
            }
            // With RopBufferTooSmall, notifications may have been left out.
            Response::Pending { .. } | Response::BufferTooSmall { .. } => pending = true,
            _ => {}
        }
    }
    hub.backlog.answered(number, pending);
    hub.arrived.notify_one();
    Ok(Received { buffers, bytes: payloads.iter().map(Vec::len).sum(), notified })
}

impl Drop for Link {
    fn drop(&mut self) {
        if let Some(wait) = self.wait.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            wait.abort();
        }
    }
}

/// Answers that ask to come again later, which their callers handle.
fn is_busy(answer: &RopResponse) -> bool {
    answer.return_value == ErrorCode::SERVER_BUSY && answer.rop_id == RopId::FAST_TRANSFER_SOURCE_GET_BUFFER
}
