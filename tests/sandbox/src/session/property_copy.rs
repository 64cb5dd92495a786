//! RopCopyTo and RopCopyProperties ([MS-OXCROPS] 2.2.8.11, 2.2.8.12) between objects of one kind.

use std::sync::Arc;

use mapi_core::ErrorCode;
use mapi_core::property::tags::*;
use mapi_core::property::{PropertyKey, PropertyValue};
use mapi_core::rop::*;

use super::context::{Cx, RopResult};
use super::object::Object;
use super::property::{delete_values, set_values, with_properties};
use crate::store::{is_computed_of_folders, view};
use crate::transfer::Filter;

pub fn copy_to(cx: &mut Cx<'_>, request: &CopyToRequest) -> RopResult {
    let filter = Filter::excluding(cx.mailbox()?, &request.excluded_tags);
    copy(cx, request.dest_handle_index, request.copy_flags, &filter, request.want_sub_objects)
}

pub fn copy_properties(cx: &mut Cx<'_>, request: &CopyPropertiesRequest) -> RopResult {
    let filter = Filter::including(cx.mailbox()?, &request.property_tags);
    copy(cx, request.dest_handle_index, request.copy_flags, &filter, true)
}

fn copy(cx: &mut Cx<'_>, target: u8, flags: u8, filter: &Filter, children: bool) -> RopResult {
    let source = cx.handle(cx.index)?;
    let target = cx.handle(target).map_err(|_| ErrorCode::DST_NULL_OBJECT)?;
    let values: Vec<(PropertyKey, PropertyValue)> =
        with_properties(cx.session, cx.store, source, |object, mailbox| {
            let wanted = |key: &PropertyKey| filter.wants(key) && !computed(key);
            let value = |key: PropertyKey| {
                let tag = mailbox.names().tag(&key)?;
                Some((key, object.value(tag)?.into_owned()))
            };
            object.keys().into_iter().filter(wanted).filter_map(value).collect()
        })?;
    let keep = flags & 2 != 0;
    let values = with_properties(cx.session, cx.store, target, |object, mailbox| {
        let there = |key: &PropertyKey| mailbox.names().tag(key).is_some_and(|tag| object.value(tag).is_some());
        values.into_iter().filter(|(key, _)| !keep || !there(key)).collect::<Vec<_>>()
    })?;
    let keys: Vec<PropertyKey> = values.iter().map(|(key, _)| key.clone()).collect();
    let refused = set_values(cx.session, cx.store, target, values)?;
    if children {
        copy_children(cx, source, target, filter);
    }
    if flags & 1 != 0 {
        delete_values(cx.session, cx.store, source, &keys)?;
    }
    let problem = |(at, error_code): (usize, ErrorCode)| {
        let tag = keys.get(at).and_then(|key| cx.mailbox().ok()?.names().tag(key))?;
        Some(PropertyProblem { index: u16::try_from(at).ok()?, property_tag: tag, error_code })
    };
    let problems = refused.into_iter().filter_map(problem).collect();
    Ok(ResponseBody::CopyProperties(CopyPropertiesResponse::Problems(problems)))
}

/// Recipients and attachments of a message.
fn copy_children(cx: &mut Cx<'_>, source: u32, target: u32, filter: &Filter) {
    let Some(Object::Message(from)) = cx.session.objects.get(&source).map(|entry| &entry.object) else { return };
    let content = from.message.content.clone();
    let Some(Object::Message(to)) = cx.session.objects.get_mut(&target).map(|entry| &mut entry.object) else { return };
    let copy = Arc::make_mut(&mut to.message.content);
    if filter.wants_recipients() {
        copy.recipients.clone_from(&content.recipients);
    }
    if filter.wants_attachments() {
        copy.attachments.clone_from(&content.attachments);
        to.next_attachment = content.attachments.iter().map(|a| a.number + 1).max().unwrap_or(0);
    }
}

/// Properties that every object computes for itself.
fn computed(key: &PropertyKey) -> bool {
    match key {
        PropertyKey::Tag(PidTagSubject | PidTagSearchKey | PidTagMessageFlags) => false,
        PropertyKey::Tag(tag) => {
            view::is_computed(*tag) || is_computed_of_folders(*tag) || super::attachment::is_computed(*tag)
        }
        PropertyKey::Named(..) => false,
    }
}
