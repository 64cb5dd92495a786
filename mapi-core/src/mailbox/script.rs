use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::property::PropertyTag;
use crate::rop::{NO_HANDLE, RequestBody, RequestBuffer, RopRequest, WriteStreamRequest};
use crate::wire::Writer;

use super::MailboxError;
use super::handle::{Garbage, Handle};
use super::stream_content::StreamContent;

/// LogonId of the only logon of a session.
const LOGON_ID: u8 = 0;
/// Most bytes of a request payload ([MS-OXCRPC] 3.1.4.2.1.1).
const PAYLOAD_LIMIT: usize = 32 * 1024;
/// Room kept for the fields around RopBufferTooSmall. That gives back the requests that were not run, behind the answers of
/// those that were: requests and answers together have to fit a payload.
const MARGIN: usize = 64;
/// Slots of a handle table; the index is a byte.
const TABLE_LIMIT: usize = 250;
/// Answers planned for one Execute: 32 KiB is what fits, and some servers fail instead of stopping in time.
const ANSWER_LIMIT: usize = 24 * 1024;
/// Handles of the past released with one Execute.
const GARBAGE_LIMIT: usize = 60;
/// A stream is not cut for the sake of fewer bytes than this.
const SMALLEST_WRITE: usize = 2048;

/// A server object as the steps of a script name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Slot(usize);

/// Names the answer of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ticket(pub(super) usize);

/// Operations to be run in order, on objects that are open already or that earlier steps open. It is cut into as few
/// Execute requests as its sizes allow; objects opened in one request are known in the next.
///
/// Objects that a script opened and neither released nor handed over are released when it is dropped.
#[derive(Debug)]
pub(super) struct Script<'a> {
    slots: Vec<SlotState>,
    steps: VecDeque<Step<'a>>,
    tickets: usize,
    garbage: Arc<Garbage>,
}

#[derive(Debug, Default)]
struct SlotState {
    handle: Option<u32>,
    /// The script opened it and has to see to its release.
    owned: bool,
    columns: Option<Arc<[PropertyTag]>>,
}

#[derive(Debug)]
pub(super) struct Step<'a> {
    operation: Operation<'a>,
    head: Slot,
    second: Option<Slot>,
    ticket: Ticket,
}

#[derive(Debug)]
enum Operation<'a> {
    Rop(Box<RequestBody>),
    /// What is left to be written to a stream.
    Write(StreamContent<'a>),
    Release,
}

/// One Execute request made of the first steps of a script.
#[derive(Debug)]
pub(super) struct Packed<'a> {
    pub(super) buffer: RequestBuffer,
    /// The steps it was made of.
    taken: Vec<Taken<'a>>,
    /// The table's slots of this script.
    indexes: HashMap<Slot, u8>,
}

#[derive(Debug)]
struct Taken<'a> {
    step: Step<'a>,
    /// The index at which a new object's handle will stand.
    output: Option<u8>,
}

/// A step of a request that gets an answer.
pub(super) struct Answered {
    pub(super) ticket: Ticket,
    /// Bytes that are written to a stream.
    pub(super) written: Option<usize>,
    /// The index at which a new object's handle will stand.
    pub(super) output: Option<u8>,
}

impl Packed<'_> {
    /// The steps that get answers, in order.
    pub(super) fn answered(&self) -> Vec<Answered> {
        let answered = |taken: &Taken<'_>| match &taken.step.operation {
            Operation::Release => None,
            operation => {
                Some(Answered { ticket: taken.step.ticket, written: operation.written(), output: taken.output })
            }
        };
        self.taken.iter().filter_map(answered).collect()
    }
}

impl<'a> Script<'a> {
    pub(super) fn new(garbage: Arc<Garbage>) -> Self {
        Self { slots: Vec::new(), steps: VecDeque::new(), tickets: 0, garbage }
    }

