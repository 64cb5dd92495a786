use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::property::{PropertyKey, PropertyName, PropertyTag, PropertyType};

/// The ids that this mailbox has given to named properties.
#[derive(Debug, Default)]
pub(super) struct Names {
    ids: Mutex<HashMap<PropertyName, u16>>,
}

/// Names kept; beyond that the map starts over.
const NAME_LIMIT: usize = 8192;

impl Names {
    /// Keeps the ids that the server gave to `names`; 0 is none.
    pub(super) fn learn(&self, names: &[PropertyName], ids: &[u16]) {
        let mut known = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() + names.len() > NAME_LIMIT {
            known.clear();
        }
        known.extend(names.iter().cloned().zip(ids.iter().copied()).filter(|(_, id)| *id != 0));
    }

    pub(super) fn get(&self, name: &PropertyName) -> Option<u16> {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner).get(name).copied()
    }

    /// The tag of a property, if its id is known.
    pub(super) fn tag(&self, key: &PropertyKey) -> Option<PropertyTag> {
        self.tag_as(key, None)
    }

    /// The tag of a property for a value of type `kind`.
    pub(super) fn tag_as(&self, key: &PropertyKey, kind: Option<PropertyType>) -> Option<PropertyTag> {
        match key {
            PropertyKey::Tag(tag) => Some(kind.map_or(*tag, |kind| tag.with_kind(kind))),
            PropertyKey::Named(name, own) => Some(PropertyTag::new(self.get(name)?, kind.unwrap_or(*own))),
        }
    }
}
