//! Sync rounds: a pure reducer from a folder's state and what ICS reported (or a client asked) to a commit.
//!
//! Nothing here does input or output. A [`FolderState`] yields a [`crate::ledger::FolderCommit`]; the driver makes it
//! durable and only then lets the state absorb it, so that nobody sees what a crash could take back.

mod delta;
mod foretold;
mod overlay;
mod reducer;
mod source;
mod state;
mod uids;
mod view;
mod visible_flags;

pub use delta::{Delta, OwnChange, RemoteFlags, RemoteMessage};
pub use reducer::{KnownRendering, OfferedRendering, RenderingVerdict};
pub use source::MessageSource;
pub use state::FolderState;
pub use view::FolderView;
