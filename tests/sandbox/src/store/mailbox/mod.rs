//! A mailbox: folders, messages, ids, events. Every change goes through a method here, so that counters, change numbers
//! and events always agree.

mod folders;
mod messages;
mod permissions;
mod replicas;
mod restore;
mod views;

pub use messages::Copied;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use mapi_core::ErrorCode;
use mapi_core::id::Guid;
use mapi_core::message::PropertyBag;
use mapi_core::property::tags::*;
use mapi_core::property::{FileTime, PropertyValue};

use super::folder::Folder;
use super::message::Message;
use super::names::NamedProperties;
use super::standard::{ADDITIONAL, ALL, ENTRY_IDS, STORE_ENTRY_IDS};
use super::user::guid_of;
use super::{Clock, Delegates, Event, EventLog, Special, StoreResult, User, entry_id};
use crate::fault::Signal;
use crate::{Manners, NotificationFault};

/// One user's mailbox.
pub struct Mailbox {
    guid: Guid,
    replica_guid: Guid,
    properties: PropertyBag,
    folders: BTreeMap<u64, Folder>,
    messages: HashMap<u64, Message>,
    special: HashMap<Special, u64>,
    names: NamedProperties,
    /// Replicas of elsewhere that clients asked for, in the order of their ids.
    foreign_replicas: Vec<Guid>,
    events: EventLog,
    /// The last counter given out, of FIDs, CNs and blocks of MIDs.
    counter: u64,
    /// MIDs come from reserved blocks, so that those of neighbours in time are adjacent: next one and end.
    message_ids: (u64, u64),
    clock: Arc<dyn Clock>,
    frozen: Option<FileTime>,
    manners: Manners,
    delegates: Delegates,
    /// Messages that cannot be deleted, moved or marked.
    stuck: BTreeSet<u64>,
    /// Messages that can't be downloaded.
    corrupt: BTreeSet<u64>,
    /// Messages written into streams so far.
    downloads: AtomicU64,
}

impl Mailbox {
    const MESSAGE_ID_BLOCK: u64 = 0x1_0000;

    /// A mailbox with its special folders and nothing in them.
    pub fn new(user: &User, clock: Arc<dyn Clock>, manners: Manners) -> Self {
        let mut mailbox = Self::bare(user, clock, manners);
        for (special, parent, name, class) in ALL {
            let parent = mailbox.special.get(&parent).copied();
            let id = mailbox.new_folder(parent, name, "", i32::from(parent.is_some()));
            mailbox.special.insert(special, id);
            if let Some(folder) = mailbox.folders.get_mut(&id).filter(|_| !class.is_empty()) {
                folder.properties.set(PidTagContainerClass, PropertyValue::String(class.to_owned()));
            }
        }
        mailbox.link_special_folders();
        let name = PropertyValue::String(format!("Mailbox - {}", user.display_name));
        mailbox.properties.set(PidTagDisplayName, name);
        mailbox.properties.set(PidTagMailboxOwnerName, PropertyValue::String(user.display_name.clone()));
        mailbox.properties.set(PidTagMailboxOwnerEntryId, PropertyValue::Binary(user.entry_id()));
        mailbox.properties.set(PidTagOutOfOfficeState, PropertyValue::Boolean(false));
        mailbox
    }

    /// A mailbox without folders, to be filled from a snapshot.
    pub(crate) fn bare(user: &User, clock: Arc<dyn Clock>, manners: Manners) -> Self {
        Self {
            guid: user.mailbox_guid,
            replica_guid: guid_of(&format!("replica {}", user.address)),
            properties: PropertyBag::new(),
            folders: BTreeMap::new(),
            messages: HashMap::new(),
            special: HashMap::new(),
            names: NamedProperties::default(),
            foreign_replicas: Vec::new(),
            events: EventLog::default(),
            counter: 0,
            message_ids: (0, 0),
            clock,
            frozen: None,
            manners,
            delegates: Delegates::default(),
            stuck: BTreeSet::new(),
            corrupt: BTreeSet::new(),
            downloads: AtomicU64::new(0),
        }
    }

    /// GUID of the mailbox.
    pub fn guid(&self) -> Guid {
        self.guid
    }

