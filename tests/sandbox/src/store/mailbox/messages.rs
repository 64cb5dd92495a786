//! What can be done with messages, and what it changes: content changes give a change number and an article number,
//! read-state changes only a read-state change number, message status nothing at all.

use mapi_core::ErrorCode;
use mapi_core::message::MessageContent;
use mapi_core::property::{PropertyKey, PropertyValue};

use super::super::{Event, EventKind, Folder, Message, StoreResult};
use super::Mailbox;

/// What became of a message that was copied or moved: old and new id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copied {
    /// The id it had.
    pub old: u64,
    /// The id it has in the target folder.
    pub new: u64,
}

impl Mailbox {
    /// A new message object for `folder`, not yet part of it.
    ///
    /// # Errors
    /// `ecNotFound`, `ecSearchFolder`.
    pub fn draft(&mut self, folder: u64, associated: bool) -> StoreResult<Message> {
        if self.folder(folder)?.kind == 2 {
            return Err(ErrorCode::SEARCH_FOLDER);
        }
        let id = self.next_message_id();
        let key = self.search_key(id);
        Ok(Message::draft(id, folder, associated, key, self.now()))
    }

    /// Commits a message: a new one appears in its folder, an existing one is replaced. Returns the stored message.
    /// `base` is the change number that the edit began with (0: a new message); without `force` a message that
    /// somebody else saved meanwhile is left alone.
    ///
    /// # Errors
    /// `ecObjectModified`, `ecObjectDeleted`, `ecNotFound` if the folder is gone, `ecQuotaExceeded` for a new one,
    /// `MAPI_E_STORE_FULL` for an old one.
    pub fn save(&mut self, mut message: Message, base: u64, force: bool) -> StoreResult<&Message> {
        let id = message.id;
        let folder = message.folder;
        self.folder(folder).map_err(|_| ErrorCode::OBJECT_DELETED)?;
        for (key, _) in message.content.properties.iter() {
            self.names.learn(key);
        }
        let stored = self.messages.get(&id);
        match stored {
            Some(stored) if stored.deleted => return Err(ErrorCode::OBJECT_DELETED),
            Some(stored) if !force && stored.change_number != base => return Err(ErrorCode::OBJECT_MODIFIED),
            Some(stored) => {
                // Read state and status live beside the content: an edit does not set them back.
                message.read = stored.read;
                message.read_change = stored.read_change;
                message.status = if self.manners.save_resets_status { 0 } else { stored.status };
                message.flags &= !super::super::message::flag::UNMODIFIED;
            }
            None if base != 0 => return Err(ErrorCode::OBJECT_DELETED),
            None => {}
        }
        let is_new = stored.is_none();
        message.measure();
        match is_new {
            true if message.associated => {}
            true => self.may_receive(message.size)?,
            false => self.may_change()?,
        }
        let now = self.now();
        if !is_new {
            message.modified = now;
        }
        message.committed = now;
        message.change_number = self.next_counter();
        self.place(message);
        let kind = if is_new { EventKind::Created } else { EventKind::Modified };
        self.push(Event::message(kind, folder, id));
        self.tell_counts(folder);
        self.message(id)
    }

    /// Puts a finished message into a folder as it is delivered or seeded; returns its id.
    ///
    /// # Errors
    /// `ecNotFound`.
    pub fn add(&mut self, folder: u64, content: MessageContent, read: bool) -> StoreResult<u64> {
        let message = Message::from_content(content, self.now());
        self.add_message(folder, Message { read: read || message.read, ..message })
    }

    /// Puts a finished message into a folder; it gets a new id.
    ///
    /// # Errors
    /// `ecNotFound`.
    pub fn add_message(&mut self, folder: u64, mut message: Message) -> StoreResult<u64> {
        self.folder(folder)?;
        message.id = self.next_message_id();
        message.folder = folder;
        if message.search_key == [0; 16] {
            message.search_key = self.search_key(message.id);
        }
        message.change_number = 0;
        let id = message.id;
        self.save(message, 0, false)?;
        Ok(id)
    }

