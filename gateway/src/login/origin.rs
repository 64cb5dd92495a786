use std::net::IpAddr;

use super::file_stamp::FileStamp;

/// Where the secret of a login comes from.
#[derive(Debug, Clone, Copy)]
pub(super) enum Origin {
    /// A client at this address sent a password: it may be a guess.
    Client(IpAddr),
    /// A token, of a client or the gateway's own: it can't be guessed, and a wrong one locks no account.
    Token,
    /// The configuration, or a file that it names and that was in this state: nobody guesses.
    Configuration(Option<FileStamp>),
}
