use std::collections::HashSet;

use mapi_core::id::Gid;
use mapi_core::mailbox::{Mailbox, MailboxError};

use super::Folder;
use crate::convert::size_bound;
use crate::line::error::UpstreamError;
use crate::line::kind::Kind;
use crate::line::upstream::Lane;
use crate::sync::FolderView;

/// Servers take long to list more messages than this, and nobody is to wait behind that.
const BULK_MESSAGES: usize = 10_000;

impl Folder {
    /// Bytes that the messages of a view whose sizes are not known have at most, all together: asked for by one pass over
    /// the contents table, and kept until something changes in the folder. Nothing is downloaded.
    ///
    /// # Errors
    /// Whatever keeps the table from being read.
    pub(crate) async fn unknown_sizes(&self, view: &FolderView) -> Result<u64, UpstreamError> {
        let shared = &self.shared;
        let unknown = || view.snapshot.rows().counting(|counts| counts.without_size > 0);
        if view.snapshot.rows().counts().without_size == 0 {
            return Ok(0);
        }
        let mut known = shared.size_bound.0.lock().await;
        if let Some((version, bytes)) = *known
            && version == view.version
        {
            return Ok(bytes);
        }
        let unknown: &HashSet<Gid> =
            &unknown().filter_map(|(_, row)| view.source(row.uid)).map(|source| source.gid).collect();
        let is_large = view.snapshot.rows().len() > BULK_MESSAGES;
        let (lane, keys, folder) =
            (if is_large { Lane::Bulk } else { Lane::Interactive }, &size_bound::keys(), shared.gid);
        let measure = |mailbox: Mailbox| async move {
            let folder = mailbox.resolve(folder).await?;
            let mut bytes: u64 = 0;
            let add = |id, bag| {
                if mailbox.gid_of(id).is_some_and(|gid| unknown.contains(&gid)) {
                    bytes = bytes.saturating_add(size_bound::largest_size(&bag));
                }
            };
            mailbox.each_message_properties(folder, keys, add).await?;
            Ok::<_, MailboxError>(bytes)
        };
        let bytes = shared.context.upstream.ask(Kind::Measure, lane, measure).await?;
        *known = Some((view.version, bytes));
        Ok(bytes)
    }
}
