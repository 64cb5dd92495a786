//! Folders and their tables ([MS-OXCROPS] 2.2.4, [MS-OXCFOLD] 3.2.5).

use mapi_core::ErrorCode;
use mapi_core::id::ObjectId;
use mapi_core::message::PropertyBag;
use mapi_core::rop::*;

use super::context::{Cx, RopResult};
use super::object::Object;
use super::table::{Rows, Table};
use crate::store::{Mailbox, SearchCriteria, Special, StoreResult, counter, object_id, right};

/// TableFlags of RopGetHierarchyTable ([MS-OXCFOLD] 2.2.1.13.1): Depth, DeferredErrors, NoNotifications, SoftDeletes,
/// UseUnicode, SuppressesNotifications.
const HIERARCHY_FLAGS: u8 = 0xFC;
/// TableFlags of RopGetContentsTable ([MS-OXCFOLD] 2.2.1.14.1): Associated, DeferredErrors, NoNotifications, SoftDeletes,
/// UseUnicode, ConversationMembers.
const CONTENTS_FLAGS: u8 = 0xFA;

pub fn open(cx: &mut Cx<'_>, request: &OpenFolderRequest) -> RopResult {
    let mailbox = cx.entry(cx.index)?.mailbox;
    let id = known(cx.mailbox()?, request.folder_id)?;
    // The way to shared folders is open; what is not shared does not seem to exist.
    let open = matches!(cx.mailbox()?.role(id), Some(Special::Root | Special::IpmSubtree));
    if !open && cx.require(mailbox, id, right::REVIEWER).is_err() {
        return Err(ErrorCode::NOT_FOUND);
    }
    cx.add(request.output_handle_index, mailbox, Object::Folder(id))?;
    Ok(ResponseBody::OpenFolder(OpenFolderResponse { has_rules: false, ghosted: None }))
}

pub fn create(cx: &mut Cx<'_>, request: &CreateFolderRequest) -> RopResult {
    let (mailbox, parent) = cx.folder_for(cx.index, right::CREATE_SUBFOLDER)?;
    let (name, comment) = (&request.display_name, &request.comment);
    let kind = i32::from(request.folder_type);
    let (id, existed) = cx.mailbox_mut()?.create_folder(parent, name, comment, kind, request.open_existing)?;
    cx.add(request.output_handle_index, mailbox, Object::Folder(id))?;
    let existing = existed.then_some(OpenFolderResponse { has_rules: false, ghosted: None });
    Ok(ResponseBody::CreateFolder(CreateFolderResponse { folder_id: object_id(id), existing }))
}

pub fn delete(cx: &mut Cx<'_>, request: &DeleteFolderRequest) -> RopResult {
    let (mailbox, parent) = cx.folder(cx.index)?;
    let id = known(cx.mailbox()?, request.folder_id)?;
    if let Err(code) = cx.require(mailbox, id, right::OWNER) {
        return partly_denied(cx, code).map(|()| partial(true));
    }
    let has = |bit: u8| request.delete_folder_flags & bit != 0;
    let honest = cx.store.manners().honest_completion;
    let deleted = cx.mailbox_mut()?.delete_folder(parent, id, has(1), has(4))?;
    Ok(partial(!deleted && honest))
}

pub fn empty(cx: &mut Cx<'_>, request: &EmptyFolderRequest, hard: bool) -> RopResult {
    let (mailbox, id) = cx.folder(cx.index)?;
    if let Err(code) = cx.require(mailbox, id, right::DELETE_ANY) {
        return partly_denied(cx, code).map(|()| partial(true));
    }
    let honest = cx.store.manners().honest_completion;
    let emptied = cx.mailbox_mut()?.empty_folder(id, request.want_delete_associated, hard)?;
    Ok(partial(!emptied && honest))
}

pub fn move_folder(cx: &mut Cx<'_>, request: &MoveFolderRequest) -> RopResult {
    let (source, _) = cx.folder(cx.index)?;
    let (target, parent) = destination(cx, request.dest_handle_index)?;
    let id = known(cx.mailbox()?, request.folder_id)?;
    if source != target {
        return Err(ErrorCode::NOT_SUPPORTED);
    }
    let moves = cx.require(source, id, right::OWNER);
    if let Err(code) = moves.and_then(|()| cx.require(target, parent, right::CREATE_SUBFOLDER)) {
        partly_denied(cx, code)?;
        let answer = MoveCopyResponse { dest_handle_index: None, partial_completion: true };
        return Ok(ResponseBody::MoveCopy(answer));
    }
    cx.mailbox_mut()?.move_folder(id, parent, &request.new_folder_name)?;
    Ok(ResponseBody::MoveCopy(MoveCopyResponse { dest_handle_index: None, partial_completion: false }))
}

pub fn copy_folder(cx: &mut Cx<'_>, request: &CopyFolderRequest) -> RopResult {
    let (source, _) = cx.folder(cx.index)?;
    let (target, parent) = destination(cx, request.dest_handle_index)?;
    let id = known(cx.mailbox()?, request.folder_id)?;
    if source != target {
        return Err(ErrorCode::NOT_SUPPORTED);
    }
    cx.require(source, id, right::READ_ANY)?;
    cx.require(target, parent, right::CREATE_SUBFOLDER)?;
    cx.mailbox_mut()?.copy_folder(id, parent, &request.new_folder_name, request.want_recursive)?;
    Ok(ResponseBody::MoveCopy(MoveCopyResponse { dest_handle_index: None, partial_completion: false }))
}

