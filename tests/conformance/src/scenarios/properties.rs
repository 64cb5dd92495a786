//! Properties of all types, named ones, and large ones.

use mapi_core::id::Guid;
use mapi_core::property::{
    FileTime, PropertyName, PropertyTag, PropertyType, PropertyValue, TaggedValue, property_set, tags,
};
use mapi_core::rop::{
    GetNamesFromPropertyIdsRequest, OpenMessageRequest, OpenStreamRequest, RequestBody, ResponseBody,
    WriteStreamRequest,
};

use super::super::Trouble;
use super::super::bench::{same, shown, text};
use super::super::{Bench, Expected, Needs, Scenario};
use super::done::{Done, result};

pub(super) const TYPES: Scenario = Scenario {
    name: "types of properties",
    needs: Needs::Nothing,
    expected: &[
        Expected::must("problems while setting", "0"),
        Expected::must("string", "same"),
        Expected::must("binary", "same"),
        Expected::must("integer", "same"),
        Expected::must("boolean", "same"),
        Expected::must("time", "same"),
        Expected::must("named string", "same"),
        Expected::must("named binary", "same"),
        Expected::must("named integer", "same"),
        Expected::must("named integer64", "same"),
        Expected::must("named double", "same"),
        Expected::must("named GUID", "same"),
        Expected::must("named strings", "same"),
        Expected::may("named binaries", "same", &["different"], "the gateway stores none"),
        Expected::may("named integers", "same", &["different"], "the gateway stores none"),
        Expected::may("empty string", "same", &["different"], "an empty string reads like a missing one"),
        Expected::must("deleted property", "ecNotFound"),
        Expected::may("type left to the server", "0x001F", &["0x0000"], "the gateway names types"),
    ],
    run: |b| Box::pin(types(b)),
};

/// Names that the suite leaves registered in the mailbox, few and always the same.
const NAMED: [(&str, PropertyType); 9] = [
    ("conformance-string", PropertyType::STRING),
    ("conformance-bytes", PropertyType::BINARY),
    ("conformance-integer", PropertyType::INTEGER32),
    ("conformance-integer64", PropertyType::INTEGER64),
    ("conformance-double", PropertyType::FLOATING64),
    ("conformance-guid", PropertyType::GUID),
    ("conformance-strings", PropertyType::MULTIPLE_STRING),
    ("conformance-binaries", PropertyType::MULTIPLE_BINARY),
    ("conformance-integers", PropertyType::MULTIPLE_INTEGER32),
];

/// A property of the suite's own.
pub(super) fn own_name(name: &str) -> PropertyName {
    PropertyName::string(property_set::PS_PUBLIC_STRINGS, name)
}

