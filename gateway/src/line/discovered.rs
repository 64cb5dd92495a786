use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use mapi_core::client::Endpoints;

/// Where a user's mailbox is.
pub(crate) struct Target {
    /// Its URLs.
    pub(crate) endpoints: Endpoints,
    /// Its legacyExchangeDN.
    pub(crate) legacy_dn: String,
}

/// What Autodiscover found of mailboxes, by address, for a while. There are no secrets in it: whoever uses it has to sign in
/// there.
pub(crate) struct Discovered {
    lifetime: Duration,
    limit: usize,
    targets: Mutex<HashMap<String, (Arc<Target>, Instant)>>,
}

impl Discovered {
    /// Keeps up to `limit` mailboxes, each for `lifetime`.
    pub(crate) fn new(lifetime: Duration, limit: usize) -> Self {
        Self { lifetime, limit, targets: Mutex::default() }
    }

    /// Where the mailbox is, if that was found lately.
    pub(crate) fn get(&self, address: &str, now: Instant) -> Option<Arc<Target>> {
        let targets = self.targets();
        let (target, found) = targets.get(&address.to_lowercase())?;
        (now.saturating_duration_since(*found) < self.lifetime).then(|| Arc::clone(target))
    }

    /// Remembers where the mailbox is.
    pub(crate) fn put(&self, address: &str, target: Arc<Target>, now: Instant) {
        let mut targets = self.targets();
        if targets.len() >= self.limit {
            targets.retain(|_, (_, found)| now.saturating_duration_since(*found) < self.lifetime);
        }
        if targets.len() < self.limit {
            targets.insert(address.to_lowercase(), (target, now));
        }
    }

    /// It is not there any more. Another place that was found meanwhile stays.
    pub(crate) fn forget(&self, address: &str, wrong: &Arc<Target>) {
        let mut targets = self.targets();
        let address = address.to_lowercase();
        if targets.get(&address).is_some_and(|(known, _)| Arc::ptr_eq(known, wrong)) {
            targets.remove(&address);
        }
    }

    fn targets(&self) -> MutexGuard<'_, HashMap<String, (Arc<Target>, Instant)>> {
        self.targets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use mapi_core::auth::PlainHttp;
    use mapi_core::client::{EndpointUrl, Endpoints};

    use super::*;

    fn target() -> Arc<Target> {
        let emsmdb = EndpointUrl::parse("https://mail.test/mapi/emsmdb/", PlainHttp::Refuse).expect("a URL");
        Arc::new(Target { endpoints: Endpoints { emsmdb, nspi: None }, legacy_dn: "/o=x".into() })
    }

    #[test]
    fn for_a_while_and_not_too_many() {
        let discovered = Discovered::new(Duration::from_secs(60), 2);
        let now = Instant::now();
        let (first, second) = (target(), target());
        discovered.put("Alice@lab.test", Arc::clone(&first), now);
        let known = |address, seconds| discovered.get(address, now + Duration::from_secs(seconds)).is_some();
        assert!(known("alice@LAB.test", 59) && !known("alice@lab.test", 60) && !known("bob@lab.test", 0));
        discovered.put("bob@lab.test", Arc::clone(&second), now);
        discovered.put("carol@lab.test", target(), now);
        assert!(!known("carol@lab.test", 0));
        discovered.forget("bob@lab.test", &first);
        assert!(known("bob@lab.test", 0));
        discovered.forget("bob@lab.test", &second);
        assert!(!known("bob@lab.test", 0));
        discovered.put("carol@lab.test", target(), now + Duration::from_secs(61));
        assert!(known("carol@lab.test", 61) && !known("alice@lab.test", 61));
    }
}
