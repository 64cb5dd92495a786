//! ROPs on folders ([MS-OXCROPS] 2.2.4, [MS-OXCFOLD] 2.2.1).

use crate::ErrorCode;
use crate::id::{FolderId, MessageId};
use crate::property::Restriction;
use crate::wire::{Reader, WireResult, Writer};

use super::codec::{Answer, Count16, SizedRestriction, Wire, get_text, put_text, wire_struct};
use super::{OwningServers, ResponseContext};

wire_struct! {
    /// RopOpenFolder request ([MS-OXCROPS] 2.2.4.1.1).
    pub struct OpenFolderRequest {
        pub output_handle_index: u8,
        pub folder_id: FolderId,
        /// 0, or 4 to open a soft-deleted folder.
        pub open_mode_flags: u8,
    }

    /// RopDeleteFolder request ([MS-OXCROPS] 2.2.4.3.1); the input handle is the parent's.
    pub struct DeleteFolderRequest {
        /// 1 with its messages, 4 with its folders, 0x10 beyond recovery.
        pub delete_folder_flags: u8,
        pub folder_id: FolderId,
    }

    /// RopSetSearchCriteria request ([MS-OXCROPS] 2.2.4.4.1).
    pub struct SetSearchCriteriaRequest {
        /// `None` keeps the one there is.
        pub restriction: Option<Restriction> as SizedRestriction,
        /// The folders to search; none keeps those there are.
        pub folder_ids: Vec<FolderId> as Count16,
        /// 1 stop, 2 restart, 4 recursive, 8 shallow, 0x10000 content-indexed, 0x20000 not content-indexed,
        /// 0x40000 static.
        pub search_flags: u32,
    }

    /// RopGetSearchCriteria request ([MS-OXCROPS] 2.2.4.5.1).
    pub struct GetSearchCriteriaRequest {
        pub use_unicode: bool,
        pub include_restriction: bool,
        pub include_folders: bool,
    }

    /// RopGetSearchCriteria response ([MS-OXCROPS] 2.2.4.5.2).
    pub struct GetSearchCriteriaResponse {
        pub restriction: Option<Restriction> as SizedRestriction,
        pub logon_id: u8,
        pub folder_ids: Vec<FolderId> as Count16,
        /// 1 running, 2 rebuild, 4 recursive, 8 foreground, 0x1000 complete, 0x2000 partial, 0x10000 static,
        /// 0x20000 maybe static, 0x01000000 content-indexed, 0x02000000 not content-indexed.
        pub search_flags: u32,
    }

    /// RopMoveCopyMessages request ([MS-OXCROPS] 2.2.4.6.1); the head's index is the source folder's.
    pub struct MoveCopyMessagesRequest {
        pub dest_handle_index: u8,
        pub message_ids: Vec<MessageId> as Count16,
        pub want_asynchronous: bool,
        /// Copy instead of move.
        pub want_copy: bool,
    }

    /// RopEmptyFolder and RopHardDeleteMessagesAndSubfolders request ([MS-OXCROPS] 2.2.4.9.1, 2.2.4.10.1).
    pub struct EmptyFolderRequest {
        pub want_asynchronous: bool,
        pub want_delete_associated: bool,
    }

    /// RopDeleteMessages and RopHardDeleteMessages request ([MS-OXCROPS] 2.2.4.11.1, 2.2.4.12.1).
    pub struct DeleteMessagesRequest {
        pub want_asynchronous: bool,
        /// Send non-read notifications to the senders.
        pub notify_non_read: bool,
        pub message_ids: Vec<MessageId> as Count16,
    }

    /// RopGetHierarchyTable, RopGetContentsTable, RopGetAttachmentTable, RopGetPermissionsTable and RopGetRulesTable
    /// request ([MS-OXCROPS] 2.2.4.13.1, 2.2.4.14.1, 2.2.6.17.1, 2.2.10.2.1, 2.2.11.2.1).
    pub struct GetTableRequest {
        pub output_handle_index: u8,
        /// Hierarchy: 4 depth. Contents: 2 associated, 0x80 conversation members. Both: 8 deferred errors, 0x10 no
        /// notifications, 0x20 soft-deleted. Permissions: 2 with free/busy. All: 0x40 Unicode.
        pub table_flags: u8,
    }

    /// RopGetHierarchyTable and RopGetContentsTable response ([MS-OXCROPS] 2.2.4.13.2, 2.2.4.14.2).
    pub struct RowCountResponse {
        pub row_count: u32,
    }
}

