//! Autodiscover v2: a small JSON document that says where a protocol's service is.

use super::XmlError;

/// Largest document.
pub const MAX_JSON: usize = 16 * 1024;

/// The path and query that ask for the URL of POX of an address.
pub fn json_target(address: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~@".contains(&byte);
    let encoded: String = address
        .bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect();
    format!("/autodiscover/autodiscover.json?Email={encoded}&Protocol=AutodiscoverV1&RedirectCount=1")
}

/// The URL in an answer.
///
/// # Errors
/// Anything but an object with `Url`.
pub fn decode_json(body: &[u8]) -> Result<String, XmlError> {
    if body.len() > MAX_JSON {
        return Err(XmlError::TooLarge("document", MAX_JSON));
    }
    let value: serde_json::Value = serde_json::from_slice(body).map_err(|_| XmlError::Missing("Url"))?;
    let url = value.get("Url").and_then(serde_json::Value::as_str);
    url.map(str::to_owned).ok_or(XmlError::Missing("Url"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_answers() {
        let good = br#"{"Protocol":"AutodiscoverV1","Url":"https://mail.test/autodiscover/autodiscover.xml"}"#;
        assert_eq!(decode_json(good).as_deref(), Ok("https://mail.test/autodiscover/autodiscover.xml"));
        for wrong in [&b"{}"[..], b"[]", b"{\"Url\":7}", b"<html/>", b"", &[b'['; 5000]] {
            assert_eq!(decode_json(wrong), Err(XmlError::Missing("Url")));
        }
        assert!(
            json_target("a b&c@x.test").ends_with("?Email=a%20b%26c@x.test&Protocol=AutodiscoverV1&RedirectCount=1")
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn anything_may_come(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            drop(decode_json(&bytes));
        }
    }
}
