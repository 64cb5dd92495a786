//! How the fields of ROPs stand on the wire: one trait for values with one form, adapters for those with several.

use crate::ErrorCode;
use crate::id::{Guid, LongTermId, ObjectId};
use crate::property::{Form, PropertyName, PropertyTag, Restriction, SortOrder, TaggedValue};
use crate::wire::{Reader, WireResult, Writer};

use super::ResponseContext;

/// A value with one form on the wire.
pub(super) trait Wire: Sized {
    /// The fewest bytes a value takes; bounds counts before memory is reserved.
    const MIN_SIZE: usize;

    fn get(reader: &mut Reader<'_>, context: &'static str) -> WireResult<Self>;

    fn put(&self, writer: &mut Writer);
}

/// What follows ReturnValue in a response. Plain structures follow success only.
pub(super) trait Answer: Sized {
    /// `None` if nothing follows this return value.
    fn get_answer(
        reader: &mut Reader<'_>,
        return_value: ErrorCode,
        context: &ResponseContext,
    ) -> WireResult<Option<Self>>;

    fn put_answer(&self, writer: &mut Writer, return_value: ErrorCode);
}

impl<T: Wire> Answer for T {
    fn get_answer(reader: &mut Reader<'_>, return_value: ErrorCode, _: &ResponseContext) -> WireResult<Option<Self>> {
        if !return_value.is_success() {
            return Ok(None);
        }
        Wire::get(reader, "response").map(Some)
    }

    fn put_answer(&self, writer: &mut Writer, _: ErrorCode) {
        Wire::put(self, writer);
    }
}

/// One of several forms of a value of type `T`.
pub(super) trait Codec<T> {
    fn get(reader: &mut Reader<'_>, context: &'static str) -> WireResult<T>;

    fn put(value: &T, writer: &mut Writer);
}

/// The only form of a [`Wire`] type.
pub(super) struct Plain;

impl<T: Wire> Codec<T> for Plain {
    fn get(reader: &mut Reader<'_>, context: &'static str) -> WireResult<T> {
        T::get(reader, context)
    }

    fn put(value: &T, writer: &mut Writer) {
        value.put(writer);
    }
}

/// A 16-bit count, then so many elements.
pub(super) struct Count16;

impl<T: Wire> Codec<Vec<T>> for Count16 {
    fn get(reader: &mut Reader<'_>, context: &'static str) -> WireResult<Vec<T>> {
        let count = usize::from(reader.u16(context)?);
        list(reader, count, context)
    }

    fn put(value: &Vec<T>, writer: &mut Writer) {
        writer.len16(value.len());
        value.iter().for_each(|element| element.put(writer));
    }
}

/// A 32-bit count, then so many elements.
pub(super) struct Count32;

impl<T: Wire> Codec<Vec<T>> for Count32 {
    fn get(reader: &mut Reader<'_>, context: &'static str) -> WireResult<Vec<T>> {
        let count = reader.u32(context)? as usize;
        list(reader, count, context)
    }

    fn put(value: &Vec<T>, writer: &mut Writer) {
        writer.len32(value.len());
        value.iter().for_each(|element| element.put(writer));
    }
}

/// Elements behind a 16-bit size in bytes, without a count.
pub(super) struct Size16;

impl<T: Wire> Codec<Vec<T>> for Size16 {
    fn get(reader: &mut Reader<'_>, context: &'static str) -> WireResult<Vec<T>> {
        let size = usize::from(reader.u16(context)?);
        let mut inner = reader.sub(size, context)?;
        let mut out = Vec::new();
        while !inner.is_empty() {
            out.push(T::get(&mut inner, context)?);
        }
        Ok(out)
    }

    fn put(value: &Vec<T>, writer: &mut Writer) {
        let at = writer.len();
        writer.u16(0);
        value.iter().for_each(|element| element.put(writer));
        patch_size16(writer, at);
    }
}

/// A 16-bit size in bytes, then a list with a 16-bit count.
pub(super) struct Size16Count16;

impl<T: Wire> Codec<Vec<T>> for Size16Count16 {
    fn get(reader: &mut Reader<'_>, context: &'static str) -> WireResult<Vec<T>> {
        let size = usize::from(reader.u16(context)?);
        let mut inner = reader.sub(size, context)?;
        let out = Count16::get(&mut inner, context)?;
        inner.finish(context)?;
        Ok(out)
    }

    fn put(value: &Vec<T>, writer: &mut Writer) {
        let at = writer.len();
        writer.u16(0);
        Count16::put(value, writer);
        patch_size16(writer, at);
    }
}

/// Bytes behind a 16-bit size.
pub(super) struct Bytes16;

