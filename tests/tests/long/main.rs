//! What takes minutes: random programs and faults everywhere. A sample by default, which it says; everything with `FULL=1`.

mod fault_sweep;
mod ledger_faults;
mod model;

use libtest_mimic::{Arguments, Failed, Trial};

fn main() {
    let mut arguments = Arguments::from_args();
    // Each of them uses the whole machine.
    arguments.test_threads = Some(1);
    let trials = [model::trials(), fault_sweep::trials(), ledger_faults::trials()].into_iter().flatten().collect();
    libtest_mimic::run(&arguments, trials).exit();
}

fn is_full() -> bool {
    std::env::var("FULL").is_ok_and(|value| value == "1")
}
