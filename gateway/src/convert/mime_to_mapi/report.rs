use bytes::Bytes;
use mail_core::message::{Field, Message};
use mapi_core::message::MessageContent;
use mapi_core::property::{PropertyTag, PropertyValue, tags};

use super::item::{Held, Item};
use crate::convert::strings::string_tag;

const PID_TAG_ORIGINAL_MESSAGE_ID: PropertyTag = string_tag(0x1046);

/// Sets the class of a report (RFC 6522, [MS-OXOMSG] 2.2.2): a receipt or what became of a delivery. Its parts stay what they
/// are: a text and attachments.
pub(super) fn set(content: &mut MessageContent, item: &Item<'_>) {
    if item.kind != "multipart/report" {
        return;
    }
    let Held::Parts(parts) = item.held() else { return };
    let status = |kind: &str| parts.iter().find(|part| part.kind == kind).map(|part| Status::of(part));
    let class = if let Some(status) = status("message/disposition-notification") {
        if let Some(id) = status.first("Original-Message-ID") {
            content.properties.set(PID_TAG_ORIGINAL_MESSAGE_ID, PropertyValue::String(id));
        }
        let disposition = status.first("Disposition").unwrap_or_default().to_ascii_lowercase();
        let kind = disposition.rsplit(';').next().unwrap_or_default().trim();
        if kind.starts_with("displayed") { "REPORT.IPM.Note.IPNRN" } else { "REPORT.IPM.Note.IPNNRN" }
    } else if let Some(status) = status("message/delivery-status") {
        match &status.first("Action").unwrap_or_default().to_ascii_lowercase()[..] {
            "delivered" | "relayed" | "expanded" => "REPORT.IPM.Note.DR",
            "delayed" => "REPORT.IPM.Note.DELAYED",
            _ => "REPORT.IPM.Note.NDR",
        }
    } else {
        return;
    };
    content.properties.set(tags::PidTagMessageClass, PropertyValue::String(class.into()));
}

/// The fields of a machine-readable part, those of all recipients in their order (RFC 3464 2.1, RFC 8098 3.1).
struct Status(Vec<u8>);

impl Status {
    fn of(part: &Item<'_>) -> Self {
        // Groups of fields are set apart by empty lines.
        let lines = part.entity.decoded();
        let lines = lines.split_inclusive(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
        Self(lines.flatten().copied().collect())
    }

    fn first(&self, name: &str) -> Option<String> {
        let fields = Message::new(Bytes::copy_from_slice(&self.0));
        let found = fields.fields().first(name).map(|field: Field<'_>| field.text());
        found.filter(|text| !text.is_empty())
    }
}
