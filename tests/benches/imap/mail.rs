use std::fmt::Write as _;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::DateTime;
use exchange_sandbox::seed::Random;

/// What is in one body of a hundred and in no other.
pub const RARE: &str = "zanzibar";
/// The first message came then, the others one each ten minutes: 2026-01-05T08:00:00Z.
const BEGINNING: u64 = 1_767_600_000;
const PERIOD: u64 = 600;

/// A message as it is put into both mailboxes.
pub struct Mail {
    pub bytes: Vec<u8>,
    /// Seconds since 1970.
    pub arrived: u64,
    pub is_seen: bool,
}

impl Mail {
    /// Always the same ones: letters, newsletters, and files of up to 900 KB, as people have them.
    pub fn number(n: usize) -> Self {
        let arrived = BEGINNING + n as u64 * PERIOD;
        let mut writer = Writer { n, arrived, random: Random::new(0x1A_11B0 + n as u64) };
        Self { bytes: writer.message(), arrived, is_seen: !n.is_multiple_of(3) }
    }

    /// What APPEND says of it.
    pub fn arguments(&self) -> String {
        let flags = if self.is_seen { "\\Seen" } else { "" };
        format!("({flags}) \"{}\"", date(self.arrived, "%e-%b-%Y %H:%M:%S +0000"))
    }
}

/// A message with a file of so many bytes.
pub fn with_file(bytes: usize) -> Vec<u8> {
    let mut writer = Writer { n: 0, arrived: BEGINNING, random: Random::new(7) };
    let parts = [writer.plain(300), writer.file(bytes)];
    [writer.header().into_bytes(), multipart("mixed", "large", &parts).into_bytes()].concat()
}

fn date(seconds: u64, format: &str) -> String {
    DateTime::from_timestamp(seconds.cast_signed(), 0).map_or_else(String::new, |time| time.format(format).to_string())
}

struct Writer {
    n: usize,
    arrived: u64,
    random: Random,
}

impl Writer {
    fn message(&mut self) -> Vec<u8> {
        let size = |random: &mut Random, least: usize, more: usize| least + random.below(more);
        let body = match self.n % 20 {
            0..=9 => {
                let bytes = size(&mut self.random, 500, 6000);
                self.plain(bytes)
            }
            10..=12 => {
                let bytes = size(&mut self.random, 2000, 4000);
                multipart("alternative", "both", &[self.plain(bytes), self.html(bytes * 3 / 2)])
            }
            13 | 14 => {
                let bytes = size(&mut self.random, 8000, 25_000);
                self.html(bytes)
            }
            15..=17 => {
                let bytes = size(&mut self.random, 3000, 40_000);
                multipart("mixed", "file", &[self.plain(800), self.file(bytes)])
            }
            18 => {
                let bytes = size(&mut self.random, 2000, 10_000);
                let inner = format!("{}{}", self.header(), self.plain(bytes));
                let inner = format!("Content-Type: message/rfc822\r\n\r\n{inner}");
                multipart("mixed", "forwarded", &[self.plain(500), inner])
            }
            _ => {
                let bytes = if self.n % 400 == 19 { 650_000 } else { size(&mut self.random, 8000, 70_000) };
                let page = multipart("related", "page", &[self.html(3000), self.file(bytes / 5)]);
                multipart("mixed", "files", &[page, self.file(bytes / 2), self.file(bytes * 3 / 10)])
            }
        };
        [self.header().into_bytes(), body.into_bytes()].concat()
    }

    fn header(&self) -> String {
        let n = self.n;
        let sender = n * 7919 % 97;
        let when = date(self.arrived, "%a, %-d %b %Y %H:%M:%S +0000");
        let subject = ["Minutes of the meeting", "Re: Offer", "=?utf-8?Q?Gr=C3=BC=C3=9Fe_aus_K=C3=B6ln?=", "Holidays"];
        let subject = if n % 50 == 7 { "Invoice" } else { subject[n / 3 % 4] };
        let mut header = format!(
            "Return-Path: <person{sender}@example.org>\r\nReceived: from mx{}.example.org (mx.example.org [192.0.2.{}])\r\n\tby \
             mail.example.test with ESMTPS id {:016X}; {when}\r\nDate: {when}\r\nFrom: \"Person {sender}\" \
             <person{sender}@example.org>\r\nTo: Alice Example <alice@example.test>\r\nSubject: {subject} {n}\r\nMessage-ID: \
             <{n}.mail@example.org>\r\n",
            n % 5,
            n % 250,
            n.wrapping_mul(0x9E37_79B9),
        );
        let mut put = |line: String| write!(header, "{line}\r\n").expect("in memory");
        if n % 4 == 1 {
            put(format!("Cc: Team <team{}@example.test>, \"Other, Somebody\" <other@example.org>", n % 9));
        }
        if n / 3 % 4 == 1 {
            put(format!("In-Reply-To: <{}.mail@example.org>\r\nReferences: <{0}.mail@example.org>", n / 2));
        }
        if n % 20 == 13 {
            put("List-Id: Announcements <announce.example.org>\r\nPrecedence: bulk".to_owned());
        }
        header + "MIME-Version: 1.0\r\n"
    }

    fn plain(&mut self, bytes: usize) -> String {
        let text = self.words(bytes);
        format!("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n{text}")
    }

    fn html(&mut self, bytes: usize) -> String {
        let mut page = "<html><body style=\"font-family: sans-serif\">\r\n".to_owned();
        while page.len() < bytes {
            let text = self.words(300);
            write!(page, "<p class=\"paragraph\">{text}</p>\r\n<td align=\"left\" valign=\"top\">&nbsp;</td>\r\n")
                .expect("in memory");
        }
        format!(
            "Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{page}</body></html>\r\n"
        )
    }

    /// Words, some more common than others.
    fn words(&mut self, bytes: usize) -> String {
        let mut text = String::with_capacity(bytes + 80);
        if self.n % 100 == 42 {
            text.push_str(RARE);
        }
        let mut width = text.len();
        while text.len() < bytes {
            let (common, all) = (self.random.below(300), self.random.below(6000));
            let number = if self.random.below(3) == 0 { all } else { common };
            let mut letters = Random::new(number as u64);
            let length = 2 + letters.below(9);
            width += length + 1;
            text.extend((0..length).map(|_| char::from(b'a' + letters.below(25) as u8)));
            text.push_str(if width > 70 { "\r\n" } else { " " });
            width = if width > 70 { 0 } else { width };
        }
        text + "\r\n"
    }

    fn file(&mut self, bytes: usize) -> String {
        let data: Vec<u8> = (0..bytes / 8).flat_map(|_| self.random.number().to_le_bytes()).collect();
        let mut encoded = String::with_capacity(bytes * 3 / 2);
        for line in data.chunks(57) {
            STANDARD.encode_string(line, &mut encoded);
            encoded.push_str("\r\n");
        }
        let name = format!("file-{}-{bytes}.pdf", self.n);
        format!(
            "Content-Type: application/pdf; name=\"{name}\"\r\nContent-Disposition: attachment; filename=\"{name}\"\r\n\
             Content-Transfer-Encoding: base64\r\n\r\n{encoded}"
        )
    }
}

fn multipart(subtype: &str, boundary: &str, parts: &[String]) -> String {
    let parts: String = parts.iter().map(|part| format!("--=_{boundary}\r\n{part}\r\n")).collect();
    format!("Content-Type: multipart/{subtype};\r\n boundary=\"=_{boundary}\"\r\n\r\n{parts}--=_{boundary}--\r\n")
}
