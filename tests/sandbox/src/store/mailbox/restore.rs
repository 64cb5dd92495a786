//! What a snapshot needs to see and to put back.

use mapi_core::id::Guid;

use super::super::{Folder, Message, Special};
use super::Mailbox;

impl Mailbox {
    /// Every message, deleted ones included, in no order.
    pub(crate) fn all_messages(&self) -> impl Iterator<Item = &Message> {
        self.messages.values()
    }

    /// Every special folder with its part.
    pub(crate) fn specials(&self) -> impl Iterator<Item = (Special, u64)> {
        self.special.iter().map(|(which, id)| (*which, *id))
    }

    /// The counters behind all ids.
    pub(crate) fn counters(&self) -> (u64, (u64, u64)) {
        (self.counter, self.message_ids)
    }

    /// Takes in a folder as it is.
    pub(crate) fn insert_folder(&mut self, folder: Folder) {
        self.folders.insert(folder.id, folder);
    }

    /// Takes in a message as it is.
    pub(crate) fn insert_message(&mut self, message: Message) {
        self.messages.insert(message.id, message);
    }

    /// Gives a folder the part of a special one.
    pub(crate) fn assign_special(&mut self, which: Special, id: u64) {
        self.special.insert(which, id);
    }

    /// Sets the counters behind all ids.
    pub(crate) fn set_counters(&mut self, counter: u64, message_ids: (u64, u64)) {
        self.counter = counter;
        self.message_ids = message_ids;
    }

    /// Sets the GUID of the replica that all ids belong to.
    pub(crate) fn set_replica_guid(&mut self, guid: Guid) {
        self.replica_guid = guid;
    }
}
