//! A mailbox as others see it: objects with their computed properties, and which of them a folder shows.

use super::super::restrict::matches;
use super::super::view::{FolderView, MessageView};
use super::super::{Folder, StoreResult};
use super::Mailbox;

impl Mailbox {
    /// A folder with its computed properties.
    ///
    /// # Errors
    /// `ecNotFound`.
    pub fn folder_view(&self, id: u64) -> StoreResult<FolderView<'_>> {
        Ok(FolderView { mailbox: self, folder: self.folder(id)?, depth: None })
    }

    /// A message with its computed properties.
    ///
    /// # Errors
    /// `ecNotFound`.
    pub fn message_view(&self, id: u64) -> StoreResult<MessageView<'_>> {
        Ok(MessageView { mailbox: self, message: self.message(id)? })
    }

    /// The normal messages that a folder shows; for a search folder those it finds.
    pub fn content_rows(&self, folder: &Folder) -> Vec<u64> {
        let Some(search) = &folder.search else {
            return folder.messages.iter().copied().collect();
        };
        let mut scope = search.scope.clone();
        if search.recursive {
            let below = search.scope.iter().flat_map(|root| self.descendants(*root));
            scope.extend(below.map(|(id, _)| id).collect::<Vec<_>>());
        }
        scope.sort_unstable();
        scope.dedup();
        let messages = scope.iter().filter_map(|id| self.folders.get(id)).filter(|folder| folder.search.is_none());
        let found = messages.flat_map(|folder| &folder.messages).copied().filter(|id| {
            let Ok(view) = self.message_view(*id) else { return false };
            search.restriction.as_ref().is_none_or(|restriction| matches(restriction, self, &view))
        });
        found.collect()
    }
}
