use super::CommandError;
use crate::submit::{Notify, Return};

/// The longest `ENVID=` in bytes (RFC 3461 4.4).
const MAX_ENVELOPE_ID: usize = 100;
/// The longest `ORCPT=` in bytes (RFC 3461 4.2).
const MAX_ORIGINAL: usize = 500;

/// The parameters of MAIL FROM (RFC 5321 4.1.2 `Mail-parameters`) that mean something here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MailParameters {
    /// `SIZE=`: the message's size in bytes as the client estimates it (RFC 1870).
    pub size: Option<u64>,
    /// `BODY=8BITMIME` (RFC 6152). Content is taken as it is either way.
    pub eight_bit: bool,
    /// `SMTPUTF8` (RFC 6531 3.4).
    pub utf8: bool,
    /// `RET=` (RFC 3461 4.3).
    pub ret: Option<Return>,
    /// `ENVID=` as it came (RFC 3461 4.4).
    pub envelope_id: Option<String>,
}

/// The parameters of RCPT TO (RFC 5321 4.1.2 `Rcpt-parameters`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RcptParameters {
    /// `NOTIFY=` (RFC 3461 4.1).
    pub notify: Option<Notify>,
    /// `ORCPT=` as it came (RFC 3461 4.2).
    pub original: Option<String>,
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
                once("SIZE", &mut parameters.size, parse_size(value))?;
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
            } else if name.eq_ignore_ascii_case("SMTPUTF8") {
                if std::mem::replace(&mut parameters.utf8, true) || word.contains('=') {
                    return Err(CommandError::BadParameter("SMTPUTF8"));
                }
            } else if name.eq_ignore_ascii_case("RET") {
                once("RET", &mut parameters.ret, parse_return(value))?;
            } else if name.eq_ignore_ascii_case("ENVID") {
                let valid = value.len() <= MAX_ENVELOPE_ID && is_xtext(value, false);
                once("ENVID", &mut parameters.envelope_id, valid.then(|| value.to_owned()))?;
            } else {
                return Err(CommandError::UnknownParameter);
            }
        }
        Ok(parameters)
    }
}

impl RcptParameters {
    /// Reads the words after the address.
    ///
    /// # Errors
    /// [`CommandError::UnknownParameter`], [`CommandError::BadParameter`].
    pub(super) fn parse(text: &str) -> Result<Self, CommandError> {
        let mut parameters = Self::default();
        for word in text.split_ascii_whitespace() {
            let (name, value) = word.split_once('=').unwrap_or((word, ""));
            if name.eq_ignore_ascii_case("NOTIFY") {
                once("NOTIFY", &mut parameters.notify, parse_notify(value))?;
            } else if name.eq_ignore_ascii_case("ORCPT") {
                let original = (value.len() <= MAX_ORIGINAL && is_original(value)).then(|| value.to_owned());
                once("ORCPT", &mut parameters.original, original)?;
            } else {
                return Err(CommandError::UnknownParameter);
            }
        }
        Ok(parameters)
    }
}

/// Sets a parameter that may be given once, to a value that must be good.
fn once<T>(name: &'static str, slot: &mut Option<T>, value: Option<T>) -> Result<(), CommandError> {
    let value = value.ok_or(CommandError::BadParameter(name))?;
    if slot.replace(value).is_some() { Err(CommandError::BadParameter(name)) } else { Ok(()) }
}

/// RFC 1870 3: 1 to 20 digits. What overflows is larger than any limit, so it saturates.
fn parse_size(value: &str) -> Option<u64> {
    let valid = (1..=20).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_digit());
    valid.then(|| value.parse().unwrap_or(u64::MAX))
}

fn parse_return(value: &str) -> Option<Return> {
    if value.eq_ignore_ascii_case("FULL") {
        Some(Return::Full)
    } else {
        value.eq_ignore_ascii_case("HDRS").then_some(Return::Headers)
    }
}

/// `"NEVER" / 1#notify-list-element`, RFC 3461 4.1.
fn parse_notify(value: &str) -> Option<Notify> {
    let mut notify = Notify::default();
    if value.eq_ignore_ascii_case("NEVER") {
        return Some(notify);
    }
    for word in value.split(',') {
        let flag = match word.to_ascii_uppercase().as_str() {
            "SUCCESS" => &mut notify.success,
            "FAILURE" => &mut notify.failure,
            "DELAY" => &mut notify.delay,
            _ => return None,
        };
        if std::mem::replace(flag, true) {
            return None;
        }
    }
    Some(notify)
}

/// `addr-type ";" xtext`, RFC 3461 4.2; of the type `utf-8` with letters outside ASCII (RFC 6533 3).
fn is_original(value: &str) -> bool {
    let Some((kind, address)) = value.split_once(';') else { return false };
    let atom = !kind.is_empty() && kind.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    atom && is_xtext(address, kind.eq_ignore_ascii_case("utf-8"))
}

