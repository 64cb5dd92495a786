use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

/// A form as it is posted (`application/x-www-form-urlencoded`, WHATWG URL 5.2).
#[derive(Default)]
pub(super) struct Form(Zeroizing<String>);

impl Form {
    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        // The whole length at once, so that no reallocation leaves a copy of a secret behind.
        let mut longer = Zeroizing::new(String::with_capacity(self.0.len() + name.len() + value.len() * 3 + 2));
        longer.push_str(&self.0);
        if !longer.is_empty() {
            longer.push('&');
        }
        longer.push_str(name);
        longer.push('=');
        encode_into(&mut longer, value);
        self.0 = longer;
        self
    }

    pub(super) fn with_secret(self, name: &str, value: &SecretString) -> Self {
        self.with(name, value.expose_secret())
    }

    pub(super) fn finish(self) -> SecretString {
        SecretString::from(self.0.as_str())
    }
}

/// A value encoded as in a form.
pub(super) fn encode(value: &str) -> Zeroizing<String> {
    let mut out = Zeroizing::new(String::with_capacity(value.len() * 3));
    encode_into(&mut out, value);
    out
}

fn encode_into(out: &mut String, value: &str) {
    for byte in value.bytes() {
        match byte {
            b' ' => out.push('+'),
            b'*' | b'-' | b'.' | b'_' => out.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => out.push(char::from(byte)),
            byte => {
                let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0').to_ascii_uppercase();
                out.extend(['%', digit(byte >> 4), digit(byte & 15)]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_meaning_is_encoded() {
        let form =
            Form::default().with("scope", "https://mail/.default offline").with_secret("s", &"a+b&c=%ä~*".into());
        let expected = "scope=https%3A%2F%2Fmail%2F.default+offline&s=a%2Bb%26c%3D%25%C3%A4%7E*";
        assert_eq!(form.finish().expose_secret(), expected);
        assert_eq!(*encode("a:b"), "a%3Ab");
    }
}
