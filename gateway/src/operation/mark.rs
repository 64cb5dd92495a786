//! The mark of a submission: a private property with a random value, by which a message that was handed over is found
//! again in the Outbox or in Sent Items. (The Message-ID won't do: servers may replace it.) It begins with the time it was
//! made, so that what an unfinished submission left in the Outbox can be told from what is just being sent.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mapi_core::id::{FolderId, MessageId};
use mapi_core::mailbox::{ContentsQuery, Mailbox, MailboxError};
use mapi_core::message::PropertyBag;
use mapi_core::property::{
    PropertyRow, PropertyTag, PropertyValue, RelationalOperator, Restriction, TaggedValue, tags,
};

use crate::own_property;

/// Looks for a message that is in neither folder, each after a pause.
const LOOKS: [Duration; 3] = [Duration::ZERO, Duration::from_millis(300), Duration::from_millis(1200)];
/// The same, ten seconds in all, if the server may still be working on the submission.
const LONG_LOOKS: [Duration; 6] = [
    Duration::ZERO,
    Duration::from_millis(300),
    Duration::from_millis(1200),
    Duration::from_millis(2000),
    Duration::from_millis(2500),
    Duration::from_millis(4000),
];
/// More messages with the same mark than this do not exist.
const MAX_FOUND: u16 = 16;
/// Messages of one search for marks.
const MAX_MARKED: u16 = 500;
/// PidTagMessageFlags, mfSubmitted: handed over, and in the Outbox until transport fetches it.
const SUBMITTED: i32 = 0x4;
/// PidTagMessageFlags, mfUnsent: never handed over.
const UNSENT: i32 = 0x8;

/// What became of a submission whose answer did not come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The server has it: it is in Sent Items, or waits in the Outbox for being sent.
    Taken,
    /// The server does not have it, and nobody gets it.
    NotTaken,
}

/// The mark of one submission: hexadecimal digits, ten of the time in seconds since 1970, 32 of chance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubmissionMark(String);

impl SubmissionMark {
    /// Marks a message before it is submitted.
    pub fn put_on(properties: &mut PropertyBag) -> Self {
        let mark = Self(format!("{:010x}{:032x}", now().as_secs(), rand::random::<u128>()));
        properties.set(own_property::SUBMISSION.key(), PropertyValue::String(mark.0.clone()));
        mark
    }

    /// Pauses before each look for a submission of unknown outcome. Unless the server has confirmed that the session context
    /// `ended`, and so whatever it did in it, there are more of them before nothing is concluded to have been taken.
    pub(crate) fn looks(ended: bool) -> &'static [Duration] {
        if ended { &LOOKS } else { &LONG_LOOKS }
    }

    /// Finds out what became of the submission; `None` if nothing of it is there. What was saved but not handed over is removed
    /// from the Outbox.
    ///
    /// # Errors
    /// The mailbox can't be asked; then the outcome stays unknown.
    pub(crate) async fn look(&self, mailbox: &Mailbox) -> Result<Option<Outcome>, MailboxError> {
        let folders = mailbox.info().folders;
        // The Outbox first: what leaves it meanwhile is seen in Sent Items.
        let waiting = self.find(mailbox, folders.outbox).await?;
        if waiting.iter().any(|(_, flags)| flags & SUBMITTED != 0) || self.is_sent(mailbox).await? {
            return Ok(Some(Outcome::Taken));
        }
        if waiting.is_empty() {
            return Ok(None);
        }
        let drafts: Vec<_> = waiting.into_iter().map(|(id, _)| id).collect();
        mailbox.delete_messages(folders.outbox, &drafts).await?;
        // It may have been handed over at the last moment.
        let left = !self.find(mailbox, folders.outbox).await?.is_empty();
        Ok(Some(if left || self.is_sent(mailbox).await? { Outcome::Taken } else { Outcome::NotTaken }))
    }

    async fn is_sent(&self, mailbox: &Mailbox) -> Result<bool, MailboxError> {
        Ok(!self.find(mailbox, mailbox.info().folders.sent_items).await?.is_empty())
    }

    /// The messages in Sent Items that carry the mark.
    ///
    /// # Errors
    /// What reading says.
    pub async fn in_sent_items(&self, mailbox: &Mailbox) -> Result<Vec<MessageId>, MailboxError> {
        let found = self.find(mailbox, mailbox.info().folders.sent_items).await?;
        Ok(found.into_iter().map(|(id, _)| id).collect())
    }

    /// Messages of a folder with this mark, and their PidTagMessageFlags.
    async fn find(&self, mailbox: &Mailbox, folder: FolderId) -> Result<Vec<(MessageId, i32)>, MailboxError> {
        let restriction = |tag| Restriction::Property {
            operator: RelationalOperator::Equal,
            tag,
            value: TaggedValue::new(tag, PropertyValue::String(self.0.clone())),
        };
        let found = marked(mailbox, folder, restriction, MAX_FOUND).await?;
        Ok(found.into_iter().map(|message| (message.id, message.flags)).collect())
    }
}

