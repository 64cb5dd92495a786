use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use mail_core::{FolderEntry, FolderKey, FolderList, FolderStatus, StatusItems, StoreChanges};

use super::known_metadata::KnownMetadata;
use crate::proto::event_group::{EventGroup, Events};
use crate::proto::request::SelectedEvents;

/// How many groups of events one NOTIFY may have, and how many names of mailboxes.
const MAX_GROUPS: usize = 64;
const MAX_NAMES: usize = 1024;
/// Of how many other mailboxes the messages are watched.
const MAX_WATCHED: usize = 4096;
/// Of how many of them HIGHESTMODSEQ is looked at: stores have to read them for that.
const MAX_READ: usize = 64;
/// Of how many mailboxes the metadata is watched: that of each is read for itself.
const MAX_METADATA: usize = 64;
/// So many responses of one kind are told at a time.
const MAX_TOLD: usize = 512;

/// What a client wants to be told (RFC 5465), and what it was told.
#[derive(Default)]
pub(crate) struct Notify {
    /// Of the selected mailbox.
    pub selected: Option<SelectedEvents>,
    groups: Vec<EventGroup>,
    /// The folders that the client was told of, or can know.
    folders: Arc<FolderList>,
    watched: HashMap<FolderKey, Watched>,
    /// The metadata that is watched.
    pub metadata: KnownMetadata,
    pending: StoreChanges,
    /// Something could not be looked at: with the next change everything is.
    missed: bool,
}

struct Watched {
    flags: bool,
    messages: u32,
    unseen: u32,
    /// UIDVALIDITY, UIDNEXT and HIGHESTMODSEQ, if they were looked at.
    numbers: Option<(u32, u32, u64)>,
}

/// More is asked for, or changed, than is told (RFC 5465 5.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Overflow;

/// A name of which LIST is to tell, and the one that the mailbox had before.
pub(crate) type Renamed = (String, Option<String>);

impl Notify {
    /// What is to be watched of these folders.
    pub fn new(
        selected: Option<SelectedEvents>,
        groups: Vec<EventGroup>,
        folders: Arc<FolderList>,
    ) -> Result<Self, Overflow> {
        let names = |group: &EventGroup| group.names();
        if groups.len() > MAX_GROUPS || groups.iter().map(names).sum::<usize>() > MAX_NAMES {
            return Err(Overflow);
        }
        let mut notify = Self { selected, groups, ..Self::default() };
        notify.follow(folders)?;
        Ok(notify)
    }

    /// Whether something is watched beside the selected mailbox.
    pub fn watches(&self) -> bool {
        self.groups.iter().any(|group| group.events != Events::default())
    }

    /// Something changed.
    pub fn changed(&mut self, mut changes: StoreChanges) {
        changes.metadata.retain(|folder| self.metadata.has(Some(folder)));
        changes.server_metadata &= self.metadata.has(None);
        self.pending.add(changes);
        if std::mem::take(&mut self.missed) {
            self.pending.everything = true;
        }
    }

    /// Whether there is something to look at.
    pub fn has_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// What there is to look at.
    pub fn take_pending(&mut self) -> StoreChanges {
        std::mem::take(&mut self.pending)
    }

    /// Something could not be looked at.
    pub fn missed(&mut self) {
        self.missed = true;
    }

    /// The folder is watched, and known by what name.
    pub fn named(&self, folder: &FolderKey) -> Option<&FolderEntry> {
        self.folders.folders.iter().find(|entry| entry.id == *folder)
    }

    /// What is told of a name.
    fn events(&self, name: &str, subscribed: bool) -> Events {
        let groups = self.groups.iter().filter(|group| group.has(name, subscribed));
        groups.fold(Events::default(), |all, group| all.with(group.events))
    }

    /// Takes note of the folders that there are; gives those whose counts are not known yet.
    fn follow(&mut self, folders: Arc<FolderList>) -> Result<(), Overflow> {
        let (mut watched, mut metadata) = (HashMap::new(), BTreeSet::new());
        let mut read = 0;
        if self.groups.iter().any(|group| group.events.server_metadata) {
            metadata.insert(None);
        }
        for folder in folders.folders.iter().filter(|folder| folder.selectable) {
            let events = self.events(&folder.name, folder.subscribed);
            if events.metadata {
                metadata.insert(Some(folder.id.clone()));
            }
            if !events.messages {
                continue;
            }
            read += usize::from(events.flags);
            let before = self.watched.remove(&folder.id);
            let known = Watched { flags: events.flags, messages: u32::MAX, unseen: 0, numbers: None };
            watched.insert(folder.id.clone(), Watched { flags: events.flags, ..before.unwrap_or(known) });
        }
        self.folders = folders;
        self.watched = watched;
        let overflow = self.watched.len() > MAX_WATCHED || read > MAX_READ || metadata.len() > MAX_METADATA;
        if overflow {
            return Err(Overflow);
        }
        self.metadata.follow(metadata);
        Ok(())
    }

    /// All watched folders, in the order of LIST.
    pub fn all(&self) -> Vec<FolderKey> {
        let all = self.folders.folders.iter().map(|folder| &folder.id);
        all.filter(|id| self.watched.contains_key(id)).cloned().collect()
    }

    /// Those of which nothing is known.
    pub fn unknown(&self) -> BTreeSet<FolderKey> {
        self.watched.iter().filter(|(_, known)| known.messages == u32::MAX).map(|(id, _)| id.clone()).collect()
    }

    /// What is told of whom HIGHESTMODSEQ must be asked for is too much.
    pub fn check(&self, folders: &[FolderKey], condstore: bool) -> Result<(), Overflow> {
        let read = folders.iter().filter(|id| condstore || self.flags(id)).count();
        if folders.len() > MAX_TOLD || read > MAX_READ { Err(Overflow) } else { Ok(()) }
    }

