use std::collections::{HashMap, HashSet};

use mail_core::{CopyUid, FlagSet, FolderKey};
use mapi_core::id::Gid;

use super::Account;
use crate::line::error::UpstreamError;
use crate::mailbox::folder::{Folder, Settling};
use crate::mailbox::rights::{self, Right};
use crate::operation::{Transfer, Transferred};

/// How often messages are copied anew, without those that turned out to be gone, after what had come was taken back.
const MAX_ROUNDS: usize = 3;

impl Account {
    /// Copies messages to another folder, or moves them if `remove`; UIDs that are gone are passed over. The new UIDs are
    /// told only if every message is known to have got exactly one. A copy that can't be completed leaves nothing behind, as
    /// far as it is known what came of it (RFC 9051 6.4.7).
    ///
    /// # Errors
    /// [`UpstreamError::OutcomeUnknown`] if the connection died meanwhile; nothing is repeated.
    pub async fn copy(
        &self,
        source: &Folder,
        uids: &[u32],
        target: &FolderKey,
        remove: bool,
    ) -> Result<Option<CopyUid>, UpstreamError> {
        let target_gid = Gid::from_slice(&target.0).ok_or_else(UpstreamError::no_such_folder)?;
        let view = source.view();
        let (uids, gids): (Vec<u32>, Vec<Gid>) =
            uids.iter().filter_map(|uid| Some((*uid, view.source(*uid)?.gid))).unzip();
        if gids.is_empty() {
            return Ok(None);
        }
        // Rows there, and tombstones here.
        self.mailbox.reserve(&target_gid, gids.len().saturating_mul(2)).await?;
        // What the operation's own requests and rounds bring is not asked for by others at the same time.
        let _hold = self.context().hold_polls();
        let _quiet_source = source.quiet();
        let open_target = self.mailbox.open_folder(&target_gid);
        let _quiet_target = open_target.as_ref().map(Folder::quiet);
        let (result, failure) = self.transfer(source.gid(), target_gid, &gids, remove).await;
        // Whatever came of it: what changed is to be seen before the command ends.
        if let Some(error) = failure {
            source.changed();
            open_target.iter().for_each(Folder::changed);
            for folder in [Some(source), open_target.as_ref()].into_iter().flatten() {
                if let Err(error) = folder.refresh().await {
                    tracing::debug!(%error, "no round after a failed copy");
                }
            }
            return Err(error);
        }
        let asked = gids.iter().zip(&uids).filter(|(gid, _)| !result.gone.contains(gid));
        let asked: Vec<(Gid, u32)> = asked.map(|(gid, uid)| (*gid, *uid)).collect();
        let new: HashMap<Gid, Gid> = result.pairs.iter().copied().collect();
        let exact =
            !result.untold && new.len() == result.pairs.len() && asked.iter().all(|(old, _)| new.contains_key(old));
        let mut came: Vec<Gid> = asked.iter().filter_map(|(old, _)| new.get(old).copied()).collect();
        if !exact {
            if let Some(open) = &open_target {
                open.changed();
                open.refresh().await?;
            }
            came.clear();
        }
        // The server copies its own flags; those that the ledger keeps go here.
        let flags = asked.iter().filter(|_| exact);
        let flags: Vec<(Gid, FlagSet)> =
            flags.filter_map(|(old, uid)| Some((*new.get(old)?, view.flags(*uid)?))).collect();
        let gone = if remove { gids.clone() } else { result.gone.iter().copied().collect() };
        let settled = match self.mailbox.settle(target, Settling { came, flags, ..Settling::default() }).await {
            Ok(settled) => source.settle(Settling { gone, ..Settling::default() }).await.map(|_| settled),
            Err(error) => Err(error),
        };
        let settled = match settled {
            // It is done. Who is told otherwise does it again; the UIDs show when the ledger can be written.
            Err(error) if error.is_of_the_ledger_for_now() => {
                tracing::warn!(%error, "messages were copied, and their UIDs are not known yet");
                return Ok(None);
            }
            settled => settled?,
        };
        let pairs: Option<Vec<(u32, u32)>> =
            asked.iter().zip(settled.uids).map(|((_, old), new)| Some((*old, new?))).collect();
        let pairs = pairs.filter(|pairs| exact && !pairs.is_empty());
        Ok(pairs.map(|pairs| CopyUid { uid_validity: settled.uid_validity, pairs }))
    }

    /// Copies or moves; tells what came of it, and what failed.
    async fn transfer(
        &self,
        source: Gid,
        target: Gid,
        gids: &[Gid],
        remove: bool,
    ) -> (Transferred, Option<UpstreamError>) {
        let mut wanted = gids.to_vec();
        let mut gone = HashSet::new();
        let mut round = 0;
        loop {
            round += 1;
            let mut transfer = Transfer::new(source, target, wanted.clone(), remove);
            let performed = self.context().upstream.perform(&mut transfer).await;
            let mut result = transfer.into_result();
            result.gone.extend(gone.iter().copied());
            let failure = match performed {
                Err(error) => error,
                Ok(()) if result.left.is_empty() => return (result, None),
                Ok(()) => UpstreamError::Cannot("the mail server left some of the messages out".into()),
            };
            if remove {
                let failure = self.explained_by_rights(failure, source, Right::Delete).await;
                let failure = self.explained_by_rights(failure, target, Right::Create).await;
                return (result, Some(failure));
            }
            let taken_back = self.take_back(target, &result).await;
            let left = matches!(failure, UpstreamError::Cannot(_));
            if left && taken_back && !result.gone.is_subset(&gone) && round < MAX_ROUNDS {
                // What stands behind a message that is gone is left out by some servers.
                gone.extend(result.gone.iter().copied());
                wanted.retain(|gid| !gone.contains(gid));
                continue;
            }
            let failure = self.explained_by_rights(failure, target, Right::Create).await;
            return (result, Some(failure));
        }
    }

    /// Removes the copies that a failed operation made, as far as they are known. Whether these are all.
    async fn take_back(&self, target: Gid, result: &Transferred) -> bool {
        let copies: Vec<Gid> = result.pairs.iter().map(|(_, new)| *new).collect();
        if copies.is_empty() {
            return !result.untold;
        }
        let copies = &copies;
        let removed = self.context().delete(target, copies).await;
        match &removed {
            Ok(()) => tracing::info!(copies = copies.len(), "took back the copies of a COPY that failed"),
            Err(error) => tracing::warn!(%error, copies = copies.len(), "could not take back the copies of a COPY"),
        }
        removed.is_ok() && !result.untold
    }

    /// What was left out because a right is missing is refused for that reason.
    async fn explained_by_rights(&self, failure: UpstreamError, folder: Gid, right: Right) -> UpstreamError {
        if !matches!(failure, UpstreamError::Cannot(_)) {
            return failure;
        }
        match rights::lacks(self.context(), folder, right).await {
            Ok(true) => rights::denied(right),
            Ok(false) => failure,
            Err(error) => {
                tracing::debug!(%error, "the rights of a folder can't be read");
                failure
            }
        }
    }
}
