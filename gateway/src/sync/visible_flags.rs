use mail_core::FlagSet;

use crate::ledger::MessageRecord;

/// The flags that sessions see: the server's, changed by the overlays.
pub(super) fn visible_flags(row: &MessageRecord) -> FlagSet {
    FlagSet::from_bits(row.server_flags)
        .union(FlagSet::from_bits(row.overlay_set))
        .difference(FlagSet::from_bits(row.overlay_cleared))
}
