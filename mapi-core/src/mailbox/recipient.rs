use crate::message::PropertyBag;
use crate::property::{PropertyKey, PropertyRow, PropertyTag, RowValue, tags};
use crate::rop::{ModifyRecipientRow, ModifyRecipientsRequest, RecipientAddress, RecipientRow, recipient_flags};
use crate::wire::Writer;

/// Properties of a recipient that RecipientRow itself holds, or that servers make ([MS-OXCMSG] 2.2.3.5.1): they must not
/// be columns.
const NOT_COLUMNS: [PropertyTag; 14] = [
    tags::PidTagAddressType,
    tags::PidTagDisplayName,
    tags::PidTagEmailAddress,
    tags::PidTagEntryId,
    tags::PidTagInstanceKey,
    tags::PidTagRecipientType,
    tags::PidTagRowid,
    tags::PidTagSearchKey,
    tags::PidTagSendRichInfo,
    tags::PidTagTransmittableDisplayName,
    tags::PidTagSimpleDisplayName,
    tags::PidTagRecordKey,
    tags::PidTagResponsibility,
    tags::PidTagRecipientEntryId,
];
/// Bytes of rows in one RopModifyRecipients.
const SIZE_LIMIT: usize = 20 * 1024;

/// The requests that give a message its recipients, in rows from 0 on.
pub(super) fn modify_recipients(recipients: &[PropertyBag]) -> Vec<ModifyRecipientsRequest> {
    let mut columns: Vec<PropertyTag> = recipients
        .iter()
        .flat_map(|bag| bag.iter())
        .filter_map(|(key, _)| match key {
            PropertyKey::Tag(tag) if !NOT_COLUMNS.contains(tag) => Some(*tag),
            _ => None,
        })
        .collect();
    columns.sort_unstable();
    columns.dedup();
    let mut out: Vec<ModifyRecipientsRequest> = Vec::new();
    let mut size = SIZE_LIMIT;
    for (row_id, bag) in (0u32..).zip(recipients) {
        let recipient = recipient_row(bag, &columns);
        let mut writer = Writer::new();
        recipient.encode(&mut writer, &columns);
        size += writer.len() + 7;
        if size > SIZE_LIMIT {
            size = writer.len() + 7 + columns.len() * 4;
            out.push(ModifyRecipientsRequest { recipient_columns: columns.clone(), recipient_rows: Vec::new() });
        }
        let recipient_type = bag.integer(tags::PidTagRecipientType).and_then(|kind| u8::try_from(kind).ok());
        if let Some(request) = out.last_mut() {
            request.recipient_rows.push(ModifyRecipientRow {
                row_id,
                recipient_type: recipient_type.unwrap_or(1),
                recipient_row: Some(recipient),
            });
        }
    }
    out
}

fn recipient_row(bag: &PropertyBag, columns: &[PropertyTag]) -> RecipientRow {
    let value = |tag: &PropertyTag| bag.get(*tag).map_or(RowValue::Absent, |value| RowValue::Value(value.clone()));
    let mut values: Vec<RowValue> = columns.iter().map(value).collect();
    let missing = RowValue::Error(crate::ErrorCode::NOT_FOUND.0);
    values.iter_mut().filter(|value| **value == RowValue::Absent).for_each(|value| *value = missing.clone());
    let text = |tag| bag.text(tag).filter(|text| !text.is_empty()).map(str::to_owned);
    let email = text(tags::PidTagEmailAddress);
    let smtp = text(tags::PidTagSmtpAddress);
    let kind = text(tags::PidTagAddressType).unwrap_or_else(|| "SMTP".to_owned());
    let (kind_bits, address, email_address) = match (kind.as_str(), email, smtp) {
        ("EX", Some(dn), _) if dn.is_ascii() => {
            let display_type = bag.integer(tags::PidTagDisplayType).and_then(|t| u8::try_from(t).ok()).unwrap_or(0);
            (1, RecipientAddress::X500 { address_prefix_used: 0, display_type, x500_dn: dn }, None)
        }
        ("SMTP" | "EX", email, smtp) => (3, RecipientAddress::Known(3), smtp.or(email)),
        (_, email, smtp) => {
            let bits = recipient_flags::NON_STANDARD;
            (bits, RecipientAddress::Other { address_type: kind.clone() }, email.or(smtp))
        }
    };
    RecipientRow {
        recipient_flags: kind_bits | recipient_flags::UNICODE,
        display_name: text(tags::PidTagDisplayName).or_else(|| email_address.clone()),
        address,
        email_address,
        simple_display_name: None,
        transmittable_display_name: None,
        properties: PropertyRow::new(values),
        rest: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::property::PropertyValue;

    fn recipient(kind: i32, address: &str, extra: bool) -> PropertyBag {
        let mut bag = PropertyBag::from_iter([
            (tags::PidTagRecipientType, PropertyValue::Integer32(kind)),
            (tags::PidTagAddressType, PropertyValue::String("SMTP".into())),
            (tags::PidTagEmailAddress, PropertyValue::String(address.into())),
            (tags::PidTagDisplayName, PropertyValue::String("Somebody".into())),
        ]);
        if extra {
            bag.set(tags::PidTagObjectType, PropertyValue::Integer32(6));
        }
        bag
    }

    #[test]
    fn internet_recipients() {
        let requests = modify_recipients(&[recipient(1, "a@x.test", true), recipient(3, "b@x.test", false)]);
        assert_eq!(requests.len(), 1);
        assert_eq!(requests[0].recipient_columns, [tags::PidTagObjectType]);
        let rows = &requests[0].recipient_rows;
        assert_eq!((rows[1].row_id, rows[1].recipient_type), (1, 3));
        let row = rows[1].recipient_row.as_ref().expect("a row");
        assert_eq!(row.email_address.as_deref(), Some("b@x.test"));
        assert!(row.properties.flagged, "the second has no object type");
        let mut writer = Writer::new();
        row.encode(&mut writer, &requests[0].recipient_columns);
        assert_eq!(writer.as_slice()[..2], [0x1B, 0x02]);
    }

    #[test]
    fn many_recipients_take_several_requests() {
        let recipients: Vec<_> = (0..2000).map(|n| recipient(1, &format!("user{n}@example.test"), true)).collect();
        let requests = modify_recipients(&recipients);
        assert!(requests.len() > 1);
        let rows: Vec<u32> = requests.iter().flat_map(|r| r.recipient_rows.iter().map(|row| row.row_id)).collect();
        assert_eq!(rows, (0..2000).collect::<Vec<_>>());
        assert!(modify_recipients(&[]).is_empty());
    }
}
