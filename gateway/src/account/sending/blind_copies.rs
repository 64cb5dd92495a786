//! Bcc recipients in submissions of their own, for servers that write them into the header that everybody gets.
//!
//! The named recipients come first: if their submission fails, nothing was sent and the client is told so. After that the
//! message can't be taken back. A Bcc recipient whose submission fails for good is named in a notice in the sender's inbox,
//! as a server does with those it can't deliver to; if not even that can be stored, the client is told that the outcome is
//! open. A client that got no answer because the gateway died in between tries again, and some get the message twice:
//! nobody misses it.

use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use mail_core::message::Message;
use mail_core::{FlagSet, Keywords};
use mapi_core::message::{MessageContent, PropertyBag};
use mapi_core::property::{FileTime, PropertyValue, tags};

use crate::account::Account;
use crate::convert::mime_to_mapi::{self, Purpose};
use crate::line::error::UpstreamError;
use crate::line::upstream::Lane;
use crate::operation::Append;
use crate::operation::mark::SubmissionMark;

/// PidTagRecipientType.
const BCC: i32 = 3;
/// Before each further try with a recipient.
const PAUSES: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(4), Duration::from_secs(15)];

/// The recipients of each submission that a message becomes: those that its header names, then each of the others alone.
pub(crate) fn groups(recipients: Vec<PropertyBag>) -> Vec<Vec<PropertyBag>> {
    let (blind, named): (Vec<_>, Vec<_>) =
        recipients.into_iter().partition(|row| row.integer(tags::PidTagRecipientType) == Some(BCC));
    let mut groups: Vec<Vec<PropertyBag>> = [named].into_iter().filter(|group| !group.is_empty()).collect();
    groups.extend(blind.into_iter().map(|mut row| {
        row.set(tags::PidTagRowid, PropertyValue::Integer32(0));
        vec![row]
    }));
    groups
}

impl Account {
    /// Sends a message, which others have got already, to further Bcc recipients, each alone.
    ///
    /// # Errors
    /// [`UpstreamError::OutcomeUnknown`] if one of them does not get it and its sender can't be told.
    pub(crate) async fn send_blind_copies(
        &self,
        lane: Lane,
        content: &mut MessageContent,
        groups: impl Iterator<Item = Vec<PropertyBag>> + Send,
    ) -> Result<(), UpstreamError> {
        let mut missed = Vec::new();
        for group in groups {
            content.recipients = group;
            if let Err(error) = self.send_blind_copy(lane, content).await {
                let address = content.recipients.first().and_then(|row| row.text(tags::PidTagSmtpAddress));
                tracing::warn!(%error, "a Bcc recipient does not get a message that others got");
                missed.push((address.unwrap_or_default().to_owned(), error));
            }
        }
        if missed.is_empty() {
            return Ok(());
        }
        let subject = content.properties.text(tags::PidTagSubject).unwrap_or_default();
        self.notify(subject, &missed).await.map_err(|error| {
            UpstreamError::OutcomeUnknown(format!(
                "some Bcc recipients were left out, and the sender can't be told: {error}"
            ))
        })
    }

    async fn send_blind_copy(&self, lane: Lane, content: &mut MessageContent) -> Result<(), UpstreamError> {
        let mark = SubmissionMark::put_on(&mut content.properties);
        let mut pauses = PAUSES.into_iter();
        loop {
            match (self.hand_over(lane, content, &mark).await, pauses.next()) {
                (Ok(()), _) => break,
                (Err(UpstreamError::Busy(_) | UpstreamError::Unreachable(_)), Some(pause)) => {
                    tokio::time::sleep(pause).await;
                }
                (Err(error), _) => return Err(error),
            }
        }
        self.drop_copy(mark);
        Ok(())
    }

    /// Puts a notice into the inbox.
    async fn notify(&self, subject: &str, missed: &[(String, UpstreamError)]) -> Result<(), UpstreamError> {
        let notice = notice(self.context().user(), subject, missed);
        let purpose = Purpose::Append {
            flags: FlagSet::EMPTY,
            keywords: &Keywords::EMPTY,
            internal_date: FileTime::from_unix_seconds(now().timestamp()),
        };
        let content = mime_to_mapi::parse(&Message::new(notice.into()), purpose)
            .map_err(|error| UpstreamError::Internal(error.to_string()))?;
        let (_, mailbox) = self.context().upstream.mailbox().await?;
        let inbox = mailbox.gid_of(mailbox.info().folders.inbox).ok_or_else(UpstreamError::no_such_folder)?;
        self.context().upstream.perform(&mut Append::new(inbox, Lane::Interactive, &content, &|| ())).await.map(drop)
    }
}

fn notice(user: &str, subject: &str, missed: &[(String, UpstreamError)]) -> String {
    let domain = user.rsplit_once('@').map_or("localhost", |(_, domain)| domain);
    let line = |text: &str| text.replace(|c: char| c.is_control(), " ");
    let subject = line(subject);
    let missed: String = missed
        .iter()
        .map(|(address, error)| format!("    {}: {}\r\n", line(address), line(&error.to_string())))
        .collect();
    format!(
        "From: Mail gateway <postmaster@{domain}>\r\nTo: <{user}>\r\nSubject: Undeliverable: {subject}\r\nDate: {}\r\n\
         Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Transfer-Encoding: 8bit\r\n\r\nYour message \"{subject}\" was sent, but these Bcc recipients do not get \
         it:\r\n\r\n{missed}\r\nSend it to them again.\r\n",
        now().to_rfc2822()
    )
}

fn now() -> DateTime<Utc> {
    SystemTime::now().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(kind: i32, address: &str) -> PropertyBag {
        PropertyBag::from_iter([
            (tags::PidTagRecipientType, PropertyValue::Integer32(kind)),
            (tags::PidTagSmtpAddress, PropertyValue::String(address.to_owned())),
        ])
    }

    #[test]
    fn the_named_come_first_and_the_others_alone() {
        let grouped = |rows: Vec<PropertyBag>| -> Vec<Vec<String>> {
            let address = |row: &PropertyBag| row.text(tags::PidTagSmtpAddress).expect("set").to_owned();
            groups(rows).iter().map(|group| group.iter().map(address).collect()).collect()
        };
        let rows = vec![row(3, "x"), row(1, "a"), row(2, "b"), row(3, "y")];
        assert_eq!(grouped(rows), [vec!["a", "b"], vec!["x"], vec!["y"]]);
        assert_eq!(grouped(vec![row(3, "x"), row(3, "y")]), [["x"], ["y"]]);
        assert_eq!(grouped(vec![row(1, "a")]), [["a"]]);
        assert!(grouped(Vec::new()).is_empty());
    }

    #[test]
    fn notices_name_who_was_missed_and_forge_nothing() {
        let missed = [("x@y\r\nBcc: z".to_owned(), UpstreamError::Busy("why".into()))];
        let notice = notice("alice@example.test", "s\r\nBcc: z", &missed);
        assert!(notice.contains("Subject: Undeliverable: s  Bcc: z\r\n"), "{notice}");
        assert!(notice.contains("    x@y  Bcc: z: the upstream is busy: why\r\n"), "{notice}");
        assert!(!notice.contains("\nBcc"));
    }
}
