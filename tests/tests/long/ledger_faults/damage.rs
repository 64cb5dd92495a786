use std::path::Path;

/// Of a database's pages.
const PAGE: u64 = 4096;

/// Numbers that look random and are the same each time (splitmix64).
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// Others for each seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// One below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % end.max(1)
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).unwrap_or(0)
    }
}

/// Damages a file as storage does. Tells how.
pub fn damage(path: &Path, dice: &mut Dice) -> String {
    let mut bytes = std::fs::read(path).expect("the file of a ledger");
    let length = bytes.len() as u64;
    let used: Vec<u64> =
        (0..length / PAGE).filter(|page| page_of(&bytes, *page).iter().any(|byte| *byte != 0)).collect();
    let page = used[usize::try_from(dice.below(used.len() as u64)).unwrap_or(0)];
    // Where something is, and often in the header.
    let at = if dice.below(8) == 0 { dice.below(320) } else { page * PAGE + dice.below(PAGE) };
    let at = usize::try_from(at).unwrap_or(0).min(bytes.len() - 1);
    let (first, page_bytes) = (usize::try_from(page * PAGE).unwrap_or(0), usize::try_from(PAGE).unwrap_or(0));
    let how = match dice.below(8) {
        0..=2 => {
            let bit = dice.below(8);
            bytes[at] ^= 1 << bit;
            format!("bit {bit} of byte {at} flipped")
        }
        3 => {
            let count = 1 + usize::try_from(dice.below(64)).unwrap_or(0);
            bytes.iter_mut().skip(at).take(count).for_each(|byte| *byte = dice.byte());
            format!("{count} bytes at {at} overwritten")
        }
        4 => {
            bytes[first..first + page_bytes].fill(0);
            format!("page {page} zeroed")
        }
        5 => {
            let other = used[usize::try_from(dice.below(used.len() as u64)).unwrap_or(0)];
            let copy = page_of(&bytes, other).to_vec();
            bytes[first..first + page_bytes].copy_from_slice(&copy);
            format!("page {page} has the bytes of page {other}")
        }
        6 => {
            let kept = usize::try_from(dice.below(length)).unwrap_or(0);
            bytes.truncate(kept);
            format!("cut off at {kept}")
        }
        _ => {
            bytes[first..first + page_bytes].iter_mut().for_each(|byte| *byte = dice.byte());
            format!("page {page} overwritten")
        }
    };
    std::fs::write(path, bytes).expect("written");
    how
}

fn page_of(bytes: &[u8], page: u64) -> &[u8] {
    let first = usize::try_from(page * PAGE).unwrap_or(0);
    &bytes[first..first + usize::try_from(PAGE).unwrap_or(0)]
}
