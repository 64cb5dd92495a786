//! Messages as scanners, mailing lists and other programs write them, sent through the gateway: what a reader must see. The
//! files in `inputs/` were made after public reports; each stands for a kind of which relatives follow.

use gateway::convert::mime_to_mapi::{Purpose, parse};
use mail_core::{FlagSet, Keywords};
use mail_parser::{MessageParser, MimeHeaders};
use mapi_core::message::MessageContent;
use mapi_core::property::{FileTime, tags};

use crate::observe::{Observed, observe};
use crate::support::{raw_rendered, read};

macro_rules! input {
    ($name:literal) => {
        &include_bytes!(concat!("inputs/", $name, ".eml"))[..]
    };
}

/// As it is sent: with CRLF.
fn wired(message: &[u8]) -> Vec<u8> {
    String::from_utf8_lossy(message).replace("\r\n", "\n").replace('\n', "\r\n").into_bytes()
}

fn submitted(message: &[u8]) -> MessageContent {
    let (own, envelope) = (["alice@example.test".to_owned()], ["bob@example.test".to_owned()]);
    parse(&read(message), Purpose::Submit { own_addresses: &own, recipients: &envelope }).expect("few recipients")
}

fn drafted(message: &[u8]) -> MessageContent {
    let (flags, keywords, internal_date) = (FlagSet::DRAFT, &Keywords::EMPTY, FileTime(0));
    parse(&read(message), Purpose::Append { flags, keywords, internal_date }).expect("few recipients")
}

/// What the receiver of a message sees, which is also what is seen of it as a draft.
#[track_caller]
fn received(message: &[u8]) -> Observed {
    let message = wired(message);
    let [sent, draft] = [submitted(&message), drafted(&message)].map(|content| observe(&raw_rendered(&content)));
    assert_eq!((&sent.body, &sent.attachments, &sent.nested), (&draft.body, &draft.attachments, &draft.nested));
    sent
}

fn rendered(message: &[u8]) -> String {
    String::from_utf8_lossy(&raw_rendered(&submitted(&wired(message)))).into_owned()
}

fn names(observed: &Observed) -> Vec<&str> {
    observed.attachments.iter().map(|file| file.name.as_deref().unwrap_or("-")).collect()
}

/// A multipart of these parts.
fn multipart(kind: &str, parts: &[&str]) -> Vec<u8> {
    let parts: String = parts.iter().map(|part| format!("--m\n{part}\n")).collect();
    format!("Subject: s\nMIME-Version: 1.0\nContent-Type: multipart/{kind}; boundary=m\n\n{parts}--m--\n").into_bytes()
}

#[track_caller]
fn shows_in_order(body: &str, texts: &[&str]) {
    let mut rest = body;
    for text in texts {
        let at = rest.find(text).unwrap_or_else(|| panic!("no {text:?} where it belongs in {body:?}"));
        rest = &rest[at + text.len()..];
    }
}