impl GetTableRequest {
    /// Rows of all levels below the folder (hierarchy tables).
    pub const DEPTH: u8 = 0x04;
    /// Folder-associated messages instead of ordinary ones (contents tables).
    pub const ASSOCIATED: u8 = 0x02;
    /// No notifications about this table.
    pub const NO_NOTIFICATIONS: u8 = 0x10;
    /// Soft-deleted objects.
    pub const SOFT_DELETES: u8 = 0x20;
    /// Strings in Unicode.
    pub const USE_UNICODE: u8 = 0x40;
}

/// RopOpenFolder response ([MS-OXCROPS] 2.2.4.1.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenFolderResponse {
    /// The folder has rules.
    pub has_rules: bool,
    /// Present if the folder is ghosted: its content lives on these servers.
    pub ghosted: Option<OwningServers>,
}

impl Wire for OpenFolderResponse {
    const MIN_SIZE: usize = 2;

    fn get(reader: &mut Reader<'_>, context: &'static str) -> WireResult<Self> {
        let has_rules = reader.bool8("HasRules")?;
        let ghosted = if reader.bool8("IsGhosted")? { Some(Wire::get(reader, context)?) } else { None };
        Ok(Self { has_rules, ghosted })
    }

    fn put(&self, writer: &mut Writer) {
        writer.bool8(self.has_rules).bool8(self.ghosted.is_some());
        if let Some(servers) = &self.ghosted {
            servers.put(writer);
        }
    }
}

/// RopCreateFolder request ([MS-OXCROPS] 2.2.4.2.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateFolderRequest {
    /// Where the handle of the folder goes.
    pub output_handle_index: u8,
    /// 1 generic, 2 search.
    pub folder_type: u8,
    /// Whether the names go as UTF-16 or as 8-bit text.
    pub use_unicode_strings: bool,
    /// Open a folder of this name if there is one.
    pub open_existing: bool,
    /// 0.
    pub reserved: u8,
    /// The name.
    pub display_name: String,
    /// The comment.
    pub comment: String,
}

impl CreateFolderRequest {
    /// FolderType of a folder that holds messages.
    pub const GENERIC: u8 = 1;
    /// FolderType of a search folder.
    pub const SEARCH: u8 = 2;
}

impl Wire for CreateFolderRequest {
    const MIN_SIZE: usize = 7;

    fn get(reader: &mut Reader<'_>, _: &'static str) -> WireResult<Self> {
        let output_handle_index = reader.u8("OutputHandleIndex")?;
        let folder_type = reader.u8("FolderType")?;
        let use_unicode_strings = reader.bool8("UseUnicodeStrings")?;
        let open_existing = reader.bool8("OpenExisting")?;
        let reserved = reader.u8("Reserved")?;
        let display_name = get_text(reader, use_unicode_strings, "DisplayName")?;
        let comment = get_text(reader, use_unicode_strings, "Comment")?;
        Ok(Self {
            output_handle_index,
            folder_type,
            use_unicode_strings,
            open_existing,
            reserved,
            display_name,
            comment,
        })
    }

    fn put(&self, writer: &mut Writer) {
        writer.u8(self.output_handle_index).u8(self.folder_type).bool8(self.use_unicode_strings);
        writer.bool8(self.open_existing).u8(self.reserved);
        put_text(writer, &self.display_name, self.use_unicode_strings);
        put_text(writer, &self.comment, self.use_unicode_strings);
    }
}

/// RopCreateFolder response ([MS-OXCROPS] 2.2.4.2.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateFolderResponse {
    /// The id of the folder.
    pub folder_id: FolderId,
    /// Present if a folder of this name was opened instead.
    pub existing: Option<OpenFolderResponse>,
}

impl Wire for CreateFolderResponse {
    const MIN_SIZE: usize = 9;

    fn get(reader: &mut Reader<'_>, context: &'static str) -> WireResult<Self> {
        let folder_id = FolderId::decode(reader, "FolderId")?;
        let existing = if reader.bool8("IsExistingFolder")? { Some(Wire::get(reader, context)?) } else { None };
        Ok(Self { folder_id, existing })
    }

    fn put(&self, writer: &mut Writer) {
        self.folder_id.encode(writer);
        writer.bool8(self.existing.is_some());
        if let Some(folder) = &self.existing {
            folder.put(writer);
        }
    }
}

/// RopMoveFolder request ([MS-OXCROPS] 2.2.4.7.1); the head's index is the source parent's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MoveFolderRequest {
    /// The new parent.
    pub dest_handle_index: u8,
    /// Answer with RopProgress before the work is done.
    pub want_asynchronous: bool,
    /// Whether the name goes as UTF-16 or as 8-bit text.
    pub use_unicode: bool,
    /// The folder to move.
    pub folder_id: FolderId,
    /// Its name there.
    pub new_folder_name: String,
}

impl Wire for MoveFolderRequest {
    const MIN_SIZE: usize = 12;

