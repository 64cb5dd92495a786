/// A PtypTime value: 100 ns units since 1601-01-01 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct FileTime(pub u64);

impl FileTime {
    const UNIX_EPOCH_SECONDS: i64 = 11_644_473_600;

    /// The time `seconds` after 1970-01-01 UTC; times before 1601 become 1601.
    pub fn from_unix_seconds(seconds: i64) -> Self {
        let seconds = u64::try_from(seconds.saturating_add(Self::UNIX_EPOCH_SECONDS)).unwrap_or(0);
        Self(seconds.saturating_mul(10_000_000))
    }

    /// Whole seconds since 1970-01-01 UTC (negative before).
    pub fn to_unix_seconds(self) -> i64 {
        i64::try_from(self.0 / 10_000_000).unwrap_or(i64::MAX).saturating_sub(Self::UNIX_EPOCH_SECONDS)
    }
}
