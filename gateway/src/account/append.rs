use std::time::{SystemTime, UNIX_EPOCH};

use imap_front::store::{
    AppendUid, FlagChange, FlagChangeMode, FlagSet, FolderId as FrontFolderId, Keywords, NewMessage,
};
use mapi_core::id::Gid;
use mapi_core::message::MessageContent;
use mapi_core::property::FileTime;

use super::folder::Settling;
use super::{Account, UpstreamError, blocking, not_found};
use crate::convert::ConvertError;
use crate::convert::flags;
use crate::convert::mime_to_mapi::{self, Purpose};

/// What the server keeps of a new message's flags; the ledger keeps `\Deleted`.
const OVERLAY: FlagSet = FlagSet::DELETED;

impl Account {
    /// Stores a message in a folder.
    ///
    /// # Errors
    /// [`UpstreamError::OutcomeUnknown`] if the connection died meanwhile; nothing is repeated. Content that can't be
    /// stored is [`UpstreamError::Content`].
    pub async fn append(
        &self,
        folder: &FrontFolderId,
        message: NewMessage,
    ) -> Result<Option<AppendUid>, UpstreamError> {
        let id = self.context.folder_id(Gid::from_slice(&folder.0).ok_or_else(not_found)?).await?;
        let overlay = message.flags.intersection(OVERLAY);
        let content = blocking(move || converted(&message)).await?;
        let content = &content.map_err(|error| UpstreamError::Content(error.to_string()))?;
        let made = self
            .context
            .upstream
            .once(|mailbox| async move {
                let mid = mailbox.create_message(id, content, false).await?;
                Ok(mailbox.gid_of(mid))
            })
            .await?;
        let settled = self.settle(folder, Settling { came: made.into_iter().collect(), gone: Vec::new() }).await?;
        let Some(uid) = settled.uids.first().copied().flatten() else { return Ok(None) };
        if !overlay.is_empty() {
            let change = FlagChange { mode: FlagChangeMode::Add, flags: overlay, keywords: Keywords::EMPTY };
            self.folder(folder).await?.store(vec![uid], change).await?;
        }
        Ok(Some(AppendUid { uid_validity: settled.uid_validity, uid }))
    }
}

/// The message with its flags.
fn converted(message: &NewMessage) -> Result<MessageContent, ConvertError> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let now = i64::try_from(now).unwrap_or(i64::MAX);
    let flags = message.flags.difference(OVERLAY);
    let purpose = Purpose::Append {
        flags,
        keywords: &message.keywords,
        internal_date: FileTime::from_unix_seconds(message.internal_date.unwrap_or(now)),
    };
    let mut content = mime_to_mapi::parse(&message.content, purpose)?;
    let (before, no_keywords) = flags::from_properties(&content.properties);
    let edit = flags::edit((before, &no_keywords), (flags, &message.keywords), FileTime::from_unix_seconds(now));
    for (key, value) in edit.set.iter() {
        content.properties.set(key.clone(), value.clone());
    }
    Ok(content)
}
