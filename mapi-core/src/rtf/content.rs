use std::collections::BTreeMap;

use encoding_rs::{Encoding, WINDOWS_1252};

use super::RtfError;
use super::charset::{of_code_page, of_font_charset};
use super::token::{Token, Tokens};

const MAX_DEPTH: usize = 512;
const MAX_FONTS: usize = 4096;
/// `\fromhtml` and `\fromtext` count only among this many first tokens ([MS-OXRTFEX] 2.1.3.1 says about ten).
const ORIGIN_WITHIN: usize = 16;

/// What RTF holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RtfContent {
    /// An HTML document that was encapsulated (`\fromhtml1`), as Unicode whatever its own declarations say.
    Html(String),
    /// Plain text that was encapsulated (`\fromtext`), lines ending with CRLF.
    Text(String),
    /// Genuine RTF: its plain text, lines ending with CRLF.
    Genuine(String),
}

/// Reads uncompressed RTF. The result is at most eight times as large as the input.
///
/// # Errors
/// Bytes that are no RTF, groups nested deeper than 512. Everything else is read as well as it can be.
pub fn read(rtf: &[u8]) -> Result<RtfContent, RtfError> {
    let start = rtf.iter().position(|b| !b.is_ascii_whitespace()).unwrap_or(0);
    if !rtf[start..].starts_with(b"{\\rtf") {
        return Err(RtfError::NotRtf);
    }
    let mut interpreter = Interpreter::new(origin(rtf));
    let mut tokens = Tokens::new(rtf);
    while let Some(token) = tokens.next() {
        if token == Token::Open && interpreter.groups.len() >= MAX_DEPTH {
            return Err(RtfError::TooDeep { offset: tokens.position(), limit: MAX_DEPTH });
        }
        interpreter.token(token);
        if interpreter.groups.is_empty() && token == Token::Close {
            break;
        }
    }
    interpreter.flush();
    Ok(match interpreter.origin {
        Origin::Html => RtfContent::Html(interpreter.out),
        Origin::Text => RtfContent::Text(interpreter.out),
        Origin::Genuine => RtfContent::Genuine(interpreter.out),
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    Html,
    Text,
    Genuine,
}

fn origin(rtf: &[u8]) -> Origin {
    for token in Tokens::new(rtf).skip(1).take(ORIGIN_WITHIN) {
        match token {
            Token::Word(b"fromhtml", Some(1)) => return Origin::Html,
            Token::Word(b"fromtext", _) => return Origin::Text,
            Token::Word(..) => {}
            _ => break,
        }
    }
    Origin::Genuine
}

/// Where the text of a group goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Destination {
    Body,
    /// `{\*\htmltag`
    Tag,
    Fonts,
    Nowhere,
}

#[derive(Debug, Clone, Copy)]
struct Group {
    destination: Destination,
    /// Within `\htmlrtf`: what only RTF readers are to see.
    rtf_only: bool,
    /// `\v`
    hidden: bool,
    /// Characters to pass over after `\u`.
    fallback: usize,
    font: Option<i32>,
    /// Nothing of the group was seen yet, so that a word may still name its destination.
    fresh: bool,
    /// `\*` was seen: unknown destinations are to be passed over.
    ignorable: bool,
}

struct Interpreter {
    origin: Origin,
    out: String,
    state: Group,
    groups: Vec<Group>,
    code_page: &'static Encoding,
    default_font: Option<i32>,
    fonts: BTreeMap<i32, &'static Encoding>,
    /// The font that the font table is defining.
    defining: Option<i32>,
    /// Bytes not yet decoded: characters of several bytes may be spread over tokens.
    pending: Vec<u8>,
    pending_encoding: &'static Encoding,
    high_surrogate: Option<u16>,
    /// Characters still to be passed over after `\u`.
    skip: usize,
}

impl Interpreter {
    fn new(origin: Origin) -> Self {
        let state = Group {
            destination: Destination::Body,
            rtf_only: false,
            hidden: false,
            fallback: 1,
            font: None,
            fresh: true,
            ignorable: false,
        };
        Self {
            origin,
            out: String::new(),
            state,
            groups: Vec::new(),
            code_page: WINDOWS_1252,
            default_font: None,
            fonts: BTreeMap::new(),
            defining: None,
            pending: Vec::new(),
            pending_encoding: WINDOWS_1252,
            high_surrogate: None,
            skip: 0,
        }
    }

    fn token(&mut self, token: Token<'_>) {
        match token {
            Token::Open => {
                self.flush();
                self.skip = 0;
                self.groups.push(self.state);
                self.state.fresh = true;
                self.state.ignorable = false;
            }
            Token::Close => {
                self.flush();
                self.skip = 0;
                if let Some(outer) = self.groups.pop() {
                    self.state = Group { fresh: false, ..outer };
                }
            }
            Token::Byte(byte) | Token::Text(byte) => {
                self.state.fresh = false;
                self.byte(byte);
            }
            Token::Symbol(symbol) => self.symbol(symbol),
            Token::Word(name, number) => self.word(name, number),
        }
    }

    fn byte(&mut self, byte: u8) {
        if self.skip > 0 {
            self.skip -= 1;
            return;
        }
        if !self.visible() {
            return;
        }
        let encoding = self.encoding();
        if encoding != self.pending_encoding {
            self.flush();
            self.pending_encoding = encoding;
        }
        self.high_surrogate = None;
        self.pending.push(byte);
    }

    fn symbol(&mut self, symbol: u8) {
        if symbol == b'*' && self.state.fresh {
            self.state.ignorable = true;
            return;
        }
        self.state.fresh = false;
        match symbol {
            b'\\' | b'{' | b'}' => self.byte(symbol),
            b'~' => self.special("\u{A0}", "&nbsp;"),
            b'_' => match self.origin {
                // The specification has the soft hyphen for HTML; for RTF readers it is a hyphen that never breaks.
                Origin::Html => self.special("", "&shy;"),
                _ => self.special("\u{2011}", ""),
            },
            b'\r' | b'\n' => self.special("\r\n", "\r\n"),
            b'\t' => self.special("\t", "\t"),
            _ => {}
        }
    }

    fn word(&mut self, name: &[u8], number: Option<i32>) {
        let fresh = std::mem::replace(&mut self.state.fresh, false);
        if fresh && self.destination(name) {
            return;
        }
        match name {
            b"htmlrtf" => {
                self.flush();
                self.state.rtf_only = number != Some(0);
            }
            b"ansicpg" => {
                self.flush();
                self.code_page = of_code_page(number.unwrap_or(1252));
            }
            b"mac" => self.code_page = of_code_page(10000),
            b"pc" => self.code_page = of_code_page(437),
            b"pca" => self.code_page = of_code_page(850),
            b"deff" => self.default_font = number,
            b"f" if self.state.destination == Destination::Fonts => self.defining = number,
            b"f" => self.state.font = number,
            b"plain" => {
                self.state.font = None;
                self.state.hidden = false;
            }
            b"fcharset" if self.state.destination == Destination::Fonts => {
                self.define_font(number.and_then(of_font_charset));
            }
            b"cpg" if self.state.destination == Destination::Fonts => self.define_font(number.map(of_code_page)),
            b"v" => self.state.hidden = number != Some(0),
            b"uc" => self.state.fallback = usize::try_from(number.unwrap_or(1)).unwrap_or(1).min(64),
            b"u" => self.unicode(number.unwrap_or(0)),
            b"par" | b"line" => self.special("\r\n", "\r\n"),
            b"sect" | b"page" | b"row" => self.special("\r\n", ""),
            b"tab" => self.special("\t", "\t"),
            b"cell" | b"nestcell" => self.special("\t", ""),
            b"lquote" => self.special("\u{2018}", "&lsquo;"),
            b"rquote" => self.special("\u{2019}", "&rsquo;"),
            b"ldblquote" => self.special("\u{201C}", "&ldquo;"),
            b"rdblquote" => self.special("\u{201D}", "&rdquo;"),
            b"bullet" => self.special("\u{2022}", "&bull;"),
            b"endash" => self.special("\u{2013}", "&ndash;"),
            b"emdash" => self.special("\u{2014}", "&mdash;"),
            b"enspace" => self.special("\u{2002}", "&ensp;"),
            b"emspace" => self.special("\u{2003}", "&emsp;"),
            _ => {}
        }
    }

    /// Takes the first word of a group for its destination; `false` if it is an ordinary word.
    fn destination(&mut self, name: &[u8]) -> bool {
        let destination = match name {
            b"fonttbl" => Destination::Fonts,
            b"htmltag" if self.state.ignorable && self.origin == Origin::Html => Destination::Tag,
            b"colortbl" | b"stylesheet" | b"info" | b"pict" | b"object" | b"header" | b"headerl" | b"headerr"
            | b"headerf" | b"footer" | b"footerl" | b"footerr" | b"footerf" | b"footnote" | b"annotation" | b"xe"
            | b"tc" | b"nonshppict" | b"filetbl" | b"listtable" | b"private" => Destination::Nowhere,
            // `{\*\fldinst`, `{\*\mhtmltag`, `{\*\generator` and all that is unknown.
            _ if self.state.ignorable => Destination::Nowhere,
            _ => return false,
        };
        self.flush();
        // What stands inside something that is passed over, is passed over.
        if self.state.destination != Destination::Nowhere {
            self.state.destination = destination;
        }
        true
    }

    fn define_font(&mut self, encoding: Option<&'static Encoding>) {
        if let (Some(font), Some(encoding)) = (self.defining, encoding)
            && self.fonts.len() < MAX_FONTS
        {
            self.fonts.insert(font, encoding);
        }
    }

    fn unicode(&mut self, number: i32) {
        self.flush_bytes();
        // Values above 32767 are written as negative numbers.
        let unit = number.rem_euclid(0x1_0000) as u16;
        self.skip = self.state.fallback;
        if !self.visible() {
            return;
        }
        match (self.high_surrogate.take(), unit) {
            (_, 0xD800..=0xDBFF) => self.high_surrogate = Some(unit),
            (high, _) => {
                let units = high.into_iter().chain([unit]);
                self.out.extend(char::decode_utf16(units).filter_map(Result::ok).filter(|&c| c != '\0'));
            }
        }
    }

    /// Puts out `html` into HTML and `text` into everything else.
    fn special(&mut self, text: &str, html: &str) {
        self.flush();
        if self.skip > 0 {
            self.skip -= 1;
            return;
        }
        if self.visible() {
            self.out.push_str(if self.origin == Origin::Html { html } else { text });
        }
    }

    fn visible(&self) -> bool {
        let shown = matches!(self.state.destination, Destination::Body | Destination::Tag);
        // Text hidden from RTF readers is not hidden in the document that was encapsulated.
        shown && !self.state.rtf_only && (self.origin != Origin::Genuine || !self.state.hidden)
    }

    fn encoding(&self) -> &'static Encoding {
        if self.state.destination == Destination::Tag {
            return self.code_page;
        }
        let font = self.state.font.or(self.default_font);
        font.and_then(|font| self.fonts.get(&font).copied()).unwrap_or(self.code_page)
    }

    fn flush(&mut self) {
        self.flush_bytes();
        self.high_surrogate = None;
    }

    fn flush_bytes(&mut self) {
        if !self.pending.is_empty() {
            let (text, _) = self.pending_encoding.decode_without_bom_handling(&self.pending);
            self.out.extend(text.chars().filter(|&c| c != '\0'));
            self.pending.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn html(rtf: &str) -> String {
        match read(rtf.as_bytes()).expect("readable") {
            RtfContent::Html(html) => html,
            other => panic!("not HTML: {other:?}"),
        }
    }

    /// After the example of [MS-OXRTFEX] 3.1.
    #[test]
    fn encapsulated_html() {
        let rtf = r#"{\rtf1\ANSI\ansicpg1251\fromhtml1 \deff0
{\fonttbl {\f0\fmodern Courier New;}{\f1\fswiss Arial;}{\f2\fswiss\fcharset0 Arial;}}
{\colortbl\red0\green0\blue0;\red0\green0\blue255;}
{\*\htmltag64}
\uc1\pard\plain\deftab360 \f0\fs24
{\*\htmltag <HTML><head>\par
<style>\par
<!--\par
 /* Style Definitions */\par
 p.MsoNormal, li.MsoNormal \{font-family:Arial;\}\par
-->\par
</style>\par
\tab <!-- This is a HTML comment.\par
There is a horizontal tab character before the comment, \par
and some new lines inside the comment. -->\par
</head>\par
<body>\par
<p\par
class="MsoNormal">}
{\htmlrtf \f1 \htmlrtf0 Note the line break inside a P tag. {\*\htmltag <b>}{\htmlrtf \b \htmlrtf0 This is bold text{\*\htmltag </b>}} This is a normal text with a character references:
{\*\htmltag &nbsp;}\htmlrtf \'a0\htmlrtf0  {\*\htmltag &lt;}\htmlrtf <\htmlrtf0  {\*\htmltag &uml;}\htmlrtf {\f2\'a8}\htmlrtf0{\*\htmltag <br>\par
}\htmlrtf\line\htmlrtf0 characters which have special meaning in RTF: \{\}\\{\*\htmltag <br>\par
}\htmlrtf\line\htmlrtf0\htmlrtf\par\htmlrtf0}
{\*\htmltag </body></html>}}"#;
        let expected = "<HTML><head>\r\n<style>\r\n<!--\r\n /* Style Definitions */\r\n p.MsoNormal, li.MsoNormal \
{font-family:Arial;}\r\n-->\r\n</style>\r\n\t<!-- This is a HTML comment.\r\nThere is a horizontal tab character \
before the comment, \r\nand some new lines inside the comment. -->\r\n</head>\r\n<body>\r\n<p\r\n\
class=\"MsoNormal\">Note the line break inside a P tag. <b>This is bold text</b> This is a normal text with a \
character references:&nbsp; &lt; &uml;<br>\r\ncharacters which have special meaning in RTF: {}\\<br>\r\n\
</body></html>";
        assert_eq!(html(rtf), expected);
    }

    #[test]
    fn characters_of_code_pages_and_unicode() {
        let head = r"{\rtf1\ansi\ansicpg1252\fromhtml1\deff0{\fonttbl{\f0\fcharset0 A;}{\f1\fcharset204 B;}{\f2\fcharset128 C;}}";
        assert_eq!(html(&format!(r"{head}\'e4{{\f1\'e4}}{{\f2\'83A\'83\'42}}\'e4}}")), "äдアゥä".replace('ゥ', "ィ"));
        assert_eq!(html(&format!(r"{head}\u8211?x\u-10179?\u-8704?y\uc2\u228\'c3\'a4z}}")), "–x😀yäz");
        // A surrogate without its other half is dropped.
        assert_eq!(html(&format!(r"{head}\u-10179?x\u-8704?\lquote\~\_\emdash}}")), "x&lsquo;&nbsp;&shy;&mdash;");
        assert_eq!(html(&format!(r"{head}{{\*\mhtmltag <i>}}{{\*\htmltag <b title='\'e4'>}}}}")), "<b title='ä'>");
    }

    #[test]
    fn encapsulated_text() {
        let rtf =
            br"{\rtf1\ansi\ansicpg1252\fromtext \deff0{\fonttbl{\f0\fswiss Arial;}}\f0 One\par Two\tab \{3\}\par}";
        assert_eq!(read(rtf), Ok(RtfContent::Text("One\r\nTwo\t{3}\r\n".into())));
    }

    #[test]
    fn genuine_rtf() {
        let rtf = br#"{\rtf1\ansi{\fonttbl{\f0 Times;}}{\info{\author Me}}{\*\generator X;}\pard Hello {\b bold}\v secret\v0  end\par
{\field{\*\fldinst HYPERLINK "http://x/"}{\fldrslt link}}{\pict\wmetafile8 010203}\'80\par}trailing"#;
        assert_eq!(read(rtf), Ok(RtfContent::Genuine("Hello bold end\r\nlink€\r\n".into())));
        assert_eq!(read(b"plain"), Err(RtfError::NotRtf));
        assert_eq!(read(b""), Err(RtfError::NotRtf));
        // Late mentions of the origin don't count.
        let late = br"{\rtf1\ansi{\fonttbl}\fromhtml1 x}";
        assert_eq!(read(late), Ok(RtfContent::Genuine("x".into())));
    }

    #[test]
    fn nesting_is_bounded() {
        let deep = format!(r"{{\rtf1{}", "{".repeat(MAX_DEPTH));
        assert!(matches!(read(deep.as_bytes()), Err(RtfError::TooDeep { .. })));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn arbitrary_tokens_are_survived(
            tokens in proptest::collection::vec(
                prop_oneof![
                    Just("{".to_owned()), Just("}".to_owned()), Just("\\*".to_owned()), "\\\\u-?[0-9]{1,6} ?",
                    "\\\\'[0-9a-fg]{2}", "\\\\(bin|f|uc|fcharset|htmlrtf|ansicpg|htmltag)[0-9]{0,4} ?", ".{0,5}",
                ],
                0..60,
            ),
            from_html in any::<bool>(),
        ) {
            let rtf = format!("{{\\rtf1{} {}", if from_html { "\\fromhtml1" } else { "" }, tokens.concat());
            let (RtfContent::Html(out) | RtfContent::Text(out) | RtfContent::Genuine(out)) =
                read(rtf.as_bytes()).expect("shallow");
            prop_assert!(out.len() <= rtf.len() * 8);
        }

        #[test]
        fn arbitrary_bytes_are_survived(data in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(&data);
            let _ = read(&[b"{\\rtf1", &data[..]].concat());
        }
    }
}
