use std::path::PathBuf;

use crate::login::FileStamp;

/// Files of which one may change. Looking is cheap, and works where nothing tells of changes: on network file systems, and
/// where a folder takes the place of another one.
#[derive(Debug)]
pub(super) struct Watch {
    files: Vec<File>,
}

#[derive(Debug)]
struct File {
    path: PathBuf,
    /// As it was when it was read.
    known: Option<FileStamp>,
    /// As it was when it was last looked at.
    seen: Option<FileStamp>,
}

impl Watch {
    /// Watches files as they are now; blocks.
    pub(super) fn new(paths: Vec<PathBuf>) -> Self {
        let file = |path: PathBuf| {
            let known = FileStamp::of(&path);
            File { path, known, seen: known }
        };
        Self { files: paths.into_iter().map(file).collect() }
    }

    /// Watches these instead. Those that it knows it goes on to watch as it knows them.
    pub(super) fn of(mut self, paths: Vec<PathBuf>) -> Self {
        let file = |path: PathBuf| {
            let known = self.files.iter().position(|file| file.path == path);
            known.map_or_else(|| Self::new(vec![path]).files.remove(0), |position| self.files.swap_remove(position))
        };
        Self { files: paths.into_iter().map(file).collect() }
    }

    /// Whether one has changed and is not being written any more: two looks saw the same. That is known then.
    pub(super) async fn look(mut self) -> (Self, bool) {
        let paths: Vec<PathBuf> = self.files.iter().map(|file| file.path.clone()).collect();
        let looked = tokio::task::spawn_blocking(move || paths.iter().map(|path| FileStamp::of(path)).collect()).await;
        let stamps: Vec<Option<FileStamp>> = looked.unwrap_or_default();
        let changed = self.settle(&stamps);
        (self, changed)
    }

    fn settle(&mut self, stamps: &[Option<FileStamp>]) -> bool {
        let moving = self.files.iter_mut().zip(stamps).fold(false, |moving, (file, now)| {
            let before = std::mem::replace(&mut file.seen, *now);
            moving | (before != *now)
        });
        let changed = !moving && self.files.iter().any(|file| file.seen != file.known);
        if changed {
            self.files.iter_mut().for_each(|file| file.known = file.seen);
        }
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_change_is_told_once_it_is_complete() {
        let folder = tempfile::TempDir::new().expect("a folder");
        let paths: Vec<PathBuf> = ["a", "b"].iter().map(|name| folder.path().join(name)).collect();
        std::fs::write(&paths[0], "1").expect("written");
        let watch = Watch::new(paths.clone());
        let (watch, changed) = watch.look().await;
        assert!(!changed);
        std::fs::write(&paths[0], "12").expect("written");
        let (watch, changed) = watch.look().await;
        assert!(!changed, "it may be being written");
        std::fs::write(&paths[1], "1").expect("written");
        let (watch, changed) = watch.look().await;
        assert!(!changed, "so may the other one");
        let (watch, changed) = watch.look().await;
        assert!(changed);
        let (watch, changed) = watch.look().await;
        assert!(!changed, "told once");
        std::fs::remove_file(&paths[0]).expect("removed");
        let (watch, changed) = watch.of(paths[..1].to_vec()).look().await;
        assert!(!changed && watch.look().await.1, "gone is a change, too");
    }
}
