//! What is done upstream, as values.
//!
//! An [`Operation`] does one thing in one or more requests. It says of each request whether it may be repeated
//! ([`Attempt::read`], [`Attempt::set`]) or has an effect that must not happen twice ([`Attempt::effect`]), and keeps what
//! it has achieved, so that after a lost session it goes on where it was instead of beginning anew.
//! [`perform`](crate::line::upstream::Upstream::perform) is the one place that runs operations: it chooses the session, opens the
//! span, waits for a server that is busy, decides what a failure allows, counts and times.

mod annotate;
mod append;
mod ask;
mod attempt;
mod copy;
mod delete_folder;
mod download;
mod folder;
mod look;
pub(crate) mod mark;
mod move_folder;
mod perform;
mod submit;
mod subscribe;
mod update;

use std::future::Future;

use mapi_core::id::Gid;
use mapi_core::mailbox::MailboxError;

pub(crate) use annotate::{Annotate, decode as decode_metadata, read_metadata};
pub(crate) use append::{Append, Stored};
pub(crate) use ask::Ask;
pub(crate) use attempt::Attempt;
pub(crate) use copy::{Transfer, Transferred};
pub(crate) use delete_folder::DeleteFolder;
pub(crate) use download::{Download, Downloaded, Withheld};
pub(crate) use folder::CreateFolder;
pub(crate) use look::LookAtFlags;
pub(crate) use move_folder::{MoveFolder, Place};
pub(crate) use submit::{Handed, Submission};
pub(crate) use subscribe::{ChangeSubscriptions, decode as decode_subscriptions};
pub(crate) use update::{Changes, Flagged, Update};

use crate::line::kind::Kind;
use crate::line::upstream::Lane;

/// One thing that is done upstream.
pub(crate) trait Operation: Send {
    /// What it gives when it is done.
    type Done: Send;

    /// Which one it is: for the log, for counts, and for the tests that let each of its requests fail.
    fn kind(&self) -> Kind;

    /// The folder that it is about, for the log.
    fn folder(&self) -> Option<Gid> {
        None
    }

    /// Which session does it.
    fn lane(&self) -> Lane {
        Lane::Interactive
    }

    /// Does it, or what is left of it. Called again, in another session, when the one of the `attempt` was lost or the server
    /// was busy: what was achieved is in `self`.
    ///
    /// # Errors
    /// What the mailbox says. Whether it may be run again is decided by what the attempt was doing.
    fn run(&mut self, attempt: &mut Attempt) -> impl Future<Output = Result<Self::Done, MailboxError>> + Send;

    /// The outcome of an effect is unknown: its request went out and no answer told what became of it. Those that can find
    /// out by looking, or for which doing it again is the same as having done it, say so; the next [`Operation::run`] then
    /// begins with that.
    fn in_doubt(&mut self, attempt: &Attempt, cause: &MailboxError) -> impl Future<Output = Doubt> + Send {
        let _ = (attempt, cause);
        std::future::ready(Doubt::Stays)
    }
}

/// What an operation does about an effect of unknown outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doubt {
    /// Nothing can be done: whoever asked is told.
    Stays,
    /// The next run looks first.
    Look,
}
