use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Largest token taken from a server, in base64.
const MAX_TOKEN: usize = 64 * 1024;

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What WWW-Authenticate says of a scheme (RFC 9110 11.6.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Offer {
    /// Not named.
    Absent,
    /// Named, without a token: the server can begin.
    Bare,
    /// Named, with a token of an exchange under way.
    Token(Vec<u8>),
    /// Named, with something that is no token.
    Unreadable,
}

/// What the values `challenges` say of `scheme`, which may stand anywhere in a list of challenges. A token wins over a bare
/// name.
pub(super) fn offer(challenges: &[String], scheme: &str) -> Offer {
    let mut found = Offer::Absent;
    for part in challenges.iter().flat_map(|value| elements(value)) {
        let (name, rest) = part.split_once([' ', '\t']).unwrap_or((part, ""));
        if !name.eq_ignore_ascii_case(scheme) {
            continue;
        }
        let rest = rest.trim();
        // `realm="x"`: parameters, which say nothing here. A `=` ends a token only as its padding.
        let parameters = rest.trim_end_matches('=').contains('=');
        match rest {
            "" => {
                if found == Offer::Absent {
                    found = Offer::Bare;
                }
            }
            _ if parameters && found == Offer::Absent => found = Offer::Bare,
            _ if parameters => {}
            token if token.len() > MAX_TOKEN => return Offer::Unreadable,
            token => return LENIENT.decode(token).map_or(Offer::Unreadable, Offer::Token),
        }
    }
    found
}

/// Splits a list at the commas outside of quoted strings.
pub(super) fn elements(value: &str) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    let outside = move |c: char| {
        let comma = c == ',' && !quoted;
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => {}
        }
        comma
    };
    value.split(outside).map(str::trim).filter(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(values: &[&str], scheme: &str) -> Offer {
        offer(&values.iter().map(|&text| text.to_owned()).collect::<Vec<_>>(), scheme)
    }

    #[test]
    fn names_and_tokens_in_any_order() {
        let values = ["Negotiate", "NTLM TlRMTVNTUAA=", "Basic realm=\"a, NTLM b\", charset=\"UTF-8\""];
        assert_eq!(of(&values, "negotiate"), Offer::Bare);
        assert_eq!(of(&values, "NTLM"), Offer::Token(b"NTLMSSP\0".to_vec()));
        assert_eq!(of(&values, "Basic"), Offer::Bare);
        assert_eq!(of(&values, "Bearer"), Offer::Absent);
        assert_eq!(of(&["Negotiate, NTLM, Basic realm=x"], "NTLM"), Offer::Bare);
        assert_eq!(of(&["NTLM", "NTLM TlRMTVNTUAA"], "NTLM"), Offer::Token(b"NTLMSSP\0".to_vec()));
        assert_eq!(of(&["NTLM !!"], "NTLM"), Offer::Unreadable);
        assert_eq!(of(&["Basic realm=\"\\\", NTLM\""], "NTLM"), Offer::Absent);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn anything_may_come(values in prop::collection::vec("\\PC*", 0..4)) {
            offer(&values, "NTLM");
        }
    }
}
