use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use mail_core::Quota;
use mapi_core::fasttransfer::MessageLimits;
use mapi_core::id::{Gid, Guid};
use mapi_core::mailbox::{FetchOptions, FolderRow, FoldersWithTop, Mailbox, PollHold};
use mapi_core::message::{MessageContent, PropertyBag};
use mapi_core::property::{PropertyKey, PropertyValue, tags};

use super::activity::Activity;
use super::cache::MessageCaches;
use super::epochs::{Epochs, MailboxEpochs};
use super::outlines::Outlines;
use super::quota::KnownQuota;
use super::unchecked::Unchecked;
use crate::convert::mapi_to_mime::{self, RenderContext, RenderLimits, ResolvedAddresses};
use crate::convert::stand_in::{Unservable, stand_in};
use crate::convert::subscriptions::{Edit, Subscriptions};
use crate::convert::{ConvertError, original};
use crate::ledger::envelopes::EnvelopeStore;
use crate::ledger::{Epoch, Ledger};
use crate::line::addresses::KnownAddresses;
use crate::line::error::UpstreamError;
use crate::line::kind::Kind;
use crate::line::upstream::{Lane, Upstream};
use crate::operation::{Annotate, ChangeSubscriptions, decode_subscriptions};
use crate::own_property;
use crate::share::{Bounds, Share};

/// Stands in renderings where a domain is needed and the message names none. The same for everybody and for ever: it is
/// part of the bytes of messages.
pub(crate) const RENDER_DOMAIN: &str = "mapi-gateway.invalid";

/// The folders of a mailbox, as they were when it was asked.
pub(crate) struct Hierarchy {
    /// The session they were read in.
    pub mailbox: Mailbox,
    /// All of them, parents before their children.
    pub folders: Vec<FolderRow>,
    /// Which names clients subscribed, and which not; nothing if that can't be read.
    pub subscriptions: Subscriptions,
}

/// What the parts of an account share.
pub struct MailboxContext {
    /// The user's sessions with the upstream.
    pub upstream: Arc<Upstream>,
    /// The mailbox's ledger.
    pub ledger: Arc<dyn Ledger>,
    /// Appended messages that are not to be read yet.
    pub unchecked: Unchecked,
    /// Whether clients are fetching messages.
    pub(crate) activity: Activity,
    mailbox_guid: Guid,
    user: String,
    share: Share,
    caches: Arc<MessageCaches>,
    outlines: Outlines,
    addresses: KnownAddresses,
    epochs: MailboxEpochs,
    quota: KnownQuota,
    /// The UIDVALIDITY given last; 0 if none was.
    last_uid_validity: Mutex<u32>,
    last_used: Mutex<Instant>,
    /// Held by who changes the list of subscriptions: it is one value, and who writes it at the same time takes away what
    /// others write.
    subscribing: tokio::sync::Mutex<()>,
    /// The same of metadata.
    annotating: tokio::sync::Mutex<()>,
    fetch_options: FetchOptions,
    keep_original_bytes: usize,
    read_ahead_messages: usize,
    server_searches: bool,
}

impl MailboxContext {
    pub(crate) fn new(
        upstream: Arc<Upstream>,
        ledger: Arc<dyn Ledger>,
        caches: Arc<MessageCaches>,
        max_message_bytes: usize,
        keep_original_bytes: usize,
        read_ahead_messages: usize,
        bounds: &Bounds,
    ) -> Self {
        let defaults = FetchOptions::default();
        let limits = MessageLimits { bytes: max_message_bytes as u64, ..defaults.limits };
        let fetch_options = FetchOptions { limits, ..defaults };
        Self {
            mailbox_guid: upstream.mailbox_guid(),
            share: bounds.of(upstream.connector().user()),
            user: upstream.connector().user().to_owned(),
            addresses: KnownAddresses::default(),
            quota: KnownQuota::default(),
            epochs: MailboxEpochs::new(Arc::clone(&upstream)),
            outlines: Outlines::new(upstream.mailbox_guid(), Arc::clone(&caches), None),
            upstream,
            ledger,
            unchecked: Unchecked::default(),
            activity: Activity::default(),
            caches,
            last_uid_validity: Mutex::default(),
            last_used: Mutex::new(Instant::now()),
            subscribing: tokio::sync::Mutex::default(),
            annotating: tokio::sync::Mutex::default(),
            fetch_options,
            keep_original_bytes,
            read_ahead_messages,
            server_searches: true,
        }
    }

    /// Whether the upstream is asked to search in messages that are not in memory.
    pub(crate) fn with_server_searches(mut self, searches: bool) -> Self {
        self.server_searches = searches;
        self
    }

