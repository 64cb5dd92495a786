use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use mapi_core::client::ClientError;
use mapi_core::nspi::{AddressBook, AddressEntry, Resolution};

use super::connector::Connector;
use super::error::{UpstreamError, client_error};

/// For how long a found address is known.
const FOUND: Duration = Duration::from_secs(60 * 60);
/// For how long it is known that an address was not found. Short: somebody may just be making it.
const NOT_FOUND: Duration = Duration::from_secs(60);
/// For how long an address book that failed is not asked again.
const REST: Duration = Duration::from_secs(60);
/// For how long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// Addresses remembered per account; beyond that the memory is emptied and begun anew.
const MAX_ADDRESSES: usize = 10_000;

/// What the address book of an account's server says of SMTP addresses, remembered for a while. It is asked outside the
/// mailbox's session.
#[derive(Default)]
pub struct Directory {
    known: Mutex<HashMap<String, (Instant, Finding)>>,
    resting_until: Mutex<Option<Instant>>,
    session: tokio::sync::Mutex<Option<OpenBook>>,
}

/// What is known of an SMTP address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// It is this entry's.
    Entry(Arc<AddressEntry>),
    /// No entry has it. That is certain, as far as entries are not hidden.
    Nobody,
    /// The server does not say for sure.
    Unsure,
}

/// An address book that is open, and whose password opened it.
struct OpenBook {
    connector: Arc<Connector>,
    book: AddressBook,
}

impl Directory {
    /// Who has an SMTP address.
    ///
    /// # Errors
    /// There is no address book, it can't be asked, or could not be a moment ago.
    pub async fn find(&self, connector: Arc<Connector>, address: &str) -> Result<Finding, UpstreamError> {
        let address = address.to_lowercase();
        let now = Instant::now();
        if let Some(finding) = self.remembered(&address, now) {
            return Ok(finding);
        }
        let resting = *self.resting_until.lock().unwrap_or_else(PoisonError::into_inner);
        if resting.is_some_and(|until| now < until) {
            return Err(UpstreamError::Unreachable("the address book could not be asked a moment ago".into()));
        }
        let asked = tokio::time::timeout(PATIENCE, self.ask(connector, &address)).await;
        let found =
            asked.unwrap_or_else(|_| Err(UpstreamError::Unreachable("the address book does not answer".into())));
        match &found {
            Ok(finding) => self.remember(address, finding.clone(), now),
            Err(_) => {
                let mut resting = self.resting_until.lock().unwrap_or_else(PoisonError::into_inner);
                *resting = Some(Instant::now() + REST);
            }
        }
        found
    }

    fn remembered(&self, address: &str, now: Instant) -> Option<Finding> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, finding) = known.get(address)?;
        let lifetime = if matches!(finding, Finding::Entry(_)) { FOUND } else { NOT_FOUND };
        (now.duration_since(*at) < lifetime).then(|| finding.clone())
    }

    fn remember(&self, address: String, finding: Finding, now: Instant) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_ADDRESSES {
            known.clear();
        }
        known.insert(address, (now, finding));
    }

    async fn ask(&self, connector: Arc<Connector>, address: &str) -> Result<Finding, UpstreamError> {
        let mut session = self.session.lock().await;
        // Taken out, so that one that fails, or that nobody waits for any more, is not used again.
        let open = match session.take().filter(|session| Arc::ptr_eq(&session.connector, &connector)) {
            Some(open) => open,
            None => OpenBook { book: connector.address_book().await?, connector },
        };
        let finding = look(&open.book, address).await.map_err(|error| client_error(&error))?;
        *session = Some(open);
        Ok(finding)
    }
}

/// Asks for exactly this address. Some servers call a name ambiguous that nobody has (seen on Gromox): those are asked once
/// more for everything that resembles it.
async fn look(book: &AddressBook, address: &str) -> Result<Finding, ClientError> {
    Ok(match book.resolve_name(&format!("=SMTP:{address}")).await? {
        Resolution::Found(entry) => Finding::Entry(Arc::new(entry)),
        Resolution::Unknown => Finding::Nobody,
        Resolution::Ambiguous if book.has_matches(address).await? => Finding::Unsure,
        Resolution::Ambiguous => Finding::Nobody,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_are_remembered_for_a_while() {
        let directory = Directory::default();
        let start = Instant::now();
        let entry = Finding::Entry(Arc::new(AddressEntry::default()));
        directory.remember("a@x".into(), entry.clone(), start);
        directory.remember("b@x".into(), Finding::Nobody, start);
        let at = |address, seconds| directory.remembered(address, start + Duration::from_secs(seconds));
        assert_eq!((at("a@x", 3599), at("a@x", 3600)), (Some(entry), None));
        assert_eq!((at("b@x", 59), at("b@x", 60)), (Some(Finding::Nobody), None));
        for n in 0..MAX_ADDRESSES {
            directory.remember(format!("{n}@x"), Finding::Nobody, start);
        }
        assert!(directory.known.lock().expect("not poisoned").len() <= MAX_ADDRESSES);
    }
}
