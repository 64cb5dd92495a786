//! Properties: types, tags, values and the containers that carry them ([MS-OXCDATA] 2.8 to 2.13).

mod kind;
mod named;
mod restriction;
mod row;
mod tag;
pub mod tags;
mod value;

pub use kind::PropertyType;
pub use named::{NamedId, PropertyKey, PropertyName, property_set};
pub use restriction::{BitmapOperator, FuzzyLevel, RelationalOperator, Restriction};
pub(crate) use row::nspi_has_value_byte;
pub use row::{PropertyRow, RowValue, SortOrder, SortOrderKind, TaggedValue};
pub use tag::PropertyTag;
pub use value::{FileTime, Form, PropertyValue};