    /// An object that is open already and stays open.
    pub(super) fn known(&mut self, handle: &Handle) -> Slot {
        self.slot(SlotState { handle: Some(handle.value()), ..SlotState::default() })
    }

    /// A table that is open already, with the columns set on it.
    pub(super) fn known_table(&mut self, handle: &Handle, columns: Arc<[PropertyTag]>) -> Slot {
        self.slot(SlotState { handle: Some(handle.value()), owned: false, columns: Some(columns) })
    }

    /// Adds an operation on `head`.
    pub(super) fn rop(&mut self, head: Slot, body: RequestBody) -> Ticket {
        self.step(Operation::Rop(Box::new(body)), head, None)
    }

    /// Adds an operation on `head` that opens an object. Its output handle index is filled in.
    pub(super) fn open(&mut self, head: Slot, body: RequestBody) -> (Slot, Ticket) {
        let opened = self.slot(SlotState::default());
        let ticket = self.step(Operation::Rop(Box::new(body)), head, Some(opened));
        (opened, ticket)
    }

    /// Adds RopLogon, whose only slot is the logon it opens.
    pub(super) fn log_on(&mut self, body: RequestBody) -> (Slot, Ticket) {
        let opened = self.slot(SlotState::default());
        (opened, self.step(Operation::Rop(Box::new(body)), opened, None))
    }

    /// Adds an operation with a second object: the input of saving ROPs (`head` is the response index), the destination
    /// of copying ROPs. Its index is filled in.
    pub(super) fn rop_with(&mut self, head: Slot, second: Slot, body: RequestBody) -> Ticket {
        self.step(Operation::Rop(Box::new(body)), head, Some(second))
    }

    /// Adds writing to a stream, in as many operations as it takes.
    pub(super) fn write(&mut self, stream: Slot, content: StreamContent<'a>) {
        if !content.is_empty() {
            self.step(Operation::Write(content), stream, None);
        }
    }

    /// Adds the release of an object.
    pub(super) fn release(&mut self, slot: Slot) {
        self.step(Operation::Release, slot, None);
    }

    /// Takes over an opened object, to be used by later scripts; `None` if it was not opened.
    pub(super) fn take(&mut self, slot: Slot) -> Option<Handle> {
        let state = self.slots.get_mut(slot.0).filter(|state| state.owned)?;
        state.owned = false;
        Some(Handle::new(state.handle?, Arc::clone(&self.garbage)))
    }

    /// Whether everything was sent.
    pub(super) fn is_done(&self) -> bool {
        self.steps.is_empty()
    }

    /// How many tickets were given out.
    pub(super) fn tickets(&self) -> usize {
        self.tickets
    }

