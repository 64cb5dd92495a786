//! Making, renaming, moving and deleting folders.

use mapi_core::id::FolderId;
use mapi_core::property::tags;
use mapi_core::rop::{ChangedTags, GetTableRequest, MoveFolderRequest, RequestBody, ResponseBody};

use super::super::Trouble;
use super::super::bench::events::{event_name, is_about, kinds};
use super::super::bench::{bytes, same, shown, text};
use super::super::{Bench, Expected, Needs, Scenario};
use super::done::{Done, result};
use mapi_core::rop::notification_flags as bits;

pub(super) const LIFE: Scenario = Scenario {
    name: "folders made, renamed, moved",
    needs: Needs::Nothing,
    expected: &[
        Expected::must("create", "ok"),
        Expected::must("create again", "ecDuplicateName"),
        Expected::may(
            "create in other letters",
            "ecDuplicateName",
            &["ok"],
            "folder names that are equal apart from case are both shown",
        ),
        Expected::must("open existing", "same"),
        Expected::must("name with slash, emoji and trailing space", "kept"),
        Expected::must("rename", "ok"),
        Expected::must("name afterwards", "renamed"),
        Expected::must("rename to a name in use", "refused"),
        Expected::must("move with new name", "ok"),
        Expected::must("id after the move", "same"),
        Expected::must("name after the move", "moved"),
        Expected::must("private property of a folder", "kept"),
    ],
    run: |b| Box::pin(life(b)),
};

const ODD_NAME: &str = "a/b \u{1F4E7} ";

async fn life(b: &mut Bench) -> Done {
    let handle = b.handle;
    let made = b.try_create_folder(handle, "first", false).await?;
    b.see("create", result(&made));
    let ResponseBody::CreateFolder(folder) = &made.ok()?.body else { return Ok(()) };
    let first = folder.folder_id;
    let again = b.try_create_folder(handle, "first", false).await?;
    b.see("create again", result(&again));
    let upper = b.try_create_folder(handle, "FIRST", false).await?;
    b.see("create in other letters", result(&upper));
    let existing = b.try_create_folder(handle, "first", true).await?;
    let found = match &existing.body {
        ResponseBody::CreateFolder(found) => same(found.folder_id == first).to_owned(),
        _ => result(&existing),
    };
    b.see("open existing", found);
    let (odd, _) = b.create_folder(handle, ODD_NAME).await?;
    let name = name_of(b, odd).await?;
    b.see("name with slash, emoji and trailing space", if name == ODD_NAME { "kept".to_owned() } else { name });
    let first_handle = b.open_folder(first).await?;
    let (code, problems) = b.set(first_handle, vec![text(tags::PidTagDisplayName, "renamed")]).await?;
    b.see("rename", super::super::bench::code(code));
    let name = name_of(b, first).await?;
    b.see("name afterwards", name);
    let (code, problems_now) = b.set(first_handle, vec![text(tags::PidTagDisplayName, ODD_NAME)]).await?;
    let refused = !code.is_success() || problems_now > problems;
    b.see("rename to a name in use", if refused { "refused" } else { "done" });
    let (target, target_handle) = b.create_folder(handle, "target").await?;
    let request = MoveFolderRequest {
        dest_handle_index: 1,
        want_asynchronous: false,
        use_unicode: true,
        folder_id: first,
        new_folder_name: "moved".into(),
    };
    let moved = b.call_two(handle, target_handle, RequestBody::MoveFolder(request)).await?;
    b.see("move with new name", result(&moved));
    let values = b.folder_properties(first, &[tags::PidTagParentFolderId]).await?;
    let parent = values.first().and_then(|value| value.value()?.as_i64());
    b.see("id after the move", same(parent == Some(target.to_i64())));
    let name = name_of(b, first).await?;
    b.see("name after the move", name);
    let set = mapi_core::property::property_set::PS_PUBLIC_STRINGS;
    let name = mapi_core::property::PropertyName::string(set, "conformance-bytes");
    let tag = b.named_tags(&[(name, mapi_core::property::PropertyType::BINARY)]).await?;
    let Some(tag) = tag.first().copied() else { return Ok(()) };
    b.set(handle, vec![bytes(tag, &[7; 2000])]).await?;
    let value = b.get_one(handle, tag).await?;
    let kept = value.as_ref().and_then(|value| value.as_bytes()) == Some(&[7; 2000]);
    b.see("private property of a folder", if kept { "kept" } else { "lost" });
    Ok(())
}

async fn name_of(b: &mut Bench, folder: FolderId) -> Result<String, Trouble> {
    Ok(shown(b.folder_properties(folder, &[tags::PidTagDisplayName]).await?.first()))
}

pub(super) const DELETION: Scenario = Scenario {
    name: "folders deleted",
    needs: Needs::Nothing,
    expected: &[
        Expected::must("empty folder", "gone"),
        Expected::may("open what is gone", "ecNotFound", &["ok"], "the gateway takes folders from the hierarchy table"),
        Expected::must("folder with a message, without flags", "stays"),
        Expected::may("what that returned", "ok, partial", &["*"], "the gateway never deletes without flags"),
        Expected::must("folder with a message, with its messages", "gone"),
        Expected::may(
            "branch, softly",
            "gone",
            &["stays"],
            "the gateway moves branches to Deleted Items; deleting them there is refused",
        ),
        Expected::must("branch moved elsewhere", "same id"),
        Expected::must("branch, beyond recovery", "gone"),
    ],
    run: |b| Box::pin(deletion(b)),
};

