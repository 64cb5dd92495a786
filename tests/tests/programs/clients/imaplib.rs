//! Python imaplib.

use std::process::Command;

use libtest_mimic::Failed;
use tests::stack::{ALICE, PASSWORD, Seed, Stack};

use super::support::run;

async fn script(stack: &Stack, script: &str) -> Result<(), Failed> {
    let mut python = Command::new("python3");
    python.args(["-c", script, "127.0.0.1", &stack.imap.port().to_string(), ALICE, PASSWORD]);
    run(python).await.map(drop)
}

/// Every command that changes something.
pub async fn changes_everything() -> Result<(), Failed> {
    script(&Stack::start(Seed::Demo(20)).await, include_str!("imaplib_changes.py")).await
}

/// SORT and THREAD against a plain reading of RFC 5256.
pub async fn puts_in_order_as_python_does() -> Result<(), Failed> {
    script(&Stack::start(Seed::Empty).await, include_str!("imaplib_orders.py")).await
}

/// SEARCH against Python's own reading of the same messages.
pub async fn finds_what_python_finds() -> Result<(), Failed> {
    script(&Stack::start(Seed::Demo(120)).await, include_str!("imaplib_searches.py")).await
}
