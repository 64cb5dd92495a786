//! What servers say to requests that cannot be carried out.

use mapi_core::ErrorCode;
use mapi_core::client::ClientError;
use mapi_core::property::{RowValue, TaggedValue, tags};
use mapi_core::rop::{
    GetPropertiesSpecificRequest, GetTableRequest, LogonRequest, LogonResponse, MoveCopyMessagesRequest,
    OpenFolderRequest, OpenMessageRequest, QueryRowsRequest, RequestBody, Response, ResponseBody, RopRequest,
    SaveChangesMessageRequest, special_folder,
};

use super::super::Trouble;
use super::super::bench::message::unknown_id;
use super::super::bench::session::{ONE_PAYLOAD, OUT};
use super::super::bench::{code, shown, text, yes};
use super::super::{Bench, Expected, Needs, Scenario};
use super::done::{Done, result};

const ANY_ERROR: &str = "any error is an error";

pub(super) const OBJECTS: Scenario = Scenario {
    name: "errors about objects",
    needs: Needs::Nothing,
    expected: &[
        Expected::must("unknown folder", "ecNotFound"),
        Expected::must("unknown message", "ecNotFound"),
        Expected::may("handle of nothing", "ecNullObject", &["ecError"], ANY_ERROR),
        Expected::may("released handle", "ecNullObject", &["ecError"], ANY_ERROR),
        Expected::may("rows of a folder", "ecNotSupported", &["ecNullObject"], ANY_ERROR),
        Expected::may("rows without columns", "ecNullObject", &["ecError", "ecNotInitialized"], ANY_ERROR),
        Expected::may(
            "table with an unknown flag",
            "ecNotSupported",
            &["ok", "ecInvalidParam"],
            "the gateway asks with known flags only",
        ),
        Expected::may("move to nothing", "ecDstNullObject", &["ecNullObject"], ANY_ERROR),
        Expected::may(
            "change through a read-only handle",
            "refused",
            &["saved"],
            "the gateway opens for writing what it changes",
        ),
        Expected::must("property that is not there", "ecNotFound"),
        Expected::must("operation behind a failed one", "runs"),
    ],
    run: |b| Box::pin(objects(b)),
};

async fn objects(b: &mut Bench) -> Done {
    let folder = b.folder;
    let message = b.create_plain(folder, "one").await?;
    let answer = b.try_open_folder(unknown_id(folder)).await?;
    b.see("unknown folder", result(&answer));
    let answer = b.try_open_message(folder, unknown_id(folder), OpenMessageRequest::READ_ONLY).await?;
    b.see("unknown message", result(&answer));
    let answer = b.call(0x7777_0000, names_of_folder()).await?;
    b.see("handle of nothing", result(&answer));
    let gone = b.open_folder(folder).await?;
    b.release(gone).await?;
    let answer = b.call(gone, names_of_folder()).await?;
    b.see("released handle", result(&answer));
    let rows = || QueryRowsRequest { query_rows_flags: 0, forward_read: true, row_count: 1 };
    let answer = b.call(b.handle, RequestBody::QueryRows(rows())).await?;
    b.see("rows of a folder", result(&answer));
    let table = GetTableRequest { output_handle_index: OUT, table_flags: GetTableRequest::USE_UNICODE };
    let table = b.call(b.handle, RequestBody::GetContentsTable(table)).await?.ok()?.handle;
    let answer = b.call(table, RequestBody::QueryRows(rows())).await?;
    b.see("rows without columns", result(&answer));
    const UNKNOWN: u8 = 0x01;
    let request = GetTableRequest { output_handle_index: OUT, table_flags: GetTableRequest::USE_UNICODE | UNKNOWN };
    let answer = b.call(b.handle, RequestBody::GetContentsTable(request)).await?;
    b.see("table with an unknown flag", result(&answer));
    let request = MoveCopyMessagesRequest {
        dest_handle_index: 1,
        message_ids: vec![message],
        want_asynchronous: false,
        want_copy: false,
    };
    let answer = b.call_two(b.handle, 0x7777_0000, RequestBody::MoveCopyMessages(request)).await?;
    b.see("move to nothing", result(&answer));
    let opened = b.try_open_message(folder, message, OpenMessageRequest::READ_ONLY).await?.ok()?.handle;
    let (set, problems) = b.set(opened, vec![text(tags::PidTagSubject, "changed")]).await?;
    let saved = b.save(opened, SaveChangesMessageRequest::KEEP_OPEN_READ_ONLY).await?;
    let refused = !set.is_success() || problems > 0 || !saved.code.is_success();
    b.see("change through a read-only handle", if refused { "refused" } else { "saved" });
    let values = b.get(opened, &[tags::PidTagInReplyToId]).await?;
    b.see("property that is not there", shown(values.first()));
    let requests = [unknown_id(folder), folder].map(|folder_id| RopRequest {
        logon_id: 0,
        handle_index: 0,
        body: RequestBody::OpenFolder(OpenFolderRequest { output_handle_index: 1, folder_id, open_mode_flags: 0 }),
    });
    let handles = vec![b.store, mapi_core::rop::NO_HANDLE];
    let buffers = b.exchange(requests.to_vec(), handles, ONE_PAYLOAD, false).await?;
    let codes: Vec<_> = buffers.iter().flat_map(|buffer| buffer.answers()).map(|answer| answer.return_value).collect();
    let runs = codes == [ErrorCode::NOT_FOUND, ErrorCode::NONE];
    b.see("operation behind a failed one", if runs { "runs".to_owned() } else { format!("{codes:?}") });
    Ok(())
}

fn names_of_folder() -> RequestBody {
    RequestBody::GetPropertiesSpecific(GetPropertiesSpecificRequest {
        property_size_limit: 0,
        want_unicode: true,
        property_tags: vec![tags::PidTagDisplayName],
    })
}

