use mapi_core::id::Guid;

use super::entry_id;

/// Somebody with a mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Primary SMTP address, in lower case.
    pub address: String,
    /// Password for Basic authentication.
    pub password: String,
    /// Display name.
    pub display_name: String,
    /// Further SMTP addresses, in lower case.
    pub aliases: Vec<String>,
    /// legacyExchangeDN.
    pub legacy_dn: String,
    /// GUID of the mailbox.
    pub mailbox_guid: Guid,
}

/// The organisation part that all names of this server share (DnPrefix of Connect).
pub const DN_PREFIX: &str = "/o=Sandbox/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients/cn=";

impl User {
    /// A user whose mailbox and name derive from the address, the same in every run.
    pub fn new(address: &str, password: &str, display_name: &str) -> Self {
        let address = address.to_ascii_lowercase();
        let guid = guid_of(&format!("mailbox {address}"));
        let local = address.split('@').next().unwrap_or_default();
        let hash = u32::from_le_bytes([guid.0[0], guid.0[1], guid.0[2], guid.0[3]]);
        Self {
            legacy_dn: format!("{DN_PREFIX}{hash:08x}-{local}"),
            mailbox_guid: guid,
            password: password.to_owned(),
            display_name: display_name.to_owned(),
            aliases: Vec::new(),
            address,
        }
    }

    /// Whether mail for `address` is this user's.
    pub fn has_address(&self, address: &str) -> bool {
        self.address.eq_ignore_ascii_case(address) || self.aliases.iter().any(|a| a.eq_ignore_ascii_case(address))
    }

    /// The permanent address book EntryID.
    pub fn entry_id(&self) -> Vec<u8> {
        entry_id::address_book(&self.legacy_dn, 0)
    }

    /// PidTagSearchKey of the user as a sender or recipient.
    pub fn search_key(&self) -> Vec<u8> {
        let mut key = format!("EX:{}", self.legacy_dn.to_ascii_uppercase()).into_bytes();
        key.push(0);
        key
    }
}

/// A GUID that is a function of `text` (two rounds of FNV-1a, marked as a name-based GUID of version 8).
pub(crate) fn guid_of(text: &str) -> Guid {
    let fnv = |seed: u64| {
        text.bytes().fold(seed, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)).to_le_bytes()
    };
    let mut out = [0; 16];
    out[..8].copy_from_slice(&fnv(0xCBF2_9CE4_8422_2325));
    out[8..].copy_from_slice(&fnv(0x6C62_272E_07BB_0142));
    out[7] = (out[7] & 0x0F) | 0x80;
    out[8] = (out[8] & 0x3F) | 0x80;
    Guid(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_the_same_in_every_run() {
        let user = User::new("Alice@Example.test", "demo", "Alice Example");
        assert_eq!(user, User::new("alice@example.test", "demo", "Alice Example"));
        assert!(user.has_address("ALICE@example.TEST"));
        assert_ne!(user.mailbox_guid, User::new("bob@example.test", "demo", "Bob").mailbox_guid);
    }
}
