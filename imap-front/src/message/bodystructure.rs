use mail_core::message::{Content, Entity, Fields, Parameters, Reading, put_together};

use super::write_envelope;
use crate::proto::response::Output;

/// How many language tags are shown.
const MAX_LANGUAGES: usize = 32;

/// Writes BODYSTRUCTURE (RFC 9051 7.5.2) of a message or part, or BODY if not `extended`. Recursion is as deep as the
/// structure, which is bounded.
pub fn write_body(entity: Entity<'_>, extended: bool, output: &mut Output) {
    let header = entity.fields();
    let media = &entity.part().media;
    output.text("(");
    if let Content::Multipart(_) | Content::Undivided(_) = &entity.part().content {
        for part in entity.children() {
            write_body(part, extended, output);
        }
        output.text(" ").string(&media.subtype);
        if extended {
            output.text(" ");
            write_parameters(&media.parameters, output);
        }
    } else {
        let size = entity.size();
        if entity.part().content == Content::Opaque {
            // Its type would promise what is not shown.
            output.text("\"application\" \"octet-stream\" NIL");
        } else {
            output.string(&media.kind).text(" ").string(&media.subtype).text(" ");
            if media.declared || !media.is("text") {
                write_parameters(&media.parameters, output);
            } else {
                // RFC 2045 5.2
                output.text("(\"charset\" \"us-ascii\")");
            }
        }
        output.text(" ").nstring(non_empty(header.unfolded("Content-ID")).as_deref());
        output.text(" ").nstring(non_empty(header.unfolded("Content-Description")).as_deref());
        output.text(" ").string(&encoding(entity)).text(" ").number(size.octets);
        let is_message = matches!(entity.part().content, Content::Message(_));
        if is_message {
            for message in entity.children() {
                output.text(" ");
                write_envelope(message.fields(), output);
                output.text(" ");
                write_body(message, extended, output);
            }
        }
        if media.is("text") || is_message {
            output.text(" ").number(size.lines);
        }
        if extended {
            output.text(" ").nstring(non_empty(header.unfolded("Content-MD5")).as_deref());
        }
    }
    if extended {
        output.text(" ");
        write_disposition(entity, output);
        output.text(" ");
        write_languages(header, output);
        output.text(" ").nstring(non_empty(header.unfolded("Content-Location")).as_deref());
    }
    output.text(")");
}

fn non_empty(value: Option<Vec<u8>>) -> Option<Vec<u8>> {
    value.filter(|value| !value.is_empty())
}

/// Content-Transfer-Encoding, `7bit` if there is none.
fn encoding(entity: Entity<'_>) -> Vec<u8> {
    let encoding = entity.transfer_encoding();
    if encoding.is_empty() { b"7bit".to_vec() } else { encoding }
}

fn write_parameters(parameters: &Parameters, output: &mut Output) {
    if parameters.is_empty() {
        output.text("NIL");
        return;
    }
    output.text("(");
    for (index, (name, value)) in put_together(parameters).iter().enumerate() {
        if index > 0 {
            output.text(" ");
        }
        output.string(name).text(" ").string(value);
    }
    output.text(")");
}

fn write_disposition(entity: Entity<'_>, output: &mut Output) {
    let disposition = entity.disposition();
    if disposition.value.is_empty() {
        output.text("NIL");
        return;
    }
    output.text("(").string(&disposition.value).text(" ");
    write_parameters(&disposition.parameters, output);
    output.text(")");
}

fn write_languages(header: Fields<'_>, output: &mut Output) {
    let value = header.parameterized("Content-Language", Reading::Strict).unwrap_or_default().value;
    let tags = value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|tag| !tag.is_empty());
    let tags: Vec<&[u8]> = tags.take(MAX_LANGUAGES).collect();
    if tags.is_empty() {
        output.text("NIL");
        return;
    }
    output.text("(");
    for (index, tag) in tags.iter().enumerate() {
        if index > 0 {
            output.text(" ");
        }
        output.string(tag);
    }
    output.text(")");
}

#[cfg(test)]
mod tests {
    use mail_core::message::Message;
    use proptest::prelude::*;

    use super::*;

    fn body(raw: &str, extended: bool) -> String {
        let mut output = Output::default();
        write_body(Message::new(raw.to_owned().into()).root(), extended, &mut output);
        let mut text = Vec::new();
        while let Some(chunk) = output.take() {
            text.extend_from_slice(&chunk);
        }
        String::from_utf8_lossy(&text).into_owned()
    }

    #[test]
    fn plain() {
        assert_eq!(
            body("Subject: x\r\n\r\none\r\ntwo\r\n", true),
            "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 10 2 NIL NIL NIL NIL)"
        );
        assert_eq!(
            body("Content-Type: broken\r\nContent-Transfer-Encoding: BASE64 (c)\r\n\r\nAA==", false),
            "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"BASE64\" 4 0)"
        );
        assert_eq!(
            body(
                "Content-Type: IMAGE/png; name=\"a\\\"b\"\r\nContent-ID: <i@d>\r\nContent-Description: a pic\r\n\
                 Content-MD5: Q2hlY2s=\r\nContent-Disposition: attachment; filename*0*=utf-8''%C3%A4; filename*1=.png; size=3\r\n\
                 Content-Language: en, de\r\nContent-Location: http://x/\r\n\r\nabc",
                true
            ),
            "(\"IMAGE\" \"png\" (\"name\" \"a\\\"b\") \"<i@d>\" \"a pic\" \"7bit\" 3 \"Q2hlY2s=\" \
             (\"attachment\" (\"filename*\" \"utf-8''%C3%A4.png\" \"size\" \"3\")) (\"en\" \"de\") \"http://x/\")"
        );
    }

    #[test]
    fn nested() {
        let raw = "Content-Type: multipart/mixed; boundary=x\r\nContent-Language: fr\r\n\r\n--x\r\n\r\nhi\r\n--x\r\n\
            Content-Type: message/rfc822\r\n\r\nSubject: in\r\nContent-Type: text/html; charset=utf-8\r\n\r\n\
            <p>\r\n</p>\r\n--x--\r\n";
        let envelope = "(NIL \"in\" NIL NIL NIL NIL NIL NIL NIL NIL)";
        let first = "\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 2 0";
        let inner = "\"text\" \"html\" (\"charset\" \"utf-8\") NIL NIL \"7bit\" 9 1";
        let size = "Subject: in\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>\r\n</p>".len();
        assert_eq!(
            body(raw, false),
            format!("(({first})(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" {size} {envelope} ({inner}) 4) \"mixed\")")
        );
        assert_eq!(
            body(raw, true),
            format!(
                "(({first} NIL NIL NIL NIL)(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" {size} {envelope} \
                 ({inner} NIL NIL NIL NIL) 4 NIL NIL NIL NIL) \"mixed\" (\"boundary\" \"x\") NIL (\"fr\") NIL)"
            )
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn any_bytes_give_balanced_output(
            pieces in proptest::collection::vec(
                prop_oneof![
                    Just("Content-Type: multipart/mixed; boundary=x\r\n\r\n"), Just("--x\r\n"), Just("--x--\r\n"),
                    Just("Content-Type: message/rfc822\n\n"), Just("\r\n"), Just("From: a@b\r\n"), Just("\n--x"),
                    Just("Content-Disposition: ;;=\r\n"), Just("Content-Type: a/b; c=d"), Just("Content-Language: ,,\n"),
                ],
                0..24,
            )
        ) {
            let text = body(&pieces.concat(), true);
            prop_assert_eq!(text.matches('(').count(), text.matches(')').count());
        }
    }
}
