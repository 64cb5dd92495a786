//! Messages that have to be opened, by a server that answers with as many recipients as fit.

use super::*;
use crate::wire::{WireError, WireErrorKind};

/// Room for all answers of a request, and for one recipient, as Gromox sees it.
const ROOM: usize = 32 * 1024;
const ROW: usize = 600;

/// Answers as Gromox does, with recipients of so many bytes: where not one of them fits, the answer is unreadable, and
/// where other answers do not fit, the whole request fails.
fn gromox(recipients: impl Fn(MessageId) -> usize) -> impl FnMut(&RequestBuffer) -> Option<GromoxAnswer> {
    let mut next = 100;
    move |request| {
        let mut handles = request.handles.clone();
        let (mut used, mut responses) = (0, Vec::new());
        for rop in request.requests.iter().filter(|rop| rop.body != RequestBody::Release) {
            if let Some(index) = rop.output_handle_index() {
                next += 1;
                handles[usize::from(index)] = next;
            }
            let response = match &rop.body {
                RequestBody::OpenMessage(open) if recipients(open.message_id) > ROOM - ROW - used.min(ROOM - ROW) => {
                    if used + ROW + 256 > ROOM {
                        let kind = WireErrorKind::Truncated { needed: 588, left: 294 };
                        return Some(Err(ClientError::Protocol(WireError::new(used, "RowCount", kind))));
                    }
                    answer(rop, ErrorCode::NONE, ResponseBody::OpenMessage(with_recipients(ROOM - used - 256)))
                }
                RequestBody::OpenMessage(open) => answer(
                    rop,
                    ErrorCode::NONE,
                    ResponseBody::OpenMessage(with_recipients(recipients(open.message_id))),
                ),
                _ => yes(rop),
            };
            let mut writer = crate::wire::Writer::new();
            response.encode(&mut writer).expect("short");
            used += writer.len();
            if used > ROOM {
                return Some(Err(ClientError::Rejected(ErrorCode::BUFFER_TOO_SMALL)));
            }
            responses.push(response);
        }
        Some(Ok(vec![ResponseBuffer { responses, handles }]))
    }
}

type GromoxAnswer = Result<Vec<ResponseBuffer>, ClientError>;

/// As good as recipients: a subject of so many bytes.
fn with_recipients(bytes: usize) -> OpenMessageResponse {
    OpenMessageResponse { normalized_subject: TypedString::ReducedUnicode("x".repeat(bytes)), ..opened() }
}

fn gid(number: u64) -> Gid {
    Gid { replica_guid: GUID, counter: GlobalCounter::new(number) }
}

fn flagged(numbers: std::ops::Range<u64>) -> MessageUpdates {
    let set = PropertyBag::from_iter([(tags::PidTagFlagStatus, PropertyValue::Integer32(2))]);
    MessageUpdates::new(numbers.map(|n| GidUpdate { gid: gid(n), set: set.clone(), delete: Vec::new() }))
}

/// Runs changes to their end, over another session whenever one is lost. Returns the number of sessions lost.
async fn finish(updates: &mut MessageUpdates, server: &Server, mut mailbox: Mailbox) -> usize {
    for lost in 0..20 {
        match updates.run(&mailbox, INBOX).await {
            Ok(()) => return lost,
            Err(error) => assert!(error.is_session_lost(), "{error}"),
        }
        let hook = server.state().hook.take();
        mailbox = server.mailbox().await;
        server.state().hook = hook;
    }
    panic!("no end");
}

fn saved(server: &Server) -> usize {
    server.rops().concat().iter().filter(|rop| **rop == RopId::SAVE_CHANGES_MESSAGE).count()
}

#[tokio::test]
async fn a_thousand_messages_with_one_recipient_need_few_requests() {
    let server = Server::default();
    let mailbox = server.mailbox().await;
    server.hook(gromox(|_| 700));
    let mut updates = flagged(1..1001);
    assert_eq!(finish(&mut updates, &server, mailbox).await, 0);
    assert!(updates.into_results().iter().all(|result| matches!(result, Some(Ok(_)))));
    let requests = server.rops().len();
    assert!(requests <= 42, "{requests}");
    assert_eq!(saved(&server), 1000);
}

/// `STORE +FLAGS` on ordinary mail, in which some messages have many recipients.
#[tokio::test]
async fn flags_on_messages_with_many_recipients_are_set() {
    let server = Server::default();
    let mailbox = server.mailbox().await;
    let recipients = |id: MessageId| if id.counter.value() % 40 == 20 { 60_000 } else { 700 };
    server.hook(gromox(recipients));
    let mut updates = flagged(1..201);
    let lost = finish(&mut updates, &server, mailbox).await;
    assert!(lost <= 3, "{lost} sessions lost: one for each time that it trusted too early");
    assert!(updates.into_results().iter().all(|result| matches!(result, Some(Ok(_)))));
    // Whoever opens one by one has RopOpenMessage at the end of each request.
    let rops = server.rops();
    let single = rops.iter().filter(|rops| rops.last() == Some(&RopId::OPEN_MESSAGE));
    assert!(single.clone().count() >= 16, "{rops:?}");
    assert!(single.clone().all(|rops| rops.iter().filter(|rop| **rop == RopId::OPEN_MESSAGE).count() == 1));
}

