use mapi_core::property::FileTime;

/// A time of the Gregorian calendar, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Calendar {
    /// Year.
    pub year: u16,
    /// 1 is January.
    pub month: u8,
    /// From 1.
    pub day: u8,
    /// 0 is Sunday.
    pub weekday: u8,
    /// From 0.
    pub hour: u8,
    /// From 0.
    pub minute: u8,
    /// From 0.
    pub second: u8,
}

/// The calendar's name for a time.
pub fn calendar(time: FileTime) -> Calendar {
    let seconds = time.to_unix_seconds();
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Days since 0000-03-01, in eras of 400 years: leap days then end the years.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * day_of_year + 2) / 153;
    let month = if month_index < 10 { month_index + 3 } else { month_index - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let byte = |n: i64| u8::try_from(n).unwrap_or(u8::MAX);
    Calendar {
        year: u16::try_from(year).unwrap_or(u16::MAX),
        month: byte(month),
        day: byte(day_of_year - (153 * month_index + 2) / 5 + 1),
        weekday: byte((days + 4).rem_euclid(7)),
        hour: byte(rest / 3600),
        minute: byte(rest / 60 % 60),
        second: byte(rest % 60),
    }
}
