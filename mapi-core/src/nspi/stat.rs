use super::field::Field;
use crate::wire::{Reader, WireResult, Writer};

/// Position and order in the address book ([MS-OXNSPI] 2.2.8, STAT), 36 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stat {
    /// 0: by display name.
    pub sort_type: u32,
    /// 0: the global address list.
    pub container_id: u32,
    /// Minimal id; 0 is the beginning, 2 the end of the table.
    pub current_record: u32,
    /// Rows from there.
    pub delta: i32,
    /// Approximate position in rows.
    pub position: u32,
    /// Approximate number of rows.
    pub total: u32,
    /// An ANSI code page; several methods refuse 1200.
    pub code_page: u32,
    /// Locale of templates.
    pub template_locale: u32,
    /// Locale of the order.
    pub sort_locale: u32,
}

impl Stat {
    /// The beginning of the global address list, in Western European and US English.
    pub fn start() -> Self {
        Self { code_page: 1252, template_locale: 0x0409, sort_locale: 0x0409, ..Self::default() }
    }
}

impl Field for Stat {
    const MINIMUM: usize = 36;

    fn get(reader: &mut Reader<'_>, _context: &'static str) -> WireResult<Self> {
        Ok(Self {
            sort_type: reader.u32("SortType")?,
            container_id: reader.u32("ContainerID")?,
            current_record: reader.u32("CurrentRec")?,
            delta: reader.i32("Delta")?,
            position: reader.u32("NumPos")?,
            total: reader.u32("TotalRecs")?,
            code_page: reader.u32("CodePage")?,
            template_locale: reader.u32("TemplateLocale")?,
            sort_locale: reader.u32("SortLocale")?,
        })
    }

    fn put(&self, writer: &mut Writer) {
        writer.u32(self.sort_type).u32(self.container_id).u32(self.current_record).i32(self.delta);
        writer.u32(self.position).u32(self.total);
        writer.u32(self.code_page).u32(self.template_locale).u32(self.sort_locale);
    }
}
