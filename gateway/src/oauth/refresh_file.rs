use std::fs::{self, File, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::OAuthError;

/// Longest refresh token.
const MAX_TOKEN: usize = 16 * 1024;
/// Only the owner reads and writes.
const MODE: u32 = 0o600;

/// A file with a refresh token, which nobody else can read.
#[derive(Debug, Clone)]
pub struct RefreshFile {
    path: PathBuf,
}

impl RefreshFile {
    /// The file at `path`, which may not exist yet.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the token.
    ///
    /// # Errors
    /// [`OAuthError::File`] if it is missing or empty, or if others can read it.
    pub fn read(&self) -> Result<SecretString, OAuthError> {
        let failed = |error: std::io::Error| {
            let hint = match error.kind() {
                std::io::ErrorKind::NotFound => ": sign in once with `mapi-gateway oauth sign-in`, which writes it",
                _ => "",
            };
            OAuthError::File(format!("refresh_token_file {}: {error}{hint}", self.path.display()))
        };
        let file = File::open(&self.path).map_err(failed)?;
        let mode = file.metadata().map_err(failed)?.mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(OAuthError::File(format!(
                "refresh_token_file {} can be read by others (mode {mode:04o}): expected mode 0600 (chmod 600), and a new \
                 sign-in if others may have seen it",
                self.path.display()
            )));
        }
        // A buffer that doesn't grow: no reallocation leaves a copy behind.
        let mut text = Zeroizing::new(String::with_capacity(MAX_TOKEN + 1));
        file.take(MAX_TOKEN as u64 + 1).read_to_string(&mut text).map_err(failed)?;
        let token = text.trim();
        if token.is_empty() || text.len() > MAX_TOKEN || token.contains(char::is_whitespace) {
            let why = "expected one refresh token and nothing else: sign in again with `mapi-gateway oauth sign-in`";
            return Err(OAuthError::File(format!("refresh_token_file {}: {why}", self.path.display())));
        }
        Ok(SecretString::from(token))
    }

    /// Puts another token in its place: whoever reads meanwhile reads the one or the other.
    ///
    /// # Errors
    /// [`OAuthError::File`] if the directory can't be written.
    pub fn write(&self, token: &SecretString) -> Result<(), OAuthError> {
        let directory = match self.path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let work = || {
            // Made with mode 0600, and unlinked if anything fails.
            let mut file = tempfile::Builder::new().prefix(".refresh-token-").tempfile_in(directory)?;
            file.as_file().set_permissions(Permissions::from_mode(MODE))?;
            file.write_all(token.expose_secret().as_bytes())?;
            file.write_all(b"\n")?;
            file.as_file().sync_all()?;
            file.persist(&self.path).map_err(|error| error.error)?;
            fs::File::open(directory)?.sync_all()
        };
        work().map_err(|error: std::io::Error| {
            OAuthError::File(format!(
                "refresh_token_file {}: {error}: the gateway must be able to write the directory {}",
                self.path.display(),
                directory.display()
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_owner_may_read_it() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = RefreshFile::new(&directory.path().join("token"));
        let missing = file.read().expect_err("missing").to_string();
        assert!(missing.contains("oauth sign-in"), "{missing}");
        file.write(&"first".into()).expect("written");
        file.write(&"second".into()).expect("written");
        assert_eq!(file.read().expect("a token").expose_secret(), "second");
        assert_eq!(fs::metadata(file.path()).expect("a file").mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(directory.path()).expect("a directory").count(), 1, "nothing is left behind");
        for mode in [0o640, 0o604, 0o644, 0o660] {
            fs::set_permissions(file.path(), Permissions::from_mode(mode)).expect("changed");
            let error = file.read().expect_err("open to others").to_string();
            assert!(error.contains("expected mode 0600"), "{error}");
        }
    }

    #[test]
    fn one_token_and_nothing_else() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = RefreshFile::new(&directory.path().join("token"));
        for text in ["", "\n", "a b", "a\nb\n", &"x".repeat(MAX_TOKEN + 1)] {
            file.write(&text.into()).expect("written");
            assert!(matches!(file.read(), Err(OAuthError::File(_))), "{text:.20}");
        }
    }
}
