//! Properties of any object ([MS-OXCROPS] 2.2.8, [MS-OXCPRPT] 3.2.5).

use std::borrow::Cow;

use mapi_core::ErrorCode;
use mapi_core::property::tags::*;
use mapi_core::property::{PropertyKey, PropertyTag, PropertyType, PropertyValue, RowValue, TaggedValue};
use mapi_core::rop::*;

use super::Session;
use super::attachment::{self, AttachmentView};
use super::context::{Cx, RopResult};
use super::object::{Entry, Object};
use super::row::{VALUE_LIMIT, property_row, size, value_of};
use crate::store::message::put;
use crate::store::view::{ACCESS_LEVEL, BagView, MessageView, Properties};
use crate::store::{Mailbox, Special, Store, right};

pub fn get_specific(cx: &Cx<'_>, request: &GetPropertiesSpecificRequest) -> RopResult {
    let limit = value_limit(cx, request.property_size_limit);
    let handle = cx.handle(cx.index)?;
    let tags = &request.property_tags;
    let row = with_properties(cx.session, cx.store, handle, |object, _| property_row(object, tags, limit))?;
    let columns = tags.as_slice().into();
    Ok(ResponseBody::GetPropertiesSpecific(GetPropertiesSpecificResponse { columns, row }))
}

pub fn get_all(cx: &Cx<'_>, request: &GetPropertiesAllRequest) -> RopResult {
    let limit = value_limit(cx, request.property_size_limit);
    let handle = cx.handle(cx.index)?;
    // Head and count, and six bytes for each value that is left out.
    let mut room = cx.room.saturating_sub(8);
    let property_values = with_properties(cx.session, cx.store, handle, |object, mailbox| {
        let tags: Vec<PropertyTag> = object.keys().iter().filter_map(|key| mailbox.names().tag(key)).collect();
        room = room.saturating_sub(8 * tags.len());
        let mut one = |tag: PropertyTag| match value_of(object, tag, limit) {
            RowValue::Value(value) if size(&value) <= room => {
                room -= size(&value);
                TaggedValue::new(tag, value)
            }
            RowValue::Value(_) => too_big(tag),
            RowValue::Error(code) => error(tag, ErrorCode(code)),
            RowValue::Absent => error(tag, ErrorCode::NOT_FOUND),
        };
        tags.into_iter().map(&mut one).collect()
    })?;
    Ok(ResponseBody::GetPropertiesAll(GetPropertiesAllResponse { property_values }))
}

/// Bytes above which a value is not given.
fn value_limit(cx: &Cx<'_>, property_size_limit: u16) -> usize {
    match property_size_limit {
        limit if limit > 0 && cx.store.manners().honors_size_limit => usize::from(limit).min(VALUE_LIMIT),
        _ => VALUE_LIMIT,
    }
}

pub fn get_list(cx: &Cx<'_>) -> RopResult {
    let handle = cx.handle(cx.index)?;
    let property_tags = with_properties(cx.session, cx.store, handle, |object, mailbox| {
        object.keys().iter().filter_map(|key| mailbox.names().tag(key)).collect()
    })?;
    Ok(ResponseBody::PropertyTags(PropertyTagsResponse { property_tags }))
}

pub fn set(cx: &mut Cx<'_>, request: &SetPropertiesRequest) -> RopResult {
    let handle = cx.handle(cx.index)?;
    let mailbox = cx.mailbox()?;
    let keys: Vec<_> = request.property_values.iter().map(|value| mailbox.names().key(value.tag)).collect();
    let mut problems = Vec::new();
    let mut values = Vec::new();
    let mut places = Vec::new();
    for (at, (key, value)) in keys.into_iter().zip(&request.property_values).enumerate() {
        match key {
            Some(key) => {
                places.push(at);
                values.push((key, value.value.clone()));
            }
            None => problems.push((at, ErrorCode::INVALID_PARAM)),
        }
    }
    let refused = set_values(cx.session, cx.store, handle, values)?;
    problems.extend(refused.into_iter().filter_map(|(at, code)| Some((*places.get(at)?, code))));
    problems.sort_by_key(|(at, _)| *at);
    let tag = |at: usize| request.property_values.get(at).map_or(PropertyTag(0), |value| value.tag);
    Ok(answer(problems, tag))
}

pub fn delete(cx: &mut Cx<'_>, request: &DeletePropertiesRequest) -> RopResult {
    let handle = cx.handle(cx.index)?;
    let mailbox = cx.mailbox()?;
    let keys: Vec<PropertyKey> = request.property_tags.iter().filter_map(|tag| mailbox.names().key(*tag)).collect();
    let problems = delete_values(cx.session, cx.store, handle, &keys)?;
    Ok(answer(problems, |at| request.property_tags.get(at).copied().unwrap_or(PropertyTag(0))))
}