    fn get(reader: &mut Reader<'_>, _: &'static str) -> WireResult<Self> {
        let dest_handle_index = reader.u8("DestHandleIndex")?;
        let want_asynchronous = reader.bool8("WantAsynchronous")?;
        let use_unicode = reader.bool8("UseUnicode")?;
        let folder_id = FolderId::decode(reader, "FolderId")?;
        let new_folder_name = get_text(reader, use_unicode, "NewFolderName")?;
        Ok(Self { dest_handle_index, want_asynchronous, use_unicode, folder_id, new_folder_name })
    }

    fn put(&self, writer: &mut Writer) {
        writer.u8(self.dest_handle_index).bool8(self.want_asynchronous).bool8(self.use_unicode);
        self.folder_id.encode(writer);
        put_text(writer, &self.new_folder_name, self.use_unicode);
    }
}

/// RopCopyFolder request ([MS-OXCROPS] 2.2.4.8.1); the head's index is the source parent's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyFolderRequest {
    /// The parent of the copy.
    pub dest_handle_index: u8,
    /// Answer with RopProgress before the work is done.
    pub want_asynchronous: bool,
    /// With the folders below.
    pub want_recursive: bool,
    /// Whether the name goes as UTF-16 or as 8-bit text.
    pub use_unicode: bool,
    /// The folder to copy.
    pub folder_id: FolderId,
    /// The name of the copy.
    pub new_folder_name: String,
}

impl Wire for CopyFolderRequest {
    const MIN_SIZE: usize = 13;

    fn get(reader: &mut Reader<'_>, _: &'static str) -> WireResult<Self> {
        let dest_handle_index = reader.u8("DestHandleIndex")?;
        let want_asynchronous = reader.bool8("WantAsynchronous")?;
        let want_recursive = reader.bool8("WantRecursive")?;
        let use_unicode = reader.bool8("UseUnicode")?;
        let folder_id = FolderId::decode(reader, "FolderId")?;
        let new_folder_name = get_text(reader, use_unicode, "NewFolderName")?;
        Ok(Self { dest_handle_index, want_asynchronous, want_recursive, use_unicode, folder_id, new_folder_name })
    }

    fn put(&self, writer: &mut Writer) {
        writer.u8(self.dest_handle_index).bool8(self.want_asynchronous);
        writer.bool8(self.want_recursive).bool8(self.use_unicode);
        self.folder_id.encode(writer);
        put_text(writer, &self.new_folder_name, self.use_unicode);
    }
}

/// What follows ReturnValue of RopDeleteFolder, RopEmptyFolder, RopDeleteMessages, RopHardDelete* and RopSetReadFlags,
/// on failure too. Newer servers say `false` even if some items failed ([MS-OXCFOLD] note 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartialCompletionResponse {
    /// Some items were left out.
    pub partial_completion: bool,
}

impl Answer for PartialCompletionResponse {
    fn get_answer(reader: &mut Reader<'_>, _: ErrorCode, _: &ResponseContext) -> WireResult<Option<Self>> {
        Ok(Some(Self { partial_completion: reader.bool8("PartialCompletion")? }))
    }

    fn put_answer(&self, writer: &mut Writer, _: ErrorCode) {
        writer.bool8(self.partial_completion);
    }
}

/// What follows ReturnValue of RopMoveCopyMessages, RopMoveFolder and RopCopyFolder, on failure too
/// ([MS-OXCROPS] 2.2.4.6.2 to 2.2.4.8.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MoveCopyResponse {
    /// DestHandleIndex of the request, present exactly if ReturnValue is ecDstNullObject.
    pub dest_handle_index: Option<u32>,
    /// Some items were left out.
    pub partial_completion: bool,
}

impl Answer for MoveCopyResponse {
    fn get_answer(reader: &mut Reader<'_>, return_value: ErrorCode, _: &ResponseContext) -> WireResult<Option<Self>> {
        let dest_handle_index = get_null_destination(reader, return_value)?;
        Ok(Some(Self { dest_handle_index, partial_completion: reader.bool8("PartialCompletion")? }))
    }

    fn put_answer(&self, writer: &mut Writer, return_value: ErrorCode) {
        put_null_destination(writer, return_value, self.dest_handle_index);
        writer.bool8(self.partial_completion);
    }
}

/// DestHandleIndex of "null destination" failure responses.
pub(super) fn get_null_destination(reader: &mut Reader<'_>, return_value: ErrorCode) -> WireResult<Option<u32>> {
    if return_value == ErrorCode::DST_NULL_OBJECT { reader.u32("DestHandleIndex").map(Some) } else { Ok(None) }
}

pub(super) fn put_null_destination(writer: &mut Writer, return_value: ErrorCode, index: Option<u32>) {
    if return_value == ErrorCode::DST_NULL_OBJECT {
        writer.u32(index.unwrap_or(0));
    }
}
