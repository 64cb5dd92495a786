use mail_core::NewMessage;

use super::cat_part::CatPart;
use super::data_form::DataForm;

/// A message as APPEND brings it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppendMessage {
    /// What is to be stored.
    pub message: NewMessage,
    /// How its content was sent.
    pub form: DataForm,
    /// Whether the content came apart from the command.
    pub apart: bool,
    /// What it is put together of, instead of being sent (RFC 4469); nothing if it is sent.
    pub parts: Vec<CatPart>,
}
