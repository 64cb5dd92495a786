//! What a save changes: change numbers, article numbers, status; and saves that meet.

use mapi_core::property::{PropertyTag, PropertyValue, RowValue, tags};
use mapi_core::rop::{
    GetMessageStatusRequest, RequestBody, ResponseBody, SaveChangesMessageRequest, SetMessageStatusRequest,
};

use super::super::bench::{code, integer, same, shown, text};
use super::super::{Bench, Expected, Needs, Scenario};
use super::done::{Done, result};

const WATCHED: [PropertyTag; 7] = [
    tags::PidTagChangeNumber,
    tags::PidTagInternetArticleNumber,
    tags::PidTagChangeKey,
    tags::PidTagSearchKey,
    tags::PidTagSourceKey,
    tags::PidTagMid,
    tags::PidTagMessageDeliveryTime,
];

pub(super) const NUMBERS: Scenario = Scenario {
    name: "numbers of a save",
    needs: Needs::Nothing,
    expected: &[
        Expected::must("change number", "ascending"),
        Expected::must("change number as key", "same as the number"),
        Expected::may("article number", "new", &["same"], "the gateway keeps UIDs of its own"),
        Expected::must("search key", "same"),
        Expected::must("id", "same"),
        Expected::may("source key", "long-term id", &["absent"], "the gateway maps ids itself"),
        Expected::must("delivery time", "same"),
        Expected::may("save without changes: change number", "same", &["ascending"], "a round without content changes"),
        Expected::must("numbers of two messages", "different"),
    ],
    run: |b| Box::pin(numbers(b)),
};

/// Counter of a change number.
fn counter(values: &[RowValue]) -> u64 {
    let number = values.first().and_then(|value| value.value()?.as_i64()).unwrap_or_default();
    mapi_core::id::ChangeNumber::from_i64(number).counter.value()
}

async fn numbers(b: &mut Bench) -> Done {
    let folder = b.folder;
    let message = b.create_plain(folder, "one").await?;
    let before = b.message_properties(folder, message, &WATCHED).await?;
    b.change(folder, message, vec![integer(tags::PidTagFlagStatus, 2)]).await?;
    let after = b.message_properties(folder, message, &WATCHED).await?;
    b.see("change number", if counter(&after) > counter(&before) { "ascending" } else { "not ascending" });
    let gid = b.gid(message).await?;
    let key = match after.get(2).and_then(|value| value.value().cloned()) {
        Some(PropertyValue::Binary(key)) => mapi_core::id::Gid::from_slice(&key),
        _ => None,
    };
    let right = key.is_some_and(|key| key.replica_guid == gid.replica_guid && key.counter.value() == counter(&after));
    b.see("change number as key", if right { "same as the number" } else { "another" });
    b.see("article number", if before.get(1) == after.get(1) { "same" } else { "new" });
    b.see("search key", same(before.get(3) == after.get(3) && before.get(3).is_some_and(|key| key.value().is_some())));
    let id = after.get(5).and_then(|value| value.value()?.as_i64());
    b.see("id", same(id == Some(message.to_i64())));
    let source = after.get(4).and_then(|value| value.value()?.as_bytes().map(<[u8]>::to_vec));
    b.see(
        "source key",
        match source {
            Some(key) if key == gid.to_bytes() => "long-term id",
            Some(_) => "another",
            None => "absent",
        },
    );
    b.see("delivery time", same(before.get(6) == after.get(6)));
    b.change(folder, message, Vec::new()).await?;
    let idle = b.message_properties(folder, message, &WATCHED).await?;
    b.see("save without changes: change number", if counter(&idle) > counter(&after) { "ascending" } else { "same" });
    let other = b.create_plain(folder, "two").await?;
    let other = b.message_properties(folder, other, &WATCHED).await?;
    b.see("numbers of two messages", same(counter(&other) == counter(&idle)));
    Ok(())
}

pub(super) const CONFLICT: Scenario = Scenario {
    name: "saves that meet",
    needs: Needs::Nothing,
    expected: &[
        Expected::must("first save", "ok"),
        Expected::may(
            "second save",
            "ok",
            &["ecObjectModified"],
            "the gateway opens, changes and saves in one request, by force",
        ),
        Expected::may(
            "what the second save changed",
            "nothing",
            &["its property"],
            "Exchange calls it a success and commits nothing: the gateway saves by force",
        ),
        Expected::may("second save by force", "ok", &["ecObjectModified"], "the gateway opens the message anew"),
        Expected::may(
            "property of the first save",
            "2",
            &["ecNotFound"],
            "the gateway opens, changes and saves in one request",
        ),
        Expected::must("save of a message that is gone", "refused"),
        Expected::may("which way", "ecObjectDeleted", &["*"], "any error is an error"),
    ],
    run: |b| Box::pin(conflict(b)),
};

