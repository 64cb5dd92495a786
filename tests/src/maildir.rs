//! A Maildir that is filled as Dovecot's own delivery does it.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// A folder.
#[derive(Debug, Clone)]
pub struct Maildir(PathBuf);

impl Maildir {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Makes it, with nothing in it.
    ///
    /// # Errors
    /// What the file system says.
    pub fn create(&self) -> io::Result<()> {
        ["cur", "new", "tmp"].iter().try_for_each(|name| std::fs::create_dir_all(self.0.join(name)))
    }

    /// Puts a message into it, which comes behind those with lower numbers. It arrived that many seconds after 1970. A line
    /// ends with LF there, as Dovecot has it unless told otherwise; IMAP shows CRLF.
    ///
    /// # Errors
    /// What the file system says.
    pub fn add(&self, number: usize, message: &[u8], arrived: u64, is_seen: bool) -> io::Result<()> {
        let mut stored = Vec::with_capacity(message.len());
        for (at, byte) in message.iter().enumerate() {
            if !(*byte == b'\r' && message.get(at + 1) == Some(&b'\n')) {
                stored.push(*byte);
            }
        }
        let lines =
            stored.iter().enumerate().filter(|(at, byte)| **byte == b'\n' && stored[..*at].last() != Some(&b'\r'));
        let shown = stored.len() + lines.count();
        let flags = if is_seen { "S" } else { "" };
        // Dovecot numbers what it finds by the names.
        let name =
            format!("{:010}.M{number:06}P1.tests,S={},W={shown}:2,{flags}", 1_000_000_000 + number, stored.len());
        let path = self.0.join("cur").join(name);
        std::fs::write(&path, stored)?;
        File::options().write(true).open(path)?.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(arrived))
    }

    /// Takes away what Dovecot remembers of the contents of messages.
    ///
    /// # Errors
    /// What the file system says.
    pub fn forget(&self) -> io::Result<()> {
        match std::fs::remove_file(self.0.join("dovecot.index.cache")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}
