//! Objects of the store with their computed properties.

use std::borrow::Cow;

use mapi_core::id::ObjectId;
use mapi_core::message::PropertyBag;
use mapi_core::property::tags::*;
use mapi_core::property::{PropertyKey, PropertyTag, PropertyType, PropertyValue};

use super::message::{canonical, flag};
use super::{Mailbox, Message, entry_id, object_id};

/// PidTagAccessLevel ([MS-OXCPRPT] 2.2.1.2).
pub const ACCESS_LEVEL: PropertyTag = PropertyTag(0x0FF7_0003);
/// PidTagInstID of table rows ([MS-OXCTABL] 2.2.1.1).
pub const INST_ID: PropertyTag = PropertyTag(0x674D_0014);
/// PidTagInstanceNum of table rows ([MS-OXCTABL] 2.2.1.2).
pub const INSTANCE_NUM: PropertyTag = PropertyTag(0x674E_0003);

/// Something whose properties can be asked for: a row of a table, an open object.
pub trait Properties {
    /// The value of `tag`; text also as PtypString8, and the stored one whatever its type for PtypUnspecified.
    fn value(&self, tag: PropertyTag) -> Option<Cow<'_, PropertyValue>>;

    /// Every property it has.
    fn keys(&self) -> Vec<PropertyKey>;

    /// The rows of a sub-object table (PidTagMessageRecipients, PidTagMessageAttachments), for restrictions.
    fn children(&self, _tag: PropertyTag) -> Vec<&PropertyBag> {
        Vec::new()
    }
}

/// A message with the properties that are computed from its state and its place.
#[derive(Clone, Copy)]
pub struct MessageView<'a> {
    /// The mailbox it is in.
    pub mailbox: &'a Mailbox,
    /// The message, stored or being edited.
    pub message: &'a Message,
}

/// Computed properties that downloads and GetPropertiesAll list.
const LISTED: [PropertyTag; 24] = [
    PidTagSubject,
    PidTagMessageFlags,
    PidTagMessageSize,
    PidTagHasAttachments,
    PidTagRead,
    PidTagDisplayTo,
    PidTagDisplayCc,
    PidTagDisplayBcc,
    PidTagCreationTime,
    PidTagLastModificationTime,
    PidTagLocalCommitTime,
    PidTagSearchKey,
    PidTagRecordKey,
    PidTagEntryId,
    PidTagParentEntryId,
    PidTagObjectType,
    PidTagAccess,
    ACCESS_LEVEL,
    PidTagNativeBody,
    PidTagInternetArticleNumber,
    PidTagMid,
    PidTagChangeKey,
    PidTagPredecessorChangeList,
    PidTagChangeNumber,
];

/// Computed properties that are answered but not listed.
const UNLISTED: [PropertyTag; 9] = [
    PidTagMessageStatus,
    PidTagMessageSizeExtended,
    PidTagInstanceKey,
    PidTagFolderId,
    PidTagSourceKey,
    PidTagParentSourceKey,
    PidTagAssociated,
    INST_ID,
    INSTANCE_NUM,
];

/// Whether the store computes this property of messages, so that clients cannot set it.
pub fn is_computed(tag: PropertyTag) -> bool {
    LISTED.contains(&tag) || UNLISTED.contains(&tag)
}

