use std::collections::{BTreeSet, VecDeque};

use mail_core::{FolderKey, FolderStatus, StoreChanges};

use super::list::write_names;
use super::metadata_change::{first_metadata, look_at_metadata};
use super::watching::{done, refused};
use crate::proto::request::{NotifyRequest, StatusItem};
use crate::session::action::{Action, Call, Reply};
use crate::session::core::Core;
use crate::session::notify::{Notify, Overflow, asked};
use crate::session::outcome::Outcome;
use crate::session::selected::write_status;
use crate::session::step::{Step, With, then};
use crate::store::StoreError;

const SUPPORTED: &str = "BADEVENT (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange \
                         MailboxMetadataChange ServerMetadataChange)";
const TOO_MUCH: &str = "More than can be watched";

/// RFC 5465 3.1. What changed in the selected mailbox is told at the end, as by NOOP.
pub(super) fn notify(core: &mut Core, request: Option<NotifyRequest>) -> Step {
    let Some(NotifyRequest { status, selected, groups, unsupported }) = request else {
        core.push(Action::Watch(false));
        core.notify = Some(Notify::default());
        return Step::Done(Outcome::ok("NOTIFY completed"));
    };
    if unsupported {
        return Step::Done(Outcome::no(SUPPORTED, "There are no such events here"));
    }
    // Before the first look, so that nothing is missed between.
    core.push(Action::Watch(true));
    Step::Call(
        Call::Folders,
        then(move |core, with| {
            let folders = match with {
                With::Reply(Reply::Folders(Ok(folders))) => folders,
                With::Reply(Reply::Folders(Err(error))) => return refused(core, Outcome::failed(&error)),
                _ => return refused(core, Outcome::bug()),
            };
            let Ok(notify) = Notify::new(selected, groups, folders) else { return overflowed(core) };
            let wanted = others(core, notify.all());
            // Each is told of at once, and be it that it has to be read for that.
            if status && notify.check(&wanted, core.enabled.condstore()).is_err() {
                return overflowed(core);
            }
            let kinds = split(core, &notify, wanted, status);
            first_look(core, notify, kinds, status)
        }),
    )
}

/// Looks at what changed elsewhere, and tells of it.
pub(crate) fn look(core: &mut Core) -> Step {
    let Some(changes) = core.notify.as_mut().map(Notify::take_pending) else { return done() };
    if !changes.names && !changes.everything {
        return look_at_folders(core, &changes);
    }
    Step::Call(
        Call::Folders,
        then(move |core, with| {
            let Core { notify: Some(notify), out, .. } = core else { return done() };
            let With::Reply(Reply::Folders(Ok(folders))) = with else {
                notify.missed();
                return done();
            };
            match notify.renamed(folders) {
                Ok(names) => write_names(notify.folders(), &names, out),
                Err(Overflow) => return overflow(core),
            }
            look_at_folders(core, &changes)
        }),
    )
}

/// What there is no room for (RFC 5465 5.8).
pub(crate) fn overflow(core: &mut Core) -> Step {
    core.out.status("*", "OK", Some("NOTIFICATIONOVERFLOW"), "Too much happened: nothing more is told");
    core.notify = Some(Notify::default());
    core.push(Action::Watch(false));
    done()
}

fn overflowed(core: &mut Core) -> Step {
    refused(core, Outcome::no("NOTIFICATIONOVERFLOW", TOO_MUCH))
}

/// Without the selected folder, of which is told otherwise.
fn others(core: &mut Core, mut folders: Vec<FolderKey>) -> Vec<FolderKey> {
    let selected = core.selected().and_then(|selected| selected.id.clone());
    folders.retain(|id| Some(id) != selected.as_ref());
    folders
}

/// Folders of which the same is asked.
struct Kind {
    folders: Vec<FolderKey>,
    modseq: bool,
    numbers: bool,
}

fn split(core: &Core, notify: &Notify, folders: Vec<FolderKey>, numbers: bool) -> VecDeque<Kind> {
    let modseq = |id: &FolderKey| numbers && (core.enabled.condstore() || notify.flags(id));
    let (read, others): (Vec<_>, Vec<_>) = folders.into_iter().partition(modseq);
    let kinds = [Kind { folders: others, modseq: false, numbers }, Kind { folders: read, modseq: true, numbers }];
    kinds.into_iter().filter(|kind| !kind.folders.is_empty()).collect()
}

