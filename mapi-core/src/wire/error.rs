use std::fmt;

/// Why a structure could not be decoded, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WireError {
    /// Byte offset from the start of the buffer handed to the outermost [`super::Reader`].
    pub offset: usize,
    /// The structure or field being read, innermost first.
    pub context: &'static str,
    /// What was wrong.
    pub kind: WireErrorKind,
}

/// What was wrong with the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WireErrorKind {
    /// `needed` bytes were asked for, `left` remained.
    Truncated {
        /// Bytes the field needs.
        needed: usize,
        /// Bytes that were left.
        left: usize,
    },
    /// A NUL-terminated string without its NUL.
    Unterminated,
    /// A field holds a value that the structure does not allow.
    Invalid(u64),
    /// A count or size above the limit of the structure.
    TooLarge {
        /// What the bytes asked for.
        asked: u64,
        /// What is allowed.
        limit: u64,
    },
    /// Structures nested deeper than allowed.
    TooDeep(usize),
    /// Bytes left over after the last field.
    TrailingBytes(usize),
}

impl WireError {
    /// An error of `kind` at `offset` while reading `context`.
    pub fn new(offset: usize, context: &'static str, kind: WireErrorKind) -> Self {
        Self { offset, context, kind }
    }
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}: ", self.context, self.offset)?;
        match &self.kind {
            WireErrorKind::Truncated { needed, left } => write!(f, "{needed} bytes needed, {left} left"),
            WireErrorKind::Unterminated => write!(f, "string without terminating NUL"),
            WireErrorKind::Invalid(v) => write!(f, "value {v:#x} is not allowed"),
            WireErrorKind::TooLarge { asked, limit } => write!(f, "{asked} is above the limit of {limit}"),
            WireErrorKind::TooDeep(n) => write!(f, "nested deeper than {n}"),
            WireErrorKind::TrailingBytes(n) => write!(f, "{n} bytes left over"),
        }
    }
}

impl std::error::Error for WireError {}
