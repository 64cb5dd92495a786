//! Who else may use a mailbox.

use super::super::StoreResult;
use super::Mailbox;

impl Mailbox {
    /// Gives a user rights on a folder, instead of those from before.
    ///
    /// # Errors
    /// `ecNotFound`.
    pub fn grant(&mut self, folder: u64, dn: &str, rights: u32) -> StoreResult<()> {
        self.set_permissions(folder, |permissions| {
            permissions.grant(dn, rights);
            Ok(())
        })
    }

    /// Whether a user has any right anywhere in this mailbox.
    pub fn knows(&self, dn: &str) -> bool {
        let dn_lower = dn.to_ascii_lowercase();
        let delegates = self.delegates();
        self.folders().any(|folder| folder.permissions.of(dn) != 0)
            || delegates.send_as.contains(&dn_lower)
            || delegates.send_on_behalf.contains(&dn_lower)
    }
}
