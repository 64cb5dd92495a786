use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use mail_core::RecentMark;
use mapi_core::id::{FolderId, Gid};
use mapi_core::mailbox::{Mailbox, MailboxError};

use super::news::News;
use super::size_bound::SizeBound;
use crate::mailbox::context::MailboxContext;

/// What the actor and its handles share.
pub(crate) struct Shared {
    pub(super) context: Arc<MailboxContext>,
    pub(super) gid: Gid,
    pub(super) read_only: bool,
    /// A client selected it, so that its messages are worth being rendered ahead.
    pub(super) selected: AtomicBool,
    /// What sessions were told of.
    pub(super) recent: Arc<RecentMark>,
    /// What notifications said since the last round began.
    pub(super) news: News,
    pub(super) size_bound: SizeBound,
    pub(super) wake: tokio::sync::Notify,
}

impl Shared {
    /// The folder's id in a session: ids hold for one logon only.
    pub(super) async fn id_in(&self, mailbox: &Mailbox) -> Result<FolderId, MailboxError> {
        mailbox.resolve(self.gid).await
    }
}