async fn types(b: &mut Bench) -> Done {
    let named: Vec<_> = NAMED.iter().map(|(name, kind)| (own_name(name), *kind)).collect();
    let named = b.named_tags(&named).await?;
    let named_values = [
        PropertyValue::String("na\u{ef}ve \u{1F600}".into()),
        PropertyValue::Binary(vec![0, 1, 0, 255]),
        PropertyValue::Integer32(-5),
        PropertyValue::Integer64(-(1 << 40)),
        PropertyValue::Floating64(0.625),
        PropertyValue::Guid(Guid([9; 16])),
        PropertyValue::MultipleString(vec!["one".into(), "zw\u{f6}lf".into()]),
        PropertyValue::MultipleBinary(vec![vec![1, 2], Vec::new(), vec![3]]),
        PropertyValue::MultipleInteger32(vec![1, -1]),
    ];
    let fixed = [
        ("string", tags::PidTagSubject, PropertyValue::String("\u{20AC} and \u{1F4E7}".into())),
        ("binary", tags::PidTagConversationIndex, PropertyValue::Binary((0..60).collect())),
        ("integer", tags::PidTagImportance, PropertyValue::Integer32(2)),
        ("boolean", tags::PidTagReadReceiptRequested, PropertyValue::Boolean(true)),
        ("time", tags::PidTagClientSubmitTime, PropertyValue::Time(FileTime::from_unix_seconds(1_500_000_000))),
        ("empty string", tags::PidTagInternetReferences, PropertyValue::String(String::new())),
        ("deleted property", tags::PidTagInReplyToId, PropertyValue::String("<gone@example.test>".into())),
    ];
    let mut wanted: Vec<(String, PropertyTag, PropertyValue)> =
        fixed.into_iter().map(|(name, tag, value)| (name.to_owned(), tag, value)).collect();
    for ((name, _), (tag, value)) in NAMED.iter().zip(named.into_iter().zip(named_values)) {
        let name = name.replace("conformance-", "named ").replace("bytes", "binary");
        let name = name.replace("guid", "GUID");
        wanted.push((name, tag, value));
    }
    let values: Vec<_> = wanted.iter().map(|(_, tag, value)| TaggedValue::new(*tag, value.clone())).collect();
    let handle = b.new_message(b.folder, vec![text(tags::PidTagMessageClass, "IPM.Note")]).await?;
    let (_, problems) = b.set(handle, values).await?;
    b.see("problems while setting", problems);
    let delete = mapi_core::rop::DeletePropertiesRequest { property_tags: vec![tags::PidTagInReplyToId] };
    b.call(handle, RequestBody::DeleteProperties(delete)).await?;
    let message = b.save_new(handle).await?;
    b.release(handle).await?;
    let asked: Vec<_> = wanted.iter().map(|(_, tag, _)| *tag).collect();
    let got = b.message_properties(b.folder, message, &asked).await?;
    for ((name, _, value), got) in wanted.iter().zip(&got) {
        match name.as_str() {
            "deleted property" => b.see(name, shown(Some(got))),
            _ => b.see(name, same(got.value() == Some(value))),
        }
    }
    let untyped = tags::PidTagSubject.with_kind(PropertyType::UNSPECIFIED);
    let got = b.message_properties(b.folder, message, &[untyped]).await?;
    let kind = got.first().and_then(|value| value.value()).map_or(0, |value| value.kind().0);
    b.see("type left to the server", format_args!("{kind:#06X}"));
    Ok(())
}

pub(super) const NAMES: Scenario = Scenario {
    name: "names of properties",
    needs: Needs::Nothing,
    expected: &[
        Expected::must("ids", "above 0x8000, different"),
        Expected::must("asked again", "same"),
        Expected::must("in another session", "same"),
        Expected::must("names of the ids", "same"),
        Expected::may(
            "unknown name, not to be made",
            "0",
            &["refused"],
            "the gateway has names made that it is going to use",
        ),
    ],
    run: |b| Box::pin(names(b)),
};

async fn names(b: &mut Bench) -> Done {
    let names = vec![
        PropertyName::string(property_set::PS_PUBLIC_STRINGS, "Keywords"),
        PropertyName::lid(property_set::PSETID_COMMON, 0x8530),
        PropertyName::string(property_set::PS_INTERNET_HEADERS, "x-conformance"),
    ];
    let ids = b.named_ids(names.clone(), true).await?;
    let mut different = ids.clone();
    different.sort_unstable();
    different.dedup();
    let good = different.len() == 3 && different.iter().all(|id| *id >= 0x8000);
    b.see("ids", if good { "above 0x8000, different".to_owned() } else { format!("{ids:04X?}") });
    let again = b.named_ids(names.clone(), false).await?;
    b.see("asked again", same(again == ids));
    let mut other = Bench::session(&b.target, &b.target.user).await?;
    let there = other.named_ids(names.clone(), false).await?;
    other.end().await;
    b.see("in another session", same(there == ids));
    let request = GetNamesFromPropertyIdsRequest { property_ids: ids };
    let answer = b.call(b.store, RequestBody::GetNamesFromPropertyIds(request)).await?.ok()?;
    let back = match &answer.body {
        ResponseBody::GetNamesFromPropertyIds(found) => same(found.property_names == names),
        _ => "nothing",
    };
    b.see("names of the ids", back);
    let unknown = vec![own_name("conformance-never-made")];
    let ids = b.named_ids(unknown, false).await;
    b.see(
        "unknown name, not to be made",
        match ids {
            Ok(ids) => ids.first().copied().unwrap_or_default().to_string(),
            Err(Trouble::Refused { .. }) => "refused".to_owned(),
            Err(error) => return Err(error),
        },
    );
    Ok(())
}

