//! Subscriptions and what they deliver ([MS-OXCROPS] 2.2.14, [MS-OXCNOTIF] 2.2.1).

use crate::id::{FolderId, MessageId, ObjectId};
use crate::property::{Form, PropertyRow, PropertyTag};
use crate::wire::{Reader, WireErrorKind, WireResult, Writer};

use super::codec::{Bytes16, Codec, Count16, Wire, get_text, put_text};

/// Bits of NotificationTypes and of NotificationFlags ([MS-OXCNOTIF] 2.2.1.1, 2.2.1.4.1.2).
#[allow(missing_docs, reason = "the names say what the bits mean")]
pub mod notification_flags {
    pub const NEW_MAIL: u16 = 0x0002;
    pub const OBJECT_CREATED: u16 = 0x0004;
    pub const OBJECT_DELETED: u16 = 0x0008;
    pub const OBJECT_MODIFIED: u16 = 0x0010;
    pub const OBJECT_MOVED: u16 = 0x0020;
    pub const OBJECT_COPIED: u16 = 0x0040;
    pub const SEARCH_COMPLETE: u16 = 0x0080;
    pub const TABLE_MODIFIED: u16 = 0x0100;
    pub const EXTENDED: u16 = 0x0400;
    /// Everything that happens to objects of a mailbox.
    pub const ALL_OBJECT_EVENTS: u16 = 0x007E;
    /// Mask of the event within NotificationFlags.
    pub const EVENT: u16 = 0x0FFF;
    /// TotalMessageCount is there.
    pub const TOTAL_COUNT: u16 = 0x1000;
    /// UnreadMessageCount is there.
    pub const UNREAD_COUNT: u16 = 0x2000;
    /// The event is about a search folder.
    pub const SEARCH_FOLDER: u16 = 0x4000;
    /// The event is about a message.
    pub const MESSAGE: u16 = 0x8000;
}

use notification_flags as bits;

/// RopRegisterNotification request ([MS-OXCROPS] 2.2.14.1.1). Release the output handle to unsubscribe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RegisterNotificationRequest {
    /// Where the handle of the subscription goes.
    pub output_handle_index: u8,
    /// The events wanted ([`notification_flags`]).
    pub notification_types: u16,
    /// Sent only if extended events are asked for; 0.
    pub reserved: u8,
    /// Folder and message to watch (the null id for none); `None` watches the whole store.
    pub scope: Option<(FolderId, MessageId)>,
}

impl Wire for RegisterNotificationRequest {
    const MIN_SIZE: usize = 4;

    fn get(reader: &mut Reader<'_>, _: &'static str) -> WireResult<Self> {
        let output_handle_index = reader.u8("OutputHandleIndex")?;
        let notification_types = reader.u16("NotificationTypes")?;
        let reserved = if notification_types & bits::EXTENDED != 0 { reader.u8("Reserved")? } else { 0 };
        let whole_store = reader.bool8("WantWholeStore")?;
        let scope = if whole_store {
            None
        } else {
            Some((FolderId::decode(reader, "FolderId")?, MessageId::decode(reader, "MessageId")?))
        };
        Ok(Self { output_handle_index, notification_types, reserved, scope })
    }

    fn put(&self, writer: &mut Writer) {
        writer.u8(self.output_handle_index).u16(self.notification_types);
        if self.notification_types & bits::EXTENDED != 0 {
            writer.u8(self.reserved);
        }
        writer.bool8(self.scope.is_none());
        if let Some((folder_id, message_id)) = self.scope {
            folder_id.encode(writer);
            message_id.encode(writer);
        }
    }
}

/// RopNotify ([MS-OXCROPS] 2.2.14.2).
#[derive(Debug, Clone, PartialEq)]
pub struct NotifyResponse {
    /// Handle of the subscription or of the table.
    pub notification_handle: u32,
    /// The logon.
    pub logon_id: u8,
    /// What happened, with what is known about it ([`notification_flags`]).
    pub notification_flags: u16,
    /// The details.
    pub data: NotificationData,
}

