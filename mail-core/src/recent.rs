use std::sync::atomic::{AtomicU64, Ordering};

/// From which UID on the messages of a folder are `\Recent` (RFC 3501 2.3.2): those of which no session was told that could
/// change the folder. Shared by all sessions of the folder, so that one of them gets each message.
///
/// UIDs mean something under their UIDVALIDITY only: under another one nobody was told of anything yet.
#[derive(Debug, Default)]
pub struct RecentMark(AtomicU64);

impl RecentMark {
    /// The first UID that is `\Recent`.
    pub fn first(&self, uid_validity: u32) -> u32 {
        first(self.0.load(Ordering::Acquire), uid_validity)
    }

    /// Says that a session is being told of the messages below `uid_next`. Those from the returned UID on are its own.
    pub fn claim(&self, uid_validity: u32, uid_next: u32) -> u32 {
        let claimed = |mark| Some(pack(uid_validity, first(mark, uid_validity).max(uid_next)));
        let (Ok(before) | Err(before)) = self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, claimed);
        first(before, uid_validity)
    }

    /// UIDVALIDITY and the first UID, to be kept and given to [`RecentMark::claim`] some time later.
    pub fn get(&self) -> (u32, u32) {
        let mark = self.0.load(Ordering::Acquire);
        ((mark >> 32) as u32, mark as u32)
    }
}

fn first(mark: u64, uid_validity: u32) -> u32 {
    if (mark >> 32) as u32 == uid_validity { (mark as u32).max(1) } else { 1 }
}

fn pack(uid_validity: u32, uid: u32) -> u64 {
    u64::from(uid_validity) << 32 | u64::from(uid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_message_is_claimed_once() {
        let mark = RecentMark::default();
        assert_eq!((mark.first(7), mark.claim(7, 5), mark.first(7)), (1, 1, 5));
        assert_eq!((mark.claim(7, 9), mark.claim(7, 6), mark.claim(7, 9)), (5, 9, 9));
        assert_eq!((mark.get(), mark.first(8)), ((7, 9), 1));
        assert_eq!((mark.claim(8, 3), mark.first(8), mark.first(7)), (1, 3, 1));
    }
}
