use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::connector::Connector;
use super::error::UpstreamError;
use crate::convert::mapi_to_mime::ResolvedAddresses;

/// Names kept per account; beyond that the memory is emptied and begun anew.
const MAX_NAMES: usize = 50_000;

/// Finds SMTP addresses for the distinguished names of Exchange users, and remembers them.
#[derive(Default)]
pub struct KnownAddresses {
    known: Mutex<HashMap<String, Option<String>>>,
}

impl KnownAddresses {
    /// What the address book says of each name; asked through `connector`.
    ///
    /// # Errors
    /// An address book that can't be asked: what depends on it must wait.
    pub async fn resolve(&self, connector: &Connector, names: Vec<String>) -> Result<ResolvedAddresses, UpstreamError> {
        let missing: Vec<String> = {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            names.iter().filter(|name| !known.contains_key(&name.to_lowercase())).cloned().collect()
        };
        if !missing.is_empty() {
            let found = connector.resolve(&missing).await?;
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