    /// Makes the next Execute request of as many steps as fit.
    ///
    /// # Errors
    /// A single operation that does not fit a request.
    pub(super) fn pack(&mut self) -> Result<Packed<'a>, MailboxError> {
        let mut packed = Packed { buffer: RequestBuffer::default(), taken: Vec::new(), indexes: HashMap::new() };
        for handle in self.garbage.take(GARBAGE_LIMIT) {
            let index = index_of(packed.buffer.handles.len());
            packed.buffer.handles.push(handle);
            packed.buffer.requests.push(request(index, RequestBody::Release));
        }
        let mut used = 2 + packed.buffer.requests.len() * 7;
        let mut answers = 0;
        while let Some(mut step) = self.steps.pop_front() {
            let new = [Some(step.head), step.second].into_iter().flatten();
            let new = new.filter(|slot| !packed.indexes.contains_key(slot)).count();
            let empty = packed.taken.is_empty();
            let answer = step.answer_size();
            let room = PAYLOAD_LIMIT.saturating_sub(used + 4 * new + answers + answer + MARGIN);
            let fits = match &step.operation {
                Operation::Rop(body) => encoded_len(body) <= room,
                Operation::Write(content) => room >= 5 + content.len_up_to(SMALLEST_WRITE),
                Operation::Release => room >= 3,
            };
            if !fits && empty {
                return Err(MailboxError::Limit { what: "one operation", limit: PAYLOAD_LIMIT as u64 });
            }
            if !fits || packed.buffer.handles.len() + new > TABLE_LIMIT || (answers + answer > ANSWER_LIMIT && !empty) {
                self.steps.push_front(step);
                break;
            }
            let head = self.index(&mut packed, step.head);
            let second = step.second.map(|slot| self.index(&mut packed, slot));
            answers += answer;
            used += 4 * new;
            match &mut step.operation {
                Operation::Rop(body) => {
                    if let Some(second) = second {
                        set_second_index(body, second);
                    }
                    let request = request(head, (**body).clone());
                    used += encoded_len(&request.body);
                    let output = request.output_handle_index();
                    packed.buffer.requests.push(request);
                    packed.taken.push(Taken { step, output });
                }
                Operation::Write(content) => {
                    let piece = content.take(room - 5);
                    used += 5 + piece.len();
                    let rest = (!content.is_empty()).then(|| Step {
                        operation: Operation::Write(std::mem::take(content)),
                        head: step.head,
                        second: None,
                        ticket: step.ticket,
                    });
                    let body = RequestBody::WriteStream(WriteStreamRequest { data: piece });
                    packed.buffer.requests.push(request(head, body.clone()));
                    step.operation = Operation::Rop(Box::new(body));
                    packed.taken.push(Taken { step, output: None });
                    if let Some(rest) = rest {
                        self.steps.push_front(rest);
                        break;
                    }
                }
                Operation::Release => {
                    used += 3;
                    packed.buffer.requests.push(request(head, RequestBody::Release));
                    packed.taken.push(Taken { step, output: None });
                }
            }
        }
        Ok(packed)
    }

    /// The columns set on the object at `index` of the table.
    pub(super) fn columns(&self, packed: &Packed<'_>, index: u8) -> Arc<[PropertyTag]> {
        let slot = packed.indexes.iter().find(|(_, at)| **at == index).and_then(|(slot, _)| self.slots.get(slot.0));
        slot.and_then(|state| state.columns.clone()).unwrap_or_else(|| Arc::new([]))
    }

    /// Notes what became of the objects of a request. `successes` tells of each answer whether it was one, `handles` is
    /// the table that came with the first. Steps behind the last answer were not run if answers are missing, and are put
    /// back. (A release among them may have been run; doing it again does no harm.)
    pub(super) fn unpack(&mut self, mut packed: Packed<'a>, successes: &[bool], handles: &[u32]) {
        let mut answers = successes.iter();
        let mut run = 0;
        let complete = packed.answered().len() <= successes.len();
        for taken in &packed.taken {
            if !complete && answers.len() == 0 {
                break;
            }
            run += 1;
            let slot = taken.step.second.unwrap_or(taken.step.head);
            let Some(state) = self.slots.get_mut(slot.0) else { continue };
            if matches!(taken.step.operation, Operation::Release) {
                *state = SlotState::default();
                continue;
            }
            let success = answers.next().copied().unwrap_or(false);
            let handle = taken.output.and_then(|index| handles.get(usize::from(index)).copied());
            if let Some(handle) = handle.filter(|handle| success && *handle != NO_HANDLE) {
                (state.handle, state.owned) = (Some(handle), true);
            }
        }
        for mut taken in packed.taken.drain(run..).rev() {
            taken.step.operation = taken.step.operation.put_back();
            self.steps.push_front(taken.step);
        }
    }

    fn slot(&mut self, state: SlotState) -> Slot {
        self.slots.push(state);
        Slot(self.slots.len() - 1)
    }

    fn step(&mut self, operation: Operation<'a>, head: Slot, second: Option<Slot>) -> Ticket {
        let ticket = Ticket(self.tickets);
        if !matches!(operation, Operation::Release) {
            self.tickets += 1;
        }
        self.steps.push_back(Step { operation, head, second, ticket });
        ticket
    }

    fn index(&self, packed: &mut Packed<'a>, slot: Slot) -> u8 {
        if let Some(index) = packed.indexes.get(&slot) {
            return *index;
        }
        let index = index_of(packed.buffer.handles.len());
        let handle = self.slots.get(slot.0).and_then(|state| state.handle);
        packed.buffer.handles.push(handle.unwrap_or(NO_HANDLE));
        packed.indexes.insert(slot, index);
        index
    }
}

