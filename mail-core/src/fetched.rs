use bytes::Bytes;

/// What of a message's content is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FetchNeed {
    /// Only the exact size.
    Size,
    /// The header block, up to and with its empty line.
    Header,
    /// Everything, to be passed on as it is.
    Full,
    /// Everything, to be taken apart.
    Parts,
}

/// The content of one message.
#[derive(Debug, Clone)]
pub struct FetchedMessage {
    /// Its UID.
    pub uid: u32,
    /// RFC822.SIZE. Absent only if [`FetchNeed::Header`] was asked and the size is not known.
    pub size: Option<u32>,
    /// The bytes asked for (more is allowed: the whole message where the header was asked). Empty for
    /// [`FetchNeed::Size`].
    pub content: Bytes,
}
