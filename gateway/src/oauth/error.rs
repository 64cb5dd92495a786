use std::fmt;

/// Why there is no token. Cheap to clone; says what the administrator has to do, and nothing secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OAuthError {
    /// The token service can't be reached, or answers nonsense. Worth another try.
    Unavailable(String),
    /// It refused: `error` and `error_description` of RFC 6749 5.2.
    Refused {
        /// The error code, such as `invalid_grant`.
        error: String,
        /// The service's own words; may be empty.
        description: String,
    },
    /// The file of the refresh token can't be used.
    File(String),
    /// The configuration lacks something for this.
    Configuration(String),
}

impl OAuthError {
    /// Whether trying again soon may help without anybody's doing.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unavailable(_) => true,
            Self::Refused { error, .. } => error == "temporarily_unavailable" || error == "server_error",
            Self::File(_) | Self::Configuration(_) => false,
        }
    }
}

/// What to do about a refusal.
fn advice(error: &str) -> &'static str {
    match error {
        "invalid_client" => {
            "the service does not know client_id, or its secret is wrong or has expired: make a new secret there and put it \
             into client_secret_file"
        }
        "invalid_grant" => {
            "the refresh token has expired or was revoked: sign in again with `mapi-gateway oauth sign-in`"
        }
        "unauthorized_client" => "allow this way of getting tokens (grant type) in the registration of client_id",
        "invalid_scope" => "correct scope: it is what the registration of client_id may be given",
        "unsupported_grant_type" => {
            "the service has no such way of getting tokens: use refresh_token_file, or client_secret_file"
        }
        "access_denied" => "somebody refused the sign-in: begin again, and agree",
        "expired_token" => "the code was not entered in time: begin again",
        _ => "see the documentation of the token service about this error",
    }
}

impl fmt::Display for OAuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unavailable(why) => write!(f, "the token service can't be used now: {why}"),
            Self::Refused { error, description } if description.is_empty() => {
                write!(f, "the token service refused ({error}): {}", advice(error))
            }
            Self::Refused { error, description } => {
                write!(f, "the token service refused ({error}: {description}): {}", advice(error))
            }
            Self::File(why) | Self::Configuration(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for OAuthError {}
