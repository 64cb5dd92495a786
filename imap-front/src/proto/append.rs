//! APPEND's message, which is large and needs no understanding, is kept away from the parser.

use super::quirk::{literal_length, quoted_length};
use super::tag::tag_of;

/// Whether a command, or its beginning up to a line end, is APPEND.
pub(crate) fn is_append(command: &[u8]) -> bool {
    let Some(tag) = tag_of(command) else { return false };
    let rest = command.get(tag.len()..).unwrap_or_default().trim_ascii_start();
    rest.get(..7).is_some_and(|verb| verb.eq_ignore_ascii_case(b"APPEND "))
}

/// Splits a whole APPEND command into one that has a single byte instead of the message, and the message.
pub(super) fn split(command: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut at = 0;
    let mut last = None;
    while let Some(rest) = command.get(at..).filter(|rest| !rest.is_empty()) {
        let length = match rest.first() {
            Some(b'"') => quoted_length(rest),
            Some(b'{') => literal_length(rest),
            _ => 1,
        };
        if length > 1 && rest.starts_with(b"{") {
            last = Some((at, at.saturating_add(length)));
        }
        at = at.saturating_add(length.max(1));
    }
    let (start, end) = last?;
    if command.get(end..) != Some(b"\r\n") {
        return None;
    }
    let literal = command.get(start..end)?;
    let header = literal.windows(3).position(|window| window == b"}\r\n")? + 3;
    let mut head = command.get(..start)?.to_vec();
    pad_day(&mut head);
    head.extend_from_slice(b"{1}\r\nx\r\n");
    Some((head, literal.get(header..)?))
}

/// Some clients leave out the space before a day of one digit (`date-day-fixed`).
fn pad_day(head: &mut Vec<u8>) {
    // `"d-mon-yyyy hh:mm:ss +zzzz" `
    let Some(start) = head.trim_ascii_end().len().checked_sub(27) else { return };
    if let Some([b'"', day, b'-', ..]) = head.get(start..)
        && day.is_ascii_digit()
    {
        head.insert(start + 1, b' ');
    }
}
