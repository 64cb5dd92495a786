use mapi_core::mailbox::MailboxError;
use mapi_core::property::PropertyValue;

use super::{Attempt, Operation};
use crate::convert::subscriptions::{Edit, Subscriptions};
use crate::line::error::UpstreamError;
use crate::line::kind::Kind;
use crate::own_property;

/// How often the list is written anew because somebody else wrote in between.
const MAX_TRIES: u32 = 8;

/// Changes the list of subscriptions that the mailbox keeps.
///
/// It is one value, and there is no compare-and-swap: it is read, and read again in the request that writes it. If somebody
/// else wrote it between the two, what he wrote was taken away for a moment, and both are written as one. It stays lost only
/// if the answer to the first of these writes is lost as well, or the gateway ends between them.
pub(crate) struct ChangeSubscriptions<E, F> {
    /// Makes the edits out of the list as it is found.
    edits_of: E,
    is_folder: F,
    edits: Option<Vec<Edit>>,
    /// What others wrote and a write of this took away.
    taken_away: Subscriptions,
}

impl<E, F> ChangeSubscriptions<E, F> {
    /// Makes the edits that `edits_of` makes out of the list; asked once, so that a repetition is the same change. Where there
    /// is no room, names that are not subscribed are forgotten unless `is_folder`.
    pub(crate) fn new(edits_of: E, is_folder: F) -> Self {
        Self { edits_of, is_folder, edits: None, taken_away: Subscriptions::default() }
    }
}

impl<E, F> Operation for ChangeSubscriptions<E, F>
where
    E: Fn(&Subscriptions) -> Vec<Edit> + Send,
    F: Fn(&str) -> bool + Send,
{
    /// An error if the list can't be as it is to be: it is as it was then.
    type Done = Result<(), UpstreamError>;

    fn kind(&self) -> Kind {
        Kind::Subscribe
    }

    async fn run(&mut self, attempt: &mut Attempt) -> Result<Self::Done, MailboxError> {
        let mailbox = attempt.mailbox();
        let top = mailbox.info().folders.ipm_subtree;
        let key = &own_property::SUBSCRIPTIONS.key();
        let mut stored = match decode(attempt.read(mailbox.folder_value(top, key)).await?.as_ref()) {
            Ok(stored) => stored,
            Err(error) => return Ok(Err(error)),
        };
        let edits = self.edits.get_or_insert_with(|| (self.edits_of)(&stored));
        for _ in 0..MAX_TRIES {
            let mut next = stored.clone();
            next.merge(&self.taken_away);
            next.apply(edits);
            if next == stored {
                return Ok(Ok(()));
            }
            let mut bytes = next.encode_instead_of(&stored);
            if bytes.is_none() {
                next.prune(&self.is_folder, edits);
                bytes = next.encode_instead_of(&stored);
            }
            let Some(bytes) = bytes else { return Ok(Err(full())) };
            let writing = mailbox.replace_folder_property(top, key, PropertyValue::Binary(bytes));
            let before = match decode(attempt.set(writing).await?.as_ref()) {
                Ok(before) => before,
                Err(error) => return Ok(Err(error)),
            };
            if before == stored {
                return Ok(Ok(()));
            }
            tracing::debug!("the list of subscriptions was changed by somebody else at the same time");
            self.taken_away.merge(&before);
            stored = next;
        }
        Ok(Err(UpstreamError::Busy("others keep changing the list of subscriptions".into())))
    }
}

/// The list that a mailbox keeps.
///
/// # Errors
/// It can't be read by this version.
pub(crate) fn decode(value: Option<&PropertyValue>) -> Result<Subscriptions, UpstreamError> {
    let bytes = value.and_then(PropertyValue::as_bytes).unwrap_or_default();
    Subscriptions::decode(bytes).map_err(|_| {
        UpstreamError::Cannot("a newer version of the gateway keeps the subscriptions of this mailbox".into())
    })
}

fn full() -> UpstreamError {
    UpstreamError::Limit("the mailbox keeps no more subscriptions; unsubscribe names that are gone".into())
}
