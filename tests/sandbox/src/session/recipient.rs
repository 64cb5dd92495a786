//! Recipients of open messages ([MS-OXCROPS] 2.2.6.4 to 2.2.6.6, [MS-OXCDATA] 2.8.3).

use std::sync::Arc;

use mapi_core::ErrorCode;
use mapi_core::message::PropertyBag;
use mapi_core::property::tags::*;
use mapi_core::property::{PropertyRow, PropertyTag, PropertyValue, RowValue};
use mapi_core::rop::*;
use mapi_core::wire::Writer;

use super::context::{Cx, RopResult};
use crate::store::message::put;
use crate::store::{DN_PREFIX, entry_id};

/// The columns of recipient rows that this server sends.
pub const COLUMNS: [PropertyTag; 6] = [
    PidTagObjectType,
    PidTagDisplayType,
    PidTagSmtpAddress,
    PidTagRecipientEntryId,
    PidTagRecipientFlags,
    PidTagRecipientDisplayName,
];

pub fn modify(cx: &mut Cx<'_>, request: &ModifyRecipientsRequest) -> RopResult {
    let content = Arc::make_mut(&mut cx.message_mut(cx.index)?.message.content);
    for row in &request.recipient_rows {
        let row_id = row.row_id.cast_signed();
        let at = content.recipients.iter().position(|known| known.integer(PidTagRowid) == Some(row_id));
        match (&row.recipient_row, at) {
            (None, Some(at)) => drop(content.recipients.remove(at)),
            (None, None) => {}
            (Some(recipient), at) => {
                let bag = bag_of(row, recipient, &request.recipient_columns)?;
                match at {
                    Some(at) => content.recipients[at] = bag,
                    None => content.recipients.push(bag),
                }
            }
        }
    }
    content.recipients.sort_by_key(|row| row.integer(PidTagRowid));
    Ok(ResponseBody::Empty)
}

pub fn remove_all(cx: &mut Cx<'_>) -> RopResult {
    Arc::make_mut(&mut cx.message_mut(cx.index)?.message.content).recipients.clear();
    Ok(ResponseBody::Empty)
}

pub fn read(cx: &Cx<'_>, request: &ReadRecipientsRequest) -> RopResult {
    let recipients = &cx.message(cx.index)?.message.content.recipients;
    let numbered = recipients.iter().enumerate().map(|(at, row)| (row_id(row, at), row));
    let mut used = 7;
    let mut rows = Vec::new();
    for (row_id, row) in numbered.filter(|(row_id, _)| *row_id >= request.row_id).take(255) {
        let row = ReadRecipientRow { row_id, recipient: open_row(row) };
        // RowId stands before it.
        used += 4 + open_row_size(&row.recipient);
        if used > cx.room {
            break;
        }
        rows.push(row);
    }
    if rows.is_empty() {
        return Err(ErrorCode::NOT_FOUND);
    }
    let response = ReadRecipientsResponse { recipient_columns: Arc::from(COLUMNS), recipient_rows: rows };
    Ok(ResponseBody::ReadRecipients(response))
}

/// A recipient as the answers to opening and reading carry it.
pub fn open_row(bag: &PropertyBag) -> OpenRecipientRow {
    let kind = bag.integer(PidTagRecipientType).unwrap_or(1);
    OpenRecipientRow {
        recipient_type: kind.to_le_bytes()[0],
        code_page_id: 0x0FFF,
        reserved: 0,
        recipient_row: row_of(bag),
    }
}

/// Bytes that a recipient takes in the answer to opening a message.
pub fn open_row_size(row: &OpenRecipientRow) -> usize {
    let mut writer = Writer::new();
    row.recipient_row.encode(&mut writer, &COLUMNS);
    // RecipientType, CodePageId, Reserved, RecipientRowSize.
    writer.len() + 7
}

