//! Values and restrictions: one type holds the other, since a property may hold a restriction (PtypRestriction).

use super::{FileTime, PropertyTag, PropertyType};
use crate::id::Guid;

/// A property value. Single-valued types first, then lists.
#[allow(missing_docs, reason = "the variants are the types of [MS-OXCDATA] 2.11.1 without their Ptyp prefix")]
#[derive(Debug, Clone, PartialEq)]
pub enum PropertyValue {
    Null,
    Integer16(i16),
    Integer32(i32),
    Floating32(f32),
    Floating64(f64),
    Currency(i64),
    FloatingTime(f64),
    ErrorCode(u32),
    Boolean(bool),
    Integer64(i64),
    /// Bytes in the code page of the object, without NUL.
    String8(Vec<u8>),
    String(String),
    Time(FileTime),
    Guid(Guid),
    ServerId(Vec<u8>),
    Restriction(Box<Restriction>),
    /// Undecoded bytes, in ROP buffers from the count of actions on.
    RuleAction(Vec<u8>),
    Binary(Vec<u8>),
    /// Only in FastTransfer streams and as a placeholder of address book rows.
    Object(Vec<u8>),
    MultipleInteger16(Vec<i16>),
    MultipleInteger32(Vec<i32>),
    MultipleFloating32(Vec<f32>),
    MultipleFloating64(Vec<f64>),
    MultipleCurrency(Vec<i64>),
    MultipleFloatingTime(Vec<f64>),
    MultipleInteger64(Vec<i64>),
    MultipleString8(Vec<Vec<u8>>),
    MultipleString(Vec<String>),
    MultipleTime(Vec<FileTime>),
    MultipleGuid(Vec<Guid>),
    MultipleBinary(Vec<Vec<u8>>),
}

impl PropertyValue {
    /// The type of the value.
    pub fn kind(&self) -> PropertyType {
        PropertyType(match self {
            Self::Null => 0x0001,
            Self::Integer16(_) => 0x0002,
            Self::Integer32(_) => 0x0003,
            Self::Floating32(_) => 0x0004,
            Self::Floating64(_) => 0x0005,
            Self::Currency(_) => 0x0006,
            Self::FloatingTime(_) => 0x0007,
            Self::ErrorCode(_) => 0x000A,
            Self::Boolean(_) => 0x000B,
            Self::Object(_) => 0x000D,
            Self::Integer64(_) => 0x0014,
            Self::String8(_) => 0x001E,
            Self::String(_) => 0x001F,
            Self::Time(_) => 0x0040,
            Self::Guid(_) => 0x0048,
            Self::ServerId(_) => 0x00FB,
            Self::Restriction(_) => 0x00FD,
            Self::RuleAction(_) => 0x00FE,
            Self::Binary(_) => 0x0102,
            Self::MultipleInteger16(_) => 0x1002,
            Self::MultipleInteger32(_) => 0x1003,
            Self::MultipleFloating32(_) => 0x1004,
            Self::MultipleFloating64(_) => 0x1005,
            Self::MultipleCurrency(_) => 0x1006,
            Self::MultipleFloatingTime(_) => 0x1007,
            Self::MultipleInteger64(_) => 0x1014,
            Self::MultipleString8(_) => 0x101E,
            Self::MultipleString(_) => 0x101F,
            Self::MultipleTime(_) => 0x1040,
            Self::MultipleGuid(_) => 0x1048,
            Self::MultipleBinary(_) => 0x1102,
        })
    }

    /// The text of a string value.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The bytes of a binary-like value.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Binary(bytes) | Self::ServerId(bytes) | Self::Object(bytes) | Self::String8(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The number of a 16- or 32-bit integer value.
    pub fn as_i32(&self) -> Option<i32> {
        match self {
            Self::Integer16(n) => Some(i32::from(*n)),
            Self::Integer32(n) => Some(*n),
            _ => None,
        }
    }

