//! Property values as rows of tables and answers.

use mapi_core::ErrorCode;
use mapi_core::property::{Form, PropertyRow, PropertyTag, PropertyType, PropertyValue, RowValue};
use mapi_core::wire::Writer;

use crate::store::view::Properties;

/// Bytes that a string or binary column of a table row holds at most ([MS-OXCTABL] 2.2.1).
const COLUMN_LIMIT: usize = 510;
/// Values above this come as errors from GetProperties: they are read as streams.
pub const VALUE_LIMIT: usize = 8 * 1024;

/// A table row: long values are cut.
pub fn table_row(object: &dyn Properties, columns: &[PropertyTag]) -> PropertyRow {
    let values = columns.iter().map(|tag| match object.value(*tag) {
        Some(value) if value.kind() == PropertyType::OBJECT => RowValue::Error(ErrorCode::NOT_FOUND.0),
        Some(value) => RowValue::Value(cut(value.into_owned())),
        None => RowValue::Error(ErrorCode::NOT_FOUND.0),
    });
    PropertyRow::new(values.collect())
}

/// The values that GetPropertiesSpecific answers; those above `limit` bytes as errors.
pub fn property_row(object: &dyn Properties, tags: &[PropertyTag], limit: usize) -> PropertyRow {
    PropertyRow::new(tags.iter().map(|tag| value_of(object, *tag, limit)).collect())
}

/// One value for GetProperties.
pub fn value_of(object: &dyn Properties, tag: PropertyTag, limit: usize) -> RowValue {
    match object.value(tag) {
        None => RowValue::Error(ErrorCode::NOT_FOUND.0),
        Some(value) if value.kind() == PropertyType::OBJECT || size(&value) > limit => {
            RowValue::Error(ErrorCode::NOT_ENOUGH_MEMORY.0)
        }
        Some(value) => RowValue::Value(value.into_owned()),
    }
}

/// Bytes that a value takes in a ROP buffer.
pub fn size(value: &PropertyValue) -> usize {
    match value {
        // Not worth writing out to be measured, nor would it fit the 16-bit count.
        PropertyValue::Binary(bytes) => bytes.len() + 2,
        PropertyValue::String(text) => text.len() * 2 + 2,
        PropertyValue::String8(bytes) => bytes.len() + 1,
        value => {
            let mut writer = Writer::new();
            value.encode(&mut writer, Form::Rop);
            writer.len()
        }
    }
}

/// Bytes that a row takes over its columns.
pub fn row_size(row: &PropertyRow, columns: &[PropertyTag]) -> usize {
    let mut writer = Writer::new();
    row.encode(&mut writer, columns, Form::Rop);
    writer.len()
}

fn cut(value: PropertyValue) -> PropertyValue {
    match value {
        PropertyValue::String(text) if text.len() > COLUMN_LIMIT / 2 => {
            let mut units = 0;
            let fits = |c: &char| {
                units += c.len_utf16();
                units <= COLUMN_LIMIT / 2
            };
            PropertyValue::String(text.chars().take_while(fits).collect())
        }
        PropertyValue::String8(mut bytes) => {
            bytes.truncate(COLUMN_LIMIT);
            PropertyValue::String8(bytes)
        }
        PropertyValue::Binary(mut bytes) => {
            bytes.truncate(COLUMN_LIMIT);
            PropertyValue::Binary(bytes)
        }
        PropertyValue::MultipleString(list) => {
            PropertyValue::MultipleString(list.into_iter().take(COLUMN_LIMIT).collect())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_cut_at_255_units() {
        let long = PropertyValue::String("ä".repeat(300));
        assert_eq!(cut(long), PropertyValue::String("ä".repeat(255)));
        let pairs = PropertyValue::String("🎉".repeat(200));
        assert_eq!(cut(pairs), PropertyValue::String("🎉".repeat(127)));
        assert_eq!(cut(PropertyValue::Binary(vec![1; 600])), PropertyValue::Binary(vec![1; 510]));
    }
}
