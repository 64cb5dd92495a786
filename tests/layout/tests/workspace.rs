//! The architecture as the README has it: no circle of files, and which crate and which room may know which.

use std::path::Path;

use layout::{Crate, Uses, circles, read};

const CRATES: [Crate<'_>; 7] = [
    Crate { name: "mapi_core", folder: "mapi-core" },
    Crate { name: "mail_core", folder: "mail-core" },
    Crate { name: "imap_front", folder: "imap-front" },
    Crate { name: "smtp_front", folder: "smtp-front" },
    Crate { name: "gateway", folder: "gateway" },
    Crate { name: "conformance", folder: "tests/conformance" },
    Crate { name: "exchange_sandbox", folder: "tests/sandbox" },
];

fn uses() -> Uses {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    read(&root, &CRATES).expect("sources that can be read")
}

#[test]
fn no_files_use_each_other_in_a_circle() {
    let uses = uses();
    let mut told = String::new();
    for circle in circles(&uses) {
        told += "circle:\n";
        for file in &circle {
            for (used, names) in uses[file].iter().filter(|(used, _)| circle.contains(*used)) {
                told += &format!("  {} -> {}: {names:?}\n", file.display(), used.display());
            }
        }
    }
    assert!(told.is_empty(), "\n{told}");
}
