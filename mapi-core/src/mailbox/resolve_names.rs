use crate::property::{PropertyKey, PropertyName, PropertyTag};
use crate::rop::{GetPropertyIdsFromNamesRequest, RequestBody, ResponseBody, RopId};

use super::link::{OnFailure, odd_answer};
use super::{Inner, Mailbox, MailboxError};

/// Names asked for in one operation.
const ASK_LIMIT: usize = 200;

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
