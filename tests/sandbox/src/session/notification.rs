//! Subscriptions ([MS-OXCROPS] 2.2.14, [MS-OXCNOTIF] 3.1.4).

use mapi_core::rop::{
    NewMail, NotificationData, NotifyResponse, ObjectNotification, RegisterNotificationRequest, Response, ResponseBody,
    notification_flags,
};
use mapi_core::wire::Writer;

use super::Session;
use super::answers::Answers;
use super::context::{Cx, RopResult};
use super::object::{Object, Subscription};
use crate::store::{Event, EventKind, Store, counter, object_id};

pub fn register(cx: &mut Cx<'_>, request: &RegisterNotificationRequest) -> RopResult {
    let mailbox = cx.entry(cx.index)?.mailbox;
    let cursor = cx.mailbox()?.events().end();
    let scope = request.scope.map(|(folder, message)| {
        (counter(folder).unwrap_or_default(), if message.is_null() { 0 } else { counter(message).unwrap_or_default() })
    });
    let subscription = Subscription { types: request.notification_types, scope, cursor };
    cx.add(request.output_handle_index, mailbox, Object::Subscription(subscription))?;
    Ok(ResponseBody::Empty)
}

/// Appends the events that the session's subscriptions wait for, as many as fit into `limit`; RopPending if there are
/// more.
pub fn collect(session: &mut Session, store: &Store, answers: &mut Answers, limit: usize, handles: usize) {
    let fixed = 2 + 3 + 4 * handles;
    let mut subscriptions: Vec<u32> = session
        .objects
        .iter()
        .filter(|(_, entry)| matches!(entry.object, Object::Subscription(_)))
        .map(|(handle, _)| *handle)
        .collect();
    subscriptions.sort_unstable();
    let too_small = matches!(answers.responses.last(), Some(Response::BufferTooSmall { .. }));
    let mut pending = false;
    for handle in subscriptions {
        let Some(entry) = session.objects.get_mut(&handle) else { continue };
        let (logon_id, mailbox) = (entry.logon_id, entry.mailbox);
        let Object::Subscription(subscription) = &mut entry.object else { continue };
        let Some(mailbox) = store.mailbox(mailbox) else { continue };
        for (number, event) in mailbox.events().since(subscription.cursor) {
            if wants(subscription, event) {
                let notify = Response::Notify(notify(handle, logon_id, event, store.manners().arrivals_tell_flags));
                let size = size_of(&notify);
                // RopBufferTooSmall is always last: then nothing is told now.
                if too_small || answers.size + size + fixed > limit {
                    pending = true;
                    break;
                }
                answers.size += size;
                answers.responses.push(notify);
            }
            subscription.cursor = number + 1;
        }
    }
    if pending && !too_small {
        answers.responses.push(Response::Pending { session_index: 0 });
    }
}

impl Session {
    /// Whether an Execute would bring notifications.
    pub fn has_events(&self, store: &Store) -> bool {
        self.objects.values().any(|entry| match (&entry.object, store.mailbox(entry.mailbox)) {
            (Object::Subscription(subscription), Some(mailbox)) => {
                mailbox.events().since(subscription.cursor).any(|(_, event)| wants(subscription, event))
            }
            _ => false,
        })
    }
}

fn wants(subscription: &Subscription, event: &Event) -> bool {
    if subscription.types & event.kind as u16 == 0 {
        return false;
    }
    let Some((folder, message)) = subscription.scope else { return true };
    let in_folder =
        event.folder == folder || event.old.is_some_and(|(old, _)| event.message.is_some() && old == folder);
    in_folder && (message == 0 || event.message == Some(message))
}

fn notify(handle: u32, logon_id: u8, event: &Event, tells_flags: bool) -> NotifyResponse {
    let mut flags = event.kind as u16;
    if event.message.is_some() {
        flags |= notification_flags::MESSAGE;
    }
    if event.counts.is_some() {
        flags |= notification_flags::TOTAL_COUNT | notification_flags::UNREAD_COUNT;
    }
    let moved = matches!(event.kind, EventKind::Moved | EventKind::Copied);
    let old = event.old.filter(|_| moved);
    let object = ObjectNotification {
        folder_id: object_id(event.folder),
        message_id: event.message.map(object_id),
        parent_folder_id: event.parent.map(object_id),
        old_folder_id: old.map(|(folder, _)| object_id(folder)),
        old_message_id: old.filter(|_| event.message.is_some()).map(|(_, id)| object_id(id)),
        old_parent_folder_id: old.filter(|_| event.message.is_none()).map(|(_, id)| object_id(id)),
        tags: None,
        total_message_count: event.counts.map(|(total, _)| total),
        unread_message_count: event.counts.map(|(_, unread)| unread),
        new_mail: event.arrival.as_ref().map(|(message_flags, class)| NewMail {
            message_flags: if tells_flags { *message_flags } else { 0 },
            unicode: true,
            message_class: class.clone(),
        }),
    };
    let data = NotificationData::Object(object);
    NotifyResponse { notification_handle: handle, logon_id, notification_flags: flags, data }
}

fn size_of(response: &Response) -> usize {
    let mut writer = Writer::new();
    // Only RopBackoff can fail to be written.
    let _ = response.encode(&mut writer);
    writer.len()
}
