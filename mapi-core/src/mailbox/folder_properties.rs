use crate::ErrorCode;
use crate::id::FolderId;
use crate::message::PropertyBag;
use crate::property::{PropertyKey, PropertyValue, RowValue, TaggedValue};
use crate::rop::{DeletePropertiesRequest, OpenFolderRequest, RequestBody, ResponseBody, RopId, SetPropertiesRequest};

use super::link::{OnFailure, odd_answer};
use super::open::get_properties;
use super::update::check_problems;
use super::{Mailbox, MailboxError};

impl Mailbox {
    /// Some properties of a folder; those it does not have are left out.
    pub async fn folder_properties(&self, folder: FolderId, keys: &[PropertyKey]) -> Result<PropertyBag, MailboxError> {
        let known = self.tags(keys, false).await?;
        let asked: Vec<_> = keys.iter().zip(known).filter_map(|(key, tag)| Some((key.clone(), tag?))).collect();
        let tags: Vec<_> = asked.iter().map(|(_, tag)| *tag).collect();
        let mut script = self.inner.link.script();
        let store = script.known(&self.inner.logon);
        let request = OpenFolderRequest { output_handle_index: 0, folder_id: folder, open_mode_flags: 0 };
        let (slot, _) = script.open(store, RequestBody::OpenFolder(request));
        let ticket = script.rop(slot, get_properties(&tags));
        script.release(slot);
        let answers = self.inner.link.run(&mut script, OnFailure::Stop).await?;
        let ResponseBody::GetPropertiesSpecific(got) = answers.body(ticket)? else {
            return Err(odd_answer(RopId::GET_PROPERTIES_SPECIFIC));
        };
        let values = got.row.values.iter().zip(asked);
        Ok(values.filter_map(|(value, (key, _))| Some((key, value.value()?.clone()))).collect())
    }

    /// A property of a folder; `None` if it has none. One Execute request.
    ///
    /// # Errors
    /// Also if the folder has one that the server does not give, for its size or for want of a right: who took it for absent
    /// would write over it.
    pub async fn folder_value(
        &self,
        folder: FolderId,
        key: &PropertyKey,
    ) -> Result<Option<PropertyValue>, MailboxError> {
        let Some(Some(tag)) = self.tags(std::slice::from_ref(key), false).await?.pop() else { return Ok(None) };
        let mut script = self.inner.link.script();
        let store = script.known(&self.inner.logon);
        let request = OpenFolderRequest { output_handle_index: 0, folder_id: folder, open_mode_flags: 0 };
        let (slot, _) = script.open(store, RequestBody::OpenFolder(request));
        let ticket = script.rop(slot, get_properties(&[tag]));
        script.release(slot);
        let answers = self.inner.link.run(&mut script, OnFailure::Stop).await?;
        match answers.body(ticket)? {
            ResponseBody::GetPropertiesSpecific(got) => got.row.values.first().cloned().map_or(Ok(None), present),
            _ => Err(odd_answer(RopId::GET_PROPERTIES_SPECIFIC)),
        }
    }

    /// Sets and deletes properties of a folder. They take effect at once.
    pub async fn set_folder_properties(
        &self,
        folder: FolderId,
        set: &PropertyBag,
        delete: &[PropertyKey],
    ) -> Result<(), MailboxError> {
        self.inner.resolve(set.iter().map(|(key, _)| key).chain(delete).collect(), true).await?;
        let mut script = self.inner.link.script();
        let store = script.known(&self.inner.logon);
        let request = OpenFolderRequest { output_handle_index: 0, folder_id: folder, open_mode_flags: 0 };
        let (slot, _) = script.open(store, RequestBody::OpenFolder(request));
        let property_values = self.inner.tagged(set);
        let setting = (!property_values.is_empty())
            .then(|| script.rop(slot, RequestBody::SetProperties(SetPropertiesRequest { property_values })));
        let property_tags: Vec<_> = delete.iter().filter_map(|key| self.inner.names.tag(key)).collect();
        if !property_tags.is_empty() {
            script.rop(slot, RequestBody::DeleteProperties(DeletePropertiesRequest { property_tags }));
        }
        script.release(slot);
        let answers = self.inner.link.run(&mut script, OnFailure::Stop).await?;
        setting.map_or(Ok(()), |ticket| check_problems(answers.answer(ticket)?))
    }

    /// Sets a property of a folder and returns the value it had before. One Execute request.
    pub async fn replace_folder_property(
        &self,
        folder: FolderId,
        key: &PropertyKey,
        value: PropertyValue,
    ) -> Result<Option<PropertyValue>, MailboxError> {
        let bag = PropertyBag::from_iter([(key.clone(), value)]);
        self.inner.resolve(vec![key], true).await?;
        let property_values = self.inner.tagged(&bag);
        let tags: Vec<_> = property_values.iter().map(|value| value.tag).collect();
        let mut script = self.inner.link.script();
        let store = script.known(&self.inner.logon);
        let request = OpenFolderRequest { output_handle_index: 0, folder_id: folder, open_mode_flags: 0 };
        let (slot, _) = script.open(store, RequestBody::OpenFolder(request));
        let before = script.rop(slot, get_properties(&tags));
        let setting = script.rop(slot, RequestBody::SetProperties(SetPropertiesRequest { property_values }));
        script.release(slot);
        let answers = self.inner.link.run(&mut script, OnFailure::Stop).await?;
        check_problems(answers.answer(setting)?)?;
        match answers.body(before)? {
            ResponseBody::GetPropertiesSpecific(got) => Ok(got.row.values.first().and_then(|v| v.value()).cloned()),
            _ => Err(odd_answer(RopId::GET_PROPERTIES_SPECIFIC)),
        }
    }
}

impl super::Inner {
    /// The values of `bag` under the tags they have in this mailbox. Their names must be resolved.
    pub(super) fn tagged(&self, bag: &PropertyBag) -> Vec<TaggedValue> {
        bag.iter()
            .filter_map(|(key, value)| {
                Some(TaggedValue::new(self.names.tag_as(key, Some(value.kind()))?, value.clone()))
            })
            .collect()
    }
}

/// A value that was asked for; `None` if there is none.
pub(super) fn present(value: RowValue) -> Result<Option<PropertyValue>, MailboxError> {
    match value {
        RowValue::Value(value) => Ok(Some(value)),
        RowValue::Absent => Ok(None),
        RowValue::Error(code) if ErrorCode(code) == ErrorCode::NOT_FOUND => Ok(None),
        RowValue::Error(code) => {
            Err(MailboxError::Upstream { rop: RopId::GET_PROPERTIES_SPECIFIC, code: ErrorCode(code) })
        }
    }
}
