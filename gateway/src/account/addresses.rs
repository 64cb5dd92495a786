use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::connect::Connector;
use super::error::UpstreamError;
use crate::convert::mapi_to_mime::ResolvedAddresses;

/// Names kept per account; beyond that the memory is emptied and begun anew.
const MAX_NAMES: usize = 50_000;

/// Finds SMTP addresses for the distinguished names of Exchange users, and remembers them.
pub struct AddressBook {
    connector: Arc<Connector>,
    known: Mutex<HashMap<String, Option<String>>>,
}

impl AddressBook {
    /// Nothing is known yet.
    pub fn new(connector: Arc<Connector>) -> Self {
        Self { connector, known: Mutex::default() }
    }

    /// What the address book says of each name.
    ///
    /// # Errors
    /// An address book that can't be asked: what depends on it must wait.
    pub async fn resolve(&self, names: Vec<String>) -> Result<ResolvedAddresses, UpstreamError> {
        let missing: Vec<String> = {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            names.iter().filter(|name| !known.contains_key(&name.to_lowercase())).cloned().collect()
        };
        if !missing.is_empty() {
            let found = self.connector.resolve(&missing).await?;
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if known.len() + missing.len() > MAX_NAMES {
                known.clear();
            }
            known.extend(missing.iter().map(|name| name.to_lowercase()).zip(found));
        }
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut resolved = ResolvedAddresses::default();
        for name in names {
            let address = known.get(&name.to_lowercase()).cloned().flatten();
            resolved.insert(&name, address);
        }
        Ok(resolved)
    }
}
