use super::field::Field;
use crate::property::{Form, PropertyRow, PropertyTag, PropertyValue};
use crate::wire::{Reader, WireResult, Writer};

/// Rows with their columns.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Table {
    /// What each value of a row is.
    pub columns: Vec<PropertyTag>,
    /// One value per column.
    pub rows: Vec<PropertyRow>,
}

impl Table {
    /// The value of `row` in the column `tag`.
    pub fn value<'a>(&self, row: &'a PropertyRow, tag: PropertyTag) -> Option<&'a PropertyValue> {
        let at = self.columns.iter().position(|column| *column == tag)?;
        row.values.get(at)?.value()
    }
}

impl Field for Table {
    const MINIMUM: usize = 8;

    fn get(reader: &mut Reader<'_>, _context: &'static str) -> WireResult<Self> {
        let columns: Vec<PropertyTag> = Field::get(reader, "Columns")?;
        let count = reader.u32("RowCount")? as usize;
        // A flag and at least a byte per column, except for columns of type PtypNull, which nobody asks for.
        let count = reader.check_count(count, columns.len() + 1, "RowCount")?;
        let mut rows = Vec::with_capacity(count.min(256));
        for _ in 0..count {
            rows.push(PropertyRow::decode(reader, &columns, Form::Nspi)?);
        }
        Ok(Self { columns, rows })
    }

    fn put(&self, writer: &mut Writer) {
        self.columns.put(writer);
        writer.len32(self.rows.len());
        self.rows.iter().for_each(|row| row.encode(writer, &self.columns, Form::Nspi));
    }
}
