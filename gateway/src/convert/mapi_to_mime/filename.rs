/// Longest piece of an encoded parameter value.
const PIECE: usize = 50;

/// A MIME parameter (RFC 2045 5.1) with its separator: a quoted string, or for other than short ASCII the form of
/// RFC 2231 followed by an ASCII fallback for readers that don't know it.
pub(super) fn parameter(name: &str, value: &str) -> String {
    let value: String = value.chars().filter(|c| !c.is_control()).collect();
    if value.bytes().all(|b| (b' '..=b'~').contains(&b)) && value.len() <= PIECE && !value.contains("  ") {
        return format!("; {name}=\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""));
    }
    let mut pieces = vec![String::new()];
    for c in value.chars() {
        let encoded: String = c.encode_utf8(&mut [0; 4]).bytes().map(encode).collect();
        let last = pieces.len() - 1;
        if pieces[last].len() + encoded.len() > PIECE {
            pieces.push(encoded);
        } else {
            pieces[last].push_str(&encoded);
        }
    }
    let mut out = String::new();
    if let [whole] = &pieces[..] {
        out.push_str(&format!("; {name}*=utf-8''{whole}"));
    } else {
        for (index, piece) in pieces.iter().enumerate() {
            let charset = if index == 0 { "utf-8''" } else { "" };
            out.push_str(&format!("; {name}*{index}*={charset}{piece}"));
        }
    }
    out.push_str(&format!("; {name}=\"{}\"", fallback(&value)));
    out
}

fn encode(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
        char::from(byte).to_string()
    } else {
        format!("%{byte:02X}")
    }
}

/// A short ASCII name with the same extension.
fn fallback(value: &str) -> String {
    let safe = |text: &str, length| -> String {
        let safe = |c: char| if c.is_ascii_alphanumeric() || "-_.()".contains(c) { c } else { '_' };
        text.chars().take(length).map(safe).collect()
    };
    match value.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() && extension.len() <= 8 => {
            format!("{}.{}", safe(stem, 32), safe(extension, 8))
        }
        _ => safe(value, 40),
    }
}

#[cfg(test)]
mod tests {
    use mail_parser::{MessageParser, MimeHeaders};
    use proptest::prelude::*;

    use super::*;
    use crate::convert::mapi_to_mime::header::Header;

    #[test]
    fn forms() {
        assert_eq!(parameter("filename", "a \"b\".txt"), "; filename=\"a \\\"b\\\".txt\"");
        assert_eq!(
            parameter("filename", "Grüße.pdf"),
            "; filename*=utf-8''Gr%C3%BC%C3%9Fe.pdf; filename=\"Gr__e.pdf\""
        );
        let mut header = Header::new();
        let name = "a name with spaces to be kept together.pdf";
        header.with_parameters("Content-Disposition", &format!("attachment{}", parameter("filename", name)));
        let expected = format!("Content-Disposition: attachment;\r\n filename=\"{name}\"\r\n");
        assert_eq!(header.as_bytes(), expected.as_bytes());
        assert_eq!(parameter("filename", "x\r\nBcc: y"), "; filename=\"xBcc: y\"");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn names_come_back(name in "[^\\p{C}\\p{Z}]([^\\p{C}]{0,150}[^\\p{C}\\p{Z}])?") {
            let mut header = Header::new();
            header.structured("Content-Type", "application/octet-stream");
            header.with_parameters("Content-Disposition", &format!("attachment{}", parameter("filename", &name)));
            let message = [header.as_bytes(), b"\r\nx"].concat();
            let parsed = MessageParser::new().with_mime_headers().parse(&message).expect("a header");
            prop_assert_eq!(parsed.parts[0].attachment_name(), Some(&name[..]));
        }
    }
}
