//! The machine that everything runs on.

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The machine in a few words, so that figures can be compared.
pub fn describe() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find(|line| line.starts_with("model name")).and_then(|line| line.split_once(": "));
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or("?");
    format!("{cores} cores, {}, load {load} at the start", model.map_or("unknown processor", |(_, model)| model))
}

/// The calling thread, and the threads that it starts from now on, run on the first core that they may run on.
///
/// # Panics
/// What the operating system says.
pub fn stay_on_one_core() {
    let allowed = sched_getaffinity(None).expect("the cores are told");
    let first = (0..CpuSet::MAX_CPU).find(|core| allowed.is_set(*core)).expect("a core");
    let mut one = CpuSet::new();
    one.set(first);
    sched_setaffinity(None, &one).expect("a core can be chosen");
}