    /// Whether changes of flags are told of a folder.
    pub fn flags(&self, folder: &FolderKey) -> bool {
        self.watched.get(folder).is_some_and(|known| known.flags)
    }

    /// Whether a folder is watched.
    pub fn has(&self, folder: &FolderKey) -> bool {
        self.watched.contains_key(folder)
    }

    /// The counts of a folder as they are by now, of which nothing is told. False if they were known to be others.
    pub fn count(&mut self, folder: &FolderKey, status: &FolderStatus) -> bool {
        let Some(known) = self.watched.get_mut(folder) else { return true };
        let is_new = known.messages == u32::MAX;
        let same = known.messages == status.messages && (!known.flags || known.unseen == status.unseen);
        if is_new {
            (known.messages, known.unseen) = (status.messages, status.unseen);
        }
        is_new || same
    }

    /// What is known of a folder by now. Gives whether it is to be told.
    pub fn learn(&mut self, folder: &FolderKey, status: &FolderStatus) -> bool {
        let Some(known) = self.watched.get_mut(folder) else { return false };
        let numbers = (status.uid_validity, status.uid_next, status.highest_modseq);
        let told = match known.numbers {
            // What was not looked at before may have been something else.
            None => true,
            Some((validity, next, modseq)) => {
                known.messages != status.messages
                    || (validity, next) != (numbers.0, numbers.1)
                    || (known.flags && (modseq != numbers.2 || known.unseen != status.unseen))
            }
        };
        (known.messages, known.unseen, known.numbers) = (status.messages, status.unseen, Some(numbers));
        told
    }

    /// Takes note of the folders that there are now, and gives the names of which LIST is to tell (RFC 5465 5.4, 5.5).
    pub fn renamed(&mut self, folders: Arc<FolderList>) -> Result<Vec<Renamed>, Overflow> {
        if Arc::ptr_eq(&folders, &self.folders) || *folders == *self.folders {
            return Ok(Vec::new());
        }
        let before: HashMap<&FolderKey, &FolderEntry> =
            self.folders.folders.iter().map(|folder| (&folder.id, folder)).collect();
        let after: HashMap<&FolderKey, &FolderEntry> =
            folders.folders.iter().map(|folder| (&folder.id, folder)).collect();
        let wants = |folder: &FolderEntry| self.events(&folder.name, folder.subscribed).names;
        let mut told: BTreeMap<String, Option<String>> = BTreeMap::new();
        let named = |list: &'_ FolderList| -> BTreeMap<String, bool> {
            list.folders.iter().map(|folder| (folder.name.clone(), folder.subscribed)).collect()
        };
        let (names_before, names_after) = (named(&self.folders), named(&folders));
        let mut affected: BTreeSet<&str> = BTreeSet::new();
        for folder in &self.folders.folders {
            if !after.contains_key(&folder.id) && !names_after.contains_key(&folder.name) {
                affected.extend(with_parent(&folder.name));
            }
        }
        let mut renamed: BTreeMap<&str, &str> = BTreeMap::new();
        for folder in &folders.folders {
            match before.get(&folder.id) {
                None => affected.extend(with_parent(&folder.name)),
                Some(old) if old.name != folder.name && (wants(old) || wants(folder)) => {
                    renamed.insert(&folder.name, &old.name);
                }
                Some(_) => {}
            }
        }
        for name in affected {
            let subscribed = names_after.get(name).or_else(|| names_before.get(name));
            if self.events(name, subscribed.is_some_and(|subscribed| *subscribed)).names {
                told.insert(name.to_owned(), None);
            }
        }
        // Mailboxes below one that is renamed go with it without a word.
        let goes_with_parent = |(name, old): &(&str, &str)| {
            let parents = name.rsplit_once('/').zip(old.rsplit_once('/'));
            parents.is_some_and(|((above, leaf), (old_above, old_leaf))| {
                leaf == old_leaf && renamed.get(above) == Some(&old_above)
            })
        };
        let of_themselves = renamed.iter().map(|(name, old)| (*name, *old)).filter(|both| !goes_with_parent(both));
        told.extend(of_themselves.map(|(name, old)| (name.to_owned(), Some(old.to_owned()))));
        let (old, new) = (subscribed(&self.folders), subscribed(&folders));
        for name in old.symmetric_difference(&new) {
            if self.events(name, true).subscriptions {
                told.entry((*name).to_owned()).or_default();
            }
        }
        self.follow(folders)?;
        if told.len() > MAX_TOLD { Err(Overflow) } else { Ok(told.into_iter().collect()) }
    }

    /// The folders that there are.
    pub fn folders(&self) -> &FolderList {
        &self.folders
    }
}

/// A name, and that of the mailbox right above it, be there one or not (RFC 5465 5.4).
fn with_parent(name: &str) -> impl Iterator<Item = &str> {
    std::iter::once(name).chain(name.rsplit_once('/').map(|(above, _)| above))
}

/// What is asked for to see whether something changed, and what to tell.
pub(crate) fn asked(numbers: bool, modseq: bool) -> StatusItems {
    StatusItems {
        messages: true,
        unseen: true,
        uid_next: numbers,
        uid_validity: numbers,
        highest_modseq: modseq,
        ..StatusItems::default()
    }
}

fn subscribed(list: &FolderList) -> BTreeSet<&str> {
    let folders = list.folders.iter().filter(|folder| folder.subscribed).map(|folder| folder.name.as_str());
    folders.chain(list.subscribed_without_folder.iter().map(String::as_str)).collect()
}
