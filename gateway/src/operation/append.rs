use mapi_core::id::Gid;
use mapi_core::mailbox::MailboxError;
use mapi_core::message::MessageContent;

use super::{Attempt, Operation};
use crate::line::kind::Kind;
use crate::line::upstream::Lane;

/// A message that the upstream has taken.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    /// Its global id.
    pub gid: Gid,
    /// Its PidTagChangeKey after the save, if the server told it.
    pub change_key: Option<Vec<u8>>,
}

/// Stores a message in a folder. Filling it may be repeated: nobody sees a message before it is saved, and a session takes its
/// unsaved messages with it. The save is not.
pub(crate) struct Append<'a> {
    folder: Gid,
    lane: Lane,
    content: &'a MessageContent,
    on_save: &'a (dyn Fn() + Send + Sync),
}

impl<'a> Append<'a> {
    /// Stores `content`; calls `on_save` when it is about to appear in the folder.
    pub(crate) fn new(
        folder: Gid,
        lane: Lane,
        content: &'a MessageContent,
        on_save: &'a (dyn Fn() + Send + Sync),
    ) -> Self {
        Self { folder, lane, content, on_save }
    }
}

impl Operation for Append<'_> {
    /// `None` if the server did not say which id the message has.
    type Done = Option<Stored>;

    fn kind(&self) -> Kind {
        Kind::Append
    }

    fn folder(&self) -> Option<Gid> {
        Some(self.folder)
    }

    fn lane(&self) -> Lane {
        self.lane
    }

    async fn run(&mut self, attempt: &mut Attempt) -> Result<Option<Stored>, MailboxError> {
        let mailbox = attempt.mailbox();
        let folder = attempt.read(mailbox.resolve(self.folder)).await?;
        let message = attempt.set(mailbox.compose(folder, self.content)).await?;
        (self.on_save)();
        let created = attempt.effect(mailbox.save(message)).await?;
        let gid = mailbox.gid_of(created.mid);
        Ok(gid.map(|gid| Stored { gid, change_key: created.change_key }))
    }
}
