use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use super::LedgerError;

/// Runs work on a database, which panics on some damaged files. The one place where that is caught.
///
/// # Errors
/// Those of the work, and [`LedgerError::Panicked`]. The database is to be closed then.
pub(super) fn guarded<T>(path: &Path, work: impl FnOnce() -> Result<T, LedgerError>) -> Result<T, LedgerError> {
    // Whoever gets `Panicked` drops the database, and with it whatever the panic left half done.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let what = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a word").to_owned();
        Err(LedgerError::Panicked { path: path.to_owned(), what })
    })
}
