use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use super::mount::{Durability, mount_of};
use super::report::Finding;

/// Less free space than this is warned of: a ledger takes about 150 bytes per message.
const SCARCE: u64 = 256 * 1024 * 1024;

/// Whether `directory` can hold ledgers, and for how long they stay there.
pub(super) fn check(directory: &Path) -> Finding {
    let next = "give the directory to the user that the gateway runs as, on storage that can be written";
    let existing = match nearest_existing(directory) {
        Ok(existing) => existing,
        Err(error) => return Finding::failed(format!("{}: {error}", directory.display()), next),
    };
    let missing = existing != directory;
    let mut found = Finding::ok(directory.display().to_string());
    if missing {
        // It is not made here: who checks may be another user than the one that the gateway runs as.
        let reason = format!("does not exist yet; it would be made in {}", existing.display());
        found.warn(reason, "make it, owned by the user that the gateway runs as");
    }
    if let Err(error) = try_writing(existing) {
        let next = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "make room there",
            _ => next,
        };
        let reason = format!("{} can't be written: {error}", existing.display());
        return Finding::failed(reason, next);
    }
    if !missing {
        found.add("a file was written, made durable, renamed and removed");
    }
    match free_bytes(existing) {
        Ok(free) if free < SCARCE => {
            found.warn(
                format!("{} MiB free", free / (1024 * 1024)),
                "make room: a ledger that can't grow stops new mail",
            );
        }
        Ok(free) => found.add(format!("{} MiB free", free / (1024 * 1024))),
        Err(error) => found.add(format!("free space unknown: {error}")),
    }
    durability(&mut found, existing);
    found
}

/// Whether large messages can be kept in `directory` while they come in.
pub(super) fn check_spool(directory: &Path) -> Finding {
    if let Err(error) = tempfile::tempfile_in(directory).and_then(|mut file| file.write_all(b"mapi-gateway check\n")) {
        let next =
            "set spool.dir to a directory that the gateway's user can write; in a container, mount a tmpfs there";
        return Finding::failed(format!("{} can't be written: {error}", directory.display()), next);
    }
    let mut found = Finding::ok(directory.display().to_string());
    match free_bytes(directory) {
        Ok(free) => found.add(format!("{} MiB free", free / (1024 * 1024))),
        Err(error) => found.add(format!("free space unknown: {error}")),
    }
    found
}

fn durability(found: &mut Finding, directory: &Path) {
    let mounts = fs::read("/proc/self/mountinfo").map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let path = fs::canonicalize(directory);
    let (Ok(mounts), Ok(path)) = (mounts, path) else {
        return found.add("this system doesn't tell what kind of storage it is");
    };
    let Some(mount) = mount_of(&mounts, &path) else {
        return found.add("this system doesn't tell what kind of storage it is");
    };
    let place = format!("{} mounted at {}", mount.kind, mount.point.display());
    const CONSEQUENCE: &str = "then every client downloads all mail again";
    const VOLUME: &str = "mount a named volume or a directory of the host there";
    match mount.durability() {
        Durability::Durable => found.add(format!("on {place}")),
        Durability::Memory => {
            found.warn(
                format!("on {place}: in memory, lost with the next start of the machine; {CONSEQUENCE}"),
                "set ledger.directory to a directory on a disk; in a container, mount a volume there",
            );
        }
        Durability::Container => {
            found.warn(format!("on {place}: a container's own layer, lost with the container; {CONSEQUENCE}"), VOLUME);
        }
        Durability::AnonymousVolume => {
            found.warn(format!("on {place}: a volume without a name, lost with the container; {CONSEQUENCE}"), VOLUME);
        }
    }
}

/// The directory itself, or the nearest one above it that exists.
fn nearest_existing(directory: &Path) -> io::Result<&Path> {
    let above = directory.ancestors().filter(|path| !path.as_os_str().is_empty());
    for path in above {
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => return Ok(path),
            Ok(_) => {
                return Err(io::Error::new(
                    io::ErrorKind::NotADirectory,
                    format!("{} is no directory", path.display()),
                ));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Path::new("."))
}

/// What a ledger does: writes, has it made durable, renames.
fn try_writing(directory: &Path) -> io::Result<()> {
    let mut file = tempfile::Builder::new().prefix(".mapi-gateway-check-").tempfile_in(directory)?;
    file.write_all(b"mapi-gateway check\n")?;
    file.as_file().sync_all()?;
    let (renamed, path) = (file.path().with_extension("renamed"), file.into_temp_path());
    fs::rename(&path, &renamed)?;
    let synced = File::open(directory).and_then(|directory| directory.sync_all());
    fs::remove_file(&renamed)?;
    // There is nothing left to remove under the old name.
    drop(path.keep());
    synced
}

fn free_bytes(directory: &Path) -> io::Result<u64> {
    let space = rustix::fs::statvfs(directory)?;
    Ok(space.f_bavail.saturating_mul(space.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::super::Status;
    use super::*;

    #[test]
    fn a_directory_that_can_be_written_is_left_as_it_was() {
        let directory = tempfile::tempdir().expect("a directory");
        let found = check(directory.path());
        assert_ne!(found.status, Status::Failed, "{found:?}");
        assert!(found.details.iter().any(|line| line.contains("renamed and removed")), "{found:?}");
        assert_eq!(fs::read_dir(directory.path()).expect("readable").count(), 0);
    }

    #[test]
    fn messages_need_a_directory_while_they_come_in() {
        let directory = tempfile::tempdir().expect("a directory");
        assert_eq!(check_spool(directory.path()).status, Status::Ok);
        assert_eq!(fs::read_dir(directory.path()).expect("readable").count(), 0);
        let found = check_spool(&directory.path().join("missing"));
        assert_eq!(found.status, Status::Failed);
        assert!(found.next.is_some_and(|next| next.contains("spool.dir")));
    }

    #[test]
    fn a_missing_directory_is_not_made() {
        let directory = tempfile::tempdir().expect("a directory");
        let missing = directory.path().join("a/b");
        let found = check(&missing);
        assert_eq!(found.status, Status::Warning, "{found:?}");
        assert!(found.details[1].contains("does not exist yet"), "{found:?}");
        assert_eq!(fs::read_dir(directory.path()).expect("readable").count(), 0);
    }

    #[test]
    fn a_file_in_the_way_and_what_can_not_be_written() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        for path in [file.path().to_owned(), file.path().join("below"), "/proc/self".into()] {
            let found = check(&path);
            assert_eq!(found.status, Status::Failed, "{found:?}");
            assert!(found.next.is_some());
        }
    }
}
