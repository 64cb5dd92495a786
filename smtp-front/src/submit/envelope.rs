use super::Address;

/// The envelope of a message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Envelope {
    /// MAIL FROM; `None` is the null sender `<>`.
    pub sender: Option<Address>,
    /// RCPT TO, in order, at least one.
    pub recipients: Vec<Recipient>,
    /// `SMTPUTF8`: the header may have UTF-8 in it, and addresses may (RFC 6531 3.4).
    pub utf8: bool,
    /// `RET=`: how much of the message a report of failure is to return.
    pub ret: Option<Return>,
    /// `ENVID=`: the sender's name for this submission, in xtext as it came (RFC 3461 4.4).
    pub envelope_id: Option<String>,
}

/// One RCPT TO.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// Where the message goes.
    pub address: Address,
    /// `NOTIFY=`: what the sender wants to be told; `None` leaves it to the server.
    pub notify: Option<Notify>,
    /// `ORCPT=`: whom the sender named first, as `type;xtext` as it came (RFC 3461 4.2).
    pub original: Option<String>,
}

impl Recipient {
    /// A recipient without parameters.
    pub fn new(address: Address) -> Self {
        Self { address, notify: None, original: None }
    }
}

/// When the sender wants to be told what became of a message (RFC 3461 4.1). With none of them set, never.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Notify {
    /// When it was delivered.
    pub success: bool,
    /// When it can't be delivered.
    pub failure: bool,
    /// When delivery takes long.
    pub delay: bool,
}

/// How much of a message a report of failure returns (RFC 3461 4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Return {
    /// All of it.
    Full,
    /// The header.
    Headers,
}
