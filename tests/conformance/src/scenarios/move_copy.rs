//! Copying and moving messages.

use mapi_core::id::MessageId;
use mapi_core::property::{PropertyTag, PropertyType, PropertyValue, TaggedValue, tags};
use mapi_core::rop::{
    MoveCopyMessagesRequest, RequestBody, ResponseBody, SetReadFlagsRequest, notification_flags as bits,
};

use super::super::Trouble;
use super::super::bench::events::is_about;
use super::super::bench::{Answer, integer, same, text, time, yes};
use super::super::{Bench, Expected, Needs, Scenario};
use super::done::{Done, result};
use super::properties::own_name;

const PAIRS_AT_ONCE: Expected = Expected::may(
    "pairs with the answer itself",
    "3",
    &["*"],
    "those that come later are fetched; without them there is no COPYUID",
);
/// What servers answer when one of the messages asked for is gone.
pub(super) const ONE_GONE: Expected = Expected::may(
    "with one that is gone",
    "ok",
    &["ecPartialCompletion", "ecNotFound"],
    "the gateway looks what came of it",
);
/// PartialCompletion of that answer.
pub(super) const ONE_GONE_PARTIAL: Expected =
    Expected::may("partial there", "yes", &["no"], "the gateway looks what came of it");

pub(super) const COPY: Scenario = Scenario {
    name: "messages copied",
    needs: Needs::Nothing,
    expected: &[
        Expected::must("copy", "ok"),
        Expected::must("partial", "no"),
        Expected::must("pairs of old and new ids", "3"),
        PAIRS_AT_ONCE,
        Expected::must("pairs are right", "yes"),
        Expected::must("new ids", "yes"),
        Expected::must("order of the new ids", "that of the request"),
        Expected::must("originals", "3"),
        Expected::must("subject, delivery time, keywords, flag, Message-ID", "same"),
        Expected::must("read state", "same"),
        Expected::may("search key", "same", &["different"], "pairs come from notifications"),
        Expected::must("copy into the same folder", "ok"),
    ],
    run: |b| Box::pin(copy(b)),
};

async fn move_copy(b: &mut Bench, ids: &[MessageId], from: u32, to: u32, copy: bool) -> Result<Answer, Trouble> {
    let request = MoveCopyMessagesRequest {
        dest_handle_index: 1,
        message_ids: ids.to_vec(),
        want_asynchronous: false,
        want_copy: copy,
    };
    b.call_two(from, to, RequestBody::MoveCopyMessages(request)).await
}

/// Three varied messages.
async fn three(b: &mut Bench, keywords: PropertyTag) -> Result<Vec<MessageId>, Trouble> {
    let mut ids = Vec::new();
    for n in 0..3_i32 {
        let values = vec![
            text(tags::PidTagSubject, &format!("message {n}")),
            text(tags::PidTagInternetMessageId, &format!("<{n}@example.org>")),
            time(tags::PidTagMessageDeliveryTime, 1_300_000_000 + i64::from(n)),
            integer(tags::PidTagFlagStatus, n % 2 + 1),
            TaggedValue::new(keywords, PropertyValue::MultipleString(vec![format!("k{n}")])),
        ];
        ids.push(b.create_message(b.folder, values).await?);
    }
    b.set_read_flags(b.handle, &ids[1..2], SetReadFlagsRequest::READ).await?;
    Ok(ids)
}

/// The pairs of old and new ids that have arrived; the notifications stay.
fn pairs(b: &Bench, event: u16) -> Vec<(MessageId, MessageId)> {
    let objects = b.notes.iter().filter(|note| is_about(note, event, None)).filter_map(|note| match &note.data {
        mapi_core::rop::NotificationData::Object(object) => Some(object),
        _ => None,
    });
    objects.filter_map(|object| Some((object.old_message_id?, object.message_id?))).collect()
}

async fn all_pairs(b: &mut Bench, event: u16) -> Result<(usize, Vec<(MessageId, MessageId)>), Trouble> {
    let at_once = pairs(b, event).len();
    for _ in 0..100 {
        if pairs(b, event).len() >= 3 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        b.poll().await?;
    }
    Ok((at_once, pairs(b, event)))
}

