//! What the messages of Kerberos are made of beyond what every DER has (RFC 4120 5.2).

use super::crypto::{CryptoError, EncryptionType, Key};
use crate::auth::der::{Der, OCTET_STRING, SEQUENCE, context, element};

pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const GENERALIZED_TIME: u8 = 0x18;
pub(super) const GENERAL_STRING: u8 = 0x1B;

/// The tag of a message.
pub(super) const fn application(number: u8) -> u8 {
    0x60 | number
}

/// Field `number` of a sequence.
pub(super) fn field(number: u8, inner: &[u8]) -> Vec<u8> {
    element(context(number), inner)
}

pub(super) fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    element(SEQUENCE, &parts.concat())
}

pub(super) fn octets(bytes: &[u8]) -> Vec<u8> {
    element(OCTET_STRING, bytes)
}

pub(super) fn string(text: &str) -> Vec<u8> {
    element(GENERAL_STRING, text.as_bytes())
}

pub(super) fn integer(value: i64) -> Vec<u8> {
    let bytes = value.to_be_bytes();
    // As few bytes as keep the sign.
    let spare = |at: &usize| {
        let sign = bytes[at + 1] & 0x80 != 0;
        bytes[*at] == if sign { 0xFF } else { 0 }
    };
    let first = (0..7).take_while(spare).count();
    element(INTEGER, &bytes[first..])
}

/// Flags: at least 32 bits (RFC 4120 5.2.8).
pub(super) fn flags(value: u32) -> Vec<u8> {
    element(BIT_STRING, &[&[0], &value.to_be_bytes()[..]].concat())
}

/// EncryptedData (RFC 4120 5.2.9).
pub(super) fn encrypted_data(kind: EncryptionType, cipher: &[u8]) -> Vec<u8> {
    sequence(&[field(0, &integer(kind.number())), field(2, &octets(cipher))])
}

pub(super) fn read_integer(bytes: &[u8]) -> Option<i64> {
    let (&first, rest) = bytes.split_first()?;
    if rest.len() > 7 {
        return None;
    }
    Some(rest.iter().fold(i64::from(first as i8), |value, &byte| value << 8 | i64::from(byte)))
}

pub(super) fn take_integer(fields: &mut Der<'_>, number: u8) -> Option<i64> {
    read_integer(fields.take_explicit(context(number), INTEGER)?)
}

pub(super) fn take_octets<'a>(fields: &mut Der<'a>, number: u8) -> Option<&'a [u8]> {
    fields.take_explicit(context(number), OCTET_STRING)
}

pub(super) fn take_string(fields: &mut Der<'_>, number: u8) -> Option<String> {
    let bytes = fields.take_explicit(context(number), GENERAL_STRING)?;
    std::str::from_utf8(bytes).ok().map(str::to_owned)
}

pub(super) fn take_flags(fields: &mut Der<'_>, number: u8) -> Option<u32> {
    let (_, bits) = fields.take_explicit(context(number), BIT_STRING)?.split_first()?;
    let mut value = [0; 4];
    value.iter_mut().zip(bits).for_each(|(place, byte)| *place = *byte);
    Some(u32::from_be_bytes(value))
}

/// Type number and ciphertext of EncryptedData.
pub(super) fn take_encrypted<'a>(fields: &mut Der<'a>, number: u8) -> Option<(i64, &'a [u8])> {
    let mut inner = Der::new(fields.take_explicit(context(number), SEQUENCE)?);
    let kind = take_integer(&mut inner, 0)?;
    inner.take(context(1));
    Some((kind, take_octets(&mut inner, 2)?))
}

/// An EncryptionKey; `Ok(Err(_))` if it is none that is spoken.
pub(super) fn take_key(fields: &mut Der<'_>, number: u8) -> Option<Result<Key, CryptoError>> {
    let mut inner = Der::new(fields.take_explicit(context(number), SEQUENCE)?);
    let kind = EncryptionType::from_number(take_integer(&mut inner, 0)?);
    let bytes = take_octets(&mut inner, 1)?;
    Some(kind.ok_or(CryptoError::KeyLength).and_then(|kind| Key::new(kind, bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_as_short_as_may_be() {
        for (value, bytes) in [
            (0, &[0][..]),
            (127, &[0x7F]),
            (128, &[0, 0x80]),
            (-1, &[0xFF]),
            (-128, &[0x80]),
            (-138, &[0xFF, 0x76]),
            (0xFFFF_FFFF, &[0, 0xFF, 0xFF, 0xFF, 0xFF]),
            (i64::MIN, &[0x80, 0, 0, 0, 0, 0, 0, 0]),
        ] {
            assert_eq!(integer(value), element(INTEGER, bytes), "{value}");
            assert_eq!(read_integer(bytes), Some(value));
        }
        assert_eq!(read_integer(&[]), None);
        assert_eq!(read_integer(&[0; 9]), None);
    }
}