/// The fields after NotificationFlags ([MS-OXCNOTIF] 2.2.1.4.1.2). Which of them are there follows from the flags:
/// encoding writes those that the flags ask for, zero if they are missing.
#[derive(Debug, Clone, PartialEq)]
pub enum NotificationData {
    /// Event 0x0100.
    Table(TableNotification),
    /// Events about folders and messages.
    Object(ObjectNotification),
    /// Event 0x0400: nothing further is defined.
    Extended,
}

/// One row of a table as notifications name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TableRowId {
    /// The folder of the row.
    pub folder_id: FolderId,
    /// The message of the row and its instance, in contents tables.
    pub message: Option<(MessageId, u32)>,
}

/// A change of a table.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TableNotification {
    /// TableEventType: 1 changed, 3 row added, 4 row deleted, 5 row modified, 7 restriction changed.
    pub event_type: u16,
    /// The row (events 3, 4, 5).
    pub row: Option<TableRowId>,
    /// The row before it (events 3, 5).
    pub insert_after: Option<TableRowId>,
    /// TableRowData, a PropertyRow over the columns of the table (events 3, 5).
    pub row_data: Option<Vec<u8>>,
}

impl TableNotification {
    /// The row's values. `columns` are those of the table.
    ///
    /// # Errors
    /// Data that is no row over these columns.
    pub fn decode_row(&self, columns: &[PropertyTag]) -> WireResult<Option<PropertyRow>> {
        let Some(data) = &self.row_data else { return Ok(None) };
        PropertyRow::decode(&mut Reader::new(data), columns, Form::Rop).map(Some)
    }
}

/// The properties that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangedTags {
    /// These.
    Listed(Vec<PropertyTag>),
    /// TagCount 0xFFFF: any.
    All,
}

/// What happened to a folder or message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ObjectNotification {
    /// The folder, or the folder of the message.
    pub folder_id: FolderId,
    /// The message.
    pub message_id: Option<MessageId>,
    /// The parent folder (created, deleted, moved, copied).
    pub parent_folder_id: Option<FolderId>,
    /// The folder before (moved, copied).
    pub old_folder_id: Option<FolderId>,
    /// The message before (moved, copied).
    pub old_message_id: Option<MessageId>,
    /// The parent folder before (moved, copied).
    pub old_parent_folder_id: Option<FolderId>,
    /// The properties that changed (created, modified).
    pub tags: Option<ChangedTags>,
    /// Messages in the folder.
    pub total_message_count: Option<u32>,
    /// Unread messages in the folder.
    pub unread_message_count: Option<u32>,
    /// New mail.
    pub new_mail: Option<NewMail>,
}

/// More about a new message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewMail {
    /// PidTagMessageFlags.
    pub message_flags: u32,
    /// Whether the class is written as UTF-16.
    pub unicode: bool,
    /// PidTagMessageClass.
    pub message_class: String,
}

/// Which fields the flags ask for.
struct Shape {
    event: u16,
    message: bool,
    parent: bool,
    old: bool,
    tags: bool,
    total: bool,
    unread: bool,
}

impl Shape {
    fn of(flags: u16) -> Self {
        let event = flags & bits::EVENT;
        let message = flags & bits::MESSAGE != 0;
        let placed =
            matches!(event, bits::OBJECT_CREATED | bits::OBJECT_DELETED | bits::OBJECT_MOVED | bits::OBJECT_COPIED);
        Self {
            event,
            message,
            parent: placed && (!message || flags & bits::SEARCH_FOLDER != 0),
            old: matches!(event, bits::OBJECT_MOVED | bits::OBJECT_COPIED),
            tags: matches!(event, bits::OBJECT_CREATED | bits::OBJECT_MODIFIED),
            total: flags & bits::TOTAL_COUNT != 0,
            unread: flags & bits::UNREAD_COUNT != 0,
        }
    }
}

