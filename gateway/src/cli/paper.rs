use std::path::PathBuf;

use clap::{Args, Command};

use super::say::say;

#[derive(Debug, Args)]
pub(super) struct CompletionsArguments {
    /// For which shell.
    shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub(super) struct ManArguments {
    /// The folder to write them to.
    folder: PathBuf,
}

pub(super) fn completions(CompletionsArguments { shell }: CompletionsArguments, mut of: Command) {
    let mut out = Vec::new();
    clap_complete::generate(shell, &mut of, "mapi-gateway", &mut out);
    say!("{}", String::from_utf8_lossy(&out));
}

pub(super) fn man(ManArguments { folder }: &ManArguments, of: Command) -> Result<(), String> {
    clap_mangen::generate_to(of, folder).map_err(|error| format!("{}: {error}", folder.display()))
}
