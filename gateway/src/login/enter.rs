use std::sync::Arc;
use std::time::Instant;

use dashmap::Entry;
use futures::FutureExt;
use mapi_core::auth::AuthError;
use secrecy::SecretString;

use super::accounts::{Accounts, Attempt, KnownLogin, LoginKey};
use super::guard::{Admitted, Denied, Verdict};
use super::known::Tag;
use super::moment::Moment;
use super::origin::Origin;
use crate::account::Account;
use crate::line::connector::Connector;
use crate::line::error::UpstreamError;
use crate::line::login::{Login, Proof, TicketFile};
use crate::line::login_name::LoginName;

impl Accounts {
    /// Opens the account of a login, from memory or by the upstream. Dropped, an attempt that began goes on.
    ///
    /// # Errors
    /// Those of [`Accounts::login`].
    pub(super) async fn enter(self: &Arc<Self>, login: Login, origin: Origin) -> Result<Arc<Account>, UpstreamError> {
        // What is a token is never taken for a password: no name has a NUL.
        let (name, secret, token) = match &login.proof {
            Proof::Password(password) => {
                // Spellings that are one name to the upstream are one here.
                let name = LoginName::parse(&self.settings.config, &login.user)?;
                (name.sign_in.to_lowercase(), password.clone(), false)
            }
            Proof::Token(token) => (format!("\0{}", login.user.to_lowercase()), token.clone(), true),
            // Whoever may use the file is decided before.
            Proof::Tickets(TicketFile::Keytab(path) | TicketFile::CredentialCache(path)) => {
                let path = path.display().to_string();
                (format!("\0\0{}", login.user.to_lowercase()), SecretString::from(path), false)
            }
        };
        let tag = self.credentials.tag(&name, &secret);
        let login_key = (name.clone(), token.then_some(tag));
        if let Some(account) = self.known_login(&login_key, &name, &secret, origin) {
            self.got_in(&account, tag, origin);
            return Ok(account);
        }
        let entered = self.attempt(login, (name.clone(), tag), origin)?.await;
        if let Origin::Configuration(stamp) = origin {
            // It may have been a client's attempt that brought the verdict.
            self.guard.sent(tag, stamp, verdict(&entered), Moment::now());
        }
        let account = entered?;
        self.got_in(&account, tag, origin);
        let accepted = self.credentials.accept(&name, &secret, Instant::now());
        self.logins.insert(login_key, KnownLogin { accepted, account: Arc::downgrade(&account) });
        Ok(account)
    }

    /// The account that is open with the same secret, if the upstream accepted it lately.
    fn known_login(&self, key: &LoginKey, name: &str, secret: &SecretString, origin: Origin) -> Option<Arc<Account>> {
        let (accepted, account) = {
            let known = self.logins.get(key)?;
            (known.accepted.clone(), known.account.upgrade()?)
        };
        if !self.credentials.is_same(&accepted, name, secret) {
            return None;
        }
        if account.context().is_locked_out() {
            // It was refused when a session was to be opened anew: it is right no more, and was sent already.
            let tag = self.credentials.tag(name, secret);
            self.guard.forget(&account.context().user().to_lowercase(), tag);
            if let Origin::Configuration(stamp) = origin
                && !self.guard.was_refused(tag)
            {
                self.guard.sent(tag, stamp, Verdict::Refused, Moment::now());
            }
            return None;
        }
        self.credentials.is_recent(&accepted, Instant::now()).then_some(account)
    }

    fn got_in(&self, account: &Account, tag: Tag, origin: Origin) {
        if let Origin::Client(address) = origin {
            self.guard.got_in(&account.context().user().to_lowercase(), tag, Some(address), Moment::now());
        }
        account.context().touch();
    }

