//! What input from outside may cost: no panic, no more memory than it is worth, and no second reading.

mod allocation;
mod fuzz_corpus;
mod reads;
mod smtp_memory;

use libtest_mimic::{Arguments, Trial};
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

fn main() {
    let mut arguments = Arguments::from_args();
    // What one allocates must not count for another.
    arguments.test_threads = Some(1);
    let all = [allocation::trials(), fuzz_corpus::trials(), reads::trials(), smtp_memory::trials()];
    let trials = all.into_iter().flatten().collect();
    libtest_mimic::run(&arguments, trials).exit();
}

/// A test that fails by a panic.
fn trial(name: &'static str, test: fn()) -> Trial {
    Trial::test(name, move || {
        test();
        Ok(())
    })
}
