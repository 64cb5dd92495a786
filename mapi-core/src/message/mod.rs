//! A message as a value: its properties, recipients and attachments, free of handles and streams. What FastTransfer
//! downloads yield, what conversions read and make, and what uploads write.

mod bag;
mod content;

pub use bag::PropertyBag;
pub use content::{Attachment, MessageContent};
