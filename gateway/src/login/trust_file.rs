use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::PathBuf;

use super::moment::Moment;
use super::trust::TrustedSources;

/// In the directory of the ledgers.
const NAME: &str = "trusted-sources";
/// More is no file of ours: entries are bounded, and so are names.
const MAX_BYTES: u64 = 16 << 20;

/// Where it lies on disk from where users got in, so that it is known after a restart. It is a loss for nobody but users who
/// are being locked out: whatever is wrong with it is logged, and the gateway works on.
#[derive(Debug)]
pub(super) struct TrustFile {
    directory: PathBuf,
}

impl TrustFile {
    /// The one in a directory, which need not exist yet.
    pub(super) fn new(directory: PathBuf) -> Self {
        Self { directory }
    }

    /// What it says; nothing if it is missing or damaged. Blocks.
    pub(super) fn load(&self, now: Moment) -> TrustedSources {
        let path = self.directory.join(NAME);
        let ignored = |why: String| {
            tracing::warn!(path = %path.display(), why, "the file of trusted sources is ignored: users who are guessed at may be locked out until they have logged in again");
            TrustedSources::default()
        };
        let mut text = String::new();
        let read = File::open(&path).and_then(|file| file.take(MAX_BYTES + 1).read_to_string(&mut text));
        match read {
            Ok(_) if text.len() as u64 > MAX_BYTES => ignored(format!("more than {MAX_BYTES} bytes")),
            Ok(_) => {
                TrustedSources::parse(&text, now).unwrap_or_else(|line| ignored(format!("line {line} is damaged")))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => TrustedSources::default(),
            Err(error) => ignored(error.to_string()),
        }
    }

    /// Replaces it as a whole: whoever reads it, after a crash too, sees the old or the new. Blocks.
    ///
    /// # Errors
    /// Those of the file system; the old file stays.
    pub(super) fn save(&self, text: &str) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.directory)?;
        let (path, new) = (self.directory.join(NAME), self.directory.join(format!("{NAME}.new")));
        // Made anew, so that no mode or link of an old one matters.
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, &path)?;
        File::open(&self.directory)?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const SOURCE: std::net::IpAddr = std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn it_is_private_replaced_as_a_whole_and_ignored_if_damaged() {
        let place = tempfile::tempdir().expect("a directory");
        let directory = place.path().join("ledger");
        let file = TrustFile::new(directory.clone());
        let now = Moment::now();
        assert_eq!(file.load(now), TrustedSources::default(), "missing");
        let mut trust = TrustedSources::default();
        trust.got_in("alice", SOURCE, now);
        let text = trust.take_text(now).expect("new");
        file.save(&text).expect("saved");
        let mode = |path: PathBuf| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!((mode(directory.clone()), mode(directory.join(NAME))), (0o700, 0o600));
        // Left behind by a crash, and by somebody with other ideas of modes.
        fs::write(directory.join("trusted-sources.new"), "half").expect("written");
        fs::set_permissions(directory.join("trusted-sources.new"), fs::Permissions::from_mode(0o666)).expect("set");
        file.save(&text).expect("saved again");
        assert_eq!(mode(directory.join(NAME)), 0o600);
        assert!(file.load(now).contains("alice", SOURCE, now));
        for damage in [&text[..text.len() / 2], "", "\u{0}\u{1}", "something else\n"] {
            fs::write(directory.join(NAME), damage).expect("written");
            assert_eq!(file.load(now), TrustedSources::default(), "{damage:?}");
        }
        fs::write(directory.join(NAME), [0xFF; 100]).expect("written");
        assert_eq!(file.load(now), TrustedSources::default());
        file.save(&text).expect("saved over it");
        assert!(file.load(now).contains("alice", SOURCE, now));
    }
}
