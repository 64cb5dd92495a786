//! The work for hostile input grows with its size, and not faster: processor time of this thread for n and 2n.

use std::hint::black_box;
use std::time::Duration;

use bytes::Bytes;
use gateway::convert::mime_to_mapi::{self, Purpose};
use imap_front::frame::{Expect, FrameLimits, Framer};
use imap_front::proto::lower::lower;
use imap_front::proto::response::Output;
use mail_core::message::{Message, Section, SectionText};
use rustix::time::{ClockId, clock_gettime};

/// Less than this can't be measured.
const MEASURABLE: Duration = Duration::from_millis(15);
const LARGEST: usize = 8 << 20;
const FACTOR: f64 = 2.5;
/// Work at this speed is as fast as memory. (What grows with the square takes minutes for as many bytes as are tried at it.)
const BYTES_PER_SECOND: f64 = 100e6;
const TRIES: usize = 6;

struct Case {
    name: &'static str,
    /// Input of about so many bytes.
    input: fn(usize) -> Vec<u8>,
    work: fn(&[u8]),
    /// The largest input there can be.
    largest: usize,
}

fn time(case: &Case, size: usize) -> Duration {
    let input = (case.input)(size);
    let now = || {
        let now = clock_gettime(ClockId::ThreadCPUTime);
        Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).expect("below a second"))
    };
    let began = now();
    (case.work)(&input);
    now() - began
}

fn check(case: &Case) -> Result<(), String> {
    let mut size = 4 << 10;
    while size < case.largest / 2 && time(case, size) < MEASURABLE {
        size *= 2;
    }
    let mut told = String::new();
    for _ in 0..TRIES {
        let least = |size| (0..3).map(|_| time(case, size)).min().unwrap_or_default();
        let (one, two) = (least(size), least(2 * size));
        let factor = two.as_secs_f64() / one.as_secs_f64().max(1e-5);
        told = format!("{}: {one:?} for {size} bytes, {two:?} for twice as many: {factor:.2} times", case.name);
        // What is over before it can be measured grows too little to matter. What goes through memory this fast is held up by
        // it, and not by steps: twice as much may not fit into a cache.
        let is_fast = two.as_secs_f64() * BYTES_PER_SECOND < 2.0 * size as f64;
        if factor <= FACTOR || two < MEASURABLE || is_fast {
            println!("{told}");
            return Ok(());
        }
    }
    Err(told)
}

fn filled(start: &str, unit: &str, end: &str, size: usize) -> Vec<u8> {
    let mut out = start.as_bytes().to_vec();
    while out.len() < size {
        out.extend_from_slice(unit.as_bytes());
    }
    out.extend_from_slice(end.as_bytes());
    out
}

fn command(bytes: &[u8]) {
    drop(black_box(lower(bytes)));
}

fn frames(bytes: &[u8]) {
    let limits = FrameLimits { line: 64 << 10, literals: 64 << 10, append: 35 << 20, discard: 1 << 20 };
    let mut framer = Framer::new(usize::MAX);
    for piece in bytes.chunks(8 << 10) {
        framer.feed(piece).expect("there is no bound");
        while black_box(framer.next(Expect::Command, &limits)).is_some() {}
    }
}

fn shown(bytes: &[u8]) {
    let message = Message::new(Bytes::copy_from_slice(bytes));
    let mut out = Output::default();
    imap_front::message::write_envelope(message.fields(), &mut out);
    imap_front::message::write_body(message.root(), true, &mut out);
    for names in [vec!["z".to_owned()], vec!["x".to_owned(); 1000]] {
        let section = Section { part: Vec::new(), text: SectionText::HeaderFieldsNot(names) };
        black_box(message.section(&section));
    }
    for field in message.fields().iter() {
        black_box(field.text());
    }
    black_box(out.is_empty());
}

fn converted(bytes: &[u8]) {
    let message = Message::within(Bytes::copy_from_slice(bytes), mime_to_mapi::LIMITS);
    let purpose = Purpose::Submit { own_addresses: &[], recipients: &[] };
    drop(black_box(mime_to_mapi::parse(&message, purpose)));
}

macro_rules! cases {
    ($($name:literal, $work:ident, $largest:expr, |$size:ident| $input:expr;)*) => {
        &[$(Case { name: $name, input: |$size| $input, work: $work, largest: $largest }),*]
    };
}

const LINE: usize = 64 << 10;

