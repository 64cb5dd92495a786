//! SEARCH by flags that are no keywords: `KEYWORD \Forwarded`. The grammar has it not (`flag-keyword`, RFC 3501 9), but
//! clients look for flags as FETCH and STORE name them.

use zeroize::Zeroizing;

use super::quirk::{literal_length, quoted_length};

/// The keys that mean the flags which keys name, first where the flag is set, then where it is not.
const KEYS: [(&str, &str, &str); 6] = [
    ("Answered", "ANSWERED", "UNANSWERED"),
    ("Deleted", "DELETED", "UNDELETED"),
    ("Draft", "DRAFT", "UNDRAFT"),
    ("Flagged", "FLAGGED", "UNFLAGGED"),
    ("Recent", "RECENT", "OLD"),
    ("Seen", "SEEN", "UNSEEN"),
];
/// The same for flags that no message can have.
const NEVER: (&str, &str) = ("NOT ALL", "ALL");

/// SEARCH with such keys replaced by those that mean the same.
pub(super) fn replace(command: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut output = Zeroizing::new(Vec::with_capacity(command.len()));
    let mut rest = command;
    while let Some(first) = rest.first() {
        let begins = matches!(output.last(), Some(b' ' | b'('));
        if let Some((key, after)) = begins.then(|| flag_key(rest)).flatten() {
            output.extend_from_slice(key.as_bytes());
            rest = after;
            continue;
        }
        let taken = match first {
            b'"' => quoted_length(rest),
            b'{' => literal_length(rest),
            _ => 1,
        };
        let (copied, after) = rest.split_at(taken.clamp(1, rest.len()));
        output.extend_from_slice(copied);
        rest = after;
    }
    output
}

/// The key for `KEYWORD \flag` or `UNKEYWORD \flag` at the start of a text, and what follows it there.
fn flag_key(text: &[u8]) -> Option<(&'static str, &[u8])> {
    let after = |word: &[u8]| {
        let (first, rest) = text.split_at_checked(word.len())?;
        first.eq_ignore_ascii_case(word).then_some(rest)
    };
    let (is_set, flag) = match after(b"KEYWORD \\") {
        Some(flag) => (true, flag),
        None => (false, after(b"UNKEYWORD \\")?),
    };
    let is_end = |byte: &u8| matches!(byte, b' ' | b')' | b'\r');
    let (flag, rest) = flag.split_at(flag.iter().position(is_end)?);
    let is_it = |(name, ..): &&(&str, &str, &str)| flag.eq_ignore_ascii_case(name.as_bytes());
    let (set, unset) = KEYS.iter().find(is_it).map_or(NEVER, |(_, set, unset)| (*set, *unset));
    (!flag.is_empty()).then_some((if is_set { set } else { unset }, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answers() {
        for (command, expected) in [
            ("a SEARCH KEYWORD \\seen\r\n", "a SEARCH SEEN\r\n"),
            ("a SEARCH NOT UNKEYWORD \\Recent 1\r\n", "a SEARCH NOT OLD 1\r\n"),
            ("a SEARCH (keyword \\Junk)\r\n", "a SEARCH (NOT ALL)\r\n"),
            ("a SEARCH OR UNKEYWORD \\Junk ALL\r\n", "a SEARCH OR ALL ALL\r\n"),
            ("a SEARCH KEYWORD Seen\r\n", "a SEARCH KEYWORD Seen\r\n"),
            ("a SEARCH KEYWORD \\\r\n", "a SEARCH KEYWORD \\\r\n"),
            (
                "a SEARCH BODY \" KEYWORD \\Seen\" TEXT {15}\r\n KEYWORD \\Seen \r\n",
                "a SEARCH BODY \" KEYWORD \\Seen\" TEXT {15}\r\n KEYWORD \\Seen \r\n",
            ),
        ] {
            assert_eq!(replace(command.as_bytes()).as_slice(), expected.as_bytes(), "{command}");
        }
    }
}
