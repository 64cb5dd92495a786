use bytes::Bytes;
use mapi_core::id::{Gid, Guid};
use quick_cache::Weighter;
use quick_cache::sync::Cache;

/// Rendered messages in memory, all accounts together, bounded by bytes.
pub struct RenderingCache {
    cache: Cache<(Guid, Gid), Rendered, BytesWeighter>,
}

#[derive(Clone)]
struct Rendered {
    digest: [u8; 32],
    bytes: Bytes,
}

#[derive(Clone)]
struct BytesWeighter;

/// What an entry costs beyond its bytes.
const OVERHEAD: u64 = 128;

impl Weighter<(Guid, Gid), Rendered> for BytesWeighter {
    fn weight(&self, _: &(Guid, Gid), rendered: &Rendered) -> u64 {
        rendered.bytes.len() as u64 + OVERHEAD
    }
}

impl RenderingCache {
    /// A cache of at most `bytes` bytes.
    pub fn new(bytes: u64) -> Self {
        let typical = usize::try_from(bytes / 16_384).unwrap_or(usize::MAX).clamp(16, 1 << 20);
        Self { cache: Cache::with_weighter(typical, bytes, BytesWeighter) }
    }

    /// The rendering of a message, if it is the one with `digest`.
    pub fn get(&self, mailbox: Guid, message: Gid, digest: &[u8; 32]) -> Option<Bytes> {
        self.cache.get(&(mailbox, message)).filter(|rendered| rendered.digest == *digest).map(|rendered| rendered.bytes)
    }

    /// Keeps a rendering.
    pub fn insert(&self, mailbox: Guid, message: Gid, digest: [u8; 32], bytes: Bytes) {
        self.cache.insert((mailbox, message), Rendered { digest, bytes });
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
        let cache = RenderingCache::new(64 * 1024);
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