#[test]
fn every_text_beside_others_is_shown_in_its_order() {
    let html = "Content-Type: text/html\n\n<p>HTML</p>";
    let plain = |text: &str| format!("Content-Type: text/plain\n\n{text}");
    let alternative = "Content-Type: multipart/alternative; boundary=a\n\n--a\n\nplain form\n--a\nContent-Type: text/html\n\n<b>html form</b>\n--a--";
    for (message, texts) in [
        (input!("03-html-then-text").to_vec(), &["HTML body", "TEXT AFTER THE HTML BODY"][..]),
        (input!("03-text-alternative-text").to_vec(), &["TOP", "html alternative", "BOTTOM"]),
        (input!("03-text-then-alternative").to_vec(), &["DISCLAIMER BEFORE THE MESSAGE", "html alternative"]),
        (multipart("mixed", &[&plain("one"), &plain("two"), &plain("three")]), &["one", "two", "three"]),
        (multipart("mixed", &[html, html, &plain("a < b")]), &["HTML", "HTML", "a &lt; b"]),
        (
            multipart("mixed", &[alternative, &plain("_______\nlist footer")]),
            &["html form", "_______<br>", "list footer"],
        ),
        (multipart("x-unknown", &[&plain("top"), alternative, html]), &["top", "html form", "HTML"]),
        // As Apple Mail has it: files between the pieces of one of two forms.
        (
            multipart(
                "alternative",
                &[
                    &plain("plain"),
                    &format!(
                        "Content-Type: multipart/mixed; boundary=i\n\n--i\n{html}\n--i\nContent-Type: application/pdf\n\nx\n--i\n{html}\n--i--"
                    ),
                ],
            ),
            &["HTML", "HTML"],
        ),
    ] {
        let seen = received(&message);
        shows_in_order(&seen.body, texts);
        assert!(seen.attachments.len() <= 1, "{:?}", seen.attachments);
    }
    // In an attached message, too.
    let inner = String::from_utf8(multipart("mixed", &[html, &plain("after")]))
        .unwrap()
        .replace("=m", "=n")
        .replace("--m", "--n");
    let seen = received(&multipart("mixed", &[&plain("outer"), &format!("Content-Type: message/rfc822\n\n{inner}")]));
    shows_in_order(&seen.nested[0].body, &["HTML", "after"]);
}

#[test]
fn what_is_another_form_of_a_text_is_not_shown_twice() {
    let seen = received(&multipart("alternative", &["\nplain", "Content-Type: text/html\n\n<p>html</p>"]));
    assert_eq!((&seen.body[..], seen.attachments.len()), ("<p>html</p>", 0));
    // HTML that shows nothing is no form of a text.
    let seen =
        received(&multipart("alternative", &["\nplain", "Content-Type: text/html\n\n<html><body></body></html>"]));
    assert_eq!((&seen.body[..], seen.attachments.len()), ("plain", 0));
    // Two texts of one form are two texts.
    let seen = received(&multipart("alternative", &["\none", "\ntwo"]));
    assert_eq!((&seen.body[..], seen.attachments.len()), ("one", 1));
}

#[test]
fn transfer_encodings_are_understood_with_whatever_stands_beside_them() {
    let other = |encoding: &str| {
        multipart(
            "mixed",
            &[
                &format!("Content-Transfer-Encoding: {encoding}\n\naGVsbG8="),
                &format!(
                    "Content-Type: application/pdf; name=x.pdf\nContent-Transfer-Encoding: {encoding}\n\nJVBERi0xLjQK"
                ),
            ],
        )
    };
    let pdf = received(input!("04-base64")).attachments;
    for message in [
        input!("04-base64").to_vec(),
        input!("04-base64comment").to_vec(),
        input!("04-quoted").to_vec(),
        other("base64, 7bit"),
        other("BASE64 charset=utf-8"),
        other("(x) base64;;"),
    ] {
        let seen = received(&message);
        assert_eq!((&seen.body[..], &seen.attachments), ("hello", &pdf));
    }
}

#[test]
fn parameters_may_be_folded_anywhere() {
    assert_eq!(names(&received(input!("05-boundary"))), ["x.pdf"]);
    let seen = received(input!("05-filename-charset"));
    assert_eq!(seen.body, "łódź");
    assert_eq!(names(&seen), ["Partner Agreement Form - Week 11.pdf", "a long name.pdf"]);
    let file = |disposition: &str| {
        let seen = received(&multipart(
            "mixed",
            &["\nx", &format!("Content-Type: a/b\nContent-Disposition: {disposition}\n\ny")],
        ));
        names(&seen)[0].to_owned()
    };
    assert_eq!(file("attachment;\n filename\n =\n x.pdf"), "x.pdf");
    assert_eq!(file("attachment\n ;filename=\"a\n b.pdf\""), "a b.pdf");
    assert_eq!(file("attachment; filename=\n\t\"a b.pdf\""), "a b.pdf");
}

