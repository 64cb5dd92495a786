use mapi_core::id::Gid;
use mapi_core::mailbox::MailboxError;

use super::folder::{find, id_of_parent, is_gone};
use super::{Attempt, Doubt, Operation};
use crate::line::kind::Kind;

/// Deletes a folder with all that is in it. If the answer is lost, and it is gone, it was deleted.
pub(crate) struct DeleteFolder {
    folder: Gid,
    parent: Option<Gid>,
    doubt: bool,
}

impl DeleteFolder {
    /// Deletes `folder` of `parent`.
    pub(crate) fn new(folder: Gid, parent: Option<Gid>) -> Self {
        Self { folder, parent, doubt: false }
    }
}

impl Operation for DeleteFolder {
    type Done = ();

    fn kind(&self) -> Kind {
        Kind::DeleteFolder
    }

    fn folder(&self) -> Option<Gid> {
        Some(self.folder)
    }

    async fn run(&mut self, attempt: &mut Attempt) -> Result<(), MailboxError> {
        let mailbox = attempt.mailbox();
        if self.doubt {
            let now = attempt.read(find(&mailbox, self.folder)).await?;
            attempt.settled();
            if now.is_none() {
                return Ok(());
            }
        }
        let folder = attempt.read(mailbox.resolve(self.folder)).await?;
        let parent = attempt.read(id_of_parent(&mailbox, self.parent)).await?;
        match attempt.effect(mailbox.delete_folder(folder, parent)).await {
            // The request in doubt may have been carried out in between.
            Err(error) if self.doubt && is_gone(&error) => Ok(()),
            done => done,
        }
    }

    async fn in_doubt(&mut self, _: &Attempt, _: &MailboxError) -> Doubt {
        self.doubt = true;
        Doubt::Look
    }
}
