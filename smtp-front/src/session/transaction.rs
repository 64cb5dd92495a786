//! Mail transactions: MAIL, RCPT, DATA (RFC 5321 3.3).

use super::*;
use crate::command::MailParameters;
use crate::submit::Address;

/// What MAIL and RCPT have said.
#[derive(Debug)]
pub(super) struct Transaction {
    sender: Option<Address>,
    recipients: Vec<Address>,
}

impl Session {
    pub(super) fn mail(&mut self, sender: Option<Address>, parameters: MailParameters) {
        if !self.authenticated {
            let text = if !self.may_authenticate() && self.policy.starttls {
                "Must issue a STARTTLS command first"
            } else {
                "Authentication required"
            };
            return self.refuse(&Reply::new(530, "5.7.0", text));
        }
        if !self.greeted {
            return self.refuse(&Reply::new(503, "5.5.1", "Say EHLO first"));
        }
        if self.transaction.is_some() {
            return self.refuse(&Reply::new(503, "5.5.1", "Nested MAIL command"));
        }
        if parameters.size.is_some_and(|size| usize::try_from(size).map_or(true, |size| size > self.policy.max_message))
        {
            return self.refuse(&Reply::too_big());
        }
        self.transaction = Some(Transaction { sender, recipients: Vec::new() });
        self.reply(&Reply::new(250, "2.1.0", "Sender OK"));
    }

    pub(super) fn rcpt(&mut self, recipient: Address) {
        let max_recipients = self.policy.max_recipients;
        let Some(transaction) = &mut self.transaction else {
            return self.refuse(&Reply::new(503, "5.5.1", "Need MAIL before RCPT"));
        };
        if transaction.recipients.len() >= max_recipients {
            return self.reply(&Reply::new(452, "4.5.3", "Too many recipients"));
        }
        transaction.recipients.push(recipient);
        self.reply(&Reply::new(250, "2.1.5", "Recipient OK"));
    }

    pub(super) fn data(&mut self) {
        match &self.transaction {
            None => self.refuse(&Reply::new(503, "5.5.1", "Need MAIL before DATA")),
            Some(transaction) if transaction.recipients.is_empty() => {
                self.refuse(&Reply::new(554, "5.5.1", "No valid recipients"));
            }
            Some(_) => {
                self.phase = Phase::Data(DataReceiver::new(self.policy.max_message));
                self.reply(&Reply::bare(354, "Start mail input, end with <CRLF>.<CRLF>"));
            }
        }
    }

    /// The end of the message was seen.
    pub(super) fn message(&mut self) {
        let Phase::Data(receiver) = std::mem::replace(&mut self.phase, Phase::Command) else { return };
        let Some(Transaction { sender, recipients }) = self.transaction.take() else { return };
        match receiver.finish() {
            Ok(message) => {
                tracing::debug!(bytes = message.len(), recipients = recipients.len(), "message received");
                self.phase = Phase::Submitting;
                self.action = Some(Action::Submit(Envelope { sender, recipients }, message));
            }
            Err(_) => self.refuse(&Reply::too_big()),
        }
    }
}
