use super::field::Field;
use crate::property::{Form, PropertyTag, PropertyValue, nspi_has_value_byte};
use crate::wire::{Reader, WireResult, Writer};

/// AddressBookTaggedPropertyValue ([MS-OXCMAPIHTTP] 2.2.1.3).
#[derive(Debug, Clone, PartialEq)]
pub struct AddressBookValue {
    /// The tag, whose type is that of the value: PtypErrorCode where the property is missing.
    pub tag: PropertyTag,
    /// The value. Strings, binaries and lists may be absent.
    pub value: Option<PropertyValue>,
}

impl AddressBookValue {
    /// The value of `tag` in a list of values, unless it is missing there.
    pub fn find(values: &[Self], tag: PropertyTag) -> Option<&PropertyValue> {
        values.iter().find(|value| value.tag == tag).and_then(|value| value.value.as_ref())
    }
}

impl Field for AddressBookValue {
    const MINIMUM: usize = 4;

    fn get(reader: &mut Reader<'_>, context: &'static str) -> WireResult<Self> {
        let tag = PropertyTag::decode(reader, context)?;
        let there = !nspi_has_value_byte(tag.kind()) || reader.bool8("HasValue")?;
        let value = if there { Some(PropertyValue::decode(reader, tag.kind(), Form::Nspi)?) } else { None };
        Ok(Self { tag, value })
    }

    fn put(&self, writer: &mut Writer) {
        writer.u32(self.tag.0);
        if nspi_has_value_byte(self.tag.kind()) {
            writer.u8(if self.value.is_some() { 0xFF } else { 0 });
        }
        if let Some(value) = &self.value {
            value.encode(writer, Form::Nspi);
        }
    }
}