    /// GUID of the replica that all its ids belong to.
    pub fn replica_guid(&self) -> Guid {
        self.replica_guid
    }

    /// Properties of the store itself.
    pub fn properties(&self) -> &PropertyBag {
        &self.properties
    }

    /// Properties of the store itself, to be changed.
    pub fn properties_mut(&mut self) -> &mut PropertyBag {
        &mut self.properties
    }

    /// Who may send in the owner's name.
    pub fn delegates(&self) -> &Delegates {
        &self.delegates
    }

    /// Who may send in the owner's name, to be changed.
    pub fn delegates_mut(&mut self) -> &mut Delegates {
        &mut self.delegates
    }

    /// The named properties.
    pub fn names(&self) -> &NamedProperties {
        &self.names
    }

    /// The named properties, to be changed.
    pub fn names_mut(&mut self) -> &mut NamedProperties {
        &mut self.names
    }

    /// What happened lately.
    pub fn events(&self) -> &EventLog {
        &self.events
    }

    /// The FID counter of a special folder.
    pub fn special(&self, which: Special) -> u64 {
        self.special.get(&which).copied().expect("every mailbox is made with all special folders")
    }

    /// Which special folder `id` is.
    pub fn role(&self, id: u64) -> Option<Special> {
        self.special.iter().find(|(_, folder)| **folder == id).map(|(special, _)| *special)
    }

    /// A folder.
    ///
    /// # Errors
    /// `ecNotFound`.
    pub fn folder(&self, id: u64) -> StoreResult<&Folder> {
        self.folders.get(&id).ok_or(ErrorCode::NOT_FOUND)
    }

    /// Every folder, ascending by id.
    pub fn folders(&self) -> impl Iterator<Item = &Folder> {
        self.folders.values()
    }

    /// The subfolders of a folder, ascending by id.
    pub fn children(&self, parent: u64) -> impl Iterator<Item = &Folder> {
        self.folders.values().filter(move |folder| folder.parent == Some(parent))
    }

    /// All folders below `root`, each after its parent, with their depth (1 = direct subfolder).
    pub fn descendants(&self, root: u64) -> Vec<(u64, u32)> {
        let mut of: HashMap<u64, Vec<u64>> = HashMap::new();
        for folder in self.folders.values().rev() {
            if let Some(parent) = folder.parent {
                of.entry(parent).or_default().push(folder.id);
            }
        }
        let below = |id: u64, depth: u32| of.get(&id).into_iter().flatten().map(move |child| (*child, depth));
        let mut stack: Vec<(u64, u32)> = below(root, 1).collect();
        let mut out = Vec::new();
        while let Some((id, depth)) = stack.pop() {
            out.push((id, depth));
            stack.extend(below(id, depth + 1));
        }
        out
    }

    /// The folder at a path of display names below the IPM subtree; names compare without regard to case.
    pub fn folder_at(&self, path: &[&str]) -> Option<u64> {
        path.iter().try_fold(self.special(Special::IpmSubtree), |parent, name| self.child_named(parent, name))
    }

    /// The subfolder of that name.
    pub fn child_named(&self, parent: u64, name: &str) -> Option<u64> {
        let name = name.to_lowercase();
        self.children(parent).find(|folder| folder.name().to_lowercase() == name).map(|folder| folder.id)
    }

    /// A message that is not deleted.
    ///
    /// # Errors
    /// `ecNotFound`.
    pub fn message(&self, id: u64) -> StoreResult<&Message> {
        self.messages.get(&id).filter(|message| !message.deleted).ok_or(ErrorCode::NOT_FOUND)
    }

    /// A message, softly deleted ones included.
    ///
    /// # Errors
    /// `ecNotFound`.
    pub fn any_message(&self, id: u64) -> StoreResult<&Message> {
        self.messages.get(&id).ok_or(ErrorCode::NOT_FOUND)
    }

    /// Whether a message exists and is unread.
    pub fn is_unread(&self, id: u64) -> bool {
        self.messages.get(&id).is_some_and(|message| !message.read)
    }

    /// Bytes of a folder's normal messages.
    pub fn folder_size(&self, folder: &Folder) -> i64 {
        folder.messages.iter().filter_map(|id| self.messages.get(id)).map(|message| i64::from(message.size)).sum()
    }

