use crate::id::FolderId;
use crate::message::PropertyBag;
use crate::property::{FileTime, PropertyKey, PropertyRow, PropertyTag, PropertyValue, tags};
use crate::rop::{GetTableRequest, OpenFolderRequest, RequestBody, ResponseBody};

use super::folder_properties::present;
use super::link::OnFailure;
use super::open::get_properties;
use super::table::ContentsQuery;
use super::{Mailbox, MailboxError};

/// A folder below the IPM subtree.
#[derive(Debug, Clone, PartialEq)]
pub struct FolderRow {
    /// Its id.
    pub id: FolderId,
    /// The folder it is in; that of the IPM subtree for the topmost ones.
    pub parent_id: FolderId,
    /// Levels below the IPM subtree, from 1.
    pub depth: u32,
    /// PidTagDisplayName.
    pub name: String,
    /// PidTagContainerClass, e.g. `IPF.Note`, `IPF.Appointment`; empty if the folder has none.
    pub container_class: String,
    /// PidTagAttributeHidden: clients do not show it.
    pub hidden: bool,
    /// Whether it has subfolders.
    pub subfolders: bool,
    /// What tells cheaply that something changed.
    pub counters: FolderCounters,
    /// The properties asked for besides, where the folder has them. Tables cut strings and binaries at 510 bytes.
    pub extra: PropertyBag,
}

/// Folders, and what was asked of the folder that all of them are in.
#[derive(Debug)]
pub struct FoldersWithTop {
    /// All folders below the IPM subtree, parents before their children.
    pub folders: Vec<FolderRow>,
    /// The value of the IPM subtree, as [`Mailbox::folder_value`] gives it.
    pub of_top: Result<Option<PropertyValue>, MailboxError>,
}

/// Properties of a folder that move with its content (they are equal as long as nothing happened in the folder).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct FolderCounters {
    /// PidTagContentCount: messages.
    pub total: u32,
    /// PidTagContentUnreadCount: unread messages.
    pub unread: u32,
    /// PidTagLocalCommitTimeMax: time of the last change.
    pub last_commit: Option<FileTime>,
    /// PidTagDeletedCountTotal: messages deleted ever.
    pub deleted: Option<u32>,
    /// PidTagArticleNumNext: moves with every saved message.
    pub next_article: Option<u32>,
}

const COLUMNS: [PropertyTag; 12] = [
    tags::PidTagFolderId,
    tags::PidTagParentFolderId,
    tags::PidTagDepth,
    tags::PidTagDisplayName,
    tags::PidTagContainerClass,
    tags::PidTagAttributeHidden,
    tags::PidTagSubfolders,
    tags::PidTagContentCount,
    tags::PidTagContentUnreadCount,
    tags::PidTagLocalCommitTimeMax,
    tags::PidTagDeletedCountTotal,
    tags::PidTagArticleNumNext,
];
const COUNTERS: [PropertyTag; 5] = [
    tags::PidTagContentCount,
    tags::PidTagContentUnreadCount,
    tags::PidTagLocalCommitTimeMax,
    tags::PidTagDeletedCountTotal,
    tags::PidTagArticleNumNext,
];
/// Tables cut strings to 255 UTF-16 units.
const CUT: usize = 255;
/// Names asked for in one request: each may take half a kilobyte of its answer.
const NAMES_AT_ONCE: usize = 50;
/// Folders a mailbox may have here.
const FOLDER_LIMIT: usize = 100_000;

impl Mailbox {
    /// All folders below the IPM subtree, parents before their children, with the properties `extra` of each. One Execute
    /// request for about a thousand.
    pub async fn folders(&self, extra: &[PropertyKey]) -> Result<Vec<FolderRow>, MailboxError> {
        Ok(self.folders_with_top(extra, None).await?.folders)
    }

    /// The same, and in the same request the value `of_top` of the IPM subtree itself, which has no row.
    pub async fn folders_with_top(
        &self,
        extra: &[PropertyKey],
        of_top: Option<&PropertyKey>,
    ) -> Result<FoldersWithTop, MailboxError> {
        let top_tag: Vec<_> = match of_top {
            Some(key) => self.tags(std::slice::from_ref(key), false).await?.into_iter().flatten().collect(),
            None => Vec::new(),
        };
        let known = self.tags(extra, false).await?;
        let extra: Vec<_> = extra.iter().zip(known).filter_map(|(key, tag)| Some((key.clone(), tag?))).collect();
        let columns: Vec<_> = COLUMNS.into_iter().chain(extra.iter().map(|(_, tag)| *tag)).collect();
        let flags = GetTableRequest::DEPTH | GetTableRequest::USE_UNICODE | GetTableRequest::NO_NOTIFICATIONS;
        let open = RequestBody::GetHierarchyTable(GetTableRequest { output_handle_index: 0, table_flags: flags });
        let query = ContentsQuery { columns, ..ContentsQuery::default() };
        let mut folders = Vec::new();
        let top = self.inner.info.folders.ipm_subtree;
        let mut parents = vec![top];
        let mut too_many = false;
        let on_rows = |rows: Vec<PropertyRow>| {
            for row in rows {
                too_many |= folders.len() >= FOLDER_LIMIT;
                if let Some(folder) = folder_row(row, &extra, &mut parents).filter(|_| !too_many) {
                    folders.push(folder);
                }
            }
        };
        let of_top = self.inner.rows(top, &top_tag, open, &query, on_rows).await?;
        if too_many {
            return Err(MailboxError::Limit { what: "number of folders", limit: FOLDER_LIMIT as u64 });
        }
        for folder in folders.iter_mut().filter(|folder| folder.name.encode_utf16().count() >= CUT) {
            let key = PropertyKey::Tag(tags::PidTagDisplayName);
            if let Some(name) = self.folder_properties(folder.id, &[key]).await?.text(tags::PidTagDisplayName) {
                name.clone_into(&mut folder.name);
            }
        }
        Ok(FoldersWithTop { folders, of_top: of_top.into_iter().next().map_or(Ok(None), present) })
    }

