use std::sync::Arc;

use bytes::Bytes;
use mail_core::message::{Content, Extract, Message, Section, SectionText, transfer};
use mail_core::{FetchedContent, FetchedMessage, MessageRow};

use crate::message::{preview, write_body, write_envelope, write_section};
use crate::proto::request::FetchItem;
use crate::proto::response::Output;
use crate::session::object_id::email_id;
use crate::session::selected::Selected;
use crate::session::work::{Work, Worked};

/// Messages up to so many bytes are taken apart at once; others are work for elsewhere.
const INLINE_BYTES: usize = 64 << 10;

/// What a FETCH response shows of a message.
pub(super) struct Shown {
    number: u32,
    /// It is named by its UID.
    uid_only: bool,
    row: MessageRow,
    recent: bool,
    size: Option<u32>,
    /// SHA-256 of its bytes.
    digest: Option<[u8; 32]>,
    /// All of the message is there.
    is_whole: bool,
    /// Whatever is asked for, its header is scanned once at most, and its structure looked for once at most.
    message: Message,
}

impl Shown {
    /// What there is to be shown of a message of which the client knows.
    pub fn of(selected: &Selected, uid_only: bool, fetched: FetchedMessage) -> Option<Self> {
        let FetchedMessage { uid, size, digest, content } = fetched;
        Some(Self { size: Some(size), digest, ..Self::new(selected, uid_only, uid, content)? })
    }

    /// The same of one whose row tells all that is to be shown.
    pub fn known(selected: &Selected, uid_only: bool, uid: u32) -> Option<Self> {
        Self::new(selected, uid_only, uid, FetchedContent::Nothing)
    }

    fn new(selected: &Selected, uid_only: bool, uid: u32, content: FetchedContent) -> Option<Self> {
        let view = selected.view();
        let (number, row, recent) = (view.number(uid)?, view.row(uid)?.clone(), view.is_recent(uid));
        let is_whole = content.is_whole();
        let message = content.into_message();
        Some(Self { number, uid_only, row, recent, size: None, digest: None, is_whole, message })
    }

    /// Writes the whole response.
    pub fn write_all(&self, items: &[FetchItem], out: &mut Output) {
        for position in 0..=items.len() {
            self.write(items, position, out);
        }
    }

    /// Writes the item at a position, and what is before it if it is the first; behind the last one the end.
    fn write(&self, items: &[FetchItem], position: usize, out: &mut Output) {
        match position {
            0 if self.uid_only => out.text("* ").number(self.row.uid).text(" UIDFETCH ("),
            0 => out.text("* ").number(self.number).text(" FETCH ("),
            position if position < items.len() => out.text(" "),
            _ => out,
        };
        match items.get(position) {
            Some(item) => self.write_item(item, out),
            None => drop(out.text(")\r\n")),
        }
    }

    fn write_item(&self, item: &FetchItem, out: &mut Output) {
        let message = &self.message;
        match item {
            FetchItem::Flags => out.text("FLAGS ").flags(self.row.flags, &self.row.keywords, self.recent),
            FetchItem::ModSeq => out.text("MODSEQ (").number(self.row.modseq).text(")"),
            FetchItem::Uid => out.text("UID ").number(self.row.uid),
            FetchItem::InternalDate => out.text("INTERNALDATE \"").text(&date_time(self.row.internal_date)).text("\""),
            FetchItem::Size => {
                let size = self.row.size.or(self.size).map(u64::from);
                out.text("RFC822.SIZE ").number(size.unwrap_or(message.bytes().len() as u64))
            }
            FetchItem::EmailId => match &self.digest {
                Some(digest) => out.text("EMAILID (").text(&email_id(digest)).text(")"),
                None => out.text("EMAILID NIL"),
            },
            // What belongs together is not known here (RFC 8474 5.2).
            FetchItem::ThreadId => out.text("THREADID NIL"),
            FetchItem::Envelope => {
                out.text("ENVELOPE ");
                write_envelope(message.fields(), out);
                out
            }
            FetchItem::Body | FetchItem::BodyStructure => {
                let extended = *item == FetchItem::BodyStructure;
                out.text(if extended { "BODYSTRUCTURE " } else { "BODY " });
                write_body(message.root(), extended, out);
                out
            }
            FetchItem::Rfc822 => out.text("RFC822 ").literal(message.bytes().clone()),
            FetchItem::Rfc822Header => {
                out.text("RFC822.HEADER ");
                write_literal(message, &message_section(SectionText::Header), None, out)
            }
            FetchItem::Rfc822Text => {
                out.text("RFC822.TEXT ");
                write_literal(message, &message_section(SectionText::Text), None, out)
            }
            FetchItem::Binary { part, partial, .. } => {
                out.text("BINARY[");
                write_section(&Section { part: part.clone(), text: SectionText::Whole }, out);
                out.text("]");
                if let Some((first, _)) = partial {
                    out.text("<").number(*first).text(">");
                }
                out.text(" ");
                match decoded(message, part) {
                    Some(bytes) => out.binary(piece(&bytes, *partial)),
                    None => out.text("NIL"),
                }
            }
            FetchItem::BinarySize(part) => {
                out.text("BINARY.SIZE[");
                write_section(&Section { part: part.clone(), text: SectionText::Whole }, out);
                out.text("] ").number(decoded(message, part).map_or(0, |bytes| bytes.len() as u64))
            }
            FetchItem::Preview { .. } => {
                let preview = self.is_whole.then(|| preview(message.root()));
                out.text("PREVIEW ").nstring(preview.as_deref().map(str::as_bytes))
            }
            FetchItem::Section { section, partial, .. } => {
                out.text("BODY[");
                write_section(section, out);
                out.text("]");
                if let Some((first, _)) = partial {
                    out.text("<").number(*first).text(">");
                }
                out.text(" ");
                write_literal(message, section, *partial, out)
            }
        };
    }

