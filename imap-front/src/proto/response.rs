use std::collections::VecDeque;
use std::fmt::Write;

use bytes::Bytes;
use mail_core::utf7;
use mail_core::{FlagSet, Keywords};
use memchr::memchr;

/// Stands in literals where NUL would.
const NO_NUL: u8 = 0x80;
/// From this size on, content is passed on as it is instead of being copied into the output.
const SHARE_FROM: usize = 4096;
/// So much is written before it is sent.
const LONG: usize = 32 << 10;
/// The longest string that is quoted; longer ones are literals.
const MAX_QUOTED: usize = 512;
/// The longest human-readable text.
const MAX_TEXT: usize = 300;

/// Collects what is to be sent.
#[derive(Debug, Default)]
pub struct Output {
    chunks: VecDeque<Bytes>,
    tail: Vec<u8>,
    /// Strings may be quoted in UTF-8, and mailbox names are in UTF-8.
    utf8: bool,
}

impl Output {
    /// From now on the client understands quoted UTF-8 (RFC 9755 3).
    pub fn accept_utf8(&mut self) {
        self.utf8 = true;
    }

    /// An empty one, for what the same client is to be sent.
    pub fn another(&self) -> Self {
        Self { utf8: self.utf8, ..Self::default() }
    }

    /// The next piece, in order.
    pub fn take(&mut self) -> Option<Bytes> {
        self.chunks.pop_front().or_else(|| (!self.tail.is_empty()).then(|| Bytes::from(std::mem::take(&mut self.tail))))
    }

    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty() && self.tail.is_empty()
    }

    /// Whether so much is there that it should be sent before there is more.
    pub fn is_long(&self) -> bool {
        !self.chunks.is_empty() || self.tail.len() >= LONG
    }

    /// Adds all of another one.
    pub fn append(&mut self, mut other: Self) -> &mut Self {
        if other.chunks.is_empty() {
            self.tail.append(&mut other.tail);
        } else {
            self.chunks.push_back(Bytes::from(std::mem::replace(&mut self.tail, other.tail)));
            self.chunks.append(&mut other.chunks);
        }
        self
    }

    /// How much is waiting in the open piece.
    pub fn pending(&self) -> usize {
        self.tail.len()
    }

    /// Protocol text as it is.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.tail.extend_from_slice(text.as_bytes());
        self
    }

    /// A number.
    pub fn number(&mut self, number: impl Into<u64>) -> &mut Self {
        self.text(&number.into().to_string())
    }

    /// A whole untagged line.
    pub fn untagged(&mut self, text: &str) -> &mut Self {
        self.text("* ").text(text).text("\r\n")
    }

    /// A status response: tagged, or untagged if `tag` is `*`. `code` goes into brackets. The text is made safe.
    pub fn status(&mut self, tag: &str, status: &str, code: Option<&str>, text: &str) -> &mut Self {
        self.text(tag).text(" ").text(status).text(" ");
        if let Some(code) = code {
            self.text("[").text(code).text("] ");
        }
        let safe: String = text.chars().take(MAX_TEXT).map(|c| if matches!(c, ' '..='~') { c } else { '?' }).collect();
        self.text(if safe.is_empty() { "done" } else { &safe }).text("\r\n")
    }

    /// `nstring`: NIL, quoted, or a literal. NUL, which neither can hold, is left out.
    pub fn nstring(&mut self, value: Option<&[u8]>) -> &mut Self {
        match value {
            Some(value) => self.string(value),
            None => self.text("NIL"),
        }
    }

    /// `string`: quoted where that is possible, else a literal. NUL, which neither can hold, is left out.
    pub fn string(&mut self, value: &[u8]) -> &mut Self {
        let is_plain = |byte: &u8| matches!(byte, b' '..=b'~' | b'\t');
        if value.len() <= MAX_QUOTED && (value.iter().all(is_plain) || (self.utf8 && is_quotable(value))) {
            self.tail.push(b'"');
            for byte in value {
                if matches!(byte, b'"' | b'\\') {
                    self.tail.push(b'\\');
                }
                self.tail.push(*byte);
            }
            self.tail.push(b'"');
        } else if value.contains(&0) {
            let value: Vec<u8> = value.iter().copied().filter(|byte| *byte != 0).collect();
            self.announce(value.len());
            self.tail.extend_from_slice(&value);
        } else {
            self.announce(value.len());
            self.tail.extend_from_slice(value);
        }
        self
    }

    /// A literal with exactly these bytes; large ones are not copied. It can't hold NUL (`CHAR8`, RFC 3501 9): in its place
    /// stands another byte that means nothing, so that sizes and positions stay what they are.
    pub fn literal(&mut self, mut content: Bytes) -> &mut Self {
        if memchr(0, &content).is_some() {
            content = content.iter().map(|byte| if *byte == 0 { NO_NUL } else { *byte }).collect();
        }
        self.announce(content.len());
        self.share(content)
    }

    fn share(&mut self, content: Bytes) -> &mut Self {
        if content.len() < SHARE_FROM {
            self.tail.extend_from_slice(&content);
        } else {
            self.chunks.push_back(Bytes::from(std::mem::take(&mut self.tail)));
            self.chunks.push_back(content);
        }
        self
    }

    /// A literal with exactly these bytes, as a literal8 if there is NUL among them (RFC 3516 4.2).
    pub fn binary(&mut self, content: Bytes) -> &mut Self {
        if memchr(0, &content).is_none() {
            return self.literal(content);
        }
        self.text("~");
        self.announce(content.len());
        self.share(content)
    }

    /// `astring`: as an atom if it can be one.
    pub fn astring(&mut self, value: &str) -> &mut Self {
        let atom =
            |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'(' | b')' | b'{' | b'%' | b'*' | b'"' | b'\\');
        if !value.is_empty() && value.bytes().all(atom) && !value.eq_ignore_ascii_case("NIL") {
            self.text(value)
        } else {
            self.string(value.as_bytes())
        }
    }

    /// A mailbox name, in modified UTF-7 unless the client understands UTF-8.
    pub fn mailbox(&mut self, name: &str) -> &mut Self {
        if self.utf8 { self.astring(name) } else { self.astring(&utf7::encode(name)) }
    }

    /// The same, never as an atom.
    pub fn quoted_mailbox(&mut self, name: &str) -> &mut Self {
        if self.utf8 { self.string(name.as_bytes()) } else { self.string(utf7::encode(name).as_bytes()) }
    }

    /// A list of flags in parentheses.
    pub fn flags(&mut self, flags: FlagSet, keywords: &Keywords, recent: bool) -> &mut Self {
        let system = FlagSet::NAMES.iter().filter(|(flag, _)| flags.contains(*flag)).map(|(_, name)| *name);
        let recent = recent.then_some("\\Recent");
        self.list(system.chain(keywords.iter().filter(|keyword| is_keyword(keyword))).chain(recent))
    }

    /// Words in parentheses.
    pub fn list<'a>(&mut self, words: impl Iterator<Item = &'a str>) -> &mut Self {
        self.text("(");
        for (index, word) in words.enumerate() {
            if index > 0 {
                self.text(" ");
            }
            self.text(word);
        }
        self.text(")")
    }

    fn announce(&mut self, length: usize) {
        let mut header = String::new();
        // Writing to a String cannot fail.
        let _ = write!(header, "{{{length}}}\r\n");
        self.text(&header);
    }
}

