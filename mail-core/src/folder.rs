/// A folder's identity within its store: stays the same while the folder lives, whatever its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FolderKey(pub Vec<u8>);

/// What a folder is for (RFC 6154).
#[allow(missing_docs, reason = "the names are those of RFC 6154")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SpecialUse {
    Archive,
    Drafts,
    Junk,
    Sent,
    Trash,
}

/// A folder as LIST shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderEntry {
    /// Its identity.
    pub id: FolderKey,
    /// Its whole name in Unicode, levels separated by `/`. The inbox is `INBOX`. Unique within the store.
    pub name: String,
    /// RFC 6154 use.
    pub special_use: Option<SpecialUse>,
    /// Whether it can be selected (otherwise `\Noselect`).
    pub selectable: bool,
    /// Whether it is subscribed.
    pub subscribed: bool,
}

/// What LIST and LSUB show of a store.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FolderList {
    /// All folders, parents before children, INBOX first.
    pub folders: Vec<FolderEntry>,
    /// Names that are subscribed although there is no folder of that name, written as [`FolderEntry::name`]; each once, in
    /// order.
    pub subscribed_without_folder: Vec<String>,
}

impl FolderList {
    /// The folder of a name.
    pub fn named(&self, name: &str) -> Option<&FolderEntry> {
        self.folders.iter().find(|folder| folder.name == name)
    }
}

/// Which counts STATUS asks for; a store may leave the others at zero if they cost it something.
#[allow(missing_docs, reason = "the names are those of RFC 9051 6.3.11")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StatusItems {
    pub messages: bool,
    pub recent: bool,
    pub unseen: bool,
    pub uid_next: bool,
    pub uid_validity: bool,
    pub highest_modseq: bool,
    pub size: bool,
    pub deleted: bool,
    pub deleted_storage: bool,
}

/// A folder's counts.
#[allow(missing_docs, reason = "the names are those of RFC 9051 6.3.11")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FolderStatus {
    pub messages: u32,
    pub recent: u32,
    pub unseen: u32,
    pub uid_next: u32,
    pub uid_validity: u32,
    pub highest_modseq: u64,
    /// Sum of the sizes of all messages in bytes, or more than that (RFC 8438 3).
    pub size: u64,
    /// Messages with `\\Deleted` (RFC 9051 6.3.11).
    pub deleted: u32,
    /// Bytes of these, as far as their sizes are known (RFC 9208 4.1.4).
    pub deleted_storage: u64,
}
