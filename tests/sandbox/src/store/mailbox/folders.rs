//! What can be done with folders ([MS-OXCFOLD] 3.2.5).

use std::collections::BTreeSet;

use mapi_core::ErrorCode;
use mapi_core::message::PropertyBag;
use mapi_core::property::tags::*;
use mapi_core::property::{PropertyKey, PropertyValue};

use super::super::message::put;
use super::super::{Event, EventKind, Folder, Permissions, SearchCriteria, StoreResult, is_computed_of_folders};
use super::Mailbox;

impl Mailbox {
    /// Creates a folder (`kind` 1 generic, 2 search). With `open_existing` a folder of that name is returned instead
    /// of `ecDuplicateName`. The Boolean tells whether it existed.
    ///
    /// # Errors
    /// `ecNotFound`, `ecDuplicateName`, `ecInvalidParam` for an empty name, `ecSearchFolder` below a search folder.
    pub fn create_folder(
        &mut self,
        parent: u64,
        name: &str,
        comment: &str,
        kind: i32,
        open_existing: bool,
    ) -> StoreResult<(u64, bool)> {
        if self.folder(parent)?.kind == 2 {
            return Err(ErrorCode::SEARCH_FOLDER);
        }
        if name.is_empty() || !(1..=2).contains(&kind) {
            return Err(ErrorCode::INVALID_PARAM);
        }
        if let Some(existing) = self.child_named(parent, name) {
            return if open_existing { Ok((existing, true)) } else { Err(ErrorCode::DUPLICATE_NAME) };
        }
        let class = self.folder(parent)?.class().to_owned();
        let id = self.new_folder(Some(parent), name, comment, kind);
        let inherited = if class.is_empty() { "IPF.Note".to_owned() } else { class };
        if let Some(folder) = self.folders.get_mut(&id) {
            folder.properties.set(PidTagContainerClass, PropertyValue::String(inherited));
        }
        self.push(Event::folder(EventKind::Created, id, parent));
        self.touch_parent(parent);
        Ok((id, false))
    }

    /// Makes a folder without asking or telling anybody.
    pub(super) fn new_folder(&mut self, parent: Option<u64>, name: &str, comment: &str, kind: i32) -> u64 {
        let id = self.next_counter();
        let change_number = self.next_counter();
        let now = self.now();
        let mut properties = PropertyBag::new();
        properties.set(PidTagDisplayName, PropertyValue::String(name.to_owned()));
        properties.set(PidTagComment, PropertyValue::String(comment.to_owned()));
        self.insert_folder(Folder {
            id,
            parent,
            kind,
            properties,
            change_number,
            created: now,
            modified: now,
            committed: now,
            messages: BTreeSet::new(),
            associated: BTreeSet::new(),
            recoverable: BTreeSet::new(),
            unread: 0,
            article_next: 1,
            deleted_total: 0,
            search: None,
            permissions: Permissions::default(),
            version: 0,
        });
        id
    }

    /// Deletes a folder. Unless the flags allow it, nothing happens to a folder that has messages (`messages`) or
    /// subfolders (`folders`); the answer then is `false`.
    ///
    /// # Errors
    /// `ecNotFound`, `ecAccessDenied` for special folders.
    pub fn delete_folder(&mut self, parent: u64, id: u64, messages: bool, folders: bool) -> StoreResult<bool> {
        let folder = self.folder(id)?;
        if folder.parent != Some(parent) {
            return Err(ErrorCode::NOT_FOUND);
        }
        let branch = self.descendants(id);
        if self.role(id).is_some() || branch.iter().any(|(below, _)| self.role(*below).is_some()) {
            return Err(ErrorCode::ACCESS_DENIED);
        }
        let holds_messages = !(folder.messages.is_empty() && folder.associated.is_empty()) && folder.kind != 2;
        if (!folders && !branch.is_empty()) || (!messages && holds_messages) {
            return Ok(false);
        }
        for (below, _) in branch.into_iter().rev().chain([(id, 0)]) {
            self.drop_folder(below);
        }
        self.touch_parent(parent);
        Ok(true)
    }

    fn drop_folder(&mut self, id: u64) {
        let Some(folder) = self.folders.remove(&id) else { return };
        for message in folder.messages.iter().chain(&folder.associated).chain(&folder.recoverable) {
            self.messages.remove(message);
        }
        self.push(Event::folder(EventKind::Deleted, id, folder.parent.unwrap_or(id)));
    }

