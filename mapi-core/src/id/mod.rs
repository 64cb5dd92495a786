//! Identifiers of [MS-OXCDATA] 2.2: GUIDs, object ids, global ids, sets of them, and EntryIDs.

mod guid;
mod object;

pub use guid::Guid;
pub use object::{ChangeNumber, FolderId, Gid, GlobalCounter, LongTermId, MessageId, ObjectId};
