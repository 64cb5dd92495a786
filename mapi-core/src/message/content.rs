use super::PropertyBag;

/// The content of a message object ([MS-OXCMSG] 1.3): properties, recipients, attachments.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MessageContent {
    /// The message's own properties.
    pub properties: PropertyBag,
    /// One bag per recipient, in RowId order: PidTagRecipientType (1 To, 2 Cc, 3 Bcc), PidTagDisplayName,
    /// PidTagAddressType, PidTagEmailAddress, PidTagSmtpAddress, …
    pub recipients: Vec<PropertyBag>,
    /// The attachments, by ascending PidTagAttachNumber.
    pub attachments: Vec<Attachment>,
}

/// An attachment object. Its bytes are PidTagAttachDataBinary; an attached message (PidTagAttachMethod 5) is `embedded`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Attachment {
    /// PidTagAttachNumber.
    pub number: u32,
    /// The attachment's properties.
    pub properties: PropertyBag,
    /// The attached message.
    pub embedded: Option<Box<MessageContent>>,
}