async fn is_gone(b: &mut Bench, folder: FolderId) -> Result<&'static str, Trouble> {
    let table = b.hierarchy_table(b.handle, GetTableRequest::DEPTH, &[tags::PidTagFolderId]).await?;
    let rows = b.all_rows(table).await?;
    let mut ids = rows.iter().filter_map(|row| row.values.first()?.value()?.as_i64());
    Ok(if ids.any(|id| id == folder.to_i64()) { "stays" } else { "gone" })
}

async fn deletion(b: &mut Bench) -> Done {
    let handle = b.handle;
    let (empty, _) = b.create_folder(handle, "empty").await?;
    b.delete_folder(handle, empty, 0x01).await?;
    let gone = is_gone(b, empty).await?;
    b.see("empty folder", gone);
    let opened = b.try_open_folder(empty).await?;
    b.see("open what is gone", result(&opened));
    let (full, _) = b.create_folder(handle, "full").await?;
    b.create_plain(full, "inside").await?;
    let answer = b.delete_folder(handle, full, 0).await?;
    let gone = is_gone(b, full).await?;
    b.see("folder with a message, without flags", gone);
    let partial = matches!(&answer.body, ResponseBody::PartialCompletion(p) if p.partial_completion);
    b.see("what that returned", result(&answer) + if partial { ", partial" } else { "" });
    b.delete_folder(handle, full, 0x01).await?;
    let gone = is_gone(b, full).await?;
    b.see("folder with a message, with its messages", gone);
    let (branch, branch_handle) = b.create_folder(handle, "branch").await?;
    b.create_folder(branch_handle, "leaf").await?;
    b.delete_folder(handle, branch, 0x05).await?;
    let gone = is_gone(b, branch).await?;
    b.see("branch, softly", gone);
    let (other, other_handle) = b.create_folder(handle, "other branch").await?;
    b.create_folder(other_handle, "leaf").await?;
    let (target, target_handle) = b.create_folder(handle, "target").await?;
    let request = MoveFolderRequest {
        dest_handle_index: 1,
        want_asynchronous: false,
        use_unicode: true,
        folder_id: other,
        new_folder_name: "other branch".into(),
    };
    b.call_two(handle, target_handle, RequestBody::MoveFolder(request)).await?;
    let values = b.folder_properties(other, &[tags::PidTagParentFolderId]).await?;
    let parent = values.first().and_then(|value| value.value()?.as_i64());
    b.see("branch moved elsewhere", if parent == Some(target.to_i64()) { "same id" } else { "another id" });
    b.delete_folder(handle, target, 0x15).await?;
    let gone = is_gone(b, target).await?;
    b.see("branch, beyond recovery", gone);
    Ok(())
}

pub(super) const EVENTS: Scenario = Scenario {
    name: "notifications about folders",
    needs: Needs::Nothing,
    expected: &[
        Expected::must("create", "created"),
        Expected::must("rename", "modified"),
        Expected::may(
            "message counts with the rename",
            "absent",
            &["there"],
            "the gateway asks for the hierarchy after any modification of a folder",
        ),
        Expected::may(
            "changed properties named with the rename",
            "none",
            &["some", "all"],
            "the gateway asks for the hierarchy after any modification of a folder",
        ),
        Expected::must("move", "moved"),
        Expected::must("ids of the move", "same"),
        Expected::must("delete", "deleted"),
    ],
    run: |b| Box::pin(events(b)),
};

async fn events(b: &mut Bench) -> Done {
    b.subscribe().await?;
    let handle = b.handle;
    let (folder, folder_handle) = b.create_folder(handle, "new").await?;
    b.event(|note| is_about(note, bits::OBJECT_CREATED, None)).await?;
    let events = b.take_events(folder, false);
    b.see("create", kinds(&events));
    b.set(folder_handle, vec![text(tags::PidTagDisplayName, "renamed")]).await?;
    b.event(|note| is_about(note, bits::OBJECT_MODIFIED, None)).await?;
    let events = b.take_events(folder, false);
    b.see("rename", kinds(&events));
    let counted = events.iter().any(|(_, object)| object.total_message_count.is_some());
    b.see("message counts with the rename", if counted { "there" } else { "absent" });
    let named = events.iter().filter_map(|(_, object)| object.tags.as_ref()).fold("none", |so_far, tags| match tags {
        ChangedTags::All => "all",
        ChangedTags::Listed(list) if !list.is_empty() => "some",
        ChangedTags::Listed(_) => so_far,
    });
    b.see("changed properties named with the rename", named);
    let (target, target_handle) = b.create_folder(handle, "target").await?;
    b.event(|note| is_about(note, bits::OBJECT_CREATED, None)).await?;
    b.notes.clear();
    let request = MoveFolderRequest {
        dest_handle_index: 1,
        want_asynchronous: false,
        use_unicode: true,
        folder_id: folder,
        new_folder_name: "renamed".into(),
    };
    b.call_two(handle, target_handle, RequestBody::MoveFolder(request)).await?;
    b.event(|note| is_about(note, bits::OBJECT_MOVED, None)).await?;
    let events = b.take_events(folder, false);
    let moved = events.iter().find(|(event, _)| *event == bits::OBJECT_MOVED);
    b.see("move", moved.map_or("none", |(event, _)| event_name(*event)));
    let right = moved
        .is_some_and(|(_, object)| object.old_folder_id == Some(folder) && object.parent_folder_id == Some(target));
    b.see("ids of the move", same(right));
    b.notes.clear();
    b.delete_folder(target_handle, folder, 0x15).await?;
    b.event(|note| is_about(note, bits::OBJECT_DELETED, None)).await?;
    let events = b.take_events(folder, false);
    let deleted = events.iter().any(|(event, _)| *event == bits::OBJECT_DELETED);
    b.see("delete", if deleted { "deleted" } else { "none" });
    Ok(())
}
