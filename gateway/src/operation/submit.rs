use std::time::Duration;

use mapi_core::mailbox::{MailboxError, NotSubmitted};
use mapi_core::message::MessageContent;

use super::mark::{Outcome, SubmissionMark};
use super::{Attempt, Doubt, Operation};
use crate::line::kind::Kind;
use crate::line::upstream::Lane;

/// For how long the server may take to end a session context.
const CLOSING: Duration = Duration::from_secs(10);

/// Hands a message over for sending. If the answer is lost, the mark that the message carries tells what became of it.
pub(crate) struct Submission<'a> {
    lane: Lane,
    content: &'a MessageContent,
    mark: &'a SubmissionMark,
    /// A try before this one may have left the message in the Outbox, unsent.
    again: bool,
    doubt: Option<Looking>,
}

/// A search for a message of which it is unknown whether it was sent.
struct Looking {
    cause: String,
    /// Pauses before the looks that are left.
    pauses: std::slice::Iter<'static, Duration>,
}

/// What became of a message.
#[derive(Debug)]
pub(crate) enum Handed {
    /// The server has it.
    Taken,
    /// The request that should hand it over died, and the server does not have it.
    NotTaken(String),
}

impl<'a> Submission<'a> {
    /// Sends `content`, which carries `mark`, in the session of a lane.
    pub(crate) fn new(lane: Lane, content: &'a MessageContent, mark: &'a SubmissionMark) -> Self {
        Self { lane, content, mark, again: false, doubt: None }
    }
}

impl Operation for Submission<'_> {
    type Done = Handed;

    fn kind(&self) -> Kind {
        Kind::Submit
    }

    fn lane(&self) -> Lane {
        // Looking needs no session of its own.
        if self.doubt.is_some() { Lane::Interactive } else { self.lane }
    }

    async fn run(&mut self, attempt: &mut Attempt) -> Result<Handed, MailboxError> {
        let mailbox = attempt.mailbox();
        if let Some(Looking { cause, pauses }) = &mut self.doubt {
            while let Some(pause) = pauses.as_slice().first() {
                tokio::time::sleep(*pause).await;
                match attempt.set(self.mark.look(&mailbox)).await? {
                    Some(Outcome::Taken) => return Ok(Handed::Taken),
                    Some(Outcome::NotTaken) => return Ok(Handed::NotTaken(cause.clone())),
                    None => drop(pauses.next()),
                }
                attempt.progressed();
            }
            return Ok(Handed::NotTaken(cause.clone()));
        }
        if self.again && attempt.set(self.mark.look(&mailbox)).await? == Some(Outcome::Taken) {
            return Ok(Handed::Taken);
        }
        match mailbox.submit(self.content).await {
            Ok(_) => Ok(Handed::Taken),
            Err(NotSubmitted::Refused(cause)) => Err(cause),
            Err(NotSubmitted::NotSent(cause)) => {
                self.again = true;
                Err(cause)
            }
            Err(NotSubmitted::Unknown(cause)) => {
                attempt.doubt();
                Err(cause)
            }
        }
    }

    async fn in_doubt(&mut self, attempt: &Attempt, cause: &MailboxError) -> Doubt {
        // Once the server has ended the old context nothing more happens in it.
        let ended = tokio::time::timeout(CLOSING, attempt.mailbox().close()).await.unwrap_or(false);
        tracing::info!(ended, "the connection died during a submission; looking for the message");
        self.doubt = Some(Looking { cause: cause.to_string(), pauses: SubmissionMark::looks(ended).iter() });
        Doubt::Look
    }
}