    /// Sets or clears the read state of messages; those that are there already, or missing, are passed over.
    ///
    /// # Errors
    /// `ecNotFound` if there is no such folder.
    pub fn set_read(&mut self, folder: u64, ids: &[u64], read: bool) -> StoreResult<()> {
        self.folder(folder)?;
        for id in ids {
            let now = self.now();
            let next = self.counter + 1;
            let Some(message) = self.messages.get_mut(id).filter(|m| m.folder == folder && !m.deleted) else {
                continue;
            };
            if message.read == read || message.associated || self.stuck.contains(id) {
                continue;
            }
            message.read = read;
            message.read_change = next;
            message.committed = now;
            self.counter = next;
            if let Some(folder) = self.folders.get_mut(&folder) {
                folder.unread = if read { folder.unread.saturating_sub(1) } else { folder.unread + 1 };
                folder.committed = now;
                folder.version += 1;
            }
            self.push(Event::message(EventKind::Modified, folder, *id));
            self.tell_counts(folder);
        }
        Ok(())
    }

    /// Drops pending receipts, or asks for them no longer ([MS-OXCMSG] 2.2.3.10.1: rfClearNotify*).
    pub fn clear_flags(&mut self, ids: &[u64], flags: u32) {
        for id in ids {
            if let Some(message) = self.messages.get_mut(id) {
                message.flags &= !flags;
            }
        }
    }

    /// Changes PidTagMessageStatus; returns the status before.
    ///
    /// # Errors
    /// `ecNotFound`.
    pub fn set_status(&mut self, id: u64, flags: u32, mask: u32) -> StoreResult<u32> {
        let now = self.now();
        let message = self.messages.get_mut(&id).filter(|m| !m.deleted).ok_or(ErrorCode::NOT_FOUND)?;
        let before = message.status;
        message.status = (before & !mask) | (flags & mask);
        let folder = message.folder;
        if message.status != before {
            message.committed = now;
            if let Some(folder) = self.folders.get_mut(&folder) {
                folder.committed = now;
                folder.version += 1;
            }
            self.push(Event::message(EventKind::Modified, folder, id));
            self.tell_counts(folder);
        }
        Ok(before)
    }

    /// Changes a property of a message without giving it a new change number, and tells of it: no synchronisation will
    /// report it. Some servers do so with the flags that their own IMAP service sets (seen on Gromox).
    ///
    /// # Errors
    /// `ecNotFound`, and what the property's check says.
    pub fn set_silently(&mut self, id: u64, key: PropertyKey, value: PropertyValue) -> StoreResult<()> {
        let now = self.now();
        let message = self.messages.get_mut(&id).filter(|m| !m.deleted).ok_or(ErrorCode::NOT_FOUND)?;
        message.set(key, value)?;
        message.committed = now;
        let folder = message.folder;
        if let Some(folder) = self.folders.get_mut(&folder) {
            changed(folder, now);
        }
        self.push(Event::message(EventKind::Modified, folder, id));
        self.tell_counts(folder);
        Ok(())
    }

    /// Deletes messages of a folder, softly or for good; missing ones are passed over. Returns how many were deleted.
    ///
    /// # Errors
    /// `ecNotFound` if there is no such folder.
    pub fn delete_messages(&mut self, folder: u64, ids: &[u64], hard: bool) -> StoreResult<usize> {
        self.folder(folder)?;
        let mut count = 0;
        for id in ids {
            if !self.stuck.contains(id) && self.take_out(folder, *id, !hard).is_some() {
                count += 1;
                self.push(Event::message(EventKind::Deleted, folder, *id));
                self.tell_counts(folder);
            }
        }
        Ok(count)
    }

