//! Values with parameters as their writers meant them ([`Reading::Lenient`](super::Reading::Lenient)).

use super::parameters::Parameterized;

/// The parameters that can begin without a semicolon before them.
const NAMES: [&[u8]; 13] = [
    b"boundary",
    b"charset",
    b"delsp",
    b"filename",
    b"format",
    b"method",
    b"micalg",
    b"name",
    b"protocol",
    b"report-type",
    b"size",
    b"start",
    b"type",
];

/// A comment that is longer is none; and so far it is looked for the name of a parameter.
const MAX_COMMENT: usize = 1 << 10;
const MAX_NAME: usize = 64;

/// Parses an unfolded value; anything is accepted. In unquoted values parentheses and spaces are kept, a parameter that is known
/// begins also behind a comma or a space, and quotes may lack their end.
pub(super) fn parameterized(value: &[u8]) -> Parameterized {
    let (first, mut rest) = first_words(value);
    let mut parameters = Vec::new();
    while let Some((name, after)) = next_name(rest) {
        let (value, after) = parameter_value(after, name);
        parameters.push((name.to_vec(), value));
        rest = after;
    }
    Parameterized::of(first, parameters)
}

/// What stands before the parameters, without comments and quotes, and the rest.
fn first_words(value: &[u8]) -> (Vec<u8>, &[u8]) {
    let mut first = Vec::new();
    if known_name(value).is_some() {
        return (first, value);
    }
    let mut at = 0;
    while let Some(&byte) = value.get(at) {
        let rest = value.get(at..).unwrap_or_default();
        match byte {
            b';' => break,
            b',' | b' ' | b'\t' if known_name(rest.get(1..).unwrap_or_default()).is_some() => break,
            b'(' => match comment_length(rest) {
                Some(length) => {
                    at += length;
                    continue;
                }
                None => first.push(byte),
            },
            b'"' => {}
            byte => first.push(byte),
        }
        at += 1;
    }
    (first.trim_ascii().to_vec(), value.get(at..).unwrap_or_default())
}

/// The next parameter's name, and what follows its equals sign.
fn next_name(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut rest = rest;
    loop {
        rest = trim_start(rest, |byte| matches!(byte, b';' | b',' | b' ' | b'\t'));
        if let Some(length) = comment_length(rest) {
            rest = rest.get(length..)?;
            continue;
        }
        let end = rest.iter().position(|byte| matches!(byte, b'=' | b';'))?;
        let (name, after) = rest.split_at(end);
        if after.starts_with(b"=") && !name.trim_ascii().is_empty() {
            return Some((name.trim_ascii(), after.get(1..)?));
        }
        rest = after.get(1..)?;
    }
}

/// A parameter's value, and what follows it.
fn parameter_value<'a>(rest: &'a [u8], name: &[u8]) -> (Vec<u8>, &'a [u8]) {
    let rest = rest.trim_ascii_start();
    match rest.strip_prefix(b"\"") {
        Some(quoted) => quoted_value(quoted),
        None => plain_value(rest, name),
    }
}

/// Up to the closing quotes; if there are none, up to the next semicolon.
fn quoted_value(quoted: &[u8]) -> (Vec<u8>, &[u8]) {
    let mut value = Vec::new();
    let mut bytes = quoted.iter().copied().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => return (value, quoted.get(at + 1..).unwrap_or_default()),
            b'\\' => value.extend(bytes.next().map(|(_, byte)| byte)),
            byte => value.push(byte),
        }
    }
    let end = quoted.iter().position(|byte| *byte == b';').unwrap_or(quoted.len());
    let (value, rest) = quoted.split_at(end);
    (value.trim_ascii().to_vec(), rest)
}

/// Up to a semicolon or the next parameter. What stands in parentheses is a comment, but in names of files.
fn plain_value<'a>(rest: &'a [u8], name: &[u8]) -> (Vec<u8>, &'a [u8]) {
    let base = name.split(|byte| *byte == b'*').next().unwrap_or_default();
    let is_file = base.eq_ignore_ascii_case(b"filename") || base.eq_ignore_ascii_case(b"name");
    let mut value = Vec::new();
    let mut at = 0;
    while let Some(&byte) = rest.get(at) {
        let here = rest.get(at..).unwrap_or_default();
        match byte {
            b';' => break,
            b',' | b' ' | b'\t' if known_name(here.get(1..).unwrap_or_default()).is_some() => break,
            b'(' if !is_file => match comment_length(here) {
                Some(length) => {
                    at += length;
                    continue;
                }
                None => value.push(byte),
            },
            byte => value.push(byte),
        }
        at += 1;
    }
    let value = value.trim_ascii();
    // Quotes of which only the last is there.
    let value = value.strip_suffix(b"\"").filter(|value| !value.contains(&b'"')).unwrap_or(value);
    (value.to_vec(), rest.get(at..).unwrap_or_default())
}

