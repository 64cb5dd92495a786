use super::value::{PropertyValue, Restriction, TaggedValue};
use super::{FileTime, Form, PropertyTag, PropertyType};
use crate::wire::{Reader, WireErrorKind, WireResult, Writer};

impl PropertyValue {
    /// Reads a value of type `kind`.
    ///
    /// # Errors
    /// Truncated input, and types that have no such form: PtypObject in ROP buffers, PtypUnspecified everywhere (the
    /// containers read the real type first). Strings in a code page become [`PropertyValue::String8`], code page 1200
    /// becomes [`PropertyValue::String`].
    pub fn decode(reader: &mut Reader<'_>, kind: PropertyType, form: Form) -> WireResult<Self> {
        if kind.is_multiple() {
            return Self::decode_multiple(reader, kind.element(), form);
        }
        Ok(match kind.0 {
            0x0001 => Self::Null,
            0x0002 => Self::Integer16(i16::from_le_bytes(reader.array("PtypInteger16")?)),
            0x0003 => Self::Integer32(reader.i32("PtypInteger32")?),
            0x0004 => Self::Floating32(f32::from_le_bytes(reader.array("PtypFloating32")?)),
            0x0005 => Self::Floating64(f64::from_le_bytes(reader.array("PtypFloating64")?)),
            0x0006 => Self::Currency(reader.i64("PtypCurrency")?),
            0x0007 => Self::FloatingTime(f64::from_le_bytes(reader.array("PtypFloatingTime")?)),
            0x000A => Self::ErrorCode(reader.u32("PtypErrorCode")?),
            0x000B => Self::Boolean(match form {
                Form::FastTransfer => reader.u16("PtypBoolean")? != 0,
                Form::Rop | Form::Nspi => reader.bool8("PtypBoolean")?,
            }),
            0x0014 => Self::Integer64(reader.i64("PtypInteger64")?),
            0x0040 => Self::Time(FileTime(reader.u64("PtypTime")?)),
            0x0048 => Self::Guid(reader.guid("PtypGuid")?),
            0x00FD if form != Form::FastTransfer => Self::Restriction(Box::new(Restriction::decode(reader, form)?)),
            _ => return Self::decode_sized(reader, kind, form),
        })
    }

    fn decode_sized(reader: &mut Reader<'_>, kind: PropertyType, form: Form) -> WireResult<Self> {
        let at = reader.clone();
        Ok(match kind.0 {
            0x001E => Self::String8(
                match form {
                    Form::FastTransfer => strip_nul(sized(reader, form, "PtypString8")?),
                    Form::Rop | Form::Nspi => reader.z8("PtypString8")?,
                }
                .to_vec(),
            ),
            0x001F | 0x84B0 => Self::String(match form {
                Form::FastTransfer => {
                    let size = size_of(reader, form, "PtypString size")?;
                    reader.utf16(size, "PtypString")?
                }
                Form::Rop | Form::Nspi => reader.z16("PtypString")?,
            }),
            0x0102 => Self::Binary(sized(reader, form, "PtypBinary")?.to_vec()),
            0x00FB => Self::ServerId(sized(reader, form, "PtypServerId")?.to_vec()),
            0x00FD => {
                let size = size_of(reader, form, "PtypRestriction size")?;
                let mut inner = reader.sub(size, "PtypRestriction")?;
                Self::Restriction(Box::new(Restriction::decode(&mut inner, Form::Rop)?))
            }
            0x00FE if form == Form::FastTransfer => Self::RuleAction(sized(reader, form, "PtypRuleAction")?.to_vec()),
            0x00FE if form == Form::Rop => Self::RuleAction(rule_actions(reader)?.to_vec()),
            0x000D if form == Form::FastTransfer => Self::Object(sized(reader, form, "PtypObject")?.to_vec()),
            0x000D if form == Form::Nspi => {
                reader.u32("PtypEmbeddedTable reserved")?;
                Self::Object(Vec::new())
            }
            _ if kind.is_code_page_string() && form == Form::FastTransfer => {
                Self::String8(strip_nul(sized(reader, form, "code page string")?).to_vec())
            }
            other => return Err(at.invalid("property type", other)),
        })
    }

