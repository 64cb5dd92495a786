use chrono::{DateTime, Datelike, Utc};
use mapi_core::property::FileTime;

/// The date-time of RFC 5322 3.3, in UTC. Times beyond the year 9999 have none.
pub(super) fn format(time: FileTime) -> Option<String> {
    let time = DateTime::<Utc>::from_timestamp(time.to_unix_seconds(), 0)?;
    (1601..=9999).contains(&time.year()).then(|| time.format("%a, %d %b %Y %H:%M:%S +0000").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_times() {
        let format = |ticks| format(FileTime(ticks));
        assert_eq!(format(133_487_065_200_000_000).as_deref(), Some("Tue, 02 Jan 2024 22:02:00 +0000"));
        assert_eq!(format(0).as_deref(), Some("Mon, 01 Jan 1601 00:00:00 +0000"));
        assert_eq!(format(u64::MAX), None);
    }
}
