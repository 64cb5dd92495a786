//! Known answers.

use gateway::convert::mapi_to_mime::RENDER_VERSION;
use mapi_core::id::OneOffEntryId;
use mapi_core::message::{Attachment, MessageContent, PropertyBag};
use mapi_core::property::{PropertyKey, PropertyName, PropertyTag, PropertyType, PropertyValue, property_set, tags};
use mapi_core::rtf;
use sha2::{Digest, Sha256};

use crate::support::{TIME, bag, file, note, raw_rendered, recipient, rendered, rendered_text, string};

const HEAD: &str =
    "Date: Tue, 02 Jan 2024 22:02:00 +0000\r\nFrom: Ann <ann@example.test>\r\nTo: Bo <bo@example.test>\r\n";

fn with(mut message: MessageContent, tag: PropertyTag, value: PropertyValue) -> MessageContent {
    message.properties.set(tag, value);
    message
}

fn html(subject: &str, html: &str) -> MessageContent {
    let message = with(note(subject), tags::PidTagHtml, PropertyValue::Binary(html.into()));
    with(message, tags::PidTagInternetCodepage, PropertyValue::Integer32(65001))
}

/// The body of a message without parts.
fn body(message: &MessageContent) -> String {
    rendered_text(message).split_once("\r\n\r\n").expect("a body").1.to_owned()
}

#[test]
fn plain_text() {
    let message = with(note("Hello"), tags::PidTagBody, string("line 1\nline 2"));
    let expected = format!(
        "{HEAD}Subject: Hello\r\nMessage-ID: <id@example.test>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; \
         charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\nline 1\r\nline 2\r\n"
    );
    assert_eq!(rendered_text(&message), expected);
}

#[test]
fn every_rebuilt_field() {
    let mut message = note("Gr\u{fc}\u{df}e \u{1f600}");
    let list = {
        let entry = OneOffEntryId::smtp("Re, Ply", "reply@example.test").to_bytes();
        let size = |n: usize| u32::try_from(n).expect("small").to_le_bytes();
        [&size(1)[..], &size(entry.len() + 4), &size(entry.len()), &entry].concat()
    };
    message.properties.extend([
        (tags::PidTagSenderName, string("Sec")),
        (tags::PidTagSenderAddressType, string("SMTP")),
        (tags::PidTagSenderEmailAddress, string("sec@example.test")),
        (tags::PidTagReplyRecipientEntries, PropertyValue::Binary(list)),
        (tags::PidTagInReplyToId, string("<parent@example.test>")),
        (tags::PidTagInternetReferences, string("<a@example.test>\r\n\t<parent@example.test>")),
        (tags::PidTagConversationTopic, string("Other")),
        (tags::PidTagConversationIndex, PropertyValue::Binary(vec![1; 22])),
        (tags::PidTagImportance, PropertyValue::Integer32(2)),
        (tags::PidTagSensitivity, PropertyValue::Integer32(2)),
        (tags::PidTagAutoResponseSuppress, PropertyValue::Integer32(0x30)),
        (tags::PidTagMessageFlags, PropertyValue::Integer32(8)),
        (tags::PidTagReadReceiptRequested, PropertyValue::Boolean(true)),
        (tags::PidTagBody, string("")),
    ]);
    let name = PropertyName::string(property_set::PS_INTERNET_HEADERS, "x-custom-field");
    message.properties.set(PropertyKey::Named(name, PropertyType::STRING), string("value"));
    message.recipients = vec![
        recipient(0, 1, "bo@example.test", "bo@example.test"),
        recipient(1, 2, "Cy (Sales)", "cy@example.test"),
        recipient(2, 3, "Secret", "secret@example.test"),
        bag([
            (tags::PidTagRecipientType, PropertyValue::Integer32(1)),
            (tags::PidTagRowid, PropertyValue::Integer32(3)),
            (tags::PidTagDisplayName, string("My list")),
            (tags::PidTagAddressType, string("MAPIPDL")),
        ]),
    ];
    let expected = "Date: Tue, 02 Jan 2024 22:02:00 +0000\r\n\
        From: Ann <ann@example.test>\r\n\
        Sender: Sec <sec@example.test>\r\n\
        Reply-To: \"Re, Ply\" <reply@example.test>\r\n\
        To: bo@example.test, My list:;\r\n\
        Cc: \"Cy (Sales)\" <cy@example.test>\r\n\
        Bcc: Secret <secret@example.test>\r\n\
        Subject: =?utf-8?B?R3LDvMOfZSDwn5iA?=\r\n\
        Message-ID: <id@example.test>\r\n\
        In-Reply-To: <parent@example.test>\r\n\
        References: <a@example.test> <parent@example.test>\r\n\
        Thread-Topic: Other\r\n\
        Thread-Index: AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ==\r\n\
        Importance: high\r\n\
        X-Priority: 1\r\n\
        Sensitivity: Private\r\n\
        X-Auto-Response-Suppress: OOF, AutoReply\r\n\
        Disposition-Notification-To: Ann <ann@example.test>\r\n\
        X-Custom-Field: value\r\n\
        MIME-Version: 1.0\r\n\
        Content-Type: text/plain; charset=utf-8\r\n\
        Content-Transfer-Encoding: 7bit\r\n\r\n";
    assert_eq!(rendered_text(&message), expected);
}

