//! Identifiers of RFC 8474 (OBJECTID): letters, digits, `-` and `_`, as they are shown and compared.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mail_core::FolderKey;

/// So much of a digest is enough to tell messages apart, also where somebody tries to make two that have it in common.
const DIGEST_BYTES: usize = 24;

/// MAILBOXID: that of the folder, whatever its name.
pub(crate) fn mailbox_id(folder: &FolderKey) -> String {
    format!("F{}", URL_SAFE_NO_PAD.encode(&folder.0))
}

/// EMAILID of a message whose bytes have this SHA-256 digest: the same for copies, in whatever folder, and another one for
/// other bytes.
pub(crate) fn email_id(digest: &[u8; 32]) -> String {
    format!("M{}", URL_SAFE_NO_PAD.encode(digest.get(..DIGEST_BYTES).unwrap_or(digest)))
}
