//! Varied messages, made in code.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use encoding_rs::Encoding;

/// Every message with its name.
pub fn corpus() -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    charsets(&mut all);
    encodings(&mut all);
    subjects(&mut all);
    addresses(&mut all);
    attachments(&mut all);
    structures(&mut all);
    damaged(&mut all);
    all
}

/// Messages whose content must come back byte for byte: name, message, and the bytes.
pub fn verbatim() -> Vec<(&'static str, Vec<u8>, Vec<u8>)> {
    let signed = "--sig\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nGr\u{fc}\u{df}e  \r\n\
                  --sig\r\nContent-Type: application/pkcs7-signature; name=smime.p7s\r\nContent-Transfer-Encoding: base64\r\n\r\n\
                  MIIB\r\n--sig--\r\n";
    let kind = "Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\";\r\n micalg=sha-256; boundary=sig\r\n";
    let multipart = message("signed", kind, signed);
    let der = [&[0x30, 0x80, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x03][..], &[7; 400]].concat();
    let kind = "Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m\r\n\
                Content-Transfer-Encoding: base64\r\n";
    let encoded = wrapped(&STANDARD.encode(&der));
    let opaque = message("encrypted", kind, &encoded);
    vec![("signed", multipart, signed.into()), ("encrypted", opaque, encoded.trim_end().into())]
}

fn message(subject: &str, fields: &str, body: &str) -> Vec<u8> {
    headed(&format!("Subject: {subject}\r\n{fields}"), body)
}

fn headed(fields: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let mut out = format!(
        "Date: Tue, 02 Jan 2024 17:02:00 -0500\r\nFrom: Ann Example <ann@example.test>\r\nTo: Bo <bo@example.test>\r\n\
         Message-ID: <corpus@example.test>\r\nMIME-Version: 1.0\r\n{fields}\r\n"
    )
    .into_bytes();
    out.extend_from_slice(body.as_ref());
    out
}

fn wrapped(text: &str) -> String {
    text.as_bytes().chunks(76).map(|line| format!("{}\r\n", String::from_utf8_lossy(line))).collect()
}

fn multipart(kind: &str, boundary: &str, parts: &[String]) -> (String, String) {
    let body: String = parts.iter().map(|part| format!("--{boundary}\r\n{part}\r\n")).collect();
    (format!("Content-Type: multipart/{kind}; boundary=\"{boundary}\"\r\n"), format!("{body}--{boundary}--\r\n"))
}

fn nested(kind: &str, boundary: &str, parts: &[String]) -> String {
    let (field, body) = multipart(kind, boundary, parts);
    format!("{field}\r\n{body}")
}

fn text(body: &str) -> String {
    format!("Content-Type: text/plain; charset=utf-8\r\n\r\n{body}")
}

fn html(body: &str) -> String {
    format!("Content-Type: text/html; charset=utf-8\r\n\r\n{body}")
}

fn file(fields: &str, data: &[u8]) -> String {
    format!("{fields}Content-Transfer-Encoding: base64\r\n\r\n{}", wrapped(&STANDARD.encode(data)).trim_end())
}

fn charsets(all: &mut Vec<(String, Vec<u8>)>) {
    for (charset, sample) in [
        ("utf-8", "Gr\u{fc}\u{df}e \u{65e5}\u{672c} \u{1f600}"),
        ("iso-8859-1", "fa\u{e7}ade na\u{ef}ve"),
        ("iso-8859-15", "10 \u{20ac}"),
        ("windows-1252", "\u{201c}quoted\u{201d} \u{2014} dash"),
        ("koi8-r", "\u{43f}\u{440}\u{438}\u{432}\u{435}\u{442}"),
        ("windows-1255", "\u{5e9}\u{5dc}\u{5d5}\u{5dd}"),
        ("shift_jis", "\u{65e5}\u{672c}\u{8a9e}"),
        ("iso-2022-jp", "\u{65e5}\u{672c}\u{8a9e}"),
        ("gb18030", "\u{4e2d}\u{6587}"),
        ("big5", "\u{4e2d}\u{6587}"),
        ("euc-kr", "\u{d55c}\u{ad6d}"),
    ] {
        let encoding = Encoding::for_label(charset.as_bytes()).expect("a known charset");
        let body = format!("{sample}\r\nsecond line\r\n");
        let bytes = encoding.encode(&body).0;
        for kind in ["plain", "html"] {
            let fields = format!(
                "Subject: {charset}\r\nContent-Type: text/{kind}; charset={charset}\r\nContent-Transfer-Encoding: base64\r\n"
            );
            all.push((format!("{kind} in {charset}"), headed(&fields, wrapped(&STANDARD.encode(&bytes)))));
        }
    }
}

