//! ROPs that carry the recipients of a message ([MS-OXCROPS] 2.2.6.1, 2.2.6.4 to 2.2.6.7, 2.2.6.16).

use std::sync::Arc;

use crate::ErrorCode;
use crate::id::MessageId;
use crate::property::PropertyTag;
use crate::wire::{Reader, WireResult, Writer};

use super::codec::{Answer, Codec, Count16, Wire, patch_size16, wire_struct};
use super::{RecipientRow, ResponseContext, TypedString};

wire_struct! {
    /// RopRemoveAllRecipients request ([MS-OXCROPS] 2.2.6.4.1).
    pub struct RemoveAllRecipientsRequest {
        pub reserved: u32,
    }

    /// RopReadRecipients request ([MS-OXCROPS] 2.2.6.6.1).
    pub struct ReadRecipientsRequest {
        /// The first row wanted; the next request takes the last RowId + 1.
        pub row_id: u32,
        pub reserved: u16,
    }

    /// RopOpenEmbeddedMessage request ([MS-OXCROPS] 2.2.6.16.1), on an attachment.
    pub struct OpenEmbeddedMessageRequest {
        pub output_handle_index: u8,
        /// 0x0FFF: the logon's.
        pub code_page_id: u16,
        /// 0 read only, 1 read and write, 2 create.
        pub open_mode_flags: u8,
    }

    /// RopOpenEmbeddedMessage response ([MS-OXCROPS] 2.2.6.16.2).
    pub struct OpenEmbeddedMessageResponse {
        pub reserved: u8,
        pub message_id: MessageId,
        /// The fields from HasNamedProperties on.
        pub message: OpenMessageResponse,
    }
}

impl OpenEmbeddedMessageRequest {
    /// OpenModeFlags: make a new message.
    pub const CREATE: u8 = 0x02;
}

/// An OpenRecipientRow ([MS-OXCROPS] 2.2.6.1.2.1).
#[derive(Debug, Clone, PartialEq)]
pub struct OpenRecipientRow {
    /// 1 To, 2 Cc, 3 Bcc; 0x10 and 0x80 are resend flags.
    pub recipient_type: u8,
    /// Code page of the 8-bit strings.
    pub code_page_id: u16,
    /// 0.
    pub reserved: u16,
    /// The recipient.
    pub recipient_row: RecipientRow,
}

impl OpenRecipientRow {
    fn get(reader: &mut Reader<'_>, columns: &[PropertyTag]) -> WireResult<Self> {
        let recipient_type = reader.u8("RecipientType")?;
        let code_page_id = reader.u16("CodePageId")?;
        let reserved = reader.u16("Reserved")?;
        let size = usize::from(reader.u16("RecipientRowSize")?);
        let mut inner = reader.sub(size, "RecipientRow")?;
        let recipient_row = RecipientRow::decode(&mut inner, columns)?;
        Ok(Self { recipient_type, code_page_id, reserved, recipient_row })
    }

    fn put(&self, writer: &mut Writer, columns: &[PropertyTag]) {
        writer.u8(self.recipient_type).u16(self.code_page_id).u16(self.reserved);
        let at = writer.len();
        writer.u16(0);
        self.recipient_row.encode(writer, columns);
        patch_size16(writer, at);
    }
}

/// RopOpenMessage and RopReloadCachedInformation response ([MS-OXCROPS] 2.2.6.1.2, 2.2.6.7.2).
#[derive(Debug, Clone, PartialEq)]
pub struct OpenMessageResponse {
    /// The message has named properties.
    pub has_named_properties: bool,
    /// The subject prefix.
    pub subject_prefix: TypedString,
    /// The subject without prefix.
    pub normalized_subject: TypedString,
    /// All recipients, of which `recipient_rows` may be the first few: RopReadRecipients yields the rest.
    pub recipient_count: u16,
    /// The columns of the recipient rows, here and in RopReadRecipients.
    pub recipient_columns: Arc<[PropertyTag]>,
    /// At most 255 recipients.
    pub recipient_rows: Vec<OpenRecipientRow>,
}

impl Wire for OpenMessageResponse {
    const MIN_SIZE: usize = 8;

    fn get(reader: &mut Reader<'_>, context: &'static str) -> WireResult<Self> {
        let has_named_properties = reader.bool8("HasNamedProperties")?;
        let subject_prefix = TypedString::decode(reader)?;
        let normalized_subject = TypedString::decode(reader)?;
        let recipient_count = reader.u16("RecipientCount")?;
        let recipient_columns: Vec<PropertyTag> = Count16::get(reader, context)?;
        let count = usize::from(reader.u8("RowCount")?);
        reader.check_count(count, 7, "RowCount")?;
        let recipient_rows =
            (0..count).map(|_| OpenRecipientRow::get(reader, &recipient_columns)).collect::<WireResult<_>>()?;
        Ok(Self {
            has_named_properties,
            subject_prefix,
            normalized_subject,
            recipient_count,
            recipient_columns: recipient_columns.into(),
            recipient_rows,
        })
    }

