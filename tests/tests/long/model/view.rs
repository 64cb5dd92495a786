use super::reference::FlagNames;

/// A message as a session's client knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub uid: u32,
    pub marker: String,
    pub flags: FlagNames,
}

/// What a client knows of the selected folder, made of nothing but untagged responses.
#[derive(Debug, Clone, Default)]
pub struct View {
    /// In order of message numbers; a message that was only announced is unknown.
    pub rows: Vec<Option<Row>>,
    /// The highest UID ever seen.
    pub last_uid: u32,
}

/// What a command allows the server to say (RFC 3501 7.4.1, 5.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numbers {
    /// Message numbers may change.
    MayChange,
    /// FETCH, STORE and SEARCH by numbers: they may not.
    Stay,
}

impl View {
    /// Applies an untagged response.
    ///
    /// # Errors
    /// If the server may not say that.
    pub fn apply(&mut self, response: &str, numbers: Numbers) -> Result<(), String> {
        let mut words = response.strip_prefix("* ").unwrap_or(response).splitn(3, ' ');
        let (first, second, rest) = (words.next(), words.next(), words.next().unwrap_or_default());
        let (Some(Ok(number)), Some(what)) = (first.map(str::parse::<usize>), second) else { return Ok(()) };
        let what = what.lines().next().unwrap_or_default();
        let known = self.rows.len();
        match what {
            "EXPUNGE" if numbers == Numbers::Stay => Err(format!("{response:?} while numbers must stay")),
            "EXPUNGE" if number == 0 || number > known => Err(format!("{response:?} of {known} messages")),
            "EXPUNGE" => {
                self.rows.remove(number - 1);
                Ok(())
            }
            "EXISTS" if number < known => Err(format!("{response:?} after {known} messages")),
            "EXISTS" => {
                self.rows.resize(number, None);
                Ok(())
            }
            "FETCH" if number == 0 || number > known => Err(format!("{response:?} of {known} messages")),
            "FETCH" => self.fetched(number - 1, rest),
            _ => Ok(()),
        }
    }

    /// Numbers of messages of which nothing but their existence is known.
    pub fn unknown(&self) -> Option<(usize, usize)> {
        let first = self.rows.iter().position(Option::is_none)?;
        let last = self.rows.iter().rposition(Option::is_none)?;
        Some((first + 1, last + 1))
    }

    /// What is known, if everything is.
    pub fn known(&self) -> Option<Vec<Row>> {
        self.rows.iter().cloned().collect()
    }

    pub fn uids(&self) -> Vec<u32> {
        self.rows.iter().flatten().map(|row| row.uid).collect()
    }

    pub fn row_mut(&mut self, uid: u32) -> Option<&mut Row> {
        self.rows.iter_mut().flatten().find(|row| row.uid == uid)
    }

    fn fetched(&mut self, at: usize, items: &str) -> Result<(), String> {
        let flags = items.split_once("FLAGS (").and_then(|(_, rest)| rest.split_once(')')).map(|(flags, _)| {
            let words = flags.split(' ').filter(|word| !word.is_empty() && *word != "\\Recent");
            words.map(str::to_owned).collect::<FlagNames>()
        });
        let uid = items.split_once("UID ").and_then(|(_, rest)| rest.split([' ', ')']).next()?.parse().ok());
        let marker = items.split_once("Subject: ").map(|(_, rest)| rest.split("\r\n").next().unwrap_or_default());
        let row = &mut self.rows[at];
        match (row.as_mut(), uid, flags) {
            (Some(row), Some(uid), _) if row.uid != uid => {
                Err(format!("message {} was UID {}, is {uid}", at + 1, row.uid))
            }
            (Some(row), _, Some(flags)) => {
                row.flags = flags;
                Ok(())
            }
            (Some(_), _, None) => Ok(()),
            (None, Some(uid), Some(flags)) if marker.is_some() => {
                let before = self.rows[..at].iter().flatten().map(|row| row.uid).max();
                if before.is_some_and(|before| before >= uid) {
                    return Err(format!("UID {uid} does not ascend after {before:?}"));
                }
                self.last_uid = self.last_uid.max(uid);
                let marker = marker.unwrap_or_default().to_owned();
                self.rows[at] = Some(Row { uid, marker, flags });
                Ok(())
            }
            // Flags of a message that was announced a moment ago: the client asks for it as a whole.
            (None, ..) => Ok(()),
        }
    }
}
