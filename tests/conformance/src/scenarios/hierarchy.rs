//! Hierarchy tables, counters of folders, hierarchy synchronisation.

use mapi_core::fasttransfer::SyncState;
use mapi_core::property::{PropertyRow, PropertyTag, PropertyValue, RowValue, tags};
use mapi_core::rop::{GetTableRequest, MoveFolderRequest, RequestBody, SetReadFlagsRequest};

use super::super::bench::{same, shown, text};
use super::super::{Bench, Expected, Needs, Scenario};
use super::done::Done;

const COLUMNS: [PropertyTag; 8] = [
    tags::PidTagFolderId,
    tags::PidTagParentFolderId,
    tags::PidTagDisplayName,
    tags::PidTagDepth,
    tags::PidTagContentCount,
    tags::PidTagContentUnreadCount,
    tags::PidTagSubfolders,
    tags::PidTagContainerClass,
];

pub(super) const TABLE: Scenario = Scenario {
    name: "hierarchy table",
    needs: Needs::Nothing,
    expected: &[
        Expected::must("rows without depth", "1"),
        Expected::must("rows with depth", "2"),
        Expected::may("depth of the rows", "1 2", &["*"], "the gateway builds the tree from the parents' ids"),
        Expected::must("parents", "folder, child"),
        Expected::must("messages", "2 0"),
        Expected::must("unread", "1 0"),
        Expected::must("has subfolders", "true false"),
        Expected::must("container class as set", "IPF.Note"),
        Expected::may(
            "source key column",
            "there",
            &["ecNotFound"],
            "the gateway takes folder ids and maps them itself",
        ),
    ],
    run: |b| Box::pin(table(b)),
};

async fn table(b: &mut Bench) -> Done {
    let (folder, handle) = (b.folder, b.handle);
    let (child, child_handle) = b.create_folder(handle, "child").await?;
    b.set(child_handle, vec![text(tags::PidTagContainerClass, "IPF.Note")]).await?;
    b.create_folder(child_handle, "grandchild").await?;
    let read = b.create_plain(child, "read").await?;
    b.create_plain(child, "unread").await?;
    b.set_read_flags(child_handle, &[read], SetReadFlagsRequest::READ).await?;
    let table = b.hierarchy_table(handle, GetTableRequest::USE_UNICODE, &COLUMNS).await?;
    let rows = b.all_rows(table).await?;
    b.see("rows without depth", rows.len());
    let flags = GetTableRequest::USE_UNICODE | GetTableRequest::DEPTH;
    let table = b.hierarchy_table(handle, flags, &COLUMNS).await?;
    let rows = b.all_rows(table).await?;
    b.see("rows with depth", rows.len());
    b.see("depth of the rows", column(&rows, 3));
    let parent = |row: &PropertyRow| match row.values.get(1).and_then(|value| value.value()?.as_i64()) {
        Some(id) if id == folder.to_i64() => "folder",
        Some(id) if id == child.to_i64() => "child",
        Some(_) => "another",
        None => "absent",
    };
    b.see("parents", rows.iter().map(parent).collect::<Vec<_>>().join(", "));
    b.see("messages", column(&rows, 4));
    b.see("unread", column(&rows, 5));
    b.see("has subfolders", column(&rows, 6));
    b.see("container class as set", shown(rows.first().and_then(|row| row.values.get(7))));
    let table = b.hierarchy_table(handle, GetTableRequest::USE_UNICODE, &[tags::PidTagSourceKey]).await?;
    let rows = b.all_rows(table).await?;
    b.see("source key column", shown(rows.first().and_then(|row| row.values.first())));
    Ok(())
}

fn column(rows: &[PropertyRow], index: usize) -> String {
    rows.iter().map(|row| shown(row.values.get(index))).collect::<Vec<_>>().join(" ")
}

const PROBED: [PropertyTag; 5] = [
    tags::PidTagLocalCommitTimeMax,
    tags::PidTagDeletedCountTotal,
    tags::PidTagContentCount,
    tags::PidTagContentUnreadCount,
    tags::PidTagArticleNumNext,
];

pub(super) const COUNTERS: Scenario = Scenario {
    name: "counters of a folder",
    needs: Needs::Nothing,
    expected: &[
        Expected::must("nothing happens", "none"),
        Expected::must("new message", "commit count unread article"),
        Expected::must("marked as read", "commit unread"),
        Expected::may(
            "message changed",
            "commit article",
            &["commit"],
            "the commit time alone tells that something changed",
        ),
        Expected::may(
            "deleted softly",
            "commit deleted count",
            &["deleted count", "commit count"],
            "any of them tells that something changed",
        ),
    ],
    run: |b| Box::pin(counters(b)),
};