    /// Whether the upstream is asked to search.
    pub(crate) fn server_searches(&self) -> bool {
        self.server_searches
    }

    /// What lists of messages need is kept on disk, too.
    pub(crate) fn with_envelopes(mut self, store: Arc<EnvelopeStore>) -> Self {
        self.outlines = Outlines::new(self.mailbox_guid, Arc::clone(&self.caches), Some(store));
        self
    }

    /// Sees to it that the ledger will find room for what is to be done to so many messages, before the upstream does it:
    /// what can't be noted afterwards must not be done.
    ///
    /// # Errors
    /// [`UpstreamError::Ledger`]; nothing was done.
    pub async fn reserve(&self, messages: usize) -> Result<(), UpstreamError> {
        let ledger = Arc::clone(&self.ledger);
        Ok(crate::blocking::blocking(move || ledger.reserve(messages)).await??)
    }

    /// See [`Ledger::told`].
    ///
    /// # Errors
    /// [`UpstreamError::Ledger`]
    pub(crate) async fn told(&self, folder: Gid) -> Result<u32, UpstreamError> {
        let ledger = Arc::clone(&self.ledger);
        Ok(crate::blocking::blocking(move || ledger.told(&folder)).await??)
    }

    /// How full the mailbox is, as of a minute ago at most; nothing if no limit is known.
    ///
    /// # Errors
    /// The upstream can't be asked.
    pub(crate) async fn quota(&self) -> Result<Option<Quota>, UpstreamError> {
        self.quota.get(&self.upstream).await
    }

    /// The user's address.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// What the work for the user may take.
    pub(crate) fn share(&self) -> &Share {
        &self.share
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

    /// All folders of the mailbox. Epochs are remembered on the way.
    pub(crate) async fn hierarchy(&self) -> Result<Hierarchy, UpstreamError> {
        let (mailbox, FoldersWithTop { folders, of_top }) = self
            .upstream
            .ask(Kind::ListFolders, Lane::Interactive, |mailbox| async move {
                let rights = (!mailbox.info().owner).then_some(PropertyKey::Tag(tags::PidTagRights));
                let keys: Vec<_> =
                    [own_property::EPOCH.key(), own_property::SUBSCRIBED.key()].into_iter().chain(rights).collect();
                let found = mailbox.folders_with_top(&keys, Some(&own_property::SUBSCRIPTIONS.key())).await?;
                Ok((mailbox, found))
            })
            .await?;
        self.epochs.learn(&mailbox, &folders);
        let subscriptions = of_top.map_err(UpstreamError::from).and_then(|value| decode_subscriptions(value.as_ref()));
        // No reason to show no folders.
        let subscriptions = subscriptions.unwrap_or_else(|error| {
            tracing::info!(user = self.user, %error, "the list of subscriptions can't be read");
            Subscriptions::default()
        });
        Ok(Hierarchy { mailbox, folders, subscriptions })
    }

    /// Whether something in a folder may be changed, as far as the server tells: messages made, edited or deleted
    /// ([MS-OXCPERM] 2.2.7).
    pub(crate) fn is_writable(row: &FolderRow) -> bool {
        const CHANGES: i32 = 0x02 | 0x08 | 0x10 | 0x20 | 0x40;
        row.extra.integer(tags::PidTagRights).is_some_and(|rights| rights & CHANGES != 0)
    }

    /// Changes which names are subscribed, by the edits that `edits_of` makes out of the list that the mailbox keeps. Where
    /// there is no room for more names, those that are not subscribed are forgotten unless `is_folder`.
    ///
    /// Dropping the future may leave it undone or done.
    ///
    /// # Errors
    /// [`UpstreamError::Limit`] if there is no room for more names, [`UpstreamError::Refused`] if the user may not write there.
    pub(crate) async fn change_subscriptions(
        &self,
        edits_of: impl Fn(&Subscriptions) -> Vec<Edit> + Send,
        is_folder: impl Fn(&str) -> bool + Send,
    ) -> Result<(), UpstreamError> {
        let _alone = self.subscribing.lock().await;
        self.upstream.perform(&mut ChangeSubscriptions::new(edits_of, is_folder)).await?
    }

    /// Sets entries of the metadata of a folder, or of the server, or removes those that get no value.
    ///
    /// Dropping the future may leave it undone or done.
    ///
    /// # Errors
    /// See [`Annotate`].
    pub(crate) async fn annotate(
        &self,
        folder: Option<Gid>,
        entries: Vec<(String, Option<Bytes>)>,
    ) -> Result<(), UpstreamError> {
        let _alone = self.annotating.lock().await;
        self.upstream.perform(&mut Annotate::new(folder, entries)).await?
    }

    /// What is remembered of the ledgers of folders, outside of them.
    pub fn epochs(&self) -> &dyn Epochs {
        &self.epochs
    }

    /// A UIDVALIDITY above every one of the folder whose epoch this is, and that no other folder of the mailbox has: names
    /// go from one folder to another, and what a client knows goes by names. Mostly the time in seconds, which rises by
    /// itself.
    pub fn fresh_uid_validity(&self, epoch: &Epoch) -> u32 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let now = u32::try_from(now).unwrap_or(u32::MAX - 1);
        let used = self.epochs.highest_uid_validity().max(epoch.highest_uid_validity());
        let mut last = self.last_uid_validity.lock().unwrap_or_else(PoisonError::into_inner);
        *last = now.max(used.max(*last).saturating_add(1));
        *last
    }

