//! Messages of every kind that mail programs, lists, scanners and broken software make: always the same ones.

use std::fmt::Write as _;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use exchange_sandbox::seed::Random;

/// A message.
#[derive(Debug, Clone)]
pub struct Sample {
    /// What is odd about it.
    pub kind: &'static str,
    /// Its bytes: no NUL, otherwise anything.
    pub bytes: Vec<u8>,
}

/// That many messages: all kinds in turn, no two alike.
pub fn messages(count: usize) -> Vec<Sample> {
    let make = |n: usize| {
        let (kind, build) = KINDS[n % KINDS.len()];
        let mut maker = Maker { n, random: Random::new(0xC0_4B05 + n as u64) };
        Sample { kind, bytes: build(&mut maker) }
    };
    (0..count).map(make).collect()
}

type Build = fn(&mut Maker) -> Vec<u8>;

const KINDS: &[(&str, Build)] = &[
    ("plain", |m| m.message("", &m.words(40))),
    ("plain, UTF-8, 8bit", |m| m.message(&text("utf-8", "8bit"), "Grüße aus Köln €5 – 日本語 🎉\r\n")),
    ("plain, quoted-printable", |m| {
        m.message(&text("iso-8859-1", "quoted-printable"), "caf=E9 =3D na=EFve=\r\n, soft break =20\r\nend=20\r\n")
    }),
    ("plain, base64", |m| {
        let body = lines_of(&STANDARD.encode(m.words(60)), 76);
        m.message(&text("utf-8", "base64"), &body)
    }),
    ("Latin 1 without declaration", |m| m.raw("", b"Gr\xFC\xDFe, fa\xE7ade\r\n")),
    ("KOI8-R", |m| m.raw(&text("koi8-r", "8bit"), b"\xF0\xD2\xC9\xD7\xC5\xD4 \xCD\xC9\xD2\r\n")),
    ("Shift_JIS", |m| m.raw(&text("shift_jis", "8bit"), b"\x93\xFA\x96\x7B\x8C\xEA\r\n")),
    ("ISO-2022-JP", |m| m.raw(&text("iso-2022-jp", "7bit"), b"\x1B$BF|K\\8l\x1B(B\r\n")),
    ("GB18030", |m| m.raw(&text("gb18030", "8bit"), b"\xD6\xD0\xCE\xC4\r\n")),
    ("UTF-7", |m| m.message(&text("utf-7", "7bit"), "a+AOQ-b +2DzYqQ-\r\n")),
    ("unknown charset", |m| m.raw(&text("x-unknown-99", "8bit"), b"\xE4\xF6\xFC\r\n")),
    ("HTML alone", |m| {
        let page = format!("<html><body><p>{}</p></body></html>\r\n", m.words(20));
        m.message("MIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n", &page)
    }),
    ("alternative", |m| {
        let parts = [part("text/plain", &m.words(20)), part("text/html", &format!("<p>{}</p>", m.words(20)))];
        m.multipart("alternative", &parts)
    }),
    ("alternative with RTF", |m| {
        let parts = [part("text/plain", "text"), part("text/rtf", "{\\rtf1\\ansi Hello \\b bold\\b0 }")];
        m.multipart("alternative", &parts)
    }),
    ("related with a picture", |m| {
        let page = part("text/html", "<p>x</p><img src=\"cid:dot@example.org\">");
        let dot = format!(
            "Content-Type: image/png\r\nContent-ID: <dot@example.org>\r\nContent-Transfer-Encoding: base64\r\n\r\n{}",
            m.base64(300)
        );
        m.multipart("related", &[page, dot])
    }),
    ("attachment", |m| {
        let size = 100 + m.n * 13 % 6000;
        let parts = [part("text/plain", "see attachment"), m.attachment("data.bin", size)];
        m.multipart("mixed", &parts)
    }),
    ("attachments with long and foreign names", |m| {
        let named = |name: &str| {
            format!("Content-Type: application/pdf\r\nContent-Disposition: attachment; {name}\r\n\r\nx\r\n")
        };
        let parts = [
            part("text/plain", "three"),
            named("filename*=utf-8''%C3%9Cbersicht%20%E2%82%AC.pdf"),
            named("filename*0=\"a very long name \"; filename*1=\"in two parts.pdf\""),
            named("filename==?utf-8?B?w5xiZXIucGRm?="),
        ];
        m.multipart("mixed", &parts)
    }),
    ("empty attachment", |m| {
        let empty = "Content-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=0\r\n\r\n";
        m.multipart("mixed", &[part("text/plain", "nothing in it"), empty.to_owned()])
    }),
    ("text attachment in Latin 1", |m| {
        let file = "Content-Type: text/plain; charset=iso-8859-1\r\nContent-Disposition: attachment; filename=a.txt\r\n\
                    Content-Transfer-Encoding: quoted-printable\r\n\r\n=E4=F6\r\n";
        m.multipart("mixed", &[part("text/plain", "x"), file.to_owned()])
    }),
    ("forwarded message", |m| {
        let inner = m.inner("inner");
        m.multipart("mixed", &[part("text/plain", "fwd"), format!("Content-Type: message/rfc822\r\n\r\n{inner}")])
    }),
    ("messages three deep", |m| {
        let deep = m.inner("deepest");
        let mut message = deep;
        for level in 0..2 {
            message = format!(
                "From: l{level}@example.org\r\nSubject: level {level}\r\nMIME-Version: 1.0\r\nContent-Type: \
                 multipart/mixed; boundary=\"l{level}\"\r\n\r\n--l{level}\r\n\r\ntext\r\n--l{level}\r\nContent-Type: \
                 message/rfc822\r\n\r\n{message}\r\n--l{level}--\r\n"
            );
        }
        message.into_bytes()
    }),
    ("digest", |m| {
        let parts = [format!("\r\n{}", m.inner("one")), format!("\r\n{}", m.inner("two"))];
        m.multipart("digest", &parts)
    }),
    ("encoded message/rfc822", |m| {
        let inner = lines_of(&STANDARD.encode(m.inner("encoded")), 60);
        let part_of = format!("Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n{inner}");
        m.multipart("mixed", &[part("text/plain", "x"), part_of])
    }),
    ("signed", |m| {
        let signature = "Content-Type: application/pkcs7-signature; name=smime.p7s\r\nContent-Transfer-Encoding: \
                         base64\r\n\r\nMIIB\r\n";
        let parts = [part("text/plain", "signed  \r\nas it is"), signature.to_owned()];
        m.multipart("signed; protocol=\"application/pkcs7-signature\"; micalg=sha-256", &parts)
    }),
    ("PGP signed", |m| {
        let signature = "Content-Type: application/pgp-signature\r\n\r\n-----BEGIN PGP SIGNATURE-----\r\nx\r\n-----END PGP \
                         SIGNATURE-----\r\n";
        m.multipart(
            "signed; protocol=\"application/pgp-signature\"",
            &[part("text/plain", "pgp"), signature.to_owned()],
        )
    }),
    ("PGP encrypted", |m| {
        let parts = [
            "Content-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n".to_owned(),
            "Content-Type: application/octet-stream\r\n\r\n-----BEGIN PGP MESSAGE-----\r\n".to_owned(),
        ];
        m.multipart("encrypted; protocol=\"application/pgp-encrypted\"", &parts)
    }),
    ("S/MIME encrypted", |m| {
        let header = "MIME-Version: 1.0\r\nContent-Type: application/pkcs7-mime; smime-type=enveloped-data; \
                      name=smime.p7m\r\nContent-Transfer-Encoding: base64\r\n";
        let body = m.base64(500);
        m.message(header, &body)
    }),
    ("delivery report", |m| {
        let status = "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.org\r\n\r\n\
                      Final-Recipient: rfc822; x@example.org\r\nAction: failed\r\nStatus: 5.1.1\r\n";
        let header = "Content-Type: text/rfc822-headers\r\n\r\nSubject: lost\r\n";
        let parts = [part("text/plain", "failed"), status.to_owned(), header.to_owned()];
        m.multipart("report; report-type=delivery-status", &parts)
    }),
    ("read receipt", |m| {
        let status = "Content-Type: message/disposition-notification\r\n\r\nFinal-Recipient: rfc822; x@example.org\r\n\
                      Disposition: manual-action/MDN-sent-manually; displayed\r\n";
        m.multipart("report; report-type=disposition-notification", &[part("text/plain", "read"), status.to_owned()])
    }),
    ("invitation", |m| {
        let calendar = "Content-Type: text/calendar; method=REQUEST; charset=utf-8\r\n\r\nBEGIN:VCALENDAR\r\nMETHOD:REQUEST\
                        \r\nBEGIN:VEVENT\r\nUID:1@example.org\r\nDTSTART:20260105T100000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\
                        \r\n";
        m.multipart("alternative", &[part("text/plain", "meeting"), calendar.to_owned()])
    }),
    ("invitation alone", |m| {
        m.message(
            "Content-Type: text/calendar; method=REPLY\r\n",
            "BEGIN:VCALENDAR\r\nMETHOD:REPLY\r\nEND:VCALENDAR\r\n",
        )
    }),
    ("mailing list", |m| {
        m.message(
            "List-Id: Some list <list.example.org>\r\nList-Unsubscribe: <mailto:u@example.org>,\r\n\t<https://example.org/u>\r\n\
             Precedence: bulk\r\nAuto-Submitted: auto-generated\r\nX-Mailer: Odd/1.0 (\"quoted\")\r\n",
            "list\r\n-- \r\nfooter\r\n",
        )
    }),
    ("many Received", |m| {
        let mut header = String::new();
        for hop in 0..30 {
            write!(
                header,
                "Received: from h{hop}.example.org (h{hop} [192.0.2.{hop}])\r\n\tby h.example.org; Mon, 5 Jan 2026 "
            )
            .and_then(|()| write!(header, "10:00:{hop:02} +0100\r\n"))
            .expect("in memory");
        }
        [header.as_bytes(), &m.message("DKIM-Signature: v=1; a=rsa-sha256; b=abc\r\n\tdef=\r\n", "x\r\n")].concat()
    }),
    ("duplicate fields", |m| {
        m.message(
            "Subject: another\r\nFrom: second@example.org\r\nX-A: 1\r\nX-A: 2\r\nTo: more@example.org\r\n",
            "twice\r\n",
        )
    }),
    ("encoded words", |m| {
        m.message(
            "X-Name: =?iso-8859-1?Q?J=F6rg_M=FCller?= =?utf-8?B?8J+OiQ==?=\r\nReply-To: =?utf-8?q?Gr=C3=BC=C3=9Fe?= \
             <r@example.org>\r\nComments: =?broken?X?zz?= =?utf-8?B?%%%?=\r\n",
            "x\r\n",
        )
    }),
    ("8-bit header", |m| m.raw("X-Raw: Gr\u{fc}\u{df}e \u{1F389}\r\n", b"8-bit header\r\n")),
    ("Latin 1 header", |m| [&b"Subject: Gr\xFC\xDFe\r\n"[..], &m.message("", "x\r\n")].concat()),
    ("odd folding", |m| {
        m.message(
            "X-Folded: a\r\n \r\n b\r\nX-Tab:\t\tc\r\n\td\r\nX-Empty:\r\nX-Space : before the colon\r\n",
            "folded\r\n",
        )
    }),
    ("groups and comments", |m| {
        m.message(
            "Cc: undisclosed-recipients:;, Team: a@example.org, \"B, C\" <b@example.org>;\r\nBcc: hidden@example.org\r\n\
             Sender: (a comment) s@example.org (another)\r\n",
            "x\r\n",
        )
    }),
    ("many recipients", |m| {
        let count = 200 + m.n % 100;
        let list: Vec<_> = (0..count).map(|i| format!("\"Person {i}\" <p{i}@example.org>")).collect();
        m.message(&format!("Cc: {}\r\n", list.join(",\r\n ")), "to all\r\n")
    }),
    ("no Date, no Message-ID, no From", |m| format!("Subject: bare {}\r\n\r\nbody\r\n", m.n).into_bytes()),
    ("odd dates", |m| m.message("Date: yesterday\r\nResent-Date: Mon, 32 Foo 2026 99:99:99 +9999\r\n", "x\r\n")),
    ("priority and receipts", |m| {
        m.message(
            "X-Priority: 1 (Highest)\r\nImportance: high\r\nSensitivity: Private\r\nDisposition-Notification-To: \
             a@example.org\r\nReturn-Receipt-To: a@example.org\r\nThread-Index: Ac1GYv9nAAAAAAAAAAAAAAAAAAAAAA==\r\n\
             Thread-Topic: topic\r\n",
            "now\r\n",
        )
    }),
    ("long line", |m| m.message("", &format!("{}\r\nshort\r\n", "long ".repeat(2000 + m.n)))),
    ("long header line", |m| m.message(&format!("X-Long: {}\r\n", "y".repeat(5000 + m.n)), "x\r\n")),
    ("long subject", |m| format!("Subject: {} {}\r\n\r\nx\r\n", "s".repeat(2000), m.n).into_bytes()),
    ("bare LF", |m| String::from_utf8_lossy(&m.message("", &m.words(30))).replace("\r\n", "\n").into_bytes()),
    ("bare CR and mixed line ends", |m| m.message("", "a\rb\nc\r\r\nd\n\re\r\n")),
    ("no line end at the end", |m| m.message("", "the last line has no end")),
    ("spaces and blank lines at the end", |m| m.message("", "text  \r\n \t \r\n\r\n\r\n\r\n")),
    ("dots and From lines", |m| m.message("", ".\r\n..\r\n.dot\r\nFrom here\r\n>From there\r\n")),
    ("header alone", |m| format!("Subject: no body {}\r\nFrom: a@example.org\r\n", m.n).into_bytes()),
    ("header without its end", |m| format!("Subject: cut {}", m.n).into_bytes()),
    ("empty body", |m| m.message("", "")),
    ("body alone", |m| format!("\r\nno header at all {}\r\n", m.n).into_bytes()),
    ("not a message", |m| format!("this is no header line\r\nnor this {}\r\n", m.n).into_bytes()),
    ("mbox line first", |m| {
        [b"From a@example.org Mon Jan  5 10:00:00 2026\r\n".as_slice(), &m.message("", "x\r\n")].concat()
    }),
    ("binary junk", |m| (0..300 + m.n % 700).map(|_| (m.random.number() % 255) as u8 + 1).collect()),
    ("control characters", |m| m.raw("X-Control: a\u{1}b\u{7f}\r\n", b"\x01\x02\x08\x0B\x0C\x1B[31m\x7F\r\n")),
    ("boundary missing", |m| m.message("Content-Type: multipart/mixed\r\n", "--x\r\n\r\na\r\n--x--\r\n")),
    ("multipart never closed", |m| {
        m.message(
            "Content-Type: multipart/mixed; boundary=x\r\n",
            "preamble\r\n--x\r\n\r\na\r\n--x\r\nContent-Type: te",
        )
    }),
    ("multipart with preamble and epilogue", |m| {
        m.message(
            "Content-Type: multipart/mixed; boundary=\"a b\"\r\n",
            "pre\r\n--a b\r\n\r\na\r\n--a b-- \r\nepilogue\r\n",
        )
    }),
    ("multipart without parts", |m| m.message("Content-Type: multipart/mixed; boundary=q\r\n", "nothing\r\n--q--\r\n")),
    ("nested too deep", |m| {
        let mut body = "deep\r\n".to_owned();
        for level in 0..40 {
            body = format!(
                "Content-Type: multipart/mixed; boundary=b{level}\r\n\r\n--b{level}\r\n{body}\r\n--b{level}--\r\n"
            );
        }
        format!("Subject: deep {}\r\n{body}", m.n).into_bytes()
    }),
    ("many parts", |m| {
        let parts: Vec<_> = (0..60).map(|i| part("text/plain", &format!("part {i}"))).collect();
        m.multipart("mixed", &parts)
    }),
    ("wrong encodings", |m| {
        let parts = [
            "Content-Transfer-Encoding: base64\r\n\r\n!!!not base64!!!\r\n".to_owned(),
            "Content-Transfer-Encoding: quoted-printable\r\n\r\n=ZZ = =\r\n".to_owned(),
            "Content-Transfer-Encoding: x-uuencode\r\n\r\nbegin 644 a\r\n`\r\nend\r\n".to_owned(),
            "Content-Type: nonsense\r\n\r\nx\r\n".to_owned(),
            "Content-Type: ;;;=\"\r\n\r\ny\r\n".to_owned(),
        ];
        m.multipart("mixed", &parts)
    }),
    ("winmail.dat", |m| {
        let tnef = format!(
            "Content-Type: application/ms-tnef; name=winmail.dat\r\nContent-Transfer-Encoding: base64\r\n\r\n{}",
            m.base64(200)
        );
        m.multipart("mixed", &[part("text/plain", "rich"), tnef])
    }),
    ("partial message", |m| {
        m.message(
            "Content-Type: message/partial; id=\"a@example.org\"; number=1; total=3\r\n",
            "Subject: inner\r\n\r\npart\r\n",
        )
    }),
    ("a file as the whole message", |m| {
        let body = m.base64(900);
        m.message(
            "Content-Type: application/zip; name=a.zip\r\nContent-Disposition: attachment; filename=a.zip\r\n\
             Content-Transfer-Encoding: base64\r\n",
            &body,
        )
    }),
    ("large body", |m| m.message("", &format!("{}\r\n", m.words(12)).repeat(500 + m.n))),
    ("large attachment", |m| {
        let parts = [part("text/plain", "large"), m.attachment("large.bin", 90_000 + m.n)];
        m.multipart("mixed", &parts)
    }),
];