    /// Moves and renames a folder; it keeps its id.
    ///
    /// # Errors
    /// `ecNotFound`, `ecAccessDenied` for special folders and for a move below itself, `ecDuplicateName`.
    pub fn move_folder(&mut self, id: u64, target: u64, name: &str) -> StoreResult<()> {
        let old_parent = self.folder(id)?.parent.ok_or(ErrorCode::ROOT_FOLDER)?;
        if self.folder(target)?.kind == 2 {
            return Err(ErrorCode::SEARCH_FOLDER);
        }
        if self.role(id).is_some() || id == target || self.descendants(id).iter().any(|(below, _)| *below == target) {
            return Err(ErrorCode::ACCESS_DENIED);
        }
        let name = if name.is_empty() { self.folder(id)?.name().to_owned() } else { name.to_owned() };
        if self.child_named(target, &name).is_some_and(|other| other != id) {
            return Err(ErrorCode::DUPLICATE_NAME);
        }
        self.change_folder(id, |folder| {
            folder.parent = Some(target);
            folder.properties.set(PidTagDisplayName, PropertyValue::String(name));
        });
        self.push(Event::folder(EventKind::Moved, id, target).from(id, old_parent));
        self.touch_parent(old_parent);
        self.touch_parent(target);
        Ok(())
    }

    /// Copies a folder with its messages, and its subfolders if `recursive`; returns the copy.
    ///
    /// # Errors
    /// As [`Mailbox::move_folder`].
    pub fn copy_folder(&mut self, id: u64, target: u64, name: &str, recursive: bool) -> StoreResult<u64> {
        if id == target || self.descendants(id).iter().any(|(below, _)| *below == target) {
            return Err(ErrorCode::ACCESS_DENIED);
        }
        let source = self.folder(id)?.clone();
        let old_parent = source.parent.ok_or(ErrorCode::ROOT_FOLDER)?;
        let name = if name.is_empty() { source.name() } else { name };
        let (copy, _) = self.create_folder(target, name, "", source.kind, false)?;
        self.change_folder(copy, |folder| {
            let name = folder.properties.get(PidTagDisplayName).cloned();
            folder.properties = source.properties.clone();
            folder.properties.extend(name.map(|name| (PidTagDisplayName, name)));
            folder.search = source.search.clone();
        });
        self.move_copy(id, &source.messages.iter().copied().collect::<Vec<_>>(), copy, true)?;
        self.push(Event::folder(EventKind::Copied, copy, target).from(id, old_parent));
        if recursive {
            let children: Vec<u64> = self.children(id).map(|child| child.id).collect();
            for child in children {
                self.copy_folder(child, copy, "", true)?;
            }
        }
        Ok(copy)
    }

    /// Deletes the messages and subfolders of a folder; FAI messages only if `associated`. `false`: something stays.
    ///
    /// # Errors
    /// `ecNotFound`, `ecAccessDenied` if a special folder is below it.
    pub fn empty_folder(&mut self, id: u64, associated: bool, hard: bool) -> StoreResult<bool> {
        let folder = self.folder(id)?;
        let mut messages: Vec<u64> = folder.messages.iter().copied().collect();
        if associated {
            messages.extend(&folder.associated);
        }
        let children: Vec<u64> = self.children(id).map(|child| child.id).collect();
        let mut all = self.delete_messages(id, &messages, hard)? == messages.len();
        for child in children {
            all &= self.delete_folder(id, child, true, true)?;
        }
        Ok(all)
    }