pub fn ids_from_names(cx: &mut Cx<'_>, request: &GetPropertyIdsFromNamesRequest) -> RopResult {
    let create = request.flags & GetPropertyIdsFromNamesRequest::CREATE != 0;
    let names = cx.mailbox_mut()?.names_mut();
    let property_ids: Vec<u16> = if request.property_names.is_empty() {
        names.iter().map(|(id, _)| id).collect()
    } else {
        request.property_names.iter().map(|name| names.id(name, create).unwrap_or(0)).collect()
    };
    Ok(ResponseBody::GetPropertyIdsFromNames(GetPropertyIdsFromNamesResponse { property_ids }))
}

pub fn names_from_ids(cx: &Cx<'_>, request: &GetNamesFromPropertyIdsRequest) -> RopResult {
    let names = cx.mailbox()?.names();
    let property_names = request.property_ids.iter().map(|id| names.name(*id)).collect();
    Ok(ResponseBody::GetNamesFromPropertyIds(GetNamesFromPropertyIdsResponse { property_names }))
}

pub fn query_names(cx: &Cx<'_>, request: &QueryNamedPropertiesRequest) -> RopResult {
    use mapi_core::property::NamedId;
    let wanted = |name: &mapi_core::property::PropertyName| {
        request.property_guid.is_none_or(|guid| guid == name.guid)
            && match name.id {
                Some(NamedId::Name(_)) => request.query_flags & 1 == 0,
                Some(NamedId::Lid(_)) => request.query_flags & 2 == 0,
                None => false,
            }
    };
    let names = cx.mailbox()?.names();
    let properties = names.iter().filter(|(_, name)| wanted(name)).map(|(id, name)| (id, name.clone())).collect();
    Ok(ResponseBody::QueryNamedProperties(QueryNamedPropertiesResponse { properties }))
}

/// Runs `work` on the object behind a handle as something with properties.
pub fn with_properties<R>(
    session: &Session,
    store: &Store,
    handle: u32,
    work: impl FnOnce(&dyn Properties, &Mailbox) -> R,
) -> Result<R, ErrorCode> {
    let entry = session.objects.get(&handle).ok_or(ErrorCode::NULL_OBJECT)?;
    let mailbox = store.mailbox(entry.mailbox).ok_or(ErrorCode::NULL_OBJECT)?;
    Ok(match &entry.object {
        Object::Logon => work(&StoreView { mailbox }, mailbox),
        Object::Folder(id) => work(&mailbox.folder_view(*id)?, mailbox),
        Object::Message(object) => work(&MessageView { mailbox, message: &object.message }, mailbox),
        Object::Attachment(object) => work(&AttachmentView { mailbox, attachment: &object.attachment }, mailbox),
        _ => return Err(ErrorCode::NOT_SUPPORTED),
    })
}

/// Sets properties of the object behind a handle; returns which were refused and why.
pub fn set_values(
    session: &mut Session,
    store: &mut Store,
    handle: u32,
    values: Vec<(PropertyKey, PropertyValue)>,
) -> Result<Vec<(usize, ErrorCode)>, ErrorCode> {
    own(session, store, handle)?;
    let Entry { mailbox, object, .. } = session.objects.get_mut(&handle).ok_or(ErrorCode::NULL_OBJECT)?;
    let mailbox = store.mailbox_mut(*mailbox).ok_or(ErrorCode::NULL_OBJECT)?;
    let mut problems = Vec::new();
    match object {
        Object::Folder(id) => return mailbox.set_folder_properties(*id, values),
        Object::Message(object) if object.writable => {
            let late = mailbox.manners().refuses_at_save;
            for (at, (key, value)) in values.into_iter().enumerate() {
                let own = matches!(key, PropertyKey::Tag(tag) if is_servers_own(tag));
                match object.message.set(key, value) {
                    Err(ErrorCode::ACCESS_DENIED | ErrorCode::COMPUTED) if own && late => object.spoiled = true,
                    outcome => problems.extend(outcome.err().map(|code| (at, code))),
                }
            }
        }
        Object::Attachment(object) if object.writable => {
            let bag = &mut object.attachment.properties;
            for (at, (key, value)) in values.into_iter().enumerate() {
                let outcome = match key {
                    PropertyKey::Tag(tag) if attachment::is_computed(tag) => Err(ErrorCode::COMPUTED),
                    PropertyKey::Tag(tag) => put(bag, tag, value),
                    named => {
                        bag.set(named, value);
                        Ok(())
                    }
                };
                problems.extend(outcome.err().map(|code| (at, code)));
            }
        }
        Object::Logon => {
            for (at, (key, value)) in values.into_iter().enumerate() {
                let outcome = match key {
                    PropertyKey::Tag(tag) => put(mailbox.properties_mut(), tag, value),
                    named => {
                        mailbox.properties_mut().set(named, value);
                        Ok(())
                    }
                };
                problems.extend(outcome.err().map(|code| (at, code)));
            }
        }
        Object::Message(_) | Object::Attachment(_) => return Err(ErrorCode::ACCESS_DENIED),
        _ => return Err(ErrorCode::NOT_SUPPORTED),
    }
    Ok(problems)
}