struct Maker {
    n: usize,
    random: Random,
}

impl Maker {
    fn words(&self, count: usize) -> String {
        let mut random = Random::new(self.n as u64 + 77);
        let word = |_| (0..3 + random.below(6)).map(|_| char::from(b'a' + random.below(26) as u8)).collect::<String>();
        (0..count).map(word).collect::<Vec<_>>().chunks(9).map(|line| line.join(" ") + "\r\n").collect()
    }

    fn base64(&mut self, size: usize) -> String {
        let bytes: Vec<u8> = (0..size).map(|_| self.random.number() as u8).collect();
        lines_of(&STANDARD.encode(bytes), 76)
    }

    fn message(&self, more: &str, body: &str) -> Vec<u8> {
        self.raw(more, body.as_bytes())
    }

    fn raw(&self, more: &str, body: &[u8]) -> Vec<u8> {
        let n = self.n;
        let (minute, second) = (n / 60 % 60, n % 60);
        let header = format!(
            "From: \"Sender {n}\" <s{n}@example.org>\r\nTo: alice@example.test\r\nSubject: Re: number {n}\r\nDate: Mon, 5 Jan \
             2026 10:{minute:02}:{second:02} +0100\r\nMessage-ID: <{n}.corpus@example.org>\r\n{more}\r\n"
        );
        [header.as_bytes(), body].concat()
    }

