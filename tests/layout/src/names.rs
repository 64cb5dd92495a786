use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::module::Module;

/// No chain of re-exports is longer.
const MAX_STEPS: usize = 32;

type Modules = BTreeMap<Vec<String>, Module>;

/// The file that defines what `used` names in the module at `path`, and its name there. Modules themselves are defined
/// nowhere: what of them is used tells.
pub(crate) fn definition(modules: &Modules, path: &[String], used: &[String]) -> Option<(PathBuf, String)> {
    resolve(modules, path, used, MAX_STEPS)
}

fn resolve(modules: &Modules, path: &[String], used: &[String], steps: usize) -> Option<(PathBuf, String)> {
    let steps = steps.checked_sub(1)?;
    let (mut at, rest) = start(modules, path, used, steps)?;
    for (position, segment) in rest.iter().enumerate() {
        let mut below = at.clone();
        below.push(segment.clone());
        if modules.contains_key(&below) {
            at = below;
            continue;
        }
        let module = modules.get(&at)?;
        if module.items.contains(segment) {
            return Some((module.file.clone(), segment.clone()));
        }
        let tail = &rest[position + 1..];
        if let Some(imported) = module.imported.get(segment) {
            let whole: Vec<String> = imported.iter().chain(tail).cloned().collect();
            return resolve(modules, &at, &whole, steps);
        }
        return module.globs.iter().find_map(|glob| {
            let whole: Vec<String> = glob.iter().chain([segment]).chain(tail).cloned().collect();
            resolve(modules, &at, &whole, steps)
        });
    }
    None
}

/// The module at which a path begins, and what is left of the path.
fn start(modules: &Modules, path: &[String], used: &[String], steps: usize) -> Option<(Vec<String>, Vec<String>)> {
    let (first, rest) = used.split_first()?;
    match first.as_str() {
        "crate" => Some((path.get(..1)?.to_vec(), rest.to_vec())),
        "self" => Some((path.to_vec(), rest.to_vec())),
        "super" => {
            let mut at = path.to_vec();
            at.pop();
            let mut rest = rest;
            while let Some(("super", tail)) = rest.split_first().map(|(first, tail)| (first.as_str(), tail)) {
                at.pop();
                rest = tail;
            }
            Some((at, rest.to_vec()))
        }
        name => {
            let child: Vec<String> = path.iter().chain([first]).cloned().collect();
            if modules.contains_key(&child) {
                return Some((child, rest.to_vec()));
            }
            if let Some(imported) = modules.get(path)?.imported.get(name) {
                if imported.first() == Some(first) && imported.len() == 1 {
                    return None;
                }
                let whole: Vec<String> = imported.iter().chain(rest).cloned().collect();
                return start(modules, path, &whole, steps.checked_sub(1)?);
            }
            let root = vec![name.to_owned()];
            modules.contains_key(&root).then(|| (root, rest.to_vec()))
        }
    }
}
