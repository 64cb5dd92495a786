use std::sync::Arc;

use imap_front::store::FolderId as FrontFolderId;
use mapi_core::ErrorCode;
use mapi_core::id::{FolderId, Gid};
use mapi_core::mailbox::SpecialFolders;
use mapi_core::message::PropertyBag;
use mapi_core::property::{PropertyKey, PropertyValue, tags};

use super::tree::{FolderTree, TreeNode};
use super::{Account, UpstreamError, not_found};
use crate::convert::folders::{decode_name, encode_name};

/// What folders made by clients hold.
const MAIL_CLASS: &str = "IPF.Note";
/// How many names are tried when deleted folders of the same name are there already.
const MAX_NAMES: u32 = 100;

/// A folder that is to be changed.
struct Chosen {
    tree: Arc<FolderTree>,
    gid: Gid,
    id: FolderId,
    node: TreeNode,
    /// As LIST shows it.
    name: String,
    special: SpecialFolders,
}

impl Account {
    /// Makes a folder and those above it that are missing.
    ///
    /// # Errors
    /// ecDuplicateName if it exists.
    pub async fn create_folder(&self, name: &str) -> Result<(), UpstreamError> {
        let tree = self.tree().await?;
        if tree.named(name).is_some() {
            return Err(duplicate());
        }
        let made = self.make(&tree, name).await;
        self.tree.shape_changed();
        made.map(drop)
    }

    /// Moves a folder to Deleted Items with all that is in it; one that is there already is deleted for good.
    ///
    /// # Errors
    /// [`UpstreamError::Cannot`] for folders that must stay.
    pub async fn delete_folder(&self, folder: &FrontFolderId) -> Result<(), UpstreamError> {
        let Chosen { tree, gid, id, node, special, .. } = self.choose(folder).await?;
        let parent = self.parent(&node, &special).await?;
        let trash = special.deleted_items;
        let upstream = &self.context.upstream;
        let (_, mailbox) = upstream.mailbox().await?;
        let in_trash = mailbox.gid_of(trash).is_some_and(|trash| tree.above(&gid).any(|above| above == trash));
        let deleted = if in_trash {
            upstream.once(|mailbox| async move { mailbox.delete_folder(id, parent).await }).await
        } else {
            let mut number = 1;
            loop {
                let name = &if number == 1 { node.name.clone() } else { format!("{} ({number})", node.name) };
                let moved =
                    upstream.once(|mailbox| async move { mailbox.move_folder(id, parent, trash, name).await }).await;
                number += 1;
                if number > MAX_NAMES || !is_duplicate(&moved) {
                    break moved;
                }
            }
        };
        self.tree.shape_changed();
        deleted
    }

    /// Gives a folder another name, and another place if the name says so. Of the inbox only the messages go there.
    ///
    /// # Errors
    /// ecDuplicateName if there is one of that name, [`UpstreamError::Cannot`] for folders that must stay.
    pub async fn rename_folder(&self, folder: &FrontFolderId, name: &str) -> Result<(), UpstreamError> {
        let tree = self.tree().await?;
        if tree.named(name).is_some() {
            return Err(duplicate());
        }
        if tree.entries().iter().any(|entry| entry.id == *folder && entry.name == "INBOX") {
            return self.empty_inbox(&tree, folder, name).await;
        }
        let Chosen { tree, id, node, name: old, special, .. } = self.choose(folder).await?;
        if name.strip_prefix(&*old).is_some_and(|rest| rest.starts_with('/')) {
            return Err(UpstreamError::Cannot("a mailbox can't be moved into itself".into()));
        }
        let parent = self.parent(&node, &special).await?;
        let (above, level) = name.rsplit_once('/').map_or((None, name), |(above, level)| (Some(above), level));
        let level = plain_name(level)?;
        let target = match above {
            None => special.ipm_subtree,
            Some(above) => match tree.named(above) {
                Some(entry) => self.context.folder_id(Gid::from_slice(&entry.id.0).ok_or_else(not_found)?).await?,
                None => self.make(&tree, above).await?,
            },
        };
        let (upstream, level) = (&self.context.upstream, &level);
        let renamed = if target == parent {
            let set = &PropertyBag::from_iter([(
                PropertyKey::Tag(tags::PidTagDisplayName),
                PropertyValue::String(level.clone()),
            )]);
            upstream.repeatable(|mailbox| async move { mailbox.set_folder_properties(id, set, &[]).await }).await
        } else {
            upstream.once(|mailbox| async move { mailbox.move_folder(id, parent, target, level).await }).await
        };
        self.tree.shape_changed();
        renamed
    }