/// `xtext = *( xchar / hexchar )`, RFC 3461 4, at least one.
fn is_xtext(text: &str, utf8: bool) -> bool {
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        let hex = |letter: Option<char>| letter.is_some_and(|letter| matches!(letter, '0'..='9' | 'A'..='F'));
        let good = match letter {
            '+' => hex(letters.next()) && hex(letters.next()),
            '=' => false,
            '!'..='~' => true,
            letter => utf8 && !letter.is_ascii() && !letter.is_control(),
        };
        if !good {
            return false;
        }
    }
    !text.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_is_offered() {
        let expected = MailParameters { size: Some(1200), eight_bit: true, ..MailParameters::default() };
        assert_eq!(MailParameters::parse(" size=1200  body=8bitmime AUTH=<>"), Ok(expected));
        assert_eq!(MailParameters::parse(""), Ok(MailParameters::default()));
        let huge = MailParameters { size: Some(u64::MAX), ..MailParameters::default() };
        assert_eq!(MailParameters::parse("SIZE=99999999999999999999"), Ok(huge));
        let report = MailParameters {
            utf8: true,
            ret: Some(Return::Headers),
            envelope_id: Some("QQ3+2B14159".to_owned()),
            ..MailParameters::default()
        };
        assert_eq!(MailParameters::parse("SmtpUtf8 RET=hdrs ENVID=QQ3+2B14159"), Ok(report));

        let notify = Notify { success: true, failure: true, delay: false };
        let expected = RcptParameters { notify: Some(notify), original: Some("rfc822;a+2Bb@c".to_owned()) };
        assert_eq!(RcptParameters::parse(" NOTIFY=success,FAILURE ORCPT=rfc822;a+2Bb@c"), Ok(expected));
        let never = RcptParameters { notify: Some(Notify::default()), original: None };
        assert_eq!(RcptParameters::parse("notify=never"), Ok(never));
        assert_eq!(RcptParameters::parse("ORCPT=utf-8;jürgen@b").map(|read| read.original.is_some()), Ok(true));
        assert_eq!(RcptParameters::parse(""), Ok(RcptParameters::default()));
    }

    #[test]
    fn refuses_the_rest() {
        let long = format!("ENVID={}", "x".repeat(101));
        for (text, error) in [
            ("SIZE=", CommandError::BadParameter("SIZE")),
            ("SIZE=-1", CommandError::BadParameter("SIZE")),
            ("SIZE=1 SIZE=2", CommandError::BadParameter("SIZE")),
            ("SIZE=999999999999999999999", CommandError::BadParameter("SIZE")),
            ("BODY=BINARYMIME", CommandError::BadParameter("BODY")),
            ("BODY=7BIT BODY=7BIT", CommandError::BadParameter("BODY")),
            ("AUTH=", CommandError::BadParameter("AUTH")),
            ("SMTPUTF8=yes", CommandError::BadParameter("SMTPUTF8")),
            ("SMTPUTF8 SMTPUTF8", CommandError::BadParameter("SMTPUTF8")),
            ("RET=ALL", CommandError::BadParameter("RET")),
            ("RET=FULL RET=FULL", CommandError::BadParameter("RET")),
            ("ENVID=", CommandError::BadParameter("ENVID")),
            ("ENVID=a+2", CommandError::BadParameter("ENVID")),
            ("ENVID=a+2b", CommandError::BadParameter("ENVID")),
            ("ENVID=a=b", CommandError::BadParameter("ENVID")),
            (&long, CommandError::BadParameter("ENVID")),
            ("MT-PRIORITY=3", CommandError::UnknownParameter),
        ] {
            assert_eq!(MailParameters::parse(text), Err(error), "{text}");
        }
        for (text, error) in [
            ("NOTIFY=", CommandError::BadParameter("NOTIFY")),
            ("NOTIFY=NEVER,SUCCESS", CommandError::BadParameter("NOTIFY")),
            ("NOTIFY=SUCCESS,SUCCESS", CommandError::BadParameter("NOTIFY")),
            ("NOTIFY=NEVER NOTIFY=NEVER", CommandError::BadParameter("NOTIFY")),
            ("ORCPT=a@b", CommandError::BadParameter("ORCPT")),
            ("ORCPT=;a@b", CommandError::BadParameter("ORCPT")),
            ("ORCPT=rfc822;", CommandError::BadParameter("ORCPT")),
            ("ORCPT=rfc822;jürgen@b", CommandError::BadParameter("ORCPT")),
            ("SIZE=3", CommandError::UnknownParameter),
        ] {
            assert_eq!(RcptParameters::parse(text), Err(error), "{text}");
        }
    }
}
