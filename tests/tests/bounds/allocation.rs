//! What decoders allocate for bytes from outside is bounded by how many bytes there are, whatever lengths and counts those
//! announce. Measured over the corpus of the fuzz targets and damage that announces much.

use std::fs;
use std::path::Path;

use libtest_mimic::Trial;
use tests::fuzz::TARGETS;

use super::{ALLOCATOR, trial};

/// Bytes of memory per byte of input, everything that a target does with it included (it decodes, encodes, decodes again).
const PER_BYTE: usize = 128;
/// What any input may cost: buffers of fixed size, and outputs that a format bounds by itself (a payload unpacks to at most
/// 64 KiB).
const BASE: usize = 256 << 10;

/// A server with its client, and no decoder: what a connection takes is bounded by its limits, whatever is said in it.
const CONNECTIONS: [&str; 1] = ["imap_session"];

fn measure(target: &str, file: &str, body: fn(&[u8]), data: &[u8]) {
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    body(data);
    let used = ALLOCATOR.peak_usage().saturating_sub(before);
    let bound = BASE + PER_BYTE * data.len();
    assert!(used <= bound, "{target}: {used} bytes allocated for {} bytes of input (damaged {file})", data.len());
}

pub fn trials() -> Vec<Trial> {
    vec![trial(
        "allocation::memory_follows_the_input_and_not_what_it_announces",
        memory_follows_the_input_and_not_what_it_announces,
    )]
}

fn memory_follows_the_input_and_not_what_it_announces() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let mut inputs = 0;
    for (target, body) in TARGETS.iter().filter(|(target, _)| !CONNECTIONS.contains(target)) {
        for entry in fs::read_dir(corpus.join(target)).expect("a corpus") {
            let path = entry.expect("a directory entry").path();
            let file = path.display().to_string();
            let data = fs::read(&path).expect("a readable seed");
            measure(target, &file, *body, &data);
            for step in 0..100 {
                let at = data.len() * step / 100;
                for announced in [[0xFF, 0xFF, 0xFF, 0xFF], [0xFF, 0xFF, 0xFF, 0x7F], [0x00, 0x00, 0x00, 0x40]] {
                    let mut damaged = data.clone();
                    damaged.iter_mut().skip(at).zip(announced).for_each(|(byte, new)| *byte = new);
                    measure(target, &file, *body, &damaged);
                    inputs += 1;
                }
            }
        }
    }
    assert!(inputs > 10_000, "{inputs} inputs");
}
