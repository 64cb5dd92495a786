//! The class with which Roundcube speaks IMAP.

use std::path::PathBuf;
use std::process::Command;

use libtest_mimic::Failed;
use tests::stack::{ALICE, PASSWORD, Seed, Stack};

use super::support::run;

/// As a package of Debian's installs it below, or where that is unpacked.
const IN_PACKAGE: &str = "usr/share/roundcube/program/lib/Roundcube";

/// Where the class is: in the directory that `ROUNDCUBE` names, where the package was unpacked, or as it is installed.
fn library() -> Result<PathBuf, Failed> {
    let unpacked = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/tools/roundcube").join(IN_PACKAGE);
    let installed = PathBuf::from("/").join(IN_PACKAGE);
    let named = std::env::var_os("ROUNDCUBE").map(PathBuf::from);
    named
        .into_iter()
        .chain([unpacked, installed])
        .find(|directory| directory.join("rcube_imap_generic.php").is_file())
        .ok_or_else(|| "Roundcube's rcube_imap_generic.php is missing: install roundcube-core or set ROUNDCUBE".into())
}

pub async fn lists_sorts_threads_and_searches() -> Result<(), Failed> {
    let stack = Stack::start(Seed::Demo(5)).await;
    let mut php = Command::new("php");
    // What PHP finds old-fashioned in the class is no answer of ours.
    php.args(["-d", "error_reporting=8191"]);
    php.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/programs/clients/roundcube.php"));
    php.arg(library()?).args(["127.0.0.1", &stack.imap.port().to_string(), ALICE, PASSWORD]);
    run(php).await.map(drop)
}
