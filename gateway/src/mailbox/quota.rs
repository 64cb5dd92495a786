use std::time::{Duration, Instant};

use mail_core::Quota;
use mapi_core::mailbox::Mailbox;
use mapi_core::message::PropertyBag;
use mapi_core::property::tags;
use tokio::sync::Mutex;

use crate::line::error::UpstreamError;
use crate::line::kind::Kind;
use crate::line::upstream::{Lane, Upstream};

/// For so long it is not asked for again.
const FRESH: Duration = Duration::from_secs(60);

/// How full the mailbox was when that was asked last. Held while it is asked for, so that it is asked for once.
#[derive(Default)]
pub(super) struct KnownQuota(Mutex<Option<(Instant, Option<Quota>)>>);

impl KnownQuota {
    /// How full the mailbox is, as of a minute ago at most; nothing if the server tells no limit.
    ///
    /// # Errors
    /// The upstream can't be asked.
    pub async fn get(&self, upstream: &Upstream) -> Result<Option<Quota>, UpstreamError> {
        let mut known = self.0.lock().await;
        if let Some((asked, quota)) = *known
            && asked.elapsed() < FRESH
        {
            return Ok(quota);
        }
        const TAGS: [mapi_core::property::PropertyTag; 4] = [
            tags::PidTagMessageSizeExtended,
            tags::PidTagProhibitReceiveQuota,
            tags::PidTagProhibitSendQuota,
            tags::PidTagStorageQuotaLimit,
        ];
        let read = |mailbox: Mailbox| async move { mailbox.store_properties(&TAGS).await };
        let quota = quota_of(&upstream.ask(Kind::ReadQuota, Lane::Interactive, read).await?);
        *known = Some((Instant::now(), quota));
        Ok(quota)
    }
}

/// What the store says of itself ([MS-OXCSTOR] 2.2.2.1.1). Of the limits, in KiB, the one counts at which nothing more can be
/// stored; where it is not set, the one at which nothing more can be sent, and then the one at which the user is warned.
fn quota_of(store: &PropertyBag) -> Option<Quota> {
    let used = u64::try_from(store.integer64(tags::PidTagMessageSizeExtended)?).ok()?;
    let limits = [tags::PidTagProhibitReceiveQuota, tags::PidTagProhibitSendQuota, tags::PidTagStorageQuotaLimit];
    // Servers say -1, or nothing, where there is no limit.
    let limit = limits.into_iter().find_map(|tag| u64::try_from(store.integer(tag)?).ok())?;
    Some(Quota { used, limit: limit.saturating_mul(1024) })
}

#[cfg(test)]
mod tests {
    use mapi_core::property::{PropertyKey, PropertyTag, PropertyValue};

    use super::*;

    fn store(used: i64, limits: &[(PropertyTag, i32)]) -> PropertyBag {
        let used = (PropertyKey::Tag(tags::PidTagMessageSizeExtended), PropertyValue::Integer64(used));
        let limits = limits.iter().map(|(tag, kib)| (PropertyKey::Tag(*tag), PropertyValue::Integer32(*kib)));
        limits.chain([used]).collect()
    }

    #[test]
    fn known_answers() {
        let (warn, send, receive) =
            (tags::PidTagStorageQuotaLimit, tags::PidTagProhibitSendQuota, tags::PidTagProhibitReceiveQuota);
        let of = |limit: u64| Some(Quota { used: 5000, limit });
        assert_eq!(quota_of(&store(5000, &[(warn, 1), (send, 2), (receive, 3)])), of(3 * 1024));
        assert_eq!(quota_of(&store(5000, &[(warn, 1), (send, 2)])), of(2 * 1024));
        assert_eq!(quota_of(&store(5000, &[(warn, 1), (receive, -1)])), of(1024));
        assert_eq!(quota_of(&store(5000, &[(receive, i32::MAX)])), of(u64::from(u32::MAX / 2) * 1024));
        assert_eq!(quota_of(&store(5000, &[])), None);
        assert_eq!(quota_of(&store(-1, &[(warn, 1)])), None);
        assert_eq!(quota_of(&PropertyBag::default()), None);
    }
}