    /// Whether it is known how to decode what is asked for.
    fn can_be_decoded(&self, items: &[FetchItem]) -> bool {
        items.iter().all(|item| match item {
            FetchItem::Binary { part, .. } | FetchItem::BinarySize(part) if !part.is_empty() => {
                let part = self.message.part(part).filter(|part| is_single(&part.part().content));
                part.is_none_or(|part| transfer::is_known(&part.transfer_encoding()))
            }
            _ => true,
        })
    }

    /// Whether more of the message has to be looked at for an item than can be done at once.
    fn is_work(&self, item: &FetchItem) -> bool {
        let is_slice = match item {
            FetchItem::Flags | FetchItem::Uid | FetchItem::InternalDate | FetchItem::ModSeq | FetchItem::Size => true,
            FetchItem::EmailId | FetchItem::ThreadId | FetchItem::Rfc822 => true,
            FetchItem::Section { section, .. } => section.is_whole(),
            FetchItem::Binary { part, .. } | FetchItem::BinarySize(part) => part.is_empty(),
            _ => false,
        };
        !is_slice && self.message.bytes().len() > INLINE_BYTES
    }
}

/// A FETCH response in the middle, written item by item.
pub(super) struct Writing {
    items: Arc<[FetchItem]>,
    shown: Arc<Shown>,
    /// Like that to which it is written.
    blank: Output,
    /// The position of the item that comes next. After the last one the response ends.
    pub next: usize,
}

impl Writing {
    /// The response that shows `items` of a message, written to something like `out`.
    pub fn new(items: Arc<[FetchItem]>, shown: Shown, out: &Output) -> Self {
        Self { items, shown: Arc::new(shown), blank: out.another(), next: 0 }
    }

    /// The message.
    pub fn uid(&self) -> u32 {
        self.shown.row.uid
    }

    pub fn is_done(&self) -> bool {
        self.next > self.items.len()
    }

    /// What must be found in the message before the response begins, if that may take long. What comes of an item is no larger
    /// than the message, and the store has taken room for it.
    pub fn reading(&self) -> Option<Work> {
        if !self.items.iter().any(|item| self.shown.is_work(item)) {
            return None;
        }
        let (items, shown) = (Arc::clone(&self.items), Arc::clone(&self.shown));
        let read = move || {
            shown.message.header();
            if shown.can_be_decoded(&items) { Worked::Ready } else { Worked::Undecodable }
        };
        Some(Work::new(0, read))
    }

    /// Whether it is known how to decode what is asked for, where [`Writing::reading`] does not tell it.
    pub fn can_be_decoded(&self) -> bool {
        self.shown.can_be_decoded(&self.items)
    }

    /// The next item, if that may take long.
    pub fn work(&self) -> Option<Work> {
        self.items.get(self.next).filter(|item| self.shown.is_work(item))?;
        let (items, shown, next) = (Arc::clone(&self.items), Arc::clone(&self.shown), self.next);
        let blank = self.blank.another();
        let write = move || {
            let mut out = blank;
            shown.write(&items, next, &mut out);
            Worked::Written(out)
        };
        Some(Work::new(0, write))
    }

    /// Writes the next item, or the end.
    pub fn write_next(&mut self, out: &mut Output) {
        self.shown.write(&self.items, self.next, out);
        self.next += 1;
    }
}

fn message_section(text: SectionText) -> Section {
    Section { part: Vec::new(), text }
}

fn write_literal<'a>(
    message: &Message,
    section: &Section,
    partial: Option<(u32, u32)>,
    out: &'a mut Output,
) -> &'a mut Output {
    let bytes = match message.section(section) {
        Extract::Slice(range) => message.bytes().slice(range),
        Extract::Built(bytes) => Bytes::from(bytes),
        Extract::Missing => return out.text("NIL"),
    };
    out.literal(piece(&bytes, partial))
}

fn piece(bytes: &Bytes, partial: Option<(u32, u32)>) -> Bytes {
    let Some((first, count)) = partial else { return bytes.clone() };
    let first = (first as usize).min(bytes.len());
    let end = first.saturating_add(count as usize).min(bytes.len());
    bytes.slice(first..end)
}

/// What a part holds, its transfer encoding undone (RFC 3516 4.2); nothing if there is no such part. The message itself and what
/// consists of parts has none.
fn decoded(message: &Message, part: &[u32]) -> Option<Bytes> {
    if part.is_empty() {
        return Some(message.bytes().clone());
    }
    let part = message.part(part)?;
    if is_single(&part.part().content) && part.is_encoded() {
        return Some(Bytes::from(part.decoded().into_owned()));
    }
    Some(message.bytes().slice(part.part().body.clone()))
}

fn is_single(content: &Content) -> bool {
    matches!(content, Content::Leaf | Content::Opaque)
}

/// `date-time` without its quotes, in UTC. Dates beyond four-digit years are moved to the nearest.
fn date_time(seconds: i64) -> String {
    const FIRST: i64 = -62_135_596_800;
    const LAST: i64 = 253_402_300_799;
    let date = chrono::DateTime::from_timestamp(seconds.clamp(FIRST, LAST), 0).unwrap_or_default();
    date.format("%e-%b-%Y %H:%M:%S +0000").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        assert_eq!(date_time(837_596_665), "17-Jul-1996 09:44:25 +0000");
        assert_eq!(date_time(0), " 1-Jan-1970 00:00:00 +0000");
        assert_eq!(date_time(i64::MIN), " 1-Jan-0001 00:00:00 +0000");
        assert_eq!(date_time(i64::MAX), "31-Dec-9999 23:59:59 +0000");
    }
}
