use std::collections::BTreeMap;

/// What the address book says of a distinguished name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// Its SMTP address.
    Smtp(String),
    /// It was asked and knows no such entry, or one without an SMTP address.
    NoAddress,
    /// It was not asked.
    Unknown,
}

/// The addresses of address book entries that were looked up before. A pure lookup.
pub trait AddressResolver: Send + Sync {
    /// The SMTP address of a distinguished name (`/o=…/cn=…`), whatever its case.
    fn resolve(&self, legacy_dn: &str) -> Resolution;
}

/// Looked-up addresses by distinguished name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResolvedAddresses(BTreeMap<String, Option<String>>);

impl ResolvedAddresses {
    /// Records what the address book answered; `None` if the name has no SMTP address.
    pub fn insert(&mut self, legacy_dn: &str, smtp: Option<String>) {
        self.0.insert(legacy_dn.to_ascii_lowercase(), smtp);
    }
}

impl AddressResolver for ResolvedAddresses {
    fn resolve(&self, legacy_dn: &str) -> Resolution {
        match self.0.get(&legacy_dn.to_ascii_lowercase()) {
            Some(Some(smtp)) => Resolution::Smtp(smtp.clone()),
            Some(None) => Resolution::NoAddress,
            None => Resolution::Unknown,
        }
    }
}
