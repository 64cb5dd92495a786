use mail_core::message::Message;
use mail_core::{FetchedContent, FetchedMessage};

use super::Folder;
use crate::line::error::UpstreamError;

/// A larger message is not taken without room for it, for which somebody might have to wait.
const LARGEST: u64 = 1 << 20;

impl Folder {
    /// A message, with its content if that is in memory. Nobody is asked for it.
    ///
    /// # Errors
    /// [`UpstreamError::Expunged`]
    pub fn at_hand(&self, uid: u32) -> Result<FetchedMessage, UpstreamError> {
        let view = self.view();
        let source = view.source(uid).ok_or(UpstreamError::Expunged)?;
        let recorded = source.rendering.filter(|_| !source.suspect);
        let bytes = recorded
            .filter(|recorded| u64::from(recorded.size) <= LARGEST)
            .and_then(|recorded| self.shared.context.cached_rendering(source.gid, &recorded.digest));
        let whole = |bytes| FetchedContent::Whole(Box::new(Message::new(bytes)));
        let content = bytes.map_or(FetchedContent::Nothing, whole);
        Ok(FetchedMessage {
            uid,
            size: recorded.map_or(0, |recorded| recorded.size),
            digest: recorded.map(|recorded| recorded.digest),
            content,
        })
    }
}
