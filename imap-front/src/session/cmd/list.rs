use std::collections::{HashMap, HashSet};

use mail_core::{FolderEntry, FolderList, SpecialUse};

use super::status::{notice, wanted};
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
    notice(core, request.return_status.as_deref().unwrap_or_default());
    Step::Call(
        Call::Folders,
        then(move |core, with| {
            let list = match with {
                With::Reply(Reply::Folders(Ok(list))) => list,
                With::Reply(Reply::Folders(Err(error))) => return Step::Done(Outcome::failed(&error)),
                _ => return Step::Done(Outcome::bug()),
            };
            let shown = write_list(&list, &request, &mut core.out);
            match request.return_status {
                None => Step::Done(Outcome::ok("LIST completed")),
                Some(items) => list_status(shown, items),
            }
        }),
    )
}

/// RFC 3501 6.3.9. A name without a mailbox has no `\Noselect`: here that says that only names below it are subscribed.
pub(super) fn lsub(reference: String, pattern: String) -> Step {
    Step::Call(
        Call::Folders,
        then(move |core, with| {
            let list = match with {
                With::Reply(Reply::Folders(Ok(list))) => list,
                With::Reply(Reply::Folders(Err(error))) => return Step::Done(Outcome::failed(&error)),
                _ => return Step::Done(Outcome::bug()),
            };
            let pattern = format!("{reference}{pattern}");
            let names = Name::all(&list, true);
            let above = ancestors(names.iter().filter(|name| name.subscribed).map(|name| name.name));
            for name in names.iter().filter(|name| matches(&pattern, name.name)) {
                if name.subscribed {
                    let selectable = name.folder.is_none_or(|folder| folder.selectable);
                    let attributes: &[&str] = if selectable { &[] } else { &["\\Noselect"] };
                    write_entry("LSUB", attributes, name.name, &mut core.out);
                } else if pattern.ends_with('%') && above.contains(name.name) {
                    write_entry("LSUB", &["\\Noselect"], name.name, &mut core.out);
                }
            }
            Step::Done(Outcome::ok("LSUB completed"))
        }),
    )
}

/// Tells of names that came, went, were changed or subscribed (RFC 5465 5.4, 5.5), and what they were before.
pub(super) fn write_names(list: &FolderList, names: &[(String, Option<String>)], out: &mut Output) {
    if names.is_empty() {
        return;
    }
    let request = ListRequest { return_subscribed: true, ..ListRequest::default() };
    let parents = ancestors(list.folders.iter().map(|folder| folder.name.as_str()));
    let known: HashMap<&str, &FolderEntry> = list.folders.iter().map(|folder| (folder.name.as_str(), folder)).collect();
    for (name, before) in names {
        let folder = known.get(name.as_str()).copied();
        let subscribed =
            folder.map_or_else(|| list.subscribed_without_folder.contains(name), |folder| folder.subscribed);
        let attributes = Name { name, folder, subscribed }.attributes(&request, parents.contains(name.as_str()));
        out.text("* LIST ").list(attributes.into_iter()).text(" \"/\" ").mailbox(name);
        if let Some(before) = before {
            out.text(" (\"OLDNAME\" (").mailbox(before).text("))");
        }
        out.text("\r\n");
    }
}

/// A name that may be shown.
struct Name<'a> {
    name: &'a str,
    /// The mailbox that has it.
    folder: Option<&'a FolderEntry>,
    subscribed: bool,
}

impl<'a> Name<'a> {
    /// The names of all mailboxes; `with_gone` also those that are subscribed without a mailbox, and behind them those above
    /// these that are neither.
    fn all(list: &'a FolderList, with_gone: bool) -> Vec<Self> {
        let of_folder =
            |folder: &'a FolderEntry| Self { name: &folder.name, folder: Some(folder), subscribed: folder.subscribed };
        let mut names: Vec<Self> = list.folders.iter().map(of_folder).collect();
        if !with_gone || list.subscribed_without_folder.is_empty() {
            return names;
        }
        let gone = || list.subscribed_without_folder.iter().map(String::as_str);
        names.extend(gone().map(|name| Self { name, folder: None, subscribed: true }));
        let known: HashSet<&str> = names.iter().map(|name| name.name).collect();
        let mut missing: Vec<&str> = ancestors(gone()).into_iter().filter(|name| !known.contains(name)).collect();
        missing.sort_unstable();
        names.extend(missing.into_iter().map(|name| Self { name, folder: None, subscribed: false }));
        names
    }