    /// Whether the gateway wrote properties of a folder a moment ago, so that a notification of it is no news.
    pub fn wrote_folder(&self, folder: Gid) -> bool {
        self.epochs.wrote(folder)
    }

    /// Deletes messages of a folder, recoverably. Deleting what is deleted already does no harm. What could not be deleted a
    /// round shows.
    ///
    /// # Errors
    /// Some may have been deleted.
    pub(crate) async fn delete(&self, folder: Gid, gids: &[Gid]) -> Result<(), UpstreamError> {
        let delete = |mailbox: Mailbox| async move {
            mailbox.meet(gids).await?;
            let ids: Vec<_> = gids.iter().filter_map(|gid| mailbox.id_of(*gid)).collect();
            mailbox.delete_messages(mailbox.resolve(folder).await?, &ids).await?;
            mailbox.fetch_pending().await
        };
        self.upstream.ask(Kind::Delete, Lane::Interactive, delete).await
    }

    /// Bounds of downloads.
    pub fn fetch_options(&self) -> FetchOptions {
        self.fetch_options
    }

    /// Bytes of the largest appended message whose original is kept.
    pub fn keep_original_bytes(&self) -> usize {
        self.keep_original_bytes
    }

    /// How many messages are read ahead at a time for a client that fetches one after the other; 0 if none.
    pub fn read_ahead_messages(&self) -> usize {
        self.read_ahead_messages
    }

    /// The cached rendering of a message, if it is the one with `digest`.
    pub fn cached_rendering(&self, message: Gid, digest: &[u8; 32]) -> Option<Bytes> {
        self.caches.renderings.get(self.mailbox_guid, message, digest)
    }

    /// Keeps a rendering.
    pub fn cache_rendering(&self, message: Gid, digest: [u8; 32], bytes: Bytes) {
        self.caches.renderings.insert(self.mailbox_guid, message, digest, bytes);
    }

    /// What lists of messages need of them.
    pub fn outlines(&self) -> &Outlines {
        &self.outlines
    }

    /// About how many bytes the message has that a content becomes.
    pub(crate) fn rendered_bytes(content: &MessageContent) -> u64 {
        weight(content).max(original::announced_len(content)) as u64
    }

    /// The bytes of a message: its original, if it carries one that is still of its content, or else a rendering. Addresses
    /// that only the address book knows are asked for first; without them there is no rendering, never a different one. What
    /// can't be shown has a stand-in.
    pub async fn render(&self, gid: Gid, content: MessageContent) -> Result<Bytes, UpstreamError> {
        match self.render_content(gid, content).await? {
            Ok(bytes) => Ok(bytes),
            Err((error, stand_in)) => {
                tracing::warn!(%gid, %error, "a message can't be shown");
                self.render_content(gid, stand_in).await?.map_err(|(error, _)| UpstreamError::Limit(error.to_string()))
            }
        }
    }

    /// A rendering, or why there is none, and what is shown instead.
    async fn render_content(
        &self,
        gid: Gid,
        content: MessageContent,
    ) -> Result<Result<Bytes, (ConvertError, MessageContent)>, UpstreamError> {
        let bytes = Self::rendered_bytes(&content);
        let content = if original::has(&content) {
            let max_bytes = RenderLimits::default().max_bytes;
            let work = move || original::of(&content, max_bytes).ok_or(content);
            match self.share.compute(bytes, work).await? {
                Ok(bytes) => return Ok(Ok(bytes)),
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
            match mapi_to_mime::render(&content, &context) {
                Ok(rendering) => Ok(Ok(rendering.bytes)),
                Err(error) => match Unservable::of(&error) {
                    Some(why) => Ok(Err((error, stand_in(&content.properties, why)))),
                    None => Err(UpstreamError::Unreachable(error.to_string())),
                },
            }
        };
        self.share.compute(bytes, work).await?
    }
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
