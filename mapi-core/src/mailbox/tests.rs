mod effects;
mod opening;
mod values;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Barrier;

use super::*;
use crate::ErrorCode;
use crate::client::ClientError;
use crate::fasttransfer::{Marker, MessageLimits, StreamWriter, SyncState};
use crate::id::{FolderId, GlobalCounter, LongTermId, MessageId};
use crate::message::{Attachment, MessageContent, PropertyBag};
use crate::property::{PropertyKey, PropertyRow, PropertyValue, RowValue, tags};
use crate::rop::*;

const GUID: Guid = Guid([3; 16]);
const INBOX: FolderId = FolderId::new(1, 5);
const OUTBOX: FolderId = FolderId::new(1, 6);

type Hook = Box<dyn FnMut(&RequestBuffer) -> Option<Result<Vec<ResponseBuffer>, ClientError>> + Send>;

/// A server that says yes to everything, unless the test's hook says something else.
#[derive(Clone, Default)]
struct Server {
    state: Arc<Mutex<ServerState>>,
}

#[derive(Default)]
struct ServerState {
    requests: Vec<RequestBuffer>,
    hook: Option<Hook>,
    next_handle: u32,
    open: Vec<u32>,
    written: Vec<u8>,
    /// Requests wait here twice: to tell that they have come, and to be let go.
    held: Option<Arc<Barrier>>,
    waits: VecDeque<bool>,
}

impl Server {
    async fn mailbox(&self) -> Mailbox {
        let options = OpenOptions { names: Vec::new(), subscribe: true };
        Mailbox::open_over(Arc::new(self.clone()), "/o=X/cn=u", options).await.expect("a mailbox")
    }

    fn state(&self) -> std::sync::MutexGuard<'_, ServerState> {
        self.state.lock().unwrap()
    }

    /// Answers the next requests with `hook` where it has an answer.
    fn hook(
        &self,
        hook: impl FnMut(&RequestBuffer) -> Option<Result<Vec<ResponseBuffer>, ClientError>> + Send + 'static,
    ) {
        let mut state = self.state();
        state.requests.clear();
        state.hook = Some(Box::new(hook));
    }

    /// The ROPs of the requests since the hook was set.
    fn rops(&self) -> Vec<Vec<RopId>> {
        let rops = |buffer: &RequestBuffer| buffer.requests.iter().map(|r| r.body.rop_id()).collect();
        self.state().requests.iter().map(rops).collect()
    }
}

#[async_trait]
impl ExecuteChannel for Server {
    async fn execute(&self, payload: Vec<u8>, _: ExecuteOptions) -> Result<Vec<Vec<u8>>, ClientError> {
        assert!(payload.len() <= 32 * 1024, "{} bytes", payload.len());
        let request = RequestBuffer::decode(&payload).expect("a valid request");
        let held = self.state().held.clone();
        if let Some(held) = held {
            held.wait().await;
            held.wait().await;
        }
        let mut state = self.state();
        state.requests.push(request.clone());
        let mut hook = state.hook.take();
        let answer = hook.as_mut().and_then(|hook| hook(&request));
        state.hook = hook;
        let buffers = match answer {
            Some(answer) => answer?,
            None => vec![state.run(&request)],
        };
        Ok(buffers.iter().map(|buffer| buffer.encode().expect("a valid answer")).collect())
    }

    async fn wait(&self) -> Result<bool, ClientError> {
        let next = self.state().waits.pop_front();
        match next {
            Some(news) => Ok(news),
            None => std::future::pending().await,
        }
    }

    async fn close(&self) -> bool {
        true
    }
}

impl ServerState {
    fn run(&mut self, request: &RequestBuffer) -> ResponseBuffer {
        let mut handles = request.handles.clone();
        let mut responses = Vec::new();
        for rop in &request.requests {
            if let Some(index) = rop.output_handle_index() {
                self.next_handle += 1;
                handles[usize::from(index)] = self.next_handle;
                self.open.push(self.next_handle);
            } else {
                let handle = handles[usize::from(rop.handle_index)];
                assert!(self.open.contains(&handle), "{:?} on a dead handle", rop.body.rop_id());
            }
            if rop.body == RequestBody::Release {
                let handle = handles[usize::from(rop.handle_index)];
                self.open.retain(|open| *open != handle);
                continue;
            }
            if let RequestBody::WriteStream(write) = &rop.body {
                self.written.extend_from_slice(&write.data);
            }
            responses.push(yes(rop));
        }
        ResponseBuffer { responses, handles }
    }
}

