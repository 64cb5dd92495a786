//! Which file of a workspace uses which.
//!
//! Files are read, not compiled: what a path names is followed through `use`, re-exports and globs to the file that defines
//! it. Handing names on (`pub use`) and declaring modules is no use; neither is what only tests need (`#[cfg(test)]`).
//! Methods are not seen, since nothing names the file in which they stand.

mod circle;
mod module;
mod names;
mod paths;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

pub use circle::circles;
use module::Module;

/// A crate of the workspace.
#[derive(Debug, Clone, Copy)]
pub struct Crate<'a> {
    /// The name by which others use it.
    pub name: &'a str,
    /// Its folder below the root of the workspace.
    pub folder: &'a str,
}

/// Which file uses which, and by what name. Paths are relative to the root of the workspace.
pub type Uses = BTreeMap<PathBuf, BTreeMap<PathBuf, BTreeSet<String>>>;

/// Reads the sources of some crates.
///
/// # Errors
/// What can't be read or is no Rust, with its path.
pub fn read(root: &Path, crates: &[Crate<'_>]) -> Result<Uses, String> {
    let mut modules = BTreeMap::new();
    for one in crates {
        let source = PathBuf::from(one.folder).join("src/lib.rs");
        module::read(root, &source, vec![one.name.to_owned()], &mut modules)?;
    }
    Ok(uses(&modules))
}

fn uses(modules: &BTreeMap<Vec<String>, Module>) -> Uses {
    let mut uses = Uses::new();
    for (path, module) in modules {
        let from = uses.entry(module.file.clone()).or_default();
        for used in &module.used {
            let Some((file, name)) = names::definition(modules, path, used) else { continue };
            if file != module.file {
                from.entry(file).or_default().insert(name);
            }
        }
    }
    uses
}