    fn decode_multiple(reader: &mut Reader<'_>, element: PropertyType, form: Form) -> WireResult<Self> {
        let at = reader.clone();
        let count = reader.u32("value count")? as usize;
        let minimum = match element.0 {
            0x0002 | 0x0102 | 0x001F => 2,
            0x0003 | 0x0004 => 4,
            0x0005 | 0x0006 | 0x0007 | 0x0014 | 0x0040 => 8,
            0x0048 => 16,
            _ => 1,
        };
        reader.check_count(count, minimum, "value count")?;
        macro_rules! list {
            ($variant:ident, $read:expr) => {{
                let mut out = Vec::with_capacity(count.min(64));
                for _ in 0..count {
                    let read: &mut dyn FnMut(&mut Reader<'_>) -> WireResult<_> = &mut $read;
                    out.push(read(reader)?);
                }
                Self::$variant(out)
            }};
        }
        // Elements of NSPI lists carry a HasValue byte of their own; an absent element reads as empty.
        let present = |reader: &mut Reader<'_>| -> WireResult<bool> {
            Ok(form != Form::Nspi || reader.bool8("element HasValue")?)
        };
        Ok(match element.0 {
            0x0002 => list!(MultipleInteger16, |r| Ok(i16::from_le_bytes(r.array("PtypInteger16")?))),
            0x0003 => list!(MultipleInteger32, |r| r.i32("PtypInteger32")),
            0x0004 => list!(MultipleFloating32, |r| Ok(f32::from_le_bytes(r.array("PtypFloating32")?))),
            0x0005 => list!(MultipleFloating64, |r| Ok(f64::from_le_bytes(r.array("PtypFloating64")?))),
            0x0006 => list!(MultipleCurrency, |r| r.i64("PtypCurrency")),
            0x0007 => list!(MultipleFloatingTime, |r| Ok(f64::from_le_bytes(r.array("PtypFloatingTime")?))),
            0x0014 => list!(MultipleInteger64, |r| r.i64("PtypInteger64")),
            0x0040 => list!(MultipleTime, |r| Ok(FileTime(r.u64("PtypTime")?))),
            0x0048 => list!(MultipleGuid, |r| r.guid("PtypGuid")),
            0x001E | 0x001F | 0x0102 => {
                macro_rules! strings {
                    ($variant:ident, $inner:ident) => {
                        list!($variant, |r| {
                            if !present(r)? {
                                return Ok(Default::default());
                            }
                            match Self::decode_sized(r, element, form)? {
                                Self::$inner(value) => Ok(value),
                                _ => Err(r.invalid("property type", element.0)),
                            }
                        })
                    };
                }
                match element.0 {
                    0x001E => strings!(MultipleString8, String8),
                    0x001F => strings!(MultipleString, String),
                    _ => strings!(MultipleBinary, Binary),
                }
            }
            other => return Err(at.invalid("multi-valued property type", other)),
        })
    }

    /// Writes the value without its type. In [`Form::Nspi`] the HasValue byte of the value itself is the container's.
    ///
    /// Binaries above 65,535 bytes cannot be told in ROP buffers and are the caller's to keep out (streams carry them).
    pub fn encode(&self, writer: &mut Writer, form: Form) {
        macro_rules! list {
            ($values:expr, |$value:ident| $write:expr) => {{
                writer.len32($values.len());
                for $value in $values {
                    $write;
                }
            }};
        }
        match self {
            Self::Null => {}
            Self::Integer16(n) => drop(writer.bytes(&n.to_le_bytes())),
            Self::Integer32(n) => drop(writer.i32(*n)),
            Self::Floating32(n) => drop(writer.bytes(&n.to_le_bytes())),
            Self::Floating64(n) | Self::FloatingTime(n) => drop(writer.bytes(&n.to_le_bytes())),
            Self::Currency(n) | Self::Integer64(n) => drop(writer.i64(*n)),
            Self::ErrorCode(n) => drop(writer.u32(*n)),
            Self::Boolean(b) if form == Form::FastTransfer => drop(writer.u16(u16::from(*b))),
            Self::Boolean(b) => drop(writer.bool8(*b)),
            Self::Time(t) => drop(writer.u64(t.0)),
            Self::Guid(g) => drop(writer.guid(*g)),
            Self::String8(s) => put_string8(writer, s, form),
            Self::String(s) => put_string(writer, s, form),
            Self::Binary(b) | Self::ServerId(b) => put_sized(writer, b, form),
            Self::Restriction(r) if form == Form::FastTransfer => {
                let mut inner = Writer::new();
                r.encode(&mut inner, Form::Rop);
                put_sized(writer, inner.as_slice(), form);
            }
            Self::Restriction(r) => r.encode(writer, form),
            Self::RuleAction(b) | Self::Object(b) => match form {
                Form::FastTransfer => put_sized(writer, b, form),
                Form::Rop => drop(writer.bytes(b)),
                Form::Nspi => drop(writer.u32(0)),
            },
            Self::MultipleInteger16(v) => list!(v, |n| writer.bytes(&n.to_le_bytes())),
            Self::MultipleInteger32(v) => list!(v, |n| writer.i32(*n)),
            Self::MultipleFloating32(v) => list!(v, |n| writer.bytes(&n.to_le_bytes())),
            Self::MultipleFloating64(v) | Self::MultipleFloatingTime(v) => list!(v, |n| writer.bytes(&n.to_le_bytes())),
            Self::MultipleCurrency(v) | Self::MultipleInteger64(v) => list!(v, |n| writer.i64(*n)),
            Self::MultipleTime(v) => list!(v, |t| writer.u64(t.0)),
            Self::MultipleGuid(v) => list!(v, |g| writer.guid(*g)),
            Self::MultipleString8(v) => list!(v, |s| {
                put_has_value(writer, form);
                put_string8(writer, s, form);
            }),
            Self::MultipleString(v) => list!(v, |s| {
                put_has_value(writer, form);
                put_string(writer, s, form);
            }),
            Self::MultipleBinary(v) => list!(v, |b| {
                put_has_value(writer, form);
                put_sized(writer, b, form);
            }),
        }
    }
}