#[test]
fn names_of_files_are_whole() {
    assert_eq!(names(&received(input!("06-rfc2231"))), ["éè.pdf", "☃.pdf"]);
    assert_eq!(
        names(&received(input!("07-parentheses"))),
        ["E(E)E.pdf", "XX (P 4) p.pdf", "foo(bar.pdf", "report (1).pdf"]
    );
    assert_eq!(names(&received(input!("19-both-names"))), ["€.pdf"]);
    let file = |parameters: &str| {
        let seen = received(&multipart(
            "mixed",
            &["\nx", &format!("Content-Type: a/b\nContent-Disposition: attachment; {parameters}\n\ny")],
        ));
        names(&seen)[0].to_owned()
    };
    for (parameters, expected) in [
        ("filename*0*=koi8-r'ru'%C1; filename*1*=%C2.pdf", "аб.pdf"),
        ("filename*1=b.pdf; filename*0=a", "ab.pdf"),
        ("filename*0*=utf-8''%E2%82; filename*1*=%AC; filename*2=.pdf", "€.pdf"),
        ("filename=a (b) (c).pdf; x=y", "a (b) (c).pdf"),
        ("filename=(a).pdf", "(a).pdf"),
        ("filename=\"half.pdf; size=3", "half.pdf"),
        ("filename*=UTF-8''%E2%82%AC.pdf; filename=EURO.pdf", "€.pdf"),
        ("filename=\"=?utf-8?Q?=E2=82?= =?utf-8?Q?=AC.pdf?=\"", "€.pdf"),
    ] {
        assert_eq!(file(parameters), expected, "{parameters}");
    }
}

#[test]
fn encoded_words_lose_nothing() {
    let seen = received(input!("08-split-words"));
    assert_eq!((&seen.subject[..], &seen.to[0].0[..], names(&seen)), ("Grüße", "Böb", vec!["аб.pdf"]));
    let seen = received(input!("09-no-padding"));
    assert_eq!((&seen.subject[..], &seen.to[0].0[..], names(&seen)), ("Hello World", "Hello World", vec!["про.pdf"]));
    for (word, expected) in [
        ("=?utf-8?B?4g==?=\n =?utf-8?B?gqw=?=", "€"),
        ("=?UTF-8?Q?=E2=82?= =?utf-8?b?rA?=", "€"),
        ("\"=?utf-8?Q?A=2C_B=C3?= =?utf-8?Q?=B6?=\"", "A, Bö"),
    ] {
        let seen = received(format!("To: {word} <bob@example.test>\nSubject: s\n\nx\n").as_bytes());
        assert_eq!(seen.to, [(expected.to_owned(), "bob@example.test".to_owned())], "{word}");
    }
}

#[test]
fn types_that_cannot_be_read_hide_nothing() {
    assert_eq!(names(&received(input!("10-attachment"))), ["x.pdf"]);
    assert_eq!(received(input!("10-attachment")).attachments[0].media_type, "application/pdf");
    assert_eq!(received(input!("10-comma")).body, "The whole message");
    assert_eq!(received(input!("10-no-semicolon")).body, "<p>The whole message</p>");
    for (kind, text, expected) in [
        ("text", "<html><p>x</p></html>", "<html><p>x</p></html>"),
        ("html", "<!DOCTYPE html><p>x</p>", "<!DOCTYPE html><p>x</p>"),
        ("plain; charset=iso-8859-1", "x < y", "x < y"),
        ("", "x", "x"),
        ("charset=utf-8", "x", "x"),
    ] {
        assert_eq!(received(format!("Content-Type: {kind}\n\n{text}\n").as_bytes()).body, expected, "{kind}");
    }
    let seen = received(&multipart("mixed", &["\nx", "Content-Type: name=\"a.doc\"\n\ny"]));
    assert_eq!((names(&seen), &seen.attachments[0].media_type[..]), (vec!["a.doc"], "application/octet-stream"));
}

