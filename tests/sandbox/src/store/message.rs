//! A message as the store holds it.

use std::sync::Arc;

use mapi_core::ErrorCode;
use mapi_core::message::{MessageContent, PropertyBag};
use mapi_core::property::tags::*;
use mapi_core::property::{FileTime, PropertyKey, PropertyTag, PropertyType, PropertyValue};

/// Bits of PidTagMessageFlags ([MS-OXCMSG] 2.2.1.6).
pub mod flag {
    /// Read.
    pub const READ: u32 = 0x1;
    /// Not changed since it was first saved.
    pub const UNMODIFIED: u32 = 0x2;
    /// Submitted.
    pub const SUBMITTED: u32 = 0x4;
    /// Not sent: a draft.
    pub const UNSENT: u32 = 0x8;
    /// Has attachments.
    pub const HAS_ATTACH: u32 = 0x10;
    /// The mailbox owner sent it.
    pub const FROM_ME: u32 = 0x20;
    /// An FAI message.
    pub const FAI: u32 = 0x40;
    /// A read receipt is wanted.
    pub const NOTIFY_READ: u32 = 0x100;
    /// A non-read receipt is wanted.
    pub const NOTIFY_UNREAD: u32 = 0x200;
    /// Was read at least once.
    pub const EVER_READ: u32 = 0x400;
    /// Came from the Internet.
    pub const INTERNET: u32 = 0x2000;
    /// Bits that are derived and never stored.
    pub const DERIVED: u32 = READ | HAS_ATTACH | FAI | EVER_READ;
}

/// A message as the store holds it. Content is shared between copies until one of them changes.
#[derive(Debug, Clone)]
pub struct Message {
    /// Counter of the MID; 0 as long as there is none (embedded messages).
    pub id: u64,
    /// Counter of the folder's FID.
    pub folder: u64,
    /// Whether it is an FAI message.
    pub associated: bool,
    /// Whether it was deleted softly.
    pub deleted: bool,
    /// Properties, recipients, attachments.
    pub content: Arc<MessageContent>,
    /// Counter of the change number; 0 before the first save.
    pub change_number: u64,
    /// Counter of the read-state change number; 0: the read state never changed.
    pub read_change: u64,
    /// Read state.
    pub read: bool,
    /// PidTagMessageFlags without its derived bits.
    pub flags: u32,
    /// PidTagMessageStatus.
    pub status: u32,
    /// PidTagInternetArticleNumber.
    pub article: u32,
    /// PidTagCreationTime.
    pub created: FileTime,
    /// PidTagLastModificationTime.
    pub modified: FileTime,
    /// PidTagLocalCommitTime.
    pub committed: FileTime,
    /// PidTagSearchKey; kept by copies and moves.
    pub search_key: [u8; 16],
    /// PidTagMessageSize, as of the last save.
    pub size: u32,
}

impl Message {
    /// A new message that nobody saved yet ([MS-OXCMSG] 3.2.5.2): read, unsent, of class IPM.Note.
    pub fn draft(id: u64, folder: u64, associated: bool, search_key: [u8; 16], now: FileTime) -> Self {
        let properties = PropertyBag::from_iter([
            (PidTagMessageClass, PropertyValue::String("IPM.Note".to_owned())),
            (PidTagImportance, PropertyValue::Integer32(1)),
            (PidTagSensitivity, PropertyValue::Integer32(0)),
        ]);
        let content = MessageContent { properties, ..Default::default() };
        let mut message = Self::holding(content, now);
        message.id = id;
        message.folder = folder;
        message.associated = associated;
        message.search_key = search_key;
        message.read = true;
        message.flags = flag::UNSENT;
        message
    }

    /// A message without id around `content`; state that the content carries as properties (flags, times, search key)
    /// is taken out of it.
    pub fn from_content(mut content: MessageContent, now: FileTime) -> Self {
        let properties = std::mem::take(&mut content.properties);
        let mut message = Self::holding(content, now);
        for (key, value) in properties.iter() {
            // What cannot be set is computed anyway.
            let _ = message.set(key.clone(), value.clone());
        }
        message
    }

    /// The message as a value, with its state as properties again: what an attachment holds.
    pub fn into_content(self) -> MessageContent {
        let flags = self.message_flags();
        let mut content = Arc::unwrap_or_clone(self.content);
        let properties = &mut content.properties;
        properties.set(PidTagMessageFlags, PropertyValue::Integer32(flags.cast_signed()));
        properties.set(PidTagCreationTime, PropertyValue::Time(self.created));
        properties.set(PidTagLastModificationTime, PropertyValue::Time(self.modified));
        properties.set(PidTagSearchKey, PropertyValue::Binary(self.search_key.to_vec()));
        content
    }