#[test]
fn html_image_file_and_message() {
    let mut message = html("All", "<p>Hi <img src=\"cid:pic@x\"></p>");
    let mut image = file(0, "pic.png", "image/png", b"png");
    image.properties.set(tags::PidTagAttachContentId, string("<pic@x>"));
    let mut inner = with(note("Inner"), tags::PidTagBody, string("inner\r\n"));
    inner.properties.remove(&tags::PidTagInternetMessageId.into());
    let properties = bag([(tags::PidTagAttachMethod, PropertyValue::Integer32(5))]);
    let embedded = Attachment { number: 1, properties, embedded: Some(Box::new(inner)) };
    message.attachments = vec![file(2, "Gr\u{fc}\u{df}e.pdf", "", b"%PDF"), embedded, image];
    let expected = format!(
        "{HEAD}Subject: All\r\nMessage-ID: <id@example.test>\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=\"=_0\"\r\n\r\n\
         --=_0\r\n\
         Content-Type: multipart/related; boundary=\"=_1\";\r\n type=\"multipart/alternative\"\r\n\r\n\
         --=_1\r\n\
         Content-Type: multipart/alternative; boundary=\"=_2\"\r\n\r\n\
         --=_2\r\n\
         Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\nHi\r\n\r\n\
         --=_2\r\n\
         Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n<p>Hi <img src=\"cid:pic@x\"></p>\r\n\
         --=_2--\r\n\r\n\
         --=_1\r\n\
         Content-Type: image/png; name=\"pic.png\"\r\nContent-Disposition: inline; filename=\"pic.png\"\r\n\
         Content-ID: <pic@x>\r\nContent-Transfer-Encoding: base64\r\n\r\ncG5n\r\n\
         --=_1--\r\n\r\n\
         --=_0\r\n\
         Content-Type: message/rfc822\r\nContent-Disposition: attachment; filename=\"Inner.eml\"\r\n\r\n\
         {HEAD}Subject: Inner\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Transfer-Encoding: 7bit\r\n\r\ninner\r\n\r\n\
         --=_0\r\n\
         Content-Type: application/pdf\r\n\
         Content-Disposition: attachment; filename*=utf-8''Gr%C3%BC%C3%9Fe.pdf;\r\n filename=\"Gr__e.pdf\"\r\n\
         Content-Transfer-Encoding: base64\r\n\r\nJVBERg==\r\n\
         --=_0--\r\n"
    );
    // The boundaries are hashes; their places are told here.
    let mut out = rendered_text(&message);
    let mut boundaries: Vec<String> = Vec::new();
    for part in out.split("boundary=\"").skip(1) {
        boundaries.push(part.split('"').next().expect("quoted").to_owned());
    }
    for (index, boundary) in boundaries.iter().enumerate() {
        assert_eq!(boundary.len(), 26);
        out = out.replace(boundary, &format!("=_{index}"));
    }
    assert_eq!(out, expected);
}

/// If this fails, messages already seen by clients would change: raise [`RENDER_VERSION`].
#[test]
fn renderings_are_frozen() {
    let mut message = html("Frozen \u{e4}", "<p>\u{e4} &amp; b<br>c</p><ul><li>x</ul>");
    message.attachments =
        vec![file(0, "a.bin", "application/x-a", &[0; 100]), file(1, "\u{e4}.txt", "text/plain", b"t")];
    let digest: String = Sha256::digest(rendered(&message)).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    assert_eq!((RENDER_VERSION, &digest[..]), (1, "191c4a8d98aa7353"));
}