impl NotifyResponse {
    /// Reads what follows the RopId.
    pub(super) fn get(reader: &mut Reader<'_>) -> WireResult<Self> {
        let notification_handle = reader.u32("NotificationHandle")?;
        let logon_id = reader.u8("LogonId")?;
        let notification_flags = reader.u16("NotificationFlags")?;
        let shape = Shape::of(notification_flags);
        let data = match shape.event {
            bits::TABLE_MODIFIED => NotificationData::Table(TableNotification::get(reader, shape.message)?),
            bits::EXTENDED => NotificationData::Extended,
            _ => NotificationData::Object(ObjectNotification::get(reader, &shape)?),
        };
        Ok(Self { notification_handle, logon_id, notification_flags, data })
    }

    /// Writes what follows the RopId.
    pub(super) fn put(&self, writer: &mut Writer) {
        writer.u32(self.notification_handle).u8(self.logon_id).u16(self.notification_flags);
        let shape = Shape::of(self.notification_flags);
        match &self.data {
            NotificationData::Table(table) => table.put(writer, shape.message),
            NotificationData::Object(object) => object.put(writer, &shape),
            NotificationData::Extended => {}
        }
    }
}

impl TableRowId {
    fn get(reader: &mut Reader<'_>, message: bool) -> WireResult<Self> {
        let folder_id = FolderId::decode(reader, "TableRowFolderID")?;
        let message = if message {
            Some((MessageId::decode(reader, "TableRowMessageID")?, reader.u32("TableRowInstance")?))
        } else {
            None
        };
        Ok(Self { folder_id, message })
    }

    fn put(&self, writer: &mut Writer, message: bool) {
        self.folder_id.encode(writer);
        if message {
            let (id, instance) = self.message.unwrap_or_default();
            id.encode(writer);
            writer.u32(instance);
        }
    }
}

impl TableNotification {
    fn get(reader: &mut Reader<'_>, message: bool) -> WireResult<Self> {
        let event_type = reader.u16("TableEventType")?;
        let mut out = Self { event_type, ..Self::default() };
        if matches!(event_type, 3..=5) {
            out.row = Some(TableRowId::get(reader, message)?);
        }
        if matches!(event_type, 3 | 5) {
            out.insert_after = Some(TableRowId::get(reader, message)?);
            out.row_data = Some(Bytes16::get(reader, "TableRowData")?);
        }
        Ok(out)
    }

    fn put(&self, writer: &mut Writer, message: bool) {
        writer.u16(self.event_type);
        if matches!(self.event_type, 3..=5) {
            self.row.unwrap_or_default().put(writer, message);
        }
        if matches!(self.event_type, 3 | 5) {
            self.insert_after.unwrap_or_default().put(writer, message);
            let data = self.row_data.as_deref().unwrap_or_default();
            writer.len16(data.len()).bytes(data);
        }
    }
}

impl ObjectNotification {
    fn get(reader: &mut Reader<'_>, shape: &Shape) -> WireResult<Self> {
        let mut id = |present: bool, context| {
            if present { ObjectId::decode(reader, context).map(Some) } else { Ok(None) }
        };
        let mut out = Self { folder_id: id(true, "FolderId")?.unwrap_or_default(), ..Self::default() };
        out.message_id = id(shape.message, "MessageId")?;
        out.parent_folder_id = id(shape.parent, "ParentFolderId")?;
        out.old_folder_id = id(shape.old, "OldFolderId")?;
        out.old_message_id = id(shape.old && shape.message, "OldMessageId")?;
        out.old_parent_folder_id = id(shape.old && !shape.message, "OldParentFolderId")?;
        if shape.tags {
            let count = reader.u16("TagCount")?;
            out.tags = Some(if count == u16::MAX {
                ChangedTags::All
            } else {
                ChangedTags::Listed(super::codec::list(reader, usize::from(count), "Tags")?)
            });
        }
        out.total_message_count = if shape.total { Some(reader.u32("TotalMessageCount")?) } else { None };
        out.unread_message_count = if shape.unread { Some(reader.u32("UnreadMessageCount")?) } else { None };
        if shape.event == bits::NEW_MAIL {
            let message_flags = reader.u32("MessageFlags")?;
            let unicode = reader.bool8("UnicodeFlag")?;
            let message_class = get_text(reader, unicode, "MessageClass")?;
            out.new_mail = Some(NewMail { message_flags, unicode, message_class });
        }
        Ok(out)
    }