/// What lacks a right stays behind; servers differ in whether that is an error.
///
/// # Errors
/// The refusal, where it is one.
pub fn partly_denied(cx: &Cx<'_>, code: ErrorCode) -> StoreResult<()> {
    if code == ErrorCode::ACCESS_DENIED && cx.store.manners().denied_is_partial { Ok(()) } else { Err(code) }
}

fn partial(partial_completion: bool) -> ResponseBody {
    ResponseBody::PartialCompletion(PartialCompletionResponse { partial_completion })
}

pub fn hierarchy_table(cx: &mut Cx<'_>, request: &GetTableRequest) -> RopResult {
    known_flags(request, HIERARCHY_FLAGS)?;
    let (mailbox, folder) = cx.folder(cx.index)?;
    let depth = request.table_flags & GetTableRequest::DEPTH != 0;
    let viewer = if mailbox == cx.session.user { None } else { cx.store.users().get(cx.session.user) };
    let viewer = viewer.map(|user| user.legacy_dn.clone());
    counted(cx, request, Rows::Hierarchy { folder, depth, viewer })
}

pub fn contents_table(cx: &mut Cx<'_>, request: &GetTableRequest) -> RopResult {
    known_flags(request, CONTENTS_FLAGS)?;
    let (_, folder) = cx.folder_for(cx.index, right::READ_ANY)?;
    let associated = request.table_flags & GetTableRequest::ASSOCIATED != 0;
    let deleted = request.table_flags & GetTableRequest::SOFT_DELETES != 0;
    counted(cx, request, Rows::Contents { folder, associated, deleted })
}

/// The rules of a folder: there are none.
pub fn rules_table(cx: &mut Cx<'_>, request: &GetTableRequest) -> RopResult {
    cx.folder(cx.index)?;
    fixed(cx, request, Vec::new())
}

pub fn set_search_criteria(cx: &mut Cx<'_>, request: &SetSearchCriteriaRequest) -> RopResult {
    let (_, id) = cx.folder_for(cx.index, right::OWNER)?;
    let mailbox = cx.mailbox()?;
    let former = mailbox.folder(id)?.search.clone();
    let scope = request.folder_ids.iter().map(|id| known(mailbox, *id)).collect::<StoreResult<Vec<_>>>()?;
    let former_scope = former.as_ref().map(|search| search.scope.clone()).unwrap_or_default();
    let criteria = SearchCriteria {
        restriction: request.restriction.clone().or(former.and_then(|search| search.restriction)),
        scope: if scope.is_empty() { former_scope } else { scope },
        recursive: request.search_flags & 4 != 0,
    };
    if criteria.scope.is_empty() {
        return Err(ErrorCode::NOT_INITIALIZED);
    }
    cx.mailbox_mut()?.set_search(id, criteria)?;
    Ok(ResponseBody::Empty)
}

pub fn get_search_criteria(cx: &Cx<'_>, request: &GetSearchCriteriaRequest) -> RopResult {
    let (_, id) = cx.folder(cx.index)?;
    let folder = cx.mailbox()?.folder(id)?;
    if folder.kind != 2 {
        return Err(ErrorCode::NOT_SEARCH_FOLDER);
    }
    let search = folder.search.as_ref().ok_or(ErrorCode::NOT_INITIALIZED)?;
    let folder_ids: Vec<_> = search.scope.iter().copied().map(object_id).collect();
    Ok(ResponseBody::GetSearchCriteria(GetSearchCriteriaResponse {
        restriction: search.restriction.clone().filter(|_| request.include_restriction),
        logon_id: cx.logon_id,
        folder_ids: if request.include_folders { folder_ids } else { Vec::new() },
        search_flags: 1 | if search.recursive { 4 } else { 0 },
    }))
}

/// The folder at a destination index.
///
/// # Errors
/// `ecDstNullObject` if there is none.
pub fn destination(cx: &Cx<'_>, index: u8) -> StoreResult<(usize, u64)> {
    match cx.folder(index) {
        Err(ErrorCode::NULL_OBJECT) => Err(ErrorCode::DST_NULL_OBJECT),
        other => other,
    }
}

/// The counter of a folder that exists.
pub fn known(mailbox: &Mailbox, id: ObjectId) -> StoreResult<u64> {
    let id = counter(id).ok_or(ErrorCode::NOT_FOUND)?;
    mailbox.folder(id).map(|folder| folder.id)
}

/// A table flag that its table does not know is refused ([MS-OXCFOLD] R314002, R330002).
fn known_flags(request: &GetTableRequest, known: u8) -> StoreResult<()> {
    if request.table_flags & !known == 0 { Ok(()) } else { Err(ErrorCode::NOT_SUPPORTED) }
}

fn counted(cx: &mut Cx<'_>, request: &GetTableRequest, rows: Rows) -> RopResult {
    let mut table = Table::new(rows);
    let row_count = u32::try_from(table.len(cx.mailbox()?)).unwrap_or(u32::MAX);
    let mailbox = cx.entry(cx.index)?.mailbox;
    cx.add(request.output_handle_index, mailbox, Object::Table(Box::new(table)))?;
    Ok(ResponseBody::RowCount(RowCountResponse { row_count }))
}

/// Opens a table whose rows do not change.
pub fn fixed(cx: &mut Cx<'_>, request: &GetTableRequest, rows: Vec<PropertyBag>) -> RopResult {
    let mailbox = cx.entry(cx.index)?.mailbox;
    cx.add(request.output_handle_index, mailbox, Object::Table(Box::new(Table::new(Rows::Fixed(rows)))))?;
    Ok(ResponseBody::Empty)
}
