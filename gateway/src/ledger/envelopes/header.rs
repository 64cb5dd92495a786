//! The beginning of a file: whose it is, and which release wrote it.

use mapi_core::id::Guid;
use sha2::{Digest, Sha256};

/// Bytes of a header.
pub(super) const LEN: usize = 64;
/// The form of everything in the file.
const FORM: u8 = 1;

/// That of a mailbox's file, as this release writes it. Another release may find another structure in the same messages, so
/// what it wrote counts for nothing.
pub(super) fn of(mailbox: Guid) -> [u8; LEN] {
    of_release(mailbox, env!("CARGO_PKG_VERSION"))
}

fn of_release(mailbox: Guid, release: &str) -> [u8; LEN] {
    let mut header = [0; LEN];
    header[..16].copy_from_slice(b"mapi-gateway env");
    header[16..32].copy_from_slice(&mailbox.0);
    let mut hash = Sha256::new();
    hash.update([FORM]);
    hash.update(mailbox.0);
    hash.update(release);
    header[32..].copy_from_slice(&hash.finalize());
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_mailboxes_and_releases_have_others() {
        let (one, other) = (Guid([1; 16]), Guid([2; 16]));
        assert_eq!(of(one), of(one));
        assert_ne!(of(one), of(other));
        assert_ne!(of_release(one, "1.0.0"), of_release(one, "1.0.1"));
    }
}