    /// The highest counter given out so far: every change number there is, is at or below it.
    pub fn last_counter(&self) -> u64 {
        self.counter
    }

    /// Reserves `count` ids for a client and returns the first (RopGetLocalReplicaIds).
    pub fn reserve_ids(&mut self, count: u32) -> u64 {
        let first = self.counter + 1;
        self.counter += u64::from(count);
        first
    }

    /// The time that the next change happens at.
    pub fn now(&self) -> FileTime {
        self.frozen.unwrap_or_else(|| self.clock.now())
    }

    /// Stops the clock of this mailbox at `time` (`None` lets it run again): seeded mailboxes are the same every time.
    pub fn freeze(&mut self, time: Option<FileTime>) {
        self.frozen = time;
    }

    /// The manners.
    pub fn manners(&self) -> &Manners {
        &self.manners
    }

    /// From now on (or no longer) deleting, moving or marking as read passes over a message, as over one that another
    /// client has locked.
    pub fn set_stuck(&mut self, id: u64, stuck: bool) {
        if stuck {
            self.stuck.insert(id)
        } else {
            self.stuck.remove(&id)
        };
    }

    /// From now on (or no longer) a download stops with an error where this message stands.
    pub fn set_corrupt(&mut self, id: u64, corrupt: bool) {
        if corrupt {
            self.corrupt.insert(id)
        } else {
            self.corrupt.remove(&id)
        };
    }

    /// Whether this message can't be downloaded.
    pub fn is_corrupt(&self, id: u64) -> bool {
        self.corrupt.contains(&id)
    }

    /// Counts one more message that is written into a stream; returns how many came before.
    pub fn count_download(&self) -> u64 {
        self.downloads.fetch_add(1, Ordering::Relaxed)
    }

    /// Forgets all events: seeding is no news.
    pub fn forget_events(&mut self) {
        self.events.forget();
    }

    fn next_counter(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    /// The id of a message that is about to be created.
    pub fn next_message_id(&mut self) -> u64 {
        if self.message_ids.0 == self.message_ids.1 {
            let first = self.reserve_ids(Self::MESSAGE_ID_BLOCK as u32);
            self.message_ids = (first, first + Self::MESSAGE_ID_BLOCK);
        }
        self.message_ids.0 += 1;
        self.message_ids.0 - 1
    }

    /// A PidTagSearchKey for a new message: unique, and the same in every run.
    pub fn search_key(&self, id: u64) -> [u8; 16] {
        let mut key = self.guid.0;
        for (byte, mark) in key[8..].iter_mut().zip(id.to_be_bytes()) {
            *byte ^= mark;
        }
        key
    }

    /// The `at`-th event from now on is told as `fault` says.
    pub(crate) fn disturb(&mut self, fault: NotificationFault, at: u64, signal: Signal) {
        self.events.disturb(fault, at, signal);
    }

    /// Tells the delayed events whose time has come.
    pub(crate) fn release_events(&mut self, now: Instant) {
        self.events.release(now);
    }

    fn push(&mut self, event: Event) {
        self.events.push(event);
    }

    fn link_special_folders(&mut self) {
        let entry =
            |mailbox: &Self, which| entry_id::folder(mailbox.guid, mailbox.replica_guid, mailbox.special(which));
        let additional: Vec<_> = ADDITIONAL.iter().map(|which| entry(self, *which)).collect();
        for holder in [Special::Root, Special::Inbox] {
            let values: Vec<_> = ENTRY_IDS.iter().map(|(tag, which)| (*tag, entry(self, *which))).collect();
            let holder = self.special(holder);
            let Some(folder) = self.folders.get_mut(&holder) else { continue };
            for (tag, value) in values {
                folder.properties.set(tag, PropertyValue::Binary(value));
            }
            folder.properties.set(PidTagAdditionalRenEntryIds, PropertyValue::MultipleBinary(additional.clone()));
        }
        for (tag, which) in STORE_ENTRY_IDS {
            let value = PropertyValue::Binary(entry(self, which));
            self.properties.set(tag, value);
        }
    }
}
