use super::resolver::AddressResolver;

/// Bounds of a rendering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RenderLimits {
    /// Bytes of the result.
    pub max_bytes: usize,
    /// Messages within messages; deeper ones are replaced by a note.
    pub max_depth: usize,
    /// Bytes of uncompressed RTF.
    pub max_rtf_bytes: usize,
}

impl Default for RenderLimits {
    /// 256 MiB, 16 levels, 32 MiB of RTF.
    fn default() -> Self {
        Self { max_bytes: 256 << 20, max_depth: 16, max_rtf_bytes: 32 << 20 }
    }
}

/// What a rendering needs besides the message.
#[derive(Clone, Copy)]
pub struct RenderContext<'a> {
    /// The message's source key (GID): boundaries and a missing Message-ID are derived from it.
    pub source_key: &'a [u8],
    /// Where addresses of the address book are looked up.
    pub addresses: &'a dyn AddressResolver,
    /// The domain of a Message-ID made up for messages without one, and of addresses that have no SMTP form.
    pub domain: &'a str,
    /// Bounds.
    pub limits: RenderLimits,
}
