use redb::TableDefinition;
use serde::{Deserialize, Serialize};

/// A folder's global id.
pub(super) type FolderBytes = [u8; 22];

pub(super) const META: TableDefinition<&str, &[u8]> = TableDefinition::new("meta");
/// Beside the meta record, which has a fixed form: how the ledger was opened and closed.
pub(super) const CLOSING: TableDefinition<&str, u32> = TableDefinition::new("closing");
/// Stands there while the ledger is closed in order: the token of its last opening.
pub(super) const CLOSED: &str = "closed";
/// The token of the last opening.
pub(super) const OPENED: &str = "opened";
/// How often it was not closed in order.
pub(super) const DOUBTS: &str = "doubts";

pub(super) const HEADS: TableDefinition<&FolderBytes, &[u8]> = TableDefinition::new("heads");
pub(super) const ROWS: TableDefinition<(&FolderBytes, u32), &[u8]> = TableDefinition::new("rows");
pub(super) const ARTICLES: TableDefinition<&FolderBytes, u32> = TableDefinition::new("articles");
/// UIDVALIDITY, and the first UID that is `\Recent` under it.
pub(super) const RECENT: TableDefinition<&FolderBytes, (u32, u32)> = TableDefinition::new("recent");
pub(super) const RUNS: TableDefinition<&FolderBytes, &[u8]> = TableDefinition::new("runs");

/// MODSEQ by UID.
pub(super) const TOMBSTONES: TableDefinition<(&FolderBytes, u32), u64> = TableDefinition::new("tombstones");
pub(super) const TOMBSTONE_HEADS: TableDefinition<&FolderBytes, &[u8]> = TableDefinition::new("tombstone heads");

pub(super) const STAGED_HEADS: TableDefinition<&FolderBytes, &[u8]> = TableDefinition::new("staged heads");
pub(super) const STAGED: TableDefinition<(&FolderBytes, u32), &[u8]> = TableDefinition::new("staged");

/// What is stored of a staged round beside its messages.
#[derive(Serialize, Deserialize)]
pub(super) struct StagedHead {
    pub(super) count: u32,
    pub(super) complete: bool,
    pub(super) ics: Vec<u8>,
}
