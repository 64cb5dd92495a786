//! Fetching messages of a folder: what is known of them, the queue in which they are sent, the download of the others.

mod chunk;
mod download;
mod known;
mod purpose;
mod queue;

use mail_core::FetchNeed;
use tokio::sync::mpsc;

use self::known::{Fetch, READY, READY_SMALL};
use self::purpose::Purpose;
use super::Folder;
use crate::line::upstream::Lane;
use crate::mailbox::outlines::FoundOutlines;

pub use queue::FetchedItem;

/// Messages asked for in one request.
const CHUNK: usize = 50;
/// Downloads of so many bytes, and those after the first chunk, are nothing that others should wait behind.
const BULK_BYTES: u64 = 1 << 20;

impl Folder {
    /// Starts fetching; items come in the order of `uids`. Dropping the receiver stops the work.
    pub fn fetch(&self, uids: Vec<u32>, need: FetchNeed) -> mpsc::Receiver<FetchedItem> {
        self.fetch_after(uids, need, std::future::ready(()))
    }

    /// The same, begun when `before` is ready.
    pub(super) fn fetch_after(
        &self,
        uids: Vec<u32>,
        need: FetchNeed,
        before: impl Future<Output = ()> + Send + 'static,
    ) -> mpsc::Receiver<FetchedItem> {
        let is_small = matches!(need, FetchNeed::Size | FetchNeed::Outline);
        self.start(uids, need, Purpose::Client, if is_small { READY_SMALL } else { READY }, before)
    }

    /// Starts reading messages into memory that a client will ask for soon. The items tell which are there, and hold nothing.
    pub(super) fn read_ahead(&self, uids: Vec<u32>) -> mpsc::Receiver<FetchedItem> {
        // Nobody may ever take the items, and the download must come to its end all the same.
        let ready = uids.len().max(1);
        self.start(uids, FetchNeed::Full, Purpose::Ahead, ready, std::future::ready(()))
    }

    /// Starts rendering messages for the ledger to know their sizes; nothing is cached.
    pub fn render_ahead(&self, uids: Vec<u32>) -> mpsc::Receiver<FetchedItem> {
        self.start(uids, FetchNeed::Size, Purpose::Ledger, READY, std::future::ready(()))
    }

    fn start(
        &self,
        uids: Vec<u32>,
        need: FetchNeed,
        purpose: Purpose,
        ready: usize,
        before: impl Future<Output = ()> + Send + 'static,
    ) -> mpsc::Receiver<FetchedItem> {
        let (sender, receiver) = mpsc::channel(ready);
        let folder = self.clone();
        tokio::spawn(async move {
            let _active = (purpose != Purpose::Ledger).then(|| folder.shared.context.activity.begin());
            let work = async {
                before.await;
                folder.fetch_all(&uids, need, purpose, &sender).await;
            };
            tokio::select! {
                biased;
                // Whoever leaves waits for nothing any more, and nobody for him.
                () = sender.closed() => {}
                () = work => {}
            }
        });
        receiver
    }

    async fn fetch_all(&self, uids: &[u32], need: FetchNeed, purpose: Purpose, sender: &mpsc::Sender<FetchedItem>) {
        for (number, chunk) in uids.chunks(CHUNK).enumerate() {
            let (view, lane) = (self.view(), Lane::Bulk);
            let mut fetch = Fetch { view, folder: self, need, sender, lane, purpose, found: FoundOutlines::default() };
            if number == 0 && purpose == Purpose::Client && fetch.known_bytes(chunk) < BULK_BYTES {
                fetch.lane = Lane::Interactive;
            }
            if fetch.chunk(chunk).await.is_err() {
                return;
            }
        }
    }
}
