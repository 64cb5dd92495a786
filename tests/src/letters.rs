//! Messages as people and programs send them, for comparing what arrives with what was sent: always the same ones.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use exchange_sandbox::seed::Random;

/// A message to be sent.
#[derive(Debug, Clone)]
pub struct Letter {
    /// What stands in its subject and in no other's, as `[0007]`.
    pub tag: String,
    /// What is special about its body.
    pub kind: &'static str,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Who sends and who receives.
#[derive(Debug, Clone, Copy)]
pub struct Parties<'a> {
    /// The author.
    pub sender: &'a str,
    /// Whose mailbox is looked into.
    pub receiver: &'a str,
    /// Who else gets the messages, so that there is more in To and Cc.
    pub others: &'a [String],
}

/// That many messages: all kinds in turn, with varied headers.
pub fn letters(count: usize, parties: Parties<'_>) -> Vec<Letter> {
    let make = |n: usize| {
        let (kind, build) = BODIES[n % BODIES.len()];
        let mut maker = Maker { n, random: Random::new(0x1E77E5 + n as u64) };
        let tag = format!("[{n:04}]");
        let body = build(&mut maker);
        let bytes = [maker.header(&tag, parties).into_bytes(), body].concat();
        Letter { tag, kind, bytes }
    };
    (0..count).map(make).collect()
}

type Build = fn(&mut Maker) -> Vec<u8>;

const BODIES: &[(&str, Build)] = &[
    ("plain", |m| m.text("us-ascii", "7bit", m.words(60).as_bytes())),
    ("UTF-8, 8bit", |m| m.text("utf-8", "8bit", "Grüße aus Köln, 5 € – 日本語 🎉\r\nzweite Zeile\r\n".as_bytes())),
    ("Latin 1, quoted-printable", |m| {
        m.text("iso-8859-1", "quoted-printable", b"caf=E9 =3D na=EFve, a soft =\r\nbreak, the end=2E\r\n")
    }),
    ("UTF-8, base64", |m| {
        let body = m.encoded(format!("Žluťoučký kůň {}", m.words(80)).as_bytes());
        m.text("utf-8", "base64", body.as_bytes())
    }),
    ("KOI8-R", |m| m.text("koi8-r", "8bit", b"\xF0\xD2\xC9\xD7\xC5\xD4 \xCD\xC9\xD2\r\n")),
    ("Shift_JIS", |m| m.text("shift_jis", "8bit", b"\x93\xFA\x96\x7B\x8C\xEA\r\n")),
    ("HTML alone", |m| {
        let page = format!("<html><body><p>Grüße, <b>{}</b></p></body></html>\r\n", m.words(12));
        [b"Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n", page.as_bytes()].concat()
    }),
    // Exchange keeps one body: where the two differ, the text is made of the HTML.
    ("text and HTML", |m| {
        let words = m.words(20);
        let parts = [part("text/plain", &words), part("text/html", &format!("<p>{words}</p>"))];
        m.multipart("alternative", &parts)
    }),
    ("HTML with a picture", |m| {
        let page = part("text/html", "<p>look</p><img src=\"cid:dot@example.org\">");
        let picture = format!(
            "Content-Type: image/png; name=dot.png\r\nContent-ID: <dot@example.org>\r\nContent-Disposition: inline; \
             filename=dot.png\r\nContent-Transfer-Encoding: base64\r\n\r\n{}",
            m.binary(700)
        );
        m.multipart("related; type=\"text/html\"", &[page, picture])
    }),
    ("one file", |m| {
        let size = 1 + m.n * 997 % 40_000;
        let parts = [part("text/plain", "one file"), m.file("report.pdf", "application/pdf", size)];
        m.multipart("mixed", &parts)
    }),
    ("several files", |m| {
        let parts = [
            part("text/plain", "several files"),
            m.file("a.bin", "application/octet-stream", 1),
            m.file("scan 2026-01-05.tiff", "image/tiff", 5000 + m.n),
            m.file("a.bin", "application/octet-stream", 333),
            m.file("none.zip", "application/zip", 0),
        ];
        m.multipart("mixed", &parts)
    }),
    ("a large file", |m| {
        let parts = [part("text/plain", "large"), m.file("large.iso", "application/octet-stream", 400_000 + m.n)];
        m.multipart("mixed", &parts)
    }),
    ("foreign file names", |m| {
        let named = |name: &str, content: String| {
            format!(
                "Content-Type: application/pdf\r\nContent-Disposition: attachment; {name}\r\nContent-Transfer-Encoding: \
                 base64\r\n\r\n{content}"
            )
        };
        let parts = [
            part("text/plain", "names"),
            named("filename*=utf-8''%C3%9Cbersicht%20%E2%82%AC.pdf", m.binary(90)),
            named("filename*0=\"a very long name \"; filename*1=\"in two parts.pdf\"", m.binary(91)),
        ];
        m.multipart("mixed", &parts)
    }),
    ("a text file", |m| {
        let file = "Content-Type: text/csv; charset=utf-8; name=t.csv\r\nContent-Disposition: attachment; filename=t.csv\r\n\
                    Content-Transfer-Encoding: base64\r\n\r\n";
        let parts = [part("text/plain", "csv"), format!("{file}{}", m.encoded("a;b\r\nä;ö\r\n".as_bytes()))];
        m.multipart("mixed", &parts)
    }),
    ("a message inside", |m| {
        let inner = format!(
            "From: inner@example.org\r\nTo: x@example.org\r\nSubject: inner {}\r\nDate: Mon, 5 Jan 2026 09:00:00 +0000\r\n\
             Message-ID: <inner.{}@example.org>\r\n\r\nThe message inside: {}",
            m.n,
            m.n,
            m.words(8)
        );
        m.multipart("mixed", &[part("text/plain", "fwd"), format!("Content-Type: message/rfc822\r\n\r\n{inner}")])
    }),
    ("alternatives beside a file", |m| {
        let inner = String::from_utf8(
            m.multipart("alternative", &[part("text/plain", "x y"), part("text/html", "<p>x y</p>")]),
        )
        .expect("UTF-8")
        .replace("----=_Part", "----=_Inner");
        let inner = inner.trim_start_matches("MIME-Version: 1.0\r\n").to_owned();
        m.multipart("mixed", &[inner, m.clone().file("b.png", "image/png", 2000)])
    }),
    ("signed", |m| {
        let signature = format!(
            "Content-Type: application/pkcs7-signature; name=smime.p7s\r\nContent-Disposition: attachment; \
             filename=smime.p7s\r\nContent-Transfer-Encoding: base64\r\n\r\n{}",
            m.binary(120)
        );
        let signed = part("text/plain", "signed  \r\nas it is");
        m.multipart("signed; protocol=\"application/pkcs7-signature\"; micalg=sha-256", &[signed, signature])
    }),
    ("long lines", |m| m.text("us-ascii", "7bit", format!("{}\r\nshort\r\n", "long ".repeat(180)).as_bytes())),
    ("dots and From lines", |m| m.text("us-ascii", "7bit", b"\r\n.\r\n..\r\n.dot\r\nFrom here\r\n>From there\r\n")),
];

