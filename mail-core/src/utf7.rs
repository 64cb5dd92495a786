//! Modified UTF-7 for mailbox names (RFC 3501 5.1.3).

/// The characters of the modified base64, by value.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

/// Encodes a name.
pub fn encode(name: &str) -> String {
    let mut encoded = String::with_capacity(name.len());
    let mut pending: Vec<u16> = Vec::new();
    for character in name.chars() {
        if matches!(character, ' '..='~') {
            flush(&mut encoded, &mut pending);
            encoded.push(character);
            if character == '&' {
                encoded.push('-');
            }
        } else {
            pending.extend_from_slice(character.encode_utf16(&mut [0; 2]));
        }
    }
    flush(&mut encoded, &mut pending);
    encoded
}

/// Decodes a name; nothing if it is not well-formed: bytes outside printable ASCII, a shift that does not end or is not
/// UTF-16, or characters in base64 that must stand for themselves.
pub fn decode(encoded: &[u8]) -> Option<String> {
    let mut name = String::with_capacity(encoded.len());
    let mut rest = encoded;
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        match first {
            b'&' => {
                let end = rest.iter().position(|byte| *byte == b'-')?;
                let (shifted, tail) = rest.split_at(end);
                rest = tail.get(1..)?;
                if shifted.is_empty() {
                    name.push('&');
                } else {
                    decode_shifted(shifted, &mut name)?;
                }
            }
            b' '..=b'~' => name.push(char::from(*first)),
            _ => return None,
        }
    }
    Some(name)
}

fn flush(encoded: &mut String, pending: &mut Vec<u16>) {
    if pending.is_empty() {
        return;
    }
    encoded.push('&');
    let mut bits = 0_u32;
    let mut count = 0;
    for byte in pending.drain(..).flat_map(u16::to_be_bytes) {
        bits = bits << 8 | u32::from(byte);
        count += 8;
        while count >= 6 {
            count -= 6;
            encoded.push(digit(bits >> count));
        }
    }
    if count > 0 {
        encoded.push(digit(bits << (6 - count)));
    }
    encoded.push('-');
}

fn digit(value: u32) -> char {
    char::from(ALPHABET[(value & 63) as usize])
}

fn decode_shifted(shifted: &[u8], name: &mut String) -> Option<()> {
    let mut units = Vec::with_capacity(shifted.len() * 6 / 16);
    let mut bits = 0_u32;
    let mut count = 0;
    for byte in shifted {
        let value = ALPHABET.iter().position(|candidate| candidate == byte)?;
        bits = (bits << 6 | u32::try_from(value).ok()?) & 0x003F_FFFF;
        count += 6;
        if count >= 16 {
            count -= 16;
            units.push(u16::try_from(bits >> count & 0xFFFF).ok()?);
        }
    }
    if count >= 6 || bits & ((1 << count) - 1) != 0 {
        return None;
    }
    for character in char::decode_utf16(units) {
        let character = character.ok()?;
        if matches!(character, ' '..='~') {
            return None;
        }
        name.push(character);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_answers() {
        for (name, encoded) in [
            ("INBOX", "INBOX"),
            ("Gesendete Objekte", "Gesendete Objekte"),
            ("Entwürfe", "Entw&APw-rfe"),
            ("A & B", "A &- B"),
            ("~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
            ("😀", "&2D3eAA-"),
        ] {
            assert_eq!(encode(name), encoded);
            assert_eq!(decode(encoded.as_bytes()).as_deref(), Some(name));
        }
    }

    #[test]
    fn malformed() {
        for encoded in ["&", "&AGE-", "&A-", "&2D0-", "a\u{e9}", "x & y", "&APx-", "&AP/-"] {
            assert_eq!(decode(encoded.as_bytes()), None, "{encoded}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn round_trip(name in "\\PC{0,24}") {
            let encoded = encode(&name);
            prop_assert!(encoded.is_ascii());
            prop_assert_eq!(decode(encoded.as_bytes()), Some(name));
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Some(name) = decode(&bytes) {
                prop_assert_eq!(decode(encode(&name).as_bytes()), Some(name));
            }
        }
    }
}
