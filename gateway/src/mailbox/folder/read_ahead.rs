use std::collections::VecDeque;
use std::sync::Arc;

use mail_core::FetchNeed;
use tokio::sync::{Mutex, mpsc};

use super::Folder;
use super::fetch::FetchedItem;
use crate::sync::FolderView;

/// So many messages have to follow each other before the next ones are read ahead.
const AFTER: usize = 2;
/// Messages of the first window; each further one is twice as large, up to the configured bound.
const FIRST: usize = 8;
/// Bytes of a window.
const WINDOW_BYTES: u64 = 4 << 20;
/// What a message counts for whose size is not known.
const TYPICAL_BYTES: u64 = 64 << 10;
/// A message of more bytes ends a window: it takes long enough to be worth a request of its own.
const LARGE: u64 = 1 << 20;

/// How a session fetches messages of a folder. Many clients fetch one message a command; each would wait for a request to the
/// upstream. So whoever fetches one after the other, upwards, finds the next ones in memory: they are read ahead in windows.
/// What was read in vain is bounded by two windows; it is broken off when the client goes elsewhere, or this is dropped.
pub struct Reader {
    folder: Folder,
    ahead: Arc<Mutex<Ahead>>,
}

impl Reader {
    /// A session begins.
    pub fn new(folder: Folder) -> Self {
        Self { folder, ahead: Arc::default() }
    }

    /// The folder.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// As [`Folder::fetch`].
    pub fn fetch(&self, uids: Vec<u32>, need: FetchNeed) -> mpsc::Receiver<FetchedItem> {
        let most = self.folder.shared.context.read_ahead_messages();
        let [uid] = uids[..] else { return self.folder.fetch(uids, need) };
        if need == FetchNeed::Size || most == 0 {
            return self.folder.fetch(uids, need);
        }
        let (folder, ahead) = (self.folder.clone(), Arc::clone(&self.ahead));
        self.folder.fetch_after(uids, need, async move {
            let mut ahead = ahead.lock().await;
            ahead.follow(&folder, uid, most);
            ahead.wait_for(uid).await;
        })
    }
}

/// What is read ahead for a session.
#[derive(Default)]
struct Ahead {
    /// The message that was fetched last.
    last: Option<u32>,
    /// How many were fetched one after the other.
    run: usize,
    /// Messages of the next window.
    window: usize,
    /// The last message that is read ahead.
    up_to: u32,
    windows: VecDeque<Window>,
}

/// Messages that are being read.
struct Window {
    uids: VecDeque<u32>,
    read: mpsc::Receiver<FetchedItem>,
}

impl Ahead {
    /// A message is fetched: goes on, if it is the next one, and begins anew if not.
    fn follow(&mut self, folder: &Folder, uid: u32, most: usize) {
        let view = folder.view();
        let is_next = self.last.is_some_and(|last| following(&view, last).next() == Some(uid));
        // The same one may be fetched in parts.
        let is_same = self.last == Some(uid);
        if is_next {
            self.run += 1;
        } else if !is_same {
            *self = Self::default();
        }
        self.last = Some(uid);
        if self.run < AFTER || is_same {
            return;
        }
        self.windows.retain(|window| window.uids.back().is_some_and(|last| *last >= uid));
        let left: usize = self.windows.iter().map(|window| window.uids.len()).sum();
        self.window = self.window.max(FIRST).min(most);
        if self.windows.len() > 1 || left > self.window / 2 {
            return;
        }
        let uids = window(&view, self.up_to.max(uid), self.window);
        if let Some(last) = uids.last() {
            self.up_to = *last;
            self.window = self.window.saturating_mul(2);
            let read = folder.read_ahead(uids.clone());
            self.windows.push_back(Window { uids: uids.into(), read });
        }
    }

    /// Waits until a message was read, if it is one of those that are being read.
    async fn wait_for(&mut self, uid: u32) {
        let Some(window) = self.windows.iter_mut().find(|window| window.uids.contains(&uid)) else { return };
        while window.uids.front().is_some_and(|front| *front <= uid) {
            match window.read.recv().await {
                Some((read, _)) => window.uids.retain(|uid| *uid > read),
                None => window.uids.clear(),
            }
        }
    }
}

/// UIDs above one, ascending.
fn following(view: &FolderView, uid: u32) -> impl Iterator<Item = u32> {
    let rows = view.snapshot.rows();
    rows.iter_from(rows.rank(uid.saturating_add(1))).map(|row| row.uid)
}

/// The next messages to be read.
fn window(view: &FolderView, after: u32, most: usize) -> Vec<u32> {
    let mut bytes = 0;
    let fits = |uid: &u32| {
        let recorded = view.source(*uid).and_then(|source| source.rendering);
        let size = recorded.map_or(TYPICAL_BYTES, |rendering| u64::from(rendering.size));
        bytes += size;
        size <= LARGE && bytes <= WINDOW_BYTES
    };
    following(view, after).take(most).take_while(fits).collect()
}
