use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::file_stamp::FileStamp;
use super::known::Tag;
use super::moment::Moment;

/// A secret of the configuration that was refused is not sent again for this long.
const REST: Duration = Duration::from_secs(60 * 60);

/// From so many on, those that may be sent again are forgotten: files were changed many times.
const MAX_SECRETS: usize = 1000;

/// Secrets of the configuration that the upstream refused. Nobody guesses them, so they count against nobody; but a device
/// goes on and on, and each time would be a wrong password more to the directory.
#[derive(Debug, Default)]
pub(super) struct RefusedSecrets {
    refused: HashMap<Tag, (Instant, Option<FileStamp>)>,
}

impl RefusedSecrets {
    /// Whether a secret may be sent. `stamp` is the state of the file that it comes from, if it comes from one.
    pub(super) fn may_send(&self, tag: Tag, stamp: Option<FileStamp>, now: Moment) -> bool {
        self.refused.get(&tag).is_none_or(|(at, refused)| !now.is_within(*at, REST) || *refused != stamp)
    }

    /// Whether a secret was refused when it was sent last.
    pub(super) fn contains(&self, tag: Tag) -> bool {
        self.refused.contains_key(&tag)
    }

    /// It was refused.
    pub(super) fn insert(&mut self, tag: Tag, stamp: Option<FileStamp>, now: Moment) {
        if self.refused.len() >= MAX_SECRETS {
            self.refused.retain(|_, (at, _)| now.is_within(*at, REST));
        }
        self.refused.insert(tag, (now.at, stamp));
    }

    /// It was accepted.
    pub(super) fn remove(&mut self, tag: Tag) {
        self.refused.remove(&tag);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_refused_secret_is_sent_again_after_an_hour_or_a_change() {
        let now = Moment::now();
        let file = tempfile::NamedTempFile::new().expect("a file");
        fs::write(file.path(), "old").expect("written");
        let stamp = FileStamp::of(file.path());
        assert!(stamp.is_some());
        let mut secrets = RefusedSecrets::default();
        assert!(secrets.may_send([1; 32], stamp, now));
        secrets.insert([1; 32], stamp, now);
        assert!(!secrets.may_send([1; 32], stamp, now + (REST - Duration::from_secs(1))));
        assert!(secrets.may_send([1; 32], stamp, now + REST));
        assert!(secrets.may_send([2; 32], stamp, now), "another one");
        fs::write(file.path(), "other").expect("written");
        assert!(secrets.may_send([1; 32], FileStamp::of(file.path()), now), "written anew, even if it says the same");
        secrets.remove([1; 32]);
        assert!(!secrets.contains([1; 32]) && secrets.may_send([1; 32], stamp, now), "it was accepted");
    }
}
