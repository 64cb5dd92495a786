//! How large the bytes of a message can be that were never made, by what a contents table tells of it.
//!
//! A server counts what it keeps (PidTagMessageSize, [MS-OXCMSG] 2.2.1.7); what is shown is larger. The worst of it, byte by
//! byte:
//!
//! * Attachments and HTML become base64: 78 bytes for 57.
//! * Text in a charset with a byte for a character becomes two bytes of UTF-8 each, and these base64: less than three.
//! * Beside HTML stands the text that the server makes of it and does not count: as much again, so less than six in all.
//! * A body that was written as RTF is kept compressed ([MS-OXRTFCP] 3.2: 17 bytes become two and a bit, so eight at most), and
//!   shown as HTML and text, each hardly longer than the RTF was.
//! * An original that is kept with a message may be compressed more than anything; it says how long it is.
//!
//! Header fields that no property holds, and boundaries, take a few KiB at most.

use mapi_core::message::PropertyBag;
use mapi_core::property::{PropertyKey, PropertyType, PropertyValue, tags};

use super::original;
use crate::own_property;

/// Bytes that may be shown for each that is counted.
const FACTOR: u64 = 6;
/// The same where the body was written as RTF.
const RTF_FACTOR: u64 = 18;
/// Bytes that may be shown beside.
const BESIDE: u64 = 8 << 10;
/// PidTagNativeBody of RTF ([MS-OXBBODY] 2.1.1).
const NATIVE_RTF: i32 = 2;

/// What is to be known of a message.
pub fn keys() -> [PropertyKey; 3] {
    let tags = [tags::PidTagMessageSize, tags::PidTagNativeBody].map(PropertyKey::Tag);
    let [size, body] = tags;
    [size, body, own_property::ORIGINAL.key()]
}

/// RFC822.SIZE is no larger than this.
pub fn largest_size(known: &PropertyBag) -> u64 {
    let counted = known.integer(tags::PidTagMessageSize).map_or(0, |size| u64::from(size.cast_unsigned()));
    let is_rtf = known.integer(tags::PidTagNativeBody) == Some(NATIVE_RTF);
    let rendered = (counted * if is_rtf { RTF_FACTOR } else { FACTOR }).saturating_add(BESIDE);
    let original = known.get_named(&own_property::ORIGINAL.name(), PropertyType::BINARY);
    let original = original.and_then(PropertyValue::as_bytes).map_or(0, original::announced_by);
    rendered.max(original as u64).min(u64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(size: i32, native_body: Option<i32>, original: Option<&[u8]>) -> PropertyBag {
        let mut bag = PropertyBag::default();
        bag.set(PropertyKey::Tag(tags::PidTagMessageSize), PropertyValue::Integer32(size));
        if let Some(body) = native_body {
            bag.set(PropertyKey::Tag(tags::PidTagNativeBody), PropertyValue::Integer32(body));
        }
        if let Some(original) = original {
            bag.set(own_property::ORIGINAL.key(), PropertyValue::Binary(original.to_vec()));
        }
        bag
    }

    #[test]
    fn known_answers() {
        assert_eq!(largest_size(&known(1000, None, None)), 6000 + BESIDE);
        assert_eq!(largest_size(&known(1000, Some(NATIVE_RTF), None)), 18_000 + BESIDE);
        assert_eq!(largest_size(&PropertyBag::default()), BESIDE);
        // More than RFC822.SIZE can be is no size.
        assert_eq!(largest_size(&known(-1, None, None)), u64::from(u32::MAX));
        // A table gives only the beginning.
        let mut original = vec![1];
        original.extend(5_000_000u64.to_le_bytes());
        assert_eq!(largest_size(&known(1000, None, Some(&original))), 5_000_000);
        assert_eq!(largest_size(&known(1000, None, Some(&[1, 2]))), 6000 + BESIDE);
    }
}
