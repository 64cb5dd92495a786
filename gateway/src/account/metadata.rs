use bytes::Bytes;
use mail_core::{FolderKey, Metadata};
use mapi_core::id::Gid;
use mapi_core::mailbox::Mailbox;

use super::Account;
use crate::line::error::UpstreamError;
use crate::line::kind::Kind;
use crate::line::upstream::Lane;
use crate::operation::{decode_metadata, read_metadata};

impl Account {
    /// The private metadata of a folder, or of the server. The mailbox keeps it, for every gateway.
    ///
    /// # Errors
    /// It can't be read.
    pub async fn metadata(&self, folder: Option<&FolderKey>) -> Result<Metadata, UpstreamError> {
        let folder = folder.map(gid).transpose()?;
        let read = |mailbox: Mailbox| read_metadata(mailbox, folder);
        let value = self.context().upstream.ask(Kind::ReadMetadata, Lane::Interactive, read).await?;
        Ok(decode_metadata(value.as_ref())?.values())
    }

    /// Sets entries of that, or removes those that get no value, all or none. They belong to the folder, whatever its name.
    ///
    /// Dropping the future may leave it undone or done.
    ///
    /// # Errors
    /// [`UpstreamError::TooManyEntries`] if there is no room; [`UpstreamError::NoPrivateEntries`] in a mailbox that is somebody
    /// else's, where all could read them.
    pub async fn set_metadata(
        &self,
        folder: Option<&FolderKey>,
        entries: Vec<(String, Option<Bytes>)>,
    ) -> Result<(), UpstreamError> {
        let changed = self.context().annotate(folder.map(gid).transpose()?, entries).await;
        // Notifications tell so, too, but later, and servers need not tell who made the change.
        self.mailbox.metadata_changed(folder.cloned(), folder.is_none());
        changed
    }
}

fn gid(folder: &FolderKey) -> Result<Gid, UpstreamError> {
    Gid::from_slice(&folder.0).ok_or_else(UpstreamError::no_such_folder)
}
