use mapi_core::ErrorCode;
use mapi_core::id::{FolderId, Gid};
use mapi_core::mailbox::{FolderRow, Mailbox, MailboxError};

use super::{Attempt, Doubt, Operation};
use crate::line::kind::Kind;

/// What folders made by clients hold.
const MAIL_CLASS: &str = "IPF.Note";

/// Makes a folder of which it is known that there is none of that name. If the answer is lost, one that is there now is the
/// one that was asked for.
pub(crate) struct CreateFolder<'a> {
    parent: Option<Gid>,
    name: &'a str,
    /// It was made, or may have been: its id holds for one session, so that the next one looks for it by its name.
    perhaps: bool,
}

impl<'a> CreateFolder<'a> {
    /// Makes a folder in `parent`, or at the top.
    pub(crate) fn new(parent: Option<Gid>, name: &'a str) -> Self {
        Self { parent, name, perhaps: false }
    }
}

impl Operation for CreateFolder<'_> {
    type Done = Gid;

    fn kind(&self) -> Kind {
        Kind::CreateFolder
    }

    fn folder(&self) -> Option<Gid> {
        self.parent
    }

    async fn run(&mut self, attempt: &mut Attempt) -> Result<Gid, MailboxError> {
        let mailbox = attempt.mailbox();
        let parent = attempt.read(id_of_parent(&mailbox, self.parent)).await?;
        if self.perhaps {
            let made = attempt.read(child(&mailbox, parent, self.name)).await?;
            attempt.settled();
            if let Some(made) = made {
                return attempt.read(mailbox.identify(made)).await;
            }
        }
        let made = match attempt.effect(mailbox.create_folder(parent, self.name, MAIL_CLASS)).await {
            // The request in doubt may have been carried out in between.
            Err(error) if self.perhaps && error.code() == Some(ErrorCode::DUPLICATE_NAME) => {
                attempt.read(child(&mailbox, parent, self.name)).await?.ok_or(error)?
            }
            made => made?,
        };
        self.perhaps = true;
        attempt.read(mailbox.identify(made)).await
    }

    async fn in_doubt(&mut self, _: &Attempt, _: &MailboxError) -> Doubt {
        self.perhaps = true;
        Doubt::Look
    }
}

/// The id that the folder above another one has in a session; the topmost ones are in the root of all mail.
pub(crate) async fn id_of_parent(mailbox: &Mailbox, parent: Option<Gid>) -> Result<FolderId, MailboxError> {
    match parent {
        Some(parent) => mailbox.resolve(parent).await,
        None => Ok(mailbox.info().folders.ipm_subtree),
    }
}

/// The folder of that name in a folder.
async fn child(mailbox: &Mailbox, parent: FolderId, name: &str) -> Result<Option<FolderId>, MailboxError> {
    let rows = mailbox.folders(&[]).await?;
    Ok(rows.iter().find(|row| row.parent_id == parent && row.name == name).map(|row| row.id))
}

/// A folder as it is now, wherever it is; `None` if it is not below the root of all mail.
pub(crate) async fn find(mailbox: &Mailbox, folder: Gid) -> Result<Option<FolderRow>, MailboxError> {
    let rows = mailbox.folders(&[]).await?;
    Ok(rows.into_iter().find(|row| mailbox.gid_of(row.id) == Some(folder)))
}

/// Whether an error says that a folder is not there.
pub(crate) fn is_gone(error: &MailboxError) -> bool {
    error.code().is_some_and(ErrorCode::is_gone)
}