fn row_of(bag: &PropertyBag) -> RecipientRow {
    let text = |tag| bag.text(tag).filter(|text| !text.is_empty()).map(str::to_owned);
    let address_type = text(PidTagAddressType).unwrap_or_default();
    let email = text(PidTagEmailAddress);
    let mut recipient_flags = recipient_flags::UNICODE;
    if bag.boolean(PidTagResponsibility) == Some(true) {
        recipient_flags |= recipient_flags::RESPONSIBLE;
    }
    let (address, email_address) = match (address_type.as_str(), email) {
        ("SMTP", email) => (RecipientAddress::Known(3), email),
        ("EX", Some(dn)) => {
            let prefix = dn.bytes().zip(DN_PREFIX.bytes()).take_while(|(a, b)| a == b).count();
            let address = RecipientAddress::X500 {
                address_prefix_used: u8::try_from(prefix).unwrap_or(0),
                display_type: 0,
                x500_dn: dn.get(if prefix > 255 { 0 } else { prefix }..).unwrap_or_default().to_owned(),
            };
            (address, None)
        }
        ("", email) => (RecipientAddress::None, email),
        (other, email) => (RecipientAddress::Other { address_type: other.to_owned() }, email),
    };
    RecipientRow {
        recipient_flags,
        address,
        email_address,
        display_name: text(PidTagDisplayName),
        simple_display_name: text(PidTagSimpleDisplayName),
        transmittable_display_name: text(PidTagTransmittableDisplayName),
        properties: PropertyRow::new(COLUMNS.iter().map(|tag| column(bag, *tag)).collect()),
        rest: Vec::new(),
    }
}

fn column(bag: &PropertyBag, tag: PropertyTag) -> RowValue {
    let value = bag.get(tag).cloned().or_else(|| match tag {
        PidTagObjectType => Some(PropertyValue::Integer32(6)),
        PidTagDisplayType => Some(PropertyValue::Integer32(0)),
        PidTagRecipientFlags => Some(PropertyValue::Integer32(1)),
        PidTagRecipientDisplayName => bag.get(PidTagDisplayName).cloned(),
        PidTagRecipientEntryId => bag.get(PidTagEntryId).cloned(),
        PidTagSmtpAddress if bag.text(PidTagAddressType) == Some("SMTP") => bag.get(PidTagEmailAddress).cloned(),
        _ => None,
    });
    value.map_or(RowValue::Error(ErrorCode::NOT_FOUND.0), RowValue::Value)
}

/// The properties of a recipient that a client sent.
fn bag_of(
    row: &ModifyRecipientRow,
    recipient: &RecipientRow,
    columns: &[PropertyTag],
) -> Result<PropertyBag, ErrorCode> {
    let mut bag = PropertyBag::new();
    let text = |text: &str| PropertyValue::String(text.to_owned());
    let name = recipient.display_name.as_deref().unwrap_or_default();
    let (kind, email) = match &recipient.address {
        RecipientAddress::Known(3) => ("SMTP", recipient.email_address.clone()),
        RecipientAddress::X500 { address_prefix_used, x500_dn, .. } => {
            let prefix = DN_PREFIX.get(..usize::from(*address_prefix_used)).ok_or(ErrorCode::INVALID_PARAM)?;
            ("EX", Some(format!("{prefix}{x500_dn}")))
        }
        RecipientAddress::Other { address_type } => (address_type.as_str(), recipient.email_address.clone()),
        RecipientAddress::None | RecipientAddress::Known(_) | RecipientAddress::PersonalList { .. } => {
            ("", recipient.email_address.clone())
        }
    };
    for (tag, value) in columns.iter().zip(&recipient.properties.values) {
        if let RowValue::Value(value) = value {
            put(&mut bag, *tag, value.clone())?;
        }
    }
    bag.set(PidTagRowid, PropertyValue::Integer32(row.row_id.cast_signed()));
    bag.set(PidTagRecipientType, PropertyValue::Integer32(i32::from(row.recipient_type)));
    bag.set(PidTagDisplayName, text(name));
    bag.set(PidTagAddressType, text(kind));
    if let Some(transmittable) = &recipient.transmittable_display_name {
        bag.set(PidTagTransmittableDisplayName, text(transmittable));
    }
    if let Some(email) = email {
        if kind == "SMTP" {
            bag.set(PidTagSmtpAddress, text(&email));
            bag.set(PidTagEntryId, PropertyValue::Binary(entry_id::one_off(name, &email)));
        }
        bag.set(PidTagEmailAddress, PropertyValue::String(email));
    }
    Ok(bag)
}

fn row_id(row: &PropertyBag, at: usize) -> u32 {
    let at = u32::try_from(at).unwrap_or(u32::MAX);
    row.integer(PidTagRowid).map_or(at, i32::cast_unsigned)
}
