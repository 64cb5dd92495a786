//! What other clients do to a mailbox, in one call each: for tests of those that watch it.

use mapi_core::property::tags::*;
use mapi_core::property::{PropertyKey, PropertyName, PropertyType, PropertyValue, property_set};

use super::{Mailbox, Message, StoreResult};

/// PidNameKeywords ([MS-OXCMSG] 2.2.1.17).
fn keywords() -> PropertyKey {
    let name = PropertyName::string(property_set::PS_PUBLIC_STRINGS, "Keywords");
    PropertyKey::Named(name, PropertyType::MULTIPLE_STRING)
}

impl Mailbox {
    /// Opens a message, changes it, saves it over whatever happened meanwhile.
    ///
    /// # Errors
    /// `ecNotFound`, and what `change` says.
    pub fn edit(&mut self, id: u64, change: impl FnOnce(&mut Message) -> StoreResult<()>) -> StoreResult<()> {
        let mut message = self.message(id)?.clone();
        let base = message.change_number;
        change(&mut message)?;
        self.save(message, base, true).map(drop)
    }

    /// Sets one property and saves.
    ///
    /// # Errors
    /// `ecNotFound`, `ecComputed`.
    pub fn set_property(&mut self, id: u64, key: impl Into<PropertyKey>, value: PropertyValue) -> StoreResult<()> {
        let key = key.into();
        self.edit(id, |message| message.set(key, value))
    }

    /// Flags a message for follow-up, or takes the flag away.
    ///
    /// # Errors
    /// `ecNotFound`.
    pub fn set_flagged(&mut self, id: u64, flagged: bool) -> StoreResult<()> {
        self.edit(id, |message| {
            if flagged {
                message.set(PidTagFlagStatus.into(), PropertyValue::Integer32(2))?;
                return message.set(PidTagFollowupIcon.into(), PropertyValue::Integer32(6));
            }
            message.remove(&PidTagFlagStatus.into())?;
            message.remove(&PidTagFollowupIcon.into())
        })
    }

    /// Gives a message these categories and no others.
    ///
    /// # Errors
    /// `ecNotFound`.
    pub fn set_categories(&mut self, id: u64, names: &[&str]) -> StoreResult<()> {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        self.set_property(id, keywords(), PropertyValue::MultipleString(names))
    }

    /// The categories of a message.
    pub fn categories(&self, id: u64) -> Vec<String> {
        let content = self.message(id).map(|message| message.content.clone()).unwrap_or_default();
        match content.properties.iter().find(|(key, _)| **key == keywords()) {
            Some((_, PropertyValue::MultipleString(names))) => names.clone(),
            _ => Vec::new(),
        }
    }

    /// Replaces the plain text body.
    ///
    /// # Errors
    /// `ecNotFound`.
    pub fn set_body(&mut self, id: u64, body: &str) -> StoreResult<()> {
        self.set_property(id, PidTagBody, PropertyValue::String(body.to_owned()))
    }

    /// The ids of a folder's messages with this subject, ascending.
    pub fn find_subject(&self, folder: u64, subject: &str) -> Vec<u64> {
        use super::view::Properties;
        let ids = self.folder(folder).map(|folder| self.content_rows(folder)).unwrap_or_default();
        let is_it = |id: &u64| {
            self.message_view(*id)
                .is_ok_and(|view| view.value(PidTagSubject).is_some_and(|s| s.as_str() == Some(subject)))
        };
        ids.into_iter().filter(is_it).collect()
    }
}
