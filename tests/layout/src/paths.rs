use std::collections::BTreeSet;

use proc_macro2::{TokenStream, TokenTree};

/// Collects the paths (`a::b::C`, and single names) in some code, those in macros too.
pub(crate) fn collect(code: TokenStream, paths: &mut BTreeSet<Vec<String>>) {
    let mut current: Vec<String> = Vec::new();
    // How many colons stand behind the last name of `current`.
    let mut colons = 0;
    for token in code {
        match token {
            TokenTree::Ident(ident) => {
                if colons != 2 {
                    finish(&mut current, paths);
                }
                colons = 0;
                current.push(ident.to_string());
            }
            TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
            TokenTree::Group(group) => {
                finish(&mut current, paths);
                colons = 0;
                collect(group.stream(), paths);
            }
            _ => {
                finish(&mut current, paths);
                colons = 0;
            }
        }
    }
    finish(&mut current, paths);
}

fn finish(current: &mut Vec<String>, paths: &mut BTreeSet<Vec<String>>) {
    if current.len() > 1 {
        paths.insert(std::mem::take(current));
    }
    current.clear();
}
