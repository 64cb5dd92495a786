//! Properties: types, tags, values and the containers that carry them ([MS-OXCDATA] 2.8 to 2.13).

mod file_time;
mod form;
mod kind;
mod named;
mod restriction_codec;
mod row;
mod tag;
pub mod tags;
mod value;
mod value_codec;

pub use file_time::FileTime;
pub use form::Form;
pub use kind::PropertyType;
pub use named::{NamedId, PropertyKey, PropertyName, property_set};
pub(crate) use row::nspi_has_value_byte;
pub use row::{PropertyRow, RowValue, SortOrder, SortOrderKind};
pub use tag::PropertyTag;
pub use value::{BitmapOperator, FuzzyLevel, PropertyValue, RelationalOperator, Restriction, TaggedValue};
