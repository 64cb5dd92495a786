//! The gateway: configuration, accounts, ledger, sync, conversion between MAPI and MIME, and the bridge to the fronts.

pub mod convert;
pub mod ledger;
pub mod sync;