fn answer(rop: &RopRequest, return_value: ErrorCode, body: ResponseBody) -> Response {
    let handle_index = rop.output_handle_index().unwrap_or(rop.handle_index);
    Response::Rop(RopResponse { rop_id: rop.body.rop_id(), handle_index, return_value, body })
}

fn yes(rop: &RopRequest) -> Response {
    let body = match &rop.body {
        RequestBody::Logon(_) => {
            let mut folder_ids = [FolderId::default(); 13];
            folder_ids.iter_mut().zip(1..).for_each(|(id, n)| *id = FolderId::new(1, n));
            ResponseBody::Logon(LogonResponse::Private(PrivateLogon {
                logon_flags: 1,
                folder_ids,
                response_flags: 7,
                mailbox_guid: Guid([9; 16]),
                repl_id: 5,
                repl_guid: Guid([5; 16]),
                logon_time: LogonTime { seconds: 0, minutes: 0, hour: 0, day_of_week: 0, day: 1, month: 1, year: 2024 },
                gwart_time: 0,
                store_state: 0,
            }))
        }
        RequestBody::OpenFolder(_) => ResponseBody::OpenFolder(OpenFolderResponse { has_rules: false, ghosted: None }),
        RequestBody::LongTermIdFromId(ask) => {
            let gid = Gid { replica_guid: GUID, counter: ask.object_id.counter };
            ResponseBody::LongTermIdFromId(LongTermIdFromIdResponse { long_term_id: LongTermId::from(gid) })
        }
        RequestBody::GetPropertiesSpecific(get) => {
            let values = get.property_tags.iter().map(|_| RowValue::Error(ErrorCode::NOT_FOUND.0)).collect();
            let columns = get.property_tags.as_slice().into();
            ResponseBody::GetPropertiesSpecific(GetPropertiesSpecificResponse {
                columns,
                row: PropertyRow::new(values),
            })
        }
        RequestBody::OpenMessage(_) => ResponseBody::OpenMessage(opened()),
        RequestBody::OpenEmbeddedMessage(_) => ResponseBody::OpenEmbeddedMessage(OpenEmbeddedMessageResponse {
            reserved: 0,
            message_id: MessageId::default(),
            message: opened(),
        }),
        RequestBody::CreateMessage(_) => ResponseBody::CreateMessage(CreateMessageResponse { message_id: None }),
        RequestBody::CreateAttachment(_) => {
            ResponseBody::CreateAttachment(CreateAttachmentResponse { attachment_id: 0 })
        }
        RequestBody::SetProperties(_) | RequestBody::DeleteProperties(_) => {
            ResponseBody::PropertyProblems(PropertyProblemsResponse { property_problems: Vec::new() })
        }
        RequestBody::SaveChangesMessage(save) => ResponseBody::SaveChangesMessage(SaveChangesMessageResponse {
            input_handle_index: save.input_handle_index,
            message_id: MessageId::new(1, 0x77),
        }),
        RequestBody::DeleteMessages(_) | RequestBody::SetReadFlags(_) => {
            ResponseBody::PartialCompletion(PartialCompletionResponse { partial_completion: false })
        }
        RequestBody::MoveCopyMessages(_) => {
            ResponseBody::MoveCopy(MoveCopyResponse { dest_handle_index: None, partial_completion: false })
        }
        RequestBody::OpenStream(_) => ResponseBody::StreamSize(StreamSizeResponse { stream_size: 0 }),
        RequestBody::WriteStream(write) => {
            ResponseBody::WriteStream(WriteStreamResponse { written_size: write.data.len() as u16 })
        }
        RequestBody::GetContentsTable(_) => ResponseBody::RowCount(RowCountResponse { row_count: 0 }),
        RequestBody::SetColumns(_) | RequestBody::Restrict(_) | RequestBody::SortTable(_) => {
            ResponseBody::TableStatus(TableStatusResponse { table_status: 0 })
        }
        _ => ResponseBody::Empty,
    };
    answer(rop, ErrorCode::NONE, body)
}

fn opened() -> OpenMessageResponse {
    OpenMessageResponse {
        has_named_properties: false,
        subject_prefix: TypedString::None,
        normalized_subject: TypedString::None,
        recipient_count: 0,
        recipient_columns: Arc::new([]),
        recipient_rows: Vec::new(),
    }
}

