use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::Uses;

/// The groups of files that use each other in a circle.
pub fn circles(uses: &Uses) -> Vec<BTreeSet<PathBuf>> {
    let mut circles: Vec<BTreeSet<PathBuf>> = Vec::new();
    let reach: BTreeMap<&Path, BTreeSet<&Path>> =
        uses.keys().map(|file| (file.as_path(), reached(uses, file))).collect();
    for file in uses.keys() {
        if circles.iter().any(|circle| circle.contains(file)) || !reach[file.as_path()].contains(file.as_path()) {
            continue;
        }
        let back = |other: &&Path| reach.get(*other).is_some_and(|reached| reached.contains(file.as_path()));
        circles.push(reach[file.as_path()].iter().copied().filter(back).map(Path::to_owned).collect());
    }
    circles
}

/// The files that a file uses, or that one of those uses, and so on.
fn reached<'a>(uses: &'a Uses, from: &Path) -> BTreeSet<&'a Path> {
    let mut reached = BTreeSet::new();
    let mut next: Vec<&Path> = vec![from];
    while let Some(file) = next.pop() {
        for used in uses.get(file).into_iter().flat_map(|used| used.keys()) {
            if reached.insert(used.as_path()) {
                next.push(used);
            }
        }
    }
    reached
}
