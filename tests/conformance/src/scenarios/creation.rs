//! New messages as APPEND makes them.

use mapi_core::property::PropertyName;
use mapi_core::property::{PropertyType, PropertyValue, TaggedValue, property_set, tags};

use super::super::bench::{integer, same, shown, text, time, yes};
use super::super::{Bench, Expected, Needs, Scenario};
use super::done::Done;

pub(super) const AS_APPENDED: Scenario = Scenario {
    name: "new message as appended",
    needs: Needs::Nothing,
    expected: &[
        Expected::must("read, if so set before the first save", "yes"),
        Expected::must("unsent, if not set", "no"),
        Expected::must("unread, if so set before the first save", "yes"),
        Expected::must("draft, if set", "yes"),
        Expected::must("delivery time as set", "same"),
        Expected::must("submit time as set", "same"),
        Expected::must("Message-ID as set", "same"),
        Expected::must("flag status", "2"),
        Expected::must("keywords", "same"),
        Expected::must("transport headers", "same"),
        Expected::may("creation time as set", "same", &["different"], "the gateway takes the delivery time"),
        Expected::must("visible before it is saved", "no"),
        Expected::may("id before it is saved", "absent", &["there"], "the gateway takes the id of the save"),
        Expected::must("sender as set", "same"),
        Expected::may("flags, if none are set", "1033", &["*"], "APPEND always sets them"),
    ],
    run: |b| Box::pin(as_appended(b)),
};

async fn as_appended(b: &mut Bench) -> Done {
    let keywords = PropertyName::string(property_set::PS_PUBLIC_STRINGS, "Keywords");
    let tag = b.named_tags(&[(keywords, PropertyType::MULTIPLE_STRING)]).await?;
    let Some(keywords) = tag.first().copied() else { return Ok(()) };
    let words = PropertyValue::MultipleString(vec!["Project-X".into(), "$Label1".into()]);
    let headers = "From: a@example.org\r\nSubject: appended\r\n\r\n";
    let values = |flags: i32| {
        vec![
            text(tags::PidTagMessageClass, "IPM.Note"),
            integer(tags::PidTagMessageFlags, flags),
            text(tags::PidTagSubject, "appended"),
            text(tags::PidTagBody, "Body.\r\n"),
            time(tags::PidTagMessageDeliveryTime, 1_400_000_000),
            time(tags::PidTagClientSubmitTime, 1_400_000_001),
            time(tags::PidTagCreationTime, 1_400_000_002),
            text(tags::PidTagInternetMessageId, "<appended@example.org>"),
            integer(tags::PidTagFlagStatus, 2),
            TaggedValue::new(keywords, words.clone()),
            text(tags::PidTagTransportMessageHeaders, headers),
            text(tags::PidTagSenderName, "Anna"),
            text(tags::PidTagSenderAddressType, "SMTP"),
            text(tags::PidTagSenderEmailAddress, "a@example.org"),
        ]
    };
    let folder = b.folder;
    let handle = b.new_message(folder, values(0x01)).await?;
    let mid = b.get_one(handle, tags::PidTagMid).await?.and_then(|value| value.as_i64());
    b.see("id before it is saved", if mid.is_some_and(|id| id != 0) { "there" } else { "absent" });
    let rows = b.contents(b.handle, &[tags::PidTagMid]).await?;
    b.see("visible before it is saved", yes(!rows.is_empty()));
    let read = b.save_new(handle).await?;
    b.release(handle).await?;
    let unread = b.create_message(folder, values(0)).await?;
    let draft = b.create_message(folder, values(0x09)).await?;
    let wanted = [
        tags::PidTagMessageFlags,
        tags::PidTagMessageDeliveryTime,
        tags::PidTagClientSubmitTime,
        tags::PidTagInternetMessageId,
        tags::PidTagFlagStatus,
        keywords,
        tags::PidTagTransportMessageHeaders,
        tags::PidTagCreationTime,
        tags::PidTagSenderEmailAddress,
    ];
    let got = b.message_properties(folder, read, &wanted).await?;
    let flags = |values: &[mapi_core::property::RowValue]| {
        values.first().and_then(|value| value.value()?.as_i32()).unwrap_or(-1)
    };
    b.see("read, if so set before the first save", yes(flags(&got) & 1 != 0));
    b.see("unsent, if not set", yes(flags(&got) & 8 != 0));
    let of_unread = b.message_properties(folder, unread, &wanted).await?;
    b.see("unread, if so set before the first save", yes(flags(&of_unread) & 1 == 0));
    let of_draft = b.message_properties(folder, draft, &wanted).await?;
    b.see("draft, if set", yes(flags(&of_draft) & 8 != 0));
    let set = values(1);
    let expected = |tag| set.iter().find(|value| value.tag == tag).map(|value| &value.value);
    let names = [
        ("delivery time as set", 1),
        ("submit time as set", 2),
        ("Message-ID as set", 3),
        ("keywords", 5),
        ("transport headers", 6),
        ("creation time as set", 7),
        ("sender as set", 8),
    ];
    for (name, index) in names {
        let value = got.get(index).and_then(|value| value.value());
        b.see(name, same(value.is_some() && value == expected(wanted[index])));
    }
    b.see("flag status", shown(got.get(4)));
    let bare = b.create_message(folder, vec![text(tags::PidTagSubject, "bare")]).await?;
    let of_bare = b.message_properties(folder, bare, &wanted).await?;
    b.see("flags, if none are set", flags(&of_bare));
    Ok(())
}
