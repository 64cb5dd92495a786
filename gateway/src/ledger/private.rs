//! Files and directories that nobody but the gateway's user may read.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

const FILE_MODE: u32 = 0o600;
const DIRECTORY_MODE: u32 = 0o700;
/// What others than the owner may do.
const OTHERS: u32 = 0o077;
/// A directory that many share (`/tmp`): it is not ours to close.
const STICKY: u32 = 0o1000;

/// Makes a directory, and those above it, with mode 0700; takes the rights of others from one that exists.
///
/// # Errors
/// It can't be made. That rights can't be taken away is logged: the directory may be somebody else's.
pub(super) fn directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(path)?;
    tighten(path, &fs::metadata(path)?, DIRECTORY_MODE);
    Ok(())
}

/// Opens a file for reading and writing, made with mode 0600 if it does not exist; takes the rights of others from one that does.
///
/// # Errors
/// It can't be opened.
pub(super) fn file(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(FILE_MODE).open(path)?;
    tighten(path, &file.metadata()?, FILE_MODE);
    Ok(file)
}

fn tighten(path: &Path, found: &fs::Metadata, wanted: u32) {
    let mode = found.permissions().mode();
    if mode & OTHERS == 0 {
        return;
    }
    let tightened = if mode & STICKY == 0 {
        fs::set_permissions(path, Permissions::from_mode(wanted))
    } else {
        Err(io::Error::other("a directory that many share"))
    };
    if let Err(error) = tightened {
        tracing::warn!(path = %path.display(), mode = format!("{:o}", mode & 0o7777), %error, "others may use it, which can't be changed");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("there").permissions().mode() & 0o7777
    }

    #[test]
    fn what_is_made_is_private_and_what_exists_becomes_so() {
        let place = tempfile::tempdir().expect("a directory");
        let (directory_path, file_path) = (place.path().join("a/b"), place.path().join("file"));
        directory(&directory_path).expect("made");
        file(&file_path).expect("made");
        assert_eq!((mode(&directory_path), mode(&directory_path.join("..")), mode(&file_path)), (0o700, 0o700, 0o600));
        fs::set_permissions(&directory_path, Permissions::from_mode(0o755)).expect("opened up");
        fs::set_permissions(&file_path, Permissions::from_mode(0o644)).expect("opened up");
        directory(&directory_path).expect("there");
        file(&file_path).expect("there");
        assert_eq!((mode(&directory_path), mode(&file_path)), (0o700, 0o600));
    }

    #[test]
    fn a_directory_that_many_share_stays_open() {
        let place = tempfile::tempdir().expect("a directory");
        fs::set_permissions(place.path(), Permissions::from_mode(0o1777)).expect("shared");
        directory(place.path()).expect("there");
        assert_eq!(mode(place.path()), 0o1777);
    }
}
