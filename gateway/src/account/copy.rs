use std::collections::HashMap;

use imap_front::store::{CopyUid, FlagSet, FolderId as FrontFolderId};
use mapi_core::id::Gid;

use super::folder::{Folder, Settling};
use super::{Account, UpstreamError, not_found};

impl Account {
    /// Copies messages to another folder, or moves them if `remove`; UIDs that are gone are passed over. The new UIDs are
    /// told only if every message is known to have got exactly one.
    ///
    /// # Errors
    /// [`UpstreamError::OutcomeUnknown`] if the connection died meanwhile; nothing is repeated.
    pub async fn copy(
        &self,
        source: &Folder,
        uids: &[u32],
        target: &FrontFolderId,
        remove: bool,
    ) -> Result<Option<CopyUid>, UpstreamError> {
        let target_gid = Gid::from_slice(&target.0).ok_or_else(not_found)?;
        let view = source.view();
        let (uids, gids): (Vec<u32>, Vec<Gid>) =
            uids.iter().filter_map(|uid| Some((*uid, view.source(*uid)?.gid))).unzip();
        if gids.is_empty() {
            return Ok(None);
        }
        // What the operation's own requests and rounds bring is not asked for by others at the same time.
        let _hold = self.context.hold_polls();
        let _quiet_source = source.quiet();
        let open_target = self.open_folder(&target_gid);
        let _quiet_target = open_target.as_ref().map(Folder::quiet);
        let (from, wanted) = (source.gid(), &gids);
        let copied = self
            .context
            .upstream
            .once(|mailbox| async move {
                mailbox.meet(wanted).await?;
                let ids: Vec<_> = wanted.iter().filter_map(|gid| mailbox.id_of(*gid)).collect();
                let (from, to) = (mailbox.resolve(from).await?, mailbox.resolve(target_gid).await?);
                let outcome = mailbox.move_copy(from, to, &ids, !remove).await?;
                let pairs = outcome.pairs.iter();
                let pairs: Vec<_> =
                    pairs.filter_map(|(old, new)| Some((mailbox.gid_of(*old)?, mailbox.gid_of(*new)?))).collect();
                let exact = outcome.complete && pairs.len() == wanted.len();
                Ok((pairs, exact, outcome.partial || ids.len() < wanted.len()))
            })
            .await;
        // Whatever came of it: what changed is to be seen before the command ends.
        let gone = if remove { gids.clone() } else { Vec::new() };
        let (pairs, exact, partial) = match copied {
            Ok(copied) => copied,
            Err(error) => {
                source.changed();
                if let Err(error) = source.refresh().await {
                    tracing::debug!(%error, "no round after a failed copy");
                }
                return Err(error);
            }
        };
        let mut came: Vec<Gid> = pairs.iter().map(|(_, new)| *new).collect();
        if !exact && let Some(open) = &open_target {
            open.changed();
            open.refresh().await?;
            came.clear();
        }
        // The server copies its own flags; those that the ledger keeps go here.
        let shown: HashMap<Gid, FlagSet> =
            gids.iter().zip(&uids).filter_map(|(gid, uid)| Some((*gid, view.flags(*uid)?))).collect();
        let flags = pairs.iter().filter(|_| exact).filter_map(|(old, new)| Some((*new, *shown.get(old)?))).collect();
        let settled = self.settle(target, Settling { came, flags, ..Settling::default() }).await?;
        source.settle(Settling { gone, ..Settling::default() }).await?;
        if partial {
            return Err(UpstreamError::Cannot("the mail server left some of the messages out".into()));
        }
        let pairs: Option<Vec<(u32, u32)>> =
            uids.into_iter().zip(settled.uids).map(|(old, new)| Some((old, new?))).collect();
        Ok(pairs.filter(|_| exact).map(|pairs| CopyUid { uid_validity: settled.uid_validity, pairs }))
    }
}