fn first_look(core: &mut Core, mut notify: Notify, mut kinds: VecDeque<Kind>, status: bool) -> Step {
    let Some(kind) = kinds.pop_front() else { return first_metadata(core, notify) };
    let call = Call::Status { folders: kind.folders.clone(), items: asked(kind.numbers, kind.modseq) };
    Step::Call(
        call,
        then(move |core, with| {
            let results = match with {
                With::Reply(Reply::Status(Ok(results))) => results,
                With::Reply(Reply::Status(Err(error))) => return refused(core, Outcome::failed(&error)),
                _ => return refused(core, Outcome::bug()),
            };
            for (id, result) in kind.folders.iter().zip(results) {
                let Ok(found) = result else { continue };
                if !status {
                    notify.count(id, &found);
                } else if notify.learn(id, &found) {
                    tell(core, &notify, id, &found);
                }
            }
            first_look(core, notify, kinds, status)
        }),
    )
}

/// Looks at the counts of those of which nothing else says whether they changed.
fn look_at_folders(core: &mut Core, changes: &StoreChanges) -> Step {
    let Some(notify) = &mut core.notify else { return done() };
    if changes.everything {
        notify.metadata.suspect_all();
    }
    notify.metadata.suspect(changes.metadata.iter().cloned().map(Some).chain(changes.server_metadata.then_some(None)));
    let mut named: BTreeSet<FolderKey> = changes.folders.iter().filter(|id| notify.has(id)).cloned().collect();
    let counted: Vec<FolderKey> = if changes.everything {
        named.extend(notify.all().into_iter().filter(|id| notify.flags(id)));
        notify.all().into_iter().filter(|id| !named.contains(id)).collect()
    } else {
        notify.unknown().into_iter().filter(|id| !named.contains(id)).collect()
    };
    let counted = others(core, counted);
    if counted.is_empty() {
        return look_closer(core, named);
    }
    let call = Call::Status { folders: counted.clone(), items: asked(false, false) };
    Step::Call(
        call,
        then(move |core, with| {
            let Some(notify) = &mut core.notify else { return done() };
            let With::Reply(Reply::Status(Ok(results))) = with else {
                notify.missed();
                return done();
            };
            for (id, result) in counted.into_iter().zip(results) {
                match result {
                    Ok(found) if notify.count(&id, &found) => {}
                    Ok(_) => drop(named.insert(id)),
                    Err(error) => note(notify, &error),
                }
            }
            look_closer(core, named)
        }),
    )
}

fn look_closer(core: &mut Core, named: BTreeSet<FolderKey>) -> Step {
    let named = others(core, named.into_iter().collect());
    let Some(notify) = &core.notify else { return done() };
    if notify.check(&named, core.enabled.condstore()).is_err() {
        return overflow(core);
    }
    let kinds = split(core, notify, named, true);
    look_next(core, kinds)
}

fn look_next(core: &mut Core, mut kinds: VecDeque<Kind>) -> Step {
    let Some(kind) = kinds.pop_front() else { return look_at_metadata(core) };
    let call = Call::Status { folders: kind.folders.clone(), items: asked(true, kind.modseq) };
    Step::Call(
        call,
        then(move |core, with| {
            let Some(mut notify) = core.notify.take() else { return done() };
            match with {
                With::Reply(Reply::Status(Ok(results))) => {
                    for (id, result) in kind.folders.iter().zip(results) {
                        match result {
                            Ok(found) if notify.learn(id, &found) => tell(core, &notify, id, &found),
                            Ok(_) => {}
                            Err(error) => note(&mut notify, &error),
                        }
                    }
                }
                _ => notify.missed(),
            }
            core.notify = Some(notify);
            look_next(core, kinds)
        }),
    )
}

/// A folder that went is told of otherwise.
fn note(notify: &mut Notify, error: &StoreError) {
    if *error != StoreError::NoSuchFolder {
        notify.missed();
    }
}

/// RFC 5465 5.1 to 5.3
fn tell(core: &mut Core, notify: &Notify, folder: &FolderKey, status: &FolderStatus) {
    let Some(entry) = notify.named(folder) else { return };
    let mut items = vec![StatusItem::Messages, StatusItem::UidNext, StatusItem::UidValidity];
    if core.enabled.condstore() || notify.flags(folder) {
        items.push(StatusItem::HighestModSeq);
    }
    if notify.flags(folder) {
        items.push(StatusItem::Unseen);
    }
    write_status(&entry.name, folder, &items, status, &mut core.out);
}
