use std::borrow::Cow;

use crate::wire::{Reader, WireResult, Writer};

use super::codec::{Wire, latin1};

/// A TypedString ([MS-OXCDATA] 2.11.7).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum TypedString {
    /// 0: there is no string.
    #[default]
    None,
    /// 1: the empty string.
    Empty,
    /// 2: 8-bit text in the code page of the object, without NUL.
    String8(Vec<u8>),
    /// 3: Unicode whose UTF-16 units all have a zero high byte, one byte each.
    ReducedUnicode(String),
    /// 4: UTF-16LE.
    Unicode(String),
}

impl TypedString {
    /// The shortest form of `text`.
    pub fn of(text: &str) -> Self {
        if text.is_empty() {
            Self::Empty
        } else if text.chars().all(|c| u32::from(c) <= 0xFF) {
            Self::ReducedUnicode(text.to_owned())
        } else {
            Self::Unicode(text.to_owned())
        }
    }

    /// The text; 8-bit text as if it were Latin-1. `None` if there is no string.
    pub fn text(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::None => None,
            Self::Empty => Some(Cow::Borrowed("")),
            Self::String8(bytes) => Some(bytes.iter().map(|&b| char::from(b)).collect()),
            Self::ReducedUnicode(text) | Self::Unicode(text) => Some(Cow::Borrowed(text)),
        }
    }

    /// Reads the kind and the string.
    ///
    /// # Errors
    /// Unknown kinds and strings without NUL.
    pub fn decode(reader: &mut Reader<'_>) -> WireResult<Self> {
        let at = reader.clone();
        Ok(match reader.u8("TypedString StringType")? {
            0 => Self::None,
            1 => Self::Empty,
            2 => Self::String8(reader.z8("TypedString")?.to_vec()),
            3 => Self::ReducedUnicode(reader.z8_text("TypedString")?),
            4 => Self::Unicode(reader.z16("TypedString")?),
            other => return Err(at.invalid("TypedString StringType", other)),
        })
    }

    /// Writes the kind and the string.
    pub fn encode(&self, writer: &mut Writer) {
        match self {
            Self::None => drop(writer.u8(0)),
            Self::Empty => drop(writer.u8(1)),
            Self::String8(bytes) => drop(writer.u8(2).z8(bytes)),
            Self::ReducedUnicode(text) => drop(writer.u8(3).z8(&latin1(text))),
            Self::Unicode(text) => drop(writer.u8(4).z16(text)),
        }
    }
}

impl Wire for TypedString {
    const MIN_SIZE: usize = 1;

    fn get(reader: &mut Reader<'_>, _: &'static str) -> WireResult<Self> {
        Self::decode(reader)
    }

    fn put(&self, writer: &mut Writer) {
        self.encode(writer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_five_kinds() {
        let wire = [0, 1, 2, b'a', 0, 3, 0xE9, 0, 4, 0xAC, 0x20, 0, 0];
        let mut reader = Reader::new(&wire);
        let strings: Vec<_> = (0..5).map(|_| TypedString::decode(&mut reader).expect("five strings")).collect();
        let texts: Vec<_> = strings.iter().map(|s| s.text().map(Cow::into_owned)).collect();
        let texts: Vec<_> = texts.iter().map(Option::as_deref).collect();
        assert_eq!(texts, [None, Some(""), Some("a"), Some("é"), Some("€")]);
        let mut writer = Writer::new();
        strings.iter().for_each(|s| s.encode(&mut writer));
        assert_eq!(writer.as_slice(), wire);
        assert_eq!(
            [TypedString::of(""), TypedString::of("é"), TypedString::of("€")],
            [TypedString::Empty, strings[3].clone(), strings[4].clone()]
        );
        assert!(TypedString::decode(&mut Reader::new(&[5])).is_err());
    }
}
