use std::collections::HashSet;
use std::sync::Arc;

use mail_core::{FolderEntry, FolderKey, SpecialUse, utf7};
use mapi_core::ErrorCode;
use mapi_core::id::Gid;
use mapi_core::mailbox::Mailbox;
use mapi_core::message::PropertyBag;
use mapi_core::property::{PropertyKey, PropertyValue, tags};

use super::Account;
use crate::convert::folders::{MAX_LEVELS, decode_name, encode_name};
use crate::convert::subscriptions::Subscriptions;
use crate::line::error::UpstreamError;
use crate::line::kind::Kind;
use crate::line::upstream::Lane;
use crate::mailbox::tree::{FolderTree, TreeNode};
use crate::operation::{CreateFolder, DeleteFolder, MoveFolder, Place};

/// The longest name of a folder, in UTF-16 units: longer ones reach nobody whole, as tables cut them off.
const MAX_NAME_UNITS: usize = 255;
/// How many names are tried when deleted folders of the same name are there already.
const MAX_NAMES: u32 = 100;

/// A folder that is to be changed.
struct Chosen {
    tree: Arc<FolderTree>,
    gid: Gid,
    node: TreeNode,
    /// As LIST shows it.
    name: String,
}

impl Account {
    /// Makes a folder and those above it that are missing. They are not subscribed; if this future is dropped they may count as
    /// subscribed, like folders that others made.
    ///
    /// # Errors
    /// ecDuplicateName if it exists.
    pub async fn create_folder(&self, name: &str) -> Result<(), UpstreamError> {
        let tree = self.mailbox.tree().await?;
        if tree.named(name).is_some() {
            return Err(duplicate());
        }
        let mut names = Vec::new();
        let made = self.make(&tree, name, &mut names).await;
        self.mailbox.shape_changed();
        self.note_created(&tree, &names).await;
        self.explained(made.map(drop), name).await
    }

    /// Moves a folder to Deleted Items with the messages in it, where it is not subscribed; one that is there already is deleted
    /// for good. If clients subscribed it, its name stays so.
    ///
    /// # Errors
    /// [`UpstreamError::HasChildren`] if there are folders in it, also such as clients are not shown;
    /// [`UpstreamError::Cannot`] for folders that must stay.
    pub async fn delete_folder(&self, folder: &FolderKey) -> Result<(), UpstreamError> {
        // Somebody else may have put a folder into it just now, of which nothing was told yet: it would go, too.
        self.mailbox.shape_changed();
        let Chosen { tree, gid, node, name } = self.choose(folder).await?;
        if tree.has_children(&gid) {
            return Err(UpstreamError::HasChildren);
        }
        let parent = node.parent;
        let upstream = &self.context().upstream;
        let (_, mailbox) = upstream.mailbox().await?;
        let trash = mailbox.gid_of(mailbox.info().folders.deleted_items);
        let in_trash = trash.is_some_and(|trash| tree.above(&gid).any(|above| above == trash));
        let deleted = if in_trash {
            upstream.perform(&mut DeleteFolder::new(gid, parent)).await.map(|()| None)
        } else {
            let within = trash.and_then(|trash| tree.entry(&trash)).map(|trash| format!("{}/", trash.name));
            let beside = within.iter().flat_map(|within| {
                tree.entries().iter().filter_map(move |entry| entry.name.strip_prefix(within.as_str()))
            });
            // Exchange compares names without regard to case.
            let taken: HashSet<String> = beside.map(str::to_lowercase).collect();
            let numbered = (2..).map(|number: u32| format!("{} ({number})", node.name));
            let mut levels = std::iter::once(node.name.clone())
                .chain(numbered)
                .filter(|level| !taken.contains(&encode_name(level).to_lowercase()));
            let mut tries = 0;
            loop {
                let level = levels.next().unwrap_or_default();
                let moved = upstream.perform(&mut MoveFolder::new(gid, parent, Place::Trash, &level)).await;
                tries += 1;
                if tries == MAX_NAMES || !is_duplicate(&moved) {
                    break moved.map(|()| Some(level));
                }
            }
        };
        self.mailbox.shape_changed();
        let trash = trash.and_then(|trash| tree.entry(&trash));
        let now = deleted?.zip(trash).map(|(level, trash)| format!("{}/{}", trash.name, encode_name(&level)));
        let kept = node.subscribed == Some(true);
        self.adjust_subscriptions(&tree, |list| list.deleted(&name, kept, now.as_deref())).await;
        Ok(())
    }