impl MessageView<'_> {
    /// A computed property, or what stands in for a stored one that is missing.
    fn computed(&self, tag: PropertyTag) -> Option<PropertyValue> {
        let (mailbox, message) = (self.mailbox, self.message);
        let bag = &message.content.properties;
        let saved = message.id != 0;
        let id = |counter: u64| PropertyValue::Integer64(object_id(counter).to_i64());
        let key = |counter: u64| PropertyValue::Binary(entry_id::source_key(mailbox.replica_guid(), counter));
        Some(match tag {
            PidTagSubject => {
                let normalized = bag.text(PidTagNormalizedSubject)?;
                PropertyValue::String(format!("{}{normalized}", bag.text(PidTagSubjectPrefix).unwrap_or_default()))
            }
            PidTagConversationTopic => PropertyValue::String(bag.text(PidTagNormalizedSubject)?.to_owned()),
            PidTagMessageFlags => PropertyValue::Integer32(message.message_flags().cast_signed()),
            PidTagMessageStatus => PropertyValue::Integer32(message.status.cast_signed()),
            PidTagMessageSize => PropertyValue::Integer32(message.size.cast_signed()),
            PidTagMessageSizeExtended => PropertyValue::Integer64(i64::from(message.size)),
            PidTagHasAttachments => PropertyValue::Boolean(message.has_attachments()),
            PidTagRead => PropertyValue::Boolean(message.read),
            PidTagReadReceiptRequested => PropertyValue::Boolean(message.flags & flag::NOTIFY_READ != 0),
            PidTagDisplayTo => PropertyValue::String(self.display(1)),
            PidTagDisplayCc => PropertyValue::String(self.display(2)),
            PidTagDisplayBcc => PropertyValue::String(self.display(3)),
            PidTagCreationTime => PropertyValue::Time(message.created),
            PidTagLastModificationTime => PropertyValue::Time(message.modified),
            PidTagLocalCommitTime => PropertyValue::Time(message.committed),
            PidTagSearchKey => PropertyValue::Binary(message.search_key.to_vec()),
            PidTagEntryId | PidTagRecordKey if saved => PropertyValue::Binary(entry_id::message(
                mailbox.guid(),
                mailbox.replica_guid(),
                message.folder,
                message.id,
            )),
            PidTagParentEntryId if saved => {
                PropertyValue::Binary(entry_id::folder(mailbox.guid(), mailbox.replica_guid(), message.folder))
            }
            PidTagInstanceKey if saved => PropertyValue::Binary(object_id(message.id).to_bytes().to_vec()),
            PidTagObjectType => PropertyValue::Integer32(5),
            PidTagAccess => PropertyValue::Integer32(7),
            ACCESS_LEVEL => PropertyValue::Integer32(1),
            PidTagNativeBody => PropertyValue::Integer32(if bag.get(PidTagHtml).is_some() {
                3
            } else if bag.get(PidTagRtfCompressed).is_some() {
                2
            } else {
                i32::from(bag.get(PidTagBody).is_some())
            }),
            PidTagInternetArticleNumber if saved => PropertyValue::Integer32(message.article.cast_signed()),
            PidTagMid | INST_ID if saved => id(message.id),
            PidTagFolderId if saved => id(message.folder),
            INSTANCE_NUM if saved => PropertyValue::Integer32(0),
            PidTagAssociated => PropertyValue::Boolean(message.associated),
            PidTagSourceKey if saved => key(message.id),
            PidTagParentSourceKey if saved => key(message.folder),
            PidTagChangeNumber if message.change_number != 0 => id(message.change_number),
            PidTagChangeKey if message.change_number != 0 => key(message.change_number),
            PidTagPredecessorChangeList if message.change_number != 0 => {
                PropertyValue::Binary(predecessors(mailbox, message.change_number))
            }
            _ => return None,
        })
    }

    /// The display names of the recipients of one type.
    fn display(&self, kind: i32) -> String {
        let of_kind = |bag: &&PropertyBag| bag.integer(PidTagRecipientType).map(|k| k & 0xF) == Some(kind);
        let name = |bag: &PropertyBag| {
            let name = bag.text(PidTagDisplayName).or_else(|| bag.text(PidTagEmailAddress));
            name.unwrap_or_default().to_owned()
        };
        self.message.content.recipients.iter().filter(of_kind).map(name).collect::<Vec<_>>().join("; ")
    }
}