#[tokio::test]
async fn large_messages_only_lose_no_session_but_the_first() {
    let server = Server::default();
    let mailbox = server.mailbox().await;
    server.hook(gromox(|_| 60_000));
    let mut updates = flagged(1..101);
    assert!(finish(&mut updates, &server, mailbox).await <= 1);
    assert!(updates.into_results().iter().all(|result| matches!(result, Some(Ok(_)))));
    // One that was too much, two to open the mailbox again.
    assert!(server.rops().len() <= 104, "{}", server.rops().len());
}

#[tokio::test]
async fn results_before_a_lost_session_are_kept() {
    let server = Server::default();
    let mailbox = server.mailbox().await;
    let mut inner = gromox(|_| 700);
    let mut requests = 0;
    server.hook(move |request| {
        requests += 1;
        if requests == 2 {
            return Some(Err(ClientError::OutcomeUnknown("cut".into())));
        }
        let mut buffers = inner(request)?.expect("fits");
        for response in &mut buffers[0].responses {
            // The second of the batch is gone.
            if let (Response::Rop(answer), 1) = (&mut *response, requests)
                && answer.rop_id == RopId::OPEN_MESSAGE
                && answer.handle_index == 3
            {
                (answer.return_value, answer.body) = (ErrorCode::NOT_FOUND, ResponseBody::Empty);
            }
        }
        Some(Ok(buffers))
    });
    let mut updates = flagged(1..31);
    let error = updates.run(&mailbox, INBOX).await.expect_err("cut");
    assert!(error.is_outcome_unknown());
    assert_eq!(updates.left(), 22, "the first request opened eight");
    let before = server.rops().len();
    updates.run(&mailbox, INBOX).await.expect("the rest");
    let again: usize = server.rops()[before..].concat().iter().filter(|rop| **rop == RopId::OPEN_MESSAGE).count();
    assert_eq!(again, 22);
    let results = updates.into_results();
    let failed: Vec<_> = results.iter().filter_map(|r| r.as_ref()?.as_ref().err()?.code()).collect();
    assert!(failed.iter().all(|code| *code == ErrorCode::NOT_FOUND) && failed.len() <= 1, "{failed:?}");
    assert_eq!(results.iter().flatten().count(), 30);
}

#[tokio::test]
async fn a_message_that_is_never_readable_is_given_up_and_the_others_are_changed() {
    let server = Server::default();
    let mailbox = server.mailbox().await;
    let mut inner = gromox(|_| 700);
    server.hook(move |request| {
        let bad =
            |rop: &RopRequest| matches!(&rop.body, RequestBody::OpenMessage(o) if o.message_id == MessageId::new(1, 5));
        if request.requests.iter().any(bad) {
            let kind = WireErrorKind::Invalid(9);
            return Some(Err(ClientError::Protocol(WireError::new(0, "RowCount", kind))));
        }
        inner(request)
    });
    let mut updates = flagged(1..21);
    assert!(finish(&mut updates, &server, mailbox).await <= 4);
    let results = updates.into_results();
    for (number, result) in (1..).zip(&results) {
        assert_eq!(matches!(result, Some(Ok(_))), number != 5, "{number}: {result:?}");
    }
}

#[tokio::test]
async fn messages_of_unknown_replicas_are_gone() {
    let server = Server::default();
    let mailbox = server.mailbox().await;
    server.hook(|request| {
        let answers = request.requests.iter().filter(|rop| rop.body != RequestBody::Release);
        let answers = answers.map(|rop| answer(rop, ErrorCode::NOT_FOUND, ResponseBody::Empty));
        Some(Ok(vec![ResponseBuffer { responses: answers.collect(), handles: request.handles.clone() }]))
    });
    let foreign = Gid { replica_guid: Guid([8; 16]), counter: GlobalCounter::new(1) };
    let update = GidUpdate { gid: foreign, set: PropertyBag::new(), delete: Vec::new() };
    let mut updates = MessageUpdates::new([update]);
    updates.run(&mailbox, INBOX).await.expect("run");
    let results = updates.into_results();
    let code = results[0].as_ref().and_then(|result| result.as_ref().err()?.code());
    assert_eq!(code, Some(ErrorCode::NOT_FOUND));
}
