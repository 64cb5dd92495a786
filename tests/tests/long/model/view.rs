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
        if first == Some("VANISHED") && second != Some("(EARLIER)") {
            let gone = second.ok_or_else(|| format!("{response:?}"))?;
            return if numbers == Numbers::Stay {
                Err(format!("{response:?} while numbers must stay"))
            } else {
                self.vanished(gone)
            };
        }
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

    /// Each UID is that of a message that was announced (RFC 7162 3.2.10.2).
    fn vanished(&mut self, gone: &str) -> Result<(), String> {
        for uid in numbers(gone)? {
            let known = self.rows.iter().position(|row| row.as_ref().is_some_and(|row| row.uid == uid));
            let at = known.or_else(|| self.rows.iter().position(Option::is_none));
            self.rows.remove(at.ok_or_else(|| format!("VANISHED {uid}, which nobody was told of"))?);
        }
        Ok(())
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

/// What a `sequence-set` of UIDs names.
pub fn numbers(set: &str) -> Result<Vec<u32>, String> {
    let mut all = Vec::new();
    for range in set.trim().split(',') {
        let (from, to) = range.split_once(':').unwrap_or((range, range));
        let number = |text: &str| text.parse::<u32>().map_err(|_| format!("{set:?}"));
        all.extend(number(from)?..=number(to)?);
    }
    Ok(all)
}

/// The number that follows some text.
pub fn number_after(line: &str, what: &str) -> Option<u64> {
    line.split_once(what).and_then(|(_, rest)| rest.split([']', ')', ' ']).next()?.parse().ok())
}
