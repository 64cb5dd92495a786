use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::accounts::Accounts;
use crate::account::Account;
use crate::config::{AccountConfig, ConfigError, OAuthConfig};
use crate::line::error::UpstreamError;
use crate::oauth::{OAuthError, TokenSource};

/// How soon another token is tried to be had for an open account, if one couldn't.
const RETRY: Duration = Duration::from_secs(30);
/// How long no fresh token is fetched after the upstream refused one.
const PAUSE: Duration = Duration::from_secs(5);
/// Longest password in a file.
const MAX_PASSWORD: usize = 4096;

/// A mailbox to which the gateway itself signs in with access tokens.
#[derive(Debug)]
pub struct TokenMailbox {
    address: String,
    source: TokenSource,
    /// Whether somebody renews the token of the open account.
    kept: AtomicBool,
    /// A fresh token was refused, and until when that is the answer.
    refused: Mutex<Option<(UpstreamError, Instant)>>,
}

impl TokenMailbox {
    /// The mailbox of `address` with tokens as configured at `key`. Nothing is asked yet.
    ///
    /// # Errors
    /// As [`TokenSource::new`].
    pub fn new(key: &str, address: &str, config: &OAuthConfig) -> Result<Self, ConfigError> {
        let source = TokenSource::new(&format!("{key}.oauth"), config)?;
        Ok(Self { address: address.to_owned(), source, kept: AtomicBool::new(false), refused: Mutex::default() })
    }

    /// Where the tokens come from.
    pub fn source(&self) -> &TokenSource {
        &self.source
    }

    /// Opens the account, or returns it if it is open. While it is, its token is renewed in time.
    ///
    /// # Errors
    /// No token ([`UpstreamError::SignIn`] if an administrator must help), and whatever keeps a login from succeeding.
    pub async fn account(self: &Arc<Self>, accounts: &Arc<Accounts>) -> Result<Arc<Account>, UpstreamError> {
        if let Some((error, until)) = &*self.refused.lock().unwrap_or_else(PoisonError::into_inner)
            && Instant::now() < *until
        {
            return Err(error.clone());
        }
        let mut opened = self.sign_in(accounts).await;
        if let Err(UpstreamError::Unauthorized(error)) = &opened {
            // Revoked, or the clocks differ: another one may be good.
            tracing::info!(mailbox = self.address, %error, "another access token is tried");
            opened = self.sign_in(accounts).await;
            let refused = opened.as_ref().err().filter(|error| matches!(error, UpstreamError::Unauthorized(_)));
            let refused = refused.map(|error| (error.clone(), Instant::now() + PAUSE));
            *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = refused;
        }
        let account = opened?;
        if !self.kept.swap(true, Ordering::AcqRel) {
            tokio::spawn(keep(Arc::clone(self), Arc::downgrade(accounts), Arc::downgrade(&account)));
        }
        Ok(account)
    }

    async fn sign_in(&self, accounts: &Arc<Accounts>) -> Result<Arc<Account>, UpstreamError> {
        let token = self.source.token().await.map_err(no_token)?;
        let opened = accounts.login_to_configured(&self.address, &token).await;
        if matches!(opened, Err(UpstreamError::Unauthorized(_))) {
            self.source.refused(&token).await;
        }
        opened
    }
}

/// Renews the token of an account for as long as that is open.
async fn keep(mailbox: Arc<TokenMailbox>, accounts: Weak<Accounts>, account: Weak<Account>) {
    loop {
        tokio::time::sleep(mailbox.source.until_renewal().await.unwrap_or(RETRY)).await;
        let Some(accounts) = accounts.upgrade().filter(|_| account.strong_count() > 0) else { break };
        match mailbox.sign_in(&accounts).await {
            // It is another one if the former was given up meanwhile: whoever asks for it next keeps that.
            Ok(renewed) if Weak::ptr_eq(&Arc::downgrade(&renewed), &account) => {}
            Ok(_) => break,
            Err(error) => {
                tracing::error!(mailbox = mailbox.address, %error, "the access token can't be renewed");
                tokio::time::sleep(RETRY).await;
            }
        }
    }
    mailbox.kept.store(false, Ordering::Release);
}

fn no_token(error: OAuthError) -> UpstreamError {
    if error.is_transient() {
        UpstreamError::Unreachable(error.to_string())
    } else {
        UpstreamError::SignIn(error.to_string())
    }
}

/// An `[[account]]`: a mailbox with tokens, behind a password of the gateway's own.
pub(crate) struct FixedAccount {
    user: String,
    password: [u8; 32],
    pub(crate) mailbox: Arc<TokenMailbox>,
}

impl FixedAccount {
    /// Reads the password that clients log in with.
    ///
    /// # Errors
    /// Files that can't be read, and settings that can't be used.
    pub(crate) fn new(position: usize, config: &AccountConfig) -> Result<Self, ConfigError> {
        let key = format!("account[{position}]");
        let password = password(&config.user_password_file)
            .map_err(|problem| ConfigError::invalid(format!("{key}.user_password_file"), problem))?;
        let mailbox = Arc::new(TokenMailbox::new(&key, &config.mailbox, &config.oauth)?);
        Ok(Self { user: config.user.trim().to_lowercase(), password: digest(&password), mailbox })
    }

    /// Whether a client's password is this account's; `None` if it is another one's name.
    pub(crate) fn check(&self, user: &str, password: &SecretString) -> Option<bool> {
        // Digests are of one length, so comparing them tells nothing, not even how long the password is.
        (user.trim().to_lowercase() == self.user).then(|| digest(password).ct_eq(&self.password).into())
    }
}

fn digest(password: &SecretString) -> [u8; 32] {
    Sha256::digest(password.expose_secret().as_bytes()).into()
}

fn password(path: &Path) -> Result<SecretString, String> {
    let text = std::fs::read_to_string(path).map(Zeroizing::new);
    let text = text.map_err(|error| format!("{}: {error}", path.display()))?;
    let line = text.trim_end_matches(['\r', '\n']);
    if line.is_empty() || line.len() > MAX_PASSWORD {
        return Err(format!("{}: expected a password of 1 to {MAX_PASSWORD} bytes", path.display()));
    }
    Ok(SecretString::from(line))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_client_needs_the_password_of_its_account() {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(b"secret\n").expect("written");
        let text = format!(
            "user = \"Archive\"\nuser_password_file = \"{}\"\nmailbox = \"a@example.org\"\n\
             oauth = {{ token_url = \"http://127.0.0.1/\", client_id = \"x\", client_secret_env = \"HOME\", \
             allow_plain_http = true }}",
            file.path().display()
        );
        let account = FixedAccount::new(0, &toml::from_str(&text).expect("well-formed")).expect("good");
        assert_eq!(account.check("archive ", &"secret".into()), Some(true));
        assert_eq!(account.check("ARCHIVE", &"Secret".into()), Some(false));
        assert_eq!(account.check("alice@example.org", &"secret".into()), None);
    }
}