fn copied(old: u64, new: u64) -> Response {
    Response::Notify(NotifyResponse {
        notification_handle: 1,
        logon_id: 0,
        notification_flags: notification_flags::MESSAGE | notification_flags::OBJECT_COPIED,
        data: NotificationData::Object(ObjectNotification {
            folder_id: OUTBOX,
            message_id: Some(MessageId::new(1, new)),
            old_folder_id: Some(INBOX),
            old_message_id: Some(MessageId::new(1, old)),
            ..ObjectNotification::default()
        }),
    })
}

fn note(body: usize) -> MessageContent {
    MessageContent {
        properties: PropertyBag::from_iter([
            (tags::PidTagMessageClass, PropertyValue::String("IPM.Note".into())),
            (tags::PidTagHtml, PropertyValue::Binary((0..body).map(|n| n as u8).collect())),
        ]),
        ..MessageContent::default()
    }
}

fn mids(numbers: std::ops::Range<u64>) -> Vec<MessageId> {
    numbers.map(|n| MessageId::new(1, n)).collect()
}

/// Futures of every operation can be spawned.
#[tokio::test]
async fn operations_are_send() {
    fn send<T: Send>(_: T) {}
    let mailbox = Server::default().mailbox().await;
    let (state, keys, set) = (SyncState::new(), [PropertyKey::Tag(tags::PidTagSubject)], PropertyBag::new());
    let (content, ids, query) = (note(1), mids(1..2), ContentsQuery::default());
    let mut fetch = mailbox.fetch_messages(INBOX, &ids, FetchOptions::default());
    send(mailbox.folders(&keys));
    send(mailbox.counters(&ids));
    send(mailbox.folder_properties(INBOX, &keys));
    send(mailbox.set_folder_properties(INBOX, &set, &keys));
    send(mailbox.contents_rows(INBOX, &query, |_| {}));
    send(mailbox.sync_contents_with(INBOX, &state, &keys, |_| {}));
    send(mailbox.sync_contents(INBOX, &state, &keys, 1));
    send(mailbox.sync_hierarchy(INBOX, &state));
    send(fetch.next());
    send(mailbox.set_read(INBOX, &ids, true));
    send(mailbox.update_messages(INBOX, &[]));
    let (mut updates, mut plan) = (MessageUpdates::new([]), OpenPlan::default());
    send(updates.run(&mailbox, INBOX));
    send(mailbox.message_values(INBOX, &ids, &keys, &mut plan));
    send(mailbox.folder_names(&ids));
    send(mailbox.delete_messages(INBOX, &ids));
    send(mailbox.move_copy(INBOX, OUTBOX, &ids, true));
    send(mailbox.create_message(INBOX, &content, false));
    send(mailbox.submit(&content));
    send(mailbox.changes());
}

#[tokio::test]
async fn opening_takes_two_requests() {
    let server = Server::default();
    let mailbox = server.mailbox().await;
    assert_eq!(mailbox.executes(), 2);
    let info = mailbox.info();
    assert_eq!((info.replica_id, info.replica_guid, info.folders.inbox), (1, GUID, INBOX));
    let gid = Gid { replica_guid: GUID, counter: GlobalCounter::new(9) };
    assert_eq!(mailbox.gid_of(MessageId::new(1, 9)), Some(gid));
    assert_eq!(mailbox.id_of(gid), Some(MessageId::new(1, 9)));
    assert_eq!(mailbox.gid_of(MessageId::new(2, 9)), None);
    assert_eq!(server.state().open.len(), 2, "the logon and the subscription");
}

#[tokio::test]
async fn what_did_not_fit_is_sent_again_on_the_same_objects() {
    let server = Server::default();
    let mailbox = server.mailbox().await;
    let mut first = true;
    server.hook(move |request| {
        if !std::mem::take(&mut first) {
            return None;
        }
        let mut handles = request.handles.clone();
        let run = &request.requests[..2];
        handles[usize::from(run[0].output_handle_index()?)] = 1;
        let mut responses: Vec<_> = run.iter().map(yes).collect();
        responses.push(Response::BufferTooSmall { size_needed: 0x7000, request_buffers: vec![0; 9] });
        Some(Ok(vec![ResponseBuffer { responses, handles }]))
    });
    mailbox.set_read(INBOX, &mids(1..2500), true).await.expect("done");
    let rops = server.rops();
    assert_eq!(rops[0][..3], [RopId::OPEN_FOLDER, RopId::SET_READ_FLAGS, RopId::SET_READ_FLAGS]);
    assert_eq!(rops[1][0], RopId::SET_READ_FLAGS);
    let second = server.state().requests[1].clone();
    assert_eq!(second.handles[usize::from(second.requests[0].handle_index)], 1, "the folder opened before");
}

