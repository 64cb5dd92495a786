use crate::session::action::{Call, Reply};
use crate::session::object_id::mailbox_id;
use crate::session::outcome::Outcome;
use crate::session::step::{Step, With, call_to_end, then, with_folder, with_folders};
use crate::store::StoreError;

/// The longest name of a mailbox to be made, in bytes of UTF-8.
const MAX_NAME: usize = 1000;

/// Why no mailbox can be made that has this name, whatever the store.
fn unusable(name: &str) -> Option<Outcome> {
    if name.len() > MAX_NAME {
        Some(Outcome::no("CANNOT", "The mailbox name is too long"))
    } else if name.split('/').any(str::is_empty) {
        Some(Outcome::no("CANNOT", "No level of a mailbox name can be empty"))
    } else {
        None
    }
}

fn missing() -> Outcome {
    Outcome::failed(&StoreError::NoSuchFolder)
}

/// RFC 9051 6.3.4, RFC 8474 4.1. What a mailbox is for, the mail server decides (RFC 6154 3).
pub(super) fn create(mailbox: String, uses: &[String]) -> Step {
    if !uses.is_empty() {
        return Step::Done(Outcome::no("USEATTR", "Special uses can't be given to mailboxes here"));
    }
    if mailbox == "INBOX" {
        return Step::Done(Outcome::failed(&StoreError::AlreadyExists));
    }
    if let Some(refused) = unusable(&mailbox) {
        return Step::Done(refused);
    }
    let call = Call::Create(mailbox.clone());
    let made = then(move |_, with| match with {
        With::Reply(Reply::Done(Ok(()))) => {
            Step::Call(Call::Folders, then(move |_, with| Step::Done(created(&mailbox, &with))))
        }
        With::Reply(Reply::Done(Err(error))) => Step::Done(Outcome::failed(&error)),
        _ => Step::Done(Outcome::bug()),
    });
    Step::Call(call, made)
}

/// The mailbox was made. If it can't be looked up it may have gone already.
fn created(mailbox: &str, with: &With) -> Outcome {
    let outcome = Outcome::ok("CREATE completed");
    match with {
        With::Reply(Reply::Folders(Ok(folders))) => match folders.named(mailbox) {
            Some(folder) => outcome.code(format!("MAILBOXID ({})", mailbox_id(&folder.id))),
            None => outcome,
        },
        _ => outcome,
    }
}

/// RFC 9051 6.3.5. What is below a mailbox must stay, and here it can't without that mailbox.
pub(super) fn delete(mailbox: String) -> Step {
    if mailbox == "INBOX" {
        return Step::Done(Outcome::no("CANNOT", "INBOX can't be deleted"));
    }
    let below = format!("{mailbox}/");
    with_folders(move |list| match list.named(&mailbox) {
        None => Step::Done(missing()),
        // Of those that can't go at all the store says so.
        Some(folder)
            if folder.special_use.is_none() && list.folders.iter().any(|other| other.name.starts_with(&below)) =>
        {
            Step::Done(Outcome::failed(&StoreError::HasChildren))
        }
        Some(folder) => call_to_end(Call::Delete(folder.id.clone()), "DELETE completed"),
    })
}

/// RFC 9051 6.3.6
pub(super) fn rename(from: String, to: String) -> Step {
    if to == "INBOX" {
        return Step::Done(Outcome::failed(&StoreError::AlreadyExists));
    }
    if let Some(refused) = unusable(&to) {
        return Step::Done(refused);
    }
    with_folder(from, missing, |folder| {
        call_to_end(Call::Rename { folder: folder.id.clone(), name: to }, "RENAME completed")
    })
}

/// RFC 9051 6.3.7. The store says whether it takes a name that no mailbox has.
pub(super) fn subscribe(name: String) -> Step {
    call_to_end(Call::Subscribe { name, subscribed: true }, "SUBSCRIBE completed")
}

/// RFC 9051 6.3.8. Of any name: clients take the subscription back after DELETE, too.
pub(super) fn unsubscribe(name: String) -> Step {
    call_to_end(Call::Subscribe { name, subscribed: false }, "UNSUBSCRIBE completed")
}
