use std::collections::{HashMap, HashSet};

use mail_core::{FlagChange, FlagChangeMode, FlagSet, Keywords};
use mapi_core::ErrorCode;
use mapi_core::id::{Gid, MessageId};
use mapi_core::mailbox::{GidUpdate, MailboxError, MessageUpdates, OpenPlan, Updated};
use mapi_core::property::{FileTime, PropertyKey, PropertyType};

use super::{Attempt, Operation};
use crate::convert::flags;
use crate::line::kind::Kind;

/// Messages whose keywords are read and then written before those of the next ones are read.
const CHUNK: usize = 240;

/// A message whose flags are to change, as far as is known of it.
#[derive(Debug, Clone)]
pub(crate) struct Flagged {
    /// Its global id.
    pub gid: Gid,
    /// The flags the server keeps.
    pub flags: FlagSet,
    /// Its keywords, as clients know them.
    pub keywords: Keywords,
    /// Its keywords as they were when they were read last.
    pub fresh: Option<Keywords>,
}

impl Flagged {
    /// What STORE makes of it. Clients speak of the keywords that they know: a list that replaces these adds some and takes
    /// some away, and says nothing of others that came meanwhile.
    fn changed(&self, change: &FlagChange) -> (FlagSet, Keywords) {
        let known = self.fresh.as_ref().unwrap_or(&self.keywords);
        let (flags, keywords) = flags::changed(self.flags, known, change);
        if change.mode != FlagChangeMode::Replace {
            return (flags, keywords);
        }
        let stays = |keyword: &&str| change.keywords.contains(keyword) || !self.keywords.contains(keyword);
        let added = change.keywords.iter().filter(|keyword| !known.contains(keyword));
        (flags, known.iter().filter(stays).chain(added).collect())
    }

    /// What must be done to it, if it is not as it should be.
    fn edit(&self, change: &FlagChange, now: FileTime) -> Option<flags::FlagEdit> {
        let (flags, keywords) = self.changed(change);
        let edit = flags::edit((self.flags, self.fresh.as_ref().unwrap_or(&self.keywords)), (flags, &keywords), now);
        edit.writes_properties().then_some(edit)
    }
}

/// Changes flags and keywords that are properties of messages. Setting the same values twice gives the same message, so this
/// may be repeated; what was changed before a session was lost is not changed again.
///
/// Keywords are one list on the server, which is written as a whole, and there is no compare-and-swap: so the lists of the
/// messages are read right before, or what somebody else added meanwhile would be lost. What is added between this reading
/// and the write, a few requests later, still is.
pub(crate) struct Update<'a> {
    folder: Gid,
    change: &'a FlagChange,
    now: FileTime,
    left: Vec<Flagged>,
    sent: bool,
    made: Vec<(Gid, Updated)>,
    refused: Option<MailboxError>,
    plan: OpenPlan,
}

impl<'a> Update<'a> {
    /// Applies `change` to `messages` of a folder.
    pub(crate) fn new(folder: Gid, messages: Vec<Flagged>, change: &'a FlagChange, now: FileTime) -> Self {
        Self {
            folder,
            change,
            now,
            left: messages,
            sent: false,
            made: Vec::new(),
            refused: None,
            plan: OpenPlan::default(),
        }
    }

    /// Whether a change may touch the list of keywords.
    fn names_keywords(&self) -> bool {
        let categories = |keywords: &Keywords| -> Vec<String> {
            let all = keywords.iter().filter(|keyword| !keyword.eq_ignore_ascii_case(flags::FORWARDED));
            all.map(str::to_owned).collect()
        };
        let named = categories(&self.change.keywords);
        match self.change.mode {
            FlagChangeMode::Add | FlagChangeMode::Remove => !named.is_empty(),
            FlagChangeMode::Replace => self.left.iter().any(|message| categories(&message.keywords) != named),
        }
    }

    /// What must be done to each message that is not as it should be.
    fn edits(&self) -> Vec<(Gid, flags::FlagEdit)> {
        let edit = |message: &Flagged| Some((message.gid, message.edit(self.change, self.now)?));
        self.left.iter().filter_map(edit).collect()
    }

    /// Reads the keywords of the messages as they are now.
    async fn refresh(&mut self, attempt: &mut Attempt) -> Result<(), MailboxError> {
        let mailbox = attempt.mailbox();
        let folder = attempt.read(mailbox.resolve(self.folder)).await?;
        let ids: Vec<MessageId> = self.left.iter().filter_map(|message| mailbox.id_of(message.gid)).collect();
        let keys = [PropertyKey::Named(flags::keywords_name(), PropertyType::MULTIPLE_STRING)];
        let values = attempt.read(mailbox.message_values(folder, &ids, &keys, &mut self.plan)).await?;
        let mut now: HashMap<MessageId, Keywords> =
            values.into_iter().map(|(id, bag)| (id, flags::from_properties(&bag).1)).collect();
        for message in &mut self.left {
            let list = mailbox.id_of(message.gid).and_then(|id| now.remove(&id)).unwrap_or(Keywords::EMPTY);
            // $Forwarded is no category: it is made of other properties, and only of these.
            let forwarded = message.keywords.contains(flags::FORWARDED).then(|| flags::FORWARDED.to_owned());
            message.fresh = Some(list.iter().map(str::to_owned).chain(forwarded).collect());
        }
        Ok(())
    }

