use std::time::{Duration, Instant};

use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;

use super::{Grant, OAuthError, RefreshFile, TokenEndpoint, Tokens};
use crate::config::{ConfigError, OAuthConfig};

/// A token is renewed when this much of its lifetime is left, or this part of it if that is less: the upstream's clock may
/// be ahead.
const MARGIN: Duration = Duration::from_secs(5 * 60);
const MARGIN_PART: u32 = 4;
/// How long a failure is the answer before the service is asked again.
const RETRY: Duration = Duration::from_secs(2);
const RETRY_REFUSED: Duration = Duration::from_secs(60);

/// Has an access token whenever one is needed, and renews it in time. Whoever needs one while it is being fetched waits for
/// the same.
#[derive(Debug)]
pub struct TokenSource {
    endpoint: TokenEndpoint,
    file: Option<RefreshFile>,
    state: Mutex<SourceState>,
}

#[derive(Default)]
struct SourceState {
    token: Option<Held>,
    failed: Option<Failure>,
    /// A refresh token that could not be written to the file, and what the file had instead.
    unsaved: Option<(SecretString, SecretString)>,
}

#[derive(Debug)]
struct Failure {
    error: OAuthError,
    /// Until when it is the answer,
    until: Instant,
    /// unless the refresh token is another one by then.
    refresh: Option<SecretString>,
}

struct Held {
    token: SecretString,
    /// From here on it is renewed.
    renew: Instant,
}

impl std::fmt::Debug for SourceState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SourceState").field("failed", &self.failed).finish_non_exhaustive()
    }
}

impl TokenSource {
    /// A source as configured at `key`; nothing is asked yet.
    ///
    /// # Errors
    /// Secrets that can't be read, URLs that can't be used. The refresh token may be missing still.
    pub fn new(key: &str, config: &OAuthConfig) -> Result<Self, ConfigError> {
        let file = config.refresh_token_file.as_deref().map(RefreshFile::new);
        Ok(Self { endpoint: TokenEndpoint::new(key, config)?, file, state: Mutex::default() })
    }

    /// The token service.
    pub fn endpoint(&self) -> &TokenEndpoint {
        &self.endpoint
    }

    /// Where the refresh token is.
    pub fn file(&self) -> Option<&RefreshFile> {
        self.file.as_ref()
    }

    /// A token that is good for a while.
    ///
    /// # Errors
    /// See [`OAuthError`]; a failure is the answer for some seconds before the service is asked again.
    pub async fn token(&self) -> Result<SecretString, OAuthError> {
        let mut state = self.state.lock().await;
        let now = Instant::now();
        if let Some(held) = state.token.as_ref().filter(|held| now < held.renew) {
            return Ok(held.token.clone());
        }
        // Read every time: somebody may have signed in anew.
        let saved = self.file.as_ref().map(RefreshFile::read).transpose()?;
        if let Some(failure) = &state.failed
            && now < failure.until
            && failure.refresh.as_ref().map(ExposeSecret::expose_secret)
                == saved.as_ref().map(ExposeSecret::expose_secret)
        {
            return Err(failure.error.clone());
        }
        match self.fetch(&mut state, saved.as_ref()).await {
            Ok(tokens) => {
                let margin = MARGIN.min(tokens.lifetime / MARGIN_PART);
                // Counted from before it was asked for, on a clock that nobody sets.
                let renew = now + tokens.lifetime.saturating_sub(margin);
                tracing::debug!(seconds = tokens.lifetime.as_secs(), "access token fetched");
                state.token = Some(Held { token: tokens.access.clone(), renew });
                state.failed = None;
                Ok(tokens.access)
            }
            Err(error) => {
                let pause = if error.is_transient() { RETRY } else { RETRY_REFUSED };
                state.failed = Some(Failure { error: error.clone(), until: Instant::now() + pause, refresh: saved });
                Err(error)
            }
        }
    }

    /// How long the token is good that is held; `None` if there is none.
    pub async fn until_renewal(&self) -> Option<Duration> {
        let state = self.state.lock().await;
        state.token.as_ref().map(|held| held.renew.saturating_duration_since(Instant::now()))
    }

    /// The upstream refused `token` before its time: the next one who needs a token gets another.
    pub async fn refused(&self, token: &SecretString) {
        let mut state = self.state.lock().await;
        if state.token.as_ref().is_some_and(|held| held.token.expose_secret() == token.expose_secret()) {
            state.token = None;
        }
    }

    async fn fetch(&self, state: &mut SourceState, saved: Option<&SecretString>) -> Result<Tokens, OAuthError> {
        let (Some(file), Some(saved)) = (&self.file, saved) else {
            return self.endpoint.tokens(Grant::ClientCredentials).await;
        };
        let newest = match &state.unsaved {
            Some((token, instead)) if instead.expose_secret() == saved.expose_secret() => token.clone(),
            _ => saved.clone(),
        };
        let tokens = self.endpoint.tokens(Grant::RefreshToken(&newest)).await?;
        if let Some(next) = tokens.refresh.as_ref().filter(|next| next.expose_secret() != newest.expose_secret()) {
            // The former one may be used up: losing this one means signing in again.
            state.unsaved = match file.write(next) {
                Ok(()) => None,
                Err(error) => {
                    tracing::error!(%error, "the new refresh token is kept in memory only, and lost when the gateway stops");
                    Some((next.clone(), saved.clone()))
                }
            };
        }
        Ok(tokens)
    }
}
