use mail_core::utf7;

use super::text::text;

/// A mailbox name as it came, in Unicode. Names that are not modified UTF-7 are taken as UTF-8, as some clients send it.
pub(super) fn mailbox_name(bytes: &[u8]) -> String {
    let name = utf7::decode(bytes).unwrap_or_else(|| text(bytes));
    match name.split_at_checked(5) {
        Some((first, rest)) if first.eq_ignore_ascii_case("INBOX") && (rest.is_empty() || rest.starts_with('/')) => {
            format!("INBOX{rest}")
        }
        _ => name,
    }
}
