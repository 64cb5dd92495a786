use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::property::{PropertyKey, PropertyName, PropertyTag, PropertyType};
use crate::rop::{GetPropertyIdsFromNamesRequest, RequestBody, ResponseBody, RopId};

use super::link::{OnFailure, odd_answer};
use super::{Inner, Mailbox, MailboxError};

/// The ids that this mailbox has given to named properties.
#[derive(Debug, Default)]
pub(super) struct Names {
    ids: Mutex<HashMap<PropertyName, u16>>,
}

/// Names kept; beyond that the map starts over.
const NAME_LIMIT: usize = 8192;
/// Names asked for in one operation.
const ASK_LIMIT: usize = 200;

impl Names {
    /// Keeps the ids that the server gave to `names`; 0 is none.
    pub(super) fn learn(&self, names: &[PropertyName], ids: &[u16]) {
        let mut known = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() + names.len() > NAME_LIMIT {
            known.clear();
        }
        known.extend(names.iter().cloned().zip(ids.iter().copied()).filter(|(_, id)| *id != 0));
    }

    fn get(&self, name: &PropertyName) -> Option<u16> {
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

impl Mailbox {
    /// The tags that properties have in this mailbox, in the order of `keys`. Names that have no id yet get one if
    /// `create`, else `None`. No request if all are known.
    pub async fn tags(&self, keys: &[PropertyKey], create: bool) -> Result<Vec<Option<PropertyTag>>, MailboxError> {
        self.inner.resolve(keys.iter().collect(), create).await?;
        Ok(keys.iter().map(|key| self.inner.names.tag(key)).collect())
    }
}

impl Inner {
    /// Sees to it that the names among `keys` are known.
    pub(super) async fn resolve(&self, keys: Vec<&PropertyKey>, create: bool) -> Result<(), MailboxError> {
        let mut unknown: Vec<PropertyName> = keys
            .into_iter()
            .filter_map(|key| match key {
                PropertyKey::Named(name, _) if self.names.get(name).is_none() => Some(name.clone()),
                _ => None,
            })
            .collect();
        unknown.sort_unstable();
        unknown.dedup();
        if unknown.is_empty() {
            return Ok(());
        }
        let mut script = self.link.script();
        let store = script.known(&self.logon);
        let flags = if create { GetPropertyIdsFromNamesRequest::CREATE } else { 0 };
        let asked: Vec<_> = unknown
            .chunks(ASK_LIMIT)
            .map(|names| {
                let request = GetPropertyIdsFromNamesRequest { flags, property_names: names.to_vec() };
                (names, script.rop(store, RequestBody::GetPropertyIdsFromNames(request)))
            })
            .collect();
        let answers = self.link.run(&mut script, OnFailure::Stop).await?;
        for (names, ticket) in asked {
            let ResponseBody::GetPropertyIdsFromNames(ids) = answers.body(ticket)? else {
                return Err(odd_answer(RopId::GET_PROPERTY_IDS_FROM_NAMES));
            };
            self.names.learn(names, &ids.property_ids);
        }
        Ok(())
    }
}