impl TaggedValue {
    /// Reads tag and value.
    pub fn decode(reader: &mut Reader<'_>, form: Form) -> WireResult<Self> {
        let tag = PropertyTag::decode(reader, "TaggedPropertyValue tag")?;
        Ok(Self { tag, value: PropertyValue::decode(reader, tag.kind(), form)? })
    }

    /// Writes tag and value.
    pub fn encode(&self, writer: &mut Writer, form: Form) {
        writer.u32(self.tag.0);
        self.value.encode(writer, form);
    }
}

fn size_of(reader: &mut Reader<'_>, form: Form, context: &'static str) -> WireResult<usize> {
    let size = match form {
        Form::Rop => usize::from(reader.u16(context)?),
        Form::FastTransfer | Form::Nspi => reader.u32(context)? as usize,
    };
    if size > reader.remaining() {
        return Err(reader.error(context, WireErrorKind::Truncated { needed: size, left: reader.remaining() }));
    }
    Ok(size)
}

fn sized<'a>(reader: &mut Reader<'a>, form: Form, context: &'static str) -> WireResult<&'a [u8]> {
    let size = size_of(reader, form, context)?;
    reader.bytes(size, context)
}

/// The bytes of a RuleAction ([MS-OXORULE] 2.2.5): a count, then so many blocks behind their sizes.
fn rule_actions<'a>(reader: &mut Reader<'a>) -> WireResult<&'a [u8]> {
    let mut walk = reader.clone();
    let count = usize::from(walk.u16("NoOfActions")?);
    walk.check_count(count, 2, "NoOfActions")?;
    for _ in 0..count {
        let size = usize::from(walk.u16("ActionLength")?);
        walk.bytes(size, "ActionBlock")?;
    }
    reader.bytes(walk.offset() - reader.offset(), "PtypRuleAction")
}

fn strip_nul(bytes: &[u8]) -> &[u8] {
    bytes.strip_suffix(&[0]).unwrap_or(bytes)
}

fn put_has_value(writer: &mut Writer, form: Form) {
    if form == Form::Nspi {
        writer.u8(0xFF);
    }
}

fn put_sized(writer: &mut Writer, bytes: &[u8], form: Form) {
    match form {
        Form::Rop => writer.len16(bytes.len()),
        Form::FastTransfer | Form::Nspi => writer.len32(bytes.len()),
    };
    writer.bytes(bytes);
}

fn put_string8(writer: &mut Writer, text: &[u8], form: Form) {
    if form == Form::FastTransfer {
        writer.len32(text.len() + 1).bytes(text).u8(0);
    } else {
        writer.z8(text);
    }
}

fn put_string(writer: &mut Writer, text: &str, form: Form) {
    if form == Form::FastTransfer {
        writer.len32((text.encode_utf16().count() + 1) * 2);
        for unit in text.encode_utf16() {
            writer.u16(unit);
        }
        writer.u16(0);
    } else {
        writer.z16(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_actions_of_rop_buffers_end_with_their_last_block() {
        let wire = [2, 0, 3, 0, 0xAA, 0xBB, 0xCC, 1, 0, 0xDD];
        let longer = [&wire[..], &[0xEE]].concat();
        let mut reader = Reader::new(&longer);
        let value = PropertyValue::decode(&mut reader, PropertyType::RULE_ACTION, Form::Rop).expect("two blocks");
        assert_eq!(reader.peek_rest(), [0xEE]);
        let mut writer = Writer::new();
        value.encode(&mut writer, Form::Rop);
        assert_eq!(writer.as_slice(), wire);
        let cut = &mut Reader::new(&wire[..9]);
        assert!(PropertyValue::decode(cut, PropertyType::RULE_ACTION, Form::Rop).is_err());
    }
}
