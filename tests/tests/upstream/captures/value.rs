//! Decoded values in the notation of the recordings' expectations.

use mapi_core::id::Guid;
use mapi_core::property::{PropertyKey, PropertyRow, PropertyTag, PropertyType, PropertyValue, RowValue, tags};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// Lower-case hex digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Hex; long binaries as length and digest.
pub fn binary(bytes: &[u8]) -> Value {
    if bytes.len() <= 512 {
        return hex(bytes).into();
    }
    json!({ "len": bytes.len(), "sha256": hex(&Sha256::digest(bytes)) })
}

/// Text; long text as length and digest of its UTF-16LE bytes.
pub fn text(text: &str) -> Value {
    if text.chars().count() <= 512 {
        return text.into();
    }
    let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    json!({ "utf16_len": bytes.len(), "sha256_utf16le": hex(&Sha256::digest(&bytes)) })
}

/// `0xIIIITTTT`.
pub fn tag(tag: PropertyTag) -> String {
    format!("0x{:08X}", tag.0)
}

/// Tags one by one.
pub fn tag_list(list: &[PropertyTag]) -> Value {
    list.iter().map(|t| tag(*t)).collect()
}

/// The notation of a property of a FastTransfer stream.
pub fn key(key: &PropertyKey) -> String {
    match key {
        PropertyKey::Tag(t) => tag(*t),
        PropertyKey::Named(name, kind) => {
            let id = match name.id.as_ref().expect("streams carry names") {
                mapi_core::property::NamedId::Lid(lid) => lid.to_string(),
                mapi_core::property::NamedId::Name(name) => name.clone(),
            };
            format!("0x{:04X} {} {id}", kind.0, name.guid)
        }
    }
}

/// An error in place of a value.
pub fn error(code: u32) -> Value {
    json!({ "error": format!("0x{code:08X}") })
}

/// The value of `tag`. Ids are shown as such.
pub fn property(tag: PropertyTag, value: &PropertyValue) -> Value {
    let ids = [tags::PidTagMid, tags::PidTagFolderId, PropertyTag(0x6749_0014), tags::PidTagChangeNumber];
    match value {
        PropertyValue::Integer64(n) if ids.contains(&tag) => mapi_core::id::ObjectId::from_i64(*n).to_string().into(),
        PropertyValue::ErrorCode(code) => error(*code),
        value => plain(value),
    }
}

fn guid(guid: &Guid) -> Value {
    guid.to_string().into()
}

fn eight_bit(bytes: &[u8]) -> Value {
    text(&bytes.iter().map(|&b| char::from(b)).collect::<String>())
}

/// A value whose tag does not matter.
pub fn plain(value: &PropertyValue) -> Value {
    use PropertyValue as V;
    match value {
        V::Null => Value::Null,
        V::Integer16(n) => (*n).into(),
        V::Integer32(n) => (*n).into(),
        V::Floating32(n) => (*n).into(),
        V::Floating64(n) | V::FloatingTime(n) => (*n).into(),
        V::Currency(n) | V::Integer64(n) => (*n).into(),
        V::ErrorCode(n) => (*n).into(),
        V::Boolean(b) => (*b).into(),
        V::String8(s) => eight_bit(s),
        V::String(s) => text(s),
        V::Time(t) => t.0.into(),
        V::Guid(g) => guid(g),
        V::ServerId(b) | V::Binary(b) | V::Object(b) | V::RuleAction(b) => binary(b),
        V::Restriction(r) => panic!("no notation for {r:?}"),
        V::MultipleInteger16(v) => v.iter().copied().collect(),
        V::MultipleInteger32(v) => v.iter().copied().collect(),
        V::MultipleFloating32(v) => v.iter().copied().collect(),
        V::MultipleFloating64(v) | V::MultipleFloatingTime(v) => v.iter().copied().collect(),
        V::MultipleCurrency(v) | V::MultipleInteger64(v) => v.iter().copied().collect(),
        V::MultipleString8(v) => v.iter().map(|s| eight_bit(s)).collect(),
        V::MultipleString(v) => v.iter().map(|s| text(s)).collect(),
        V::MultipleTime(v) => v.iter().map(|t| t.0).collect(),
        V::MultipleGuid(v) => v.iter().map(guid).collect(),
        V::MultipleBinary(v) => v.iter().map(|b| binary(b)).collect(),
    }
}

/// A row as an object of tags and values.
pub fn row(columns: &[PropertyTag], row: &PropertyRow) -> Value {
    assert_eq!(columns.len(), row.values.len(), "one value per column");
    let pairs = columns.iter().zip(&row.values).map(|(column, entry)| match entry {
        RowValue::Absent => (tag(*column), Value::Null),
        RowValue::Error(code) => (tag(*column), error(*code)),
        RowValue::Value(value) => {
            let unspecified = column.kind() == PropertyType::UNSPECIFIED;
            let column = if unspecified { column.with_kind(value.kind()) } else { *column };
            (tag(column), property(column, value))
        }
    });
    Value::Object(pairs.collect::<Map<_, _>>())
}
