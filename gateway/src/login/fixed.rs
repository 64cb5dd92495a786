use std::path::Path;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::token_mailbox::TokenMailbox;
use crate::config::{AccountConfig, ConfigError};

/// Longest password in a file.
const MAX_PASSWORD: usize = 4096;

/// An `[[account]]`: a mailbox with tokens, behind a password of the gateway's own.
pub(crate) struct FixedAccount {
    config: AccountConfig,
    user: String,
    password: [u8; 32],
    pub(crate) mailbox: Arc<TokenMailbox>,
}

impl FixedAccount {
    /// All accounts of a configuration; those among `older` whose mailbox and tokens are the same go on with the tokens that
    /// these have. Blocks.
    ///
    /// # Errors
    /// As [`FixedAccount::new`].
    pub(crate) fn all(configs: &[AccountConfig], older: &[Self]) -> Result<Arc<[Self]>, ConfigError> {
        let account = |(position, config): (usize, &AccountConfig)| {
            let mut account = Self::new(position, config)?;
            let same = |old: &&Self| old.config.mailbox == config.mailbox && old.config.oauth == config.oauth;
            if let Some(old) = older.iter().find(same) {
                account.mailbox = Arc::clone(&old.mailbox);
            }
            Ok(account)
        };
        configs.iter().enumerate().map(account).collect()
    }

    /// Reads the password that clients log in with.
    ///
    /// # Errors
    /// Files that can't be read, and settings that can't be used.
    pub(crate) fn new(position: usize, config: &AccountConfig) -> Result<Self, ConfigError> {
        let key = format!("account[{position}]");
        let password = password(&config.user_password_file)
            .map_err(|problem| ConfigError::invalid(format!("{key}.user_password_file"), problem))?;
        let mailbox = Arc::new(TokenMailbox::new(&key, &config.mailbox, &config.oauth)?);
        Ok(Self {
            user: config.user.trim().to_lowercase(),
            password: digest(&password),
            mailbox,
            config: config.clone(),
        })
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
