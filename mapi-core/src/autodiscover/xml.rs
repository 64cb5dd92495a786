use std::fmt;

use quick_xml::Reader;
use quick_xml::escape::escape;
use quick_xml::events::{BytesRef, BytesStart, Event};

/// Largest document.
pub(super) const MAX_DOCUMENT: usize = 256 * 1024;
const MAX_DEPTH: usize = 32;
const MAX_ELEMENTS: usize = 4096;

/// An element with everything below it. Names are without their namespace prefix.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) attributes: Vec<(String, String)>,
    pub(super) text: String,
    pub(super) children: Vec<Element>,
}

/// Why a document is not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum XmlError {
    /// Larger, deeper or with more elements than this; what, and the bound.
    TooLarge(&'static str, usize),
    /// A document type declaration, or a reference to an entity that XML does not define itself.
    Entity,
    /// Not well-formed.
    Malformed(String),
    /// An element that must be there is not.
    Missing(&'static str),
}

impl Element {
    /// The first child `name`.
    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// Text of the first child `name`, if there is any.
    pub(super) fn child_text(&self, name: &str) -> Option<String> {
        let text = self.child(name)?.text.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// The attribute `name`.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

/// Reads a document: its root element.
pub(super) fn parse(document: &[u8]) -> Result<Element, XmlError> {
    if document.len() > MAX_DOCUMENT {
        return Err(XmlError::TooLarge("document", MAX_DOCUMENT));
    }
    let text = String::from_utf8_lossy(document.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(document));
    let mut reader = Reader::from_str(&text);
    // The bottom is no element: it collects the root.
    let mut open = vec![Element::default()];
    let mut count = 0;
    loop {
        let event = reader.read_event().map_err(malformed)?;
        if let Event::Start(_) | Event::Empty(_) = event {
            count += 1;
            if count > MAX_ELEMENTS {
                return Err(XmlError::TooLarge("number of elements", MAX_ELEMENTS));
            }
        }
        match event {
            Event::Start(start) => {
                if open.len() > MAX_DEPTH {
                    return Err(XmlError::TooLarge("depth", MAX_DEPTH));
                }
                open.push(element(&start)?);
            }
            Event::Empty(start) => top(&mut open)?.children.push(element(&start)?),
            Event::End(_) => {
                let done = open.pop().unwrap_or_default();
                top(&mut open)?.children.push(done);
            }
            Event::Text(text) => top(&mut open)?.text.push_str(&text.decode().map_err(malformed)?),
            Event::CData(text) => top(&mut open)?.text.push_str(&text.decode().map_err(malformed)?),
            Event::GeneralRef(reference) => top(&mut open)?.text.push(resolve(&reference)?),
            Event::DocType(_) => return Err(XmlError::Entity),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            Event::Eof => break,
        }
    }
    match (open.pop(), open.is_empty()) {
        (Some(mut bottom), true) if bottom.children.len() == 1 => Ok(bottom.children.remove(0)),
        (Some(_), true) => Err(XmlError::Missing("root")),
        _ => Err(XmlError::Malformed("an element is not closed".to_owned())),
    }
}

/// `<name>text</name>`, escaped.
pub(super) fn tagged(name: &str, text: &str) -> String {
    format!("<{name}>{}</{name}>", escape(text))
}

fn element(start: &BytesStart<'_>) -> Result<Element, XmlError> {
    let name = String::from_utf8_lossy(start.local_name().as_ref()).into_owned();
    let attributes = start.attributes().map(|attribute| {
        let attribute = attribute.map_err(malformed)?;
        let value = attribute.unescape_value().map_err(malformed)?.into_owned();
        Ok((String::from_utf8_lossy(attribute.key.local_name().as_ref()).into_owned(), value))
    });
    Ok(Element { name, attributes: attributes.collect::<Result<_, _>>()?, ..Element::default() })
}

fn resolve(reference: &BytesRef<'_>) -> Result<char, XmlError> {
    if let Some(c) = reference.resolve_char_ref().map_err(malformed)? {
        return Ok(c);
    }
    match reference.decode().map_err(malformed)?.as_ref() {
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "amp" => Ok('&'),
        "apos" => Ok('\''),
        "quot" => Ok('"'),
        _ => Err(XmlError::Entity),
    }
}

fn top(open: &mut [Element]) -> Result<&mut Element, XmlError> {
    open.last_mut().ok_or_else(|| XmlError::Malformed("an element is closed twice".to_owned()))
}

fn malformed(error: impl fmt::Display) -> XmlError {
    XmlError::Malformed(error.to_string())
}

impl fmt::Display for XmlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge(what, limit) => write!(f, "XML: {what} above {limit}"),
            Self::Entity => write!(f, "XML: entities of its own"),
            Self::Malformed(why) => write!(f, "XML: {why}"),
            Self::Missing(what) => write!(f, "XML: no {what} element"),
        }
    }
}

impl std::error::Error for XmlError {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn elements_attributes_and_predefined_entities() {
        let root = parse(
            b"\xEF\xBB\xBF<?xml version='1.0'?><p:a x='1&amp;2'><!-- c --><b>x &lt;&#x41;<![CDATA[&]]></b><c/></p:a>",
        )
        .expect("well-formed");
        assert_eq!((root.name.as_str(), root.attribute("x")), ("a", Some("1&2")));
        assert_eq!(root.child_text("b").as_deref(), Some("x <A&"));
        assert_eq!(root.child_text("c"), None);
    }

    #[test]
    fn nothing_is_expanded_and_everything_has_a_bound() {
        assert_eq!(parse(b"<!DOCTYPE a [<!ENTITY e 'x'>]><a>&e;</a>"), Err(XmlError::Entity));
        assert_eq!(parse(b"<a>&e;</a>"), Err(XmlError::Entity));
        assert_eq!(parse("<a>".repeat(100).as_bytes()), Err(XmlError::TooLarge("depth", MAX_DEPTH)));
        let wide = format!("<a>{}</a>", "<b/>".repeat(MAX_ELEMENTS));
        assert_eq!(parse(wide.as_bytes()), Err(XmlError::TooLarge("number of elements", MAX_ELEMENTS)));
        assert_eq!(parse(&vec![b' '; MAX_DOCUMENT + 1]), Err(XmlError::TooLarge("document", MAX_DOCUMENT)));
        assert!(matches!(parse(b"<a><b></a>"), Err(XmlError::Malformed(_))));
        assert!(matches!(parse(b"<a><b>"), Err(XmlError::Malformed(_))));
        assert!(matches!(parse(b"</a>"), Err(XmlError::Malformed(_))));
        assert_eq!(parse(b""), Err(XmlError::Missing("root")));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in "[<>/a&;!\\[\\]? ='x-]{0,60}") {
            let _ = parse(&bytes);
            let _ = parse(text.as_bytes());
        }

        #[test]
        fn text_survives(text in "[ -~]{0,30}") {
            let read = parse(tagged("a", &text).as_bytes()).expect("our own");
            prop_assert_eq!(read.text, text);
        }
    }
}
