use std::fmt;

/// A mailbox address `local@domain` without angle brackets, checked against RFC 5321 4.1.2 or, with letters outside ASCII,
/// RFC 6531 3.3. A sender's may lack the domain: small devices have none.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Address(String);

impl Address {
    /// Wraps an address that the command parser has checked.
    pub fn new_checked(address: String) -> Self {
        Self(address)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands behind the last `@`, if there is one.
    pub fn domain(&self) -> Option<&str> {
        self.0.rsplit_once('@').map(|(_, domain)| domain)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
