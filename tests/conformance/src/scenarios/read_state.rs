//! Marking messages as read.

use mapi_core::property::{PropertyTag, RowValue, tags};
use mapi_core::rop::{ResponseBody, SetReadFlagsRequest};

use super::super::bench::{same, yes};
use super::super::{Bench, Expected, Needs, Scenario};
use super::done::{Done, result};

const WATCHED: [PropertyTag; 5] = [
    tags::PidTagMessageFlags,
    tags::PidTagChangeNumber,
    tags::PidTagInternetArticleNumber,
    tags::PidTagLastModificationTime,
    tags::PidTagRead,
];

pub(super) const SET_READ_FLAGS: Scenario = Scenario {
    name: "read state",
    needs: Needs::Nothing,
    expected: &[
        Expected::must("mark as read", "ok"),
        Expected::must("partial", "no"),
        Expected::must("read", "yes"),
        Expected::may("PidTagRead", "yes", &["no"], "the gateway reads the flags"),
        Expected::must("change number", "same"),
        Expected::may("article number", "same", &["different"], "the gateway keeps UIDs of its own"),
        Expected::may("modification time", "same", &["different"], "it is not looked at"),
        Expected::must("mark as unread", "ok"),
        Expected::must("unread", "yes"),
        Expected::must("change number afterwards", "same"),
        Expected::must("batch of all", "3 read"),
        Expected::may(
            "batch with one that is gone",
            "ok",
            &["ecPartialCompletion", "ecNotFound"],
            "the gateway looks what came of it",
        ),
        Expected::may("partial there", "no", &["yes"], "the gateway looks what came of it"),
        Expected::must("the others of that batch", "0 read"),
    ],
    run: |b| Box::pin(set_read_flags(b)),
};

async fn set_read_flags(b: &mut Bench) -> Done {
    let (folder, handle) = (b.folder, b.handle);
    let mut ids = Vec::new();
    for n in 0..3 {
        ids.push(b.create_plain(folder, &format!("message {n}")).await?);
    }
    let one = ids[0];
    let before = b.message_properties(folder, one, &WATCHED).await?;
    let answer = b.set_read_flags(handle, &[one], SetReadFlagsRequest::READ).await?;
    b.see("mark as read", result(&answer));
    let partial = |body: &ResponseBody| matches!(body, ResponseBody::PartialCompletion(p) if p.partial_completion);
    b.see("partial", yes(partial(&answer.body)));
    let after = b.message_properties(folder, one, &WATCHED).await?;
    let is_read = |values: &[RowValue]| {
        values.first().and_then(|value| value.value()?.as_i32()).is_some_and(|flags| flags & 1 != 0)
    };
    b.see("read", yes(is_read(&after)));
    b.see("PidTagRead", yes(after.get(4).and_then(|value| value.value()?.as_bool()) == Some(true)));
    b.see("change number", same(before.get(1) == after.get(1)));
    b.see("article number", same(before.get(2) == after.get(2)));
    b.see("modification time", same(before.get(3) == after.get(3)));
    let answer = b.set_read_flags(handle, &[one], SetReadFlagsRequest::UNREAD).await?;
    b.see("mark as unread", result(&answer));
    let after = b.message_properties(folder, one, &WATCHED).await?;
    b.see("unread", yes(!is_read(&after)));
    b.see("change number afterwards", same(before.get(1) == after.get(1)));
    b.set_read_flags(handle, &ids, SetReadFlagsRequest::READ).await?;
    let read = read_count(b).await?;
    b.see("batch of all", format_args!("{read} read"));
    let mut batch = vec![b.gone_message(folder).await?];
    batch.extend(&ids);
    let answer = b.set_read_flags(handle, &batch, SetReadFlagsRequest::UNREAD).await?;
    b.see("batch with one that is gone", result(&answer));
    b.see("partial there", yes(partial(&answer.body)));
    let read = read_count(b).await?;
    b.see("the others of that batch", format_args!("{read} read"));
    Ok(())
}

async fn read_count(b: &mut Bench) -> Result<usize, crate::Trouble> {
    let rows = b.contents(b.handle, &[tags::PidTagMessageFlags]).await?;
    let flags = rows.iter().filter_map(|row| row.values.first()?.value()?.as_i32());
    Ok(flags.filter(|flags| flags & 1 != 0).count())
}