async fn copy(b: &mut Bench) -> Done {
    let (folder, handle) = (b.folder, b.handle);
    let named = b.named_tags(&[(own_name("Keywords"), PropertyType::MULTIPLE_STRING)]).await?;
    let Some(keywords) = named.first().copied() else { return Ok(()) };
    let ids = three(b, keywords).await?;
    let (target, target_handle) = b.create_folder(handle, "target").await?;
    b.subscribe().await?;
    b.notes.clear();
    let answer = move_copy(b, &ids, handle, target_handle, true).await?;
    b.see("copy", result(&answer));
    let partial = matches!(&answer.body, ResponseBody::MoveCopy(done) if done.partial_completion);
    b.see("partial", yes(partial));
    let (at_once, pairs) = all_pairs(b, bits::OBJECT_COPIED).await?;
    b.see("pairs with the answer itself", at_once);
    b.see("pairs of old and new ids", pairs.len());
    let kept = [
        tags::PidTagSubject,
        tags::PidTagMessageDeliveryTime,
        keywords,
        tags::PidTagFlagStatus,
        tags::PidTagInternetMessageId,
        tags::PidTagSearchKey,
        tags::PidTagMessageFlags,
    ];
    let (mut right, mut content, mut keys, mut read) = (true, true, true, true);
    for (old, new) in &pairs {
        let before = b.message_properties(folder, *old, &kept).await?;
        let after = b.message_properties(target, *new, &kept).await?;
        right &= before.first() == after.first() && ids.contains(old);
        content &= before.get(..5) == after.get(..5);
        keys &= before.get(5) == after.get(5);
        let flag = |values: &[mapi_core::property::RowValue]| {
            values.get(6).and_then(|value| value.value()?.as_i32()).unwrap_or(-1) & 1
        };
        read &= flag(&before) == flag(&after);
    }
    b.see("pairs are right", yes(right));
    b.see("new ids", yes(pairs.iter().all(|(_, new)| !ids.contains(new))));
    let mut by_id: Vec<_> = pairs.iter().map(|(old, new)| (*new, *old)).collect();
    by_id.sort_unstable();
    let order = by_id.iter().map(|(_, old)| *old).eq(ids.iter().copied());
    b.see("order of the new ids", if order { "that of the request" } else { "another" });
    let rows = b.contents(handle, &[tags::PidTagMid]).await?;
    b.see("originals", rows.len());
    b.see("subject, delivery time, keywords, flag, Message-ID", same(content));
    b.see("read state", same(read));
    b.see("search key", same(keys));
    let answer = move_copy(b, &ids[..1], handle, handle, true).await?;
    b.see("copy into the same folder", result(&answer));
    Ok(())
}

pub(super) const MOVE: Scenario = Scenario {
    name: "messages moved",
    needs: Needs::Nothing,
    expected: &[
        Expected::must("move", "ok"),
        Expected::must("pairs of old and new ids", "3"),
        PAIRS_AT_ONCE,
        Expected::must("originals", "0"),
        Expected::must("moved", "3"),
        Expected::must("old id", "ecNotFound"),
        ONE_GONE,
        ONE_GONE_PARTIAL,
        Expected::may(
            "the ones behind it in that request",
            "moved",
            &["not moved"],
            "with PartialCompletion the gateway looks what is left, and asks once more for that",
        ),
    ],
    run: |b| Box::pin(moving(b)),
};

async fn moving(b: &mut Bench) -> Done {
    let (folder, handle) = (b.folder, b.handle);
    let named = b.named_tags(&[(own_name("Keywords"), PropertyType::MULTIPLE_STRING)]).await?;
    let Some(keywords) = named.first().copied() else { return Ok(()) };
    let ids = three(b, keywords).await?;
    let (target, target_handle) = b.create_folder(handle, "target").await?;
    b.subscribe().await?;
    b.notes.clear();
    let answer = move_copy(b, &ids, handle, target_handle, false).await?;
    b.see("move", result(&answer));
    let (at_once, pairs) = all_pairs(b, bits::OBJECT_MOVED).await?;
    b.see("pairs with the answer itself", at_once);
    b.see("pairs of old and new ids", pairs.len());
    let rows = b.contents(handle, &[tags::PidTagMid]).await?;
    b.see("originals", rows.len());
    let rows = b.contents(target_handle, &[tags::PidTagMid]).await?;
    b.see("moved", rows.len());
    let answer = b.try_open_message(folder, ids[0], 0).await?;
    b.see("old id", result(&answer));
    let Some((_, back)) = pairs.first().copied() else { return Ok(()) };
    let gone = b.gone_message(target).await?;
    let answer = move_copy(b, &[gone, back], target_handle, handle, false).await?;
    b.see("with one that is gone", result(&answer));
    let partial = matches!(&answer.body, ResponseBody::MoveCopy(done) if done.partial_completion);
    b.see("partial there", yes(partial));
    let rows = b.contents(handle, &[tags::PidTagMid]).await?;
    b.see("the ones behind it in that request", if rows.len() == 1 { "moved" } else { "not moved" });
    Ok(())
}
