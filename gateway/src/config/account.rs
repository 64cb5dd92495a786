use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{ConfigError, OAuthConfig};

/// A mailbox that clients log in to with a password of the gateway's own, while the gateway signs in with access tokens: for
/// programs that know nothing of OAuth.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AccountConfig {
    /// The name that clients log in with.
    pub user: String,
    /// File with the password that belongs to it; unknown to the upstream.
    pub user_password_file: PathBuf,
    /// The address of the mailbox.
    pub mailbox: String,
    /// How to get access tokens for it.
    pub oauth: OAuthConfig,
}

/// What is wrong with the accounts of a configuration.
pub(super) fn problems(accounts: &[AccountConfig]) -> Vec<ConfigError> {
    let mut out = Vec::new();
    for (position, account) in accounts.iter().enumerate() {
        let key = format!("account[{position}]");
        let same = |other: &AccountConfig| other.user.eq_ignore_ascii_case(&account.user);
        if account.user.trim().is_empty() || accounts[..position].iter().any(same) {
            let problem = "expected a name that no other [[account]] has".to_owned();
            out.push(ConfigError::invalid(format!("{key}.user"), problem));
        }
        if !account.mailbox.contains('@') {
            let problem = "expected the mailbox's address, such as archive@example.org".to_owned();
            out.push(ConfigError::invalid(format!("{key}.mailbox"), problem));
        }
        out.extend(account.oauth.problems(&format!("{key}.oauth")));
    }
    out
}