#[tokio::test]
async fn back_off_is_obeyed() {
    let server = Server::default();
    let mailbox = server.mailbox().await;
    let mut first = true;
    server.hook(move |request| {
        std::mem::take(&mut first).then(|| {
            let backoff =
                BackoffResponse { logon_id: 0, duration: 120, backoff_rops: Vec::new(), additional_data: Vec::new() };
            let handles = request.handles.clone();
            Ok(vec![ResponseBuffer { responses: vec![Response::Backoff(backoff)], handles }])
        })
    });
    let began = std::time::Instant::now();
    mailbox.delete_messages(INBOX, &mids(1..3)).await.expect("done");
    assert!(began.elapsed() >= Duration::from_millis(120));
    assert_eq!(server.rops().len(), 2);
    assert_eq!(server.rops()[0][0], server.rops()[1][0]);
}

#[tokio::test]
async fn a_write_that_filled_its_request_can_be_sent_again() {
    let server = Server::default();
    let mailbox = server.mailbox().await;
    let mut turn = 0;
    server.hook(move |request| {
        turn += 1;
        (turn % 2 == 0).then(|| {
            let backoff =
                BackoffResponse { logon_id: 0, duration: 1, backoff_rops: Vec::new(), additional_data: Vec::new() };
            let handles = request.handles.clone();
            Ok(vec![ResponseBuffer { responses: vec![Response::Backoff(backoff)], handles }])
        })
    });
    mailbox.create_message(INBOX, &note(100_000), false).await.expect("stored");
}

