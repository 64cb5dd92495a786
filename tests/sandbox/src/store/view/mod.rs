//! Objects of the store with their computed properties.

mod bag;
mod computed;
mod folder;
mod message;

pub use bag::BagView;
pub use computed::{ACCESS_LEVEL, INST_ID, INSTANCE_NUM, is_computed};
pub use folder::{FolderView, is_computed as is_computed_of_folders};
pub use message::MessageView;

use std::borrow::Cow;

use mapi_core::message::PropertyBag;
use mapi_core::property::{PropertyKey, PropertyTag, PropertyType, PropertyValue};

use super::{Mailbox, entry_id};

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