    /// Subscribes a folder, or takes that back. The mailbox keeps it.
    pub async fn subscribe(&self, folder: &FrontFolderId, subscribed: bool) -> Result<(), UpstreamError> {
        let tree = self.tree().await?;
        if tree.entries().iter().any(|entry| entry.id == *folder && entry.subscribed == subscribed) {
            return Ok(());
        }
        let id = self.context.folder_id(Gid::from_slice(&folder.0).ok_or_else(not_found)?).await?;
        let written = self.context.write_subscription(id, subscribed).await;
        self.tree.shape_changed();
        written
    }

    /// RENAME of the inbox: a new folder takes its messages.
    async fn empty_inbox(&self, tree: &FolderTree, inbox: &FrontFolderId, name: &str) -> Result<(), UpstreamError> {
        let made = self.make(tree, name).await;
        self.tree.shape_changed();
        let made = made?;
        let (_, mailbox) = self.context.upstream.mailbox().await?;
        let target = FrontFolderId(mailbox.gid_of(made).ok_or_else(not_found)?.to_bytes().to_vec());
        let source = self.folder(inbox).await?;
        let uids: Vec<u32> = source.view().snapshot.messages.iter().map(|row| row.uid).collect();
        self.copy(&source, &uids, &target, true).await.map(drop)
    }

    /// Makes the levels of `name` that the tree lacks and returns the last one.
    async fn make(&self, tree: &FolderTree, name: &str) -> Result<FolderId, UpstreamError> {
        let levels: Vec<&str> = name.split('/').collect();
        let plain = levels.iter().map(|level| plain_name(level)).collect::<Vec<_>>();
        let mut at = self.context.upstream.mailbox().await?.1.info().folders.ipm_subtree;
        let mut known = true;
        let mut end = 0;
        for (level, plain) in levels.iter().zip(plain) {
            end += level.len();
            let existing = name.get(..end).filter(|_| known).and_then(|above| tree.named(above));
            end += 1;
            if let Some(entry) = existing {
                at = self.context.folder_id(Gid::from_slice(&entry.id.0).ok_or_else(not_found)?).await?;
                continue;
            }
            known = false;
            let (parent, plain) = (at, &plain?);
            at = self
                .context
                .upstream
                .once(|mailbox| async move { mailbox.create_folder(parent, plain, MAIL_CLASS).await })
                .await?;
        }
        Ok(at)
    }

    /// The folder that is in `node`'s place above it.
    async fn parent(&self, node: &TreeNode, special: &SpecialFolders) -> Result<FolderId, UpstreamError> {
        match node.parent {
            Some(parent) => self.context.folder_id(parent).await,
            None => Ok(special.ipm_subtree),
        }
    }

    /// A folder that may be moved and deleted.
    async fn choose(&self, folder: &FrontFolderId) -> Result<Chosen, UpstreamError> {
        let gid = Gid::from_slice(&folder.0).ok_or_else(not_found)?;
        let tree = self.tree().await?;
        let (Some(node), Some(entry)) = (tree.get(&gid).cloned(), tree.entry(&gid).cloned()) else {
            return Err(not_found());
        };
        let id = self.context.folder_id(gid).await?;
        let special = self.context.upstream.mailbox().await?.1.info().folders;
        let own = [Some(special.inbox), Some(special.outbox), Some(special.sent_items), Some(special.deleted_items)];
        let others = [special.drafts, special.junk, special.archive];
        if own.into_iter().chain(others).flatten().any(|own| own == id) {
            return Err(UpstreamError::Cannot("the mailbox needs this folder".into()));
        }
        if !entry.selectable {
            return Err(UpstreamError::Cannot("this folder does not hold mail".into()));
        }
        Ok(Chosen { tree, gid, id, node, name: entry.name, special })
    }
}

/// What a level of a name is called on the server. Names that would be shown in another form are refused, or what a client
/// made it would not find.
fn plain_name(level: &str) -> Result<String, UpstreamError> {
    let plain = decode_name(level);
    if encode_name(&plain) == level {
        Ok(plain)
    } else {
        Err(UpstreamError::Cannot(format!("mailboxes can't have this name; try {}", encode_name(&plain))))
    }
}

fn duplicate() -> UpstreamError {
    UpstreamError::Refused { operation: "RopCreateFolder".into(), code: ErrorCode::DUPLICATE_NAME }
}

fn is_duplicate(result: &Result<(), UpstreamError>) -> bool {
    matches!(result, Err(UpstreamError::Refused { code: ErrorCode::DUPLICATE_NAME, .. }))
}
