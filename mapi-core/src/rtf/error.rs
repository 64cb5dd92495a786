use thiserror::Error;

/// Why RTF could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RtfError {
    /// The compressed form ends within its header, or before the end its header tells.
    #[error("compressed RTF ends at byte {offset}, {needed} more bytes are needed")]
    Truncated {
        /// Where the bytes end.
        offset: usize,
        /// How many are missing at least.
        needed: usize,
    },
    /// COMPTYPE is neither LZFu nor MELA.
    #[error("compression type {0:#010x} of RTF is unknown")]
    UnknownCompression(u32),
    /// The uncompressed form is larger than the caller allows.
    #[error("RTF is larger than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// The bytes don't start with `{\rtf`.
    #[error("not RTF")]
    NotRtf,
    /// Groups nested deeper than allowed.
    #[error("RTF groups nested deeper than {limit} at byte {offset}")]
    TooDeep {
        /// Where.
        offset: usize,
        /// The limit.
        limit: usize,
    },
}