    /// The number of an integer value of any width.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Integer64(n) | Self::Currency(n) => Some(*n),
            other => other.as_i32().map(i64::from),
        }
    }

    /// The value of a Boolean.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Boolean(b) => Some(*b),
            _ => None,
        }
    }

    /// The value of a time.
    pub fn as_time(&self) -> Option<FileTime> {
        match self {
            Self::Time(t) => Some(*t),
            _ => None,
        }
    }
}

/// A TaggedPropertyValue ([MS-OXCDATA] 2.11.4): a tag and its value. In lists of properties that could not be read the
/// tag has type PtypErrorCode and the value is [`PropertyValue::ErrorCode`].
#[derive(Debug, Clone, PartialEq)]
pub struct TaggedValue {
    /// The tag.
    pub tag: PropertyTag,
    /// The value, of the tag's type.
    pub value: PropertyValue,
}

impl TaggedValue {
    /// `tag` with `value`.
    pub fn new(tag: PropertyTag, value: PropertyValue) -> Self {
        Self { tag, value }
    }
}

/// How a property is compared ([MS-OXCDATA] 2.12.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelationalOperator {
    /// 0x00
    Less,
    /// 0x01
    LessOrEqual,
    /// 0x02
    Greater,
    /// 0x03
    GreaterOrEqual,
    /// 0x04
    Equal,
    /// 0x05
    NotEqual,
    /// 0x64
    MemberOfDl,
}

/// How bits are tested ([MS-OXCDATA] 2.12.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BitmapOperator {
    /// 0x00: all masked bits are zero.
    EqualToZero,
    /// 0x01: one of the masked bits is set.
    NotEqualToZero,
}

/// FuzzyLevelLow and FuzzyLevelHigh ([MS-OXCDATA] 2.12.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FuzzyLevel {
    /// 0 whole value, 1 substring, 2 prefix.
    pub low: u16,
    /// Bits: 1 ignore case, 2 ignore non-spacing characters, 4 loose.
    pub high: u16,
}

impl FuzzyLevel {
    /// Any part of the value, whatever its case.
    pub const SUBSTRING_IGNORE_CASE: Self = Self { low: 1, high: 1 };
}

/// A restriction ([MS-OXCDATA] 2.12).
#[derive(Debug, Clone, PartialEq)]
pub enum Restriction {
    /// All of them hold.
    And(Vec<Restriction>),
    /// One of them holds.
    Or(Vec<Restriction>),
    /// It does not hold.
    Not(Box<Restriction>),
    /// A string or binary contains the value.
    Content {
        /// How to compare.
        fuzzy: FuzzyLevel,
        /// The property.
        tag: PropertyTag,
        /// What to look for; its tag is normally the same.
        value: TaggedValue,
    },
    /// A property compares to the value.
    Property {
        /// How to compare.
        operator: RelationalOperator,
        /// The property.
        tag: PropertyTag,
        /// The right-hand side; its tag is normally the same.
        value: TaggedValue,
    },
    /// Two properties compare.
    CompareProperties {
        /// How to compare.
        operator: RelationalOperator,
        /// Left-hand side.
        left: PropertyTag,
        /// Right-hand side.
        right: PropertyTag,
    },
    /// Bits of an integer property.
    BitMask {
        /// How to compare.
        operator: BitmapOperator,
        /// The property.
        tag: PropertyTag,
        /// The bits.
        mask: u32,
    },
    /// The size of a property's value.
    Size {
        /// How to compare.
        operator: RelationalOperator,
        /// The property.
        tag: PropertyTag,
        /// Bytes.
        size: u32,
    },
    /// The property exists.
    Exist(PropertyTag),
    /// One of the recipients (0x0E12000D) or attachments (0x0E13000D) matches.
    SubObject {
        /// Which table.
        tag: PropertyTag,
        /// What its rows are tested for.
        restriction: Box<Restriction>,
    },
    /// A restriction with remarks.
    Comment {
        /// The remarks.
        values: Vec<TaggedValue>,
        /// What is tested.
        restriction: Option<Box<Restriction>>,
    },
    /// Holds for at most `count` objects.
    Count {
        /// The bound.
        count: u32,
        /// What is tested.
        restriction: Box<Restriction>,
    },
}