    fn holding(content: MessageContent, now: FileTime) -> Self {
        Self {
            id: 0,
            folder: 0,
            associated: false,
            deleted: false,
            content: Arc::new(content),
            change_number: 0,
            read_change: 0,
            read: false,
            flags: 0,
            status: 0,
            article: 0,
            created: now,
            modified: now,
            committed: now,
            search_key: [0; 16],
            size: 0,
        }
    }

    /// PidTagMessageFlags with its derived bits.
    pub fn message_flags(&self) -> u32 {
        let mut flags = self.flags & !flag::DERIVED;
        if self.read {
            flags |= flag::READ | flag::EVER_READ;
        }
        if self.has_attachments() {
            flags |= flag::HAS_ATTACH;
        }
        if self.associated {
            flags |= flag::FAI;
        }
        flags
    }

    /// PidTagHasAttachments: whether there is an attachment that is not hidden.
    pub fn has_attachments(&self) -> bool {
        let hidden = |bag: &PropertyBag| bag.boolean(PidTagAttachmentHidden).unwrap_or(false);
        self.content.attachments.iter().any(|attachment| !hidden(&attachment.properties))
    }

    /// Sets a property: state goes where it belongs, computed ones are refused.
    ///
    /// # Errors
    /// `ecComputed` for properties that the store computes, `ecAccessDenied` for PidTagMessageFlags after the first
    /// save, `ecInvalidParam` for a value of the wrong type.
    pub fn set(&mut self, key: PropertyKey, value: PropertyValue) -> Result<(), ErrorCode> {
        let PropertyKey::Tag(tag) = key else {
            Arc::make_mut(&mut self.content).properties.set(key, value);
            return Ok(());
        };
        let first = self.change_number == 0;
        match canonical(tag) {
            PidTagMessageFlags if !first => return Err(ErrorCode::ACCESS_DENIED),
            PidTagMessageFlags => {
                let flags = value.as_i32().ok_or(ErrorCode::INVALID_PARAM)?.cast_unsigned();
                self.read = flags & flag::READ != 0;
                self.flags = flags & !flag::DERIVED;
            }
            PidTagCreationTime if first => self.created = value.as_time().ok_or(ErrorCode::INVALID_PARAM)?,
            PidTagLastModificationTime if first => self.modified = value.as_time().ok_or(ErrorCode::INVALID_PARAM)?,
            PidTagSearchKey => {
                let bytes = value.as_bytes().ok_or(ErrorCode::INVALID_PARAM)?;
                self.search_key = bytes.try_into().map_err(|_| ErrorCode::INVALID_PARAM)?;
            }
            PidTagSubject => self.set_subject(&text_of(value)?),
            tag if super::view::is_computed(tag) => return Err(ErrorCode::COMPUTED),
            tag => put(&mut Arc::make_mut(&mut self.content).properties, tag, value)?,
        }
        Ok(())
    }

    /// Removes a property. Removing one that is not there is no error.
    ///
    /// # Errors
    /// `ecComputed` for properties that the store computes.
    pub fn remove(&mut self, key: &PropertyKey) -> Result<(), ErrorCode> {
        let properties = &mut Arc::make_mut(&mut self.content).properties;
        match key {
            PropertyKey::Named(..) => drop(properties.remove(key)),
            PropertyKey::Tag(tag) => match canonical(*tag) {
                PidTagSubject => {
                    properties.remove(&PidTagNormalizedSubject.into());
                    properties.remove(&PidTagSubjectPrefix.into());
                }
                tag if super::view::is_computed(tag) => return Err(ErrorCode::COMPUTED),
                tag => drop(properties.remove(&tag.into())),
            },
        }
        Ok(())
    }

    /// Splits a subject into PidTagSubjectPrefix (one to three letters, a colon, a blank) and PidTagNormalizedSubject
    /// ([MS-OXCMSG] 3.2.1.2).
    fn set_subject(&mut self, subject: &str) {
        let split = subject.find(": ").filter(|at| {
            let prefix = &subject[..*at];
            (1..=3).contains(&prefix.chars().count()) && prefix.chars().all(char::is_alphabetic)
        });
        let (prefix, normalized) = subject.split_at(split.map_or(0, |at| at + 2));
        let properties = &mut Arc::make_mut(&mut self.content).properties;
        properties.set(PidTagSubjectPrefix, PropertyValue::String(prefix.to_owned()));
        properties.set(PidTagNormalizedSubject, PropertyValue::String(normalized.to_owned()));
    }

