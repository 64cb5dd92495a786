//! What input from outside may cost: no panic, and no more memory than it is worth.

mod allocation;
mod fuzz_corpus;
mod smtp_memory;

use libtest_mimic::{Arguments, Trial};
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

fn main() {
    let mut arguments = Arguments::from_args();
    // What one allocates must not count for another.
    arguments.test_threads = Some(1);
    let trials = [allocation::trials(), fuzz_corpus::trials(), smtp_memory::trials()].into_iter().flatten().collect();
    libtest_mimic::run(&arguments, trials).exit();
}

/// A test that fails by a panic.
fn trial(name: &'static str, test: fn()) -> Trial {
    Trial::test(name, move || {
        test();
        Ok(())
    })
}
