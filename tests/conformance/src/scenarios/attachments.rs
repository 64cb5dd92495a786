//! Files and messages attached to messages.

use mapi_core::id::MessageId;
use mapi_core::property::{PropertyTag, tags};
use mapi_core::rop::{
    CreateAttachmentRequest, GetTableRequest, OpenAttachmentRequest, OpenEmbeddedMessageRequest, OpenMessageRequest,
    RequestBody, ResponseBody, SaveChangesAttachmentRequest, SaveChangesMessageRequest,
};

use super::super::Trouble;
use super::super::bench::session::OUT;
use super::super::bench::{bytes, integer, same, shown, text, yes};
use super::super::{Bench, Expected, Needs, Scenario};
use super::done::Done;

const COLUMNS: [PropertyTag; 5] = [
    tags::PidTagAttachNumber,
    tags::PidTagAttachMethod,
    tags::PidTagAttachLongFilename,
    tags::PidTagAttachContentId,
    tags::PidTagAttachSize,
];

/// A new attachment of a message that is open for writing; it has to be saved.
async fn attach(b: &mut Bench, message: u32, method: i32) -> Result<(u32, u32), Trouble> {
    let request = CreateAttachmentRequest { output_handle_index: OUT };
    let answer = b.call(message, RequestBody::CreateAttachment(request)).await?.ok()?;
    let ResponseBody::CreateAttachment(made) = &answer.body else { return answer.odd() };
    let values = vec![integer(tags::PidTagAttachMethod, method), integer(tags::PidTagRenderingPosition, -1)];
    b.set(answer.handle, values).await?;
    Ok((answer.handle, made.attachment_id))
}

async fn save_attachment(b: &mut Bench, message: u32, attachment: u32) -> Done {
    let save = SaveChangesAttachmentRequest {
        input_handle_index: 1,
        save_flags: SaveChangesMessageRequest::KEEP_OPEN_READ_ONLY,
    };
    b.call_two(message, attachment, RequestBody::SaveChangesAttachment(save)).await?.ok()?;
    b.release(attachment).await
}

async fn open_attachment(b: &mut Bench, message: u32, attachment_id: u32) -> Result<u32, Trouble> {
    let request = OpenAttachmentRequest { output_handle_index: OUT, open_attachment_flags: 0, attachment_id };
    Ok(b.call(message, RequestBody::OpenAttachment(request)).await?.ok()?.handle)
}

/// A message with a file, and the number of that.
pub(super) async fn with_file(b: &mut Bench, data: &[u8]) -> Result<(MessageId, u32), Trouble> {
    let values = vec![text(tags::PidTagMessageClass, "IPM.Note"), text(tags::PidTagSubject, "with a file")];
    let message = b.new_message(b.folder, values).await?;
    let (attachment, number) = attach(b, message, 1).await?;
    let values = vec![
        text(tags::PidTagAttachLongFilename, "gr\u{fc}n.bin"),
        text(tags::PidTagAttachMimeTag, "application/octet-stream"),
        text(tags::PidTagAttachContentId, "cid@example.org"),
    ];
    b.set(attachment, values).await?;
    b.write_stream(attachment, tags::PidTagAttachDataBinary, data).await?;
    save_attachment(b, message, attachment).await?;
    let id = b.save_new(message).await?;
    b.release(message).await?;
    Ok((id, number))
}

pub(super) const FILE: Scenario = Scenario {
    name: "attached file",
    needs: Needs::Nothing,
    expected: &[
        Expected::must("rows of the attachment table", "1"),
        Expected::must("number", "same"),
        Expected::must("method", "1"),
        Expected::must("file name", "gr\u{fc}n.bin"),
        Expected::must("content id", "cid@example.org"),
        Expected::must("data", "same"),
        Expected::must("message has attachments", "true"),
        Expected::must("flag of the message", "yes"),
        Expected::must("deleted attachment", "0 rows"),
    ],
    run: |b| Box::pin(file(b)),
};

