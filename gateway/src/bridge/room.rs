use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What the semaphore counts: KiB, so that any configured number of bytes fits.
const UNIT: u64 = 1024;

/// Room for messages that are held in memory while they are converted and handed over. Who finds none waits, in order.
#[derive(Debug, Clone)]
pub(super) struct Room {
    free: Arc<Semaphore>,
    units: u32,
}

impl Room {
    /// Room for `bytes` in all.
    pub(super) fn new(bytes: usize) -> Self {
        let most = Semaphore::MAX_PERMITS.min(u32::MAX as usize);
        let units = bytes.div_ceil(UNIT as usize).clamp(1, most);
        Self { free: Arc::new(Semaphore::new(units)), units: u32::try_from(units).unwrap_or(u32::MAX) }
    }

    /// Waits until there is room for a message of `bytes`, and takes it until what is returned is dropped. A message that is
    /// larger than all of it is alone.
    pub(super) async fn take(&self, bytes: u64) -> OwnedSemaphorePermit {
        let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX).clamp(1, self.units);
        let taken = Arc::clone(&self.free).acquire_many_owned(units).await;
        taken.expect("the semaphore is never closed")
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn who_finds_no_room_waits() {
        let room = Room::new(10 << 10);
        let (first, _second) = (room.take(6000).await, room.take(4 << 10).await);
        assert!(room.take(1).now_or_never().is_none(), "full");
        drop(first);
        assert!(room.take(6 << 10).now_or_never().is_some());
    }

    #[tokio::test]
    async fn a_huge_message_is_alone() {
        let room = Room::new(10 << 10);
        let small = room.take(0).await;
        assert!(room.take(u64::MAX).now_or_never().is_none());
        drop(small);
        let _huge = room.take(u64::MAX).await;
        assert!(room.take(1).now_or_never().is_none());
        assert!(Room::new(usize::MAX).take(u64::MAX).now_or_never().is_some());
    }
}
