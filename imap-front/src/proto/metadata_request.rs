/// GETMETADATA (RFC 5464 4.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetadataRequest {
    /// The mailbox; empty for the server.
    pub mailbox: String,
    /// The names of entries, in lower case.
    pub entries: Vec<String>,
    /// Which of those below them, too.
    pub depth: Depth,
    /// The largest values that are wanted, in bytes.
    pub max_size: Option<u64>,
}

/// DEPTH (RFC 5464 4.2.2).
#[allow(missing_docs, reason = "the names are those of RFC 5464 4.2.2")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Depth {
    #[default]
    Zero,
    One,
    Infinity,
}
