use std::collections::HashMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use mail_core::listener::client_network;
use tokio::sync::Notify;

use super::configured::RefusedSecrets;
use super::failures::{FailureTable, Key};
use super::file_stamp::FileStamp;
use super::folded::folded;
use super::known::{KnownPasswords, Tag};
use super::moment::Moment;
use super::trust::TrustedSources;
use super::trust_file::TrustFile;

/// A password that was refused is refused for this long without asking again.
const REMEMBERED: Duration = Duration::from_secs(60);
/// Refused passwords remembered; the oldest go.
const MAX_REFUSED: usize = 20_000;

/// Keeps guessing of passwords from the upstream: it would lock the accounts, and be kept busy.
///
/// A password that was just refused is not asked again. Of each user only a few wrong ones are passed on in half an hour from
/// all sources together (IPv6: networks) that are strange to the user, and as many from each source from which the user got
/// in lately, so that who guesses elsewhere does not keep the user out. Of each source many wrong ones are passed on, and
/// those of users who got in from there do not count among them.
///
/// A password that was right is passed on even if no more guesses are, so that who guesses beside the user does not keep the
/// user out either. If it is refused it counts as wrong, and is a guess like any other from then on.
///
/// From where users got in is known after a restart; which passwords were right is not.
pub(crate) struct Guard {
    state: Mutex<GuardState>,
    file: TrustFile,
    /// Held while the file is written, so that the newest comes last.
    saving: Mutex<()>,
    /// Told when the file is to be written.
    unsaved: Notify,
}

struct GuardState {
    failures: FailureTable,
    /// Passwords that were refused.
    refused: HashMap<Tag, Instant>,
    trusted: TrustedSources,
    known: KnownPasswords,
    secrets: RefusedSecrets,
}

/// Why an attempt is not passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Denied {
    /// This password was refused a moment ago.
    Refused,
    /// Too many were; after this time one more may be tried.
    TooMany(Duration),
}

/// An attempt that is passed on.
pub(crate) struct Admitted {
    user: String,
    tag: Tag,
    keys: Vec<Key>,
    /// Whether it takes a place among those that may be tried; otherwise it is one with a password that was right.
    counted: bool,
    address: Option<IpAddr>,
}

/// What came of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The upstream let the user in.
    Accepted,
    /// It refused the password.
    Refused,
    /// Neither.
    Unknown,
}

impl Guard {
    /// Passes on at most `user_limit` wrong passwords of a user in half an hour. From where users got in is remembered in
    /// `directory`. Blocks.
    pub(crate) fn new(user_limit: usize, directory: PathBuf, now: Moment) -> Self {
        let file = TrustFile::new(directory);
        let state = GuardState {
            failures: FailureTable::new(user_limit),
            refused: HashMap::new(),
            trusted: file.load(now),
            known: KnownPasswords::default(),
            secrets: RefusedSecrets::default(),
        };
        Self { state: Mutex::new(state), file, saving: Mutex::new(()), unsaved: Notify::new() }
    }

    /// Whether a client's attempt may be passed on. `tag` stands for the password and the name as it was sent.
    ///
    /// # Errors
    /// It may not. Nothing counts that is not passed on.
    pub(crate) fn admit(&self, user: &str, tag: Tag, address: Option<IpAddr>, now: Moment) -> Result<Admitted, Denied> {
        let address = address.map(client_network);
        let mut state = self.state();
        if state.refused.get(&tag).is_some_and(|at| now.is_within(*at, REMEMBERED)) {
            return Err(Denied::Refused);
        }
        let name = folded(user);
        let keys = match address {
            Some(source) if state.trusted.contains(user, source, now) => vec![Key::UserAt(name, source)],
            // It counts under its source, too: becoming the user's gives nobody there further guesses.
            Some(source) => vec![Key::User(name.clone()), Key::UserAt(name, source), Key::Source(source)],
            None => vec![Key::User(name)],
        };
        let counted = match state.failures.begin(&keys, now) {
            Ok(()) => true,
            Err(_) if state.known.begin(user, tag, now) => false,
            Err(wait) => return Err(Denied::TooMany(wait)),
        };
        Ok(Admitted { user: user.to_owned(), tag, keys, counted, address })
    }

    /// What came of an attempt that was admitted.
    pub(crate) fn settle(&self, attempt: Admitted, verdict: Verdict, now: Moment) {
        let Admitted { user, tag, keys, counted, address } = attempt;
        let mut state = self.state();
        match counted {
            true => state.failures.end(&keys),
            false => state.known.end(&user, tag),
        }
        match verdict {
            Verdict::Refused => {
                state.failures.count(&keys, now);
                state.refuse(tag, now);
                state.known.forget(&user, tag);
            }
            Verdict::Accepted => {
                drop(state);
                self.got_in(&user, tag, address, now);
            }
            Verdict::Unknown => {}
        }
    }

    /// A user got in with a password from an address, whether the upstream was asked or not.
    pub(crate) fn got_in(&self, user: &str, tag: Tag, address: Option<IpAddr>, now: Moment) {
        let mut state = self.state();
        state.known.accept(user, tag, now);
        let unsaved = address.is_some_and(|address| state.trusted.got_in(user, client_network(address), now));
        drop(state);
        if unsaved {
            self.unsaved.notify_one();
        }
    }

    /// A password that was right is not any more, as a session of the user's showed.
    pub(crate) fn forget(&self, user: &str, tag: Tag) {
        self.state().known.forget(user, tag);
    }

    /// Whether a secret of the configuration may be sent: it was not refused within an hour, or its file (whose state `stamp`
    /// is) changed since.
    pub(crate) fn may_send(&self, tag: Tag, stamp: Option<FileStamp>, now: Moment) -> bool {
        self.state().secrets.may_send(tag, stamp, now)
    }

    /// Whether a secret of the configuration was refused when it was sent last.
    pub(crate) fn was_refused(&self, tag: Tag) -> bool {
        self.state().secrets.contains(tag)
    }

    /// What came of a secret of the configuration that was sent.
    pub(crate) fn sent(&self, tag: Tag, stamp: Option<FileStamp>, verdict: Verdict, now: Moment) {
        match verdict {
            Verdict::Refused => self.state().secrets.insert(tag, stamp, now),
            Verdict::Accepted => self.state().secrets.remove(tag),
            Verdict::Unknown => {}
        }
    }

    /// Waits until there is something to be saved. Dropped, it waited for nothing.
    pub(crate) async fn unsaved(&self) {
        self.unsaved.notified().await;
    }

    /// Writes from where users got in, if there is something new. Blocks.
    ///
    /// # Errors
    /// Those of the file system; it is still to be written then.
    pub(crate) fn save(&self, now: Moment) -> std::io::Result<()> {
        let _saving = self.saving.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(text) = self.state().trusted.take_text(now) else { return Ok(()) };
        self.file.save(&text).inspect_err(|_| self.state().trusted.not_written())
    }

    fn state(&self) -> MutexGuard<'_, GuardState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl GuardState {
    fn refuse(&mut self, tag: Tag, now: Moment) {
        if self.refused.len() >= MAX_REFUSED {
            self.refused.retain(|_, at| now.is_within(*at, REMEMBERED));
        }
        if self.refused.len() >= MAX_REFUSED {
            // Whatever is asked anew for it counts.
            self.refused.clear();
        }
        self.refused.insert(tag, now.at);
    }
}

#[cfg(test)]
mod tests;