    /// Copies or moves messages; each gets a new id and change number in the target. Missing ones are passed over.
    ///
    /// # Errors
    /// `ecNotFound`, `ecSearchFolder`; `ecQuotaExceeded`: those before are copied.
    pub fn move_copy(&mut self, source: u64, ids: &[u64], target: u64, copy: bool) -> StoreResult<Vec<Copied>> {
        self.folder(source)?;
        if self.folder(target)?.kind == 2 {
            return Err(ErrorCode::SEARCH_FOLDER);
        }
        let mut done = Vec::new();
        for old in ids {
            if !copy && self.stuck.contains(old) {
                continue;
            }
            let Some(mut message) = self.message(*old).ok().filter(|m| m.folder == source).cloned() else { continue };
            if copy {
                self.may_receive(message.size)?;
            } else {
                self.take_out(source, *old, false);
            }
            let new = self.next_message_id();
            message.id = new;
            message.folder = target;
            message.change_number = self.next_counter();
            message.read_change = 0;
            message.committed = self.now();
            self.place(message);
            done.push(Copied { old: *old, new });
            let kind = if copy { EventKind::Copied } else { EventKind::Moved };
            self.push(Event::message(kind, target, new).from(source, *old));
            self.tell_counts(target);
            if !copy {
                self.tell_counts(source);
            }
        }
        Ok(done)
    }

    /// Moves one message to an id that the client chose (RopSynchronizationImportMessageMove).
    ///
    /// # Errors
    /// `ecNotFound`; `ecInvalidParam` if the id is taken or was never given out.
    pub fn move_to(&mut self, source: u64, old: u64, target: u64, new: u64) -> StoreResult<()> {
        self.folder(target)?;
        if new > self.counter || self.messages.contains_key(&new) || self.folders.contains_key(&new) {
            return Err(ErrorCode::INVALID_PARAM);
        }
        let mut message = self.message(old)?.clone();
        if message.folder != source {
            return Err(ErrorCode::NOT_FOUND);
        }
        self.take_out(source, old, false);
        message.id = new;
        message.folder = target;
        message.change_number = self.next_counter();
        message.read_change = 0;
        message.committed = self.now();
        self.place(message);
        self.push(Event::message(EventKind::Moved, target, new).from(source, old));
        self.tell_counts(target);
        self.tell_counts(source);
        Ok(())
    }

    /// Tells that a message arrived, beside its creation.
    pub(crate) fn announce(&mut self, id: u64) {
        let Ok(view) = self.message_view(id) else { return };
        let class = view.message.content.properties.text(mapi_core::property::tags::PidTagMessageClass);
        let arrival = (view.message.message_flags(), class.unwrap_or("IPM.Note").to_owned());
        let folder = view.message.folder;
        self.push(Event { arrival: Some(arrival), ..Event::message(EventKind::NewMail, folder, id) });
    }

    /// Puts a message where it says it is, with the next article number.
    fn place(&mut self, mut message: Message) {
        let (id, now) = (message.id, message.committed);
        let was_unread = self.messages.get(&id).map(|old| !old.read && !old.associated);
        let Some(folder) = self.folders.get_mut(&message.folder) else { return };
        message.article = folder.article_next;
        folder.article_next += 1;
        let set = if message.associated { &mut folder.associated } else { &mut folder.messages };
        set.insert(id);
        let unread = !message.read && !message.associated;
        folder.unread = folder.unread + u32::from(unread) - u32::from(was_unread.unwrap_or(false));
        changed(folder, now);
        self.messages.insert(id, message);
    }

    /// Takes a message out of its folder; it stays recoverable or is gone.
    fn take_out(&mut self, folder: u64, id: u64, recoverable: bool) -> Option<()> {
        let now = self.now();
        let message = self.messages.get_mut(&id).filter(|m| m.folder == folder && !m.deleted)?;
        message.deleted = true;
        let unread = !message.read && !message.associated;
        let folder = self.folders.get_mut(&folder)?;
        folder.messages.remove(&id);
        folder.associated.remove(&id);
        folder.unread -= u32::from(unread);
        folder.deleted_total += 1;
        changed(folder, now);
        if recoverable {
            folder.recoverable.insert(id);
        } else {
            self.messages.remove(&id);
        }
        Some(())
    }

    fn tell_counts(&mut self, id: u64) {
        let Some(folder) = self.folders.get(&id) else { return };
        let event = Event::counts(id, folder.parent.unwrap_or(id), folder.total(), folder.unread);
        self.push(event);
    }
}

fn changed(folder: &mut Folder, now: mapi_core::property::FileTime) {
    folder.committed = now;
    folder.version += 1;
}