pub(super) const OTHER_MAILBOX: Scenario = Scenario {
    name: "another's mailbox",
    needs: Needs::SecondUser,
    expected: &[
        Expected::must("inbox of another without right", "refused"),
        Expected::may("where", "folder", &["logon"], "a logon that succeeds proves nothing"),
        Expected::must("owner right told", "no"),
        Expected::may("mailbox of nobody", "ecUnknownUser", &["ecLoginPerm", "ecNotFound", "ecError"], ANY_ERROR),
    ],
    run: |b| Box::pin(other_mailbox(b)),
};

async fn other_mailbox(b: &mut Bench) -> Done {
    let Some(second) = b.target.second.clone() else { return Ok(()) };
    let answer = log_on(b, second.legacy_dn()).await?;
    match answer {
        Ok((store, logon)) => {
            let open = OpenFolderRequest {
                output_handle_index: OUT,
                folder_id: logon.folder_ids[special_folder::INBOX],
                open_mode_flags: 0,
            };
            let opened = b.call_as(1, store, store, RequestBody::OpenFolder(open)).await?;
            b.see("inbox of another without right", if opened.code.is_success() { "opens" } else { "refused" });
            b.see("where", "folder");
            b.see("owner right told", yes(logon.response_flags & 0x02 != 0));
        }
        Err(_) => {
            b.see("inbox of another without right", "refused");
            b.see("where", "logon");
            b.see("owner right told", "no");
        }
    }
    let nobody = nobody(b.target.user.legacy_dn());
    let nobody = log_on(b, &nobody).await?;
    b.see("mailbox of nobody", nobody.map_or_else(code, |_| "ok".to_owned()));
    Ok(())
}

/// A distinguished name like `own` that nobody has.
pub(super) fn nobody(own: &str) -> String {
    let prefix = own.rfind('=').and_then(|at| own.get(..=at)).unwrap_or_default();
    format!("{prefix}conformance-nobody")
}

/// A second logon of the session.
async fn log_on(b: &mut Bench, dn: &str) -> Result<Result<(u32, mapi_core::rop::PrivateLogon), ErrorCode>, Trouble> {
    let request = RopRequest { logon_id: 1, handle_index: 0, body: RequestBody::Logon(LogonRequest::mailbox(dn)) };
    let buffers = b.exchange(vec![request], vec![mapi_core::rop::NO_HANDLE], ONE_PAYLOAD, false).await?;
    for buffer in buffers {
        for response in buffer.responses {
            let Response::Rop(answer) = response else { continue };
            return Ok(match (answer.body, buffer.handles.first()) {
                (ResponseBody::Logon(LogonResponse::Private(logon)), Some(store)) => Ok((*store, logon)),
                _ => Err(answer.return_value),
            });
        }
    }
    Err(Trouble::Answer(mapi_core::rop::RopId::LOGON))
}

pub(super) const LARGE_ANSWERS: Scenario = Scenario {
    name: "answers beyond 32 KiB",
    needs: Needs::Nothing,
    expected: &[
        Expected::may(
            "a request whose answers do not fit",
            "RopBufferTooSmall",
            &["ecBufferTooSmall"],
            "the gateway keeps the answers of a request small, and takes the error as an unknown outcome",
        ),
        Expected::may("answers before that", "some", &["none"], "with the error there are none"),
        Expected::must("session afterwards", "usable"),
        Expected::may("value above the limit asked for", "there", &["ecMAPIOOM"], "the gateway asks for no limit"),
    ],
    run: |b| Box::pin(large_answers(b)),
};

async fn large_answers(b: &mut Bench) -> Done {
    let long = "x".repeat(4000);
    let values: Vec<TaggedValue> = vec![text(tags::PidTagSubject, "large"), text(tags::PidTagBody, &long)];
    let message = b.create_message(b.folder, values).await?;
    let handle = b.open_message(b.folder, message).await?;
    let get = |limit| RopRequest {
        logon_id: 0,
        handle_index: 0,
        body: RequestBody::GetPropertiesSpecific(GetPropertiesSpecificRequest {
            property_size_limit: limit,
            want_unicode: true,
            property_tags: vec![tags::PidTagBody],
        }),
    };
    match b.exchange(vec![get(0); 12], vec![handle], ONE_PAYLOAD, false).await {
        Ok(buffers) => {
            let responses: Vec<_> = buffers.iter().flat_map(|buffer| &buffer.responses).collect();
            let told = responses.iter().any(|response| matches!(response, Response::BufferTooSmall { .. }));
            b.see("a request whose answers do not fit", if told { "RopBufferTooSmall" } else { "answers" });
            b.see(
                "answers before that",
                match responses.len() {
                    0 | 1 => "none",
                    2..=12 => "some",
                    _ => "all",
                },
            );
        }
        Err(Trouble::Client(ClientError::Rejected(error))) => {
            b.see("a request whose answers do not fit", code(error));
            b.see("answers before that", "none");
        }
        Err(error) => return Err(error),
    }
    let usable = b.get(handle, &[tags::PidTagSubject]).await.is_ok();
    b.see("session afterwards", if usable { "usable" } else { "not usable" });
    let buffers = b.exchange(vec![get(100)], vec![handle], ONE_PAYLOAD, false).await?;
    let answer = buffers.iter().flat_map(|buffer| buffer.answers()).next();
    let value = answer.and_then(|answer| match &answer.body {
        ResponseBody::GetPropertiesSpecific(got) => got.row.values.first(),
        _ => None,
    });
    let value = match value {
        Some(RowValue::Value(_)) => "there".to_owned(),
        other => shown(other),
    };
    b.see("value above the limit asked for", value);
    Ok(())
}
