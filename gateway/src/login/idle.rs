//! Accounts that nobody uses: each takes a connection to the upstream and memory, and saves the next login of its user some
//! requests.

use std::sync::Arc;
use std::time::Duration;

use super::accounts::Accounts;
use crate::account::Account;

impl Accounts {
    /// Shuts down accounts that nobody has used for long.
    pub(super) fn close_idle(&self) {
        self.accounts.retain(|_, account| unused_for(account).is_none_or(|idle| idle < self.idle));
        self.close_surplus();
    }

    /// Shuts down accounts that nobody uses, those that were used least lately, until no more than the configured number of
    /// these is left. Those that are in use don't count.
    pub(super) fn close_surplus(&self) {
        if self.accounts.len() <= self.idle_accounts {
            return;
        }
        let all = self.accounts.iter();
        let mut unused: Vec<_> =
            all.filter_map(|entry| Some((unused_for(entry.value())?, entry.key().clone()))).collect();
        unused.sort_by_key(|(idle, _)| *idle);
        for (_, key) in unused.into_iter().skip(self.idle_accounts) {
            // Somebody may have come for it meanwhile.
            self.accounts.remove_if(&key, |_, account| unused_for(account).is_some());
        }
    }
}

/// For how long nobody has used the account; `None` while somebody does.
fn unused_for(account: &Arc<Account>) -> Option<Duration> {
    // The one is that of the registry.
    (Arc::strong_count(account) == 1).then(|| account.context().idle_for())
}