    /// Sets properties of a folder; one change number for all of them. Returns the index and reason of those refused.
    ///
    /// # Errors
    /// `ecNotFound`; `ecDuplicateName` for a name that a sibling has.
    pub fn set_folder_properties(
        &mut self,
        id: u64,
        values: Vec<(PropertyKey, PropertyValue)>,
    ) -> StoreResult<Vec<(usize, ErrorCode)>> {
        let parent = self.folder(id)?.parent;
        let mut problems = Vec::new();
        let mut accepted = PropertyBag::new();
        for (index, (key, value)) in values.into_iter().enumerate() {
            let outcome = match &key {
                PropertyKey::Tag(PidTagDisplayName) => {
                    let name = value.as_str().unwrap_or_default();
                    let taken = parent.and_then(|parent| self.child_named(parent, name));
                    if taken.is_some_and(|other| other != id) {
                        return Err(ErrorCode::DUPLICATE_NAME);
                    }
                    if name.is_empty() { Err(ErrorCode::INVALID_PARAM) } else { Ok(()) }
                }
                PropertyKey::Tag(tag) if is_computed_of_folders(*tag) => Err(ErrorCode::COMPUTED),
                _ => Ok(()),
            };
            let outcome = outcome.and_then(|()| match key {
                PropertyKey::Tag(tag) => put(&mut accepted, tag, value),
                named => {
                    accepted.set(named, value);
                    Ok(())
                }
            });
            problems.extend(outcome.err().map(|code| (index, code)));
        }
        if !accepted.is_empty() {
            self.change_folder(id, |folder| {
                folder.properties.extend(accepted.iter().map(|(key, value)| (key.clone(), value.clone())));
            });
            self.tell_properties(id);
        }
        Ok(problems)
    }

    /// Gives a folder a name without asking whether a sibling has it: there are mailboxes in which two have the same one.
    ///
    /// # Errors
    /// `ecNotFound`.
    pub fn rename_regardless(&mut self, id: u64, name: &str) -> StoreResult<()> {
        self.folder(id)?;
        self.change_folder(id, |folder| {
            folder.properties.set(PidTagDisplayName, PropertyValue::String(name.to_owned()));
        });
        self.tell_properties(id);
        Ok(())
    }

    /// Removes properties of a folder.
    ///
    /// # Errors
    /// `ecNotFound`.
    pub fn delete_folder_properties(&mut self, id: u64, keys: &[PropertyKey]) -> StoreResult<()> {
        self.folder(id)?;
        self.change_folder(id, |folder| {
            for key in keys.iter().filter(|key| **key != PropertyKey::Tag(PidTagDisplayName)) {
                folder.properties.remove(key);
            }
        });
        self.tell_properties(id);
        Ok(())
    }

    /// Tells a search folder what to show.
    ///
    /// # Errors
    /// `ecNotSearchFolder`, `ecNotFound`.
    pub fn set_search(&mut self, id: u64, criteria: SearchCriteria) -> StoreResult<()> {
        if self.folder(id)?.kind != 2 {
            return Err(ErrorCode::NOT_SEARCH_FOLDER);
        }
        self.change_folder(id, |folder| folder.search = Some(criteria));
        Ok(())
    }

    /// Changes the permissions of a folder.
    ///
    /// # Errors
    /// `ecNotFound`; what `change` says, then nothing is changed.
    pub fn set_permissions(
        &mut self,
        id: u64,
        change: impl FnOnce(&mut Permissions) -> StoreResult<()>,
    ) -> StoreResult<()> {
        let mut permissions = self.folder(id)?.permissions.clone();
        change(&mut permissions)?;
        self.change_folder(id, |folder| folder.permissions = permissions);
        Ok(())
    }

    /// Tells that properties of a folder changed.
    fn tell_properties(&mut self, id: u64) {
        let Some(folder) = self.folders.get(&id) else { return };
        let parent = folder.parent.unwrap_or(id);
        self.push(match self.manners.folder_changes_as_counts {
            true => Event::counts(id, parent, folder.total(), folder.unread),
            false => Event::folder(EventKind::Modified, id, parent),
        });
    }

    /// Changes a folder itself: new change number and modification time.
    fn change_folder(&mut self, id: u64, change: impl FnOnce(&mut Folder)) {
        let change_number = self.next_counter();
        let now = self.now();
        if let Some(folder) = self.folders.get_mut(&id) {
            folder.change_number = change_number;
            folder.modified = now;
            folder.committed = now;
            folder.version += 1;
            change(folder);
        }
    }

    /// A folder's subfolders changed: that is told, but is no change of the folder itself.
    fn touch_parent(&mut self, id: u64) {
        let now = self.now();
        let Some(folder) = self.folders.get_mut(&id) else { return };
        folder.committed = now;
        folder.version += 1;
        let grandparent = folder.parent.unwrap_or(id);
        self.push(Event::folder(EventKind::Modified, id, grandparent));
    }
}
