use std::io::{self, IsTerminal, Read, Write};
use std::path::Path;

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use secrecy::SecretString;
use zeroize::Zeroizing;

/// Names the variable that may hold the password.
pub(super) const VARIABLE: &str = "MAPI_GATEWAY_PASSWORD";
/// Longest password or token read.
const MAX_PASSWORD: usize = 16 * 1024;

/// The user's password: the first line of `file`; else the environment variable [`VARIABLE`]; else asked for on the
/// terminal without echo, or the first line of standard input where that is no terminal.
pub(super) fn read(user: &str, file: Option<&Path>) -> Result<SecretString, String> {
    if let Some(path) = file {
        let failed = |error: io::Error| format!("--password-file {}: {error}", path.display());
        return first_line(std::fs::File::open(path).map_err(failed)?).map_err(failed);
    }
    if let Ok(password) = std::env::var(VARIABLE) {
        return Ok(SecretString::from(password));
    }
    let stdin = io::stdin();
    let failed = |error: io::Error| format!("no password from standard input: {error}");
    if !stdin.is_terminal() {
        return first_line(stdin.lock()).map_err(failed);
    }
    eprint!("Password of {user}: ");
    io::stderr().flush().map_err(failed)?;
    let silence = Silence::begin().map_err(failed)?;
    let password = first_line(stdin.lock()).map_err(failed);
    drop(silence);
    eprintln!();
    password
}

/// An access token: the first line of `file`.
pub(super) fn token(file: &Path) -> Result<SecretString, String> {
    let failed = |error: io::Error| format!("--token-file {}: {error}", file.display());
    first_line(std::fs::File::open(file).map_err(failed)?).map_err(failed)
}

fn first_line(mut source: impl Read) -> io::Result<SecretString> {
    // A buffer that doesn't grow: no reallocation leaves a copy behind.
    let mut buffer = Zeroizing::new([0; MAX_PASSWORD]);
    let mut length = 0;
    while let Some(free) = buffer.get_mut(length..).filter(|free| !free.is_empty()) {
        let read = source.read(free)?;
        length += read;
        if read == 0 || free.iter().take(read).any(|byte| *byte == b'\n') {
            break;
        }
    }
    let read = buffer.get(..length).unwrap_or_default();
    let line = read.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = std::str::from_utf8(line).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8"))?;
    match line.trim_end_matches('\r') {
        "" => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it is empty")),
        password => Ok(SecretString::from(password)),
    }
}

/// The terminal shows nothing of what is typed while this lives.
struct Silence(Termios);

impl Silence {
    fn begin() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdin(), OptionalActions::Flush, &silent)?;
        Ok(Self(before))
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        // If this fails there is no terminal any more.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn the_first_line_counts() {
        assert_eq!(first_line(&b" a b \r\nmore\n"[..]).expect("a line").expose_secret(), " a b ");
        assert!(first_line(&b"\n"[..]).is_err());
        assert!(read("u", Some(Path::new("/nonexistent"))).expect_err("no file").contains("/nonexistent"));
    }
}