    fn put(&self, writer: &mut Writer) {
        writer.bool8(self.has_named_properties);
        self.subject_prefix.encode(writer);
        self.normalized_subject.encode(writer);
        writer.u16(self.recipient_count);
        put_columns(writer, &self.recipient_columns);
        writer.u8(u8::try_from(self.recipient_rows.len()).unwrap_or(u8::MAX));
        self.recipient_rows.iter().take(255).for_each(|row| row.put(writer, &self.recipient_columns));
    }
}

/// A ReadRecipientRow ([MS-OXCROPS] 2.2.6.6.2.1).
#[derive(Debug, Clone, PartialEq)]
pub struct ReadRecipientRow {
    /// The number of the row.
    pub row_id: u32,
    /// The recipient.
    pub recipient: OpenRecipientRow,
}

/// RopReadRecipients response ([MS-OXCROPS] 2.2.6.6.2).
#[derive(Debug, Clone, PartialEq)]
pub struct ReadRecipientsResponse {
    /// The columns that the response to opening the message named.
    pub recipient_columns: Arc<[PropertyTag]>,
    /// At most 255 recipients.
    pub recipient_rows: Vec<ReadRecipientRow>,
}

impl Answer for ReadRecipientsResponse {
    fn get_answer(
        reader: &mut Reader<'_>,
        return_value: ErrorCode,
        context: &ResponseContext,
    ) -> WireResult<Option<Self>> {
        if !return_value.is_success() {
            return Ok(None);
        }
        let recipient_columns = context.columns();
        let count = usize::from(reader.u8("RowCount")?);
        reader.check_count(count, 11, "RowCount")?;
        let mut recipient_rows = Vec::with_capacity(count);
        for _ in 0..count {
            let row_id = reader.u32("RowId")?;
            recipient_rows
                .push(ReadRecipientRow { row_id, recipient: OpenRecipientRow::get(reader, &recipient_columns)? });
        }
        Ok(Some(Self { recipient_columns, recipient_rows }))
    }

    fn put_answer(&self, writer: &mut Writer, _: ErrorCode) {
        writer.u8(u8::try_from(self.recipient_rows.len()).unwrap_or(u8::MAX));
        for row in self.recipient_rows.iter().take(255) {
            writer.u32(row.row_id);
            row.recipient.put(writer, &self.recipient_columns);
        }
    }
}

/// A ModifyRecipientRow ([MS-OXCROPS] 2.2.6.5.1.1).
#[derive(Debug, Clone, PartialEq)]
pub struct ModifyRecipientRow {
    /// The number of the row to add or replace.
    pub row_id: u32,
    /// 1 To, 2 Cc, 3 Bcc; 0x10 and 0x80 are resend flags.
    pub recipient_type: u8,
    /// `None` deletes the row.
    pub recipient_row: Option<RecipientRow>,
}

/// RopModifyRecipients request ([MS-OXCROPS] 2.2.6.5.1).
#[derive(Debug, Clone, PartialEq)]
pub struct ModifyRecipientsRequest {
    /// The columns of the rows' properties; those that RecipientRow holds itself must not be among them.
    pub recipient_columns: Vec<PropertyTag>,
    /// The rows.
    pub recipient_rows: Vec<ModifyRecipientRow>,
}

impl Wire for ModifyRecipientsRequest {
    const MIN_SIZE: usize = 4;

    fn get(reader: &mut Reader<'_>, _: &'static str) -> WireResult<Self> {
        let recipient_columns: Vec<PropertyTag> = Count16::get(reader, "RecipientColumns")?;
        let count = usize::from(reader.u16("RowCount")?);
        reader.check_count(count, 7, "RowCount")?;
        let mut recipient_rows = Vec::with_capacity(count.min(1024));
        for _ in 0..count {
            let row_id = reader.u32("RowId")?;
            let recipient_type = reader.u8("RecipientType")?;
            let size = usize::from(reader.u16("RecipientRowSize")?);
            let mut inner = reader.sub(size, "RecipientRow")?;
            let recipient_row =
                if size == 0 { None } else { Some(RecipientRow::decode(&mut inner, &recipient_columns)?) };
            recipient_rows.push(ModifyRecipientRow { row_id, recipient_type, recipient_row });
        }
        Ok(Self { recipient_columns, recipient_rows })
    }

    fn put(&self, writer: &mut Writer) {
        put_columns(writer, &self.recipient_columns);
        writer.len16(self.recipient_rows.len());
        for row in &self.recipient_rows {
            writer.u32(row.row_id).u8(row.recipient_type);
            let at = writer.len();
            writer.u16(0);
            if let Some(recipient) = &row.recipient_row {
                recipient.encode(writer, &self.recipient_columns);
            }
            patch_size16(writer, at);
        }
    }
}

fn put_columns(writer: &mut Writer, columns: &[PropertyTag]) {
    writer.len16(columns.len());
    columns.iter().for_each(|tag| tag.put(writer));
}