#[test]
fn received_header_stays() {
    let header = "Received: from x\r\n\tby y; Tue, 2 Jan 2024 00:00:00 +0000\r\nFrom: \"O'Neil\"  <o@example.test>\r\n\
                  Subject: =?iso-8859-1?Q?Gr=FC=DFe?=\r\nBcc: hidden@example.test\r\nContent-Type: text/plain\r\n\r\n";
    let message = with(note("Gr\u{fc}\u{df}e"), tags::PidTagTransportMessageHeaders, string(header));
    let message = with(message, tags::PidTagBody, string("x"));
    // Gromox makes up HTML for messages that came as plain text.
    let message = with(message, tags::PidTagHtml, PropertyValue::Binary(b"<pre>x</pre>".to_vec()));
    let expected = "Received: from x\r\n\tby y; Tue, 2 Jan 2024 00:00:00 +0000\r\nFrom: \"O'Neil\"  <o@example.test>\r\n\
                    Subject: =?iso-8859-1?Q?Gr=FC=DFe?=\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\
                    Content-Transfer-Encoding: 7bit\r\n\r\nx\r\n";
    assert_eq!(rendered_text(&message), expected);
    // A draft is edited after it got a header.
    let draft = with(message, tags::PidTagMessageFlags, PropertyValue::Integer32(8));
    assert!(rendered_text(&draft).starts_with(HEAD));
}

#[test]
fn own_copies_keep_bcc() {
    let header = "From: Ann <ann@example.test>\r\nBcc: gone@example.test\r\n";
    let mut message = with(note("x"), tags::PidTagTransportMessageHeaders, string(header));
    message.recipients.push(recipient(1, 3, "Secret", "secret@example.test"));
    assert!(
        rendered_text(&message)
            .starts_with("From: Ann <ann@example.test>\r\nBcc: Secret <secret@example.test>\r\nMIME")
    );
}

#[test]
fn native_bodies() {
    let rtf_body = |rtf: &[u8], native| {
        let message = with(note("x"), tags::PidTagRtfCompressed, PropertyValue::Binary(rtf::compress(rtf)));
        with(message, tags::PidTagNativeBody, PropertyValue::Integer32(native))
    };
    let both = with(html("x", "<p>html</p>"), tags::PidTagBody, string("plain"));
    let chosen = |native| body(&with(both.clone(), tags::PidTagNativeBody, PropertyValue::Integer32(native)));
    assert_eq!(chosen(1), "plain\r\n");
    assert!(chosen(3).contains("text/html") && chosen(3).contains("\r\nplain\r\n"));
    let encapsulated = rtf_body(b"{\\rtf1\\ansi\\fromhtml1 {\\*\\htmltag <b>}a\\'e4{\\*\\htmltag </b>}}", 2);
    assert!(body(&encapsulated).contains("<b>a=C3=A4</b>"), "{}", body(&encapsulated));
    let genuine = rtf_body(b"{\\rtf1\\ansi genuine \\b text}", 2);
    assert!(body(&genuine).contains("genuine text") && body(&genuine).contains("Content-Type: text/rtf"));
    assert_eq!(body(&rtf_body(b"{\\rtf1\\ansi\\fromtext plain\\par}", 0)), "plain\r\n");
    // RTF that can't be read is no reason to show nothing, if there is another body.
    let broken = with(rtf_body(b"no rtf", 2), tags::PidTagBody, string("plain"));
    assert_eq!(body(&broken), "plain\r\n");
    assert_eq!(body(&note("x")), "");
}

#[test]
fn html_keeps_its_code_page() {
    let message = with(html("x", ""), tags::PidTagInternetCodepage, PropertyValue::Integer32(1251));
    let message = with(message, tags::PidTagHtml, PropertyValue::Binary(b"<p>\xEF\xF0</p>".to_vec()));
    let out = body(&message);
    assert!(out.contains("text/html; charset=windows-1251") && out.contains("<p>=EF=F0</p>"), "{out}");
    assert!(out.contains("=D0=BF=D1=80"), "the text is Unicode: {out}");
    // Declared as UTF-8, but isn't.
    let message = with(message, tags::PidTagInternetCodepage, PropertyValue::Integer32(65001));
    assert!(body(&message).contains("charset=windows-1252"));
}

