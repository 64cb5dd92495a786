//! Mail transactions: MAIL and RCPT (RFC 5321 3.3).

use super::*;
use crate::command::{MailParameters, RcptParameters};
use crate::data::LineEnds;
use crate::submit::{Address, Recipient};

/// What MAIL, RCPT and the content so far have said.
#[derive(Debug)]
pub(super) struct Transaction {
    pub(super) envelope: Envelope,
    /// Bytes of content so far, those that were not stored included.
    pub(super) size: u64,
    /// It is over the limit; its content is no longer stored.
    pub(super) too_large: bool,
    /// How many recipients were refused.
    refused: usize,
    /// Set by the first BDAT.
    pub(super) chunks: Option<LineEnds>,
}

/// A MAIL command that was understood.
#[derive(Debug)]
pub(super) struct Mail {
    sender: Option<Address>,
    parameters: MailParameters,
}

impl Session {
    pub(super) fn mail(&mut self, sender: Option<Address>, parameters: MailParameters, now: Instant) {
        let guest = self.policy.authentication == Authentication::Optional;
        if self.access == Access::None && !guest {
            return self.refuse_stranger();
        }
        if !self.greeted {
            return self.refuse(&Reply::new(503, "5.5.1", "Say EHLO first"));
        }
        if self.transaction.is_some() {
            return self.refuse(&Reply::new(503, "5.5.1", "Nested MAIL command"));
        }
        if parameters.utf8 && !self.policy.smtputf8 {
            return self.refuse(&Reply::command_refused(CommandError::UnknownParameter));
        }
        if sender.as_ref().is_some_and(|sender| !sender.as_str().is_ascii()) && !parameters.utf8 {
            return self.refuse(&Reply::non_ascii());
        }
        if self.transactions >= self.policy.max_transactions {
            return self.close_with(&Reply::new(421, "4.7.0", "Too many messages on this connection"));
        }
        let mail = Mail { sender, parameters };
        if self.access == Access::None {
            self.wait(Wait::Guest(mail), Action::Guest, now);
        } else {
            self.check_sender(mail, now);
        }
    }

    /// The client says more than it may before it logs in.
    fn refuse_stranger(&mut self) {
        let text = if !self.may_authenticate() && self.policy.starttls {
            "Must issue a STARTTLS command first"
        } else {
            "Authentication required"
        };
        self.refuse(&Reply::new(530, "5.7.0", text));
    }

    fn check_sender(&mut self, mail: Mail, now: Instant) {
        if mail.parameters.size.is_some_and(|size| size > self.max_message()) {
            return self.refuse(&Reply::too_big());
        }
        let sender = mail.sender.clone();
        self.wait(Wait::Sender(mail), Action::CheckSender(sender), now);
    }

    /// The backend's answer to [`Action::Guest`].
    pub fn guest_done(&mut self, result: Result<Grant, SubmitError>, now: Instant) {
        let Some(Wait::Guest(mail)) = self.waited(now) else { return };
        match result {
            Ok(grant) => {
                self.access = Access::Guest;
                self.grant = grant;
                self.check_sender(mail, now);
            }
            Err(SubmitError::AuthenticationRequired) => self.refuse_stranger(),
            Err(error) => self.refuse(&Reply::submit_failed(&error)),
        }
    }

    /// The backend's answer to [`Action::CheckSender`].
    pub fn sender_done(&mut self, result: Result<(), SubmitError>, now: Instant) {
        let Some(Wait::Sender(Mail { sender, parameters })) = self.waited(now) else { return };
        if let Err(error) = result {
            return self.refuse(&Reply::submit_failed(&error));
        }
        let MailParameters { utf8, ret, envelope_id, .. } = parameters;
        let envelope = Envelope { sender, recipients: Vec::new(), utf8, ret, envelope_id };
        self.transactions += 1;
        self.transaction = Some(Transaction { envelope, size: 0, too_large: false, refused: 0, chunks: None });
        self.reply(&Reply::new(250, "2.1.0", "Sender OK"));
    }

    pub(super) fn rcpt(&mut self, address: Address, parameters: RcptParameters, now: Instant) {
        let max_recipients = self.policy.max_recipients;
        let Some(transaction) = &self.transaction else {
            return self.refuse(&Reply::new(503, "5.5.1", "Need MAIL before RCPT"));
        };
        if transaction.chunks.is_some() {
            return self.refuse(&Reply::new(503, "5.5.1", "RCPT is not allowed between chunks"));
        }
        if !address.as_str().is_ascii() && !transaction.envelope.utf8 {
            return self.refuse(&Reply::non_ascii());
        }
        if transaction.envelope.recipients.len() >= max_recipients {
            return self.refuse_recipient(&Reply::new(452, "4.5.3", "Too many recipients"));
        }
        let RcptParameters { notify, original } = parameters;
        let recipient = Recipient { address, notify, original };
        self.wait(Wait::Recipient(recipient.clone()), Action::CheckRecipient(recipient), now);
    }

    /// Recipients that the message has so far.
    pub fn recipients(&self) -> usize {
        self.transaction.as_ref().map_or(0, |transaction| transaction.envelope.recipients.len())
    }

    /// The backend's answer to [`Action::CheckRecipient`].
    pub fn recipient_done(&mut self, result: Result<(), SubmitError>, now: Instant) {
        let Some(Wait::Recipient(recipient)) = self.waited(now) else { return };
        match (result, &mut self.transaction) {
            (Ok(()), Some(transaction)) => {
                transaction.envelope.recipients.push(recipient);
                self.reply(&Reply::new(250, "2.1.5", "Recipient OK"));
            }
            (Ok(()), None) => {}
            (Err(error), _) => self.refuse_recipient(&Reply::submit_failed(&error)),
        }
    }

    /// A few refused recipients of many are no error of the client; as many as there may be recipients are.
    fn refuse_recipient(&mut self, reply: &Reply) {
        let refused = self.transaction.as_mut().map_or(usize::MAX, |transaction| {
            transaction.refused = transaction.refused.saturating_add(1);
            transaction.refused
        });
        if refused > self.policy.max_recipients { self.refuse(reply) } else { self.reply(reply) }
    }

    /// Forgets the transaction and what was stored of it.
    pub(super) fn reset(&mut self) {
        if self.transaction.take().is_some_and(|transaction| transaction.size > 0) {
            self.actions.push_back(Action::Discard);
        }
    }
}
