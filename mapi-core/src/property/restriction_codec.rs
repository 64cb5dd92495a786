use super::row::nspi_has_value_byte;
use super::value::{BitmapOperator, FuzzyLevel, RelationalOperator, Restriction, TaggedValue};
use super::{Form, PropertyTag, PropertyValue};
use crate::wire::{Reader, WireErrorKind, WireResult, Writer};

/// Restrictions nested deeper than this are refused.
const MAX_DEPTH: usize = 32;

impl Restriction {
    /// Reads a restriction; counts have 16 bits in ROP buffers and 32 bits in address book bodies.
    ///
    /// # Errors
    /// Truncated or unknown structures, and nesting deeper than 32.
    pub fn decode(reader: &mut Reader<'_>, form: Form) -> WireResult<Self> {
        decode_at(reader, form, 0)
    }

    /// Writes the restriction.
    pub fn encode(&self, writer: &mut Writer, form: Form) {
        match self {
            Self::And(list) | Self::Or(list) => {
                writer.u8(if matches!(self, Self::And(_)) { 0 } else { 1 });
                put_count(writer, list.len(), form);
                list.iter().for_each(|inner| inner.encode(writer, form));
            }
            Self::Not(inner) => {
                writer.u8(2);
                inner.encode(writer, form);
            }
            Self::Content { fuzzy, tag, value } => {
                writer.u8(3).u16(fuzzy.low).u16(fuzzy.high).u32(tag.0);
                put_tagged(writer, value, form);
            }
            Self::Property { operator, tag, value } => {
                writer.u8(4).u8(relop_byte(*operator)).u32(tag.0);
                put_tagged(writer, value, form);
            }
            Self::CompareProperties { operator, left, right } => {
                writer.u8(5).u8(relop_byte(*operator)).u32(left.0).u32(right.0);
            }
            Self::BitMask { operator, tag, mask } => {
                writer.u8(6).u8(u8::from(*operator == BitmapOperator::NotEqualToZero)).u32(tag.0).u32(*mask);
            }
            Self::Size { operator, tag, size } => {
                writer.u8(7).u8(relop_byte(*operator)).u32(tag.0).u32(*size);
            }
            Self::Exist(tag) => drop(writer.u8(8).u32(tag.0)),
            Self::SubObject { tag, restriction } => {
                writer.u8(9).u32(tag.0);
                restriction.encode(writer, form);
            }
            Self::Comment { values, restriction } => {
                writer.u8(0x0A).u8(u8::try_from(values.len()).unwrap_or(u8::MAX));
                values.iter().take(255).for_each(|value| put_tagged(writer, value, form));
                writer.bool8(restriction.is_some());
                if let Some(inner) = restriction {
                    inner.encode(writer, form);
                }
            }
            Self::Count { count, restriction } => {
                writer.u8(0x0B).u32(*count);
                restriction.encode(writer, form);
            }
        }
    }
}

