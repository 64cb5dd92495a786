//! The architecture as the README has it: no circle of files, and which crate and which room may know which.

use std::collections::BTreeMap;
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

/// Which folders may know which others. The longest name that a file's path begins with counts; whatever lies in the same
/// folder may be used always.
const MAY_KNOW: &[(&str, &[&str])] = &[
    ("mapi-core", &[]),
    ("mail-core", &[]),
    ("imap-front", &["mail-core"]),
    ("smtp-front", &["mail-core"]),
    ("tests/conformance", &["mapi-core"]),
    ("tests/sandbox", &["mapi-core"]),
    // What the rooms stand on: no room is known here.
    ("gateway/src/own_property.rs", &["mapi-core"]),
    ("gateway/src/mutant.rs", &[]),
    ("gateway/src/telemetry", &["gateway/src/config"]),
    ("gateway/src/metric", &[]),
    ("gateway/src/web", &["mail-core"]),
    ("gateway/src/config", &["mapi-core", "mail-core", "smtp-front"]),
    ("gateway/src/tls.rs", &["gateway/src/config"]),
    ("gateway/src/oauth", &["mapi-core", "gateway/src/config"]),
    ("gateway/src/convert", &["mapi-core", "mail-core", "gateway/src/own_property.rs"]),
    ("gateway/src/ledger", &["mapi-core", "mail-core", "gateway/src/mutant.rs"]),
    ("gateway/src/sync", &["mapi-core", "mail-core", "gateway/src/ledger", "gateway/src/mutant.rs"]),
    // The rooms, each above all that it knows.
    (
        "gateway/src/line",
        &[
            "mapi-core",
            "gateway/src/config",
            "gateway/src/convert",
            "gateway/src/ledger",
            "gateway/src/own_property.rs",
            "gateway/src/mutant.rs",
        ],
    ),
    ("gateway/src/blocking.rs", &["gateway/src/line"]),
    ("gateway/src/share.rs", &["mail-core", "gateway/src/line"]),
    (
        "gateway/src/operation",
        &[
            "mapi-core",
            "mail-core",
            "gateway/src/line",
            "gateway/src/share.rs",
            "gateway/src/convert",
            "gateway/src/own_property.rs",
            "gateway/src/mutant.rs",
        ],
    ),
    (
        "gateway/src/mailbox",
        &[
            "mapi-core",
            "mail-core",
            "gateway/src/line",
            "gateway/src/operation",
            "gateway/src/sync",
            "gateway/src/ledger",
            "gateway/src/convert",
            "gateway/src/blocking.rs",
            "gateway/src/share.rs",
            "gateway/src/own_property.rs",
            "gateway/src/mutant.rs",
        ],
    ),
    (
        "gateway/src/account",
        &[
            "mapi-core",
            "mail-core",
            // What is to be sent comes as the SMTP server took it.
            "smtp-front",
            "gateway/src/line",
            "gateway/src/operation",
            "gateway/src/mailbox",
            "gateway/src/convert",
            "gateway/src/blocking.rs",
            "gateway/src/share.rs",
            "gateway/src/own_property.rs",
        ],
    ),
    (
        "gateway/src/login",
        &[
            "mapi-core",
            "mail-core",
            "gateway/src/config",
            "gateway/src/oauth",
            "gateway/src/ledger",
            "gateway/src/convert",
            "gateway/src/line",
            "gateway/src/mailbox",
            "gateway/src/account",
            "gateway/src/blocking.rs",
            "gateway/src/share.rs",
        ],
    ),
    // What stands around the rooms.
    (
        "gateway/src/device",
        &[
            "mail-core",
            "smtp-front",
            "gateway/src/config",
            "gateway/src/convert",
            "gateway/src/line",
            "gateway/src/login",
        ],
    ),
    (
        "gateway/src/bridge",
        &[
            "mapi-core",
            "mail-core",
            "imap-front",
            "smtp-front",
            "gateway/src/config",
            "gateway/src/device",
            "gateway/src/line",
            "gateway/src/mailbox",
            "gateway/src/account",
            "gateway/src/login",
            "gateway/src/blocking.rs",
            "gateway/src/share.rs",
        ],
    ),
    (
        "gateway/src/admin",
        &[
            "mail-core",
            "gateway/src/config",
            "gateway/src/metric",
            "gateway/src/telemetry",
            "gateway/src/web",
            "gateway/src/device",
            "gateway/src/line",
            "gateway/src/mailbox",
            "gateway/src/account",
            "gateway/src/login",
        ],
    ),
    ("gateway/src/autoconfig", &["gateway/src/config", "gateway/src/web"]),
    (
        "gateway/src/check",
        &[
            "mapi-core",
            "mail-core",
            "tests/conformance",
            "gateway/src/autoconfig",
            "gateway/src/config",
            "gateway/src/device",
            "gateway/src/tls.rs",
            "gateway/src/convert",
            "gateway/src/ledger",
            "gateway/src/line",
            "gateway/src/mailbox",
            "gateway/src/own_property.rs",
        ],
    ),
];

/// What puts everything together may know everything.
const TOPS: [&str; 4] = ["gateway/src/service", "gateway/src/cli", "gateway/src/lib.rs", "gateway/src/main.rs"];

fn uses() -> Uses {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    read(&root, &CRATES).expect("sources that can be read")
}

#[test]
fn no_files_use_each_other_in_a_circle() {
    let uses = uses();
    assert!(uses.len() > 300, "only {} files were read", uses.len());
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

#[test]
fn rooms_know_only_what_they_may() {
    let room = |file: &Path| {
        let known = MAY_KNOW.iter().map(|(room, _)| *room).chain(TOPS);
        known.filter(|room| file.starts_with(room)).max_by_key(|room| room.len())
    };
    let may: BTreeMap<&str, &[&str]> = MAY_KNOW.iter().copied().collect();
    let mut told = String::new();
    for (file, used) in uses() {
        let Some(own) = room(&file) else {
            told += &format!("{} lies in no room: name it here\n", file.display());
            continue;
        };
        let Some(may) = may.get(own) else { continue };
        for (other, names) in used {
            if room(&other).is_some_and(|other| other != own && !may.contains(&other)) {
                told += &format!("{} may not know {}: {names:?}\n", file.display(), other.display());
            }
        }
    }
    assert!(told.is_empty(), "\n{told}");
}