/// Whether only the server sets a property of messages, which Exchange says at the save ([MS-OXCMSG] R1644, R1867, R1868;
/// the times by its text only).
fn is_servers_own(tag: PropertyTag) -> bool {
    [
        PidTagMessageSize,
        PidTagHasAttachments,
        PidTagMessageFlags,
        PidTagMessageStatus,
        PidTagAccess,
        ACCESS_LEVEL,
        PidTagCreationTime,
        PidTagLastModificationTime,
    ]
    .contains(&tag)
}

/// Removes properties of the object behind a handle; returns which were refused and why.
pub fn delete_values(
    session: &mut Session,
    store: &mut Store,
    handle: u32,
    keys: &[PropertyKey],
) -> Result<Vec<(usize, ErrorCode)>, ErrorCode> {
    own(session, store, handle)?;
    let Entry { mailbox, object, .. } = session.objects.get_mut(&handle).ok_or(ErrorCode::NULL_OBJECT)?;
    let mailbox = store.mailbox_mut(*mailbox).ok_or(ErrorCode::NULL_OBJECT)?;
    let mut problems = Vec::new();
    match object {
        Object::Folder(id) => mailbox.delete_folder_properties(*id, keys)?,
        Object::Message(object) if object.writable => {
            for (at, key) in keys.iter().enumerate() {
                problems.extend(object.message.remove(key).err().map(|code| (at, code)));
            }
        }
        Object::Attachment(object) if object.writable => {
            keys.iter().for_each(|key| drop(object.attachment.properties.remove(key)));
        }
        Object::Logon => keys.iter().for_each(|key| drop(mailbox.properties_mut().remove(key))),
        Object::Message(_) | Object::Attachment(_) => return Err(ErrorCode::ACCESS_DENIED),
        _ => return Err(ErrorCode::NOT_SUPPORTED),
    }
    Ok(problems)
}

/// Folders and the store itself are changed by their owners only.
fn own(session: &Session, store: &Store, handle: u32) -> Result<(), ErrorCode> {
    let entry = session.objects.get(&handle).ok_or(ErrorCode::NULL_OBJECT)?;
    match entry.object {
        Object::Folder(id) => store.require(session.user, entry.mailbox, id, right::OWNER),
        Object::Logon if entry.mailbox != session.user => Err(ErrorCode::ACCESS_DENIED),
        _ => Ok(()),
    }
}

/// The store itself with its computed properties.
struct StoreView<'a> {
    mailbox: &'a Mailbox,
}

impl Properties for StoreView<'_> {
    fn value(&self, tag: PropertyTag) -> Option<Cow<'_, PropertyValue>> {
        let size = || -> i64 { self.mailbox.folders().map(|folder| self.mailbox.folder_size(folder)).sum() };
        Some(match tag {
            PidTagMessageSizeExtended => Cow::Owned(PropertyValue::Integer64(size())),
            PidTagMessageSize => Cow::Owned(PropertyValue::Integer32(i32::try_from(size()).unwrap_or(i32::MAX))),
            PidTagObjectType => Cow::Owned(PropertyValue::Integer32(1)),
            PidTagContentCount => {
                let inbox = self.mailbox.folder(self.mailbox.special(Special::Inbox)).ok()?;
                Cow::Owned(PropertyValue::Integer32(inbox.total().cast_signed()))
            }
            _ => {
                let bag = BagView { mailbox: self.mailbox, bag: self.mailbox.properties() };
                Cow::Owned(bag.value(tag)?.into_owned())
            }
        })
    }

    fn keys(&self) -> Vec<PropertyKey> {
        let mut keys: Vec<PropertyKey> = self.mailbox.properties().iter().map(|(key, _)| key.clone()).collect();
        keys.extend([PidTagMessageSizeExtended, PidTagObjectType].map(PropertyKey::Tag));
        keys
    }
}

fn answer(problems: Vec<(usize, ErrorCode)>, tag: impl Fn(usize) -> PropertyTag) -> ResponseBody {
    let problem = |(at, error_code): (usize, ErrorCode)| PropertyProblem {
        index: u16::try_from(at).unwrap_or(u16::MAX),
        property_tag: tag(at),
        error_code,
    };
    let property_problems = problems.into_iter().map(problem).collect();
    ResponseBody::PropertyProblems(PropertyProblemsResponse { property_problems })
}

fn too_big(tag: PropertyTag) -> TaggedValue {
    error(tag, ErrorCode::NOT_ENOUGH_MEMORY)
}

fn error(tag: PropertyTag, code: ErrorCode) -> TaggedValue {
    TaggedValue::new(tag.with_kind(PropertyType::ERROR_CODE), PropertyValue::ErrorCode(code.0))
}
