use std::collections::BTreeSet;

use mapi_core::property::tags::*;
use mapi_core::property::{PropertyKey, PropertyTag, PropertyType};

use crate::store::Mailbox;
use crate::store::message::canonical;

/// Which properties and children of a top-level object are transferred. Embedded messages are whole.
#[derive(Debug, Clone)]
pub enum Filter {
    /// All but these.
    Exclude(BTreeSet<PropertyKey>),
    /// Only these.
    Include(BTreeSet<PropertyKey>),
}

impl Filter {
    /// Everything.
    pub fn everything() -> Self {
        Self::Exclude(BTreeSet::new())
    }

    /// Everything but `tags` of this mailbox.
    pub fn excluding(mailbox: &Mailbox, tags: &[PropertyTag]) -> Self {
        Self::Exclude(keys(mailbox, tags))
    }

    /// Only `tags` of this mailbox.
    pub fn including(mailbox: &Mailbox, tags: &[PropertyTag]) -> Self {
        Self::Include(keys(mailbox, tags))
    }

    /// Whether a property is transferred. The type does not matter.
    pub fn wants(&self, key: &PropertyKey) -> bool {
        let key = untyped(key.clone());
        match self {
            Self::Exclude(set) => !set.contains(&key),
            Self::Include(set) => set.contains(&key),
        }
    }

    /// Whether recipients are transferred.
    pub fn wants_recipients(&self) -> bool {
        self.wants(&PidTagMessageRecipients.into())
    }

    /// Whether attachments are transferred.
    pub fn wants_attachments(&self) -> bool {
        self.wants(&PidTagMessageAttachments.into())
    }

    /// The properties of an include list.
    pub fn included(&self) -> Option<&BTreeSet<PropertyKey>> {
        match self {
            Self::Exclude(_) => None,
            Self::Include(set) => Some(set),
        }
    }
}

fn keys(mailbox: &Mailbox, tags: &[PropertyTag]) -> BTreeSet<PropertyKey> {
    tags.iter().filter_map(|tag| mailbox.names().key(canonical(*tag))).map(untyped).collect()
}

fn untyped(key: PropertyKey) -> PropertyKey {
    match key {
        PropertyKey::Tag(tag) => PropertyKey::Tag(tag.with_kind(PropertyType::UNSPECIFIED)),
        PropertyKey::Named(name, _) => PropertyKey::Named(name, PropertyType::UNSPECIFIED),
    }
}
