//! Operations that must not happen twice: what was answered has happened, whatever becomes of the rest.

use super::*;
use crate::http::ResponseCode;

/// Answers a request up to and including the first operation of a kind, and asks to come again for the rest; that the session
/// context is gone is what the next request hears.
fn cut_after(rop: RopId) -> impl FnMut(&RequestBuffer) -> Option<Result<Vec<ResponseBuffer>, ClientError>> {
    let mut cut = false;
    move |request| {
        if cut {
            return Some(Err(ClientError::ContextLost(Some(ResponseCode::CONTEXT_NOT_FOUND))));
        }
        let last = request.requests.iter().position(|one| one.body.rop_id() == rop)?;
        cut = true;
        let mut handles = request.handles.clone();
        let mut responses = Vec::new();
        for one in &request.requests[..=last] {
            if let Some(index) = one.output_handle_index() {
                handles[usize::from(index)] = 900 + u32::from(index);
            }
            if one.body != RequestBody::Release {
                responses.push(yes(one));
            }
        }
        let backoff =
            BackoffResponse { logon_id: 0, duration: 1, backoff_rops: Vec::new(), additional_data: Vec::new() };
        responses.push(Response::Backoff(backoff));
        Some(Ok(vec![ResponseBuffer { responses, handles }]))
    }
}

#[tokio::test]
async fn a_save_that_was_answered_is_done_whatever_follows() {
    let server = Server::default();
    let mailbox = server.mailbox().await;
    let message = mailbox.compose(INBOX, &note(10)).await.expect("composed");
    server.hook(cut_after(RopId::SAVE_CHANGES_MESSAGE));
    let created = mailbox.save(message).await.expect("saved");
    assert_eq!((created.mid, created.change_key), (MessageId::new(1, 0x77), None));
}

#[tokio::test]
async fn a_folder_that_was_made_is_made_whatever_follows() {
    let server = Server::default();
    let mailbox = server.mailbox().await;
    server.hook(cut_after(RopId::CREATE_FOLDER));
    mailbox.create_folder(INBOX, "new", "IPF.Note").await.expect("made");
}

#[tokio::test]
async fn a_copy_that_was_answered_is_done_although_its_pairs_are_lost() {
    let server = Server::default();
    let mailbox = server.mailbox().await;
    server.hook(cut_after(RopId::MOVE_COPY_MESSAGES));
    let outcome = mailbox.move_copy(INBOX, OUTBOX, &mids(1..3), true).await.expect("copied");
    assert_eq!((outcome.pairs.len(), outcome.complete), (0, false));
}

#[tokio::test]
async fn what_was_not_answered_is_told_apart_by_what_may_have_run() {
    let lost = |code| ClientError::ContextLost(code);
    for (error, may_have_run) in [
        (ClientError::OutcomeUnknown("cut".into()), true),
        (ClientError::TooSlow(std::time::Duration::from_secs(300)), true),
        (ClientError::Rejected(ErrorCode::BUFFER_TOO_SMALL), true),
        (ClientError::Rejected(ErrorCode::RPC_FAILED), true),
        (lost(Some(ResponseCode::UNKNOWN_FAILURE)), true),
        (lost(Some(ResponseCode::CONTEXT_NOT_FOUND)), false),
        (lost(Some(ResponseCode::INVALID_SEQUENCE)), false),
        (lost(None), false),
        (ClientError::Rejected(ErrorCode::SERVER_BUSY), false),
        (ClientError::Rejected(ErrorCode::RPC_FORMAT), false),
        (ClientError::Busy(None), false),
        (ClientError::Unreachable("away".into()), false),
    ] {
        let server = Server::default();
        let mailbox = server.mailbox().await;
        let told = error.clone();
        server.hook(move |_| Some(Err(told.clone())));
        let failed = mailbox.move_copy(INBOX, OUTBOX, &mids(1..3), true).await.expect_err("not answered");
        assert_eq!(failed.may_have_run(), may_have_run, "{error:?}");
    }
}

#[tokio::test]
async fn too_many_messages_are_refused_before_anything_is_sent() {
    let server = Server::default();
    let mailbox = server.mailbox().await;
    let before = mailbox.executes();
    let many = mids(1..MOVE_COPY_LIMIT as u64 + 2);
    assert!(matches!(mailbox.move_copy(INBOX, OUTBOX, &many, true).await, Err(MailboxError::Limit { .. })));
    assert_eq!(mailbox.executes(), before);
}