/// Whether it is UTF-8 without control characters.
fn is_quotable(value: &[u8]) -> bool {
    std::str::from_utf8(value).is_ok_and(|text| !text.chars().any(char::is_control))
}

/// Whether a keyword can be shown (`flag-keyword = atom`); a store may hold others, from elsewhere.
pub fn is_keyword(keyword: &str) -> bool {
    !keyword.is_empty()
        && keyword.bytes().all(|byte| {
            byte.is_ascii_graphic() && !matches!(byte, b'(' | b')' | b'{' | b'%' | b'*' | b'"' | b'\\' | b']')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl for<'a> FnOnce(&'a mut Output) -> &'a mut Output) -> String {
        let mut output = Output::default();
        write(&mut output);
        let mut bytes = Vec::new();
        while let Some(chunk) = output.take() {
            bytes.extend_from_slice(&chunk);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }

    #[test]
    fn strings() {
        assert_eq!(written(|o| o.nstring(None)), "NIL");
        assert_eq!(written(|o| o.string(b"a \"b\\")), "\"a \\\"b\\\\\"");
        assert_eq!(written(|o| o.string("ä".as_bytes())), "{2}\r\nä");
        assert_eq!(written(|o| o.string(b"a\0\r\nb")), "{4}\r\na\r\nb");
        assert_eq!(written(|o| o.astring("nil")), "\"nil\"");
        assert_eq!(written(|o| o.mailbox("Gel\u{f6}scht/x y")), "\"Gel&APY-scht/x y\"");
    }

    #[test]
    fn strings_in_utf8() {
        let written = |write: for<'a> fn(&'a mut Output) -> &'a mut Output| {
            written(move |output| {
                output.accept_utf8();
                write(output)
            })
        };
        assert_eq!(written(|o| o.mailbox("Gel\u{f6}scht & weg")), "\"Gel\u{f6}scht & weg\"");
        assert_eq!(written(|o| o.mailbox("A&B")), "A&B");
        assert_eq!(written(|o| o.string("\u{e4}\"".as_bytes())), "\"\u{e4}\\\"\"");
        assert_eq!(written(|o| o.string("\u{85}".as_bytes())), "{2}\r\n\u{85}");
        assert!(written(|o| o.string(b"\xe4")).starts_with("{1}\r\n"));
    }

    #[test]
    fn literals_hold_no_nul() {
        let mut output = Output::default();
        output.literal(Bytes::from_static(b"a\0b\0"));
        assert_eq!(output.take().as_deref(), Some(&b"{4}\r\na\x80b\x80"[..]));
        output.binary(Bytes::from_static(b"a\0b")).binary(Bytes::from_static(b"ab"));
        assert_eq!(output.take().as_deref(), Some(&b"~{3}\r\na\0b{2}\r\nab"[..]));
    }

    #[test]
    fn status_texts_are_one_line() {
        assert_eq!(written(|o| o.status("a", "NO", Some("LIMIT"), "x\r\n* BYE \u{e4}")), "a NO [LIMIT] x??* BYE ?\r\n");
    }

    #[test]
    fn large_literals_are_shared_in_order() {
        let content = Bytes::from(vec![b'x'; SHARE_FROM]);
        let mut output = Output::default();
        output.text("a ").literal(content.clone()).text(")\r\n");
        assert_eq!(output.take().as_deref(), Some(&b"a {4096}\r\n"[..]));
        assert_eq!(output.take().map(|chunk| chunk.as_ptr()), Some(content.as_ptr()));
        assert_eq!(output.take().as_deref(), Some(&b")\r\n"[..]));
        assert!(output.is_empty());
    }
}
