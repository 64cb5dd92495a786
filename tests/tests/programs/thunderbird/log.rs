//! What Thunderbird logs of IMAP (`MOZ_LOG=IMAP:4`).

use std::path::Path;

/// The lines of a log, oldest first.
pub struct ImapLog(Vec<String>);

impl ImapLog {
    /// What is there so far; nothing if there is no such file.
    pub fn read(path: &Path) -> Self {
        let bytes = std::fs::read(path).unwrap_or_default();
        Self(String::from_utf8_lossy(&bytes).lines().map(str::to_owned).collect())
    }

    /// The commands that were sent, without their tags, and the folder that was selected.
    pub fn commands(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().filter_map(|line| {
            let (connection, sent) = line.split_once(":SendData: ")?;
            let (_, folder) = connection.split_once(":S-")?;
            let (tag, command) = sent.split_once(' ')?;
            is_tag(tag).then_some((folder, command))
        })
    }

    /// Whether a command was sent that holds this, in whatever state.
    pub fn said(&self, what: &str) -> bool {
        self.0.iter().filter_map(|line| line.split_once(":SendData: ")).any(|(_, command)| command.contains(what))
    }

    /// Whether the flags of the messages of `folder` were asked for and told, be it those that changed since the HIGHESTMODSEQ
    /// that Thunderbird knew, or, where that is still the newest, of new messages only: Thunderbird knows what there is.
    pub fn knows(&self, folder: &str) -> bool {
        let mut lines = self.0.iter().filter_map(|line| line.split_once(&format!(":S-{folder}:")));
        let asked = lines.find_map(|(_, line)| {
            let (tag, command) = line.strip_prefix("SendData: ")?.split_once(' ')?;
            (command.starts_with("UID fetch ") && command.contains(":* (FLAGS)")).then_some(tag)
        });
        asked.is_some_and(|tag| {
            let told = format!("CreateNewLineFromSocket: {tag} OK");
            lines.any(|(_, line)| line.starts_with(&told))
        })
    }

    /// Whether Thunderbird waits in IDLE for what the server tells of `folder`.
    pub fn idles(&self, folder: &str) -> bool {
        let mark = format!(":S-{folder}:");
        let last = self.0.iter().rev().find(|line| line.contains(&mark) && told(line).is_some());
        last.is_some_and(|line| line.contains(":CreateNewLineFromSocket: + "))
    }

    /// The commands that were answered NO or BAD, as answered.
    pub fn refusals(&self) -> Vec<&str> {
        let said = self.0.iter().filter_map(|line| line.split_once("CreateNewLineFromSocket: "));
        let refused = |answer: &&str| {
            let mut words = answer.split(' ');
            words.next().is_some_and(is_tag) && matches!(words.next(), Some("NO" | "BAD"))
        };
        said.map(|(_, answer)| answer).filter(refused).collect()
    }

    /// The last commands and answers, without the contents of messages.
    pub fn end(&self) -> String {
        const LINES: usize = 60;
        let told: Vec<&str> = self.0.iter().filter_map(|line| told(line)).collect();
        told[told.len().saturating_sub(LINES)..].join("\n")
    }

    /// Keeps it beyond the test, where it is replaced by the next one; says where.
    pub fn keep(&self) -> String {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("thunderbird-imap.log");
        match std::fs::write(&path, self.0.join("\n")) {
            Ok(()) => path.display().to_string(),
            Err(error) => format!("{}: {error}", path.display()),
        }
    }
}

/// The part of a line behind the process and thread, if it is a command or the first line of an answer.
fn told(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once("/IMAP ")?;
    let (_, said) = rest.split_once(":SendData: ").or_else(|| rest.split_once(":CreateNewLineFromSocket: "))?;
    let first = said.split(' ').next()?;
    (is_tag(first) || matches!(first, "*" | "+" | "DONE")).then_some(rest)
}

fn is_tag(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit())
}
