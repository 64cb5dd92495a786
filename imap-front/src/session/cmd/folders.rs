use crate::session::action::Call;
use crate::session::outcome::Outcome;
use crate::session::step::{Step, call_to_end, with_folder};
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

/// RFC 9051 6.3.4
pub(super) fn create(mailbox: String) -> Step {
    if mailbox == "INBOX" {
        return Step::Done(Outcome::failed(&StoreError::AlreadyExists));
    }
    if let Some(refused) = unusable(&mailbox) {
        return Step::Done(refused);
    }
    call_to_end(Call::Create(mailbox), "CREATE completed")
}

/// RFC 9051 6.3.5
pub(super) fn delete(mailbox: String) -> Step {
    if mailbox == "INBOX" {
        return Step::Done(Outcome::no("CANNOT", "INBOX can't be deleted"));
    }
    with_folder(mailbox, missing, |folder| call_to_end(Call::Delete(folder.id.clone()), "DELETE completed"))
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

/// SUBSCRIBE and UNSUBSCRIBE (RFC 9051 6.3.7, 6.3.8)
pub(super) fn subscribe(mailbox: String, subscribed: bool) -> Step {
    let done = if subscribed { "SUBSCRIBE completed" } else { "UNSUBSCRIBE completed" };
    with_folder(mailbox, missing, move |folder| {
        call_to_end(Call::Subscribe { folder: folder.id.clone(), subscribed }, done)
    })
}
