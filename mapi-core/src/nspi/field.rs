use crate::ErrorCode;
use crate::id::Guid;
use crate::property::{Form, PropertyTag, Restriction};
use crate::wire::{Reader, WireResult, Writer};

/// A field of an address book body.
pub(super) trait Field: Sized {
    /// Fewest bytes of it.
    const MINIMUM: usize;

    fn get(reader: &mut Reader<'_>, context: &'static str) -> WireResult<Self>;

    fn put(&self, writer: &mut Writer);
}

impl Field for u32 {
    const MINIMUM: usize = 4;

    fn get(reader: &mut Reader<'_>, context: &'static str) -> WireResult<Self> {
        reader.u32(context)
    }

    fn put(&self, writer: &mut Writer) {
        writer.u32(*self);
    }
}

impl Field for ErrorCode {
    const MINIMUM: usize = 4;

    fn get(reader: &mut Reader<'_>, context: &'static str) -> WireResult<Self> {
        reader.u32(context).map(Self)
    }

    fn put(&self, writer: &mut Writer) {
        writer.u32(self.0);
    }
}

impl Field for Guid {
    const MINIMUM: usize = 16;

    fn get(reader: &mut Reader<'_>, context: &'static str) -> WireResult<Self> {
        reader.guid(context)
    }

    fn put(&self, writer: &mut Writer) {
        writer.guid(*self);
    }
}

impl Field for PropertyTag {
    const MINIMUM: usize = 4;

    fn get(reader: &mut Reader<'_>, context: &'static str) -> WireResult<Self> {
        Self::decode(reader, context)
    }

    fn put(&self, writer: &mut Writer) {
        writer.u32(self.0);
    }
}

impl Field for Restriction {
    const MINIMUM: usize = 1;

    fn get(reader: &mut Reader<'_>, _context: &'static str) -> WireResult<Self> {
        Self::decode(reader, Form::Nspi)
    }

    fn put(&self, writer: &mut Writer) {
        self.encode(writer, Form::Nspi);
    }
}

/// A byte says whether it is there: 0xFF, or any other but zero from other writers.
impl<T: Field> Field for Option<T> {
    const MINIMUM: usize = 1;

    fn get(reader: &mut Reader<'_>, context: &'static str) -> WireResult<Self> {
        if reader.bool8(context)? { T::get(reader, context).map(Some) } else { Ok(None) }
    }

    fn put(&self, writer: &mut Writer) {
        match self {
            Some(value) => {
                writer.u8(0xFF);
                value.put(writer);
            }
            None => {
                writer.u8(0);
            }
        }
    }
}

/// A count of 32 bits and that many elements.
impl<T: Field> Field for Vec<T> {
    const MINIMUM: usize = 4;

    fn get(reader: &mut Reader<'_>, context: &'static str) -> WireResult<Self> {
        let count = reader.u32(context)? as usize;
        let count = reader.check_count(count, T::MINIMUM, context)?;
        let mut list = Self::with_capacity(count.min(256));
        for _ in 0..count {
            list.push(T::get(reader, context)?);
        }
        Ok(list)
    }

    fn put(&self, writer: &mut Writer) {
        writer.len32(self.len());
        self.iter().for_each(|value| value.put(writer));
    }
}
