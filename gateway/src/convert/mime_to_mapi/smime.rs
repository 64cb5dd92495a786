use mail_core::message::Content;
use mapi_core::message::{Attachment, MessageContent, PropertyBag};
use mapi_core::property::{PropertyValue, tags};

use super::item::{Held, Item};

/// Stores a message that is signed or encrypted as a whole ([MS-OXOSMIME] 2.1.3): its content, as it is, is the only
/// attachment. `false` if it is another message.
pub(super) fn set(content: &mut MessageContent, item: &Item<'_>) -> bool {
    let (class, media_type, data) = match &item.kind[..] {
        "multipart/signed" if matches!(item.entity.part().content, Content::Multipart(_) | Content::Opaque) => {
            ("IPM.Note.SMIME.MultipartSigned", "multipart/signed".to_owned(), complete(item))
        }
        kind @ ("application/pkcs7-mime" | "application/x-pkcs7-mime") => {
            let Held::Data(data) = item.held() else { return false };
            let parameter = item.parameters().text("smime-type");
            let parameter = parameter.map(|value| format!(";smime-type={value}")).unwrap_or_default();
            // A CMS object starts as an ASN.1 sequence; anything else is kept with its header, as it came.
            let data = if data.first() == Some(&0x30) { data.into_owned() } else { complete(item) };
            ("IPM.Note.SMIME", format!("{kind}{parameter}"), data)
        }
        _ => return false,
    };
    content.properties.set(tags::PidTagMessageClass, PropertyValue::String(class.into()));
    let properties = PropertyBag::from_iter([
        (tags::PidTagAttachMethod, PropertyValue::Integer32(1)),
        (tags::PidTagAttachDataBinary, PropertyValue::Binary(data)),
        (tags::PidTagAttachMimeTag, PropertyValue::String(media_type)),
        (tags::PidTagAttachLongFilename, PropertyValue::String("smime.p7m".into())),
        (tags::PidTagAttachExtension, PropertyValue::String(".p7m".into())),
        (tags::PidTagRenderingPosition, PropertyValue::Integer32(-1)),
    ]);
    content.attachments = vec![Attachment { number: 0, properties, embedded: None }];
    true
}

/// The entity with those fields of its header that describe it.
fn complete(item: &Item<'_>) -> Vec<u8> {
    let mut out = item.entity.fields().raw_with_prefix("content-");
    if !out.ends_with(b"\n") {
        out.extend_from_slice(b"\r\n");
    }
    let line_end: &[u8] = if out.ends_with(b"\r\n") { b"\r\n" } else { b"\n" };
    out.extend_from_slice(line_end);
    out.extend_from_slice(item.entity.body());
    out
}
