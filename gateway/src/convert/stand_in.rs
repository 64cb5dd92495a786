//! What is shown of a message that can't be: who sent it, when, its subject, and why. Mail programs read folders as a whole,
//! and one message without an answer would make them show none of the others.

use mapi_core::message::{MessageContent, PropertyBag};
use mapi_core::property::{PropertyTag, PropertyValue, tags};

use super::ConvertError;

/// Why a message can't be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unservable {
    /// It is larger than the configuration allows.
    TooLarge,
    /// It has more parts or recipients than are passed on.
    TooMany,
    /// Its only text is in a form that can't be read.
    Body,
    /// The server can't hand it out.
    Unreadable,
}

impl Unservable {
    /// What it is by which a conversion failed; nothing if it may succeed later.
    pub fn of(error: &ConvertError) -> Option<Self> {
        match error {
            ConvertError::TooLarge { .. } => Some(Self::TooLarge),
            ConvertError::TooMany { .. } => Some(Self::TooMany),
            ConvertError::Rtf(_) => Some(Self::Body),
            ConvertError::UnresolvedAddress(_) => None,
        }
    }

    /// Part of the bytes of messages: no figures that differ between configurations.
    fn reason(self) -> &'static str {
        match self {
            Self::TooLarge => "it is larger than the gateway is allowed to pass on",
            Self::TooMany => "it has more parts or recipients than the gateway passes on",
            Self::Body => "its text is in a form that the gateway can't read",
            Self::Unreadable => "the mail server can't hand it out",
        }
    }
}

/// The properties that are kept of a message.
pub const PROPERTIES: [PropertyTag; 14] = [
    tags::PidTagSubject,
    tags::PidTagClientSubmitTime,
    tags::PidTagMessageDeliveryTime,
    tags::PidTagCreationTime,
    tags::PidTagSenderName,
    tags::PidTagSenderAddressType,
    tags::PidTagSenderEmailAddress,
    tags::PidTagSenderSmtpAddress,
    tags::PidTagSenderEntryId,
    tags::PidTagSentRepresentingName,
    tags::PidTagSentRepresentingAddressType,
    tags::PidTagSentRepresentingEmailAddress,
    tags::PidTagSentRepresentingSmtpAddress,
    tags::PidTagSentRepresentingEntryId,
];

/// So much is kept of a text, in characters, and of an id, in bytes: one of them may be what is too large.
const LONGEST: usize = 1000;

/// The message that is shown in the place of one with these properties. It is rendered as any other.
pub fn stand_in(properties: &PropertyBag, why: Unservable) -> MessageContent {
    let kept = PROPERTIES.into_iter().filter_map(|tag| {
        let value = match properties.get(tag)? {
            PropertyValue::String(text) => PropertyValue::String(text.chars().take(LONGEST).collect()),
            PropertyValue::String8(bytes) => PropertyValue::String8(bytes.iter().copied().take(LONGEST).collect()),
            PropertyValue::Binary(bytes) if bytes.len() > LONGEST => return None,
            value => value.clone(),
        };
        Some((tag, value))
    });
    let body = format!(
        "This message can't be shown here: {}.\r\n\r\n\
         The message itself is as it was on the mail server. Open it in Outlook, or in Outlook on the web.\r\n\
         Whoever deletes what is shown here deletes that message.\r\n",
        why.reason()
    );
    let mut shown = PropertyBag::from_iter(kept);
    for (tag, text) in [(tags::PidTagMessageClass, "IPM.Note"), (tags::PidTagBody, &body)] {
        shown.set(tag, PropertyValue::String(text.to_owned()));
    }
    MessageContent { properties: shown, ..MessageContent::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::convert::mapi_to_mime::{RenderContext, RenderLimits, ResolvedAddresses, render};

    #[test]
    fn says_whose_it_is_and_why_it_is_not_shown() {
        let bag = PropertyBag::from_iter([
            (tags::PidTagSubject, PropertyValue::String("s".repeat(3 << 20))),
            (tags::PidTagSenderName, PropertyValue::String("Bob".into())),
            (tags::PidTagSenderEmailAddress, PropertyValue::String("bob@example.test".into())),
            (tags::PidTagSenderAddressType, PropertyValue::String("SMTP".into())),
            (tags::PidTagTransportMessageHeaders, PropertyValue::String("X-Large: y\r\n".repeat(200_000))),
        ]);
        let addresses = ResolvedAddresses::default();
        let limits = RenderLimits::default();
        let context = RenderContext { source_key: &[1; 22], addresses: &addresses, domain: "gateway.test", limits };
        let shown = stand_in(&bag, Unservable::TooLarge);
        let bytes = render(&shown, &context).expect("small").bytes;
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.contains("From: Bob <bob@example.test>\r\n") && text.contains("it is larger than"), "{text}");
        assert!(text.contains("Subject:") && text.contains("ssss") && text.len() < 4000, "{}", text.len());
        assert_eq!(stand_in(&bag, Unservable::TooLarge), shown);
    }
}
