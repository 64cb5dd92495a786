use std::collections::HashMap;

use mapi_core::property::{NamedId, PropertyKey, PropertyName, PropertyTag, property_set};

/// The named properties of one mailbox: names to ids of 0x8000 and above ([MS-OXCPRPT] 3.2.5.9, 3.2.5.10).
#[derive(Debug, Clone, Default)]
pub struct NamedProperties {
    ids: HashMap<PropertyName, u16>,
    names: Vec<PropertyName>,
}

const FIRST: u16 = 0x8000;
/// 0xFFFF is no property id.
const CAPACITY: usize = 0x7FFF;

impl NamedProperties {
    /// The id of `name`; a new one if there is none yet and `create` is set. Names of PS_MAPI are ids themselves.
    pub fn id(&mut self, name: &PropertyName, create: bool) -> Option<u16> {
        let name = folded(name);
        if name.guid == property_set::PS_MAPI {
            return match name.id {
                Some(NamedId::Lid(lid)) => u16::try_from(lid).ok().filter(|id| *id < FIRST),
                _ => None,
            };
        }
        if let Some(id) = self.ids.get(&name) {
            return Some(*id);
        }
        if !create || name.id.is_none() || self.names.len() >= CAPACITY {
            return None;
        }
        let id = FIRST + u16::try_from(self.names.len()).ok()?;
        self.ids.insert(name.clone(), id);
        self.names.push(name);
        Some(id)
    }

    /// The id of a name that is mapped already.
    pub fn known(&self, name: &PropertyName) -> Option<u16> {
        self.ids.get(&folded(name)).copied()
    }

    /// The name behind `id`; ids below 0x8000 are reported under PS_MAPI, unmapped ones have none.
    pub fn name(&self, id: u16) -> PropertyName {
        if id < FIRST {
            return PropertyName::lid(property_set::PS_MAPI, u32::from(id));
        }
        let unnamed = PropertyName { guid: Default::default(), id: None };
        self.names.get(usize::from(id - FIRST)).cloned().unwrap_or(unnamed)
    }

    /// What a tag of this mailbox means outside it. `None`: a named property id that nobody mapped.
    pub fn key(&self, tag: PropertyTag) -> Option<PropertyKey> {
        if !tag.is_named() {
            return Some(PropertyKey::Tag(tag));
        }
        let name = self.name(tag.id());
        name.id.is_some().then(|| PropertyKey::Named(name, tag.kind()))
    }

    /// The tag that stands for `key` in this mailbox, if its name is mapped.
    pub fn tag(&self, key: &PropertyKey) -> Option<PropertyTag> {
        match key {
            PropertyKey::Tag(tag) => Some(*tag),
            PropertyKey::Named(name, kind) => Some(PropertyTag::new(self.known(name)?, *kind)),
        }
    }

    /// Makes sure that `key` has a tag in this mailbox.
    pub fn learn(&mut self, key: &PropertyKey) {
        if let PropertyKey::Named(name, _) = key {
            self.id(name, true);
        }
    }

    /// Every mapped name with its id, ascending by id.
    pub fn iter(&self) -> impl Iterator<Item = (u16, &PropertyName)> {
        (FIRST..=u16::MAX).zip(&self.names)
    }
}

/// Names of PS_INTERNET_HEADERS are header names: case does not tell them apart.
fn folded(name: &PropertyName) -> PropertyName {
    match &name.id {
        Some(NamedId::Name(text)) if name.guid == property_set::PS_INTERNET_HEADERS => {
            PropertyName::string(name.guid, text.to_ascii_lowercase())
        }
        _ => name.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_stable_and_header_names_fold() {
        let mut names = NamedProperties::default();
        let keywords = PropertyName::string(property_set::PS_PUBLIC_STRINGS, "Keywords");
        assert_eq!(names.id(&keywords, false), None);
        assert_eq!(names.id(&keywords, true), Some(0x8000));
        let header = PropertyName::string(property_set::PS_INTERNET_HEADERS, "X-Test");
        assert_eq!(names.id(&header, true), Some(0x8001));
        assert_eq!(names.known(&PropertyName::string(property_set::PS_INTERNET_HEADERS, "x-TEST")), Some(0x8001));
        assert_eq!(names.name(0x8000), keywords);
        assert_eq!(names.name(0x8002).id, None);
        assert_eq!(names.id(&PropertyName::lid(property_set::PS_MAPI, 0x0037), true), Some(0x0037));
    }
}