#[derive(Clone)]
struct Maker {
    n: usize,
    random: Random,
}

impl Maker {
    fn header(&self, tag: &str, Parties { sender, receiver, others }: Parties<'_>) -> String {
        let n = self.n;
        let subject = ["plain words", "=?utf-8?B?R3LDvMOfZSDwn46J?=", "=?iso-8859-1?Q?na=EFve?= text", "Re: an answer"];
        let name = ["", "Somebody ", "\"Surname, Name\" ", "=?utf-8?Q?Zo=C3=AB?= "][n % 4];
        let mut to = vec![format!("{name}<{receiver}>")];
        let mut cc = Vec::new();
        for (at, other) in others.iter().enumerate() {
            let list = if (n + at).is_multiple_of(3) { &mut cc } else { &mut to };
            list.push(format!("Other {at} <{other}>"));
        }
        let mut header = format!(
            "From: {name}<{sender}>\r\nTo: {}\r\nSubject: {tag} {}\r\nDate: Mon, 5 Jan 2026 10:00:00 +0100\r\nMessage-ID: \
             <letter.{n}@client.test>\r\nMIME-Version: 1.0\r\n",
            to.join(",\r\n "),
            subject[n / 3 % subject.len()]
        );
        if !cc.is_empty() {
            header += &format!("Cc: {}\r\n", cc.join(", "));
        }
        if n.is_multiple_of(2) {
            header += &format!("In-Reply-To: <a.{n}@x.test>\r\nReferences: <r.{n}@x.test>\r\n <a.{n}@x.test>\r\n");
        }
        if n.is_multiple_of(5) {
            header += "Reply-To: Answers <answers@example.org>\r\n";
        }
        header += ["", "Importance: high\r\n", "", "Importance: low\r\n", ""][n % 5];
        header
    }

    fn text(&self, charset: &str, encoding: &str, body: &[u8]) -> Vec<u8> {
        let header =
            format!("Content-Type: text/plain; charset={charset}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n");
        [header.as_bytes(), body].concat()
    }

    fn words(&self, count: usize) -> String {
        let mut random = Random::new(self.n as u64 + 99);
        let word = |_| (0..2 + random.below(7)).map(|_| char::from(b'a' + random.below(26) as u8)).collect::<String>();
        (0..count).map(word).collect::<Vec<_>>().chunks(9).map(|line| line.join(" ") + "\r\n").collect()
    }

    fn encoded(&self, bytes: &[u8]) -> String {
        let text = STANDARD.encode(bytes);
        text.as_bytes().chunks(76).map(|line| String::from_utf8_lossy(line).into_owned() + "\r\n").collect()
    }

    fn binary(&mut self, size: usize) -> String {
        let bytes: Vec<u8> = (0..size).map(|_| self.random.number() as u8).collect();
        self.encoded(&bytes)
    }

    fn file(&mut self, name: &str, kind: &str, size: usize) -> String {
        format!(
            "Content-Type: {kind}; name=\"{name}\"\r\nContent-Disposition: attachment; filename=\"{name}\"\r\n\
             Content-Transfer-Encoding: base64\r\n\r\n{}",
            self.binary(size)
        )
    }

    fn multipart(&self, subtype: &str, parts: &[String]) -> Vec<u8> {
        let boundary = format!("----=_Part_{}", self.n);
        let parts: String = parts.iter().map(|part| format!("--{boundary}\r\n{part}\r\n")).collect();
        format!("Content-Type: multipart/{subtype};\r\n boundary=\"{boundary}\"\r\n\r\n{parts}--{boundary}--\r\n")
            .into_bytes()
    }
}

fn part(media_type: &str, content: &str) -> String {
    format!("Content-Type: {media_type}; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{content}")
}
