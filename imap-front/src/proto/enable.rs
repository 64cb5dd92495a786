//! ENABLE (RFC 5161).

use super::request::Request;

/// How many extensions one command may name.
const MAX_NAMES: usize = 64;

/// `1*(SP capability)`, RFC 5161 4: what follows `ENABLE ` up to the line end. The names are in upper case.
pub(super) fn parse(arguments: &[u8]) -> Option<Request> {
    let names: Vec<&[u8]> = arguments.split(|byte| *byte == b' ').collect();
    if names.len() > MAX_NAMES || !names.iter().all(|name| is_atom(name)) {
        return None;
    }
    let upper = |name: &[u8]| String::from_utf8_lossy(name).to_ascii_uppercase();
    Some(Request::Enable(names.into_iter().map(upper).collect()))
}

fn is_atom(name: &[u8]) -> bool {
    let special = |byte: &u8| matches!(byte, b'(' | b')' | b'{' | b'%' | b'*' | b'"' | b'\\' | b']');
    !name.is_empty() && name.iter().all(|byte| byte.is_ascii_graphic() && !special(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answers() {
        let names = |arguments: &str| match parse(arguments.as_bytes()) {
            Some(Request::Enable(names)) => Some(names.join(" ")),
            _ => None,
        };
        assert_eq!(names("condstore X-GOOD-IDEA").as_deref(), Some("CONDSTORE X-GOOD-IDEA"));
        assert_eq!(names("UTF8=ACCEPT").as_deref(), Some("UTF8=ACCEPT"));
        for bad in ["", "a  b", "a (b)", "\"a\"", "{1}\r\na", &["a"; 65].join(" ")] {
            assert_eq!(names(bad), None, "{bad}");
        }
    }
}