    /// The attempt to log in: the one that is under way, or one that is begun if the guard lets it.
    fn attempt(self: &Arc<Self>, login: Login, key: (String, Tag), origin: Origin) -> Result<Attempt, UpstreamError> {
        let vacant = match self.attempts.entry(key.clone()) {
            Entry::Occupied(under_way) => return Ok(under_way.get().clone()),
            Entry::Vacant(vacant) => vacant,
        };
        let connector = Arc::new(Connector::new(Arc::clone(&self.settings), login)?);
        let who = connector.user().to_lowercase();
        let admitted = match origin {
            Origin::Client(address) => {
                // Guesses count by user, however the name is written. What was refused is refused as it was sent: the upstream
                // may know the user by another spelling only.
                Some(self.guard.admit(&who, key.1, Some(address), Moment::now()).map_err(|why| match why {
                    Denied::Refused => UpstreamError::Unauthorized(AuthError::Refused),
                    Denied::TooMany(wait) => {
                        tracing::warn!(user = who, %address, "too many wrong passwords; not passing on another");
                        UpstreamError::TooManyAttempts(wait)
                    }
                })?)
            }
            Origin::Configuration(stamp) if !self.guard.may_send(key.1, stamp, Moment::now()) => {
                tracing::debug!(user = who, "a refused secret of the configuration is not sent again yet");
                return Err(UpstreamError::Unauthorized(AuthError::Refused));
            }
            Origin::Token | Origin::Configuration(_) => None,
        };
        let mut under_way = UnderWay { accounts: Arc::clone(self), key, origin, admitted };
        // A task of its own: it comes to its end, and out of the map, even if every client hangs up.
        let task = tokio::spawn(async move {
            let result = Arc::clone(&under_way.accounts).open(connector).await;
            // Before the next attempt may begin.
            under_way.settle(verdict(&result));
            result
        });
        let ended = |error| UpstreamError::Internal(format!("a login task ended: {error}"));
        Ok(vacant.insert(async move { task.await.map_err(ended)? }.boxed().shared()).clone())
    }
}

/// An attempt to log in. However it ends, by a panic or with its task too, nothing of it stays behind.
struct UnderWay {
    accounts: Arc<Accounts>,
    key: (String, Tag),
    origin: Origin,
    admitted: Option<Admitted>,
}

impl UnderWay {
    fn settle(&mut self, verdict: Verdict) {
        if let Some(admitted) = self.admitted.take() {
            self.accounts.guard.settle(admitted, verdict, Moment::now());
        }
        if let Origin::Configuration(stamp) = self.origin {
            self.accounts.guard.sent(self.key.1, stamp, verdict, Moment::now());
            if verdict == Verdict::Refused {
                tracing::error!(
                    user = self.key.0.trim_start_matches('\0'),
                    "a secret of the configuration is refused; it is sent again in an hour, or when its file or the configuration has changed"
                );
            }
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.settle(Verdict::Unknown);
        self.accounts.attempts.remove(&self.key);
    }
}

/// What an attempt to open a mailbox says of the password.
fn verdict(opened: &Result<Arc<Account>, UpstreamError>) -> Verdict {
    match opened {
        Ok(_) => Verdict::Accepted,
        Err(UpstreamError::Unauthorized(_) | UpstreamError::NoMailbox(_)) => Verdict::Refused,
        Err(_) => Verdict::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[tokio::test]
    async fn a_login_that_panics_or_is_aborted_leaves_nothing_behind() {
        let config = "[upstream]\ndomains = [\"example.test\"]\nwrong_passwords_per_user = 2\n\n\
                      [[imap.listener]]\naddress = \"127.0.0.1:0\"\ntls = \"none\"\nallow_plaintext_auth = true\n";
        let config = Config::parse(config).expect("a configuration");
        let accounts = Accounts::new(&config).expect("accounts");
        for aborts in [false, true, false, true] {
            let key = ("alice".to_owned(), [7; 32]);
            let admitted = accounts.guard.admit("alice", key.1, None, Moment::now()).ok();
            assert!(admitted.is_some(), "those before count no more");
            accounts.attempts.insert(key.clone(), std::future::pending().boxed().shared());
            let under_way = UnderWay { accounts: Arc::clone(&accounts), key, origin: Origin::Token, admitted };
            let task = tokio::spawn(async move {
                let _under_way = under_way;
                assert!(aborts, "a fault of ours");
                std::future::pending::<()>().await;
            });
            if aborts {
                tokio::task::yield_now().await;
                task.abort();
            }
            assert!(task.await.is_err());
            assert!(accounts.attempts.is_empty());
        }
    }
}
