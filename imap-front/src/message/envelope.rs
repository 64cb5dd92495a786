use mail_core::message::{Address, Fields};

use crate::proto::response::Output;

/// Writes ENVELOPE (RFC 9051 7.5.2) of a header.
pub fn write_envelope(header: Fields<'_>, output: &mut Output) {
    let text = |name: &str| header.unfolded(name);
    let addresses = |name: &str| header.addresses(name);
    let from = addresses("From");
    let or_from = |list: Vec<Address>| if list.is_empty() { from.clone() } else { list };
    output.text("(").nstring(text("Date").as_deref()).text(" ").nstring(text("Subject").as_deref());
    for list in [
        from.clone(),
        or_from(addresses("Sender")),
        or_from(addresses("Reply-To")),
        addresses("To"),
        addresses("Cc"),
        addresses("Bcc"),
    ] {
        output.text(" ");
        write_addresses(&list, output);
    }
    output.text(" ").nstring(text("In-Reply-To").as_deref());
    output.text(" ").nstring(text("Message-ID").as_deref()).text(")");
}

fn write_addresses(list: &[Address], output: &mut Output) {
    if list.is_empty() {
        output.text("NIL");
        return;
    }
    output.text("(");
    for address in list {
        output.text("(");
        match address {
            Address::Mailbox { name, route, local, host } => {
                output.nstring(name.as_deref()).text(" ").nstring(route.as_deref());
                // NIL would mean a group.
                output.text(" ").string(local).text(" ").string(host)
            }
            Address::GroupStart(name) => output.text("NIL NIL ").string(name).text(" NIL"),
            Address::GroupEnd => output.text("NIL NIL NIL NIL"),
        };
        output.text(")");
    }
    output.text(")");
}

#[cfg(test)]
mod tests {
    use mail_core::message::Message;

    use super::*;

    fn envelope(header: &str) -> String {
        let mut output = Output::default();
        write_envelope(Message::new(header.to_owned().into()).fields(), &mut output);
        let mut text = Vec::new();
        while let Some(chunk) = output.take() {
            text.extend_from_slice(&chunk);
        }
        String::from_utf8_lossy(&text).into_owned()
    }

    /// The example of RFC 3501 8, apart from its Subject.
    #[test]
    fn known_answer() {
        let header = "Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\r\nFrom: Terry Gray <gray@cac.washington.edu>\r\n\
            Subject: IMAP4rev1 WG mtg\r\n summary and minutes\r\nTo: imap@cac.washington.edu\r\n\
            cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>\r\n\
            Message-Id: <B27397-0100000@cac.washington.edu>\r\nMIME-Version: 1.0\r\n\r\n";
        assert_eq!(
            envelope(header),
            "(\"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\" \"IMAP4rev1 WG mtg summary and minutes\" \
             ((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) \
             ((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) \
             ((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) \
             ((NIL NIL \"imap\" \"cac.washington.edu\")) \
             ((NIL NIL \"minutes\" \"CNRI.Reston.VA.US\")(\"John Klensin\" NIL \"KLENSIN\" \"MIT.EDU\")) NIL NIL \
             \"<B27397-0100000@cac.washington.edu>\")"
        );
    }

    #[test]
    fn odd_headers() {
        assert_eq!(envelope(""), "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)");
        assert_eq!(
            envelope("Subject: \r\nFrom: nobody\r\nTo: Team: \"ä\" <a@b>;\r\nReply-To: <r@s>\r\n"),
            "(NIL \"\" ((NIL NIL \"nobody\" \"\")) ((NIL NIL \"nobody\" \"\")) ((NIL NIL \"r\" \"s\")) \
             ((NIL NIL \"Team\" NIL)({2}\r\nä NIL \"a\" \"b\")(NIL NIL NIL NIL)) NIL NIL NIL NIL)"
        );
    }
}
