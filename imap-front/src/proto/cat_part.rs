use bytes::Bytes;

use super::data_form::DataForm;

/// What a message of CATENATE is put together of (RFC 4469 5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CatPart {
    /// Text, as it was sent.
    Text {
        /// The text; nothing if it came apart from the command.
        content: Bytes,
        /// How it was sent.
        form: DataForm,
        /// Whether it came apart from the command.
        apart: bool,
    },
    /// What a URL stands for.
    Url(String),
}
