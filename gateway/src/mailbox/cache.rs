use bytes::Bytes;
use mapi_core::id::{Gid, Guid};
use quick_cache::Weighter;
use quick_cache::sync::Cache;

/// What is kept of messages in memory, all accounts together.
pub struct MessageCaches {
    /// Renderings.
    pub renderings: MessageCache,
    /// Outlines ([`mail_core::message::Outline::to_bytes`]): small, and asked for more often than the rest, so that they are
    /// kept where the renderings don't fit any more.
    pub outlines: MessageCache,
}

impl MessageCaches {
    /// Empty caches of at most so many bytes each.
    pub fn new(rendering_bytes: u64, outline_bytes: u64) -> Self {
        Self {
            renderings: MessageCache::new(rendering_bytes, 16 << 10),
            outlines: MessageCache::new(outline_bytes, 1 << 10),
        }
    }
}

/// What was made of messages, bounded by bytes.
pub struct MessageCache {
    cache: Cache<(Guid, Gid), Made, BytesWeighter>,
}

#[derive(Clone)]
struct Made {
    digest: [u8; 32],
    bytes: Bytes,
}

#[derive(Clone)]
struct BytesWeighter;

/// What an entry costs beyond its bytes.
const OVERHEAD: u64 = 128;

impl Weighter<(Guid, Gid), Made> for BytesWeighter {
    fn weight(&self, _: &(Guid, Gid), made: &Made) -> u64 {
        made.bytes.len() as u64 + OVERHEAD
    }
}

impl MessageCache {
    /// A cache of at most `bytes` bytes, most of whose entries have about `typical` of them.
    pub fn new(bytes: u64, typical: u64) -> Self {
        let typical = usize::try_from(bytes / typical).unwrap_or(usize::MAX).clamp(16, 1 << 20);
        Self { cache: Cache::with_weighter(typical, bytes, BytesWeighter) }
    }

    /// What is kept of a message, if it was made of the rendering with this digest.
    pub fn get(&self, mailbox: Guid, message: Gid, digest: &[u8; 32]) -> Option<Bytes> {
        self.cache.get(&(mailbox, message)).filter(|made| made.digest == *digest).map(|made| made.bytes)
    }

    /// Keeps what was made of the rendering with this digest.
    pub fn insert(&self, mailbox: Guid, message: Gid, digest: [u8; 32], bytes: Bytes) {
        self.cache.insert((mailbox, message), Made { digest, bytes });
    }

    #[cfg(test)]
    /// Bytes held, with overhead.
    pub fn weight(&self) -> u64 {
        self.cache.weight()
    }
}

#[cfg(test)]
mod tests {
    use mapi_core::id::GlobalCounter;

    use super::*;

    #[test]
    fn serves_only_the_digest_asked_for_and_stays_within_its_bound() {
        let cache = MessageCache::new(64 * 1024, 1024);
        let (mailbox, replica_guid) = (Guid([1; 16]), Guid([2; 16]));
        let gid = |n| Gid { replica_guid, counter: GlobalCounter::new(n) };
        cache.insert(mailbox, gid(1), [1; 32], Bytes::from_static(b"one"));
        assert_eq!(cache.get(mailbox, gid(1), &[1; 32]).as_deref(), Some(b"one".as_slice()));
        assert_eq!(cache.get(mailbox, gid(1), &[2; 32]), None);
        for n in 0..1000 {
            cache.insert(mailbox, gid(n), [0; 32], Bytes::from(vec![0; 1000]));
        }
        assert!(cache.weight() <= 64 * 1024, "{}", cache.weight());
    }
}