#[test]
fn the_header_ends_where_the_text_begins() {
    shows_in_order(&received(input!("11-before-boundary")).body, &["the first text", "the second text"]);
    let seen = received(input!("11-no-blank-line"));
    assert_eq!(seen.subject, "UPS on battery");
    shows_in_order(&seen.body, &["Input power failed at 10:02", "Runtime remaining: 12 minutes"]);
    shows_in_order(
        &received(input!("11-part")).body,
        &["This text follows the boundary at once", "and goes on here", "Dear customer, thank you.", "Bye"],
    );
    assert_eq!(received(b"No header at all: really\nnone\n").body, "No header at all: really\nnone");
    assert_eq!(received(b"Subject: s\n==========\n\ntext\n").body, "==========\n\ntext");
    shows_in_order(&received(&multipart("mixed", &["one two\n\nthree", "\nfour"])).body, &["one two", "three", "four"]);
}

#[test]
fn the_root_of_related_parts_is_the_one_that_is_named() {
    let seen = received(input!("12-start"));
    assert_eq!(seen.body, "<p>The message <img src=\"cid:i@x\"></p>");
    assert_eq!((names(&seen), seen.attachments[0].content_id.as_deref()), (vec!["i.png"], Some("i@x")));
    let parts = [
        "Content-Type: image/png; name=i.png\nContent-ID: <i@x>\n\nx",
        "Content-Type: text/html\nContent-ID: <r@x>\n\n<p>root</p>",
    ];
    for (start, order) in [("start=\"r@x\"", [0, 1]), ("start=\"<r@x>\"", [1, 0]), ("start=\"<no@x>\"", [1, 0])] {
        let message = multipart(&format!("related; {start}"), &order.map(|at| parts[at]));
        let seen = received(&message);
        assert_eq!((&seen.body[..], names(&seen)), ("<p>root</p>", vec!["i.png"]), "{start}");
    }
}

#[test]
fn text_is_in_the_charset_that_it_is_in() {
    assert!(received(input!("13-meta-charset")).body.contains("<body>łódź</body>"));
    let encoded = |kind: &str, text: &[u8]| {
        let text: String = text.iter().map(|byte| format!("={byte:02X}")).collect();
        received(format!("Content-Type: {kind}\nContent-Transfer-Encoding: quoted-printable\n\n{text}\n").as_bytes())
            .body
    };
    assert_eq!(encoded("text/html; charset=unknown", b"<meta charset=koi8-r>\xC1"), "<meta charset=koi8-r>а");
    assert_eq!(encoded("text/plain; charset=us-ascii", "Grüße".as_bytes()), "Grüße");
    assert_eq!(encoded("text/plain", b"Sch\xF6ne Gr\xFC\xDFe"), "Schöne Grüße");
    // What the header says goes before what the text says.
    assert_eq!(encoded("text/html; charset=iso-8859-1", b"<meta charset=koi8-r>\xE4"), "<meta charset=koi8-r>ä");
}

#[test]
fn multiparts_that_were_encoded_as_a_whole_are_taken_apart() {
    let seen = received(input!("14-sap"));
    assert_eq!((&seen.body[..], names(&seen)), ("hello", vec!["x.pdf"]));
    let whole = |encoding: &str, body: &str| {
        format!("Content-Type: multipart/mixed; boundary=m\nContent-Transfer-Encoding: {encoding}\n\n{body}\n")
            .into_bytes()
    };
    let seen = received(&whole(
        "quoted-printable",
        "=2D-m=0A=0Ahello=0A=2D-m=0AContent-Type: a/b; name=3Dx.pdf=0A=0Ay=0A=2D-m--",
    ));
    assert_eq!((&seen.body[..], names(&seen)), ("hello", vec!["x.pdf"]));
    // Nothing in it, and not encoded at all.
    assert_eq!(received(&whole("base64", "aGVsbG8=")).body, "hello");
    assert_eq!(received(&whole("base64", "--m\n\nhello\n--m--")).body, "hello");
    // Delimiters that the header does not name.
    let unnamed = b"Content-Type: multipart/mixed\n\n--q\n\nhello\n--q\nContent-Type: a/b; name=x.pdf\n\ny\n--q--\n";
    assert_eq!((&received(unnamed).body[..], names(&received(unnamed))), ("hello", vec!["x.pdf"]));
    assert_eq!(received(b"Content-Type: multipart/mixed\n\njust text\n").body, "just text");
}