    /// Brings the size up to date with the content.
    pub fn measure(&mut self) {
        self.size = u32::try_from(content_size(&self.content, 0)).unwrap_or(u32::MAX);
    }
}

/// Sets a property of a bag, text always as Unicode.
///
/// # Errors
/// `ecInvalidParam` if the value is not of the tag's type.
pub fn put(bag: &mut PropertyBag, tag: PropertyTag, value: PropertyValue) -> Result<(), ErrorCode> {
    let tag = canonical(tag);
    let value = match value {
        PropertyValue::String8(bytes) => PropertyValue::String(latin1(&bytes)),
        PropertyValue::MultipleString8(list) => {
            PropertyValue::MultipleString(list.iter().map(|bytes| latin1(bytes)).collect())
        }
        other => other,
    };
    if value.kind() != tag.kind() {
        return Err(ErrorCode::INVALID_PARAM);
    }
    bag.set(tag, value);
    Ok(())
}

/// The tag under which a property is stored: text as PtypString.
pub fn canonical(tag: PropertyTag) -> PropertyTag {
    match tag.kind() {
        PropertyType::STRING8 => tag.with_kind(PropertyType::STRING),
        PropertyType::MULTIPLE_STRING8 => tag.with_kind(PropertyType::MULTIPLE_STRING),
        _ => tag,
    }
}

/// Bytes that a value takes in the store.
pub fn value_size(value: &PropertyValue) -> usize {
    match value {
        PropertyValue::String(text) => text.len() * 2 + 2,
        PropertyValue::Binary(bytes) | PropertyValue::ServerId(bytes) | PropertyValue::Object(bytes) => bytes.len(),
        PropertyValue::MultipleString(list) => list.iter().map(|text| text.len() * 2 + 2).sum(),
        PropertyValue::MultipleBinary(list) => list.iter().map(Vec::len).sum(),
        _ => 8,
    }
}

fn content_size(content: &MessageContent, depth: usize) -> usize {
    let bag = |bag: &PropertyBag| bag.iter().map(|(_, value)| 4 + value_size(value)).sum::<usize>();
    let attachments = content.attachments.iter().map(|attachment| {
        let embedded = attachment.embedded.as_deref().filter(|_| depth < 64);
        bag(&attachment.properties) + embedded.map_or(0, |inner| content_size(inner, depth + 1))
    });
    bag(&content.properties) + content.recipients.iter().map(bag).sum::<usize>() + attachments.sum::<usize>()
}

fn text_of(value: PropertyValue) -> Result<String, ErrorCode> {
    match value {
        PropertyValue::String(text) => Ok(text),
        PropertyValue::String8(bytes) => Ok(latin1(&bytes)),
        _ => Err(ErrorCode::INVALID_PARAM),
    }
}

fn latin1(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|&byte| char::from(byte)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> PropertyValue {
        PropertyValue::String(value.to_owned())
    }

    #[test]
    fn subjects_split_at_short_prefixes_only() {
        let mut message = Message::draft(1, 2, false, [0; 16], FileTime(0));
        for (subject, prefix, normalized) in
            [("RE: hello", "RE: ", "hello"), ("Note: hello", "", "Note: hello"), ("1: x", "", "1: x"), ("", "", "")]
        {
            message.set(PidTagSubject.into(), text(subject)).expect("settable");
            assert_eq!(message.content.properties.text(PidTagSubjectPrefix), Some(prefix));
            assert_eq!(message.content.properties.text(PidTagNormalizedSubject), Some(normalized));
        }
    }

    #[test]
    fn flags_are_settable_until_the_first_save() {
        let mut message = Message::draft(1, 2, false, [0; 16], FileTime(0));
        assert_eq!(message.message_flags(), 0x409);
        message.set(PidTagMessageFlags.into(), PropertyValue::Integer32(0)).expect("not saved yet");
        assert_eq!(message.message_flags(), 0);
        message.change_number = 7;
        let refused = message.set(PidTagMessageFlags.into(), PropertyValue::Integer32(8));
        assert_eq!(refused, Err(ErrorCode::ACCESS_DENIED));
        assert_eq!(message.set(PidTagMessageSize.into(), PropertyValue::Integer32(8)), Err(ErrorCode::COMPUTED));
    }
}