    /// Takes out what has a result.
    fn take(&mut self, edited: &[Gid], results: Vec<Option<Result<Updated, MailboxError>>>) {
        let mut done = HashSet::new();
        for (gid, result) in edited.iter().zip(results) {
            let Some(result) = result else { continue };
            done.insert(*gid);
            match result {
                Ok(updated) => self.made.push((*gid, updated)),
                // Messages that are gone meanwhile are passed over: the round that follows shows it.
                Err(error) if error.code().is_some_and(ErrorCode::is_gone) => {}
                Err(error) => drop(self.refused.get_or_insert(error)),
            }
        }
        self.left.retain(|message| !done.contains(&message.gid));
    }
}

/// What came of an [`Update`].
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// Whether anything may have been changed.
    pub sent: bool,
    /// What is known to be changed.
    pub made: Vec<(Gid, Updated)>,
}

impl Operation for Update<'_> {
    type Done = Changes;

    fn kind(&self) -> Kind {
        Kind::Update
    }

    fn folder(&self) -> Option<Gid> {
        Some(self.folder)
    }

    async fn run(&mut self, attempt: &mut Attempt) -> Result<Changes, MailboxError> {
        while !self.left.is_empty() {
            let mut later = self.left.split_off(self.left.len().min(CHUNK));
            let done = self.change_some(attempt).await;
            self.left.append(&mut later);
            done?;
        }
        match self.refused.take() {
            None => Ok(Changes { sent: self.sent, made: std::mem::take(&mut self.made) }),
            Some(error) => Err(error),
        }
    }
}

impl Update<'_> {
    /// Changes the messages that are left, so few that what is read of them is fresh when it is written.
    async fn change_some(&mut self, attempt: &mut Attempt) -> Result<(), MailboxError> {
        let mailbox = attempt.mailbox();
        let gids: Vec<Gid> = self.left.iter().map(|message| message.gid).collect();
        if !self.names_keywords() && self.edits().is_empty() {
            self.left.clear();
            return Ok(());
        }
        attempt.read(mailbox.meet(&gids)).await?;
        if self.names_keywords() {
            self.refresh(attempt).await?;
        }
        let edits = self.edits();
        let edited: Vec<Gid> = edits.iter().map(|(gid, _)| *gid).collect();
        let folder = attempt.read(mailbox.resolve(self.folder)).await?;
        let edits = edits.into_iter().map(|(gid, edit)| GidUpdate { gid, set: edit.set, delete: edit.delete });
        // Also what a lost answer does not tell of has to be seen.
        self.sent |= !edited.is_empty();
        let mut updates = MessageUpdates::new(edits);
        *updates.plan_mut() = self.plan.clone();
        let run = attempt.set(updates.run(&mailbox, folder)).await;
        self.plan = updates.plan_mut().clone();
        let before = self.left.len();
        self.take(&edited, updates.into_results());
        if self.left.len() < before {
            attempt.progressed();
        }
        run?;
        self.left.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keywords(words: &[&str]) -> Keywords {
        words.iter().copied().collect()
    }

    #[test]
    fn keywords_that_came_meanwhile_stay() {
        let change = |mode, words: &[&str]| FlagChange { mode, flags: FlagSet::EMPTY, keywords: keywords(words) };
        let (add, remove, replace) = (FlagChangeMode::Add, FlagChangeMode::Remove, FlagChangeMode::Replace);
        for (known, fresh, mode, words, expected) in [
            (&["a"][..], &["a", "b"][..], add, &["c"][..], &["a", "b", "c"][..]),
            (&["a"], &["b"], add, &["c"], &["b", "c"]),
            (&["a"], &["b"], add, &["a"], &["b", "a"]),
            (&["a"], &["a", "b"], remove, &["a"], &["b"]),
            (&["a"], &["a", "b"], remove, &["b"], &["a"]),
            (&["a"], &["a", "b"], replace, &["c"], &["b", "c"]),
            (&["a"], &["a", "b"], replace, &[], &["b"]),
            (&["a"], &["b"], replace, &["a"], &["b", "a"]),
        ] {
            let gid = Gid::from_slice(&[1; 22]).expect("22 bytes");
            let message =
                Flagged { gid, flags: FlagSet::EMPTY, keywords: keywords(known), fresh: Some(keywords(fresh)) };
            let (_, becomes) = message.changed(&change(mode, words));
            assert_eq!(becomes, keywords(expected), "{known:?} {fresh:?} {mode:?} {words:?}");
        }
    }
}