    fn put(&self, writer: &mut Writer, shape: &Shape) {
        let mut id = |present: bool, id: Option<ObjectId>| {
            if present {
                id.unwrap_or_default().encode(writer);
            }
        };
        id(true, Some(self.folder_id));
        id(shape.message, self.message_id);
        id(shape.parent, self.parent_folder_id);
        id(shape.old, self.old_folder_id);
        id(shape.old && shape.message, self.old_message_id);
        id(shape.old && !shape.message, self.old_parent_folder_id);
        if shape.tags {
            match &self.tags {
                Some(ChangedTags::Listed(tags)) => Count16::put(tags, writer),
                Some(ChangedTags::All) => drop(writer.u16(u16::MAX)),
                None => drop(writer.u16(0)),
            }
        }
        if shape.total {
            writer.u32(self.total_message_count.unwrap_or_default());
        }
        if shape.unread {
            writer.u32(self.unread_message_count.unwrap_or_default());
        }
        if shape.event == bits::NEW_MAIL {
            let mail = self.new_mail.clone().unwrap_or_default();
            writer.u32(mail.message_flags).bool8(mail.unicode);
            put_text(writer, &mail.message_class, mail.unicode);
        }
    }
}

/// A ROP that RopBackoff asks to wait with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackoffRop {
    /// The ROP.
    pub rop_id: super::RopId,
    /// Milliseconds to wait.
    pub duration: u32,
}

/// RopBackoff ([MS-OXCROPS] 2.2.15.2): the server is too busy. ROPs from the refused one on were not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackoffResponse {
    /// The logon to leave alone.
    pub logon_id: u8,
    /// Milliseconds to wait with the whole logon.
    pub duration: u32,
    /// The ROPs to wait with; none means all.
    pub backoff_rops: Vec<BackoffRop>,
    /// Opaque.
    pub additional_data: Vec<u8>,
}

impl BackoffResponse {
    /// Reads what follows the RopId.
    pub(super) fn get(reader: &mut Reader<'_>) -> WireResult<Self> {
        let logon_id = reader.u8("LogonId")?;
        let duration = reader.u32("Duration")?;
        let count = usize::from(reader.u8("BackoffRopCount")?);
        reader.check_count(count, 5, "BackoffRopCount")?;
        let mut backoff_rops = Vec::with_capacity(count);
        for _ in 0..count {
            let rop_id = super::RopId(reader.u8("RopIdBackoff")?);
            backoff_rops.push(BackoffRop { rop_id, duration: reader.u32("Duration")? });
        }
        Ok(Self { logon_id, duration, backoff_rops, additional_data: Bytes16::get(reader, "AdditionalData")? })
    }

    /// Writes what follows the RopId. More than 255 ROPs cannot be told and are an error.
    pub(super) fn put(&self, writer: &mut Writer) -> WireResult<()> {
        let Ok(count) = u8::try_from(self.backoff_rops.len()) else {
            let kind = WireErrorKind::TooLarge { asked: self.backoff_rops.len() as u64, limit: 255 };
            return Err(crate::wire::WireError::new(writer.len(), "BackoffRopCount", kind));
        };
        writer.u8(self.logon_id).u32(self.duration).u8(count);
        for rop in &self.backoff_rops {
            writer.u8(rop.rop_id.0).u32(rop.duration);
        }
        Bytes16::put(&self.additional_data, writer);
        Ok(())
    }
}