    /// Gives a folder another name, and another place if the name says so. Of the inbox only the messages go there. What clients
    /// said of subscribing it, and those below it, goes along.
    ///
    /// # Errors
    /// ecDuplicateName if there is one of that name, [`UpstreamError::Cannot`] for folders that must stay.
    pub async fn rename_folder(&self, folder: &FolderKey, name: &str) -> Result<(), UpstreamError> {
        let tree = self.mailbox.tree().await?;
        if tree.named(name).is_some() {
            return Err(duplicate());
        }
        if tree.entries().iter().any(|entry| entry.id == *folder && entry.name == "INBOX") {
            return self.empty_inbox(&tree, folder, name).await;
        }
        let Chosen { tree, gid, node, name: old } = self.choose(folder).await?;
        if name.strip_prefix(&*old).is_some_and(|rest| rest.starts_with('/')) {
            return Err(UpstreamError::Cannot("a mailbox can't be moved into itself".into()));
        }
        let below = tree.entries().iter().filter_map(|entry| entry.name.strip_prefix(&*old)?.strip_prefix('/'));
        let height = below.map(levels).max().unwrap_or(0);
        if levels(name) + height > MAX_LEVELS {
            return Err(too_deep());
        }
        let renamed_too = |entry: &FolderEntry| {
            let rest = entry.name.strip_prefix(&*old).filter(|rest| rest.is_empty() || rest.starts_with('/'))?;
            Some((entry.name.clone(), format!("{name}{rest}")))
        };
        let renames: Vec<(String, String)> = tree.entries().iter().filter_map(renamed_too).collect();
        let mut made_above = Vec::new();
        let parent = node.parent;
        let (above, level) = name.rsplit_once('/').map_or((None, name), |(above, level)| (Some(above), level));
        let level = plain_name(level)?;
        let target = match above {
            None => None,
            Some(above) => match tree.named(above) {
                Some(entry) => Some(Gid::from_slice(&entry.id.0).ok_or_else(UpstreamError::no_such_folder)?),
                None => {
                    let made = self.make(&tree, above, &mut made_above).await;
                    self.mailbox.shape_changed();
                    match made {
                        Ok(made) => made,
                        Err(error) => {
                            self.note_created(&tree, &made_above).await;
                            return self.explained(Err(error), above).await;
                        }
                    }
                }
            },
        };
        let (upstream, level) = (&self.context().upstream, &level);
        let renamed = if target == parent {
            let set = &PropertyBag::from_iter([(
                PropertyKey::Tag(tags::PidTagDisplayName),
                PropertyValue::String(level.clone()),
            )]);
            let set_name = |mailbox: Mailbox| async move {
                mailbox.set_folder_properties(mailbox.resolve(gid).await?, set, &[]).await
            };
            upstream.ask(Kind::RenameFolder, Lane::Interactive, set_name).await
        } else {
            upstream.perform(&mut MoveFolder::new(gid, parent, Place::In(target), level)).await
        };
        self.mailbox.shape_changed();
        let is_renamed = renamed.is_ok();
        let restored = is_in_trash(&tree, &old) && !is_in_trash(&tree, name);
        let edits = |list: &Subscriptions| {
            let mut edits = list.created(made_above.iter().map(String::as_str));
            if is_renamed {
                let renames = renames.iter().map(|(from, to)| (from.as_str(), to.as_str()));
                edits.extend(list.renamed(renames, restored));
            }
            edits
        };
        self.adjust_subscriptions(&tree, edits).await;
        self.explained(renamed, name).await
    }

    /// RENAME of the inbox: a new folder takes its messages.
    async fn empty_inbox(&self, tree: &FolderTree, inbox: &FolderKey, name: &str) -> Result<(), UpstreamError> {
        let mut names = Vec::new();
        let made = self.make(tree, name, &mut names).await;
        self.mailbox.shape_changed();
        let made = match made {
            Ok(made) => made,
            Err(error) => {
                self.note_created(tree, &names).await;
                return self.explained(Err(error), name).await;
            }
        };
        // Those above it were made on the way; the last one is what takes the messages.
        let above = names.iter().map(String::as_str).filter(|above| *above != name);
        self.adjust_subscriptions(tree, |list| {
            list.created(above.clone()).into_iter().chain(list.forgotten(name)).collect()
        })
        .await;
        let target = FolderKey(made.ok_or_else(UpstreamError::no_such_folder)?.to_bytes().to_vec());
        let source = self.mailbox.folder(inbox).await?;
        let uids: Vec<u32> = source.view().snapshot.rows().iter().map(|row| row.uid).collect();
        self.copy(&source, &uids, &target, true).await.map(drop)
    }

    /// CREATE made these, or folders above them had to be made.
    async fn note_created(&self, tree: &FolderTree, names: &[String]) {
        if !names.is_empty() {
            self.adjust_subscriptions(tree, |list| list.created(names.iter().map(String::as_str))).await;
        }
    }

