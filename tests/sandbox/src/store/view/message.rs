use std::borrow::Cow;

use mapi_core::message::PropertyBag;
use mapi_core::property::tags::*;
use mapi_core::property::{PropertyKey, PropertyTag, PropertyType, PropertyValue};

use super::super::message::{canonical, flag};
use super::super::{Mailbox, Message, entry_id, object_id};
use super::computed::{ACCESS_LEVEL, INST_ID, INSTANCE_NUM, LISTED, UNLISTED};
use super::{Properties, in_kind, predecessors, stored};

/// A message with the properties that are computed from its state and its place.
#[derive(Clone, Copy)]
pub struct MessageView<'a> {
    /// The mailbox it is in.
    pub mailbox: &'a Mailbox,
    /// The message, stored or being edited.
    pub message: &'a Message,
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
