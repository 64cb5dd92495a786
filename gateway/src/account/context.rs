use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use mapi_core::fasttransfer::MessageLimits;
use mapi_core::id::{Gid, Guid};
use mapi_core::mailbox::{FetchOptions, FolderRow, Mailbox, PollHold};
use mapi_core::message::{MessageContent, PropertyBag};
use mapi_core::property::{PropertyKey, PropertyName, PropertyType, PropertyValue};

use super::addresses::AddressBook;
use super::background::Activity;
use super::cache::RenderingCache;
use super::error::UpstreamError;
use super::mark::SubmissionMark;
use super::unchecked::Unchecked;
use super::upstream::Upstream;
use crate::convert::mapi_to_mime::{self, RenderContext, RenderLimits, ResolvedAddresses};
use crate::convert::{ConvertError, GATEWAY_SET, flags, original};
use crate::ledger::{Epoch, EpochEntry, Ledger};

/// Above this many bytes, of its properties or its original, a message is rendered off the async threads.
const RENDER_INLINE: usize = 256 * 1024;

/// Stands in renderings where a domain is needed and the message names none. The same for everybody and for ever: it is
/// part of the bytes of messages.
pub(crate) const RENDER_DOMAIN: &str = "mapi-gateway.invalid";

/// For how long a notification of a folder's properties may be the echo of an own write.
const OWN_WRITE_ECHO: Duration = Duration::from_secs(3);

/// How often an epoch is written anew because another gateway wrote in between.
const MAX_EPOCH_TRIES: u32 = 4;

/// What the parts of an account share.
pub struct AccountContext {
    /// The user's sessions with the upstream.
    pub upstream: Upstream,
    /// The mailbox's ledger.
    pub ledger: Arc<dyn Ledger>,
    /// Appended messages that are not to be read yet.
    pub unchecked: Unchecked,
    /// Whether clients are fetching messages.
    pub(super) activity: Activity,
    mailbox_guid: Guid,
    user: String,
    cache: Arc<RenderingCache>,
    addresses: AddressBook,
    /// Epochs as the hierarchy table told them, so that opening a folder need not ask.
    epochs: Mutex<HashMap<Gid, Epoch>>,
    /// The UIDVALIDITY given last; 0 if none was.
    last_uid_validity: Mutex<u32>,
    /// When the gateway itself wrote properties of folders.
    own_writes: Mutex<HashMap<Gid, Instant>>,
    last_used: Mutex<Instant>,
    fetch_options: FetchOptions,
    keep_original_bytes: usize,
}

impl AccountContext {
    pub(super) fn new(
        upstream: Upstream,
        ledger: Arc<dyn Ledger>,
        cache: Arc<RenderingCache>,
        max_message_bytes: usize,
        keep_original_bytes: usize,
    ) -> Self {
        let defaults = FetchOptions::default();
        let limits = MessageLimits { bytes: max_message_bytes as u64, ..defaults.limits };
        let fetch_options = FetchOptions { limits, ..defaults };
        Self {
            mailbox_guid: upstream.mailbox_guid(),
            user: upstream.connector().user().to_owned(),
            addresses: AddressBook::default(),
            upstream,
            ledger,
            unchecked: Unchecked::default(),
            activity: Activity::default(),
            cache,
            epochs: Mutex::default(),
            last_uid_validity: Mutex::default(),
            own_writes: Mutex::default(),
            last_used: Mutex::new(Instant::now()),
            fetch_options,
            keep_original_bytes,
        }
    }

    /// The named properties that the gateway uses, so that their ids can be asked for together.
    pub fn property_names() -> Vec<PropertyName> {
        let own = [flags::keywords_name(), epoch_name(), subscribed_name(), SubmissionMark::name()];
        own.into_iter().chain(original::names()).collect()
    }

