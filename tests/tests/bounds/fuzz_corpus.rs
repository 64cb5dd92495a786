//! Replays the corpus of every fuzz target, and simple damage of it, on a stable toolchain.

use std::fs;
use std::path::{Path, PathBuf};

use libtest_mimic::Trial;
use tests::fuzz::TARGETS;

use super::trial;

pub fn trials() -> Vec<Trial> {
    vec![
        trial("fuzz_corpus::every_target_has_a_corpus_and_a_program", every_target_has_a_corpus_and_a_program),
        trial("fuzz_corpus::the_corpus_replays", the_corpus_replays),
    ]
}

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus")
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("a directory entry").file_name().into_string().expect("UTF-8")).collect();
    names.sort_unstable();
    names
}

fn every_target_has_a_corpus_and_a_program() {
    let mut targets: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
    targets.sort_unstable();
    assert_eq!(names(&corpus()), targets);
    let programs = corpus().with_file_name("fuzz_targets");
    assert_eq!(names(&programs), targets.iter().map(|name| format!("{name}.rs")).collect::<Vec<_>>());
}

fn the_corpus_replays() {
    for (target, body) in TARGETS {
        let directory = corpus().join(target);
        let files = names(&directory);
        assert!(!files.is_empty(), "{target} has seeds");
        for file in files {
            let data = fs::read(directory.join(&file)).expect("a readable seed");
            body(&data);
            // Damage: a hundred truncations and a hundred changed bytes, the same ones every time.
            for step in 0..100 {
                let at = data.len() * step / 100;
                body(&data[..at]);
                if let Some(byte) = data.get(at) {
                    let mut changed = data.clone();
                    changed[at] = byte.wrapping_add([1, 0x7F, 0x80, 0xFF][step % 4]);
                    body(&changed);
                }
            }
        }
    }
}
