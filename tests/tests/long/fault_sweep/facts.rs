use std::collections::{BTreeMap, BTreeSet};

/// A folder as a client sees it after SELECT.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Look {
    /// UIDVALIDITY.
    pub uid_validity: u32,
    /// How many there are, as SELECT tells.
    pub exists: usize,
    /// Messages by UID, as far as they were served.
    pub messages: BTreeMap<u32, Shown>,
    /// UIDs that are listed, served or not.
    pub listed: BTreeSet<u32>,
}

/// A message, by what tells it from the others. The same for IMAP and for the store.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shown {
    /// Subject; messages of a scenario have different ones, copies the same.
    pub subject: String,
    /// `\Seen`.
    pub seen: bool,
    /// `\Flagged`.
    pub flagged: bool,
}

impl Look {
    /// The messages without their UIDs, sorted.
    pub fn content(&self) -> Vec<Shown> {
        let mut content: Vec<Shown> = self.messages.values().cloned().collect();
        content.sort();
        content
    }

    /// Whether the client is shown these messages, sorted, and no others: as many as it was told of, and none is listed that
    /// it can't get. (FETCH passes over what is gone, so that by itself it does not tell of rows that nothing stands behind.)
    pub fn is(&self, truth: &[Shown]) -> bool {
        self.content() == truth && self.exists == truth.len() && self.listed.iter().eq(self.messages.keys())
    }

    /// UIDs of the messages with these subjects.
    pub fn uids(&self, subjects: &[&str]) -> Vec<u32> {
        let wanted = self.messages.iter().filter(|(_, message)| subjects.contains(&message.subject.as_str()));
        wanted.map(|(uid, _)| *uid).collect()
    }
}

/// What a client was ever told of a folder's UIDs, and holds the server to.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    uid_validity: Option<u32>,
    subjects: BTreeMap<u32, String>,
    /// The highest UID of a whole look: new messages come above it.
    seen_up_to: u32,
    /// Subjects that somebody removes on purpose.
    may_vanish: BTreeSet<String>,
}

impl Facts {
    /// Messages with this subject may go from now on.
    pub fn let_vanish(&mut self, subject: &str) {
        self.may_vanish.insert(subject.to_owned());
    }

    /// The client was told that this UID is this message.
    ///
    /// # Errors
    /// It was another message, or under another UIDVALIDITY.
    pub fn told(&mut self, uid_validity: u32, uid: u32, subject: &str) -> Result<(), String> {
        if *self.uid_validity.get_or_insert(uid_validity) != uid_validity {
            return Err(format!("UIDVALIDITY changed from {:?} to {uid_validity}", self.uid_validity));
        }
        match self.subjects.insert(uid, subject.to_owned()) {
            Some(before) if before != subject => Err(format!("UID {uid} was {before:?} and became {subject:?}")),
            _ => Ok(()),
        }
    }

    /// The client knows without UIDVALIDITY that this UID can only be this message.
    ///
    /// # Errors
    /// It was another message.
    pub fn must_be(&mut self, uid: u32, subject: &str) -> Result<(), String> {
        let uid_validity = self.uid_validity.unwrap_or(0);
        self.told(uid_validity, uid, subject)
    }

    /// The client saw the whole folder.
    ///
    /// # Errors
    /// A UID means another message than before, came below one that was seen before, or went without anybody's doing.
    pub fn saw(&mut self, look: &Look) -> Result<(), String> {
        for (uid, message) in &look.messages {
            let known = self.subjects.contains_key(uid);
            self.told(look.uid_validity, *uid, &message.subject)?;
            if !known && *uid <= self.seen_up_to {
                return Err(format!("new UID {uid} ({:?}) below {}, seen before", message.subject, self.seen_up_to));
            }
        }
        let gone = self
            .subjects
            .iter()
            .find(|(uid, subject)| !look.messages.contains_key(uid) && !self.may_vanish.contains(subject.as_str()));
        if let Some((uid, subject)) = gone {
            let seen: String = format!("{:?}", look.messages).chars().take(2000).collect();
            return Err(format!("UID {uid} ({subject:?}) went without anybody's doing: {seen}"));
        }
        let highest = look.messages.keys().next_back().copied().unwrap_or(0);
        self.seen_up_to = self.seen_up_to.max(highest);
        Ok(())
    }
}
