use std::sync::Arc;

use super::shared::Shared;
use crate::blocking::blocking;
use crate::line::error::UpstreamError;
use crate::sync::FolderState;

/// Which messages are `\Recent`, kept in the ledger.
pub(super) struct RecentKeeper {
    /// What the ledger holds.
    noted: Option<(u32, u32)>,
}

impl RecentKeeper {
    /// Reads what was kept. Where nothing was, a folder of which clients may have been told counts as told of, and all is
    /// recent in one that was never read.
    pub(super) async fn open(shared: &Shared, state: &FolderState) -> Result<Self, UpstreamError> {
        let (ledger, folder, head) = (Arc::clone(&shared.context.ledger), shared.gid, state.head());
        let noted = blocking(move || ledger.recent(&folder)).await??;
        let first = if state.was_read() { head.uid_next } else { 1 };
        let (uid_validity, first) = noted.unwrap_or((head.uid_validity, first));
        shared.recent.claim(uid_validity, first);
        Ok(Self { noted })
    }

    /// Keeps what changed. If it can't be kept now, it is tried again the next time.
    pub(super) async fn keep(&mut self, shared: &Shared) {
        let mark = shared.recent.get();
        if self.noted == Some(mark) {
            return;
        }
        let (ledger, folder) = (Arc::clone(&shared.context.ledger), shared.gid);
        match blocking(move || ledger.note_recent(&folder, mark)).await {
            Ok(Ok(())) => self.noted = Some(mark),
            Ok(Err(error)) => tracing::debug!(%error, %folder, "what is recent could not be kept"),
            Err(error) => tracing::debug!(%error, %folder, "what is recent could not be kept"),
        }
    }
}
