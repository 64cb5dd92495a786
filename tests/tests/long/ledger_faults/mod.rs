//! The storage of ledgers fails in every way: no room or an I/O error at every write, an I/O error at every read, files that
//! are damaged, a file system that is full under a running gateway. Nothing panics, no row is wrong, no UID is another
//! message's unless UIDVALIDITY rose, and everything goes on by itself.
//!
//! A sample by default, everything with `FULL=1`. Figures are printed.

mod damage;
mod damaged;
mod disk;
mod full;
mod idle;
mod script;
mod shadow;

use super::{Trial, is_full};

pub fn trials() -> Vec<Trial> {
    let small_disks = full::can_mount();
    vec![
        Trial::test("ledger_faults::every_write_and_read_may_fail", disk::every_write_and_read_may_fail),
        Trial::test("ledger_faults::damaged_files_are_never_believed", damaged::files_are_never_believed),
        Trial::test("ledger_faults::damaged_files_under_a_gateway", damaged::under_a_gateway),
        Trial::test(
            "ledger_faults::a_full_disk_stops_nothing_but_what_needs_it",
            full::stops_nothing_but_what_needs_it,
        )
        .with_ignored_flag(!small_disks),
        Trial::test("ledger_faults::idle_mailboxes_cost_little", idle::mailboxes_cost_little),
    ]
}
