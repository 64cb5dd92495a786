//! AUTHENTICATE: its response is not decoded here, as those that come in lines of their own are not.

use secrecy::SecretString;

use super::request::Request;

/// `auth-type [SP initial-resp]`, RFC 9051 6.2.2: what follows `AUTHENTICATE ` up to the line end.
pub(super) fn parse(arguments: &[u8]) -> Option<Request> {
    let arguments = std::str::from_utf8(arguments).ok()?;
    let (mechanism, initial) = match arguments.split_once(' ') {
        Some((mechanism, initial)) => (mechanism, Some(initial)),
        None => (arguments, None),
    };
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_word(mechanism) || !initial.is_none_or(is_word) {
        return None;
    }
    Some(Request::Authenticate { mechanism: mechanism.to_owned(), initial: initial.map(SecretString::from) })
}
