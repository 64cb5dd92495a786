//! What the flags of a save ask for, and changes that only the save refuses.

use mapi_core::id::MessageId;
use mapi_core::property::tags;
use mapi_core::rop::{
    CreateAttachmentRequest, RequestBody, SaveChangesAttachmentRequest, SaveChangesMessageRequest as Save,
};

use super::super::Trouble;
use super::super::bench::session::OUT;
use super::super::bench::{integer, shown, text};
use super::super::{Bench, Expected, Needs, Scenario};
use super::done::{Done, result};

pub(super) const FLAGS: Scenario = Scenario {
    name: "flags of a save",
    needs: Needs::Nothing,
    expected: &[
        Expected::must("ForceSave", "ok"),
        Expected::must("KeepOpenReadWrite, and a change after it", "ok, written"),
        Expected::may(
            "KeepOpenReadOnly, and a change after it",
            "ok, written",
            &["ok, refused"],
            "the gateway changes nothing after such a save",
        ),
        Expected::may(
            "ForceSave with KeepOpenReadOnly",
            "ecNotSupported",
            &["ok", "ecInvalidParam"],
            "the gateway sends one of the three flags",
        ),
        Expected::may(
            "ForceSave with KeepOpenReadWrite",
            "ecNotSupported",
            &["ok", "ecInvalidParam"],
            "the gateway sends one of the three flags",
        ),
        Expected::must("attachment, without flags", "ok"),
        Expected::must("attachment, KeepOpenReadOnly", "ok"),
        Expected::may(
            "attachment, two flags",
            "ecNotSupported",
            &["ok", "ecInvalidParam"],
            "the gateway sends at most one of the three flags",
        ),
    ],
    run: |b| Box::pin(flags(b)),
};

/// Opens the message, changes it, saves it with `save_flags`; the handle and what the save answered.
async fn saved(b: &mut Bench, message: MessageId, save_flags: u8) -> Result<(u32, String), Trouble> {
    let handle = b.open_message(b.folder, message).await?;
    b.set(handle, vec![integer(tags::PidTagFlagStatus, 2)]).await?;
    let answer = b.save(handle, save_flags).await?;
    Ok((handle, result(&answer)))
}

async fn flags(b: &mut Bench) -> Done {
    let message = b.create_plain(b.folder, "one").await?;
    let (handle, answer) = saved(b, message, Save::FORCE_SAVE).await?;
    b.see("ForceSave", answer);
    b.release(handle).await?;
    let kept = [
        ("KeepOpenReadWrite, and a change after it", Save::KEEP_OPEN_READ_WRITE),
        ("KeepOpenReadOnly, and a change after it", Save::KEEP_OPEN_READ_ONLY),
    ];
    for (field, flag) in kept {
        let (handle, answer) = saved(b, message, flag).await?;
        let (code, problems) = b.set(handle, vec![text(tags::PidTagInReplyToId, "<later@example.org>")]).await?;
        let written = if code.is_success() && problems == 0 { "written" } else { "refused" };
        b.see(field, format_args!("{answer}, {written}"));
        b.release(handle).await?;
    }
    let both = [
        ("ForceSave with KeepOpenReadOnly", Save::FORCE_SAVE | Save::KEEP_OPEN_READ_ONLY),
        ("ForceSave with KeepOpenReadWrite", Save::FORCE_SAVE | Save::KEEP_OPEN_READ_WRITE),
    ];
    for (field, flags) in both {
        let (handle, answer) = saved(b, message, flags).await?;
        b.see(field, answer);
        b.release(handle).await?;
    }
    let handle = b.open_message(b.folder, message).await?;
    let attachments = [
        ("attachment, without flags", 0),
        ("attachment, KeepOpenReadOnly", Save::KEEP_OPEN_READ_ONLY),
        ("attachment, two flags", Save::KEEP_OPEN_READ_ONLY | Save::KEEP_OPEN_READ_WRITE),
    ];
    for (field, save_flags) in attachments {
        let create = CreateAttachmentRequest { output_handle_index: OUT };
        let attachment = b.call(handle, RequestBody::CreateAttachment(create)).await?.ok()?.handle;
        let values = vec![integer(tags::PidTagAttachMethod, 1), integer(tags::PidTagRenderingPosition, -1)];
        b.set(attachment, values).await?;
        let save = SaveChangesAttachmentRequest { input_handle_index: 1, save_flags };
        let answer = b.call_two(handle, attachment, RequestBody::SaveChangesAttachment(save)).await?;
        b.see(field, result(&answer));
        b.release(attachment).await?;
    }
    Ok(())
}

pub(super) const LATE: Scenario = Scenario {
    name: "changes that cannot be saved",
    needs: Needs::Nothing,
    expected: &[
        Expected::may(
            "a property that only the server sets",
            "refused by the save",
            &["refused at once", "passed over"],
            "the gateway sets none after the first save",
        ),
        Expected::must("the message afterwards", "as before"),
        Expected::must("another property by a new handle", "ok"),
        Expected::may(
            "best access",
            "written",
            &["refused"],
            "the gateway opens for writing what it changes, and reads rights where it may lack them",
        ),
    ],
    run: |b| Box::pin(late(b)),
};

async fn late(b: &mut Bench) -> Done {
    let message = b.create_plain(b.folder, "one").await?;
    let handle = b.open_message(b.folder, message).await?;
    let values = vec![integer(tags::PidTagMessageSize, 1), text(tags::PidTagSubject, "changed")];
    let (set, problems) = b.set(handle, values).await?;
    let answer = b.save(handle, Save::FORCE_SAVE).await?;
    b.see(
        "a property that only the server sets",
        if !answer.code.is_success() {
            "refused by the save"
        } else if !set.is_success() || problems > 0 {
            "refused at once"
        } else {
            "passed over"
        },
    );
    let refused = !answer.code.is_success();
    let subject = shown(b.message_properties(b.folder, message, &[tags::PidTagSubject]).await?.first());
    let fits = if refused { subject == "one" } else { true };
    b.see("the message afterwards", if fits { "as before".to_owned() } else { subject });
    b.release(handle).await?;
    let (handle, answer) = saved(b, message, Save::FORCE_SAVE).await?;
    b.see("another property by a new handle", answer);
    b.release(handle).await?;
    const BEST_ACCESS: u8 = 3;
    let opened = b.try_open_message(b.folder, message, BEST_ACCESS).await?.ok()?;
    let (set, _) = b.set(opened.handle, vec![text(tags::PidTagSubject, "best")]).await?;
    let answer = b.save(opened.handle, Save::FORCE_SAVE).await?;
    let written = set.is_success() && answer.code.is_success();
    b.see("best access", if written { "written" } else { "refused" });
    Ok(())
}
