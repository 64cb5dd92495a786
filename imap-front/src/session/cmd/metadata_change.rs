//! MailboxMetadataChange and ServerMetadataChange (RFC 5465 5.6, 5.7), which servers with METADATA must have.

use mail_core::Metadata;

use super::watching::{done, refused};
use crate::session::action::{Action, Call, Reply};
use crate::session::core::Core;
use crate::session::known_metadata::Place;
use crate::session::notify::Notify;
use crate::session::outcome::Outcome;
use crate::session::step::{Step, With, then};
use crate::store::StoreError;

/// Reads what there is, so that later it is known what differs. With that NOTIFY is complete.
pub(super) fn first_metadata(core: &mut Core, mut notify: Notify) -> Step {
    let Some(place) = notify.metadata.next_to_read() else {
        core.push(Action::Watch(notify.watches()));
        core.notify = Some(notify);
        return done();
    };
    Step::Call(
        Call::Metadata(place.clone()),
        then(move |core, with| match read(with) {
            Ok(found) => {
                if let Some(found) = found {
                    notify.metadata.learn(&place, &found);
                }
                first_metadata(core, notify)
            }
            Err(outcome) => refused(core, outcome),
        }),
    )
}

/// Looks at the metadata that may be other, and tells of what is: the names, not the values.
pub(super) fn look_at_metadata(core: &mut Core) -> Step {
    let Some(place) = core.notify.as_mut().and_then(|notify| notify.metadata.next_to_read()) else { return done() };
    Step::Call(
        Call::Metadata(place.clone()),
        then(move |core, with| {
            let Some(notify) = &mut core.notify else { return done() };
            match read(with) {
                Ok(Some(found)) => {
                    let names = notify.metadata.learn(&place, &found);
                    tell(core, &place, &names);
                }
                Ok(None) => {}
                Err(_) => notify.missed(),
            }
            look_at_metadata(core)
        }),
    )
}

/// What was read. What can't be read, however often, can't be told to change either: it may be of a folder that went, or be
/// written by a newer version.
fn read(with: With) -> Result<Option<Metadata>, Outcome> {
    match with {
        With::Reply(Reply::Metadata(Ok(found))) => Ok(Some(found)),
        With::Reply(Reply::Metadata(Err(error @ (StoreError::Unavailable(_) | StoreError::Internal(_))))) => {
            Err(Outcome::failed(&error))
        }
        With::Reply(Reply::Metadata(Err(_))) => Ok(None),
        _ => Err(Outcome::bug()),
    }
}

/// RFC 5464 4.4.2
fn tell(core: &mut Core, place: &Place, names: &[String]) {
    let Some(notify) = core.notify.as_ref().filter(|_| !names.is_empty()) else { return };
    let mailbox = match place {
        None => "",
        Some(folder) => match notify.named(folder) {
            Some(entry) => &entry.name,
            None => return,
        },
    };
    core.out.text("* METADATA ").quoted_mailbox(mailbox);
    for name in names {
        core.out.text(" ").astring(name);
    }
    core.out.text("\r\n");
}
