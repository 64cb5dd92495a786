//! Deleting messages.

use mapi_core::property::tags;
use mapi_core::rop::{GetTableRequest, ResponseBody};

use super::super::Trouble;
use super::super::bench::yes;
use super::super::{Bench, Expected, Needs, Scenario};
use super::done::{Done, result};
use super::move_copy::{ONE_GONE, ONE_GONE_PARTIAL};

pub(super) const MESSAGES: Scenario = Scenario {
    name: "messages deleted",
    needs: Needs::Nothing,
    expected: &[
        Expected::must("soft", "ok"),
        Expected::must("rows afterwards", "3"),
        Expected::must("open what is gone", "ecNotFound"),
        Expected::may(
            "rows of soft-deleted messages",
            "0",
            &["*"],
            "nothing depends on it but that administrators can recover",
        ),
        ONE_GONE,
        ONE_GONE_PARTIAL,
        Expected::may(
            "the ones behind it in that request",
            "gone",
            &["there"],
            "the gateway deletes again what the round after it still shows",
        ),
        Expected::must("hard", "ok"),
        Expected::must("rows fewer", "1"),
    ],
    run: |b| Box::pin(messages(b)),
};

async fn rows(b: &mut Bench, flags: u8) -> Result<usize, Trouble> {
    let table = b.contents_table(b.handle, GetTableRequest::USE_UNICODE | flags, &[tags::PidTagMid]).await?;
    Ok(b.all_rows(table).await?.len())
}

async fn messages(b: &mut Bench) -> Done {
    let (folder, handle) = (b.folder, b.handle);
    let mut ids = Vec::new();
    for n in 0..4 {
        ids.push(b.create_plain(folder, &format!("message {n}")).await?);
    }
    let answer = b.delete_messages(handle, &ids[..1], false).await?;
    b.see("soft", result(&answer));
    let count = rows(b, 0).await?;
    b.see("rows afterwards", count);
    let answer = b.try_open_message(folder, ids[0], 0).await?;
    b.see("open what is gone", result(&answer));
    let count = rows(b, GetTableRequest::SOFT_DELETES).await?;
    b.see("rows of soft-deleted messages", count);
    let gone = b.gone_message(folder).await?;
    let answer = b.delete_messages(handle, &[gone, ids[1]], false).await?;
    b.see("with one that is gone", result(&answer));
    let partial = matches!(&answer.body, ResponseBody::PartialCompletion(p) if p.partial_completion);
    b.see("partial there", yes(partial));
    let before = rows(b, 0).await?;
    b.see("the ones behind it in that request", if before == 2 { "gone" } else { "there" });
    let answer = b.delete_messages(handle, &ids[2..3], true).await?;
    b.see("hard", result(&answer));
    let after = rows(b, 0).await?;
    b.see("rows fewer", before.saturating_sub(after));
    Ok(())
}
