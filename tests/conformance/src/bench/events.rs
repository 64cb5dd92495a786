use std::time::{Duration, Instant};

use mapi_core::id::{FolderId, MessageId};
use mapi_core::rop::{
    NotificationData, NotifyResponse, ObjectNotification, RegisterNotificationRequest, RequestBody,
    notification_flags as bits,
};

use super::super::Trouble;
use super::Bench;
use super::session::{ONE_PAYLOAD, OUT};

/// How long to look for an event.
const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(50);

impl Bench {
    /// Subscribes to everything that happens in the mailbox.
    pub(crate) async fn subscribe(&mut self) -> Result<u32, Trouble> {
        let request = RegisterNotificationRequest {
            output_handle_index: OUT,
            notification_types: bits::ALL_OBJECT_EVENTS,
            reserved: 0,
            scope: None,
        };
        Ok(self.call(self.store, RequestBody::RegisterNotification(request)).await?.ok()?.handle)
    }

    /// An empty Execute, which fetches notifications.
    pub(crate) async fn poll(&mut self) -> Result<(), Trouble> {
        self.exchange(Vec::new(), Vec::new(), ONE_PAYLOAD, false).await.map(drop)
    }

    /// Fetches notifications until one has arrived that satisfies `wanted`. Returns whether there is one.
    pub(crate) async fn event(&mut self, wanted: impl Fn(&NotifyResponse) -> bool + Send) -> Result<bool, Trouble> {
        let began = Instant::now();
        loop {
            if self.notes.iter().any(&wanted) {
                return Ok(true);
            }
            if began.elapsed() > PATIENCE {
                return Ok(false);
            }
            if !self.pending {
                tokio::time::sleep(PAUSE).await;
            }
            self.poll().await?;
        }
    }

    /// Takes out what was notified about the objects of a folder: its messages (`true`) or itself.
    pub(crate) fn take_events(&mut self, folder: FolderId, messages: bool) -> Vec<(u16, ObjectNotification)> {
        let mut out = Vec::new();
        for note in self.notes.drain(..) {
            let NotificationData::Object(object) = note.data else { continue };
            let here = object.folder_id == folder || object.old_folder_id == Some(folder);
            if here && object.message_id.is_some() == messages {
                out.push((note.notification_flags & bits::EVENT, object));
            }
        }
        out
    }
}

/// Whether a notification is of an event and about a message, or any message.
pub(crate) fn is_about(note: &NotifyResponse, event: u16, message: Option<MessageId>) -> bool {
    let NotificationData::Object(object) = &note.data else { return false };
    note.notification_flags & bits::EVENT & event != 0 && (message.is_none() || object.message_id == message)
}

/// The name of an event.
pub(crate) fn event_name(event: u16) -> &'static str {
    match event {
        bits::NEW_MAIL => "new mail",
        bits::OBJECT_CREATED => "created",
        bits::OBJECT_DELETED => "deleted",
        bits::OBJECT_MODIFIED => "modified",
        bits::OBJECT_MOVED => "moved",
        bits::OBJECT_COPIED => "copied",
        _ => "other",
    }
}

/// The events, each kind once, in the order of their first appearance.
pub(crate) fn kinds(events: &[(u16, ObjectNotification)]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for (event, _) in events {
        let name = event_name(*event);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
