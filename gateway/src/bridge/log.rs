use imap_front::store::StoreError;
use mail_core::Peer;

use crate::line::error::UpstreamError;

/// Logs why a command failed before the client is told the part of it that concerns it. What the client asked for and can't
/// have is nothing that an administrator must look after.
pub(super) fn failed(command: &'static str) -> impl Fn(UpstreamError) -> StoreError {
    move |error| {
        if error.is_of_the_request() {
            tracing::info!(command, %error, "command refused");
        } else {
            tracing::warn!(command, %error, "command failed");
        }
        error.into()
    }
}

/// Counts a login.
pub(super) fn login(protocol: &'static str, outcome: &'static str) {
    metrics::counter!("mapi_gateway_logins_total", "protocol" => protocol, "outcome" => outcome).increment(1);
}

/// What became of a login, for counts.
pub(super) fn outcome<T>(result: &Result<T, UpstreamError>) -> &'static str {
    match result {
        Ok(_) => "accepted",
        Err(UpstreamError::Unauthorized(_)) => "refused",
        Err(UpstreamError::NoMailbox(_)) => "no_mailbox",
        Err(UpstreamError::TooManyAttempts(_)) => "too_many_attempts",
        Err(_) => "failed",
    }
}

/// Logs why somebody was not let in: at a higher level if it is not for what he sent.
pub(super) fn failed_login(user: &str, peer: Peer, error: &UpstreamError) {
    let peer = peer.address;
    match error {
        UpstreamError::Unauthorized(_) | UpstreamError::NoMailbox(_) | UpstreamError::TooManyAttempts(_) => {
            tracing::info!(user, %peer, %error, "login refused");
        }
        error => tracing::warn!(user, %peer, %error, "login failed"),
    }
}
