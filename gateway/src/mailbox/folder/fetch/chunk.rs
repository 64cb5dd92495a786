use super::known::{Fetch, Known};
use super::queue::{Queue, Stopped, Waiting};
use crate::ledger::RenderingRecord;
use crate::line::error::UpstreamError;
use crate::sync::MessageSource;

/// How often a message that keeps changing is downloaded.
const MAX_DOWNLOADS: usize = 3;

impl Fetch<'_> {
    /// Bytes of the messages of a chunk, as far as they were ever rendered.
    pub(super) fn known_bytes(&self, uids: &[u32]) -> u64 {
        let size = |uid: &u32| self.view.source(*uid)?.rendering.map(|rendering| u64::from(rendering.size));
        uids.iter().filter_map(size).sum()
    }

    pub(super) async fn chunk(&mut self, uids: &[u32]) -> Result<(), Stopped> {
        self.look_on_disk(uids).await;
        let mut queue = Queue::new(self.sender);
        for uid in uids {
            match self.known(*uid) {
                Known::Cached(source, recorded) => {
                    // Whoever waits for room must hold none.
                    self.run(std::mem::replace(&mut queue, Queue::new(self.sender))).await?;
                    self.one_cached(*uid, source, recorded).await?;
                }
                Known::Answer(answer) => queue.push(*uid, Waiting::Answer(answer)),
                Known::Ask(source) => queue.push(*uid, Waiting::Asked(source)),
            }
        }
        self.run(queue).await
    }

    /// Sends a message that was in memory a moment ago. Room is taken before it is.
    async fn one_cached(&mut self, uid: u32, source: MessageSource, recorded: RenderingRecord) -> Result<(), Stopped> {
        let item = match self.reserve(u64::from(recorded.size)).await {
            Err(error) => Err(error),
            Ok(room) => match self.cached(source.gid, &recorded) {
                Some(content) => Ok(self.answer(uid, &recorded, content, room)),
                None => {
                    drop(room);
                    let mut queue = Queue::new(self.sender);
                    queue.push(uid, Waiting::Asked(source));
                    return self.run(queue).await;
                }
            },
        };
        self.sender.send((uid, item)).await.map_err(|_| Stopped)
    }

    /// Sends messages in order, those that the upstream must be asked for with the others.
    async fn run(&mut self, mut queue: Queue<'_>) -> Result<(), Stopped> {
        let mut failure = None;
        let mut downloads = 0;
        while downloads < MAX_DOWNLOADS {
            let wanted = queue.wanted();
            if wanted.is_empty() {
                break;
            }
            let came = self.download(wanted, &mut queue).await?;
            failure = came.failure;
            let mut outdated = came.outdated;
            match came.too_large {
                // It ended for this one; the messages behind it are asked for then.
                Some(message) => {
                    failure = None;
                    queue.emit().await?;
                    outdated |= self.download_alone(message, &mut queue).await;
                    queue.emit().await?;
                }
                None if !outdated => break,
                None => {}
            }
            if outdated {
                downloads += 1;
                // Messages changed while they came down: what the rounds made of it counts now.
                self.view = self.folder.view();
                queue.look_again(|uid| match self.known(uid) {
                    Known::Answer(answer) => Waiting::Answer(answer),
                    Known::Ask(source) | Known::Cached(source, _) => Waiting::Asked(source),
                });
            }
        }
        queue.emit().await?;
        // What the upstream did not send is gone, unless the download broke off.
        while let Some((uid, waiting)) = queue.pop() {
            let item = match (waiting, &failure) {
                (Waiting::Answer(answer), _) => answer,
                (Waiting::Asked(_), None) => {
                    self.folder.changed();
                    Err(UpstreamError::Expunged)
                }
                (Waiting::Asked(source), Some(away)) if away.is_of_the_way() => {
                    self.remembered(uid, &source).await.unwrap_or(Err(away.clone()))
                }
                (Waiting::Asked(_), Some(failure)) => Err(failure.clone()),
            };
            queue.send(uid, item).await?;
            queue.emit().await?;
        }
        Ok(())
    }
}