    fn multipart(&self, subtype: &str, parts: &[String]) -> Vec<u8> {
        let boundary = format!("----=_Part_{}", self.n);
        let header = format!("MIME-Version: 1.0\r\nContent-Type: multipart/{subtype};\r\n boundary=\"{boundary}\"\r\n");
        let body: String = parts.iter().map(|part| format!("--{boundary}\r\n{part}\r\n")).collect();
        self.message(&header, &format!("{body}--{boundary}--\r\n"))
    }

    fn attachment(&mut self, name: &str, size: usize) -> String {
        format!(
            "Content-Type: application/octet-stream; name=\"{name}\"\r\nContent-Disposition: attachment;\r\n \
             filename=\"{name}\"\r\nContent-Transfer-Encoding: base64\r\n\r\n{}",
            self.base64(size)
        )
    }

    fn inner(&self, subject: &str) -> String {
        let n = self.n;
        format!(
            "From: inner{n}@example.org\r\nTo: x@example.org\r\nSubject: {subject} {n}\r\nDate: Mon, 5 Jan 2026 09:00:00 \
             +0000\r\nMessage-ID: <{subject}.{n}@example.org>\r\n\r\nThe {subject} message.\r\n"
        )
    }
}

fn text(charset: &str, encoding: &str) -> String {
    format!(
        "MIME-Version: 1.0\r\nContent-Type: text/plain; charset={charset}\r\nContent-Transfer-Encoding: {encoding}\r\n"
    )
}

fn part(media_type: &str, content: &str) -> String {
    format!("Content-Type: {media_type}; charset=utf-8\r\n\r\n{content}")
}

fn lines_of(text: &str, width: usize) -> String {
    text.as_bytes().chunks(width).map(|line| String::from_utf8_lossy(line).into_owned() + "\r\n").collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn always_the_same_and_no_two_alike() {
        let samples = messages(5 * KINDS.len());
        let again = messages(5 * KINDS.len());
        assert!(samples.iter().zip(&again).all(|(a, b)| a.bytes == b.bytes));
        let different: BTreeSet<_> = samples.iter().map(|sample| &sample.bytes).collect();
        assert_eq!(different.len(), samples.len());
        assert!(samples.iter().all(|sample| !sample.bytes.contains(&0) && !sample.bytes.is_empty()));
    }
}
