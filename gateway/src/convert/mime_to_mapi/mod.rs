//! MIME messages as MAPI messages ([MS-OXCMAIL] 2.2): for APPEND and for submission.
//!
//! A message that is signed or encrypted as a whole keeps its content as it is, in the S/MIME message classes. Everything
//! else is taken apart: one body (HTML if there is some), attachments, attached messages as messages.
//!
//! Structure is found by an own splitter whose depth and count of parts are bounded; what is beyond is attached as it
//! is. Nothing is refused for being malformed.

mod body;
mod decode;
mod entity;
mod fields;
mod limits;
mod properties;
mod purpose;
mod recipients;
mod smime;

use mapi_core::message::MessageContent;
use mapi_core::property::{PropertyValue, tags};

use self::entity::{Budget, Entity};
use self::fields::Fields;
pub use self::limits::ParseLimits;
pub use self::purpose::Purpose;
pub use self::recipients::recipients_for_submission;
use super::ConvertError;
use super::strings::guess;

/// Makes a MAPI message of a MIME message, within the default limits.
///
/// # Errors
/// Too many recipients for a submission; a message that is stored keeps those there is room for.
pub fn parse(message: &[u8], purpose: Purpose<'_>) -> Result<MessageContent, ConvertError> {
    parse_within(message, purpose, ParseLimits::default())
}

/// The same within other limits.
///
/// # Errors
/// As [`parse`].
pub fn parse_within(message: &[u8], purpose: Purpose<'_>, limits: ParseLimits) -> Result<MessageContent, ConvertError> {
    let mut budget = Budget { depth: limits.max_depth, parts: limits.max_parts };
    let entity = Entity::parse(message, &mut budget);
    let mut content = MessageContent::default();
    properties::set(&mut content.properties, &entity.fields, purpose);
    content.recipients = match purpose {
        Purpose::Append { .. } => recipients::of_header(&entity.fields),
        Purpose::Submit { recipients, .. } => recipients::of_envelope(recipients, &entity.fields),
    };
    if matches!(purpose, Purpose::Append { .. }) {
        content.recipients.truncate(limits.max_recipients);
    }
    if content.recipients.len() > limits.max_recipients {
        return Err(ConvertError::TooMany { what: "recipients", limit: limits.max_recipients });
    }
    if !smime::set(&mut content, &entity) {
        body::set(&mut content, &entity);
    }
    Ok(content)
}

/// Makes a MAPI message that shows all of a MIME message as its text, taken apart by nobody: no subject, no recipients, no
/// attachments.
pub fn as_text(message: &[u8], purpose: Purpose<'_>) -> MessageContent {
    let (fields, _) = Fields::split(b"\r\n");
    let mut content = MessageContent::default();
    properties::set(&mut content.properties, &fields, purpose);
    let text = guess(message).replace('\0', "");
    content.properties.set(tags::PidTagBody, PropertyValue::String(text));
    content
}
