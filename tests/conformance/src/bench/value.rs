use mapi_core::ErrorCode;
use mapi_core::property::{FileTime, PropertyTag, PropertyValue, RowValue, TaggedValue};

/// A string property.
pub(crate) fn text(tag: PropertyTag, value: &str) -> TaggedValue {
    TaggedValue::new(tag, PropertyValue::String(value.to_owned()))
}

/// A 32-bit integer property.
pub(crate) fn integer(tag: PropertyTag, value: i32) -> TaggedValue {
    TaggedValue::new(tag, PropertyValue::Integer32(value))
}

/// A binary property.
pub(crate) fn bytes(tag: PropertyTag, value: &[u8]) -> TaggedValue {
    TaggedValue::new(tag, PropertyValue::Binary(value.to_vec()))
}

/// A time property.
pub(crate) fn time(tag: PropertyTag, seconds: i64) -> TaggedValue {
    TaggedValue::new(tag, PropertyValue::Time(FileTime::from_unix_seconds(seconds)))
}

/// A return value: its name in the specifications, or its number.
pub(crate) fn code(code: ErrorCode) -> String {
    match code {
        ErrorCode::NONE => "ok".to_owned(),
        code => code.name().map_or_else(|| format!("{:#010X}", code.0), str::to_owned),
    }
}

/// `yes` or `no`.
pub(crate) fn yes(holds: bool) -> &'static str {
    if holds { "yes" } else { "no" }
}

/// `same` or `different`.
pub(crate) fn same(holds: bool) -> &'static str {
    if holds { "same" } else { "different" }
}

/// A value as text: small numbers, Booleans and strings as they are, of others whether they are there.
pub(crate) fn shown(value: Option<&RowValue>) -> String {
    match value {
        Some(RowValue::Value(value)) => match value {
            PropertyValue::Integer32(number) => number.to_string(),
            PropertyValue::Boolean(value) => value.to_string(),
            PropertyValue::String(text) => text.clone(),
            _ => "there".to_owned(),
        },
        Some(RowValue::Error(error)) => code(ErrorCode(*error)),
        Some(RowValue::Absent) | None => "absent".to_owned(),
    }
}

/// How many elements satisfy a condition, as text.
pub(crate) fn count_of<T>(items: &[T], holds: impl Fn(&T) -> bool) -> String {
    items.iter().filter(|item| holds(item)).count().to_string()
}
