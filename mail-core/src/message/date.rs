use mail_parser::HeaderValue;
use mail_parser::parsers::MessageStream;

use super::encoded_word::terminated;

/// A date and time (RFC 5322 3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Date {
    /// The year in its own time zone.
    pub year: u16,
    /// The month, January being 1.
    pub month: u8,
    /// The day of the month.
    pub day: u8,
    /// Seconds since 1970-01-01 UTC; `None` if there is no such day or time.
    pub unix_seconds: Option<i64>,
}

impl Date {
    /// The date that a value says, if it says one.
    pub(super) fn parse(value: &[u8]) -> Option<Self> {
        let value = terminated(value);
        let HeaderValue::DateTime(date) = MessageStream::new(value.as_bytes()).parse_date() else { return None };
        let unix_seconds = date.is_valid().then(|| date.to_timestamp());
        Some(Self { year: date.year, month: date.month, day: date.day, unix_seconds })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answers() {
        let date = Date { year: 2024, month: 1, day: 2, unix_seconds: Some(1_704_232_920) };
        assert_eq!(Date::parse(b" Tue, 2 Jan 2024\r\n 17:02:00 -0500 (EST)\r\n"), Some(date));
        assert_eq!(Date::parse(b"2 Jan 2024 27:02:00 -0500"), Some(Date { unix_seconds: None, ..date }));
        assert_eq!(Date::parse(b"yesterday"), None);
    }
}