#[test]
fn attachment_methods() {
    let parts = |properties: PropertyBag| {
        let mut message = with(note("x"), tags::PidTagBody, string("x"));
        message.attachments.push(Attachment { number: 0, properties, embedded: None });
        rendered_text(&message)
    };
    let method = |n| (tags::PidTagAttachMethod, PropertyValue::Integer32(n));
    let name = || (tags::PidTagAttachLongFilename, string("plan.doc"));
    let path = || (tags::PidTagAttachLongPathname, string("https://example.test/plan.doc"));
    for linked in [2, 4, 7] {
        let out = parts(bag([method(linked), name(), path()]));
        assert!(
            out.contains("filename=\"plan.doc.txt\"") && out.contains("Linked file: https://example.test/plan.doc")
        );
    }
    for nothing in [0, 5] {
        assert!(!parts(bag([method(nothing), name()])).contains("multipart"));
    }
    let object = (tags::PidTagAttachDataObject, PropertyValue::Object(b"ole".to_vec()));
    assert!(parts(bag([method(6), name(), object])).contains("application/octet-stream"));
    let picture = (tags::PidTagAttachRendering, PropertyValue::Binary(b"wmf".to_vec()));
    assert!(parts(bag([method(6), name(), picture])).contains("image/x-wmf"));
    let data = || (tags::PidTagAttachDataBinary, PropertyValue::Binary(b"x".to_vec()));
    assert!(parts(bag([method(1), name(), data()])).contains("application/msword"));
    // A changed occurrence of a series is no attachment that anybody put there.
    let exception = (tags::PidTagAttachmentFlags, PropertyValue::Integer32(2));
    assert!(!parts(bag([method(1), name(), data(), exception])).contains("multipart"));
}

#[test]
fn signed_message() {
    let entity = "Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\";\n boundary=b\nX-Odd: no\n\n--b\n\n\
                  Gr\u{fc}\u{df}e  \n--b--";
    let message = with(note("s"), tags::PidTagMessageClass, string("IPM.Note.SMIME.MultipartSigned"));
    let message =
        MessageContent { attachments: vec![file(0, "smime.p7m", "multipart/signed", entity.as_bytes())], ..message };
    let expected = format!(
        "{HEAD}Subject: s\r\nMessage-ID: <id@example.test>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/signed; \
         protocol=\"application/pkcs7-signature\";\r\n boundary=b\r\n\r\n--b\n\nGr\u{fc}\u{df}e  \n--b--\r\n"
    );
    assert_eq!(String::from_utf8(raw_rendered(&message)).expect("UTF-8"), expected);
}

#[test]
fn non_delivery_report() {
    let mut message = with(note("Undeliverable"), tags::PidTagMessageClass, string("REPORT.IPM.Note.NDR"));
    message.properties.set(tags::PidTagReportText, string("It failed."));
    message.recipients[0].extend([
        (PropertyTag(0x0C20_0003), PropertyValue::Integer32(511)),
        (PropertyTag(0x0C1B_001F), string("550 no such user")),
    ]);
    let out = rendered_text(&message);
    assert!(out.contains("multipart/report; boundary=") && out.contains("report-type=delivery-status"), "{out}");
    assert!(out.contains("\r\n\r\nIt failed.\r\n"), "{out}");
    let status = "Content-Type: message/delivery-status\r\nContent-Transfer-Encoding: 7bit\r\n\r\n\
                  Reporting-MTA: dns; gateway.test\r\n\r\nFinal-Recipient: rfc822; bo@example.test\r\nAction: failed\r\n\
                  Status: 5.1.1\r\nDiagnostic-Code: smtp; 550 no such user\r\n";
    assert!(out.contains(status), "{out}");
    let receipt = with(message, tags::PidTagMessageClass, string("REPORT.IPM.Note.IPNRN"));
    let out = rendered_text(&receipt);
    assert!(
        out.contains("report-type=disposition-notification") && out.contains("MDN-sent-manually; displayed"),
        "{out}"
    );
}

#[test]
fn little_is_enough() {
    let out = rendered_text(&MessageContent::default());
    let id = "5a".repeat(22);
    assert!(out.starts_with(&format!("Message-ID: <{id}@gateway.test>\r\nMIME-Version: 1.0\r\n")), "{out}");
    let created = with(MessageContent::default(), tags::PidTagCreationTime, PropertyValue::Time(TIME));
    assert!(rendered_text(&created).starts_with("Date: Tue, 02 Jan 2024 22:02:00 +0000\r\n"));
}
