//! OfflineIMAP.

use std::path::Path;
use std::process::Command;

use libtest_mimic::Failed;
use tests::stack::{ALICE, PASSWORD, Seed, Stack};

use super::support::run;
use super::two_way;

async fn offlineimap(directory: &Path) -> Result<Vec<u8>, Failed> {
    let mut command = Command::new("offlineimap");
    command.env("HOME", directory).arg("-o").args(["-u", "basic", "-c"]).arg(directory.join("offlineimaprc"));
    run(command).await
}

pub async fn syncs_both_ways() -> Result<(), Failed> {
    let stack = Stack::start(Seed::Demo(60)).await;
    let directory = tempfile::tempdir()?;
    let text = format!(
        "[general]\naccounts = all\nmetadata = {dir}/state\n\n\
         [Account all]\nlocalrepository = near\nremoterepository = far\n\n\
         [Repository near]\ntype = Maildir\nlocalfolders = {dir}/mail\nsep = /\n\n\
         [Repository far]\ntype = IMAP\nremotehost = 127.0.0.1\nremoteport = {port}\nremoteuser = {ALICE}\n\
         remotepass = {PASSWORD}\nssl = no\nstarttls = no\nauth_mechanisms = PLAIN, LOGIN\n",
        dir = directory.path().display(),
        port = stack.imap.port(),
    );
    std::fs::write(directory.path().join("offlineimaprc"), text)?;
    two_way::syncs_both_ways(&stack, &directory.path().join("mail"), 3, || offlineimap(directory.path())).await
}
