use std::collections::BTreeSet;

use mapi_core::message::PropertyBag;
use mapi_core::property::tags::*;
use mapi_core::property::{FileTime, Restriction};

use super::Permissions;

/// What a search folder shows ([MS-OXCFOLD] 2.2.1.4).
#[derive(Debug, Clone, PartialEq)]
pub struct SearchCriteria {
    /// Which messages.
    pub restriction: Option<Restriction>,
    /// Folders searched.
    pub scope: Vec<u64>,
    /// Whether their subfolders are searched, too.
    pub recursive: bool,
}

/// A folder as the store holds it.
#[derive(Debug, Clone)]
pub struct Folder {
    /// Counter of the FID.
    pub id: u64,
    /// The parent; `None` for the root.
    pub parent: Option<u64>,
    /// PidTagFolderType: 0 root, 1 generic, 2 search.
    pub kind: i32,
    /// Settable properties, PidTagDisplayName among them.
    pub properties: PropertyBag,
    /// Counter of the change number.
    pub change_number: u64,
    /// PidTagCreationTime.
    pub created: FileTime,
    /// PidTagLastModificationTime.
    pub modified: FileTime,
    /// PidTagLocalCommitTimeMax.
    pub committed: FileTime,
    /// Normal messages.
    pub messages: BTreeSet<u64>,
    /// FAI messages.
    pub associated: BTreeSet<u64>,
    /// Softly deleted messages.
    pub recoverable: BTreeSet<u64>,
    /// How many normal messages are unread.
    pub unread: u32,
    /// PidTagArticleNumNext.
    pub article_next: u32,
    /// PidTagDeletedCountTotal.
    pub deleted_total: u32,
    /// What a search folder shows.
    pub search: Option<SearchCriteria>,
    /// Who else may do what.
    pub permissions: Permissions,
    /// Grows with every change of the folder's messages: tells open tables that their rows are old.
    pub version: u64,
}

impl Folder {
    /// PidTagDisplayName.
    pub fn name(&self) -> &str {
        self.properties.text(PidTagDisplayName).unwrap_or_default()
    }

    /// PidTagContainerClass.
    pub fn class(&self) -> &str {
        self.properties.text(PidTagContainerClass).unwrap_or_default()
    }

    /// PidTagContentCount.
    pub fn total(&self) -> u32 {
        u32::try_from(self.messages.len()).unwrap_or(u32::MAX)
    }
}
