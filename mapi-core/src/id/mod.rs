//! Identifiers of [MS-OXCDATA] 2.2: GUIDs, object ids, global ids, sets of them, and EntryIDs.

mod entry_id;
mod globset;
mod guid;
mod idset;
mod object;

pub use entry_id::{
    ADDRESS_BOOK_PROVIDER, AddressBookEntryId, EntryId, FolderEntryId, MessageEntryId, ONE_OFF_PROVIDER, OneOffEntryId,
    PUBLIC_FOLDER_PROVIDER, STORE_PROVIDER, StoreEntryId,
};
pub use globset::GlobSet;
pub use guid::Guid;
pub use idset::{IdSet, ReplicaGuidSet, ReplicaIdSet, ReplicaKey};
pub use object::{ChangeNumber, FolderId, Gid, GlobalCounter, LongTermId, MessageId, ObjectId};
