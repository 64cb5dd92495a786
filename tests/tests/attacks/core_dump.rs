use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus};

use tests::stack::{ALICE, PASSWORD};

use super::stage::Stage;

/// Lets a program dump its memory into a directory.
fn dumping(directory: &Path, what: &str) -> String {
    format!("cd '{}'\nulimit -c unlimited || exit 1\n{what}\n", directory.display())
}

/// Passwords are in the gateway's memory, so a crash leaves no core dump, whatever the system allows.
#[tokio::test]
async fn a_crash_leaves_no_core_dump() {
    let directory = tempfile::tempdir().expect("a directory");
    let place = directory.path();
    let control = Command::new("sh").arg("-c").arg(dumping(place, "kill -s ABRT $$")).status().expect("a shell");
    if !control.core_dumped() {
        println!("there are no core dumps on this machine: nothing was tried");
        return;
    }
    std::fs::remove_file(place.join("core")).ok();
    let program = place.join("gateway");
    let text = dumping(place, &format!("exec '{}' \"$@\"", env!("CARGO_BIN_EXE_gateway-under-test")));
    std::fs::write(&program, format!("#!/bin/sh\n{text}")).expect("written");
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o700)).expect("changed");
    let mut stage = Stage::set_program(program.to_str().expect("text")).await;
    tests::imap_client::ImapClient::login(stage.gateway.imap, ALICE, PASSWORD).await;
    let ended = stage.gateway.end_by("ABRT").await.expect("it ends").expect("it lived");
    assert_eq!((ended.signal(), ExitStatus::core_dumped(&ended)), (Some(6), false), "{ended:?}");
}
