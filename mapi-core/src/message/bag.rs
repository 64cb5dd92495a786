use std::collections::BTreeMap;

use crate::property::{FileTime, PropertyKey, PropertyName, PropertyTag, PropertyType, PropertyValue};

/// The properties of one object, in a fixed order (so that nothing made from them depends on a server's order).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PropertyBag {
    values: BTreeMap<PropertyKey, PropertyValue>,
}

impl PropertyBag {
    /// No properties.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a property; the former value is returned.
    pub fn set(&mut self, key: impl Into<PropertyKey>, value: PropertyValue) -> Option<PropertyValue> {
        self.values.insert(key.into(), value)
    }

    /// Removes a property; its value is returned.
    pub fn remove(&mut self, key: &PropertyKey) -> Option<PropertyValue> {
        self.values.remove(key)
    }

    /// The value of a property.
    pub fn get(&self, tag: PropertyTag) -> Option<&PropertyValue> {
        self.values.get(&PropertyKey::Tag(tag))
    }

    /// The value of a named property of type `kind`.
    pub fn get_named(&self, name: &PropertyName, kind: PropertyType) -> Option<&PropertyValue> {
        self.values.get(&PropertyKey::Named(name.clone(), kind))
    }

    /// The text of a string property.
    pub fn text(&self, tag: PropertyTag) -> Option<&str> {
        self.get(tag)?.as_str()
    }

    /// The bytes of a binary property.
    pub fn binary(&self, tag: PropertyTag) -> Option<&[u8]> {
        self.get(tag)?.as_bytes()
    }

    /// The number of an integer property.
    pub fn integer(&self, tag: PropertyTag) -> Option<i32> {
        self.get(tag)?.as_i32()
    }

    /// The value of a 64-bit integer property.
    pub fn integer64(&self, tag: PropertyTag) -> Option<i64> {
        self.get(tag)?.as_i64()
    }

    /// The value of a Boolean property.
    pub fn boolean(&self, tag: PropertyTag) -> Option<bool> {
        self.get(tag)?.as_bool()
    }

    /// The value of a time property.
    pub fn time(&self, tag: PropertyTag) -> Option<FileTime> {
        self.get(tag)?.as_time()
    }

    /// Every property, tags before named ones, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (&PropertyKey, &PropertyValue)> {
        self.values.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

impl<K: Into<PropertyKey>> FromIterator<(K, PropertyValue)> for PropertyBag {
    fn from_iter<I: IntoIterator<Item = (K, PropertyValue)>>(values: I) -> Self {
        Self { values: values.into_iter().map(|(key, value)| (key.into(), value)).collect() }
    }
}

impl<K: Into<PropertyKey>> Extend<(K, PropertyValue)> for PropertyBag {
    fn extend<I: IntoIterator<Item = (K, PropertyValue)>>(&mut self, values: I) {
        self.values.extend(values.into_iter().map(|(key, value)| (key.into(), value)));
    }
}
