use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::login::FileStamp;

/// The longest password taken from a file, in bytes.
const MAX_PASSWORD: usize = 4096;

/// The password of a device's mailbox. One from a file is read again when the file has changed.
pub struct DevicePassword {
    file: Option<PathBuf>,
    current: Mutex<Current>,
}

#[derive(Clone)]
struct Current {
    password: SecretString,
    /// The state of the file from which it was read, at the latest.
    stamp: Option<FileStamp>,
}

impl DevicePassword {
    /// One that stays as it is.
    pub(super) fn fixed(password: SecretString) -> Self {
        Self { file: None, current: Mutex::new(Current { password, stamp: None }) }
    }

    /// The one in a file.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub(super) fn in_file(path: &Path) -> Result<Self, String> {
        let current = Current::read(path)?;
        Ok(Self { file: Some(path.to_owned()), current: Mutex::new(current) })
    }

    /// The password as it is now, and the state of the file that says so. A file that can't be read any more changes nothing.
    /// Blocks.
    pub fn now(&self) -> (SecretString, Option<FileStamp>) {
        if let Some(path) = &self.file
            && FileStamp::of(path).is_some_and(|stamp| Some(stamp) != self.current().stamp)
        {
            match Current::read(path) {
                Ok(read) => *self.current() = read,
                Err(why) => tracing::warn!(path = %path.display(), why, "the former password is kept"),
            }
        }
        let Current { password, stamp } = self.current().clone();
        (password, stamp)
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Current {
    fn read(path: &Path) -> Result<Self, String> {
        // Before it is read: what is written meanwhile is read the next time.
        let stamp = FileStamp::of(path);
        let password = password(fs::read_to_string(path).map_err(|error| error.to_string()))?;
        Ok(Self { password, stamp })
    }
}

impl fmt::Debug for DevicePassword {
    /// Shows no password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DevicePassword").field("file", &self.file).finish_non_exhaustive()
    }
}

/// A password without the line end that editors put behind it.
///
/// # Errors
/// That of `text`, and what is wrong with the password.
pub(super) fn password(text: Result<String, String>) -> Result<SecretString, String> {
    let text = Zeroizing::new(text?);
    let password = text.trim_end_matches(['\r', '\n']);
    if password.is_empty() || password.len() > MAX_PASSWORD {
        return Err(format!("expected a password of 1 to {MAX_PASSWORD} bytes"));
    }
    Ok(SecretString::from(password))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn a_file_is_read_again_when_it_has_changed() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        fs::write(file.path(), "first\n").expect("written");
        let password = DevicePassword::in_file(file.path()).expect("readable");
        let (first, stamp) = password.now();
        assert_eq!(first.expose_secret(), "first");
        assert!(stamp.is_some() && stamp == password.now().1);
        fs::write(file.path(), "the second\n").expect("written");
        let (second, changed) = password.now();
        assert_eq!(second.expose_secret(), "the second");
        assert_ne!(changed, stamp);
        fs::write(file.path(), "").expect("emptied");
        assert_eq!(password.now().0.expose_secret(), "the second", "what is no password changes nothing");
        file.close().expect("removed");
        assert_eq!(password.now().0.expose_secret(), "the second");
        assert!(!format!("{password:?}").contains("second"));
        assert_eq!(DevicePassword::fixed("x".into()).now().1, None);
    }
}
