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
mod properties;
mod recipients;
mod smime;

use mail_core::{FlagSet, Keywords};
use mapi_core::message::MessageContent;
use mapi_core::property::{FileTime, PropertyValue, tags};

use self::entity::{Budget, Entity};
use self::fields::Fields;
pub use self::recipients::recipients_for_submission;
use super::ConvertError;
use super::strings::guess;

/// What becomes of the message.
#[derive(Debug, Clone, Copy)]
pub enum Purpose<'a> {
    /// It is stored in a folder.
    Append {
        /// Its flags: `\Seen` and `\Draft` become PidTagMessageFlags, the others and the keywords are set with the
        /// properties of [`super::flags::edit`].
        flags: FlagSet,
        /// Its keywords.
        keywords: &'a Keywords,
        /// INTERNALDATE.
        internal_date: FileTime,
    },
    /// It is sent. The account's owner is its sender unless `From` names somebody else.
    Submit {
        /// The addresses of the account's owner.
        own_addresses: &'a [String],
        /// The envelope's recipients: everybody it goes to.
        recipients: &'a [String],
    },
}

/// Bounds of what is taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParseLimits {
    /// Nesting of multiparts and messages; deeper parts are attached as they are.
    pub max_depth: usize,
    /// Parts of a message, those of attached messages included; the rest is attached as it is.
    pub max_parts: usize,
    /// Recipients. The count of rows is a 16-bit number on the wire.
    pub max_recipients: usize,
}

impl Default for ParseLimits {
    /// 16 levels, 2,000 parts, 32,000 recipients.
    fn default() -> Self {
        Self { max_depth: 16, max_parts: 2_000, max_recipients: 32_000 }
    }
}

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

/// A message within a message; its depth was bounded when it was split.
fn embedded(entity: &Entity<'_>) -> MessageContent {
    let mut content = MessageContent::default();
    let purpose =
        Purpose::Append { flags: FlagSet::SEEN, keywords: &Keywords::EMPTY, internal_date: FileTime::default() };
    properties::set(&mut content.properties, &entity.fields, purpose);
    content.recipients = recipients::of_header(&entity.fields);
    if !smime::set(&mut content, entity) {
        body::set(&mut content, entity);
    }
    content
}