    /// The user's address.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Somebody uses the account.
    pub fn touch(&self) {
        *self.last_used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// For how long nobody has used it.
    pub fn idle_for(&self) -> Duration {
        self.last_used.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }

    /// Whether the upstream refused the account's password: nobody gets in from memory any more.
    pub fn is_locked_out(&self) -> bool {
        self.upstream.is_refused()
    }

    /// Whether notifications are known to flow.
    pub fn subscription_alive(&self) -> bool {
        self.upstream.current().is_some_and(|mailbox| mailbox.is_listening())
    }

    /// Leaves it to the requests of an operation to fetch notifications, until what is returned is dropped.
    pub fn hold_polls(&self) -> Option<PollHold> {
        self.upstream.current().map(|mailbox| mailbox.hold_polls())
    }

    /// All folders of the mailbox, with the session they were read in. Epochs are remembered on the way.
    pub async fn hierarchy(&self) -> Result<(Mailbox, Vec<FolderRow>), UpstreamError> {
        let (mailbox, rows) = self
            .upstream
            .repeatable(|mailbox| async move {
                let rows = mailbox.folders(&[epoch_key(), subscribed_key()]).await?;
                Ok((mailbox, rows))
            })
            .await?;
        {
            let mut epochs = self.epochs.lock().unwrap_or_else(PoisonError::into_inner);
            for row in &rows {
                let Some(gid) = mailbox.gid_of(row.id) else { continue };
                let bytes = row.extra.get_named(&epoch_name(), PropertyType::BINARY).and_then(PropertyValue::as_bytes);
                epochs.insert(gid, bytes.map(Epoch::decode).unwrap_or_default());
            }
        }
        Ok((mailbox, rows))
    }

    /// Whether a folder is subscribed, if anybody ever said so.
    pub fn subscription(row: &FolderRow) -> Option<bool> {
        match row.extra.get_named(&subscribed_name(), PropertyType::BOOLEAN) {
            Some(PropertyValue::Boolean(subscribed)) => Some(*subscribed),
            _ => None,
        }
    }

    /// Keeps with a folder whether it is subscribed.
    pub async fn write_subscription(&self, folder: Gid, subscribed: bool) -> Result<(), UpstreamError> {
        let bag = &PropertyBag::from_iter([(subscribed_key(), PropertyValue::Boolean(subscribed))]);
        let write = |mailbox: Mailbox| async move {
            let folder = mailbox.resolve(folder).await?;
            mailbox.set_folder_properties(folder, bag, &[]).await
        };
        self.upstream.repeatable(write).await
    }

    /// What the mailbox remembers of the ledgers of a folder.
    pub async fn epoch(&self, folder: Gid) -> Result<Epoch, UpstreamError> {
        if let Some(epoch) = self.epochs.lock().unwrap_or_else(PoisonError::into_inner).get(&folder) {
            return Ok(epoch.clone());
        }
        self.epoch_now(folder).await
    }

    /// A UIDVALIDITY above every one of the folder whose epoch this is, and that no other folder of the mailbox has: names
    /// go from one folder to another, and what a client knows goes by names. Mostly the time in seconds, which rises by
    /// itself.
    pub fn fresh_uid_validity(&self, epoch: &Epoch) -> u32 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let now = u32::try_from(now).unwrap_or(u32::MAX - 1);
        let epochs = self.epochs.lock().unwrap_or_else(PoisonError::into_inner);
        let used = epochs.values().chain([epoch]).map(Epoch::highest_uid_validity).max().unwrap_or(0);
        drop(epochs);
        let mut last = self.last_uid_validity.lock().unwrap_or_else(PoisonError::into_inner);
        *last = now.max(used.max(*last).saturating_add(1));
        *last
    }

    /// What [`AccountContext::epoch`] tells, asked for now: another gateway may have written meanwhile.
    async fn epoch_now(&self, folder: Gid) -> Result<Epoch, UpstreamError> {
        let read = |mailbox: Mailbox| async move {
            let folder = mailbox.resolve(folder).await?;
            mailbox.folder_properties(folder, &[epoch_key()]).await
        };
        let bag = self.upstream.repeatable(read).await?;
        let bytes = bag.get_named(&epoch_name(), PropertyType::BINARY).and_then(PropertyValue::as_bytes);
        Ok(bytes.map(Epoch::decode).unwrap_or_default())
    }

    /// Makes the mailbox remember `entry`, beside what other gateways wrote meanwhile. A folder that the user may not change
    /// keeps no epoch; that is logged once per block of UIDs and no error.
    pub async fn note_epoch(&self, folder: Gid, entry: EpochEntry) -> Result<(), UpstreamError> {
        let known = self.epochs.lock().unwrap_or_else(PoisonError::into_inner).get(&folder).cloned();
        let mut base = known.unwrap_or_default();
        for _ in 0..MAX_EPOCH_TRIES {
            let mut epoch = base.clone();
            epoch.set(entry);
            let value = &PropertyValue::Binary(epoch.encode());
            self.own_writes.lock().unwrap_or_else(PoisonError::into_inner).insert(folder, Instant::now());
            let replaced = self
                .upstream
                .repeatable(|mailbox| async move {
                    let folder = mailbox.resolve(folder).await?;
                    mailbox.replace_folder_property(folder, &epoch_key(), value.clone()).await
                })
                .await;
            let before = match replaced {
                Ok(before) => before,
                Err(UpstreamError::Refused { code: mapi_core::ErrorCode::ACCESS_DENIED, .. }) => {
                    tracing::info!(%folder, "no right to note the UID ceiling in this folder");
                    return Ok(());
                }
                Err(error) => return Err(error),
            };
            let before = before.as_ref().and_then(PropertyValue::as_bytes).map(Epoch::decode).unwrap_or_default();
            // The request may have been repeated, and then finds what it wrote itself.
            let as_expected = before == base || before == epoch;
            self.epochs.lock().unwrap_or_else(PoisonError::into_inner).insert(folder, epoch);
            if as_expected {
                return Ok(());
            }
            // Another gateway wrote in between: what it wrote belongs beside ours.
            base = before;
        }
        Err(UpstreamError::Internal("other gateways keep writing this folder's epoch".into()))
    }