fn encodings(all: &mut Vec<(String, Vec<u8>)>) {
    let field = |encoding: &str| {
        format!("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n")
    };
    all.push((
        "quoted-printable".into(),
        message("qp", &field("quoted-printable"), "a=3Db =C3=A4 soft=\r\n break=20\r\n.dot\r\nFrom x\r\n"),
    ));
    all.push(("8bit".into(), message("8bit", &field("8bit"), "Gr\u{fc}\u{df}e\r\n")));
    all.push(("long line".into(), message("long", &field("8bit"), &format!("{}\r\n", "x".repeat(3000)))));
    all.push(("no type".into(), message("none", "", "just text\r\n")));
    all.push(("empty body".into(), message("empty", "", "")));
    all.push(("40 KiB of text".into(), message("big", &field("7bit"), &"line of text\r\n".repeat(3000))));
}

fn subjects(all: &mut Vec<(String, Vec<u8>)>) {
    for subject in [
        "=?utf-8?B?8J+YgCBlbW9qaQ==?=",
        "=?iso-8859-1?Q?Gr=FC=DFe?= and plain =?utf-8?Q?=E2=82=AC?=",
        "Re: a rather long subject that has to be folded because it does not fit into seventy-six\r\n columns",
        "\"quotes\" <angles> & (parens) = equals",
        "Gr\u{fc}\u{df}e without encoding",
    ] {
        all.push((format!("subject {subject:?}"), message(subject, "", "text\r\n")));
    }
    all.push(("no subject".into(), headed("", "text\r\n")));
    all.push(("no fields but one".into(), b"Subject: alone\r\n\r\ntext\r\n".to_vec()));
}

fn addresses(all: &mut Vec<(String, Vec<u8>)>) {
    let many: Vec<_> = (0..200).map(|n| format!("User {n} <user{n}@example.test>")).collect();
    for (name, field) in [
        ("many recipients", format!("Cc: {}\r\n", many.join(",\r\n "))),
        ("quoted names", "Cc: \"Doe, John (Ext.)\" <jd@example.test>, \"a \\\"b\\\" c\" <q@example.test>\r\n".into()),
        (
            "encoded names",
            "Cc: =?utf-8?Q?Zo=C3=AB?= <zoe@example.test>, =?utf-8?B?5pel5pys?= <jp@example.test>\r\n".into(),
        ),
        ("bare addresses", "Cc: a@example.test, <b@example.test>\r\n".into()),
        (
            "reply-to and sender",
            "Reply-To: R <r@example.test>, s@example.test\r\nSender: Sec <sec@example.test>\r\n".into(),
        ),
        ("importance", "Importance: high\r\nSensitivity: Private\r\nX-Priority: 1\r\nX-Custom-Field: value\r\n".into()),
        ("thread", "In-Reply-To: <a@x>\r\nReferences: <a@x>\r\n <b@x>\r\nThread-Topic: other topic\r\n".into()),
    ] {
        all.push((name.into(), message(name, &field, "text\r\n")));
    }
}

fn attachments(all: &mut Vec<(String, Vec<u8>)>) {
    let every_byte: Vec<u8> = (0..=255).cycle().take(5000).collect();
    for (name, fields, data) in [
        (
            "binary",
            "Content-Type: application/octet-stream; name=\"data.bin\"\r\nContent-Disposition: attachment; filename=\"data.bin\"\r\n",
            &every_byte[..],
        ),
        ("empty", "Content-Type: application/pdf\r\nContent-Disposition: attachment; filename=empty.pdf\r\n", b""),
        (
            "rfc 2231 name",
            "Content-Type: image/png\r\nContent-Disposition: attachment;\r\n filename*=utf-8''Gr%C3%BC%C3%9Fe%20%E6%97%A5.png\r\n",
            b"png",
        ),
        (
            "continued name",
            "Content-Type: image/png\r\nContent-Disposition: attachment;\r\n filename*0=\"a very long name that \";\r\n filename*1=\"goes on and on.png\"\r\n",
            b"png",
        ),
        (
            "encoded word name",
            "Content-Type: image/png; name=\"=?utf-8?Q?=C3=A4.png?=\"\r\nContent-Disposition: attachment\r\n",
            b"png",
        ),
        ("no name", "Content-Type: application/zip\r\nContent-Disposition: attachment\r\n", b"zip"),
        (
            "text file",
            "Content-Type: text/csv; charset=utf-8; name=t.csv\r\nContent-Disposition: attachment; filename=t.csv\r\n",
            b"a;b\n1;2\n",
        ),
        (
            "calendar",
            "Content-Type: text/calendar; charset=utf-8; method=REQUEST; name=\"meeting.ics\"\r\n",
            b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n",
        ),
        (
            "location",
            "Content-Type: image/gif; name=x.gif\r\nContent-Location: http://example.test/x.gif\r\nContent-ID: <loc@x>\r\n",
            b"gif",
        ),
        (
            "unusual type",
            "Content-Type: application/vnd.example+xml; name=\"we\\\"ird.xml\"\r\nContent-Disposition: attachment; filename=\"we\\\"ird.xml\"\r\n",
            b"<x/>",
        ),
    ] {
        let (field, body) = multipart("mixed", "mix", &[text("see attachment\r\n"), file(fields, data)]);
        all.push((format!("attachment: {name}"), message(name, &field, &body)));
    }
    let fields = "Content-Type: application/pdf\r\nContent-Disposition: attachment; filename=only.pdf\r\nContent-Transfer-Encoding: base64\r\n";
    all.push(("attachment alone".into(), message("alone", fields, &STANDARD.encode("pdf"))));
}