/// The known parameter that begins here, if its equals sign follows.
fn known_name(rest: &[u8]) -> Option<&[u8]> {
    let rest = rest.get(..MAX_NAME).unwrap_or(rest);
    let rest = trim_start(rest, |byte| matches!(byte, b' ' | b'\t'));
    let length = rest.iter().position(|byte| !(byte.is_ascii_alphabetic() || *byte == b'-'))?;
    let (name, after) = rest.split_at(length);
    let known = NAMES.iter().any(|known| known.eq_ignore_ascii_case(name));
    // `name*0*=`
    let after = trim_start(after, |byte| byte == b'*' || byte.is_ascii_digit());
    let is_assigned = trim_start(after, |byte| matches!(byte, b' ' | b'\t')).starts_with(b"=");
    (known && is_assigned).then_some(name)
}

/// The length of the comment that begins here, if it has an end (RFC 5322 3.2.2).
fn comment_length(rest: &[u8]) -> Option<usize> {
    if !rest.starts_with(b"(") {
        return None;
    }
    let rest = rest.get(..MAX_COMMENT).unwrap_or(rest);
    let (mut depth, mut escaped) = (0_u32, false);
    let end = rest.iter().position(|byte| {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => {}
        }
        depth == 0
    })?;
    Some(end + 1)
}

fn trim_start(rest: &[u8], skipped: impl Fn(u8) -> bool) -> &[u8] {
    let start = rest.iter().position(|byte| !skipped(*byte)).unwrap_or(rest.len());
    rest.get(start..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(value: &str) -> String {
        let parsed = parameterized(value.as_bytes());
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let parameters = parsed.parameters.iter().map(|(name, value)| format!(";{}={}", text(name), text(value)));
        text(&parsed.value) + &parameters.collect::<String>()
    }

    #[test]
    fn what_was_meant() {
        for (value, expected) in [
            // As the standards have it.
            ("text/plain; charset=\"a;\\\"b\"; format=flowed", "text/plain;charset=a;\"b;format=flowed"),
            ("text/plain (c;d=e) ; charset=us-ascii (x); x=y", "text/plain;charset=us-ascii;x=y"),
            ("attachment", "attachment"),
            ("", ""),
            // Names of files with parentheses and spaces.
            ("attachment; filename=report (1).pdf", "attachment;filename=report (1).pdf"),
            ("a/b; name=E(E)E.pdf", "a/b;name=E(E)E.pdf"),
            ("a; filename=foo(bar.pdf; size=9", "a;filename=foo(bar.pdf;size=9"),
            (
                "a; filename*0*=utf-8''XX%20(P%204)%20p.pd; filename*1=f",
                "a;filename*0*=utf-8''XX%20(P%204)%20p.pd;filename*1=f",
            ),
            ("a; filename=Partner Agreement Form - Week 11.pdf", "a;filename=Partner Agreement Form - Week 11.pdf"),
            // Semicolons that are missing.
            ("text/html charset=utf-8", "text/html;charset=utf-8"),
            ("text/plain, charset=utf-8, format=flowed", "text/plain;charset=utf-8;format=flowed"),
            ("application/pdf name=x.pdf", "application/pdf;name=x.pdf"),
            ("application/pdf name*0=x; name*1=.pdf", "application/pdf;name*0=x;name*1=.pdf"),
            ("a; name=one two=three.txt", "a;name=one two=three.txt"),
            ("a; name=\"x\" size=3", "a;name=x;size=3"),
            (";name=x", ";name=x"),
            ("name=x.pdf", ";name=x.pdf"),
            // Quotes that are.
            ("a; name=\"x.pdf; size=3", "a;name=x.pdf;size=3"),
            ("a; name=x.pdf\"; size=3", "a;name=x.pdf;size=3"),
            ("a; b (c", "a"),
        ] {
            assert_eq!(shown(value), expected, "{value}");
        }
    }

    #[test]
    fn the_number_of_parameters_is_bounded() {
        assert_eq!(parameterized("a; b=c".repeat(1 << 16).as_bytes()).parameters.iter().count(), 64);
        // Not once more for each of them.
        parameterized("a (".repeat(1 << 16).as_bytes());
        parameterized(" ".repeat(1 << 20).as_bytes());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        /// Where both are sure of a value, they agree.
        #[test]
        fn as_the_strict_reading(value in "[a-z/]{1,9}(; ?[a-z]{1,8}=([a-z0-9.]{1,9}|\"[a-z ;=().]{1,9}\")){0,4}") {
            prop_assert_eq!(parameterized(value.as_bytes()), Parameterized::parse(value.as_bytes()));
        }

        #[test]
        fn anything_is_accepted(value: Vec<u8>) {
            parameterized(&value);
        }
    }
}