async fn file(b: &mut Bench) -> Done {
    let data: Vec<u8> = (0..70_000_u32).map(|n| (n * 31 % 256) as u8).collect();
    let (id, number) = with_file(b, &data).await?;
    let message = b.try_open_message(b.folder, id, OpenMessageRequest::READ_WRITE).await?.ok()?.handle;
    let rows = rows(b, message).await?;
    b.see("rows of the attachment table", rows.len());
    let Some(row) = rows.first() else { return Ok(()) };
    let own = row.values.first().and_then(|value| value.value()?.as_i32());
    b.see("number", same(own.map(i32::cast_unsigned) == Some(number)));
    b.see("method", shown(row.values.get(1)));
    b.see("file name", shown(row.values.get(2)));
    b.see("content id", shown(row.values.get(3)));
    let attachment = open_attachment(b, message, number).await?;
    let back = b.read_stream(attachment, tags::PidTagAttachDataBinary).await?;
    b.see("data", same(back == data));
    b.release(attachment).await?;
    let values = b.get(message, &[tags::PidTagHasAttachments, tags::PidTagMessageFlags]).await?;
    b.see("message has attachments", shown(values.first()));
    let flags = values.get(1).and_then(|value| value.value()?.as_i32()).unwrap_or(0);
    b.see("flag of the message", yes(flags & 0x10 != 0));
    let delete = mapi_core::rop::DeleteAttachmentRequest { attachment_id: number };
    b.call(message, RequestBody::DeleteAttachment(delete)).await?.ok()?;
    b.save_new(message).await?;
    b.release(message).await?;
    let message = b.try_open_message(b.folder, id, OpenMessageRequest::READ_ONLY).await?.ok()?.handle;
    let rows = self::rows(b, message).await?;
    b.see("deleted attachment", format_args!("{} rows", rows.len()));
    Ok(())
}

async fn rows(b: &mut Bench, message: u32) -> Result<Vec<mapi_core::property::PropertyRow>, Trouble> {
    let request = GetTableRequest { output_handle_index: OUT, table_flags: GetTableRequest::USE_UNICODE };
    let table = b.call(message, RequestBody::GetAttachmentTable(request)).await?.ok()?.handle;
    b.set_columns(table, &COLUMNS).await?;
    b.all_rows(table).await
}

pub(super) const MESSAGE: Scenario = Scenario {
    name: "attached message",
    needs: Needs::Nothing,
    expected: &[
        Expected::must("method", "5"),
        Expected::must("subject of the inner message", "inner"),
        Expected::must("recipients of the inner message", "1"),
        Expected::must("in the stream: subject", "inner"),
        Expected::must("in the stream: recipients", "1"),
        Expected::must("in the stream: file of the inner message", "same"),
    ],
    run: |b| Box::pin(message(b)),
};

async fn message(b: &mut Bench) -> Done {
    let values = vec![text(tags::PidTagMessageClass, "IPM.Note"), text(tags::PidTagSubject, "outer")];
    let outer = b.new_message(b.folder, values).await?;
    let (attachment, number) = attach(b, outer, 5).await?;
    let create = |mode| {
        RequestBody::OpenEmbeddedMessage(OpenEmbeddedMessageRequest {
            output_handle_index: OUT,
            code_page_id: OpenMessageRequest::LOGON_CODE_PAGE,
            open_mode_flags: mode,
        })
    };
    let inner = b.call(attachment, create(OpenEmbeddedMessageRequest::CREATE)).await?.ok()?.handle;
    let values = vec![text(tags::PidTagMessageClass, "IPM.Note"), text(tags::PidTagSubject, "inner")];
    b.set(inner, values).await?;
    b.set_recipients(inner, &[(1, "inner@example.org".to_owned())]).await?.ok()?;
    let (file, _) = attach(b, inner, 1).await?;
    b.set(file, vec![bytes(tags::PidTagAttachDataBinary, b"inner file")]).await?;
    save_attachment(b, inner, file).await?;
    b.save(inner, SaveChangesMessageRequest::KEEP_OPEN_READ_WRITE).await?.ok()?;
    b.release(inner).await?;
    save_attachment(b, outer, attachment).await?;
    let id = b.save_new(outer).await?;
    b.release(outer).await?;

    let outer = b.try_open_message(b.folder, id, OpenMessageRequest::READ_ONLY).await?.ok()?.handle;
    let attachment = open_attachment(b, outer, number).await?;
    let values = b.get(attachment, &[tags::PidTagAttachMethod]).await?;
    b.see("method", shown(values.first()));
    let opened = b.call(attachment, create(0)).await?.ok()?;
    if let ResponseBody::OpenEmbeddedMessage(open) = &opened.body {
        b.see("recipients of the inner message", open.message.recipient_count);
    }
    let values = b.get(opened.handle, &[tags::PidTagSubject]).await?;
    b.see("subject of the inner message", shown(values.first()));
    let fetched = b.copy_messages(b.handle, &[id]).await?;
    let attached = fetched.first().and_then(|message| message.content.attachments.first());
    let Some(embedded) = attached.and_then(|attachment| attachment.embedded.as_deref()) else { return Ok(()) };
    b.see("in the stream: subject", embedded.properties.text(tags::PidTagSubject).unwrap_or_default());
    b.see("in the stream: recipients", embedded.recipients.len());
    let file = embedded.attachments.first();
    let file = file.and_then(|file| file.properties.binary(tags::PidTagAttachDataBinary));
    b.see("in the stream: file of the inner message", same(file == Some(b"inner file")));
    Ok(())
}