#[tokio::test]
async fn an_operation_dropped_half_way_leaves_nothing_open() {
    let server = Server::default();
    let mailbox = server.mailbox().await;
    let held = Arc::new(Barrier::new(2));
    server.state().held = Some(Arc::clone(&held));
    let writing = mailbox.clone();
    let task = tokio::spawn(async move { writing.create_message(INBOX, &note(10), false).await });
    held.wait().await;
    task.abort();
    assert!(task.await.is_err());
    held.wait().await;
    server.state().held = None;
    for _ in 0..1000 {
        if server.state().open.len() == 3 {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(server.state().open.len(), 3, "the request went on, and nobody took its message");
    server.hook(|_| None);
    mailbox.set_read(INBOX, &mids(1..2), true).await.expect("done");
    assert_eq!(server.rops(), [[RopId::RELEASE, RopId::OPEN_FOLDER, RopId::SET_READ_FLAGS, RopId::RELEASE]]);
    assert_eq!(server.state().open.len(), 2);
}

#[tokio::test]
async fn large_values_go_through_streams_in_few_requests() {
    let server = Server::default();
    let mailbox = server.mailbox().await;
    server.hook(|_| None);
    let mut content = note(100_000);
    content.attachments.push(Attachment {
        number: 0,
        properties: PropertyBag::from_iter([(tags::PidTagAttachMethod, PropertyValue::Integer32(5))]),
        embedded: Some(Box::new(note(10))),
    });
    let mid = mailbox.create_message(INBOX, &content, false).await.expect("stored");
    assert_eq!(mid, MessageId::new(1, 0x77));
    let rops = server.rops();
    assert_eq!(rops.len(), 100_000 / 32_000 + 2);
    let saves: Vec<_> = rops.concat().into_iter().filter(|rop| rop.name().contains("Save")).collect();
    let (message, attachment) = (RopId::SAVE_CHANGES_MESSAGE, RopId::SAVE_CHANGES_ATTACHMENT);
    assert_eq!(saves, [message, attachment, message], "inside out");
    assert_eq!(rops.last().map(|rops| rops[0]), Some(message), "saved only once all of it was taken");
    assert_eq!(Some(server.state().written.as_slice()), content.properties.binary(tags::PidTagHtml));
}

#[tokio::test]
async fn a_message_that_is_not_taken_whole_is_not_saved() {
    let server = Server::default();
    let mailbox = server.mailbox().await;
    server.hook(|request| {
        let handles: Vec<u32> = (0..request.handles.len() as u32).map(|n| n + 1).collect();
        let refuse = |rop: &RopRequest| match &rop.body {
            RequestBody::CommitStream => answer(rop, ErrorCode::QUOTA_EXCEEDED, ResponseBody::Empty),
            _ => yes(rop),
        };
        let answered = request.requests.iter().filter(|rop| rop.body != RequestBody::Release);
        Some(Ok(vec![ResponseBuffer { responses: answered.map(refuse).collect(), handles }]))
    });
    let error = mailbox.create_message(INBOX, &note(9000), false).await.expect_err("over quota");
    assert_eq!(error.code(), Some(ErrorCode::QUOTA_EXCEEDED));
    assert!(!server.rops().concat().contains(&RopId::SAVE_CHANGES_MESSAGE));
}

/// Gromox answers a write that failed without WrittenSize.
#[tokio::test]
async fn a_full_mailbox_is_no_malformed_answer() {
    let server = Server::default();
    let mailbox = server.mailbox().await;
    server.hook(|request| {
        let handles: Vec<u32> = (0..request.handles.len() as u32).map(|n| n + 1).collect();
        let refuse = |rop: &RopRequest| match &rop.body {
            RequestBody::WriteStream(_) => answer(rop, ErrorCode::STORE_FULL, ResponseBody::Empty),
            _ => yes(rop),
        };
        let answered = request.requests.iter().filter(|rop| rop.body != RequestBody::Release);
        Some(Ok(vec![ResponseBuffer { responses: answered.map(refuse).collect(), handles }]))
    });
    let error = mailbox.create_message(INBOX, &note(9000), false).await.expect_err("full");
    assert_eq!(error.code(), Some(ErrorCode::STORE_FULL));
    assert!(!error.is_session_lost());
}

#[tokio::test]
async fn a_logon_that_is_put_off_is_busy() {
    for (code, seconds) in [(ErrorCode::SERVER_PAUSED, 10), (ErrorCode::SERVER_BUSY, 5)] {
        let server = Server::default();
        server.hook(move |request| {
            let responses = request.requests.iter().map(|rop| answer(rop, code, ResponseBody::Empty)).collect();
            Some(Ok(vec![ResponseBuffer { responses, handles: request.handles.clone() }]))
        });
        let opened = Mailbox::open_over(Arc::new(server), "/o=X/cn=u", OpenOptions::default()).await;
        let Err(MailboxError::Transport(error)) = opened else { panic!("{opened:?}") };
        assert_eq!(error.busy_for(), Some(Duration::from_secs(seconds)));
    }
}

#[tokio::test]
async fn flags_are_saved_with_one_save_flag() {
    let server = Server::default();
    let mailbox = server.mailbox().await;
    server.hook(|_| None);
    let set = PropertyBag::from_iter([(tags::PidTagFlagStatus, PropertyValue::Integer32(2))]);
    let update = MessageUpdate { mid: MessageId::new(1, 1), set: set.clone(), delete: Vec::new() };
    mailbox.update_messages(INBOX, &[update]).await.expect("done");
    mailbox.amend_message(INBOX, MessageId::new(1, 1), &set).await.expect("done");
    let state = server.state();
    let saves = state.requests.iter().flat_map(|request| &request.requests).filter_map(|rop| match &rop.body {
        RequestBody::SaveChangesMessage(save) => Some(save.save_flags),
        _ => None,
    });
    assert_eq!(saves.collect::<Vec<_>>(), [4, 4]);
}

#[tokio::test]
async fn updates_shrink_when_their_answers_do_not_fit() {
    let server = Server::default();
    let mailbox = server.mailbox().await;
    let opens = |r: &RequestBuffer| r.requests.iter().filter(|r| r.body.rop_id() == RopId::OPEN_MESSAGE).count();
    server
        .hook(move |request| (opens(request) > 10).then_some(Err(ClientError::Rejected(ErrorCode::BUFFER_TOO_SMALL))));
    let set = PropertyBag::from_iter([(tags::PidTagFlagStatus, PropertyValue::Integer32(2))]);
    let updates: Vec<_> =
        mids(1..31).into_iter().map(|mid| MessageUpdate { mid, set: set.clone(), delete: Vec::new() }).collect();
    let results = mailbox.update_messages(INBOX, &updates).await.expect("done");
    assert!(results.len() == 30 && results.iter().all(Result::is_ok));
    let sizes: Vec<_> = server.state().requests.iter().map(opens).collect();
    assert_eq!(sizes[..2], [8, 22], "all that was left");
    let (careful, trusting) = sizes[2..].split_at(16);
    assert!(careful.iter().all(|size| *size <= 1), "one by one: {sizes:?}");
    assert!(trusting.iter().all(|size| *size <= 10), "together again once the answers were small: {sizes:?}");
    server.hook(|request| {
        let fail = |rop: &RopRequest| match &rop.body {
            RequestBody::OpenMessage(open) if open.message_id == MessageId::new(1, 2) => {
                answer(rop, ErrorCode::NOT_FOUND, ResponseBody::Empty)
            }
            _ => yes(rop),
        };
        let answered = request.requests.iter().filter(|rop| rop.body != RequestBody::Release);
        let handles = (0..request.handles.len() as u32).map(|n| n + 100).collect();
        Some(Ok(vec![ResponseBuffer { responses: answered.map(fail).collect(), handles }]))
    });
    let results = mailbox.update_messages(INBOX, &updates[..3]).await.expect("done");
    assert_eq!(results.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
}

#[tokio::test]
async fn new_ids_of_copies_come_from_this_and_later_answers() {
    let server = Server::default();
    let mailbox = server.mailbox().await;
    let mut later = vec![vec![copied(2, 12)], vec![copied(1, 11), Response::Pending { session_index: 0 }]];
    server.hook(move |request| {
        let answered = request.requests.iter().filter(|rop| rop.body != RequestBody::Release);
        let mut responses: Vec<_> = answered.map(yes).collect();
        responses.extend(later.pop().unwrap_or_default());
        let handles = (0..request.handles.len() as u32).map(|n| n + 100).collect();
        Some(Ok(vec![ResponseBuffer { responses, handles }]))
    });
    let outcome = mailbox.move_copy(INBOX, OUTBOX, &mids(1..3), true).await.expect("copied");
    let pair = |old, new| (MessageId::new(1, old), MessageId::new(1, new));
    assert_eq!(outcome, MoveCopyOutcome { pairs: vec![pair(1, 11), pair(2, 12)], complete: true, partial: false });
    assert_eq!(server.rops().len(), 2);
    let changes = mailbox.changes_so_far().await.expect("changes");
    assert!(changes.folders.contains_key(&OUTBOX) && server.rops().len() == 2);
}

#[tokio::test]
async fn changes_wait_for_news() {
    let server = Server::default();
    let mailbox = server.mailbox().await;
    server.state().waits.extend([true, false]);
    server.hook(|request| {
        let empty = request.requests.is_empty();
        empty.then(|| Ok(vec![ResponseBuffer { responses: vec![copied(1, 2)], handles: Vec::new() }]))
    });
    let changes = mailbox.changes().await.expect("changes");
    assert_eq!(changes.folders.into_keys().collect::<Vec<_>>(), [OUTBOX]);
    assert!(mailbox.changes().await.expect("time to look around").is_empty());
    assert_eq!(server.rops().len(), 1);
}

#[tokio::test]
async fn refused_and_uncertain_submissions() {
    let server = Server::default();
    let mailbox = server.mailbox().await;
    let submits = |r: &RequestBuffer| r.requests.iter().any(|r| r.body.rop_id() == RopId::SUBMIT_MESSAGE);
    server.hook(|_| None);
    assert_eq!(mailbox.submit(&note(10_000)).await.ok(), Some(MessageId::new(1, 0x77)));
    assert_eq!(server.rops().len(), 2);

    server.hook(move |request| {
        submits(request).then(|| {
            let refuse = |rop: &RopRequest| match &rop.body {
                RequestBody::SubmitMessage(_) => answer(rop, ErrorCode::WARN_CANCEL_MESSAGE, ResponseBody::Empty),
                _ => yes(rop),
            };
            let answered = request.requests.iter().filter(|rop| rop.body != RequestBody::Release);
            Ok(vec![ResponseBuffer { responses: answered.map(refuse).collect(), handles: request.handles.clone() }])
        })
    });
    let refused = mailbox.submit(&note(10)).await.expect_err("refused");
    assert!(matches!(refused, NotSubmitted::Refused(_)), "{refused}");
    assert!(server.rops()[2].contains(&RopId::DELETE_MESSAGES));

    server.hook(move |request| submits(request).then(|| Err(ClientError::OutcomeUnknown("cut".into()))));
    assert!(matches!(mailbox.submit(&note(10)).await, Err(NotSubmitted::Unknown(_))));
    server.hook(move |_| Some(Err(ClientError::OutcomeUnknown("cut".into()))));
    assert!(matches!(mailbox.submit(&note(10)).await, Err(NotSubmitted::NotSent(_))));
}

/// A hook that answers FastTransfer requests with `stream`, made of the ids asked for, 100 bytes per payload.
fn streaming(mut stream: impl FnMut(&[MessageId]) -> Vec<u8> + Send + 'static) -> Hook {
    let mut left = VecDeque::new();
    Box::new(move |request| {
        let handles = (0..request.handles.len() as u32).map(|n| n + 100).collect();
        let mut buffers = vec![ResponseBuffer { responses: Vec::new(), handles }];
        for rop in request.requests.iter().filter(|rop| rop.body != RequestBody::Release) {
            if let RequestBody::FastTransferSourceCopyMessages(copy) = &rop.body {
                left = stream(&copy.message_ids).into();
            }
            if !matches!(rop.body, RequestBody::FastTransferSourceGetBuffer(_)) {
                buffers[0].responses.push(yes(rop));
                continue;
            }
            for payload in 0..4 {
                if payload > 0 {
                    buffers.push(ResponseBuffer { responses: Vec::new(), handles: Vec::new() });
                }
                let transfer_buffer: Vec<u8> = left.drain(..left.len().min(100)).collect();
                let transfer_status = if left.is_empty() { 3 } else { 1 };
                let body = ResponseBody::FastTransferSourceGetBuffer(FastTransferSourceGetBufferResponse {
                    transfer_status,
                    in_progress_count: 0,
                    total_step_count: 0,
                    reserved: 0,
                    transfer_buffer,
                    backoff_time: None,
                });
                let last = buffers.last_mut()?;
                last.responses.push(answer(rop, ErrorCode::NONE, body));
                if transfer_status == 3 {
                    break;
                }
            }
        }
        Some(Ok(buffers))
    })
}

async fn fetch(mailbox: &Mailbox, ids: &[MessageId]) -> Vec<(MessageId, &'static str)> {
    let limits = MessageLimits { bytes: 2000, ..MessageLimits::default() };
    let options = FetchOptions { limits, batch: 4, ..FetchOptions::default() };
    let mut fetch = mailbox.fetch_messages(INBOX, ids, options);
    let mut out = Vec::new();
    while let Some(fetched) = fetch.next().await.expect("a stream") {
        out.push(match fetched {
            Fetched::Message { mid, .. } => (mid, "here"),
            Fetched::Missing(mid) => (mid, "missing"),
            Fetched::TooLarge { mid, .. } => (mid, "large"),
            Fetched::Unreadable { mid, .. } => (mid, "unreadable"),
            Fetched::Growing { .. } => panic!("nobody asked for it"),
        });
    }
    out
}

#[tokio::test]
async fn fetched_messages_are_told_apart() {
    let server = Server::default();
    let mailbox = server.mailbox().await;
    let make = |ids: &[MessageId]| {
        let mut writer = StreamWriter::new();
        for id in ids {
            match id.counter.value() {
                3 => drop(writer.message(&MessageContent::default(), false)),
                4 => {}
                number => {
                    let mut content = note(if number == 2 { 5000 } else { 50 });
                    content.properties.set(tags::PidTagMid, PropertyValue::Integer64(id.to_i64()));
                    writer.message(&content, false);
                }
            };
        }
        writer.into_vec()
    };
    server.state().hook = Some(streaming(make));
    let ids = mids(1..7);
    let got = fetch(&mailbox, &ids).await;
    let expected = [(1, "here"), (2, "large"), (3, "missing"), (4, "missing"), (5, "here"), (6, "here")];
    assert_eq!(got, expected.map(|(n, what)| (MessageId::new(1, n), what)));
}

#[tokio::test]
async fn one_message_that_cannot_be_read_keeps_no_other_back() {
    let server = Server::default();
    let mailbox = server.mailbox().await;
    let asked = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&asked);
    let make = move |ids: &[MessageId]| {
        told.lock().unwrap().push(ids.len());
        let first_time = told.lock().unwrap().len() == 1;
        let mut writer = StreamWriter::new();
        for id in ids {
            let mut content = note(50);
            content.properties.set(tags::PidTagMid, PropertyValue::Integer64(id.to_i64()));
            match id.counter.value() {
                // Malformed, the second one only once.
                2 => drop(writer.marker(Marker::StartMessage).marker(Marker::StartMessage)),
                4 if first_time => drop(writer.marker(Marker::EndAttach)),
                _ => drop(writer.message(&content, false)),
            }
        }
        writer.into_vec()
    };
    server.state().hook = Some(streaming(make));
    let got = fetch(&mailbox, &mids(1..5)).await;
    let expected = [(1, "here"), (2, "unreadable"), (3, "here"), (4, "here")];
    assert_eq!(got, expected.map(|(n, what)| (MessageId::new(1, n), what)));
    assert_eq!(*asked.lock().unwrap(), [4, 1, 1, 1, 1], "together, then alone, and once more what could not be read");
}

#[tokio::test]
async fn without_ids_messages_are_fetched_one_by_one() {
    let server = Server::default();
    let mailbox = server.mailbox().await;
    let make = |ids: &[MessageId]| {
        let mut writer = StreamWriter::new();
        for _ in ids.iter().filter(|id| id.counter.value() != 2) {
            writer.message(&note(10), false);
        }
        writer.into_vec()
    };
    server.state().hook = Some(streaming(make));
    let got = fetch(&mailbox, &mids(1..4)).await;
    let expected = [(1, "here"), (2, "missing"), (3, "here")];
    assert_eq!(got, expected.map(|(n, what)| (MessageId::new(1, n), what)));
}

#[tokio::test]
async fn rows_come_until_the_end_whichever_way_the_server_chains() {
    let server = Server::default();
    let mailbox = server.mailbox().await;
    let columns: Arc<[_]> = Arc::new([tags::PidTagMid]);
    let mut next = 0;
    let mut modes = Vec::new();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&seen);
    let tags = Arc::clone(&columns);
    server.hook(move |request| {
        let RequestBody::QueryRows(query) = &request.requests.last()?.body else { return None };
        modes.push(query.query_rows_flags);
        told.lock().unwrap().clone_from(&modes);
        // As Gromox does: several payloads only without EnablePackedBuffers.
        let payloads = if query.query_rows_flags == 0 { 3 } else { 1 };
        let handles = (0..request.handles.len() as u32).map(|n| n + 100).collect();
        let mut buffers = vec![ResponseBuffer { responses: Vec::new(), handles }];
        let before = request.requests.iter().rev().skip(1).rev().filter(|rop| rop.body != RequestBody::Release);
        buffers[0].responses.extend(before.map(yes));
        for payload in 0..payloads {
            if payload > 0 {
                buffers.push(ResponseBuffer { responses: Vec::new(), handles: Vec::new() });
            }
            let rows: Vec<_> = (next..(next + 10).min(95))
                .map(|n| PropertyRow::new(vec![RowValue::Value(PropertyValue::Integer64(n))]))
                .collect();
            next += rows.len() as i64;
            let origin = if next == 95 { 2 } else { 1 };
            let body = QueryRowsResponse { origin, columns: Arc::clone(&tags), rows };
            buffers.last_mut()?.responses.push(answer(
                request.requests.last()?,
                ErrorCode::NONE,
                ResponseBody::QueryRows(body),
            ));
            if origin == 2 {
                break;
            }
        }
        Some(Ok(buffers))
    });
    let mut count = 0;
    let query = ContentsQuery { columns: columns.to_vec(), ..ContentsQuery::default() };
    mailbox.contents_rows(INBOX, &query, |rows| count += rows.len()).await.expect("rows");
    assert_eq!(count, 95);
    assert_eq!(*seen.lock().unwrap(), [2, 0, 0, 0]);
}

#[tokio::test]
async fn a_missing_answer_is_an_error_with_unknown_outcome() {
    let server = Server::default();
    let mailbox = server.mailbox().await;
    server.hook(|request| Some(Ok(vec![ResponseBuffer { responses: Vec::new(), handles: request.handles.clone() }])));
    let error = mailbox.delete_messages(INBOX, &mids(1..2)).await.expect_err("no answers");
    assert!(error.is_outcome_unknown(), "{error}");
}
