use std::collections::{HashMap, VecDeque};

use super::RtfError;

const HEADER: usize = 16;
const LZFU: u32 = 0x7546_5A4C;
const MELA: u32 = 0x414C_454D;
const DICTIONARY: usize = 4096;
const LONGEST: usize = 17;

/// The start of every dictionary ([MS-OXRTFCP] 2.1.2.1).
const INITIAL: &[u8; 207] = b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \
\\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \
\\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx";

/// What compressed RTF held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decompressed {
    /// The RTF.
    pub rtf: Vec<u8>,
    /// Whether the checksum is right and the size is the one the header tells. Content that is not intact is usually
    /// still worth showing.
    pub intact: bool,
}

/// Decompresses the value of PidTagRtfCompressed ([MS-OXRTFCP] 3.1.4.1.2), to at most `limit` bytes.
///
/// # Errors
/// A truncated or unknown form, and content above the limit. A wrong checksum is no error, see
/// [`Decompressed::intact`].
pub fn decompress(data: &[u8], limit: usize) -> Result<Decompressed, RtfError> {
    let field = |at: usize| -> Result<u32, RtfError> {
        let bytes = data.get(at..at + 4).and_then(|bytes| <[u8; 4]>::try_from(bytes).ok());
        let missing = || RtfError::Truncated { offset: data.len(), needed: HEADER.saturating_sub(data.len()) };
        bytes.map(u32::from_le_bytes).ok_or_else(missing)
    };
    let (compressed_size, raw_size, kind, checksum) = (field(0)? as usize, field(4)? as usize, field(8)?, field(12)?);
    // COMPSIZE counts what follows itself; bytes after that belong to nobody.
    let end = compressed_size.saturating_add(4);
    let contents = match data.get(HEADER..end) {
        Some(contents) => contents,
        None if end < HEADER => &[],
        None => return Err(RtfError::Truncated { offset: data.len(), needed: end - data.len() }),
    };
    match kind {
        MELA => {
            let rtf = contents.get(..raw_size).unwrap_or(contents);
            if rtf.len() > limit {
                return Err(RtfError::TooLarge { limit });
            }
            Ok(Decompressed { rtf: rtf.to_vec(), intact: rtf.len() == raw_size })
        }
        LZFU => {
            let (rtf, ended) = unpack(contents, limit)?;
            if !ended && rtf.len() < raw_size {
                return Err(RtfError::Truncated { offset: end, needed: 1 });
            }
            let intact = crc32(contents) == checksum && rtf.len() == raw_size;
            Ok(Decompressed { rtf, intact })
        }
        other => Err(RtfError::UnknownCompression(other)),
    }
}

/// Compresses RTF into the value of PidTagRtfCompressed ([MS-OXRTFCP] 3.1.4.1.1), preferring the longest and then the
/// oldest match.
pub fn compress(rtf: &[u8]) -> Vec<u8> {
    let contents = pack(rtf);
    let mut out = Vec::with_capacity(HEADER + contents.len());
    let size = |n: usize| u32::try_from(n).unwrap_or(u32::MAX).to_le_bytes();
    out.extend_from_slice(&size(contents.len() + HEADER - 4));
    out.extend_from_slice(&size(rtf.len()));
    out.extend_from_slice(&LZFU.to_le_bytes());
    out.extend_from_slice(&crc32(&contents).to_le_bytes());
    out.extend_from_slice(&contents);
    out
}

/// Unpacks LZFu contents; tells whether the end marker was met.
fn unpack(contents: &[u8], limit: usize) -> Result<(Vec<u8>, bool), RtfError> {
    let mut dictionary = [0u8; DICTIONARY];
    dictionary[..INITIAL.len()].copy_from_slice(INITIAL);
    let mut write = INITIAL.len();
    let mut out = Vec::new();
    let mut input = contents.iter().copied();
    while let Some(control) = input.next() {
        for bit in 0..8 {
            let (mut from, count) = if control >> bit & 1 == 0 {
                let Some(literal) = input.next() else { return Ok((out, false)) };
                dictionary[write] = literal;
                (write, 1)
            } else {
                let (Some(high), Some(low)) = (input.next(), input.next()) else { return Ok((out, false)) };
                let reference = u16::from_be_bytes([high, low]);
                (usize::from(reference >> 4), usize::from(reference & 0xF) + 2)
            };
            if count > 1 && from == write {
                return Ok((out, true));
            }
            if out.len() + count > limit {
                return Err(RtfError::TooLarge { limit });
            }
            // Byte by byte: a match may reach into what it writes.
            for _ in 0..count {
                let byte = dictionary[from];
                dictionary[write] = byte;
                out.push(byte);
                from = (from + 1) % DICTIONARY;
                write = (write + 1) % DICTIONARY;
            }
        }
    }
    Ok((out, false))
}

fn pack(rtf: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(INITIAL.len() + rtf.len());
    text.extend_from_slice(INITIAL);
    text.extend_from_slice(rtf);
    let mut pairs: HashMap<[u8; 2], VecDeque<usize>> = HashMap::new();
    let mut indexed = 0;
    let mut position = INITIAL.len();
    let mut out = Vec::new();
    let mut ended = false;
    while !ended {
        let control_at = out.len();
        out.push(0);
        for bit in 0..8 {
            while indexed < position && indexed + 1 < text.len() {
                pairs.entry([text[indexed], text[indexed + 1]]).or_default().push_back(indexed);
                indexed += 1;
            }
            if position == text.len() {
                out[control_at] |= 1 << bit;
                put_reference(&mut out, position, 2);
                ended = true;
                break;
            }
            if let Some((start, length)) = longest_match(&text, position, &mut pairs) {
                out[control_at] |= 1 << bit;
                put_reference(&mut out, start, length);
                position += length;
            } else {
                out.push(text[position]);
                position += 1;
            }
        }
    }
    out
}

