//! METADATA (RFC 5464). Of shared entries there are none: they would be for all users, whom this server does not know.

use std::collections::HashSet;

use bytes::Bytes;
use mail_core::{FolderKey, Metadata};

use super::list::special_use;
use crate::proto::metadata_request::{Depth, MetadataRequest};
use crate::proto::response::Output;
use crate::session::action::{Call, Reply};
use crate::session::outcome::Outcome;
use crate::session::step::{Step, With, then, with_folder};
use crate::store::StoreError;

/// The largest value, in bytes: what all entries of a mailbox take together is bounded by the store.
const MAX_VALUE: usize = 4096;
/// What a mailbox is for, as LIST tells it (RFC 6154 4).
const SPECIAL_USE: &str = "/private/specialuse";

/// RFC 5464 4.2
pub(super) fn get_metadata(request: MetadataRequest) -> Step {
    if request.mailbox.is_empty() {
        return ask(None, Metadata::new(), request);
    }
    with_folder(request.mailbox.clone(), missing, move |folder| {
        let known = folder.special_use.map(|kind| (SPECIAL_USE.to_owned(), Bytes::from(special_use(kind))));
        ask(Some(folder.id.clone()), known.into_iter().collect(), request)
    })
}

/// RFC 5464 4.3
pub(super) fn set_metadata(mailbox: String, entries: Vec<(String, Option<Bytes>)>) -> Step {
    if mailbox.is_empty() {
        return set(None, entries);
    }
    with_folder(mailbox, missing, move |folder| set(Some(folder.id.clone()), entries))
}

fn missing() -> Outcome {
    Outcome::failed(&StoreError::NoSuchFolder)
}

/// Asks the store, and shows what it has beside what is `known`.
fn ask(folder: Option<FolderKey>, known: Metadata, request: MetadataRequest) -> Step {
    Step::Call(
        Call::Metadata(folder),
        then(move |core, with| {
            Step::Done(match with {
                With::Reply(Reply::Metadata(Ok(mut metadata))) => {
                    metadata.extend(known);
                    write(&metadata, &request, &mut core.out)
                }
                With::Reply(Reply::Metadata(Err(error))) => Outcome::failed(&error),
                _ => Outcome::bug(),
            })
        }),
    )
}

fn write(metadata: &Metadata, request: &MetadataRequest, out: &mut Output) -> Outcome {
    // Each once, or a short command could ask for very much.
    let mut asked = HashSet::new();
    let mut shown = HashSet::new();
    let mut chosen = Vec::new();
    for entry in request.entries.iter().filter(|entry| asked.insert(entry.as_str())) {
        if request.depth == Depth::Zero {
            chosen.push((entry.as_str(), metadata.get(entry)));
            continue;
        }
        for (name, value) in metadata {
            if is_within(name, entry, request.depth) && shown.insert(name) {
                chosen.push((name, Some(value)));
            }
        }
    }
    // RFC 5464 4.2.1
    let too_long = |size: usize| request.max_size.is_some_and(|most| size as u64 > most);
    let sizes = chosen.iter().filter_map(|(_, value)| value.map(Bytes::len));
    let longest = sizes.filter(|size| too_long(*size)).max();
    chosen.retain(|(_, value)| value.is_none_or(|value| !too_long(value.len())));
    if !chosen.is_empty() {
        // Some clients read nothing but a quoted name.
        out.text("* METADATA ").quoted_mailbox(&request.mailbox).text(" (");
        for (index, (name, value)) in chosen.into_iter().enumerate() {
            if index > 0 {
                out.text(" ");
            }
            out.astring(name).text(" ");
            match value {
                None => out.text("NIL"),
                Some(value) if value.contains(&0) => out.binary(value.clone()),
                Some(value) => out.string(value),
            };
        }
        out.text(")\r\n");
    }
    let done = Outcome::ok("GETMETADATA completed");
    match longest {
        Some(longest) => done.code(format!("METADATA LONGENTRIES {longest}")),
        None => done,
    }
}

/// Whether an entry is the one that was asked for, or so far below it.
fn is_within(name: &str, entry: &str, depth: Depth) -> bool {
    let Some(rest) = name.strip_prefix(entry) else { return false };
    match (rest.strip_prefix('/'), depth) {
        (None, _) => rest.is_empty(),
        (Some(_), Depth::Zero) => false,
        (Some(below), Depth::One) => !below.contains('/'),
        (Some(_), Depth::Infinity) => true,
    }
}

fn set(folder: Option<FolderKey>, entries: Vec<(String, Option<Bytes>)>) -> Step {
    if entries.iter().any(|(name, _)| name.starts_with("/shared/")) {
        return Step::Done(Outcome::no("NOPERM", "Shared annotations can't be changed here"));
    }
    if entries.iter().any(|(name, _)| name == SPECIAL_USE) {
        return Step::Done(Outcome::no("USEATTR", "What a mailbox is for is not changed here"));
    }
    if entries.iter().any(|(_, value)| value.as_ref().is_some_and(|value| value.len() > MAX_VALUE)) {
        return Step::Done(Outcome::no(format!("METADATA MAXSIZE {MAX_VALUE}"), "The value is too large"));
    }
    let (place, changed) = (folder.clone(), entries.clone());
    Step::Call(
        Call::SetMetadata { folder, entries },
        then(move |core, with| {
            Step::Done(match with {
                With::Reply(Reply::Done(Ok(()))) => {
                    if let Some(notify) = &mut core.notify {
                        notify.metadata.set(&place, &changed);
                    }
                    Outcome::ok("SETMETADATA completed")
                }
                With::Reply(Reply::Done(Err(error))) => Outcome::failed(&error),
                _ => Outcome::bug(),
            })
        }),
    )
}