#[test]
fn what_is_encrypted_stays_what_it_is() {
    let files = |text: &str| -> Vec<(String, Vec<u8>)> {
        let parsed = MessageParser::new().parse(text.as_bytes()).unwrap();
        let inner = parsed.attachments().find_map(|part| part.message().cloned());
        let parsed = inner.unwrap_or_else(|| parsed.clone());
        let parts = parsed.attachments().map(|part| (part.content_type().unwrap(), part.contents().to_vec()));
        parts.map(|(kind, data)| (kind.subtype().unwrap().to_owned(), data)).collect()
    };
    let encrypted = |text: &str| {
        assert!(text.contains("multipart/encrypted; boundary="), "{text}");
        assert!(text.contains("protocol=\"application/pgp-encrypted\""), "{text}");
        let files = files(text);
        assert_eq!((files.len(), &files[0].0[..], &files[1].0[..]), (2, "pgp-encrypted", "octet-stream"), "{text}");
        assert!(files[0].1.starts_with(b"Version: 1"), "{text}");
        String::from_utf8(files[1].1.clone()).unwrap()
    };
    let data = encrypted(&rendered(input!("16-pgp")));
    assert_eq!(data, "-----BEGIN PGP MESSAGE-----\r\n\r\nhQEMA0000000\r\n-----END PGP MESSAGE-----");
    // Within others it is a message of its own.
    let inner = "Content-Type: multipart/encrypted; boundary=e; protocol=\"application/pgp-encrypted\"\n\n--e\nContent-Type: application/pgp-encrypted\n\nVersion: 1\n--e\nContent-Type: application/octet-stream\n\nxyz\n--e--";
    let message = multipart("mixed", &[inner, "\nlist footer"]);
    assert_eq!(encrypted(&rendered(&message)), "xyz");
    assert_eq!(received(&message).body, "list footer");
    // Two such files beside a text are files.
    let message = multipart(
        "mixed",
        &[
            "\ntext",
            "Content-Type: application/pgp-encrypted\n\nVersion: 1",
            "Content-Type: application/octet-stream\n\nx",
        ],
    );
    assert!(!rendered(&message).contains("multipart/encrypted"));
    let signed = "Content-Type: multipart/signed; boundary=s; protocol=\"application/pgp-signature\"\n\n--s\n\nsigned text  \n--s\nContent-Type: application/pgp-signature\n\nsig\n--s--";
    let message = multipart("mixed", &[signed, "\nlist footer"]);
    assert!(rendered(&message).contains(&signed.replace('\n', "\r\n")));
    shows_in_order(&received(&message).body, &["signed text", "list footer"]);
}

#[test]
fn reports_stay_reports() {
    let report = rendered(input!("17-mdn"));
    for line in [
        "multipart/report;",
        "report-type=disposition-notification",
        "This is a receipt.",
        "Original-Message-ID: <a@b.example>",
        "Reporting-UA: client.example",
        "Disposition: manual-action/MDN-sent-manually; displayed",
    ] {
        assert!(report.contains(line), "{line}: {report}");
    }
    let status = |action: &str| {
        let parts = [
            "\nIt was not delivered.".to_owned(),
            format!(
                "Content-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\nFinal-Recipient: rfc822; a@b\nAction: {action}\nStatus: 5.1.1"
            ),
            "Content-Type: message/rfc822\n\nSubject: the original\n\ntext".to_owned(),
        ];
        multipart("report; report-type=delivery-status", &[&parts[0], &parts[1], &parts[2]])
    };
    for (action, class) in [("failed", "NDR"), ("delayed", "DELAYED"), ("delivered", "DR")] {
        let content = submitted(&wired(&status(action)));
        assert_eq!(content.properties.text(tags::PidTagMessageClass), Some(&format!("REPORT.IPM.Note.{class}")[..]));
        let text = rendered(&status(action));
        assert!(text.contains("report-type=delivery-status") && text.contains("Status: 5.1.1"), "{text}");
        assert_eq!(received(&status(action)).nested[0].subject, "the original");
    }
    // A report of which nothing is known stays its text.
    assert_eq!(received(&multipart("report", &["\ntext"])).body, "text");
}

