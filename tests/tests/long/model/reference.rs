use std::collections::BTreeSet;

use super::program::{Flags, KEYWORDS, Mode, NAMES};
use super::view::Row;

/// Flags and keywords of one message.
pub type FlagNames = BTreeSet<String>;

/// The simple model: what the folder that both sessions look at holds, and what the other folder holds.
#[derive(Debug, Clone, Default)]
pub struct Reference {
    pub here: Vec<Entry>,
    pub there: Vec<Entry>,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The subject, that copies share.
    pub marker: String,
    pub flags: FlagNames,
    /// Its UID, once a session was told of it.
    pub uid: Option<u32>,
    /// Its content was changed by Outlook, so that it may get another UID.
    pub edited: bool,
}

impl Entry {
    pub fn new(marker: &str, flags: FlagNames) -> Self {
        Self { marker: marker.to_owned(), flags, uid: None, edited: false }
    }

    /// What becomes of it in another place: another UID, and not marked for deletion.
    pub fn copy(&self) -> Self {
        let mut flags = self.flags.clone();
        flags.remove("\\Deleted");
        Self::new(&self.marker, flags)
    }

    pub fn store(&mut self, mode: Mode, flags: Flags) {
        let names = flags.names().map(str::to_owned);
        match mode {
            Mode::Add => self.flags.extend(names),
            Mode::Remove => names.for_each(|name| self.set(&name, false)),
            Mode::Replace => self.flags = names.collect(),
        }
    }

    pub fn set(&mut self, flag: &str, on: bool) {
        if on {
            self.flags.insert(flag.to_owned());
        } else {
            self.flags.remove(flag);
        }
    }

    pub fn categorise(&mut self, keywords: Flags) {
        for bit in KEYWORDS {
            self.set(NAMES[bit], keywords.0 & (1 << bit) != 0);
        }
    }
}

impl Reference {
    /// Where the message with a UID is.
    pub fn position(&self, uid: u32) -> Option<usize> {
        self.here.iter().position(|entry| entry.uid == Some(uid))
    }

    /// Learns the UIDs of messages that a session was told of between looks.
    pub fn adopt(&mut self, rows: &[Row]) {
        for row in rows.iter().filter(|row| self.position(row.uid).is_none()).collect::<Vec<_>>() {
            let fits = |entry: &&mut Entry| entry.uid.is_none() && entry.marker == row.marker;
            if let Some(entry) = self.here.iter_mut().find(fits) {
                entry.uid = Some(row.uid);
                continue;
            }
            // One that was edited got its new UID when this session looked at it.
            let follows = |entry: &&mut Entry| {
                let before = entry.uid.filter(|uid| *uid < row.uid && !rows.iter().any(|row| row.uid == *uid));
                entry.edited && entry.marker == row.marker && before.is_some()
            };
            if let Some(entry) = self.here.iter_mut().find(follows) {
                (entry.uid, entry.edited) = (Some(row.uid), false);
            }
        }
    }

    /// Compares the folder with a session's view, and learns the UIDs of messages it did not know.
    ///
    /// # Errors
    /// What differs.
    pub fn meet(&mut self, rows: &[Row]) -> Result<(), String> {
        if rows.len() != self.here.len() {
            return Err(format!("{} messages are shown, {} are there", rows.len(), self.here.len()));
        }
        let mut entries = self.here.clone();
        let mut met = vec![false; entries.len()];
        let mut new = Vec::new();
        for row in rows {
            match entries.iter().position(|entry| entry.uid == Some(row.uid)) {
                Some(at) => {
                    same(row, &entries[at])?;
                    met[at] = true;
                }
                None => new.push(row),
            }
        }
        for row in new {
            let free = |at: &usize| !met[*at] && (entries[*at].uid.is_none() || entries[*at].edited);
            let fits: Vec<usize> =
                (0..entries.len()).filter(free).filter(|at| entries[*at].marker == row.marker).collect();
            let best = fits.iter().find(|at| same(row, &entries[**at]).is_ok()).or(fits.first());
            let Some(&at) = best else { return Err(format!("nobody expects {row:?}")) };
            same(row, &entries[at])?;
            entries[at].uid = Some(row.uid);
            entries[at].edited = false;
            met[at] = true;
        }
        self.here = entries;
        Ok(())
    }

    /// Compares what a settled session found by a flag. A message whose content was changed may be about to get another UID.
    ///
    /// # Errors
    /// What differs.
    pub fn searched(&self, flag: &str, found: &[u32]) -> Result<(), String> {
        for entry in self.here.iter().filter(|entry| !entry.edited) {
            let is_found = entry.uid.is_some_and(|uid| found.contains(&uid));
            if is_found != entry.flags.contains(flag) {
                return Err(format!("SEARCH {flag} finds {found:?}, there is {entry:?}"));
            }
        }
        let edited = self.here.iter().any(|entry| entry.edited);
        match found.iter().find(|uid| self.position(**uid).is_none()) {
            Some(uid) if !edited => Err(format!("SEARCH {flag} finds {uid}, which nobody knows")),
            _ => Ok(()),
        }
    }
}

fn same(row: &Row, entry: &Entry) -> Result<(), String> {
    // A changed message is another one, for which nobody asked for deletion.
    let forgiving =
        |flags: &FlagNames| flags.iter().filter(|flag| !entry.edited || *flag != "\\Deleted").cloned().collect();
    let (shown, expected): (FlagNames, FlagNames) = (forgiving(&row.flags), forgiving(&entry.flags));
    if row.marker == entry.marker && shown == expected {
        Ok(())
    } else {
        Err(format!("{row:?} is shown for {entry:?}"))
    }
}