impl Drop for Script<'_> {
    fn drop(&mut self) {
        for state in self.slots.iter().filter(|state| state.owned) {
            if let Some(handle) = state.handle {
                self.garbage.add(handle);
            }
        }
    }
}

impl Step<'_> {
    /// Bytes to plan for the answer. What fills the answer as far as it goes stands last anyway.
    fn answer_size(&self) -> usize {
        let Operation::Rop(body) = &self.operation else { return 16 };
        match body.as_ref() {
            RequestBody::OpenMessage(_) => 500,
            RequestBody::GetPropertiesSpecific(get) => 32 * get.property_tags.len(),
            RequestBody::QueryRows(_) | RequestBody::FastTransferSourceGetBuffer(_) => 0,
            _ => 32,
        }
    }
}

impl Operation<'_> {
    /// The operation to be sent again: a write that filled its request may have less room next time.
    fn put_back(self) -> Self {
        match self {
            Self::Rop(body) => match *body {
                RequestBody::WriteStream(write) => Self::Write(StreamContent::Bytes(write.data.into())),
                other => Self::Rop(Box::new(other)),
            },
            other => other,
        }
    }

    fn written(&self) -> Option<usize> {
        match self {
            Self::Rop(body) => match body.as_ref() {
                RequestBody::WriteStream(write) => Some(write.data.len()),
                _ => None,
            },
            _ => None,
        }
    }
}

fn request(handle_index: u8, body: RequestBody) -> RopRequest {
    RopRequest { logon_id: LOGON_ID, handle_index, body }
}

/// The table's limit keeps indexes far below 255.
fn index_of(len: usize) -> u8 {
    u8::try_from(len).unwrap_or(u8::MAX)
}

fn encoded_len(body: &RequestBody) -> usize {
    let mut writer = Writer::new();
    request(0, body.clone()).encode(&mut writer);
    writer.len()
}

/// Fills in the one handle index of a body.
fn set_second_index(body: &mut RequestBody, index: u8) {
    match body {
        RequestBody::OpenFolder(body) => body.output_handle_index = index,
        RequestBody::CreateFolder(body) => body.output_handle_index = index,
        RequestBody::GetHierarchyTable(body) | RequestBody::GetContentsTable(body) => body.output_handle_index = index,
        RequestBody::OpenMessage(body) => body.output_handle_index = index,
        RequestBody::CreateMessage(body) => body.output_handle_index = index,
        RequestBody::OpenEmbeddedMessage(body) => body.output_handle_index = index,
        RequestBody::CreateAttachment(body) => body.output_handle_index = index,
        RequestBody::OpenStream(body) => body.output_handle_index = index,
        RequestBody::RegisterNotification(body) => body.output_handle_index = index,
        RequestBody::FastTransferSourceCopyMessages(body) => body.output_handle_index = index,
        RequestBody::SynchronizationConfigure(body) => body.output_handle_index = index,
        RequestBody::SaveChangesMessage(body) => body.input_handle_index = index,
        RequestBody::SaveChangesAttachment(body) => body.input_handle_index = index,
        RequestBody::MoveCopyMessages(body) => body.dest_handle_index = index,
        RequestBody::MoveFolder(body) => body.dest_handle_index = index,
        other => debug_assert!(false, "{:?} has no second handle index here", other.rop_id().name()),
    }
}
