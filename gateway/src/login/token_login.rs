use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, Weak};
use std::time::{Duration, Instant};

use super::accounts::Accounts;
use super::token_mailbox::TokenMailbox;
use crate::account::Account;
use crate::line::error::UpstreamError;
use crate::oauth::OAuthError;

/// How soon another token is tried to be had for an open account, if one couldn't.
const RETRY: Duration = Duration::from_secs(30);
/// How long no fresh token is fetched after the upstream refused one.
const PAUSE: Duration = Duration::from_secs(5);

impl Accounts {
    /// Opens the account of a mailbox to which the gateway itself signs in, or returns it if it is open. While it is, its token
    /// is renewed in time.
    ///
    /// # Errors
    /// No token ([`UpstreamError::SignIn`] if an administrator must help), and whatever keeps a login from succeeding.
    pub async fn login_with_own_token(
        self: &Arc<Self>,
        mailbox: &Arc<TokenMailbox>,
    ) -> Result<Arc<Account>, UpstreamError> {
        if let Some((error, until)) = &*mailbox.refused.lock().unwrap_or_else(PoisonError::into_inner)
            && Instant::now() < *until
        {
            return Err(error.clone());
        }
        let mut opened = sign_in(mailbox, self).await;
        if let Err(UpstreamError::Unauthorized(error)) = &opened {
            // Revoked, or the clocks differ: another one may be good.
            tracing::info!(mailbox = mailbox.address, %error, "another access token is tried");
            opened = sign_in(mailbox, self).await;
            let refused = opened.as_ref().err().filter(|error| matches!(error, UpstreamError::Unauthorized(_)));
            let refused = refused.map(|error| (error.clone(), Instant::now() + PAUSE));
            *mailbox.refused.lock().unwrap_or_else(PoisonError::into_inner) = refused;
        }
        let account = opened?;
        if !mailbox.kept.swap(true, Ordering::AcqRel) {
            tokio::spawn(keep(Arc::clone(mailbox), Arc::downgrade(self), Arc::downgrade(&account)));
        }
        Ok(account)
    }
}

async fn sign_in(mailbox: &TokenMailbox, accounts: &Arc<Accounts>) -> Result<Arc<Account>, UpstreamError> {
    let token = mailbox.source.token().await.map_err(no_token)?;
    let opened = accounts.login_to_configured(&mailbox.address, &token).await;
    if matches!(opened, Err(UpstreamError::Unauthorized(_))) {
        mailbox.source.refused(&token).await;
    }
    opened
}

/// Renews the token of an account for as long as that is open.
async fn keep(mailbox: Arc<TokenMailbox>, accounts: Weak<Accounts>, account: Weak<Account>) {
    loop {
        tokio::time::sleep(mailbox.source.until_renewal().await.unwrap_or(RETRY)).await;
        let Some(accounts) = accounts.upgrade().filter(|_| account.strong_count() > 0) else { break };
        match sign_in(&mailbox, &accounts).await {
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
