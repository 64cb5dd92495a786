use crate::ErrorCode;
use crate::client::ClientError;
use crate::http::ResponseCode;
use crate::rop::RopId;
use crate::wire::WireError;

/// Why an operation on a mailbox failed, by who is to blame.
#[derive(Debug, thiserror::Error)]
pub enum MailboxError {
    /// The server refused an operation.
    #[error("{rop}: {code}")]
    Upstream {
        /// The operation.
        rop: RopId,
        /// What it answered.
        code: ErrorCode,
    },
    /// The request or its answer got lost, or the request was refused as a whole.
    #[error(transparent)]
    Transport(#[from] ClientError),
    /// The server sent what cannot be read; what ran is unknown.
    #[error("malformed answer: {0}")]
    Protocol(#[from] WireError),
    /// Something is larger than this crate handles; nothing ran.
    #[error("{what} is above the limit of {limit}")]
    Limit {
        /// What is too large.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
}

impl MailboxError {
    /// The server's code, if the server refused.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Upstream { code, .. } | Self::Transport(ClientError::Rejected(code)) => Some(*code),
            _ => None,
        }
    }

    /// Whether the operation may have been carried out although it is reported as failed.
    pub fn is_outcome_unknown(&self) -> bool {
        match self {
            Self::Protocol(_) => true,
            Self::Transport(error) => {
                matches!(
                    error,
                    ClientError::OutcomeUnknown(_)
                        | ClientError::TooSlow(_)
                        | ClientError::NotMapi(_)
                        | ClientError::Protocol(_)
                )
            }
            _ => false,
        }
    }

    /// Whether the request that failed may have been run, so that what it asked for may have happened. What an answer
    /// itself refuses was not done, and what never left or was turned away was not run.
    pub fn may_have_run(&self) -> bool {
        match self {
            Self::Protocol(_) => true,
            Self::Upstream { .. } | Self::Limit { .. } => false,
            Self::Transport(error) => match error {
                ClientError::OutcomeUnknown(_)
                | ClientError::TooSlow(_)
                | ClientError::NotMapi(_)
                | ClientError::Protocol(_) => true,
                // A context that is gone runs nothing; a server that fails (or can't say what it answers) may have.
                ClientError::ContextLost(code) => {
                    matches!(code, Some(ResponseCode::UNKNOWN_FAILURE | ResponseCode::INVALID_RESPONSE))
                }
                // Only of these it is known that no ROP ran; where answers don't fit, the first ones have.
                ClientError::Rejected(code) => *code != ErrorCode::RPC_FORMAT && !code.is_busy(),
                ClientError::Unauthorized(_)
                | ClientError::Unreachable(_)
                | ClientError::Busy(_)
                | ClientError::HttpStatus(_)
                | ClientError::Configuration(_) => false,
            },
        }
    }

    /// Whether the request was given up after the whole time that its answer may take.
    pub fn is_too_slow(&self) -> bool {
        matches!(self, Self::Transport(ClientError::TooSlow(_)))
    }

    /// Whether the server wants to be asked later. Nothing ran.
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Transport(ClientError::Busy(_))) || self.code().is_some_and(ErrorCode::is_busy)
    }

    /// Whether the session context is gone, or what it holds is no longer known (an answer could not be read), so that the
    /// mailbox has to be opened again before anything else is done.
    pub fn is_session_lost(&self) -> bool {
        match self {
            Self::Protocol(_) => true,
            Self::Transport(error) => matches!(
                error,
                ClientError::OutcomeUnknown(_)
                    | ClientError::TooSlow(_)
                    | ClientError::ContextLost(_)
                    | ClientError::NotMapi(_)
                    | ClientError::Protocol(_)
            ),
            Self::Upstream { .. } | Self::Limit { .. } => false,
        }
    }

    /// Whether the server failed the whole Execute because its answers did not fit. The first operations ran.
    pub(super) fn is_answer_too_large(&self) -> bool {
        self.code() == Some(ErrorCode::BUFFER_TOO_SMALL)
    }
}