fn decode_at(reader: &mut Reader<'_>, form: Form, depth: usize) -> WireResult<Restriction> {
    if depth > MAX_DEPTH {
        return Err(reader.error("restriction", WireErrorKind::TooDeep(MAX_DEPTH)));
    }
    let inner = |reader: &mut Reader<'_>| decode_at(reader, form, depth + 1).map(Box::new);
    let tag = |reader: &mut Reader<'_>| PropertyTag::decode(reader, "restriction tag");
    let at = reader.clone();
    Ok(match reader.u8("restriction type")? {
        kind @ (0 | 1) => {
            let count = match form {
                Form::Nspi => reader.u32("restriction count")? as usize,
                Form::Rop | Form::FastTransfer => usize::from(reader.u16("restriction count")?),
            };
            reader.check_count(count, 3, "restriction count")?;
            let mut list = Vec::with_capacity(count.min(64));
            for _ in 0..count {
                list.push(decode_at(reader, form, depth + 1)?);
            }
            if kind == 0 { Restriction::And(list) } else { Restriction::Or(list) }
        }
        2 => Restriction::Not(inner(reader)?),
        3 => {
            let fuzzy = FuzzyLevel { low: reader.u16("FuzzyLevelLow")?, high: reader.u16("FuzzyLevelHigh")? };
            Restriction::Content { fuzzy, tag: tag(reader)?, value: tagged(reader, form)? }
        }
        4 => Restriction::Property { operator: relop(reader)?, tag: tag(reader)?, value: tagged(reader, form)? },
        5 => Restriction::CompareProperties { operator: relop(reader)?, left: tag(reader)?, right: tag(reader)? },
        6 => {
            let operator = match reader.u8("BitmapRelOp")? {
                0 => BitmapOperator::EqualToZero,
                1 => BitmapOperator::NotEqualToZero,
                other => return Err(at.invalid("BitmapRelOp", other)),
            };
            Restriction::BitMask { operator, tag: tag(reader)?, mask: reader.u32("restriction mask")? }
        }
        7 => Restriction::Size { operator: relop(reader)?, tag: tag(reader)?, size: reader.u32("restriction size")? },
        8 => Restriction::Exist(tag(reader)?),
        9 => Restriction::SubObject { tag: tag(reader)?, restriction: inner(reader)? },
        0x0A => {
            let count = reader.u8("TaggedValuesCount")?;
            let mut values = Vec::new();
            for _ in 0..count {
                values.push(tagged(reader, form)?);
            }
            let restriction = if reader.bool8("RestrictionPresent")? { Some(inner(reader)?) } else { None };
            Restriction::Comment { values, restriction }
        }
        0x0B => Restriction::Count { count: reader.u32("restriction count")?, restriction: inner(reader)? },
        other => return Err(at.invalid("restriction type", other)),
    })
}

fn relop(reader: &mut Reader<'_>) -> WireResult<RelationalOperator> {
    let at = reader.clone();
    Ok(match reader.u8("RelOp")? {
        0 => RelationalOperator::Less,
        1 => RelationalOperator::LessOrEqual,
        2 => RelationalOperator::Greater,
        3 => RelationalOperator::GreaterOrEqual,
        4 => RelationalOperator::Equal,
        5 => RelationalOperator::NotEqual,
        0x64 => RelationalOperator::MemberOfDl,
        other => return Err(at.invalid("RelOp", other)),
    })
}

fn relop_byte(operator: RelationalOperator) -> u8 {
    match operator {
        RelationalOperator::Less => 0,
        RelationalOperator::LessOrEqual => 1,
        RelationalOperator::Greater => 2,
        RelationalOperator::GreaterOrEqual => 3,
        RelationalOperator::Equal => 4,
        RelationalOperator::NotEqual => 5,
        RelationalOperator::MemberOfDl => 0x64,
    }
}

fn put_count(writer: &mut Writer, count: usize, form: Form) {
    match form {
        Form::Nspi => writer.len32(count),
        Form::Rop | Form::FastTransfer => writer.len16(count),
    };
}

/// In address book bodies a HasValue byte stands before the tagged value, and the value has its own (seen on Gromox).
fn tagged(reader: &mut Reader<'_>, form: Form) -> WireResult<TaggedValue> {
    if form != Form::Nspi {
        return TaggedValue::decode(reader, form);
    }
    let at = reader.clone();
    if !reader.bool8("HasValue")? {
        return Err(at.invalid("HasValue", 0u8));
    }
    let tag = PropertyTag::decode(reader, "restriction value tag")?;
    if nspi_has_value_byte(tag.kind()) && !reader.bool8("HasValue")? {
        return Ok(TaggedValue::new(tag, PropertyValue::Null));
    }
    Ok(TaggedValue::new(tag, PropertyValue::decode(reader, tag.kind(), form)?))
}

fn put_tagged(writer: &mut Writer, value: &TaggedValue, form: Form) {
    if form != Form::Nspi {
        return value.encode(writer, form);
    }
    writer.u8(0xFF).u32(value.tag.0);
    if nspi_has_value_byte(value.tag.kind()) {
        if value.value == PropertyValue::Null {
            writer.u8(0x00);
            return;
        }
        writer.u8(0xFF);
    }
    value.value.encode(writer, form);
}
