use thiserror::Error;

/// Why an exchange ended without credentials that are worth checking. The texts are for the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SaslError {
    /// The client said `*`.
    #[error("authentication cancelled")]
    Cancelled,
    /// Longer than [`MAX_RESPONSE`](super::MAX_RESPONSE).
    #[error("authentication response is too long")]
    TooLong,
    /// Not base64.
    #[error("invalid base64")]
    Encoding,
    /// Not what the mechanism asks for.
    #[error("not a message of this SASL mechanism")]
    Malformed,
    /// The client wants to act as somebody else.
    #[error("acting as another user is not supported")]
    OtherIdentity,
    /// Name or password is empty, or the client has heard why its token was refused: the same as wrong credentials.
    #[error("authentication credentials invalid")]
    Refused,
}
