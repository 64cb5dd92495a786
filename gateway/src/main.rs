//! `mapi-gateway`: see `mapi-gateway --help`.

use std::process::ExitCode;

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    gateway::cli::main()
}

#[cfg(all(test, target_os = "linux", feature = "mimalloc"))]
mod tests {
    use std::fs;

    /// Memory of this process in KiB.
    fn memory() -> u64 {
        let status = fs::read_to_string("/proc/self/status").expect("read");
        let figure = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a figure");
        figure.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    /// What `.cargo/config.toml` says of the allocator holds.
    #[test]
    fn large_buffers_are_given_back_at_once() {
        let before = memory();
        for mebibytes in [1, 2, 5, 12, 34, 68] {
            let buffers: Vec<Vec<u8>> = (0..4).map(|_| vec![1; mebibytes << 20 | 4096]).collect();
            assert!(memory() >= before + 4 * 1024 * mebibytes as u64);
            drop(buffers);
            let after = memory();
            assert!(after < before + 2048, "{mebibytes} MiB: {before} KiB before, {after} KiB after");
        }
    }
}
