use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use mail_core::{FolderEntry, FolderList, FolderStatus, SpecialUse};
use mapi_core::id::Gid;
use mapi_core::mailbox::FolderRow;
use mapi_core::property::{PropertyType, PropertyValue};

use super::context::{Hierarchy, MailboxContext};
use crate::convert::folders::{self, FolderFilter, FolderNode, SpecialFolders};
use crate::line::error::UpstreamError;
use crate::own_property;

/// The tree is asked for anew at least this often, whatever notifications say.
const MAX_AGE: Duration = Duration::from_secs(60);

/// A mailbox's mail folders, as they were when it was asked.
pub struct FolderTree {
    list: Arc<FolderList>,
    nodes: HashMap<Gid, TreeNode>,
}

/// What is known of one folder.
#[derive(Debug, Clone)]
pub struct TreeNode {
    /// Messages and unread messages; the other counts are zero.
    pub counts: FolderStatus,
    /// PidTagArticleNumNext, if the server has it: it grows with each message that comes into the folder, or is saved there.
    pub next_article: Option<u32>,
    /// The user may not change anything in it.
    pub read_only: bool,
    /// It holds mail, by its class.
    pub mail: bool,
    /// The folder it is in; absent for the topmost ones.
    pub parent: Option<Gid>,
    /// What the server calls it, by itself.
    pub name: String,
    /// Whether it is subscribed, if a version said so that kept it with the folder.
    pub subscribed: Option<bool>,
}

impl FolderTree {
    /// What LIST shows.
    pub fn list(&self) -> &Arc<FolderList> {
        &self.list
    }

    /// What LIST shows of all folders.
    pub fn entries(&self) -> &[FolderEntry] {
        &self.list.folders
    }

    /// What LIST shows of the folder that it calls `name`.
    pub fn named(&self, name: &str) -> Option<&FolderEntry> {
        self.list.named(name)
    }

    /// What LIST shows of a folder.
    pub fn entry(&self, gid: &Gid) -> Option<&FolderEntry> {
        self.entries().iter().find(|entry| entry.id.0 == gid.to_bytes())
    }

    /// The folders above a folder, from below.
    pub fn above(&self, gid: &Gid) -> impl Iterator<Item = Gid> {
        let parent = |gid: &Gid| self.nodes.get(gid).and_then(|node| node.parent);
        // A hierarchy that bites its own tail ends there.
        std::iter::successors(parent(gid), parent).take(self.nodes.len())
    }

    /// Whether there are folders in a folder, shown or not.
    pub fn has_children(&self, gid: &Gid) -> bool {
        self.nodes.values().any(|node| node.parent == Some(*gid))
    }

    /// A folder of the tree.
    pub fn get(&self, gid: &Gid) -> Option<&TreeNode> {
        self.nodes.get(gid)
    }
}

/// Holds the newest tree.
#[derive(Default)]
pub struct TreeCache {
    view: FolderFilter,
    newest: Mutex<Option<Cached>>,
    /// Grows when a notification says that there are other folders, or other names.
    shape: AtomicU64,
    /// Grows when a notification says that a folder's counts changed.
    counts: AtomicU64,
}

struct Cached {
    shape: u64,
    counts: u64,
    at: Instant,
    tree: Arc<FolderTree>,
}

impl TreeCache {
    /// One that has read nothing yet.
    pub fn new(view: FolderFilter) -> Self {
        Self { view, ..Self::default() }
    }

    /// Folders were made, removed, moved or renamed.
    pub fn shape_changed(&self) {
        self.shape.fetch_add(1, Ordering::AcqRel);
    }

    /// The counts of a folder are no longer as they were.
    pub fn counts_changed(&self) {
        self.counts.fetch_add(1, Ordering::AcqRel);
    }

    /// The tree as it was read last, if it was.
    pub fn newest(&self) -> Option<Arc<FolderTree>> {
        let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        newest.as_ref().map(|cached| Arc::clone(&cached.tree))
    }

    /// The tree as it is now; its counts may be older unless `with_counts`.
    pub async fn get(&self, context: &MailboxContext, with_counts: bool) -> Result<Arc<FolderTree>, UpstreamError> {
        let (shape, counts) = (self.shape.load(Ordering::Acquire), self.counts.load(Ordering::Acquire));
        if let Some(cached) = &*self.newest.lock().unwrap_or_else(PoisonError::into_inner)
            && cached.shape == shape
            && (cached.counts == counts || !with_counts)
            && cached.at.elapsed() < MAX_AGE
            && context.subscription_alive()
        {
            return Ok(Arc::clone(&cached.tree));
        }
        let at = Instant::now();
        let tree = Arc::new(read(context, self.view).await?);
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        *newest = Some(Cached { shape, counts, at, tree: Arc::clone(&tree) });
        Ok(tree)
    }
}

async fn read(context: &MailboxContext, view: FolderFilter) -> Result<FolderTree, UpstreamError> {
    let Hierarchy { mailbox, folders, subscriptions } = context.hierarchy().await?;
    let bytes = |id| mailbox.gid_of(id).map(|gid| gid.to_bytes().to_vec());
    let special = &mailbox.info().folders;
    let uses = [
        (SpecialUse::Drafts, special.drafts),
        (SpecialUse::Sent, Some(special.sent_items)),
        (SpecialUse::Trash, Some(special.deleted_items)),
        (SpecialUse::Junk, special.junk),
        (SpecialUse::Archive, special.archive),
    ];
    let special = SpecialFolders {
        root: bytes(special.ipm_subtree).unwrap_or_default(),
        inbox: bytes(special.inbox),
        uses: uses.into_iter().filter_map(|(name, id)| Some((name, bytes(id?)?))).collect(),
    };
    // In an own mailbox everything may be changed; in others what the folder allows.
    let owner = mailbox.info().owner;
    let mut nodes = HashMap::new();
    let mut list = Vec::new();
    for row in folders {
        let Some(gid) = mailbox.gid_of(row.id) else { continue };
        let counts =
            FolderStatus { messages: row.counters.total, unseen: row.counters.unread, ..FolderStatus::default() };
        let parent = mailbox.gid_of(row.parent_id).filter(|_| row.parent_id != mailbox.info().folders.ipm_subtree);
        let read_only = !owner && !MailboxContext::is_writable(&row);
        let mail = folders::holds_mail(&row.container_class);
        let next_article = row.counters.next_article;
        let subscribed = kept_with(&row);
        let name = row.name.clone();
        nodes.insert(gid, TreeNode { counts, next_article, read_only, mail, parent, name, subscribed });
        list.push(FolderNode {
            id: gid.to_bytes().to_vec(),
            parent: bytes(row.parent_id).unwrap_or_default(),
            name: row.name,
            container_class: row.container_class,
            hidden: row.hidden,
            subscribed,
        });
    }
    let mut folders = folders::entries(&list, &special, view);
    for folder in &mut folders {
        folder.subscribed = subscriptions.get(&folder.name).unwrap_or(folder.subscribed);
    }
    let there: HashSet<&str> = folders.iter().map(|folder| folder.name.as_str()).collect();
    let gone = subscriptions.subscribed().filter(|name| !there.contains(name)).map(str::to_owned).collect();
    Ok(FolderTree { list: Arc::new(FolderList { folders, subscribed_without_folder: gone }), nodes })
}

/// Whether a folder is subscribed, as it says itself.
fn kept_with(row: &FolderRow) -> Option<bool> {
    match row.extra.get_named(&own_property::SUBSCRIBED.name(), PropertyType::BOOLEAN) {
        Some(PropertyValue::Boolean(subscribed)) => Some(*subscribed),
        _ => None,
    }
}
