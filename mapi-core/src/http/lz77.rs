use crate::wire::{Reader, WireErrorKind, WireResult};

/// Farthest distance a match can reach back ([MS-XCA] 2.3.4: 13 bits, from 1).
const WINDOW: usize = 8192;
const MIN_MATCH: usize = 3;
/// Longest match whose length fits the 16-bit field.
const MAX_MATCH: usize = 0xFFFF + MIN_MATCH;
/// Candidates looked at per position. Bounds the time spent on repetitive data.
const MAX_CHAIN: usize = 32;
const HASH_BITS: u32 = 12;
const NONE: usize = usize::MAX;

/// Compresses with plain LZ77, called DIRECT2 in [MS-OXCRPC] 3.1.4.1.1.2 ([MS-XCA] 2.3).
pub fn compress(plain: &[u8]) -> Vec<u8> {
    let mut out = Output::new(plain.len());
    let mut table = Table::new(plain);
    let mut at = 0;
    while at < plain.len() {
        let (distance, length) = table.longest(at);
        if length >= MIN_MATCH {
            out.put_match(distance, length);
        } else {
            out.put_literal(plain[at]);
        }
        let step = if length >= MIN_MATCH { length } else { 1 };
        for position in at..at + step {
            table.insert(position);
        }
        at += step;
    }
    out.finish()
}

/// Decompresses plain LZ77 into exactly `size` bytes.
///
/// # Errors
/// Truncated input, matches that reach before the start, and output of another size than `size`.
pub fn decompress(packed: &[u8], size: usize) -> WireResult<Vec<u8>> {
    let mut reader = Reader::new(packed);
    // A match of a few bytes can stand for any length, but not for more than the announced size.
    let mut out = Vec::with_capacity(size.min(packed.len().saturating_mul(8)));
    let mut half: Option<u8> = None;
    let (mut mask, mut bits) = (0u32, 0u32);
    while !reader.is_empty() {
        if bits == 0 {
            (mask, bits) = (reader.u32("LZ77 mask")?, 32);
            continue;
        }
        bits -= 1;
        if mask >> bits & 1 == 0 {
            let literal = reader.u8("LZ77 literal")?;
            check_size(&reader, out.len() + 1, size)?;
            out.push(literal);
            continue;
        }
        let at = reader.clone();
        let word = reader.u16("LZ77 match")?;
        let distance = usize::from(word >> 3) + 1;
        let length = match_length(&mut reader, word & 7, &mut half)?;
        if distance > out.len() {
            return Err(at.invalid("LZ77 match distance", distance as u64));
        }
        check_size(&at, out.len().saturating_add(length), size)?;
        for _ in 0..length {
            out.push(out[out.len() - distance]);
        }
    }
    if out.len() == size { Ok(out) } else { Err(reader.invalid("LZ77 output size", out.len() as u64)) }
}

fn check_size(reader: &Reader<'_>, asked: usize, limit: usize) -> WireResult<()> {
    if asked <= limit {
        return Ok(());
    }
    Err(reader.error("LZ77 output", WireErrorKind::TooLarge { asked: asked as u64, limit: limit as u64 }))
}

/// The length of a match: three bits, then a nibble shared with the next match, a byte, a u16, a u32.
fn match_length(reader: &mut Reader<'_>, bits: u16, half: &mut Option<u8>) -> WireResult<usize> {
    if bits < 7 {
        return Ok(usize::from(bits) + MIN_MATCH);
    }
    let nibble = match half.take() {
        Some(byte) => byte >> 4,
        None => {
            let byte = reader.u8("LZ77 length nibble")?;
            *half = Some(byte);
            byte & 15
        }
    };
    if nibble < 15 {
        return Ok(usize::from(nibble) + 7 + MIN_MATCH);
    }
    let byte = reader.u8("LZ77 length byte")?;
    if byte < 255 {
        return Ok(usize::from(byte) + 15 + 7 + MIN_MATCH);
    }
    let at = reader.clone();
    let length = match reader.u16("LZ77 length word")? {
        0 => reader.u32("LZ77 length")? as usize,
        word => usize::from(word),
    };
    // Shorter lengths have shorter forms; a smaller number here is damage.
    if length < 15 + 7 {
        return Err(at.invalid("LZ77 length", length as u64));
    }
    Ok(length.saturating_add(MIN_MATCH))
}

struct Output {
    bytes: Vec<u8>,
    mask_at: usize,
    mask: u32,
    bits: u32,
    /// Where the byte stands whose high nibble is free.
    half_at: Option<usize>,
}

impl Output {
    fn new(capacity: usize) -> Self {
        let mut bytes = Vec::with_capacity(capacity + capacity / 8 + 8);
        bytes.extend_from_slice(&[0; 4]);
        Self { bytes, mask_at: 0, mask: 0, bits: 0, half_at: None }
    }

    fn put_literal(&mut self, byte: u8) {
        self.bytes.push(byte);
        self.flag(0);
    }