    /// Makes the levels of `name` that the tree lacks and returns the last one (a name always has one). Nothing is made if
    /// one of them has a name that no folder can have. The whole names of those that were made are added to `names`, also if
    /// it fails then.
    async fn make(&self, tree: &FolderTree, name: &str, names: &mut Vec<String>) -> Result<Option<Gid>, UpstreamError> {
        if levels(name) > MAX_LEVELS {
            return Err(too_deep());
        }
        let ends = name.match_indices('/').map(|(at, _)| at).chain([name.len()]);
        let known = ends.clone().filter_map(|end| tree.named(name.get(..end)?)).next_back();
        let have = known.map_or(0, |known| known.name.len());
        let rest = known.map_or(Some(name), |known| name.get(known.name.len() + 1..));
        let missing = rest.into_iter().flat_map(|rest| rest.split('/'));
        let missing = missing.map(plain_name).collect::<Result<Vec<_>, _>>()?;
        let wholes = ends.filter(|end| *end > have).filter_map(|end| name.get(..end));
        let mut at = match known {
            Some(entry) => Some(Gid::from_slice(&entry.id.0).ok_or_else(UpstreamError::no_such_folder)?),
            None => None,
        };
        for (level, whole) in missing.iter().zip(wholes) {
            at = Some(self.context().upstream.perform(&mut CreateFolder::new(at, level)).await?);
            names.push(whole.to_owned());
        }
        Ok(at)
    }

    /// Says more of a name that the server calls taken although no such folder is shown: servers don't tell letter case
    /// apart, and have folders that are not shown.
    async fn explained(&self, done: Result<(), UpstreamError>, name: &str) -> Result<(), UpstreamError> {
        if !is_duplicate(&done) || self.mailbox.tree().await?.named(name).is_some() {
            return done;
        }
        let why = "a folder that isn't shown here, or whose name differs in letter case only, is in the way";
        Err(UpstreamError::Cannot(why.into()))
    }

    /// A folder that may be moved and deleted.
    async fn choose(&self, folder: &FolderKey) -> Result<Chosen, UpstreamError> {
        let gid = Gid::from_slice(&folder.0).ok_or_else(UpstreamError::no_such_folder)?;
        let tree = self.mailbox.tree().await?;
        let (Some(node), Some(entry)) = (tree.get(&gid).cloned(), tree.entry(&gid).cloned()) else {
            return Err(UpstreamError::no_such_folder());
        };
        let (_, mailbox) = self.context().upstream.mailbox().await?;
        let special = mailbox.info().folders;
        let own = [Some(special.inbox), Some(special.outbox), Some(special.sent_items), Some(special.deleted_items)];
        let others = [special.drafts, special.junk, special.archive];
        if own.into_iter().chain(others).flatten().any(|own| mailbox.gid_of(own) == Some(gid)) {
            return Err(UpstreamError::Cannot("the mailbox needs this folder".into()));
        }
        if !node.mail {
            return Err(UpstreamError::Cannot("this folder does not hold mail".into()));
        }
        Ok(Chosen { tree, gid, node, name: entry.name })
    }
}

/// What a level of a name is called on the server. Names that would be shown in another form are refused, or what a client
/// made it would not find.
fn plain_name(level: &str) -> Result<String, UpstreamError> {
    let plain = decode_name(level);
    let shown = encode_name(&plain);
    let cannot = |why: String| Err(UpstreamError::Cannot(why));
    if plain.is_empty() {
        cannot("folders need a name".into())
    } else if plain.encode_utf16().count() > MAX_NAME_UNITS {
        cannot(format!("the name of a folder can't be longer than {MAX_NAME_UNITS} characters"))
    } else if shown != level {
        cannot(format!("mailboxes can't have this name; try {}", utf7::encode(&shown)))
    } else {
        Ok(plain)
    }
}

/// Whether a name is one of a folder in Deleted Items.
fn is_in_trash(tree: &FolderTree, name: &str) -> bool {
    let mut trash = tree.entries().iter().filter(|entry| entry.special_use == Some(SpecialUse::Trash));
    trash.any(|trash| name.strip_prefix(&*trash.name).is_some_and(|rest| rest.starts_with('/')))
}

/// How many levels a name has.
fn levels(name: &str) -> usize {
    name.split('/').count()
}

fn too_deep() -> UpstreamError {
    UpstreamError::Cannot(format!("folders can't be nested deeper than {MAX_LEVELS} levels"))
}

fn duplicate() -> UpstreamError {
    UpstreamError::Refused { operation: "RopCreateFolder".into(), code: ErrorCode::DUPLICATE_NAME }
}

fn is_duplicate(result: &Result<(), UpstreamError>) -> bool {
    matches!(result, Err(UpstreamError::Refused { code: ErrorCode::DUPLICATE_NAME, .. }))
}