    /// The counters of folders, in their order; `None` for folders that are not there (any more). One Execute request for
    /// about a hundred.
    pub async fn counters(&self, folders: &[FolderId]) -> Result<Vec<Option<FolderCounters>>, MailboxError> {
        let mut script = self.inner.link.script();
        let store = script.known(&self.inner.logon);
        let tickets: Vec<_> = folders
            .iter()
            .map(|&folder_id| {
                let request = OpenFolderRequest { output_handle_index: 0, folder_id, open_mode_flags: 0 };
                let (folder, _) = script.open(store, RequestBody::OpenFolder(request));
                let ticket = script.rop(folder, get_properties(&COUNTERS));
                script.release(folder);
                ticket
            })
            .collect();
        let answers = self.inner.link.run(&mut script, OnFailure::GoOn).await?;
        let counters = |ticket| match answers.body(ticket) {
            Ok(ResponseBody::GetPropertiesSpecific(got)) => Some(folder_counters(&bag(&COUNTERS, got.row.clone()))),
            _ => None,
        };
        Ok(tickets.into_iter().map(counters).collect())
    }

    /// The names of folders as they are now, in their order; `None` for folders that are not there (any more). One Execute
    /// request for fifty. The cheapest way to see whether folders that [`super::MailboxChanges`] names as touched were
    /// renamed. Reads only: dropping the future does no harm.
    pub async fn folder_names(&self, folders: &[FolderId]) -> Result<Vec<Option<String>>, MailboxError> {
        let mut names = Vec::with_capacity(folders.len());
        for some in folders.chunks(NAMES_AT_ONCE) {
            let mut script = self.inner.link.script();
            let store = script.known(&self.inner.logon);
            let ask = |&folder_id: &FolderId| {
                let request = OpenFolderRequest { output_handle_index: 0, folder_id, open_mode_flags: 0 };
                let (folder, _) = script.open(store, RequestBody::OpenFolder(request));
                let ticket = script.rop(folder, get_properties(&[tags::PidTagDisplayName]));
                script.release(folder);
                ticket
            };
            let tickets: Vec<_> = some.iter().map(ask).collect();
            let answers = self.inner.link.run(&mut script, OnFailure::GoOn).await?;
            names.extend(tickets.into_iter().map(|ticket| match answers.body(ticket) {
                Ok(ResponseBody::GetPropertiesSpecific(got)) => {
                    got.row.values.first().and_then(|value| value.value()?.as_str()).map(str::to_owned)
                }
                _ => None,
            }));
        }
        Ok(names)
    }
}

/// The values of a row that are there.
pub(super) fn bag(columns: &[PropertyTag], row: PropertyRow) -> PropertyBag {
    columns.iter().zip(row.values).filter_map(|(tag, value)| Some((*tag, value.into_value()?))).collect()
}

/// `None` for rows without an id. `parents` holds the last folder of each level, the IPM subtree first.
fn folder_row(
    mut row: PropertyRow,
    extra: &[(PropertyKey, PropertyTag)],
    parents: &mut Vec<FolderId>,
) -> Option<FolderRow> {
    let more = row.values.split_off(COLUMNS.len().min(row.values.len()));
    let more = extra.iter().zip(more).filter_map(|((key, _), value)| Some((key.clone(), value.into_value()?)));
    let extra = more.collect();
    let bag = bag(&COLUMNS, row);
    let id = FolderId::from_i64(bag.integer64(tags::PidTagFolderId)?);
    let depth = bag.integer(tags::PidTagDepth).and_then(|depth| u32::try_from(depth).ok()).unwrap_or(1).max(1);
    let above = usize::try_from(depth).unwrap_or(usize::MAX).min(parents.len());
    parents.truncate(above);
    let parent = bag.integer64(tags::PidTagParentFolderId).map(FolderId::from_i64);
    let parent_id = parent.or_else(|| parents.last().copied())?;
    parents.push(id);
    let flag = |tag| bag.boolean(tag).unwrap_or(false);
    Some(FolderRow {
        id,
        parent_id,
        depth,
        name: bag.text(tags::PidTagDisplayName).unwrap_or_default().to_owned(),
        container_class: bag.text(tags::PidTagContainerClass).unwrap_or_default().to_owned(),
        hidden: flag(tags::PidTagAttributeHidden),
        subfolders: flag(tags::PidTagSubfolders),
        counters: folder_counters(&bag),
        extra,
    })
}

fn folder_counters(bag: &PropertyBag) -> FolderCounters {
    let number = |tag| bag.get(tag).and_then(PropertyValue::as_i32).map(i32::cast_unsigned);
    FolderCounters {
        total: number(tags::PidTagContentCount).unwrap_or(0),
        unread: number(tags::PidTagContentUnreadCount).unwrap_or(0),
        last_commit: bag.time(tags::PidTagLocalCommitTimeMax),
        deleted: number(tags::PidTagDeletedCountTotal),
        next_article: number(tags::PidTagArticleNumNext),
    }
}
