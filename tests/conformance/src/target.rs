use mapi_core::client::ClientSettings;

/// Somebody with a mailbox on the server.
#[derive(Debug, Clone)]
pub struct Person {
    /// The SMTP address.
    pub address: String,
    /// How to reach the mailbox.
    pub settings: ClientSettings,
}

impl Person {
    /// legacyExchangeDN of the mailbox.
    pub fn legacy_dn(&self) -> &str {
        &self.settings.connect.user_dn
    }
}

/// The server under test.
#[derive(Debug, Clone)]
pub struct Target {
    /// In whose mailbox the scenarios work.
    pub user: Person,
    /// Who gets mail, and whose mailbox is tried in vain.
    pub second: Option<Person>,
}
