use super::CommandError;

/// The parameters of MAIL FROM (RFC 5321 4.1.2 `Mail-parameters`) that mean something here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MailParameters {
    /// `SIZE=`: the message's size in bytes as the client estimates it (RFC 1870).
    pub size: Option<u64>,
    /// `BODY=8BITMIME` (RFC 6152). Content is taken as it is either way.
    pub eight_bit: bool,
}

impl MailParameters {
    /// Reads the words after the address.
    ///
    /// # Errors
    /// [`CommandError::UnknownParameter`], [`CommandError::BadParameter`].
    pub(super) fn parse(text: &str) -> Result<Self, CommandError> {
        let mut parameters = Self::default();
        let (mut body_seen, mut auth_seen) = (false, false);
        for word in text.split_ascii_whitespace() {
            let (name, value) = word.split_once('=').unwrap_or((word, ""));
            if name.eq_ignore_ascii_case("SIZE") {
                let size = parse_size(value).ok_or(CommandError::BadParameter("SIZE"))?;
                if parameters.size.replace(size).is_some() {
                    return Err(CommandError::BadParameter("SIZE"));
                }
            } else if name.eq_ignore_ascii_case("BODY") {
                let eight_bit = value.eq_ignore_ascii_case("8BITMIME");
                if std::mem::replace(&mut body_seen, true) || !(eight_bit || value.eq_ignore_ascii_case("7BIT")) {
                    return Err(CommandError::BadParameter("BODY"));
                }
                parameters.eight_bit = eight_bit;
            } else if name.eq_ignore_ascii_case("AUTH") {
                // RFC 4954 5: whoever vouches for another sender is not trusted here, so the value means nothing.
                if std::mem::replace(&mut auth_seen, true) || value.is_empty() {
                    return Err(CommandError::BadParameter("AUTH"));
                }
            } else {
                return Err(CommandError::UnknownParameter);
            }
        }
        Ok(parameters)
    }
}

/// RFC 1870 3: 1 to 20 digits. What overflows is larger than any limit, so it saturates.
fn parse_size(value: &str) -> Option<u64> {
    let valid = (1..=20).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_digit());
    valid.then(|| value.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_is_offered() {
        let expected = MailParameters { size: Some(1200), eight_bit: true };
        assert_eq!(MailParameters::parse(" size=1200  body=8bitmime AUTH=<>"), Ok(expected));
        assert_eq!(MailParameters::parse(""), Ok(MailParameters::default()));
        let huge = MailParameters { size: Some(u64::MAX), eight_bit: false };
        assert_eq!(MailParameters::parse("SIZE=99999999999999999999"), Ok(huge));
    }

    #[test]
    fn refuses_the_rest() {
        for (text, error) in [
            ("SIZE=", CommandError::BadParameter("SIZE")),
            ("SIZE=-1", CommandError::BadParameter("SIZE")),
            ("SIZE=1 SIZE=2", CommandError::BadParameter("SIZE")),
            ("SIZE=999999999999999999999", CommandError::BadParameter("SIZE")),
            ("BODY=BINARYMIME", CommandError::BadParameter("BODY")),
            ("BODY=7BIT BODY=7BIT", CommandError::BadParameter("BODY")),
            ("AUTH=", CommandError::BadParameter("AUTH")),
            ("SMTPUTF8", CommandError::UnknownParameter),
            ("RET=HDRS", CommandError::UnknownParameter),
        ] {
            assert_eq!(MailParameters::parse(text), Err(error), "{text}");
        }
    }
}
