//! FastTransfer downloads.

use mapi_core::fasttransfer::{MessageLimits, MessageList};
use mapi_core::property::{PropertyKey, PropertyTag, PropertyType, PropertyValue, RowValue, TaggedValue, tags};
use mapi_core::rop::{
    FastTransferSourceCopyToRequest, FastTransferSourceGetBufferRequest, FastTransferSourceGetBufferResponse,
    OpenMessageRequest, RequestBody, ResponseBody, send_options,
};

use super::super::bench::session::OUT;
use super::super::bench::{bytes, integer, same, text, time};
use super::super::{Bench, Expected, Needs, Scenario};
use super::attachments::with_file;
use super::done::Done;
use super::properties::own_name;

pub(super) const MESSAGES: Scenario = Scenario {
    name: "FastTransfer of messages",
    needs: Needs::Nothing,
    expected: &[
        Expected::must("messages", "2 in order"),
        Expected::must("ids inside", "same"),
        Expected::must("properties as set", "same"),
        Expected::must("named property as set", "same"),
        Expected::must("recipients", "1"),
        Expected::must("attachment data", "same"),
        Expected::must("flags in the stream", "there"),
        Expected::may("source key in the stream", "there", &["absent"], "the gateway reads the id"),
        Expected::may(
            "message that does not exist",
            "left out",
            &["empty", "another in its place", "refused"],
            "the gateway looks at the ids inside, and takes a message without class for missing",
        ),
        Expected::must("RopFastTransferSourceCopyTo", "same"),
        Expected::may("GetBuffer with a small size", "parts", &["refused"], "the gateway asks for large ones"),
    ],
    run: |b| Box::pin(messages(b)),
};

async fn messages(b: &mut Bench) -> Done {
    let (folder, handle) = (b.folder, b.handle);
    let named = b.named_tags(&[(own_name("conformance-string"), PropertyType::STRING)]).await?;
    let Some(named) = named.first().copied() else { return Ok(()) };
    let set = vec![
        text(tags::PidTagSubject, "streamed"),
        text(tags::PidTagBody, "Text of the body.\r\n"),
        integer(tags::PidTagImportance, 2),
        time(tags::PidTagMessageDeliveryTime, 1_300_000_000),
        bytes(tags::PidTagConversationIndex, &[3; 40]),
        text(tags::PidTagInternetMessageId, "<streamed@example.org>"),
        text(tags::PidTagTransportMessageHeaders, "Subject: streamed\r\n\r\n"),
    ];
    let mut values = set.clone();
    values.push(text(tags::PidTagMessageClass, "IPM.Note"));
    values.push(TaggedValue::new(named, PropertyValue::String("private".into())));
    let message = b.new_message(folder, values).await?;
    b.set_recipients(message, &[(1, "somebody@example.org".to_owned())]).await?.ok()?;
    let one = b.save_new(message).await?;
    b.release(message).await?;
    let data = vec![0xC3; 100_000];
    let (two, _) = with_file(b, &data).await?;
    let fetched = b.copy_messages(handle, &[two, one]).await?;
    let subjects: Vec<_> = fetched.iter().filter_map(|m| m.content.properties.text(tags::PidTagSubject)).collect();
    let in_order = subjects == ["with a file", "streamed"];
    b.see("messages", format_args!("{} {}", fetched.len(), if in_order { "in order" } else { "otherwise" }));
    let ids: Vec<_> = fetched.iter().filter_map(|message| message.mid).collect();
    b.see("ids inside", same(ids == [two, one]));
    let [file, plain] = fetched.as_slice() else { return Ok(()) };
    let as_set = |bag: &mapi_core::message::PropertyBag| set.iter().all(|v| bag.get(v.tag) == Some(&v.value));
    b.see("properties as set", same(as_set(&plain.content.properties)));
    let key = PropertyKey::Named(own_name("conformance-string"), PropertyType::STRING);
    let value = plain.content.properties.iter().find(|(other, _)| **other == key).and_then(|(_, v)| v.as_str());
    b.see("named property as set", same(value == Some("private")));
    b.see("recipients", plain.content.recipients.len());
    let attached = file.content.attachments.first();
    let attached = attached.and_then(|file| file.properties.binary(tags::PidTagAttachDataBinary));
    b.see("attachment data", same(attached == Some(&data)));
    let there = |tag: PropertyTag| if plain.content.properties.get(tag).is_some() { "there" } else { "absent" };
    b.see("flags in the stream", there(tags::PidTagMessageFlags));
    b.see("source key in the stream", there(tags::PidTagSourceKey));
    let gone = b.gone_message(folder).await?;
    let gone = b.copy_messages(handle, &[gone, one]).await;
    b.see(
        "message that does not exist",
        match gone {
            Ok(list) if list.len() == 1 => "left out".to_owned(),
            Ok(list) => match list.first() {
                Some(first) if first.content.properties.text(tags::PidTagMessageClass).is_none() => "empty".to_owned(),
                Some(first) if first.mid == Some(one) => "another in its place".to_owned(),
                _ => format!("{} messages", list.len()),
            },
            Err(crate::Trouble::Refused { .. }) => "refused".to_owned(),
            Err(error) => return Err(error),
        },
    );
    let opened = b.try_open_message(folder, one, OpenMessageRequest::READ_ONLY).await?.ok()?.handle;
    let copy = || {
        RequestBody::FastTransferSourceCopyTo(FastTransferSourceCopyToRequest {
            output_handle_index: OUT,
            level: 0,
            copy_flags: 0,
            send_options: send_options::UNICODE | send_options::FORCE_UNICODE,
            property_tags: Vec::new(),
        })
    };
    let source = b.call(opened, copy()).await?.ok()?.handle;
    let stream = b.download(source).await?;
    let mut list = MessageList::of_one_message(MessageLimits::default());
    list.push(&stream)?;
    while list.next_message()?.is_some() {}
    let whole = list.finish()?;
    b.see("RopFastTransferSourceCopyTo", same(whole.is_some_and(|whole| as_set(&whole.content.properties))));
    let source = b.call(opened, copy()).await?.ok()?.handle;
    let part = b.get_buffer(source, FastTransferSourceGetBufferRequest::BufferSize(512)).await?;
    let partial = matches!(&part.body, ResponseBody::FastTransferSourceGetBuffer(part)
        if part.transfer_status != FastTransferSourceGetBufferResponse::ERROR);
    b.see(
        "GetBuffer with a small size",
        match part.code.is_success() {
            true if partial => "parts".to_owned(),
            true => "error status".to_owned(),
            false => "refused".to_owned(),
        },
    );
    Ok(())
}

