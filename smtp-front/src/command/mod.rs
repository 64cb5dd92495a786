//! SMTP commands (RFC 5321 4.1) as values, and their parser.
//!
//! The parser takes what mail programs, scanners and scripts really send: any letter case, spaces after `FROM:` and
//! `TO:`, addresses without angle brackets, senders without a domain, any name or none after HELO, trailing blanks. It never
//! takes a control character or a broken address.

mod error;
mod parameter;
mod parse;
mod path;

use secrecy::SecretString;

pub use error::CommandError;
pub use parameter::{MailParameters, RcptParameters};
pub use parse::parse;

use crate::submit::Address;

/// A command line from a client.
#[derive(Debug, Clone)]
pub enum Command {
    /// `EHLO name`: who the client says it is; asks for the extensions.
    Ehlo(String),
    /// `HELO name`.
    Helo(String),
    /// `STARTTLS` (RFC 3207).
    StartTls,
    /// `AUTH mechanism [initial-response]` (RFC 4954 4).
    Auth {
        /// The mechanism's name in capitals.
        mechanism: String,
        /// The base64 text after it, `=` for an empty response.
        initial: Option<SecretString>,
    },
    /// `MAIL FROM:<sender> parameters`.
    Mail {
        /// The sender; `None` is the null sender `<>`.
        sender: Option<Address>,
        /// What follows the address.
        parameters: MailParameters,
    },
    /// `RCPT TO:<recipient> parameters`.
    Rcpt {
        /// The recipient.
        recipient: Address,
        /// What follows the address.
        parameters: RcptParameters,
    },
    /// `DATA`.
    Data,
    /// `BDAT size [LAST]` (RFC 3030 2).
    Bdat {
        /// How many bytes of content follow the line.
        size: u64,
        /// Whether they are the last of the message.
        last: bool,
    },
    /// `RSET`.
    Rset,
    /// `NOOP`.
    Noop,
    /// `QUIT`.
    Quit,
    /// `HELP`.
    Help,
    /// `VRFY`.
    Vrfy,
    /// `EXPN`.
    Expn,
}

impl Command {
    /// The command's name, for logs.
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Ehlo(_) => "EHLO",
            Self::Helo(_) => "HELO",
            Self::StartTls => "STARTTLS",
            Self::Auth { .. } => "AUTH",
            Self::Mail { .. } => "MAIL",
            Self::Rcpt { .. } => "RCPT",
            Self::Data => "DATA",
            Self::Bdat { .. } => "BDAT",
            Self::Rset => "RSET",
            Self::Noop => "NOOP",
            Self::Quit => "QUIT",
            Self::Help => "HELP",
            Self::Vrfy => "VRFY",
            Self::Expn => "EXPN",
        }
    }
}