impl Codec<Vec<u8>> for Bytes16 {
    fn get(reader: &mut Reader<'_>, context: &'static str) -> WireResult<Vec<u8>> {
        let size = usize::from(reader.u16(context)?);
        Ok(reader.bytes(size, context)?.to_vec())
    }

    fn put(value: &Vec<u8>, writer: &mut Writer) {
        writer.len16(value.len()).bytes(value);
    }
}

/// Bytes behind a 32-bit size.
pub(super) struct Bytes32;

impl Codec<Vec<u8>> for Bytes32 {
    fn get(reader: &mut Reader<'_>, context: &'static str) -> WireResult<Vec<u8>> {
        let size = reader.u32(context)? as usize;
        Ok(reader.bytes(size, context)?.to_vec())
    }

    fn put(value: &Vec<u8>, writer: &mut Writer) {
        writer.len32(value.len()).bytes(value);
    }
}

/// A NUL-terminated 8-bit string, its bytes taken for Latin-1 (the protocol asks for ASCII).
pub(super) struct Z8;

impl Codec<String> for Z8 {
    fn get(reader: &mut Reader<'_>, context: &'static str) -> WireResult<String> {
        reader.z8_text(context)
    }

    fn put(value: &String, writer: &mut Writer) {
        writer.z8(&latin1(value));
    }
}

/// A restriction behind its 16-bit size; size 0 is none.
pub(super) struct SizedRestriction;

impl Codec<Option<Restriction>> for SizedRestriction {
    fn get(reader: &mut Reader<'_>, context: &'static str) -> WireResult<Option<Restriction>> {
        let size = usize::from(reader.u16(context)?);
        if size == 0 {
            return Ok(None);
        }
        let mut inner = reader.sub(size, context)?;
        let restriction = Restriction::decode(&mut inner, Form::Rop)?;
        inner.finish(context)?;
        Ok(Some(restriction))
    }

    fn put(value: &Option<Restriction>, writer: &mut Writer) {
        let at = writer.len();
        writer.u16(0);
        if let Some(restriction) = value {
            restriction.encode(writer, Form::Rop);
        }
        patch_size16(writer, at);
    }
}

/// A Boolean of two bytes.
pub(super) struct Bool16;

impl Codec<bool> for Bool16 {
    fn get(reader: &mut Reader<'_>, context: &'static str) -> WireResult<bool> {
        Ok(reader.u16(context)? != 0)
    }

    fn put(value: &bool, writer: &mut Writer) {
        writer.u16(u16::from(*value));
    }
}

/// `count` elements back to back.
pub(super) fn list<T: Wire>(reader: &mut Reader<'_>, count: usize, context: &'static str) -> WireResult<Vec<T>> {
    reader.check_count(count, T::MIN_SIZE, context)?;
    let mut out = Vec::with_capacity(count.min(1024));
    for _ in 0..count {
        out.push(T::get(reader, context)?);
    }
    Ok(out)
}

/// Writes the size of what follows the 16-bit field at `at` into that field.
pub(super) fn patch_size16(writer: &mut Writer, at: usize) {
    let size = writer.len() - at - 2;
    debug_assert!(size <= usize::from(u16::MAX), "a size of {size} does not fit 16 bits");
    writer.patch_u16(at, u16::try_from(size).unwrap_or(u16::MAX));
}

/// The text of a NUL-terminated string, UTF-16LE or 8-bit.
pub(super) fn get_text(reader: &mut Reader<'_>, unicode: bool, context: &'static str) -> WireResult<String> {
    if unicode { reader.z16(context) } else { reader.z8_text(context) }
}

/// Writes text as [`get_text`] reads it.
pub(super) fn put_text(writer: &mut Writer, text: &str, unicode: bool) {
    if unicode {
        writer.z16(text);
    } else {
        writer.z8(&latin1(text));
    }
}

/// Latin-1 bytes; characters beyond become `?`.
pub(super) fn latin1(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect()
}

/// Reads a server list of 8-bit names whose two counts stand before it.
pub(super) fn get_names(reader: &mut Reader<'_>, count: usize, context: &'static str) -> WireResult<Vec<String>> {
    reader.check_count(count, 1, context)?;
    (0..count).map(|_| reader.z8_text(context)).collect()
}

macro_rules! plain {
    ($($ty:ty, $size:literal, $get:ident, $put:ident;)*) => {
        $(impl Wire for $ty {
            const MIN_SIZE: usize = $size;

            fn get(reader: &mut Reader<'_>, context: &'static str) -> WireResult<Self> {
                reader.$get(context)
            }

            fn put(&self, writer: &mut Writer) {
                writer.$put(*self);
            }
        })*
    };
}