/// A message that carries a mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marked {
    /// The message.
    pub id: MessageId,
    /// PidTagMessageFlags.
    flags: i32,
    mark: String,
}

impl Marked {
    /// The messages with marks in the Outbox that were saved and never handed over.
    ///
    /// # Errors
    /// What reading says.
    pub async fn unfinished(mailbox: &Mailbox) -> Result<Vec<Self>, MailboxError> {
        let exists = Restriction::Exist;
        let mut found = marked(mailbox, mailbox.info().folders.outbox, exists, MAX_MARKED).await?;
        found.retain(|message| message.flags & SUBMITTED == 0 && message.flags & UNSENT != 0);
        Ok(found)
    }

    /// How far from now the mark was made, by the clock of the gateway that made it; `None` if it is no mark of ours.
    pub fn age(&self) -> Option<Duration> {
        let seconds = self.mark.get(..10).filter(|_| self.mark.len() == 42)?;
        let made = Duration::from_secs(u64::from_str_radix(seconds, 16).ok()?);
        Some(now().abs_diff(made))
    }
}

/// Messages of a folder whose mark the restriction is about.
async fn marked(
    mailbox: &Mailbox,
    folder: FolderId,
    restriction: impl FnOnce(PropertyTag) -> Restriction,
    limit: u16,
) -> Result<Vec<Marked>, MailboxError> {
    let Some(Some(tag)) = mailbox.tags(&[own_property::SUBMISSION.key()], true).await?.first().copied() else {
        return Ok(Vec::new());
    };
    let query = ContentsQuery {
        columns: vec![tags::PidTagMid, tags::PidTagMessageFlags, tag],
        restriction: Some(restriction(tag)),
        limit: Some(limit),
        ..ContentsQuery::default()
    };
    let mut found = Vec::new();
    let take = |rows: Vec<PropertyRow>| {
        let integer = |row: &PropertyRow, at: usize| row.values.get(at)?.value()?.as_i64();
        found.extend(rows.iter().filter_map(|row| {
            let flags = integer(row, 1).and_then(|flags| i32::try_from(flags).ok()).unwrap_or(0);
            let mark = row.values.get(2).and_then(|value| value.value()?.as_str()).unwrap_or_default().to_owned();
            Some(Marked { id: MessageId::from_i64(integer(row, 0)?), flags, mark })
        }));
    };
    mailbox.contents_rows(folder, &query, take).await?;
    Ok(found)
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use mapi_core::property::PropertyType;

    use super::*;

    #[test]
    fn marks_differ() {
        let mut bag = PropertyBag::default();
        let (one, other) = (SubmissionMark::put_on(&mut bag), SubmissionMark::put_on(&mut bag));
        assert_ne!(one, other);
        let put = bag.get_named(&own_property::SUBMISSION.name(), PropertyType::STRING);
        assert_eq!(put, Some(&PropertyValue::String(other.0)));
    }

    #[test]
    fn marks_tell_when_they_were_made() {
        let mut bag = PropertyBag::default();
        let SubmissionMark(mark) = SubmissionMark::put_on(&mut bag);
        let marked = |mark: &str| Marked { id: MessageId::from_i64(1), flags: UNSENT, mark: mark.to_owned() };
        assert!(marked(&mark).age().expect("a mark") < Duration::from_secs(60));
        let (old, future) = (format!("{:010x}{}", 1, &mark[10..]), format!("{:010x}{}", u32::MAX, &mark[10..]));
        assert!(marked(&old).age().expect("a mark") > Duration::from_secs(1 << 30));
        assert!(marked(&future).age().expect("a mark") > Duration::from_secs(1 << 30));
        for other in ["", "x", &"x".repeat(42), "ü".repeat(21).as_str(), &mark[1..]] {
            assert_eq!(marked(other).age(), None, "{other}");
        }
    }
}