    fn put_match(&mut self, distance: usize, length: usize) {
        debug_assert!((1..=WINDOW).contains(&distance) && (MIN_MATCH..=MAX_MATCH).contains(&length));
        let rest = length - MIN_MATCH;
        let word = ((distance - 1) << 3) | rest.min(7);
        self.bytes.extend_from_slice(&(word as u16).to_le_bytes());
        if rest >= 7 {
            self.put_nibble((rest - 7).min(15) as u8);
        }
        if rest >= 7 + 15 {
            self.bytes.push((rest - 7 - 15).min(255) as u8);
        }
        if rest >= 7 + 15 + 255 {
            self.bytes.extend_from_slice(&(rest as u16).to_le_bytes());
        }
        self.flag(1);
    }

    fn put_nibble(&mut self, nibble: u8) {
        match self.half_at.take() {
            Some(at) => self.bytes[at] |= nibble << 4,
            None => {
                self.half_at = Some(self.bytes.len());
                self.bytes.push(nibble);
            }
        }
    }

    fn flag(&mut self, bit: u32) {
        self.mask = self.mask << 1 | bit;
        self.bits += 1;
        if self.bits == 32 {
            self.write_mask();
            self.mask_at = self.bytes.len();
            self.bytes.extend_from_slice(&[0; 4]);
            (self.mask, self.bits) = (0, 0);
        }
    }

    fn write_mask(&mut self) {
        self.bytes[self.mask_at..self.mask_at + 4].copy_from_slice(&self.mask.to_le_bytes());
    }

    fn finish(mut self) -> Vec<u8> {
        let unused = 32 - self.bits;
        // `unused` is 1 to 32; what is left of the mask is ones.
        self.mask = ((u64::from(self.mask) << unused) | ((1u64 << unused) - 1)) as u32;
        self.write_mask();
        self.bytes
    }
}

/// Hash chains over three bytes.
struct Table<'a> {
    plain: &'a [u8],
    head: Vec<usize>,
    previous: Vec<usize>,
}

impl<'a> Table<'a> {
    fn new(plain: &'a [u8]) -> Self {
        Self { plain, head: vec![NONE; 1 << HASH_BITS], previous: vec![NONE; plain.len()] }
    }

    fn hash(&self, at: usize) -> Option<usize> {
        let key = self.plain.get(at..at + MIN_MATCH)?;
        let value = u32::from_le_bytes([key[0], key[1], key[2], 0]);
        Some((value.wrapping_mul(0x9E37_79B1) >> (32 - HASH_BITS)) as usize)
    }

    fn insert(&mut self, at: usize) {
        if let Some(hash) = self.hash(at) {
            self.previous[at] = self.head[hash];
            self.head[hash] = at;
        }
    }

    /// Distance and length of the longest match at `at`; length 0 if there is none.
    fn longest(&self, at: usize) -> (usize, usize) {
        let Some(hash) = self.hash(at) else { return (0, 0) };
        let limit = (self.plain.len() - at).min(MAX_MATCH);
        let (mut distance, mut length) = (0, 0);
        let mut candidate = self.head[hash];
        for _ in 0..MAX_CHAIN {
            if candidate == NONE || at - candidate > WINDOW {
                break;
            }
            let same =
                self.plain[candidate..].iter().zip(&self.plain[at..at + limit]).take_while(|(a, b)| a == b).count();
            if same > length {
                (distance, length) = (at - candidate, same);
            }
            candidate = self.previous[candidate];
        }
        (distance, length)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALPHABET: &[u8] = b"abcdefghijklmnopqrstuvwxyz";

    #[test]
    fn known_answers_of_the_specification() {
        let packed = [[0x3F, 0, 0, 0].as_slice(), ALPHABET].concat();
        assert_eq!(compress(ALPHABET), packed);
        assert_eq!(decompress(&packed, 26).expect("the example"), ALPHABET);
        let (plain, packed) = (b"abc".repeat(100), b"\xff\xff\xff\x1fabc\x17\x00\x0f\xff\x26\x01");
        assert_eq!(compress(&plain), packed);
        assert_eq!(decompress(packed, 300).expect("the example"), plain);
        assert_eq!(decompress(&compress(b""), 0).expect("nothing"), b"");
    }

    #[test]
    fn lengths_of_every_form_and_shared_nibbles() {
        for length in (3..320).chain([65_534, 65_535, 65_536, 70_000, 140_000]) {
            let plain = [vec![b'x'; length], ALPHABET.to_vec(), vec![b'x'; length], vec![b'y'; length]].concat();
            assert_eq!(decompress(&compress(&plain), plain.len()).expect("our own"), plain, "length {length}");
        }
    }

    #[test]
    fn damage_is_an_error() {
        let packed = compress(&b"abc".repeat(100));
        assert!(decompress(&packed, 299).is_err());
        assert!(decompress(&packed, 301).is_err());
        assert!(decompress(&packed[..packed.len() - 1], 300).is_err());
        assert!(decompress(b"\xff\xff\xff\xff\x00\x00", 3).is_err(), "a match before the start");
        assert!(decompress(b"\x00\x00", 0).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn round_trip(bytes in proptest::collection::vec(0u8..6, 0..3000)) {
            prop_assert_eq!(decompress(&compress(&bytes), bytes.len()).expect("our own"), bytes);
        }

        #[test]
        fn round_trip_of_noise(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            prop_assert_eq!(decompress(&compress(&bytes), bytes.len()).expect("our own"), bytes);
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), size in 0usize..70_000) {
            if let Ok(plain) = decompress(&bytes, size) {
                prop_assert_eq!(plain.len(), size);
            }
        }
    }
}
