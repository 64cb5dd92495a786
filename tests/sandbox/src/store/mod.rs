//! The mailbox store: users, folders, messages, and the rules of what changes what. It knows nothing of ROPs or HTTP;
//! tests use it as an oracle beside the protocol.

mod address_book;
mod calendar;
mod clock;
mod deliver;
pub mod entry_id;
mod event;
mod folder;
mod headers;
mod id;
mod mailbox;
pub mod message;
mod names;
mod outlook;
mod permission;
mod quota;
pub mod restrict;
mod result;
mod shared;
mod snapshot;
mod standard;
mod user;
pub mod view;

pub use address_book::{AddressBook, AddressEntry};
pub use calendar::calendar;
pub use clock::{Clock, SteppingClock, SystemClock};
pub use deliver::{Outbound, Submission};
pub use event::{Event, EventKind, EventLog};
pub use folder::{Folder, SearchCriteria};
pub use id::{REPLICA_ID, counter, object_id};
pub use mailbox::{Copied, Mailbox};
pub use message::Message;
pub use names::NamedProperties;
pub use permission::{ANONYMOUS_MEMBER, DEFAULT_MEMBER, Delegates, Member, Permissions, right};
pub use quota::{Quota, STORE_FULL};
pub use result::StoreResult;
pub use shared::SharedStore;
pub use snapshot::SnapshotError;
pub use standard::Special;
pub(crate) use user::guid_of;
pub use user::{DN_PREFIX, User};
pub use view::{FolderView, is_computed_of_folders};

use std::sync::Arc;
use std::time::Instant;

use mapi_core::ErrorCode;

use crate::Manners;

/// Every user with a mailbox, and the mail that left for elsewhere.
pub struct Store {
    users: Vec<User>,
    mailboxes: Vec<Mailbox>,
    outbound: Vec<Outbound>,
    submissions: u64,
    clock: Arc<dyn Clock>,
    manners: Manners,
}

impl Store {
    /// A store without users.
    pub fn new(clock: Arc<dyn Clock>, manners: Manners) -> Self {
        Self { users: Vec::new(), mailboxes: Vec::new(), outbound: Vec::new(), submissions: 0, clock, manners }
    }

    /// Adds a user with a fresh mailbox, unless there is one with that address.
    pub fn add_user(&mut self, user: User) {
        if self.user_index(&user.address).is_none() {
            self.mailboxes.push(Mailbox::new(&user, self.clock.clone(), self.manners.clone()));
            self.users.push(user);
        }
    }

    /// Adds a user with the mailbox of a snapshot, in the place of one with that address.
    pub(crate) fn restore_user(&mut self, user: User, mailbox: Mailbox) {
        match self.user_index(&user.address) {
            Some(index) => {
                self.users[index] = user;
                self.mailboxes[index] = mailbox;
            }
            None => {
                self.users.push(user);
                self.mailboxes.push(mailbox);
            }
        }
    }

    /// Every user.
    pub fn users(&self) -> &[User] {
        &self.users
    }

    /// Gives the user with `address` another password, if there is such a user.
    pub fn set_password(&mut self, address: &str, password: &str) {
        if let Some(user) = self.users.iter_mut().find(|user| user.has_address(address)) {
            password.clone_into(&mut user.password);
        }
    }

    /// Which user has `address`.
    pub fn user_index(&self, address: &str) -> Option<usize> {
        self.users.iter().position(|user| user.has_address(address))
    }

    /// Which user has the legacyExchangeDN `dn`.
    pub fn user_by_dn(&self, dn: &str) -> Option<usize> {
        self.users.iter().position(|user| user.legacy_dn.eq_ignore_ascii_case(dn))
    }

    /// What user `who` may do in a folder of user `owner`'s mailbox: owners everything.
    ///
    /// # Errors
    /// `ecAccessDenied` without the right; `ecNotFound`.
    pub fn require(&self, who: usize, owner: usize, folder: u64, wanted: u32) -> StoreResult<()> {
        if who == owner {
            return Ok(());
        }
        let user = self.users.get(who).ok_or(ErrorCode::UNKNOWN_USER)?;
        let mailbox = self.mailbox(owner).ok_or(ErrorCode::UNKNOWN_USER)?;
        let allowed = mailbox.folder(folder)?.permissions.allow(&user.legacy_dn, wanted);
        if allowed { Ok(()) } else { Err(ErrorCode::ACCESS_DENIED) }
    }

    /// The mailbox of user `index`.
    pub fn mailbox(&self, index: usize) -> Option<&Mailbox> {
        self.mailboxes.get(index)
    }

    /// The mailbox of user `index`, to be changed.
    pub fn mailbox_mut(&mut self, index: usize) -> Option<&mut Mailbox> {
        self.mailboxes.get_mut(index)
    }

    /// The mailbox of the user with `address`.
    pub fn mailbox_of(&mut self, address: &str) -> Option<&mut Mailbox> {
        let index = self.user_index(address)?;
        self.mailboxes.get_mut(index)
    }

    /// How many events ever happened: grows when somebody may have to be told something.
    pub fn event_count(&self) -> u64 {
        self.mailboxes.iter().map(|mailbox| mailbox.events().end()).sum()
    }

    /// Tells the delayed events whose time has come.
    pub(crate) fn release_events(&mut self, now: Instant) {
        self.mailboxes.iter_mut().for_each(|mailbox| mailbox.release_events(now));
    }

    /// When the next delayed event is told.
    pub(crate) fn next_delayed(&self) -> Option<Instant> {
        self.mailboxes.iter().filter_map(|mailbox| mailbox.events().next_delayed()).min()
    }

    /// The clock.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// The manners.
    pub fn manners(&self) -> &Manners {
        &self.manners
    }
}