    /// Whether the gateway wrote properties of a folder a moment ago, so that a notification of it is no news. (A rename by
    /// somebody else at that very moment shows when the tree is read next, within a minute.)
    pub fn wrote_folder(&self, folder: Gid) -> bool {
        let mut writes = self.own_writes.lock().unwrap_or_else(PoisonError::into_inner);
        writes.retain(|_, at| at.elapsed() < OWN_WRITE_ECHO);
        writes.contains_key(&folder)
    }

    /// Bounds of downloads.
    pub fn fetch_options(&self) -> FetchOptions {
        self.fetch_options
    }

    /// Bytes of the largest appended message whose original is kept.
    pub fn keep_original_bytes(&self) -> usize {
        self.keep_original_bytes
    }

    /// The cached rendering of a message, if it is the one with `digest`.
    pub fn cached_rendering(&self, message: Gid, digest: &[u8; 32]) -> Option<Bytes> {
        self.cache.get(self.mailbox_guid, message, digest)
    }

    /// Keeps a rendering.
    pub fn cache_rendering(&self, message: Gid, digest: [u8; 32], bytes: Bytes) {
        self.cache.insert(self.mailbox_guid, message, digest, bytes);
    }

    /// The bytes of a message: its original, if it carries one that is still of its content, or else a rendering. Addresses
    /// that only the address book knows are asked for first; without them there is no rendering, never a different one.
    pub async fn render(&self, gid: Gid, content: MessageContent) -> Result<Bytes, UpstreamError> {
        let large = weight(&content).max(original::announced_len(&content)) > RENDER_INLINE;
        let content = if original::has(&content) {
            let max_bytes = RenderLimits::default().max_bytes;
            let work = move || original::of(&content, max_bytes).ok_or(content);
            match if large { super::blocking(work).await? } else { work() } {
                Ok(bytes) => return Ok(bytes),
                Err(content) => content,
            }
        } else {
            content
        };
        let names = mapi_to_mime::needed_dns(&content);
        let addresses = if names.is_empty() {
            ResolvedAddresses::default()
        } else {
            self.addresses.resolve(&self.upstream.connector(), names).await?
        };
        let work = move || {
            let source_key = &gid.to_bytes();
            let limits = RenderLimits::default();
            let context = RenderContext { source_key, addresses: &addresses, domain: RENDER_DOMAIN, limits };
            mapi_to_mime::render(&content, &context).map(|rendering| rendering.bytes)
        };
        let rendered = if large { super::blocking(work).await? } else { work() };
        rendered.map_err(|error| match error {
            ConvertError::UnresolvedAddress(_) => UpstreamError::Unreachable(error.to_string()),
            error => UpstreamError::Limit(error.to_string()),
        })
    }
}

fn epoch_name() -> PropertyName {
    PropertyName::string(GATEWAY_SET, "Epoch")
}

fn epoch_key() -> PropertyKey {
    PropertyKey::Named(epoch_name(), PropertyType::BINARY)
}

fn subscribed_name() -> PropertyName {
    PropertyName::string(GATEWAY_SET, "Subscribed")
}

fn subscribed_key() -> PropertyKey {
    PropertyKey::Named(subscribed_name(), PropertyType::BOOLEAN)
}

fn weight(content: &MessageContent) -> usize {
    let bag = |bag: &PropertyBag| -> usize {
        bag.iter()
            .map(|(_, value)| match value {
                PropertyValue::Binary(bytes) | PropertyValue::String8(bytes) => bytes.len(),
                PropertyValue::String(text) => text.len(),
                _ => 8,
            })
            .sum()
    };
    let attachments: usize = content
        .attachments
        .iter()
        .map(|attachment| bag(&attachment.properties) + attachment.embedded.as_deref().map_or(0, weight))
        .sum();
    bag(&content.properties) + attachments
}