/// Which of the probed counters differ.
fn moved(before: &[RowValue], after: &[RowValue]) -> String {
    let names = ["commit", "deleted", "count", "unread", "article"];
    let differ = names.iter().zip(before.iter().zip(after)).filter(|(_, (before, after))| before != after);
    let names: Vec<&str> = differ.map(|(name, _)| *name).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(" ") }
}

async fn counters(b: &mut Bench) -> Done {
    let folder = b.folder;
    let at_first = b.folder_properties(folder, &PROBED).await?;
    let again = b.folder_properties(folder, &PROBED).await?;
    b.see("nothing happens", moved(&at_first, &again));
    let message = b.create_plain(folder, "one").await?;
    let created = b.folder_properties(folder, &PROBED).await?;
    b.see("new message", moved(&again, &created));
    pause().await;
    b.set_read_flags(b.handle, &[message], SetReadFlagsRequest::READ).await?;
    let read = b.folder_properties(folder, &PROBED).await?;
    b.see("marked as read", moved(&created, &read));
    pause().await;
    b.change(folder, message, vec![super::super::bench::integer(tags::PidTagFlagStatus, 2)]).await?;
    let changed = b.folder_properties(folder, &PROBED).await?;
    b.see("message changed", moved(&read, &changed));
    pause().await;
    b.delete_messages(b.handle, &[message], false).await?;
    let deleted = b.folder_properties(folder, &PROBED).await?;
    b.see("deleted softly", moved(&changed, &deleted));
    Ok(())
}

/// Times of servers are coarse.
async fn pause() {
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
}

pub(super) const SYNC: Scenario = Scenario {
    name: "hierarchy synchronisation",
    needs: Needs::Nothing,
    expected: &[
        Expected::must("first round", "2 changed, 0 gone, 0 read, 0 unread"),
        Expected::must("folder ids in it", "same"),
        Expected::must("parent of the child", "empty, folder"),
        Expected::must("nothing happens", "0 changed, 0 gone, 0 read, 0 unread"),
        Expected::must("renamed", "1 changed, 0 gone, 0 read, 0 unread"),
        Expected::must("its id", "same"),
        Expected::must("moved below the other", "1 changed, 0 gone, 0 read, 0 unread"),
        Expected::must("deleted", "0 changed, 1 gone, 0 read, 0 unread"),
    ],
    run: |b| Box::pin(sync(b)),
};

async fn sync(b: &mut Bench) -> Done {
    let handle = b.handle;
    let (one, one_handle) = b.create_folder(handle, "one").await?;
    let (two, _) = b.create_folder(one_handle, "two").await?;
    let first = b.sync_hierarchy(handle, &SyncState::new()).await?;
    b.see("first round", first.counts());
    let mut ids: Vec<_> = first.folders.iter().filter_map(|folder| folder.folder_id()).collect();
    ids.sort_unstable();
    b.see("folder ids in it", same(ids == [one, two]));
    let one_gid = b.gid(one).await?;
    let parents: Vec<&str> = first
        .folders
        .iter()
        .map(|folder| match (folder.parent(), folder.properties.get(tags::PidTagParentSourceKey)) {
            (Some(gid), _) if gid == one_gid => "folder",
            (None, Some(PropertyValue::Binary(key))) if key.is_empty() => "empty",
            _ => "another",
        })
        .collect();
    b.see("parent of the child", parents.join(", "));
    let idle = b.sync_hierarchy(handle, &first.state).await?;
    b.see("nothing happens", idle.counts());
    let two_handle = b.open_folder(two).await?;
    b.set(two_handle, vec![text(tags::PidTagDisplayName, "zwei")]).await?;
    let renamed = b.sync_hierarchy(handle, &idle.state).await?;
    b.see("renamed", renamed.counts());
    b.see("its id", same(renamed.folders.first().and_then(|folder| folder.folder_id()) == Some(two)));
    let request = MoveFolderRequest {
        dest_handle_index: 1,
        want_asynchronous: false,
        use_unicode: true,
        folder_id: two,
        new_folder_name: "zwei".into(),
    };
    b.call_two(one_handle, handle, RequestBody::MoveFolder(request)).await?.ok()?;
    let moved = b.sync_hierarchy(handle, &renamed.state).await?;
    b.see("moved below the other", moved.counts());
    b.delete_folder(handle, two, 0x15).await?;
    let deleted = b.sync_hierarchy(handle, &moved.state).await?;
    b.see("deleted", deleted.counts());
    Ok(())
}
