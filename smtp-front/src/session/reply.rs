//! Replies, and the one place where errors become them.

use std::borrow::Cow;

use crate::command::CommandError;
use crate::submit::SubmitError;

/// The longest text taken from a backend, in bytes; RFC 5321 4.5.3.1.5 allows 512 for the line.
const MAX_TEXT: usize = 400;

/// A reply of one line: code, enhanced status code (RFC 2034, RFC 3463) and text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    code: u16,
    status: &'static str,
    text: Cow<'static, str>,
}

impl Reply {
    pub(super) fn new(code: u16, status: &'static str, text: impl Into<Cow<'static, str>>) -> Self {
        Self { code, status, text: text.into() }
    }

    /// Without a status code: greetings, challenges and `354` have none (RFC 2034 3).
    pub(super) fn bare(code: u16, text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(code, "", text)
    }

    pub(super) fn code(&self) -> u16 {
        self.code
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let separator = if self.status.is_empty() { "" } else { " " };
        let line = format!("{} {}{separator}{}\r\n", self.code, self.status, printable(&self.text));
        out.extend_from_slice(line.as_bytes());
    }

    /// The message is over the limit.
    pub(super) fn too_big() -> Self {
        Self::new(552, "5.3.4", "Message is larger than this server takes")
    }

    /// An address outside ASCII without SMTPUTF8 (RFC 6531 3.5).
    pub(super) fn non_ascii() -> Self {
        Self::new(553, "5.6.7", "Addresses outside ASCII need SMTPUTF8")
    }

    /// A command that could not be read.
    pub(super) fn command_refused(error: CommandError) -> Self {
        let (code, status) = match error {
            CommandError::Unknown => (500, "5.5.1"),
            CommandError::NotImplemented => (502, "5.5.1"),
            CommandError::OtherProtocol => (421, "4.7.0"),
            CommandError::Characters => (500, "5.5.2"),
            CommandError::Arguments(_) | CommandError::BadParameter(_) => (501, "5.5.4"),
            CommandError::Sender => (501, "5.1.7"),
            CommandError::Recipient => (501, "5.1.3"),
            CommandError::ChunkSize => (501, "5.5.4"),
            CommandError::UnknownParameter => (555, "5.5.4"),
        };
        Self::new(code, status, error.to_string())
    }

    /// A login that failed: wrong credentials, or anything else, which is worth another try later (RFC 4954 4, 6).
    pub(super) fn login_failed(error: &SubmitError) -> Self {
        match error {
            SubmitError::AuthenticationFailed => Self::new(535, "5.7.8", error.to_string()),
            _ => Self::new(454, "4.7.0", error.to_string()),
        }
    }

    /// A message that was not taken.
    pub(super) fn submit_failed(error: &SubmitError) -> Self {
        let (code, status) = match error {
            SubmitError::AuthenticationFailed => (535, "5.7.8"),
            SubmitError::AuthenticationRequired => (530, "5.7.0"),
            SubmitError::RateLimited(_) => (450, "4.7.1"),
            SubmitError::NoSpace(_) => (452, "4.3.1"),
            SubmitError::Unavailable(_) => (451, "4.4.1"),
            SubmitError::Busy(_) => (451, "4.3.2"),
            SubmitError::OutcomeUnknown(_) => (451, "4.4.2"),
            SubmitError::OverQuota(_) => (552, "5.2.2"),
            SubmitError::TooBig(_) => (552, "5.3.4"),
            SubmitError::SenderDenied(_) => (550, "5.7.60"),
            SubmitError::RecipientDenied(_) => (550, "5.7.1"),
            SubmitError::RecipientRefused(_) => (550, "5.1.1"),
            SubmitError::TooManyRecipients(_) => (452, "4.5.3"),
            SubmitError::BadContent(_) => (554, "5.6.0"),
            SubmitError::Refused(_) => (554, "5.0.0"),
            SubmitError::Internal(_) => (451, "4.3.0"),
        };
        Self::new(code, status, error.to_string())
    }
}

/// A reply of several lines without status codes, as EHLO has it (RFC 5321 4.2.1).
pub(super) fn write_lines(out: &mut Vec<u8>, code: u16, lines: &[String]) {
    for (at, line) in lines.iter().enumerate() {
        let separator = if at + 1 == lines.len() { ' ' } else { '-' };
        out.extend_from_slice(format!("{code}{separator}{}\r\n", printable(line)).as_bytes());
    }
}

/// Text as a reply can carry it: one line of bounded length in ASCII (RFC 5321 4.2 `textstring`).
fn printable(text: &str) -> String {
    let letter = |letter: char| match letter {
        ' '..='~' => letter,
        _ if letter.is_whitespace() || letter.is_control() => ' ',
        _ => '?',
    };
    text.chars().take(MAX_TEXT).map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(reply: &Reply) -> String {
        let mut out = Vec::new();
        reply.write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn backend_errors_become_the_documented_codes() {
        let text = || "why".to_owned();
        for (error, submit, login) in [
            (SubmitError::AuthenticationFailed, "535 5.7.8", "535 5.7.8"),
            (SubmitError::AuthenticationRequired, "530 5.7.0", "454 4.7.0"),
            (SubmitError::RateLimited(text()), "450 4.7.1", "454 4.7.0"),
            (SubmitError::NoSpace(text()), "452 4.3.1", "454 4.7.0"),
            (SubmitError::RecipientDenied(text()), "550 5.7.1", "454 4.7.0"),
            (SubmitError::Unavailable(text()), "451 4.4.1", "454 4.7.0"),
            (SubmitError::Busy(text()), "451 4.3.2", "454 4.7.0"),
            (SubmitError::OutcomeUnknown(text()), "451 4.4.2", "454 4.7.0"),
            (SubmitError::OverQuota(text()), "552 5.2.2", "454 4.7.0"),
            (SubmitError::TooBig(text()), "552 5.3.4", "454 4.7.0"),
            (SubmitError::SenderDenied(text()), "550 5.7.60", "454 4.7.0"),
            (SubmitError::RecipientRefused(text()), "550 5.1.1", "454 4.7.0"),
            (SubmitError::BadContent(text()), "554 5.6.0", "454 4.7.0"),
            (SubmitError::Refused(text()), "554 5.0.0", "454 4.7.0"),
            (SubmitError::Internal(text()), "451 4.3.0", "454 4.7.0"),
        ] {
            assert_eq!(written(&Reply::submit_failed(&error)), format!("{submit} {error}\r\n"));
            assert_eq!(written(&Reply::login_failed(&error)), format!("{login} {error}\r\n"));
        }
    }

    #[test]
    fn texts_cannot_forge_replies() {
        let error = SubmitError::Refused(format!("a\r\n250 b\0é{}", "x".repeat(1000)));
        let line = written(&Reply::submit_failed(&error));
        assert!(line.starts_with("554 5.0.0 a  250 b ?xxx") && line.len() < 512);
        assert_eq!(line.matches('\n').count(), 1);
    }
}