fn put_reference(out: &mut Vec<u8>, start: usize, length: usize) {
    let reference = (start % DICTIONARY) << 4 | (length - 2);
    out.extend_from_slice(&[(reference >> 8) as u8, reference as u8]);
}

/// The longest and among those the oldest match for what stands at `position`.
fn longest_match(
    text: &[u8],
    position: usize,
    pairs: &mut HashMap<[u8; 2], VecDeque<usize>>,
) -> Option<(usize, usize)> {
    let ahead = &text[position..text.len().min(position + LONGEST)];
    let known = pairs.get_mut(&[*ahead.first()?, *ahead.get(1)?])?;
    while known.front().is_some_and(|&start| start + DICTIONARY <= position) {
        known.pop_front();
    }
    let mut best: Option<(usize, usize)> = None;
    for &start in known.iter() {
        let length = text[start..].iter().zip(ahead).take_while(|(a, b)| a == b).count();
        if length >= 2 && best.is_none_or(|(_, longest)| length > longest) {
            best = Some((start, length));
            if length == LONGEST {
                break;
            }
        }
    }
    best
}

/// The CRC of [MS-OXRTFCP] 2.1.3.2.2: reflected CRC-32, starting at 0, not inverted at the end.
fn crc32(data: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0u32; 256];
        let mut n = 0;
        while n < 256 {
            let mut value = n as u32;
            let mut bit = 0;
            while bit < 8 {
                value = if value & 1 == 1 { value >> 1 ^ 0xEDB8_8320 } else { value >> 1 };
                bit += 1;
            }
            table[n] = value;
            n += 1;
        }
        table
    };
    data.iter().fold(0, |crc, &byte| TABLE[(crc as u8 ^ byte) as usize] ^ crc >> 8)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        text.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).expect("hex")).collect()
    }

    #[test]
    fn examples_of_the_specification() {
        let simple = hex("2d 00 00 00 2b 00 00 00 4c 5a 46 75 f1 c5 c7 a7 03 00 0a 00 72 63 70 67 31 32 35 42 32 0a \
                          f3 20 68 65 6c 09 00 20 62 77 05 b0 6c 64 7d 0a 80 0f a0");
        let crossing = hex("1a 00 00 00 1c 00 00 00 4c 5a 46 75 e2 d4 4b 51 41 00 04 20 57 58 59 5a 0d 6e 7d 01 0e \
                            b0");
        for (packed, plain) in [
            (simple, &b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n"[..]),
            (crossing, &b"{\\rtf1 WXYZWXYZWXYZWXYZWXYZ}"[..]),
        ] {
            let unpacked = decompress(&packed, 1000).expect("valid");
            assert_eq!(unpacked.rtf, plain);
            assert!(unpacked.intact);
            assert_eq!(compress(plain), packed);
        }
    }

    #[test]
    fn stored_form_and_damage() {
        let stored = hex("10 00 00 00 04 00 00 00 4d 45 4c 41 00 00 00 00 61 62 63 64");
        let expected = Decompressed { rtf: b"abcd".to_vec(), intact: true };
        assert_eq!(decompress(&stored, 4), Ok(expected));
        assert_eq!(decompress(&stored, 3), Err(RtfError::TooLarge { limit: 3 }));
        assert_eq!(decompress(&stored[..18], 9), Err(RtfError::Truncated { offset: 18, needed: 2 }));
        assert_eq!(decompress(&stored[..7], 9), Err(RtfError::Truncated { offset: 7, needed: 9 }));
        let mut damaged = compress(b"{\\rtf1 abcdefgh}");
        damaged[12] ^= 1;
        assert!(!decompress(&damaged, 100).expect("readable").intact);
        damaged[8] = 0;
        assert_eq!(decompress(&damaged, 100), Err(RtfError::UnknownCompression(0x7546_5A00)));
        // Sizes are cut off: the header promises more than the contents yield.
        let cut = hex("0e 00 00 00 09 00 00 00 4c 5a 46 75 00 00 00 00 00 61");
        assert_eq!(decompress(&cut, 100), Err(RtfError::Truncated { offset: 18, needed: 1 }));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn what_was_compressed_comes_back(
            words in proptest::collection::vec("[a-c]{1,6}|\\\\par ", 0..2000),
        ) {
            let plain = words.concat().into_bytes();
            let unpacked = decompress(&compress(&plain), plain.len()).expect("own output");
            prop_assert!(unpacked.intact);
            prop_assert_eq!(unpacked.rtf, plain);
        }

        #[test]
        fn arbitrary_bytes_are_survived(
            mut data in proptest::collection::vec(any::<u8>(), 0..300),
            with_header in any::<bool>(),
        ) {
            if with_header && data.len() >= HEADER {
                let size = u32::try_from(data.len() - 4).expect("small");
                data[..4].copy_from_slice(&size.to_le_bytes());
                data[8..12].copy_from_slice(&LZFU.to_le_bytes());
            }
            if let Ok(unpacked) = decompress(&data, 1000) {
                prop_assert!(unpacked.rtf.len() <= 1000);
            }
        }
    }
}
