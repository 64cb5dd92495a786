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