    /// Whether the selection options choose it by itself.
    fn is_selected(&self, request: &ListRequest) -> bool {
        (!request.select_subscribed || self.subscribed)
            && (!request.select_special_use || self.folder.is_some_and(|folder| folder.special_use.is_some()))
    }

    fn attributes(&self, request: &ListRequest, has_children: bool) -> Vec<&'static str> {
        let mut attributes = match self.folder {
            None => vec!["\\NonExistent"],
            Some(folder) if !folder.selectable => vec!["\\Noselect"],
            Some(_) => Vec::new(),
        };
        attributes.push(if has_children { "\\HasChildren" } else { "\\HasNoChildren" });
        attributes.extend(self.folder.and_then(|folder| folder.special_use).map(special_use));
        if request.return_subscribed && self.subscribed {
            attributes.push("\\Subscribed");
        }
        attributes
    }
}

/// Writes the names that match and gives the mailboxes among them.
fn write_list(list: &FolderList, request: &ListRequest, out: &mut Output) -> Vec<FolderEntry> {
    let patterns: Vec<String> =
        request.patterns.iter().map(|pattern| format!("{}{pattern}", request.reference)).collect();
    let parents = ancestors(list.folders.iter().map(|folder| folder.name.as_str()));
    let names = Name::all(list, request.select_subscribed);
    let matching: Vec<bool> =
        names.iter().map(|name| patterns.iter().any(|pattern| matches(pattern, name.name))).collect();
    let both = || names.iter().zip(&matching);
    // Of RECURSIVEMATCH: above something that is selected, and above something selected that is not shown itself. Only for
    // the sake of the latter a name is shown that is not selected (RFC 5258 3.5).
    let selected = |name: &Name<'_>| request.recursive_match && name.is_selected(request);
    let above = ancestors(names.iter().filter(|name| selected(name)).map(|name| name.name));
    let above_unshown = ancestors(both().filter(|(name, shown)| selected(name) && !**shown).map(|(name, _)| name.name));
    let mut shown = Vec::new();
    for (name, _) in both().filter(|(_, matching)| **matching) {
        if !name.is_selected(request) && !above_unshown.contains(name.name) {
            continue;
        }
        let attributes = name.attributes(request, parents.contains(name.name));
        out.text("* LIST ").list(attributes.into_iter()).text(" \"/\" ").mailbox(name.name);
        if above.contains(name.name) {
            let criteria = [
                request.select_subscribed.then_some("\"SUBSCRIBED\""),
                request.select_special_use.then_some("\"SPECIAL-USE\""),
            ];
            out.text(" (\"CHILDINFO\" ").list(criteria.into_iter().flatten()).text(")");
        }
        out.text("\r\n");
        shown.extend(name.folder.cloned());
    }
    shown
}

/// One call for all mailboxes, so that a store can ask for them together.
fn list_status(mut chosen: Vec<FolderEntry>, items: Vec<StatusItem>) -> Step {
    chosen.retain(|folder| folder.selectable);
    let ids = chosen.iter().map(|folder| folder.id.clone()).collect();
    Step::Call(
        Call::Status { folders: ids, items: wanted(&items) },
        then(move |core, with| match with {
            With::Reply(Reply::Status(Ok(results))) => {
                // A folder whose counts can't be had is left out (RFC 5819 2).
                for (folder, result) in chosen.iter().zip(results) {
                    if let Ok(status) = result {
                        write_status(&folder.name, &folder.id, &items, &status, &mut core.out);
                    }
                }
                Step::Done(Outcome::ok("LIST completed"))
            }
            With::Reply(Reply::Status(Err(error))) => Step::Done(Outcome::failed(&error)),
            _ => Step::Done(Outcome::bug()),
        }),
    )
}

/// All names above these.
fn ancestors<'a>(names: impl Iterator<Item = &'a str>) -> HashSet<&'a str> {
    let mut above = HashSet::new();
    for mut name in names {
        while let Some((parent, _)) = name.rsplit_once('/') {
            // Those above it are known, too, then.
            if !above.insert(parent) {
                break;
            }
            name = parent;
        }
    }
    above
}

fn write_entry(response: &str, attributes: &[&str], name: &str, out: &mut Output) {
    out.text("* ").text(response).text(" ").list(attributes.iter().copied()).text(" \"/\" ").mailbox(name).text("\r\n");
}

pub(super) fn special_use(kind: SpecialUse) -> &'static str {
    match kind {
        SpecialUse::Archive => "\\Archive",
        SpecialUse::Drafts => "\\Drafts",
        SpecialUse::Junk => "\\Junk",
        SpecialUse::Sent => "\\Sent",
        SpecialUse::Trash => "\\Trash",
    }
}