fn structures(all: &mut Vec<(String, Vec<u8>)>) {
    let image = |id: &str| {
        file(
            &format!(
                "Content-Type: image/png; name={id}.png\r\nContent-ID: <{id}@x>\r\nContent-Disposition: inline; filename={id}.png\r\n"
            ),
            id.as_bytes(),
        )
    };
    let alternative =
        || nested("alternative", "alt", &[text("plain\r\n"), html("<p>rich <img src=\"cid:one@x\"></p>\r\n")]);
    let pdf = || file("Content-Type: application/pdf\r\nContent-Disposition: attachment; filename=d.pdf\r\n", b"pdf");
    let inner = |subject: &str, body: &str| {
        let message = String::from_utf8(message(subject, "", body)).expect("text");
        format!("Content-Type: message/rfc822\r\n\r\n{message}")
    };
    let mut add = |name: &str, (field, body): (String, String)| all.push((name.into(), message(name, &field, &body)));
    add("alternative", multipart("alternative", "a", &[text("plain\r\n"), html("<b>rich</b>\r\n")]));
    add(
        "related",
        multipart(
            "related",
            "r",
            &[html("<img src=\"cid:one@x\"><img src='CID:two@x'>\r\n"), image("one"), image("two")],
        ),
    );
    add("related in mixed", multipart("mixed", "m", &[nested("related", "r", &[alternative(), image("one")]), pdf()]));
    add(
        "alternative with related",
        multipart(
            "alternative",
            "a",
            &[text("plain\r\n"), nested("related", "r", &[html("<img src=\"cid:one@x\">\r\n"), image("one")])],
        ),
    );
    add("image shown in mixed", multipart("mixed", "m", &[html("<p>x</p>\r\n"), image("one"), pdf()]));
    add("forwarded", multipart("mixed", "m", &[text("fyi\r\n"), inner("inner subject", "inner text\r\n")]));
    let deep = format!(
        "Content-Type: message/rfc822\r\n\r\n{}",
        String::from_utf8({
            let (field, body) =
                multipart("mixed", "in", &[text("middle\r\n"), inner("innermost", "deep text\r\n"), pdf()]);
            message("middle", &field, &body)
        })
        .expect("text")
    );
    add("forwarded twice", multipart("mixed", "m", &[text("fyi\r\n"), deep]));
    add(
        "digest",
        multipart(
            "mixed",
            "m",
            &[
                text("digest\r\n"),
                nested(
                    "digest",
                    "d",
                    &[String::from_utf8([&b"\r\n"[..], &message("first", "", "1\r\n")].concat()).expect("text")],
                ),
            ],
        ),
    );
    let status = "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n\r\nFinal-Recipient: rfc822; a@x\r\nAction: failed\r\nStatus: 5.1.1\r\n";
    add(
        "delivery status",
        multipart(
            "report; report-type=delivery-status",
            "rep",
            &[text("failed\r\n"), status.into(), inner("original", "text\r\n")],
        ),
    );
    add("two texts", multipart("mixed", "m", &[text("body\r\n"), text("-- \r\nfooter of the list\r\n")]));
    add(
        "many attachments",
        multipart("mixed", "m", &[vec![text("many\r\n")], (0..30).map(|n| image(&format!("i{n}"))).collect()].concat()),
    );
}

fn damaged(all: &mut Vec<(String, Vec<u8>)>) {
    all.push((
        "bare line feeds".into(),
        String::from_utf8(message("lf", "", "a\r\nb\r\n")).expect("text").replace("\r\n", "\n").into_bytes(),
    ));
    all.push(("8-bit header".into(), headed("Subject: x\r\nX-Note: \u{fc}\r\n", "text\r\n")));
    all.push((
        "unknown charset".into(),
        message("charset", "Content-Type: text/plain; charset=x-unknown\r\n", "text\r\n"),
    ));
}
