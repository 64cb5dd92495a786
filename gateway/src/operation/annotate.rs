use bytes::Bytes;
use mapi_core::id::{FolderId, Gid};
use mapi_core::mailbox::{Mailbox, MailboxError};
use mapi_core::property::PropertyValue;

use super::{Attempt, Operation};
use crate::convert::metadata::Entries;
use crate::line::error::UpstreamError;
use crate::line::kind::Kind;
use crate::own_property;

/// How often it is written anew because somebody else wrote in between.
const MAX_TRIES: u32 = 8;

/// Changes the metadata of a folder, or of the server.
///
/// It is one value, and kept from getting lost as the list of subscriptions is: see [`super::ChangeSubscriptions`].
pub(crate) struct Annotate {
    folder: Option<Gid>,
    changes: Vec<(String, Option<Bytes>)>,
    /// What others wrote and a write of this took away.
    taken_away: Entries,
}

impl Annotate {
    /// Sets or removes entries of a folder, or of the server.
    pub(crate) fn new(folder: Option<Gid>, changes: Vec<(String, Option<Bytes>)>) -> Self {
        Self { folder, changes, taken_away: Entries::default() }
    }
}

impl Operation for Annotate {
    /// An error if it can't be as it is to be: it is as it was then.
    type Done = Result<(), UpstreamError>;

    fn kind(&self) -> Kind {
        Kind::Annotate
    }

    fn folder(&self) -> Option<Gid> {
        self.folder
    }

    async fn run(&mut self, attempt: &mut Attempt) -> Result<Self::Done, MailboxError> {
        let mailbox = attempt.mailbox();
        if !mailbox.info().owner {
            return Ok(Err(UpstreamError::NoPrivateEntries));
        }
        let folder = attempt.read(place(&mailbox, self.folder)).await?;
        let key = &own_property::METADATA.key();
        let mut stored = match decode(attempt.read(mailbox.folder_value(folder, key)).await?.as_ref()) {
            Ok(stored) => stored,
            Err(error) => return Ok(Err(error)),
        };
        for _ in 0..MAX_TRIES {
            let mut next = stored.clone();
            next.merge(&self.taken_away);
            next.apply(&self.changes);
            if next == stored {
                return Ok(Ok(()));
            }
            let mut bytes = next.encode_instead_of(&stored);
            if bytes.is_none() {
                next.prune();
                bytes = next.encode_instead_of(&stored);
            }
            let Some(bytes) = bytes else { return Ok(Err(UpstreamError::TooManyEntries)) };
            let writing = mailbox.replace_folder_property(folder, key, PropertyValue::Binary(bytes));
            let before = match decode(attempt.set(writing).await?.as_ref()) {
                Ok(before) => before,
                Err(error) => return Ok(Err(error)),
            };
            if before == stored {
                return Ok(Ok(()));
            }
            tracing::debug!("metadata was changed by somebody else at the same time");
            self.taken_away.merge(&before);
            stored = next;
        }
        Ok(Err(UpstreamError::Busy("others keep changing the metadata".into())))
    }
}

/// The metadata of a folder, or of the server, as the mailbox keeps it. Somebody else's mailbox keeps none.
///
/// # Errors
/// It can't be read.
pub(crate) async fn read_metadata(
    mailbox: Mailbox,
    folder: Option<Gid>,
) -> Result<Option<PropertyValue>, MailboxError> {
    if !mailbox.info().owner {
        return Ok(None);
    }
    let folder = place(&mailbox, folder).await?;
    mailbox.folder_value(folder, &own_property::METADATA.key()).await
}

/// The entries that a mailbox keeps.
///
/// # Errors
/// They can't be read by this version.
pub(crate) fn decode(value: Option<&PropertyValue>) -> Result<Entries, UpstreamError> {
    let bytes = value.and_then(PropertyValue::as_bytes).unwrap_or_default();
    Entries::decode(bytes)
        .map_err(|_| UpstreamError::Cannot("a newer version of the gateway keeps the metadata of this mailbox".into()))
}

/// The folder that keeps it.
async fn place(mailbox: &Mailbox, folder: Option<Gid>) -> Result<FolderId, MailboxError> {
    match folder {
        Some(folder) => mailbox.resolve(folder).await,
        None => Ok(mailbox.info().folders.ipm_subtree),
    }
}