plain! {
    u8, 1, u8, u8;
    bool, 1, bool8, bool8;
    u16, 2, u16, u16;
    u32, 4, u32, u32;
    i32, 4, i32, i32;
    u64, 8, u64, u64;
    i64, 8, i64, i64;
    Guid, 16, guid, guid;
}

impl<const N: usize> Wire for [u8; N] {
    const MIN_SIZE: usize = N;

    fn get(reader: &mut Reader<'_>, context: &'static str) -> WireResult<Self> {
        reader.array(context)
    }

    fn put(&self, writer: &mut Writer) {
        writer.bytes(self);
    }
}

impl Wire for ObjectId {
    const MIN_SIZE: usize = 8;

    fn get(reader: &mut Reader<'_>, context: &'static str) -> WireResult<Self> {
        Self::decode(reader, context)
    }

    fn put(&self, writer: &mut Writer) {
        self.encode(writer);
    }
}

impl Wire for LongTermId {
    const MIN_SIZE: usize = 24;

    fn get(reader: &mut Reader<'_>, context: &'static str) -> WireResult<Self> {
        Self::decode(reader, context)
    }

    fn put(&self, writer: &mut Writer) {
        self.encode(writer);
    }
}

impl Wire for ErrorCode {
    const MIN_SIZE: usize = 4;

    fn get(reader: &mut Reader<'_>, context: &'static str) -> WireResult<Self> {
        reader.u32(context).map(Self)
    }

    fn put(&self, writer: &mut Writer) {
        writer.u32(self.0);
    }
}

impl Wire for PropertyTag {
    const MIN_SIZE: usize = 4;

    fn get(reader: &mut Reader<'_>, context: &'static str) -> WireResult<Self> {
        Self::decode(reader, context)
    }

    fn put(&self, writer: &mut Writer) {
        writer.u32(self.0);
    }
}

impl Wire for TaggedValue {
    const MIN_SIZE: usize = 4;

    fn get(reader: &mut Reader<'_>, _: &'static str) -> WireResult<Self> {
        Self::decode(reader, Form::Rop)
    }

    fn put(&self, writer: &mut Writer) {
        self.encode(writer, Form::Rop);
    }
}

impl Wire for SortOrder {
    const MIN_SIZE: usize = 5;

    fn get(reader: &mut Reader<'_>, _: &'static str) -> WireResult<Self> {
        Self::decode(reader)
    }

    fn put(&self, writer: &mut Writer) {
        self.encode(writer);
    }
}

impl Wire for PropertyName {
    const MIN_SIZE: usize = 17;

    fn get(reader: &mut Reader<'_>, _: &'static str) -> WireResult<Self> {
        Self::decode(reader)
    }

    fn put(&self, writer: &mut Writer) {
        self.encode(writer);
    }
}

/// Declares structures whose fields stand on the wire in their order, each in the only form of its type or in the form
/// named after `as`.
macro_rules! wire_struct {
    ($($(#[$meta:meta])* pub struct $name:ident {
        $($(#[$field_meta:meta])* pub $field:ident: $ty:ty $(as $codec:ty)?,)*
    })*) => {
        $(
            $(#[$meta])*
            #[derive(Debug, Clone, PartialEq)]
            #[allow(missing_docs, reason = "fields bear the names of the specification")]
            pub struct $name {
                $($(#[$field_meta])* pub $field: $ty,)*
            }

            impl $crate::rop::codec::Wire for $name {
                const MIN_SIZE: usize = 1;

                fn get(
                    reader: &mut $crate::wire::Reader<'_>,
                    _: &'static str,
                ) -> $crate::wire::WireResult<Self> {
                    Ok(Self {
                        $($field: <$crate::rop::codec::wire_struct!(@codec $($codec)?)
                            as $crate::rop::codec::Codec<$ty>>::get(
                                reader,
                                concat!(stringify!($name), ".", stringify!($field)),
                            )?,)*
                    })
                }

                fn put(&self, writer: &mut $crate::wire::Writer) {
                    $(<$crate::rop::codec::wire_struct!(@codec $($codec)?)
                        as $crate::rop::codec::Codec<$ty>>::put(&self.$field, writer);)*
                }
            }

            #[cfg(test)]
            impl $crate::rop::sample::Sample for $name {
                fn sample(rng: &mut $crate::rop::sample::SampleRng) -> Self {
                    Self { $($field: $crate::rop::sample::Sample::sample(rng),)* }
                }
            }
        )*
    };
    (@codec) => { $crate::rop::codec::Plain };
    (@codec $codec:ty) => { $codec };
}

pub(super) use wire_struct;