impl Properties for MessageView<'_> {
    fn value(&self, tag: PropertyTag) -> Option<Cow<'_, PropertyValue>> {
        let full = match tag.kind() {
            PropertyType::UNSPECIFIED => {
                LISTED.iter().chain(&UNLISTED).find(|known| known.id() == tag.id()).copied().unwrap_or(tag)
            }
            _ => canonical(tag),
        };
        let value = stored(self.mailbox, &self.message.content.properties, full)
            .or_else(|| self.computed(full).map(Cow::Owned))?;
        Some(in_kind(value, tag))
    }

    fn keys(&self) -> Vec<PropertyKey> {
        let mut keys: Vec<PropertyKey> = self.message.content.properties.iter().map(|(key, _)| key.clone()).collect();
        keys.extend(LISTED.into_iter().filter(|tag| self.computed(*tag).is_some()).map(PropertyKey::Tag));
        keys.sort();
        keys.dedup();
        keys
    }

    fn children(&self, tag: PropertyTag) -> Vec<&PropertyBag> {
        match tag {
            PidTagMessageRecipients => self.message.content.recipients.iter().collect(),
            PidTagMessageAttachments => self.message.content.attachments.iter().map(|a| &a.properties).collect(),
            _ => Vec::new(),
        }
    }
}

/// A bag with nothing computed: recipients, attachments, address book entries.
#[derive(Clone, Copy)]
pub struct BagView<'a> {
    /// The mailbox whose named property ids count.
    pub mailbox: &'a Mailbox,
    /// The properties.
    pub bag: &'a PropertyBag,
}

impl Properties for BagView<'_> {
    fn value(&self, tag: PropertyTag) -> Option<Cow<'_, PropertyValue>> {
        stored(self.mailbox, self.bag, canonical(tag)).map(|value| in_kind(value, tag))
    }

    fn keys(&self) -> Vec<PropertyKey> {
        self.bag.iter().map(|(key, _)| key.clone()).collect()
    }
}

/// A stored value by the tag of this mailbox.
pub fn stored<'a>(mailbox: &Mailbox, bag: &'a PropertyBag, tag: PropertyTag) -> Option<Cow<'a, PropertyValue>> {
    if tag.kind() == PropertyType::UNSPECIFIED {
        let name = tag.is_named().then(|| mailbox.names().name(tag.id()));
        let same = |key: &PropertyKey| match (key, &name) {
            (PropertyKey::Tag(known), None) => known.id() == tag.id(),
            (PropertyKey::Named(known, _), Some(name)) => known == name,
            _ => false,
        };
        return bag.iter().find(|(key, _)| same(key)).map(|(_, value)| Cow::Borrowed(value));
    }
    if !tag.is_named() {
        return bag.get(tag).map(Cow::Borrowed);
    }
    bag.get_named(&mailbox.names().name(tag.id()), tag.kind()).map(Cow::Borrowed)
}

/// PidTagPredecessorChangeList of an object that only this server changed.
pub fn predecessors(mailbox: &Mailbox, change_number: u64) -> Vec<u8> {
    let mut list = vec![22];
    list.extend(entry_id::source_key(mailbox.replica_guid(), change_number));
    list
}

/// A text value in the type that was asked for.
pub fn in_kind(value: Cow<'_, PropertyValue>, asked: PropertyTag) -> Cow<'_, PropertyValue> {
    let eight_bit = |text: &str| text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect::<Vec<u8>>();
    match (asked.kind(), value.as_ref()) {
        (PropertyType::STRING8, PropertyValue::String(text)) => Cow::Owned(PropertyValue::String8(eight_bit(text))),
        (PropertyType::MULTIPLE_STRING8, PropertyValue::MultipleString(list)) => {
            Cow::Owned(PropertyValue::MultipleString8(list.iter().map(|text| eight_bit(text)).collect()))
        }
        _ => value,
    }
}

/// The counter of an id of this store; `None` for the id of another replica.
pub fn counter(id: ObjectId) -> Option<u64> {
    (id.replica_id == super::REPLICA_ID).then(|| id.counter.value())
}
