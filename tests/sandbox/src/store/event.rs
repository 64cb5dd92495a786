use std::collections::VecDeque;
use std::time::Instant;

use crate::NotificationFault;
use crate::fault::Signal;

/// What happened to an object ([MS-OXCNOTIF] 2.2.1.1), as the low bits of NotificationFlags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub enum EventKind {
    /// A message arrived.
    NewMail = 0x0002,
    /// An object was created.
    Created = 0x0004,
    /// An object was deleted.
    Deleted = 0x0008,
    /// An object was changed.
    Modified = 0x0010,
    /// An object was moved.
    Moved = 0x0020,
    /// An object was copied.
    Copied = 0x0040,
}

/// One entry of a mailbox's event log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// The folder, or the folder of the message.
    pub folder: u64,
    /// The message, of message events.
    pub message: Option<u64>,
    /// The parent of the folder, of folder events.
    pub parent: Option<u64>,
    /// Where it was before: folder and message of a message, folder and parent of a folder (moves and copies).
    pub old: Option<(u64, u64)>,
    /// Total and unread messages of the folder, where they are told.
    pub counts: Option<(u32, u32)>,
    /// PidTagMessageFlags and class of new mail.
    pub arrival: Option<(u32, String)>,
}

impl Event {
    /// A message event.
    pub fn message(kind: EventKind, folder: u64, message: u64) -> Self {
        Self { kind, folder, message: Some(message), parent: None, old: None, counts: None, arrival: None }
    }

    /// A folder event.
    pub fn folder(kind: EventKind, folder: u64, parent: u64) -> Self {
        Self { kind, folder, message: None, parent: Some(parent), old: None, counts: None, arrival: None }
    }

    /// A folder's counters changed.
    pub fn counts(folder: u64, parent: u64, total: u32, unread: u32) -> Self {
        Self { counts: Some((total, unread)), ..Self::folder(EventKind::Modified, folder, parent) }
    }

    /// With the ids that the object had before.
    pub fn from(self, old_folder: u64, old: u64) -> Self {
        Self { old: Some((old_folder, old)), ..self }
    }
}

/// The last events of a mailbox, numbered. Sessions read it with cursors of their own; who lags behind its bound has
/// lost the oldest ones, as on real servers.
#[derive(Default)]
pub struct EventLog {
    first: u64,
    events: VecDeque<Event>,
    happened: u64,
    disturbances: Vec<Disturbance>,
    delayed: Vec<(Instant, Event)>,
}

/// What is to happen to one event.
struct Disturbance {
    number: u64,
    fault: NotificationFault,
    signal: Signal,
}

impl EventLog {
    const CAPACITY: usize = 65_536;

    /// Appends an event, unless a fault waits for it.
    pub fn push(&mut self, event: Event) {
        self.happened += 1;
        let found = self.disturbances.iter().position(|disturbance| disturbance.number == self.happened);
        let Some(Disturbance { fault, signal, .. }) = found.map(|at| self.disturbances.swap_remove(at)) else {
            return self.append(event);
        };
        match fault {
            NotificationFault::Drop => {}
            NotificationFault::Duplicate => {
                self.append(event.clone());
                self.append(event);
            }
            NotificationFault::Delay(by) => self.delayed.push((Instant::now() + by, event)),
        }
        signal.hit();
    }

    /// How many events there were, told or not.
    pub fn happened(&self) -> u64 {
        self.happened
    }

    /// The `at`-th event from now on is told as `fault` says.
    pub(crate) fn disturb(&mut self, fault: NotificationFault, at: u64, signal: Signal) {
        self.disturbances.push(Disturbance { number: self.happened + at.max(1), fault, signal });
    }

    /// Tells the delayed events whose time has come.
    pub(crate) fn release(&mut self, now: Instant) {
        // Asked at each request, of each mailbox.
        if self.delayed.is_empty() {
            return;
        }
        let (due, rest) = std::mem::take(&mut self.delayed).into_iter().partition(|(time, _)| *time <= now);
        self.delayed = rest;
        let due: Vec<(Instant, Event)> = due;
        due.into_iter().for_each(|(_, event)| self.append(event));
    }

    /// When the next delayed event is told.
    pub(crate) fn next_delayed(&self) -> Option<Instant> {
        self.delayed.iter().map(|(time, _)| *time).min()
    }

    /// Forgets what happened: nobody is told.
    pub(crate) fn forget(&mut self) {
        // Numbers go on, so that cursors stay good.
        self.first = self.end();
        self.events.clear();
        self.delayed.clear();
    }

    fn append(&mut self, event: Event) {
        if self.events.len() >= Self::CAPACITY {
            self.events.pop_front();
            self.first += 1;
        }
        self.events.push_back(event);
    }

    /// The number that the next event will have.
    pub fn end(&self) -> u64 {
        self.first + self.events.len() as u64
    }

    /// Events from number `cursor` on, each with its number.
    pub fn since(&self, cursor: u64) -> impl Iterator<Item = (u64, &Event)> {
        let skip = usize::try_from(cursor.saturating_sub(self.first)).unwrap_or(usize::MAX).min(self.events.len());
        (self.first + skip as u64..).zip(self.events.range(skip..))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_see_what_came_after_them() {
        let mut log = EventLog::default();
        log.push(Event::message(EventKind::Created, 1, 2));
        let cursor = log.end();
        log.push(Event::message(EventKind::Deleted, 1, 2));
        let seen: Vec<_> = log.since(cursor).map(|(number, event)| (number, event.kind)).collect();
        assert_eq!(seen, [(1, EventKind::Deleted)]);
        assert_eq!(log.since(0).count(), 2);
    }
}
