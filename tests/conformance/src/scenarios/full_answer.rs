//! Several messages opened by one request, whose answers may not fit.

use mapi_core::client::ClientError;
use mapi_core::id::MessageId;
use mapi_core::property::tags;
use mapi_core::rop::{NO_HANDLE, OpenMessageRequest, RequestBody, Response, ResponseBody, RopRequest};

use super::super::Trouble;
use super::super::bench::session::ONE_PAYLOAD;
use super::super::bench::{code, text};
use super::super::{Bench, Expected, Needs, Scenario};
use super::done::Done;

pub(super) const FULL_ANSWER: Scenario = Scenario {
    name: "messages opened in one request",
    needs: Needs::Nothing,
    expected: &[
        Expected::may(
            "two with few recipients",
            "2 rows, 2 rows",
            &["1 rows, 1 rows", "0 rows, 0 rows"],
            "RopReadRecipients has all of them",
        ),
        Expected::may(
            "two that fill the answer",
            "readable",
            &["malformed", "RopBufferTooSmall", "ecBufferTooSmall"],
            "the gateway opens few messages in a request, and fewer after an answer that it can't read",
        ),
        Expected::must("session afterwards", "usable"),
    ],
    run: |b| Box::pin(full_answer(b)),
};

/// The rows of two messages opened by one request, or how that failed.
async fn opened_together(b: &mut Bench, messages: [MessageId; 2]) -> Result<Result<Vec<usize>, String>, Trouble> {
    let open = |(output_handle_index, message_id): (u8, MessageId)| RopRequest {
        logon_id: 0,
        handle_index: 0,
        body: RequestBody::OpenMessage(OpenMessageRequest {
            output_handle_index,
            code_page_id: OpenMessageRequest::LOGON_CODE_PAGE,
            folder_id: b.folder,
            open_mode_flags: OpenMessageRequest::READ_ONLY,
            message_id,
        }),
    };
    let requests: Vec<_> = (1..).zip(messages).map(open).collect();
    let handles = vec![b.store, NO_HANDLE, NO_HANDLE];
    match b.exchange(requests, handles, ONE_PAYLOAD, false).await {
        Ok(buffers) => {
            let mut rows = Vec::new();
            for response in buffers.iter().flat_map(|buffer| &buffer.responses) {
                match response {
                    Response::Rop(answer) => match &answer.body {
                        ResponseBody::OpenMessage(open) => rows.push(open.recipient_rows.len()),
                        _ => return Ok(Err(code(answer.return_value))),
                    },
                    Response::BufferTooSmall { .. } => return Ok(Err("RopBufferTooSmall".into())),
                    _ => {}
                }
            }
            Ok(Ok(rows))
        }
        Err(Trouble::Wire(_)) => Ok(Err("malformed".into())),
        Err(Trouble::Client(ClientError::Rejected(error))) => Ok(Err(code(error))),
        Err(error) => Err(error),
    }
}

async fn with_recipients(b: &mut Bench, count: usize) -> Result<MessageId, Trouble> {
    let people: Vec<_> = (0..count).map(|n| (1, format!("person{n}@example.org"))).collect();
    let handle = b.new_message(b.folder, vec![text(tags::PidTagMessageClass, "IPM.Note")]).await?;
    b.set_recipients(handle, &people).await?.ok()?;
    let message = b.save_new(handle).await?;
    b.release(handle).await?;
    Ok(message)
}

async fn full_answer(b: &mut Bench) -> Done {
    let few = [with_recipients(b, 2).await?, with_recipients(b, 2).await?];
    let rows = opened_together(b, few).await?;
    b.see(
        "two with few recipients",
        match rows {
            Ok(rows) => rows.iter().map(|count| format!("{count} rows")).collect::<Vec<_>>().join(", "),
            Err(how) => how,
        },
    );
    let many = [with_recipients(b, 200).await?, with_recipients(b, 200).await?];
    let rows = opened_together(b, many).await?;
    b.see("two that fill the answer", rows.map_or_else(|how| how, |_| "readable".to_owned()));
    let usable = b.get(b.handle, &[tags::PidTagDisplayName]).await.is_ok();
    b.see("session afterwards", if usable { "usable" } else { "not usable" });
    Ok(())
}