const CASES: &[Case] = cases! {
    "command: opening braces", command, LINE, |n| filled("a LOGIN ", "{", "\r\n", n);
    "command: opening braces and digits", command, LINE, |n| filled("a LOGIN ", "{1", "\r\n", n);
    "command: quotes", command, LINE, |n| filled("a LOGIN ", "\"\\", "\r\n", n);
    "command: APPEND with braces", command, LINE, |n| filled("a APPEND ", "{", "\r\n", n);
    "command: spaces", command, LINE, |n| filled("a NOOP", " ", "\r\n", n);
    "command: parentheses", command, LINE, |n| filled("a SEARCH ", "(", "\r\n", n);
    "command: NOT", command, LINE, |n| filled("a SEARCH ", "NOT ", "ALL\r\n", n);
    "command: OR", command, LINE, |n| filled("a SEARCH ", "OR ", "ALL\r\n", n);
    "command: keys", command, LINE, |n| filled("a SEARCH", " BODY z", "\r\n", n);
    "command: sets", command, LINE, |n| filled("a FETCH 1", ",1:*", " FLAGS\r\n", n);
    "command: items", command, LINE, |n| filled("a FETCH 1 (FLAGS", " BODY.PEEK[HEADER.FIELDS.NOT (Z)]", ")\r\n", n);
    "command: sections", command, LINE, |n| filled("a FETCH 1 BODY[1", ".1", "]\r\n", n);
    "command: flags", command, LINE, |n| filled("a STORE 1 FLAGS (x", " x", ")\r\n", n);
    "command: wildcards", command, LINE, |n| filled("a LIST \"\" ", "%*", "\r\n", n);
    "frames: short lines", frames, LARGEST, |n| filled("", "x\r\n", "", n);
    "frames: one long line", frames, LARGEST, |n| filled("a NOOP ", "x", "\r\n", n);
    "frames: literals", frames, LARGEST, |n| filled("", "a X {1+}\r\nx\r\n", "", n);
    "frames: many literals in one command", frames, LARGEST, |n| filled("a X", " {0+}\r\n", "", n);
    "message: a long subject", shown, LARGEST, |n| filled("Subject: ", "x", "\r\n\r\n", n);
    "message: encoded words", shown, LARGEST, |n| filled("Subject:", " =?utf-8?q?x?=\r\n", "\r\n", n);
    "message: encoded words without end", shown, LARGEST, |n| filled("Subject: ", "=?x?q?", "\r\n\r\n", n);
    "message: many fields", shown, LARGEST, |n| filled("", "X: y\r\n", "\r\n", n);
    "message: many subjects", shown, LARGEST, |n| filled("", "Subject: y\r\n", "\r\n", n);
    "message: many addresses", shown, LARGEST, |n| filled("To: a@b", ", a@b", "\r\n\r\n", n);
    "message: open groups", shown, LARGEST, |n| filled("To: ", "a:", "\r\n\r\n", n);
    "message: open comments", shown, LARGEST, |n| filled("To: ", "(", "\r\n\r\n", n);
    "message: quotes", shown, LARGEST, |n| filled("To: ", "\"\\", "\r\n\r\n", n);
    "message: parameters", shown, LARGEST, |n| filled("Content-Type: text/plain", "; a*0*=x", "\r\n\r\n", n);
    "message: nested messages", shown, LARGEST, |n| filled("", "Content-Type: message/rfc822\r\n\r\n", "", n);
    "message: delimiters", shown, LARGEST,
        |n| filled("Content-Type: multipart/mixed; boundary=x\r\n\r\n", "--x\r\n", "--x--", n);
    "message: nested multiparts", shown, LARGEST,
        |n| filled("", "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n", "", n);
    "conversion: many fields", converted, LARGEST, |n| filled("", "X: y\r\n", "\r\n", n);
    "conversion: addresses", converted, LARGEST, |n| filled("To: a@b", ", a@b", "\r\n\r\n", n);
    "conversion: delimiters", converted, LARGEST,
        |n| filled("Content-Type: multipart/mixed; boundary=x\r\n\r\n", "--x\r\n\r\n", "--x--", n);
    "conversion: HTML", converted, LARGEST, |n| filled("Content-Type: text/html\r\n\r\n", "<b><!--", "", n);
    "conversion: quoted-printable", converted, LARGEST,
        |n| filled("Content-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n", "=\r\n", "", n);
    "conversion: base64", converted, LARGEST,
        |n| filled("Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n", "=A", "", n);
};

#[test]
fn work_grows_with_the_input() {
    let failed: Vec<String> = CASES.iter().filter_map(|case| check(case).err()).collect();
    assert!(failed.is_empty(), "\n{}", failed.join("\n"));
}
