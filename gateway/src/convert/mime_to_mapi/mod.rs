//! MIME messages as MAPI messages ([MS-OXCMAIL] 2.2): for APPEND and for submission.
//!
//! A message that is signed or encrypted as a whole keeps its content as it is, in the S/MIME message classes. Everything
//! else is taken apart: one body, in which all texts that stand beside each other are joined (HTML if one of them is),
//! attachments, attached messages as messages.
//!
//! What a message consists of is read by [`mail_core::message`], within bounds of depth and count of parts; what is nested
//! too deeply is attached as it is. Nothing is refused for being malformed.

mod body;
mod flowed;
mod item;
mod joined;
mod properties;
mod purpose;
mod recipients;
mod report;
mod smime;

use mail_core::FlagSet;
use mail_core::message::charset::guess;
use mail_core::message::{Fields, Limits, Message};
use mapi_core::message::MessageContent;
use mapi_core::property::{PropertyValue, tags};

pub use self::purpose::Purpose;
use super::ConvertError;

/// What is taken apart of a message that comes from a client: 16 levels, 2,000 parts, read as it was meant.
pub const LIMITS: Limits = Limits::lenient(16, 2_000);
/// Recipients of a message. The count of rows is a 16-bit number on the wire.
pub const MAX_RECIPIENTS: usize = 32_000;

/// Bytes of a header field with its continuations. A longer one becomes properties that servers take and give nobody back.
pub const MAX_FIELD: usize = 1 << 20;

/// Makes a MAPI message of a MIME message, with up to [`MAX_RECIPIENTS`]. The message is best read within [`LIMITS`].
///
/// # Errors
/// A header field above [`MAX_FIELD`]. Too many recipients for a submission; a message that is stored keeps those there is
/// room for.
pub fn parse(message: &Message, purpose: Purpose<'_>) -> Result<MessageContent, ConvertError> {
    parse_within(message, purpose, MAX_RECIPIENTS)
}

/// The same with another number of recipients.
///
/// # Errors
/// As [`parse`].
pub fn parse_within(
    message: &Message,
    purpose: Purpose<'_>,
    max_recipients: usize,
) -> Result<MessageContent, ConvertError> {
    if message.fields().lines().any(|line| line.len() > MAX_FIELD) {
        return Err(ConvertError::TooMany { what: "bytes in one header field", limit: MAX_FIELD });
    }
    let mut content = MessageContent::default();
    properties::set(&mut content.properties, message.fields(), purpose);
    content.recipients = match purpose {
        Purpose::Append { flags, .. } if flags.contains(FlagSet::DRAFT) => recipients::of_draft(message.fields()),
        Purpose::Append { .. } => recipients::of_header(message.fields()),
        Purpose::Submit { recipients, .. } => recipients::of_envelope(recipients, message.fields()),
    };
    if matches!(purpose, Purpose::Append { .. }) {
        content.recipients.truncate(max_recipients);
    }
    if content.recipients.len() > max_recipients {
        return Err(ConvertError::TooMany { what: "recipients", limit: max_recipients });
    }
    body::of_entity(&mut content, message.root());
    Ok(content)
}

/// Makes a MAPI message that shows all of a MIME message as its text, taken apart by nobody: no subject, no recipients, no
/// attachments.
pub fn as_text(message: &[u8], purpose: Purpose<'_>) -> MessageContent {
    let mut content = MessageContent::default();
    properties::set(&mut content.properties, Fields::default(), purpose);
    let text = guess(message).replace('\0', "");
    content.properties.set(tags::PidTagBody, PropertyValue::String(text));
    content
}
