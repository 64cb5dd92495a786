use mapi_core::id::Gid;
use mapi_core::mailbox::{FolderRow, MailboxError};

use super::folder::{find, id_of_parent, is_gone};
use super::{Attempt, Doubt, Operation};
use crate::line::kind::Kind;

/// Where a folder goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Into a folder, or to the top.
    In(Option<Gid>),
    /// Into Deleted Items.
    Trash,
}

/// Moves a folder with all that is in it. If the answer is lost, where the folder is tells.
pub(crate) struct MoveFolder<'a> {
    folder: Gid,
    parent: Option<Gid>,
    target: Place,
    name: &'a str,
    doubt: bool,
}

impl<'a> MoveFolder<'a> {
    /// Moves `folder` of `parent` to `target`, where it is called `name`.
    pub(crate) fn new(folder: Gid, parent: Option<Gid>, target: Place, name: &'a str) -> Self {
        Self { folder, parent, target, name, doubt: false }
    }
}

impl Operation for MoveFolder<'_> {
    type Done = ();

    fn kind(&self) -> Kind {
        Kind::MoveFolder
    }

    fn folder(&self) -> Option<Gid> {
        Some(self.folder)
    }

    async fn run(&mut self, attempt: &mut Attempt) -> Result<(), MailboxError> {
        let mailbox = attempt.mailbox();
        let folder = attempt.read(mailbox.resolve(self.folder)).await?;
        let parent = attempt.read(id_of_parent(&mailbox, self.parent)).await?;
        let target = match self.target {
            Place::Trash => mailbox.info().folders.deleted_items,
            Place::In(target) => attempt.read(id_of_parent(&mailbox, target)).await?,
        };
        let is_there = |now: Option<FolderRow>| now.is_some_and(|now| now.parent_id == target && now.name == self.name);
        if self.doubt {
            let now = attempt.read(find(&mailbox, self.folder)).await?;
            attempt.settled();
            if is_there(now) {
                return Ok(());
            }
        }
        match attempt.effect(mailbox.move_folder(folder, parent, target, self.name)).await {
            // The request in doubt may have been carried out in between.
            Err(error) if self.doubt && is_gone(&error) => {
                let now = attempt.read(find(&mailbox, self.folder)).await?;
                if is_there(now) { Ok(()) } else { Err(error) }
            }
            done => done,
        }
    }

    async fn in_doubt(&mut self, _: &Attempt, _: &MailboxError) -> Doubt {
        self.doubt = true;
        Doubt::Look
    }
}
