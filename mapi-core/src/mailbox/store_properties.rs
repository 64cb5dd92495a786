use crate::message::PropertyBag;
use crate::property::{PropertyKey, PropertyTag};
use crate::rop::{ResponseBody, RopId};

use super::link::{OnFailure, odd_answer};
use super::open::get_properties;
use super::{Mailbox, MailboxError};

impl Mailbox {
    /// Some properties of the store itself ([MS-OXCSTOR] 2.2.2.1); those it does not have are left out. One Execute request.
    ///
    /// Reads only: dropping the future does no harm.
    pub async fn store_properties(&self, tags: &[PropertyTag]) -> Result<PropertyBag, MailboxError> {
        let mut script = self.inner.link.script();
        let store = script.known(&self.inner.logon);
        let ticket = script.rop(store, get_properties(tags));
        let answers = self.inner.link.run(&mut script, OnFailure::Stop).await?;
        let ResponseBody::GetPropertiesSpecific(got) = answers.body(ticket)? else {
            return Err(odd_answer(RopId::GET_PROPERTIES_SPECIFIC));
        };
        let values = tags.iter().zip(&got.row.values);
        Ok(values.filter_map(|(tag, value)| Some((PropertyKey::Tag(*tag), value.value()?.clone()))).collect())
    }
}
