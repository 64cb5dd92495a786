use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use syn::{Attribute, Item, UseTree, Visibility};

use crate::paths;

/// A module as its source tells.
#[derive(Debug, Default)]
pub(crate) struct Module {
    /// Where it is written.
    pub file: PathBuf,
    /// What it defines.
    pub items: BTreeSet<String>,
    /// The names that it brings in or hands on, with what they stand for, from the module's own view.
    pub imported: BTreeMap<String, Vec<String>>,
    /// Modules all of whose names it hands on.
    pub globs: Vec<Vec<String>>,
    /// The paths that its code names.
    pub used: BTreeSet<Vec<String>>,
}

/// Reads the module at `path` from `file`, and those below it.
pub(crate) fn read(
    root: &Path,
    file: &Path,
    path: Vec<String>,
    modules: &mut BTreeMap<Vec<String>, Module>,
) -> Result<(), String> {
    let text = std::fs::read_to_string(root.join(file)).map_err(|error| format!("{}: {error}", file.display()))?;
    let parsed = syn::parse_file(&text).map_err(|error| format!("{}: {error}", file.display()))?;
    items(root, file, &path, &parsed.items, modules)
}

fn items(
    root: &Path,
    file: &Path,
    path: &[String],
    items: &[Item],
    modules: &mut BTreeMap<Vec<String>, Module>,
) -> Result<(), String> {
    let mut module = Module { file: file.to_owned(), ..Module::default() };
    for item in items.iter().filter(|item| !is_test(attributes(item))) {
        match item {
            Item::Mod(inner) => {
                let mut below = path.to_vec();
                below.push(inner.ident.to_string());
                match &inner.content {
                    Some((_, inside)) => self::items(root, file, &below, inside, modules)?,
                    None => read(root, &file_of(root, file, path, &inner.ident.to_string()), below, modules)?,
                }
            }
            Item::Use(one) => {
                let hands_on = !matches!(one.vis, Visibility::Inherited);
                import(&mut module, &one.tree, &mut Vec::new(), hands_on);
            }
            item => {
                module.items.extend(name(item));
                paths::collect(quote(item), &mut module.used);
            }
        }
    }
    modules.insert(path.to_vec(), module);
    Ok(())
}

fn quote(item: &Item) -> proc_macro2::TokenStream {
    use syn::__private::ToTokens;
    item.to_token_stream()
}

fn import(module: &mut Module, tree: &UseTree, prefix: &mut Vec<String>, hands_on: bool) {
    match tree {
        UseTree::Path(path) => {
            prefix.push(path.ident.to_string());
            import(module, &path.tree, prefix, hands_on);
            prefix.pop();
        }
        UseTree::Group(group) => group.items.iter().for_each(|tree| import(module, tree, prefix, hands_on)),
        UseTree::Glob(_) => {
            module.globs.push(prefix.clone());
            if !hands_on {
                module.used.insert(prefix.clone());
            }
        }
        UseTree::Name(name) => bring_in(module, prefix, &name.ident.to_string(), None, hands_on),
        UseTree::Rename(name) => {
            bring_in(module, prefix, &name.ident.to_string(), Some(name.rename.to_string()), hands_on);
        }
    }
}

fn bring_in(module: &mut Module, prefix: &[String], name: &str, rename: Option<String>, hands_on: bool) {
    let mut path = prefix.to_vec();
    if name != "self" {
        path.push(name.to_owned());
    }
    let Some(last) = path.last().cloned() else { return };
    module.imported.insert(rename.unwrap_or(last), path.clone());
    if !hands_on {
        module.used.insert(path);
    }
}

fn file_of(root: &Path, parent: &Path, path: &[String], name: &str) -> PathBuf {
    let folder = parent.parent().unwrap_or(Path::new(""));
    let is_face = path.len() == 1 || parent.file_name().is_some_and(|name| name == "mod.rs");
    let folder = if is_face { folder.to_owned() } else { folder.join(path.last().map_or("", String::as_str)) };
    let flat = folder.join(format!("{name}.rs"));
    if root.join(&flat).is_file() { flat } else { folder.join(name).join("mod.rs") }
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.meta.require_list().is_ok_and(|list| list.tokens.to_string() == "test")
    })
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn name(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        _ => return None,
    };
    Some(ident.to_string())
}