#[test]
fn an_inline_text_with_a_name_is_the_body() {
    let seen = received(input!("20-named-body"));
    assert_eq!((&seen.body[..], names(&seen)), ("Dear reader", vec!["s.pdf"]));
    let named = "Content-Type: text/html; name=m.html\nContent-Disposition: inline; filename=m.html\n\n<p>x</p>";
    assert_eq!(received(&multipart("mixed", &[named])).body, "<p>x</p>");
    // A further one is a file, as is one that is attached.
    let seen = received(&multipart("mixed", &["\ntext", named]));
    assert_eq!((&seen.body[..], names(&seen)), ("text", vec!["m.html"]));
    let seen = received(&multipart(
        "mixed",
        &["Content-Type: text/plain\nContent-Disposition: attachment; filename=a.txt\n\ny", "\ntext"],
    ));
    assert_eq!((&seen.body[..], names(&seen)), ("text", vec!["a.txt"]));
}

#[test]
fn flowed_text_is_put_together() {
    let text = "Content-Type: text/plain; format=flowed\n\nA paragraph that \ngoes on.\n\n> quoted \n> text\n-- \nme\n";
    assert_eq!(received(text.as_bytes()).body, "A paragraph that goes on.\n\n> quoted text\n--\nme");
    let text = "Content-Type: text/plain; format=flowed; delsp=yes; charset=utf-8\n\n日本 \n語\n";
    assert_eq!(received(text.as_bytes()).body, "日本語");
}

#[test]
fn fields_that_matter_to_readers_are_kept() {
    let fields = [
        "Comments: one",
        "Comments: two, three",
        "Keywords: a, b",
        "Mail-Followup-To: list@example.test",
        "Openpgp: id=0123; url=https://x.example/key",
        "Autocrypt: addr=alice@example.test; keydata=AAAA",
        "List-Unsubscribe: <mailto:leave@example.test>",
        "X-Same: first",
        "X-Same: second",
        "Resent-From: carol@example.test",
        "Archived-At: <https://x.example/1>",
    ];
    let text = rendered(format!("Subject: s\n{}\n\nx\n", fields.join("\n")).as_bytes());
    for field in fields {
        assert!(text.contains(&format!("\r\n{field}\r\n")), "{field}: {text}");
    }
    let position = |field: &str| text.find(field).unwrap();
    assert!(position("X-Same: first") < position("X-Same: second"));
}

#[test]
fn a_draft_is_what_its_writer_left() {
    let draft = "From: Alice <alice@example.test>\nTo: bob@example.test, unfinished, \"Doe, J\"\nCc: \nBcc: Carol <carol@example.test>, caro\n\
        Subject: d\nFcc: Sent\nX-Mozilla-Draft-Info: internal/draft; vcard=0\nExtra: anything\nKeywords: k\n\
        Content-Type: multipart/mixed; boundary=m\n\n--m\nContent-Type: text/html\n\n<p>HTML</p>\n--m\n\nTEXT AFTER\n--m--\n";
    let text = String::from_utf8(raw_rendered(&drafted(&wired(draft.as_bytes())))).unwrap();
    for line in [
        "From: Alice <alice@example.test>",
        "To: bob@example.test, unfinished, \"Doe, J\"",
        "Bcc: Carol <carol@example.test>, caro",
        "Subject: d",
        "Fcc: Sent",
        "X-Mozilla-Draft-Info: internal/draft; vcard=0",
        "Extra: anything",
        "Keywords: k",
    ] {
        assert!(text.contains(&format!("\r\n{line}\r\n")) || text.starts_with(line), "{line}: {text}");
    }
    shows_in_order(&text, &["<p>HTML</p>", "TEXT AFTER"]);
    // What is sent names nobody whom the envelope does not name, and says nothing that only its writer understands.
    let sent = rendered(draft.as_bytes());
    assert!(!sent.contains("unfinished") && !sent.contains("carol") && !sent.contains("Fcc"), "{sent}");
}