pub(super) const FAILING_WRITE: Scenario = Scenario {
    name: "write that fails",
    needs: Needs::Nothing,
    expected: &[
        Expected::must("write to a stream that is open for reading", "refused"),
        Expected::may("answer of that", "with its size", &["without"], "the gateway reads both forms"),
        Expected::must("session afterwards", "usable"),
    ],
    run: |b| Box::pin(failing_write(b)),
};

async fn failing_write(b: &mut Bench) -> Done {
    let message = b.create_plain(b.folder, "one").await?;
    let opened = b.open_message(b.folder, message).await?;
    let stream = b.open_stream(opened, tags::PidTagBody, OpenStreamRequest::READ_ONLY).await?.ok()?.handle;
    let write = RequestBody::WriteStream(WriteStreamRequest { data: b"more".to_vec() });
    let (refused, with_size) = match b.call(stream, write).await {
        Ok(answer) => (!answer.code.is_success(), matches!(answer.body, ResponseBody::WriteStream(_))),
        // What a decoder says that insists on the size.
        Err(Trouble::Wire(_)) => (true, false),
        Err(error) => return Err(error),
    };
    b.see("write to a stream that is open for reading", if refused { "refused" } else { "written" });
    b.see("answer of that", if with_size { "with its size" } else { "without" });
    let usable = b.get(opened, &[tags::PidTagSubject]).await.is_ok();
    b.see("session afterwards", if usable { "usable" } else { "not usable" });
    Ok(())
}

pub(super) const LARGE: Scenario = Scenario {
    name: "large properties",
    needs: Needs::Nothing,
    expected: &[
        Expected::must("size by the stream", "200000"),
        Expected::must("binary by a stream", "same"),
        Expected::must("string by a stream", "same"),
        Expected::must("as a property", "ecMAPIOOM"),
        Expected::must("stream of a property that is not there", "refused"),
        Expected::may("which way", "ecNotFound", &["*"], "any error is an error"),
        Expected::must("stream replaced by a shorter one", "same"),
    ],
    run: |b| Box::pin(large(b)),
};

async fn large(b: &mut Bench) -> Done {
    let data: Vec<u8> = (0..200_000_u32).map(|n| (n * 7 % 251) as u8).collect();
    let words: String = (0..20_000).map(|n| if n % 97 == 0 { '\u{1F600}' } else { 'w' }).collect();
    let units: Vec<u8> = words.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let handle = b.new_message(b.folder, vec![text(tags::PidTagMessageClass, "IPM.Note")]).await?;
    b.write_stream(handle, tags::PidTagHtml, &data).await?;
    b.write_stream(handle, tags::PidTagTransportMessageHeaders, &units).await?;
    let message = b.save_new(handle).await?;
    b.release(handle).await?;
    let opened = b.try_open_message(b.folder, message, OpenMessageRequest::READ_WRITE).await?.ok()?.handle;
    let stream = b.open_stream(opened, tags::PidTagHtml, OpenStreamRequest::READ_ONLY).await?.ok()?;
    if let ResponseBody::StreamSize(size) = &stream.body {
        b.see("size by the stream", size.stream_size);
    }
    b.release(stream.handle).await?;
    let back = b.read_stream(opened, tags::PidTagHtml).await?;
    b.see("binary by a stream", same(back == data));
    let mut back = b.read_stream(opened, tags::PidTagTransportMessageHeaders).await?;
    // Some servers hand out the final NUL.
    if back.len() == units.len() + 2 {
        back.truncate(units.len());
    }
    b.see("string by a stream", same(back == units));
    let values = b.get(opened, &[tags::PidTagHtml]).await?;
    b.see("as a property", shown(values.first()));
    let missing = b.open_stream(opened, tags::PidTagRtfCompressed, OpenStreamRequest::READ_ONLY).await?;
    let absent = tags::PidTagReplyRecipientEntries;
    let missing = if missing.code.is_success() {
        b.open_stream(opened, absent, OpenStreamRequest::READ_ONLY).await?
    } else {
        missing
    };
    b.see("stream of a property that is not there", if missing.code.is_success() { "opens" } else { "refused" });
    b.see("which way", result(&missing));
    b.write_stream(opened, tags::PidTagHtml, b"<p>short</p>").await?;
    b.save_new(opened).await?;
    let back = b.read_stream(opened, tags::PidTagHtml).await?;
    b.see("stream replaced by a shorter one", same(back == b"<p>short</p>"));
    Ok(())
}
