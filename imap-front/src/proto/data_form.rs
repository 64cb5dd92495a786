/// How the content of a message is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataForm {
    /// As a literal.
    Literal,
    /// As one that may hold NUL (RFC 3516 4.4).
    Literal8,
    /// The same, said to be UTF-8 (RFC 6855 4).
    Utf8,
}
