use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use mail_core::{ContentKey, Sifted};
use mapi_core::id::Gid;
use mapi_core::mailbox::{ContentsQuery, Mailbox, MailboxError};
use mapi_core::property::{Restriction, tags};

use super::Folder;
use crate::convert::search::Bounds;
use crate::line::error::UpstreamError;
use crate::line::kind::Kind;
use crate::line::upstream::Lane;
use crate::sync::FolderView;

/// Fewer unknown messages than this are read: that takes no more than a request or two.
const FEW: usize = 50;
/// More keys than this are not asked for, as each takes the server some time.
const MOST_KEYS: usize = 16;
/// So many rows are looked through at a time before others get their turn.
const AT_A_TIME: usize = 1_000;
/// Servers take long to look through more messages than this, and nobody is to wait behind that.
const BULK_MESSAGES: usize = 1_000;

impl Folder {
    /// Asks the server which of these messages match, as far as it can tell, and of those only that would have to be downloaded
    /// to know: one entry for each key, and nothing for those of which reading is the better way.
    ///
    /// # Errors
    /// Whatever keeps the server from being asked. That it refuses to answer is none: all are read then.
    pub async fn sift(&self, uids: &[u32], keys: &[ContentKey]) -> Result<Vec<Option<Sifted>>, UpstreamError> {
        let none = || vec![None; keys.len()];
        if !self.shared.context.server_searches() || uids.len() < FEW || keys.len() > MOST_KEYS {
            return Ok(none());
        }
        let view = self.view();
        let mut sifted = none();
        let mut unknown_by_need = HashMap::new();
        for (key, sifted) in keys.iter().zip(&mut sifted) {
            let Some(bounds) = Bounds::of(key) else { continue };
            let outline = matches!(key, ContentKey::Address(..) | ContentKey::Header(..) | ContentKey::SentSince(_));
            let unknown = match unknown_by_need.entry(outline) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(place) => place.insert(self.unknown(&view, uids, outline).await),
            };
            if unknown.len() < FEW {
                continue;
            }
            match self.sift_by(bounds, uids, unknown).await {
                Ok(found) => *sifted = Some(found),
                Err(UpstreamError::Refused { operation, code }) => {
                    tracing::info!(operation, %code, "the upstream can't search for this; reading the messages");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(sifted)
    }

    /// Those that have to be downloaded for what is to be known of them.
    async fn unknown(&self, view: &Arc<FolderView>, uids: &[u32], outline: bool) -> HashMap<Gid, u32> {
        let context = &self.shared.context;
        let mut unknown = HashMap::new();
        for uids in uids.chunks(AT_A_TIME) {
            let mut missing = Vec::new();
            for uid in uids {
                let Some(source) = view.source(*uid) else { continue };
                let is_in_memory = source.rendering.filter(|_| !source.suspect).is_some_and(|recorded| {
                    (outline && context.outlines().has(source.gid, &recorded))
                        || context.cached_rendering(source.gid, &recorded.digest).is_some()
                });
                if !is_in_memory {
                    unknown.insert(source.gid, *uid);
                    missing.extend(source.rendering.filter(|_| !source.suspect).map(|it| (source.gid, it.digest)));
                }
            }
            if outline && context.outlines().are_on_disk() {
                let found = context.outlines().find(missing).await;
                unknown.retain(|gid, _| !found.has(gid));
            }
            tokio::task::yield_now().await;
        }
        unknown
    }

    async fn sift_by(
        &self,
        bounds: Bounds,
        uids: &[u32],
        unknown: &HashMap<Gid, u32>,
    ) -> Result<Sifted, UpstreamError> {
        let mut sifted = Sifted::default();
        if let Some(sure) = bounds.sure {
            sifted.matching = self.uids_of(self.rows(sure).await?, unknown);
        }
        if let Some(possible) = bounds.possible {
            let sure: HashSet<u32> = sifted.matching.iter().copied().collect();
            sifted.open = self.uids_of(self.rows(possible).await?, unknown);
            sifted.open.retain(|uid| !sure.contains(uid));
        }
        // What is in memory is looked at there.
        let asked: HashSet<u32> = unknown.values().copied().collect();
        sifted.open.extend(uids.iter().filter(|uid| !asked.contains(uid)));
        sifted.open.sort_unstable();
        Ok(sifted)
    }

    fn uids_of(&self, gids: Vec<Gid>, unknown: &HashMap<Gid, u32>) -> Vec<u32> {
        let mut uids: Vec<u32> = gids.iter().filter_map(|gid| unknown.get(gid)).copied().collect();
        uids.sort_unstable();
        uids.dedup();
        uids
    }

    /// The messages that match.
    async fn rows(&self, restriction: Restriction) -> Result<Vec<Gid>, UpstreamError> {
        let (shared, count) = (&self.shared, self.view().snapshot.rows().len());
        let lane = if count > BULK_MESSAGES { Lane::Bulk } else { Lane::Interactive };
        let query = ContentsQuery {
            columns: vec![tags::PidTagMid],
            restriction: Some(restriction),
            ..ContentsQuery::default()
        };
        let (folder, query) = (shared.gid, &query);
        let search = |mailbox: Mailbox| async move {
            let folder = mailbox.resolve(folder).await?;
            let mut found = Vec::new();
            let on_rows = |rows: Vec<mapi_core::property::PropertyRow>| {
                let mid = |row: mapi_core::property::PropertyRow| {
                    let mid = row.values.into_iter().next()?.into_value()?.as_i64()?;
                    mailbox.gid_of(mapi_core::id::MessageId::from_i64(mid))
                };
                found.extend(rows.into_iter().filter_map(mid));
            };
            mailbox.contents_rows(folder, query, on_rows).await?;
            Ok::<_, MailboxError>(found)
        };
        shared.context.upstream.ask(Kind::Search, lane, search).await
    }
}
