use std::collections::HashSet;
use std::sync::Arc;

use mail_core::{FolderEntry, SpecialUse};

use super::status::wanted;
use crate::proto::list::matches;
use crate::proto::request::{ListRequest, StatusItem};
use crate::proto::response::Output;
use crate::session::action::{Call, Reply};
use crate::session::core::Core;
use crate::session::outcome::Outcome;
use crate::session::selected::write_status;
use crate::session::step::{Step, With, then};

/// RFC 3501 6.3.8, RFC 5258, RFC 5819, RFC 6154
pub(super) fn list(core: &mut Core, request: ListRequest) -> Step {
    if !request.extended && request.patterns.iter().all(String::is_empty) {
        // The delimiter and the root of the reference name.
        core.out.untagged("LIST (\\Noselect) \"/\" \"\"");
        return Step::Done(Outcome::ok("LIST completed"));
    }
    Step::Call(
        Call::Folders,
        then(move |core, with| {
            let folders = match with {
                With::Reply(Reply::Folders(Ok(folders))) => folders,
                With::Reply(Reply::Folders(Err(error))) => return Step::Done(Outcome::failed(&error)),
                _ => return Step::Done(Outcome::bug()),
            };
            let shown = write_list(&folders, &request, &mut core.out);
            match request.return_status {
                None => Step::Done(Outcome::ok("LIST completed")),
                Some(items) => list_status(&folders, shown, items),
            }
        }),
    )
}

/// RFC 3501 6.3.9
pub(super) fn lsub(reference: String, pattern: String) -> Step {
    Step::Call(
        Call::Folders,
        then(move |core, with| {
            let folders = match with {
                With::Reply(Reply::Folders(Ok(folders))) => folders,
                With::Reply(Reply::Folders(Err(error))) => return Step::Done(Outcome::failed(&error)),
                _ => return Step::Done(Outcome::bug()),
            };
            let pattern = format!("{reference}{pattern}");
            let above = ancestors(folders.iter().filter(|folder| folder.subscribed));
            for folder in folders.iter().filter(|folder| matches(&pattern, &folder.name)) {
                if folder.subscribed {
                    let attributes: &[&str] = if folder.selectable { &[] } else { &["\\Noselect"] };
                    write_entry("LSUB", attributes, &folder.name, &mut core.out);
                } else if pattern.ends_with('%') && above.contains(folder.name.as_str()) {
                    write_entry("LSUB", &["\\Noselect"], &folder.name, &mut core.out);
                }
            }
            Step::Done(Outcome::ok("LSUB completed"))
        }),
    )
}

/// Writes the matching folders and gives their positions.
fn write_list(folders: &[FolderEntry], request: &ListRequest, out: &mut Output) -> Vec<usize> {
    let mut shown = Vec::new();
    let parents = ancestors(folders.iter());
    let selected = |folder: &FolderEntry| {
        (!request.select_subscribed || folder.subscribed)
            && (!request.select_special_use || folder.special_use.is_some())
    };
    let patterns: Vec<String> =
        request.patterns.iter().map(|pattern| format!("{}{pattern}", request.reference)).collect();
    let above = ancestors(folders.iter().filter(|folder| request.recursive_match && selected(folder)));
    for (index, folder) in folders.iter().enumerate() {
        if !patterns.iter().any(|pattern| matches(pattern, &folder.name)) {
            continue;
        }
        let below = above.contains(folder.name.as_str());
        if !selected(folder) && !below {
            continue;
        }
        let mut attributes = Vec::new();
        if !folder.selectable {
            attributes.push("\\Noselect");
        }
        attributes.push(if parents.contains(folder.name.as_str()) { "\\HasChildren" } else { "\\HasNoChildren" });
        attributes.extend(folder.special_use.map(special_use));
        if request.return_subscribed && folder.subscribed {
            attributes.push("\\Subscribed");
        }
        out.text("* LIST ").list(attributes.iter().copied()).text(" \"/\" ").mailbox(&folder.name);
        if below && request.select_subscribed {
            out.text(" (\"CHILDINFO\" (\"SUBSCRIBED\"))");
        }
        out.text("\r\n");
        shown.push(index);
    }
    shown
}

/// One call for all folders, so that a store can ask for them together.
fn list_status(folders: &Arc<[FolderEntry]>, shown: Vec<usize>, items: Vec<StatusItem>) -> Step {
    let chosen: Vec<FolderEntry> =
        shown.into_iter().filter_map(|index| folders.get(index)).filter(|folder| folder.selectable).cloned().collect();
    let ids = chosen.iter().map(|folder| folder.id.clone()).collect();
    Step::Call(
        Call::Status { folders: ids, items: wanted(&items) },
        then(move |core, with| match with {
            With::Reply(Reply::Status(Ok(results))) => {
                // A folder whose counts can't be had is left out (RFC 5819 2).
                for (folder, result) in chosen.iter().zip(results) {
                    if let Ok(status) = result {
                        write_status(&folder.name, &items, &status, &mut core.out);
                    }
                }
                Step::Done(Outcome::ok("LIST completed"))
            }
            With::Reply(Reply::Status(Err(error))) => Step::Done(Outcome::failed(&error)),
            _ => Step::Done(Outcome::bug()),
        }),
    )
}

/// The names of all folders above these.
fn ancestors<'a>(folders: impl Iterator<Item = &'a FolderEntry>) -> HashSet<&'a str> {
    let mut names = HashSet::new();
    for folder in folders {
        let mut name = folder.name.as_str();
        while let Some((parent, _)) = name.rsplit_once('/') {
            // Those above it are known, too, then.
            if !names.insert(parent) {
                break;
            }
            name = parent;
        }
    }
    names
}

fn write_entry(response: &str, attributes: &[&str], name: &str, out: &mut Output) {
    out.text("* ").text(response).text(" ").list(attributes.iter().copied()).text(" \"/\" ").mailbox(name).text("\r\n");
}

fn special_use(kind: SpecialUse) -> &'static str {
    match kind {
        SpecialUse::Archive => "\\Archive",
        SpecialUse::Drafts => "\\Drafts",
        SpecialUse::Junk => "\\Junk",
        SpecialUse::Sent => "\\Sent",
        SpecialUse::Trash => "\\Trash",
    }
}
