use std::io;
use std::path::{Path, PathBuf};

/// How many damaged files of a mailbox are kept; the oldest goes first.
const KEPT: u32 = 3;

/// Renames a damaged file to `….corrupt`; what stood aside before becomes `….corrupt.1` and so on. Returns the new name.
///
/// # Errors
/// It can't be renamed, and stays where it is.
pub(super) fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let place = |age: u32| {
        let mut name = path.as_os_str().to_owned();
        name.push(".corrupt");
        if age > 0 {
            name.push(format!(".{age}"));
        }
        PathBuf::from(name)
    };
    for age in (1..KEPT).rev() {
        match std::fs::rename(place(age - 1), place(age)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    std::fs::rename(path, place(0))?;
    Ok(place(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_few_are_kept() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("a.redb");
        for number in 0..5 {
            std::fs::write(&path, number.to_string()).expect("written");
            set_aside(&path).expect("renamed");
        }
        let read = |name: &str| std::fs::read_to_string(directory.path().join(name)).expect("there");
        assert_eq!(
            (read("a.redb.corrupt"), read("a.redb.corrupt.1"), read("a.redb.corrupt.2")),
            ("4".into(), "3".into(), "2".into())
        );
        assert_eq!(std::fs::read_dir(directory.path()).expect("read").count(), 3);
    }
}
