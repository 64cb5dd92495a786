//! KerberosTime: GeneralizedTime in UTC without fractions (RFC 4120 5.2.3), as seconds since 1970.

use std::time::{SystemTime, UNIX_EPOCH};

use super::asn1::GENERALIZED_TIME;
use crate::auth::der::{Der, context, element};

const DAY: u64 = 86_400;
/// The end of the year 9999, after which there are no four digits.
const LAST: u64 = 253_402_300_799;

/// Seconds since 1970, and microseconds. Times before are 1970.
pub(super) fn unix(time: SystemTime) -> (u64, u32) {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    (since.as_secs(), since.subsec_micros())
}

/// `YYYYMMDDhhmmssZ`.
pub(super) fn encode(seconds: u64) -> Vec<u8> {
    let seconds = seconds.min(LAST);
    let (days, rest) = (seconds / DAY, seconds % DAY);
    // Years begin in March here, so that the day that is only sometimes there is the last one.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (rest / 3_600, rest / 60 % 60, rest % 60);
    let text = format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}Z");
    element(GENERALIZED_TIME, text.as_bytes())
}

/// `None` for what is no time, and for times before 1970.
pub(super) fn decode(text: &[u8]) -> Option<u64> {
    let digits: &[u8; 14] = text.strip_suffix(b"Z")?.try_into().ok()?;
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number =
        |from: usize, to: usize| digits[from..to].iter().fold(0u64, |n, digit| n * 10 + u64::from(digit - b'0'));
    let (year, month, day) = (number(0, 4), number(4, 6), number(6, 8));
    let (hour, minute, second) = (number(8, 10), number(10, 12), number(12, 14));
    let sane = year >= 1970 && (1..=12).contains(&month) && (1..=31).contains(&day);
    if !sane || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let shifted_year = year - u64::from(month <= 2);
    let (era, year_of_era) = (shifted_year / 400, shifted_year % 400);
    let shifted_month = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = (era * 146_097 + day_of_era).checked_sub(719_468)?;
    Some(days * DAY + hour * 3_600 + minute * 60 + second)
}

/// The time in a field of a sequence.
pub(super) fn take(fields: &mut Der<'_>, number: u8) -> Option<u64> {
    decode(fields.take_explicit(context(number), GENERALIZED_TIME)?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_times() {
        for (seconds, text) in [
            (0, "19700101000000Z"),
            (951_782_400, "20000229000000Z"),
            (1_700_000_000, "20231114221320Z"),
            (4_107_542_399, "21000228235959Z"),
            (4_107_542_400, "21000301000000Z"),
            (LAST, "99991231235959Z"),
        ] {
            assert_eq!(encode(seconds)[2..], *text.as_bytes());
            assert_eq!(decode(text.as_bytes()), Some(seconds));
        }
        for wrong in ["", "Z", "20231314221320Z", "19691231235959Z", "2023111422132 Z", "20231114221320"] {
            assert_eq!(decode(wrong.as_bytes()), None, "{wrong}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn round_trip(seconds in 0..=LAST) {
            prop_assert_eq!(decode(&encode(seconds)[2..]), Some(seconds));
        }
    }
}