async fn conflict(b: &mut Bench) -> Done {
    let folder = b.folder;
    let message = b.create_plain(folder, "one").await?;
    let keep = SaveChangesMessageRequest::KEEP_OPEN_READ_WRITE;
    let first = b.open_message(folder, message).await?;
    let second = b.open_message(folder, message).await?;
    b.set(first, vec![integer(tags::PidTagFlagStatus, 2)]).await?;
    b.set(second, vec![integer(tags::PidTagImportance, 2)]).await?;
    let answer = b.save(first, keep).await?;
    b.see("first save", result(&answer));
    let answer = b.save(second, keep).await?;
    b.see("second save", result(&answer));
    let values = b.message_properties(folder, message, &[tags::PidTagImportance]).await?;
    b.see("what the second save changed", if shown(values.first()) == "2" { "its property" } else { "nothing" });
    let answer = b.save(second, SaveChangesMessageRequest::FORCE_SAVE).await?;
    b.see("second save by force", result(&answer));
    let values = b.message_properties(folder, message, &[tags::PidTagFlagStatus]).await?;
    b.see("property of the first save", shown(values.first()));
    let third = b.open_message(folder, message).await?;
    b.delete_messages(b.handle, &[message], true).await?;
    let (set, _) = b.set(third, vec![text(tags::PidTagSubject, "late")]).await?;
    let answer = b.save(third, keep).await?;
    let refused = !set.is_success() || !answer.code.is_success();
    b.see("save of a message that is gone", if refused { "refused" } else { "ok" });
    b.see("which way", if set.is_success() { result(&answer) } else { code(set) });
    Ok(())
}

pub(super) const STATUS: Scenario = Scenario {
    name: "message status",
    needs: Needs::Nothing,
    expected: &[
        Expected::must("set", "ok"),
        Expected::may("what that answers", "status before", &["status after"], "the answer is not looked at"),
        Expected::must("in the table", "4096"),
        Expected::may("by GetMessageStatus", "4096", &["*"], "the gateway reads tables"),
        Expected::must("change number", "same"),
        Expected::may("after a save", "4096", &["0"], "the gateway keeps no flags in the status"),
        Expected::must("cleared", "0"),
    ],
    run: |b| Box::pin(status(b)),
};

const MARK: u32 = 0x1000;

async fn status(b: &mut Bench) -> Done {
    let (folder, handle) = (b.folder, b.handle);
    let message = b.create_plain(folder, "one").await?;
    let before = b.message_properties(folder, message, &WATCHED).await?;
    let set = |flags| {
        RequestBody::SetMessageStatus(SetMessageStatusRequest {
            message_id: message,
            message_status_flags: flags,
            message_status_mask: MARK,
        })
    };
    let answer = b.call(handle, set(MARK)).await?;
    b.see("set", result(&answer));
    let told = match &answer.body {
        ResponseBody::SetMessageStatus(status) if status.message_status_flags & MARK == 0 => "status before",
        ResponseBody::SetMessageStatus(_) => "status after",
        _ => "nothing",
    };
    b.see("what that answers", told);
    let rows = b.contents(handle, &[tags::PidTagMessageStatus]).await?;
    b.see("in the table", shown(rows.first().and_then(|row| row.values.first())));
    let request = RequestBody::GetMessageStatus(GetMessageStatusRequest { message_id: message });
    let answer = b.call(handle, request).await?;
    b.see(
        "by GetMessageStatus",
        match &answer.body {
            ResponseBody::SetMessageStatus(status) => status.message_status_flags.to_string(),
            _ => result(&answer),
        },
    );
    let after = b.message_properties(folder, message, &WATCHED).await?;
    b.see("change number", same(counter(&before) == counter(&after)));
    b.change(folder, message, vec![integer(tags::PidTagImportance, 2)]).await?;
    let rows = b.contents(handle, &[tags::PidTagMessageStatus]).await?;
    b.see("after a save", shown(rows.first().and_then(|row| row.values.first())));
    b.call(handle, set(0)).await?;
    let rows = b.contents(handle, &[tags::PidTagMessageStatus]).await?;
    b.see("cleared", shown(rows.first().and_then(|row| row.values.first())));
    Ok(())
}
