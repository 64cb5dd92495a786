use super::{Form, PropertyTag, PropertyType, PropertyValue};
use crate::wire::{Reader, WireResult, Writer};

/// One value of a PropertyRow.
#[derive(Debug, Clone, PartialEq)]
pub enum RowValue {
    /// The value.
    Value(PropertyValue),
    /// The object has no such property (Flag 1).
    Absent,
    /// The property could not be had (Flag 0x0A), e.g. 0x8004010F not found or 0x8007000E too big for here.
    Error(u32),
}

impl RowValue {
    /// The value, if there is one.
    pub fn value(&self) -> Option<&PropertyValue> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Error(_) => None,
        }
    }

    /// The value, if there is one.
    pub fn into_value(self) -> Option<PropertyValue> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Error(_) => None,
        }
    }
}

/// A PropertyRow ([MS-OXCDATA] 2.8.1): one value per column, in the order of columns that the request gave.
#[derive(Debug, Clone, PartialEq)]
pub struct PropertyRow {
    /// Whether the row is written as a flagged row even if every value is there.
    pub flagged: bool,
    /// One entry per column.
    pub values: Vec<RowValue>,
}

impl PropertyRow {
    /// A row of `values`, flagged only if one is missing.
    pub fn new(values: Vec<RowValue>) -> Self {
        Self { flagged: values.iter().any(|value| value.value().is_none()), values }
    }

    /// Reads a row over `columns`.
    pub fn decode(reader: &mut Reader<'_>, columns: &[PropertyTag], form: Form) -> WireResult<Self> {
        let flagged = reader.u8("PropertyRow flag")? != 0;
        let mut values = Vec::with_capacity(columns.len());
        for column in columns {
            let mut kind = column.kind();
            if kind == PropertyType::UNSPECIFIED {
                kind = PropertyType(reader.u16("TypedPropertyValue type")?);
            }
            let at = reader.clone();
            values.push(match if flagged { reader.u8("FlaggedPropertyValue flag")? } else { 0 } {
                0x00 if has_value(reader, kind, form)? => RowValue::Value(PropertyValue::decode(reader, kind, form)?),
                0x00 | 0x01 => RowValue::Absent,
                0x0A => RowValue::Error(reader.u32("FlaggedPropertyValue error")?),
                other => return Err(at.invalid("FlaggedPropertyValue flag", other)),
            });
        }
        Ok(Self { flagged, values })
    }

    /// Writes the row. `columns` tells which values carry their type (PtypUnspecified columns).
    pub fn encode(&self, writer: &mut Writer, columns: &[PropertyTag], form: Form) {
        writer.bool8(self.flagged);
        for (column, value) in columns.iter().zip(&self.values) {
            if column.kind() == PropertyType::UNSPECIFIED {
                writer.u16(match value {
                    RowValue::Value(value) => value.kind().0,
                    RowValue::Absent => PropertyType::NULL.0,
                    RowValue::Error(_) => PropertyType::ERROR_CODE.0,
                });
            }
            match value {
                RowValue::Value(value) => {
                    if self.flagged {
                        writer.u8(0x00);
                    }
                    if form == Form::Nspi && nspi_has_value_byte(value.kind()) {
                        writer.u8(0xFF);
                    }
                    value.encode(writer, form);
                }
                RowValue::Absent if self.flagged => drop(writer.u8(0x01)),
                // Its type said so.
                RowValue::Absent if column.kind() == PropertyType::UNSPECIFIED => {}
                RowValue::Absent => drop(writer.u8(0x00)),
                RowValue::Error(code) => drop(writer.u8(0x0A).u32(*code)),
            }
        }
    }
}

/// Whether values of this type are preceded by a HasValue byte in address book bodies.
pub(crate) fn nspi_has_value_byte(kind: PropertyType) -> bool {
    kind.is_multiple() || matches!(kind, PropertyType::STRING8 | PropertyType::STRING | PropertyType::BINARY)
}

fn has_value(reader: &mut Reader<'_>, kind: PropertyType, form: Form) -> WireResult<bool> {
    Ok(form != Form::Nspi || !nspi_has_value_byte(kind) || reader.bool8("HasValue")?)
}

/// The direction of a sort key ([MS-OXCDATA] 2.13.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortOrderKind {
    /// 0x00.
    Ascending,
    /// 0x01.
    Descending,
    /// 0x04: the category's maximum.
    MaximumCategory,
}

/// A SortOrder ([MS-OXCDATA] 2.13.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SortOrder {
    /// The column.
    pub tag: PropertyTag,
    /// Its direction.
    pub order: SortOrderKind,
}

impl SortOrder {
    /// Reads type, id and order.
    pub fn decode(reader: &mut Reader<'_>) -> WireResult<Self> {
        let tag = PropertyTag::decode(reader, "SortOrder tag")?;
        let at = reader.clone();
        let order = match reader.u8("SortOrder order")? {
            0 => SortOrderKind::Ascending,
            1 => SortOrderKind::Descending,
            4 => SortOrderKind::MaximumCategory,
            other => return Err(at.invalid("SortOrder order", other)),
        };
        Ok(Self { tag, order })
    }

    /// Writes type, id and order.
    pub fn encode(&self, writer: &mut Writer) {
        writer.u32(self.tag.0).u8(match self.order {
            SortOrderKind::Ascending => 0,
            SortOrderKind::Descending => 1,
            SortOrderKind::MaximumCategory => 4,
        });
    }
}
