use super::parameters::Parameters;

/// Name and value of each parameter, with those that are continued over several put together (RFC 2231 3), as IMAP has it
/// (RFC 2231 6): under `name`, or under `name*` if a piece is encoded, where the first of them stood. Otherwise as they stand
/// there, also pieces of which the beginning is missing.
pub fn put_together(parameters: &Parameters) -> Vec<(Vec<u8>, Vec<u8>)> {
    let all: Vec<(&[u8], &[u8])> = parameters.iter().collect();
    let pieces: Vec<Piece<'_>> = all.iter().filter_map(|(name, value)| Piece::of(name, value)).collect();
    let begins = |name: &[u8]| pieces.iter().any(|piece| piece.number == 0 && piece.is_of(name));
    let mut done: Vec<&[u8]> = Vec::new();
    let mut out = Vec::with_capacity(all.len());
    for (name, value) in all {
        match Piece::of(name, value).filter(|piece| begins(piece.name)) {
            None => out.push((name.to_vec(), value.to_vec())),
            Some(piece) if done.iter().any(|name| piece.is_of(name)) => {}
            Some(Piece { name, .. }) => {
                done.push(name);
                out.push(joined(name, pieces.iter().filter(|piece| piece.is_of(name)).copied().collect()));
            }
        }
    }
    out
}

fn joined(name: &[u8], mut pieces: Vec<Piece<'_>>) -> (Vec<u8>, Vec<u8>) {
    pieces.sort_by_key(|piece| piece.number);
    if !pieces.iter().any(|piece| piece.encoded) {
        return (name.to_vec(), pieces.iter().flat_map(|piece| piece.value).copied().collect());
    }
    // A first piece that is not encoded names no charset.
    let mut value = if pieces.first().is_some_and(|first| first.encoded) { Vec::new() } else { b"''".to_vec() };
    for piece in pieces {
        if piece.encoded {
            value.extend_from_slice(piece.value);
        } else {
            piece.value.iter().for_each(|byte| encode(*byte, &mut value));
        }
    }
    ([name, b"*"].concat(), value)
}

/// `name*0=value` or `name*0*=value`
#[derive(Clone, Copy)]
struct Piece<'a> {
    name: &'a [u8],
    number: u32,
    encoded: bool,
    value: &'a [u8],
}

impl<'a> Piece<'a> {
    fn of(written: &'a [u8], value: &'a [u8]) -> Option<Self> {
        let (rest, encoded) = written.strip_suffix(b"*").map_or((written, false), |rest| (rest, true));
        let star = rest.iter().rposition(|byte| *byte == b'*').filter(|star| *star > 0)?;
        let (name, digits) = (&rest[..star], &rest[star + 1..]);
        let number =
            std::str::from_utf8(digits).ok().filter(|_| digits.iter().all(u8::is_ascii_digit))?.parse().ok()?;
        Some(Self { name, number, encoded, value })
    }

    fn is_of(&self, name: &[u8]) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

/// What is no attribute-char becomes an escape (RFC 2231 7).
fn encode(byte: u8, out: &mut Vec<u8>) {
    if byte.is_ascii_graphic() && !b"*'%()<>@,;:\\\"/[]?=".contains(&byte) {
        out.push(byte);
    } else {
        out.extend_from_slice(format!("%{byte:02X}").as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::message::parameters::Parameterized;

    fn shown(parameters: &str) -> String {
        let parsed = Parameterized::parse(format!("attachment; {parameters}").as_bytes());
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let all =
            put_together(&parsed.parameters).into_iter().map(|(name, value)| format!("{}={}", text(name), text(value)));
        all.collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn pieces_become_one() {
        for (parameters, expected) in [
            ("n=x; m*=utf-8''%C3%A4", "n=x; m*=utf-8''%C3%A4"),
            ("n*0=\"a b\"; n*1=c", "n=a bc"),
            ("n*1=c; x=1; N*0=a", "n=ac; x=1"),
            ("n*0*=utf-8''%C3; n*1*=%A4b; n*2=\"%c d\"", "n*=utf-8''%C3%A4b%25c%20d"),
            ("n*0=\"a b\"; n*1*=%20c", "n*=''a%20b%20c"),
            ("n*0=a; m*0=x; n*1=b; m*1=y", "n=ab; m=xy"),
            ("n*10=c; n*2=b; n*0=a", "n=abc"),
            // Not what RFC 2231 3 describes.
            ("n*1=b; n*2=c", "n*1=b; n*2=c"),
            ("n*x=b; n*+1=c; *0=d; n**=e", "n*x=b; n*+1=c; *0=d; n**=e"),
        ] {
            assert_eq!(shown(parameters), expected, "{parameters}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        /// What readers make of it stays the same.
        #[test]
        fn says_the_same(
            pieces in proptest::collection::vec((any::<bool>(), "[a-z %'é]{1,5}"), 1..5),
            turn in 0..5_usize,
        ) {
            let escaped = |text: &str| text.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>();
            let mut written: Vec<String> = pieces.iter().enumerate().map(|(number, (encoded, text))| match encoded {
                true if number == 0 => format!("n*0*=utf-8''{}", escaped(text)),
                true => format!("n*{number}*={}", escaped(text)),
                false => format!("n*{number}=\"{text}\""),
            }).collect();
            let turn = turn % written.len();
            written.rotate_left(turn);
            let before = Parameterized::parse(format!("a; {}", written.join("; ")).as_bytes());
            let together = put_together(&before.parameters);
            prop_assert_eq!(together.len(), 1);
            let value = String::from_utf8_lossy(&together[0].1).into_owned();
            let name = String::from_utf8_lossy(&together[0].0).into_owned();
            let after = Parameterized::parse(format!("a; {name}=\"{value}\"").as_bytes());
            prop_assert_eq!(after.parameters.bytes("n"), before.parameters.bytes("n"));
        }
    }
}