pub(super) const BODIES: Scenario = Scenario {
    name: "bodies of messages",
    needs: Needs::Nothing,
    expected: &[
        Expected::must("plain body in the stream", "same"),
        Expected::may("HTML beside a plain body", "absent", &["there"], "the renderer recognises generated HTML"),
        Expected::may(
            "native body of a plain message",
            "1",
            &["absent", "2", "3"],
            "the renderer looks at what there is",
        ),
        Expected::must("HTML body in the stream", "same"),
        Expected::may("plain text beside HTML", "absent", &["there"], "HTML is what is rendered"),
        Expected::may("native body of an HTML message", "3", &["absent"], "the renderer looks at what there is"),
        Expected::must("plain body as a property", "same"),
        Expected::must("HTML body as a property", "same"),
        Expected::may("plain text made from HTML", "there", &["ecNotFound", "absent"], "it is not asked for"),
    ],
    run: |b| Box::pin(bodies(b)),
};

async fn bodies(b: &mut Bench) -> Done {
    let folder = b.folder;
    let plain_text = "Gr\u{fc}\u{df}e\r\n\r\n> quoted\r\n";
    let html = b"<html><body><p>Hello <b>world</b></p></body></html>";
    let plain = b.create_message(folder, vec![text(tags::PidTagBody, plain_text)]).await?;
    let values = vec![bytes(tags::PidTagHtml, html), integer(tags::PidTagInternetCodepage, 65001)];
    let rich = b.create_message(folder, values).await?;
    let fetched = b.copy_messages(b.handle, &[plain, rich]).await?;
    let [first, second] = fetched.as_slice() else { return Ok(()) };
    let (first, second) = (&first.content.properties, &second.content.properties);
    b.see("plain body in the stream", same(first.text(tags::PidTagBody) == Some(plain_text)));
    let there = |found: bool| if found { "there" } else { "absent" };
    b.see("HTML beside a plain body", there(first.get(tags::PidTagHtml).is_some()));
    let native = |bag: &mapi_core::message::PropertyBag| {
        bag.integer(tags::PidTagNativeBody).map_or_else(|| "absent".to_owned(), |kind| kind.to_string())
    };
    b.see("native body of a plain message", native(first));
    b.see("HTML body in the stream", same(second.binary(tags::PidTagHtml) == Some(html)));
    b.see("plain text beside HTML", there(second.get(tags::PidTagBody).is_some()));
    b.see("native body of an HTML message", native(second));
    let values = b.message_properties(folder, plain, &[tags::PidTagBody]).await?;
    let value = values.first().and_then(RowValue::value);
    b.see("plain body as a property", same(value.and_then(|value| value.as_str()) == Some(plain_text)));
    let values = b.message_properties(folder, rich, &[tags::PidTagHtml, tags::PidTagBody]).await?;
    let value = values.first().and_then(RowValue::value);
    b.see("HTML body as a property", same(value.and_then(|value| value.as_bytes()) == Some(html)));
    let made = values.get(1);
    let made =
        if made.and_then(RowValue::value).is_some() { "there".to_owned() } else { super::super::bench::shown(made) };
    b.see("plain text made from HTML", made);
    Ok(())
}
