use bytes::Bytes;
use mapi_core::id::{Gid, Guid};
use quick_cache::sync::Cache;
use quick_cache::{OptionsBuilder, Weighter};

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
            renderings: MessageCache::new(rendering_bytes, Sizes { typical: 16 << 10, large: 48 << 20 }),
            outlines: MessageCache::new(outline_bytes, Sizes { typical: 1 << 10, large: 64 << 10 }),
        }
    }
}

/// What was made of messages, bounded by bytes.
pub struct MessageCache {
    cache: Cache<(Guid, Gid), Made, BytesWeighter>,
}

/// Bytes of entries.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    /// Of most of them.
    pub typical: u64,
    /// Entries of so many bytes are kept, if the whole cache has room for them: clients read large messages piece by piece, and
    /// each piece would need all of it again.
    pub large: u64,
}

#[derive(Clone)]
struct Made {
    digest: [u8; 32],
    bytes: Bytes,
}

#[derive(Clone)]
struct BytesWeighter;

/// More shards are of no use.
const MAX_SHARDS: u64 = 64;
/// What an entry costs beyond its bytes.
const OVERHEAD: u64 = 128;

impl Weighter<(Guid, Gid), Made> for BytesWeighter {
    fn weight(&self, _: &(Guid, Gid), made: &Made) -> u64 {
        made.bytes.len() as u64 + OVERHEAD
    }
}

impl MessageCache {
    /// A cache of at most `bytes` bytes.
    ///
    /// It is divided into shards, each of which has its part of the bytes: as few as there must be for large entries.
    pub fn new(bytes: u64, sizes: Sizes) -> Self {
        let items = usize::try_from(bytes / sizes.typical).unwrap_or(usize::MAX).clamp(16, 1 << 20);
        let shards = (bytes / sizes.large).clamp(1, MAX_SHARDS);
        let mut options = OptionsBuilder::new();
        // A power of two is taken as it is; what lies between two would become the larger one.
        options.shards(1 << shards.ilog2()).estimated_items_capacity(items).weight_capacity(bytes);
        let options = options.build().expect("all that it needs is set");
        Self { cache: Cache::with_options(options, BytesWeighter, Default::default(), Default::default()) }
    }

    /// What is kept of a message, if it was made of the rendering with this digest.
    pub fn get(&self, mailbox: Guid, message: Gid, digest: &[u8; 32]) -> Option<Bytes> {
        self.cache.get(&(mailbox, message)).filter(|made| made.digest == *digest).map(|made| made.bytes)
    }

    /// Keeps what was made of the rendering with this digest.
    pub fn insert(&self, mailbox: Guid, message: Gid, digest: [u8; 32], bytes: Bytes) {
        self.cache.insert((mailbox, message), Made { digest, bytes });
    }

    /// How often something was found.
    pub fn hits(&self) -> u64 {
        self.cache.hits()
    }

    /// How often nothing was.
    pub fn misses(&self) -> u64 {
        self.cache.misses()
    }

    /// Bytes held, with overhead.
    pub fn weight(&self) -> u64 {
        self.cache.weight()
    }
}

#[cfg(test)]
mod tests {
    use mapi_core::id::GlobalCounter;

    use super::*;

    fn gid(n: u64) -> Gid {
        Gid { replica_guid: Guid([2; 16]), counter: GlobalCounter::new(n) }
    }

    #[test]
    fn large_entries_are_kept_however_many_processors_there_are() {
        let caches = MessageCaches::new(128 << 20, 32 << 20);
        let mailbox = Guid([1; 16]);
        for n in 0..8 {
            caches.renderings.insert(mailbox, gid(n), [1; 32], Bytes::from(vec![0; 40 << 20]));
            assert!(caches.renderings.get(mailbox, gid(n), &[1; 32]).is_some(), "the one that was read last");
        }
        assert!(caches.renderings.weight() <= 128 << 20);
    }

    #[test]
    fn serves_only_the_digest_asked_for_and_stays_within_its_bound() {
        let cache = MessageCache::new(64 * 1024, Sizes { typical: 1024, large: 16 * 1024 });
        let mailbox = Guid([1; 16]);
        cache.insert(mailbox, gid(1), [1; 32], Bytes::from_static(b"one"));
        assert_eq!(cache.get(mailbox, gid(1), &[1; 32]).as_deref(), Some(b"one".as_slice()));
        assert_eq!(cache.get(mailbox, gid(1), &[2; 32]), None);
        for n in 0..1000 {
            cache.insert(mailbox, gid(n), [0; 32], Bytes::from(vec![0; 1000]));
        }
        assert!(cache.weight() <= 64 * 1024, "{}", cache.weight());
    }
}
