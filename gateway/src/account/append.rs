use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use mail_core::message::Message;
use mail_core::{AppendUid, FlagChange, FlagChangeMode, FlagSet, FolderKey, Keywords, NewMessage};
use mapi_core::ErrorCode;
use mapi_core::id::Gid;
use mapi_core::mailbox::{Fetched, Mailbox, MessageUpdate};
use mapi_core::message::MessageContent;
use mapi_core::property::{FileTime, tags};
use mapi_core::rop::RopId;

use super::Account;
use super::sending::sent_copy::Likeness;
use crate::convert::mime_to_mapi::{self, Purpose};
use crate::convert::{ConvertError, flags, original};
use crate::line::error::UpstreamError;
use crate::line::kind::Kind;
use crate::line::upstream::Lane;
use crate::mailbox::context::MailboxContext;
use crate::mailbox::folder::{Settling, StoredBytes};
use crate::operation::mark::SubmissionMark;
use crate::operation::{Append, Stored};

/// What the server keeps of a new message's flags; the ledger keeps `\Deleted`.
const OVERLAY: FlagSet = FlagSet::DELETED;

/// For how long the server's copy of a sent message is waited for.
const COPY_PATIENCE: Duration = Duration::from_secs(5);
/// Between two looks for it.
const COPY_PAUSE: Duration = Duration::from_millis(250);

impl Account {
    /// Stores a message in a folder. The bytes of all but drafts are kept with it, within the configured bound. (A draft may
    /// be sent from elsewhere, and then everybody who gets it would get its first version, too, with its `Bcc`.)
    ///
    /// # Errors
    /// [`UpstreamError::OutcomeUnknown`] if the connection died meanwhile; nothing is repeated. Content that can't be
    /// stored is [`UpstreamError::Content`].
    pub async fn append(&self, folder: &FolderKey, message: NewMessage) -> Result<Option<AppendUid>, UpstreamError> {
        let folder_gid = Gid::from_slice(&folder.0).ok_or_else(UpstreamError::no_such_folder)?;
        let overlay = message.flags.intersection(OVERLAY);
        let bound = self.context().keep_original_bytes();
        let keep = message.content.len() <= bound && !message.flags.contains(FlagSet::DRAFT);
        let lane = Lane::of(&message.content);
        let bytes = message.content.len() as u64;
        self.mailbox.reserve(&folder_gid, 1).await?;
        let read = Arc::new(Message::within(message.content.clone(), mime_to_mapi::LIMITS));
        if !message.flags.contains(FlagSet::DRAFT)
            && let Some(uid) = self.take_sent_copy(folder, folder_gid, &message, &read, keep).await?
        {
            return Ok(Some(uid));
        }
        let convert = {
            let message = message.clone();
            move || converted(&read, &message, keep)
        };
        let content = self
            .context()
            .share()
            .compute(bytes, convert)
            .await?
            .map_err(|error| UpstreamError::Content(error.to_string()))?;
        let checking = Mutex::new(None);
        // Filling a large message takes a while, in which nobody has to wait for it.
        let on_save = || {
            let mut checking = checking.lock().unwrap_or_else(PoisonError::into_inner);
            checking.get_or_insert_with(|| self.context().unchecked.begin(folder_gid));
        };
        let made = match self.create(lane, folder_gid, &content, &on_save).await {
            Err(UpstreamError::Refused { operation, code }) if is_about_content(&operation, code) => {
                tracing::info!(operation, %code, "the parts of a message were refused; storing it as text");
                let content = self.context().share().compute(bytes, move || as_text(&message, keep)).await?;
                self.create(lane, folder_gid, &content, &on_save).await?
            }
            made => made?,
        };
        let mut rendered = Vec::new();
        if let Some(stored) = made.as_ref().filter(|_| keep) {
            match self.check_original(lane, folder_gid, stored).await {
                Ok(known) => rendered.extend(known),
                // Nothing is lost: without a digest that holds the message is rendered.
                Err(error) => tracing::info!(%error, "could not check what was stored of a message"),
            }
        }
        drop(checking);
        let came = made.into_iter().map(|stored| stored.gid).collect();
        let settled = match self.mailbox.settle(folder, Settling { came, rendered, ..Settling::default() }).await {
            // It is stored. Who is told otherwise stores it again; its UID shows when the ledger can be written.
            Err(error) if overlay.is_empty() && error.is_of_the_ledger_for_now() => {
                tracing::warn!(%error, "a message was stored, and its UID is not known yet");
                return Ok(None);
            }
            Err(error) if error.is_of_the_way() => {
                return Err(UpstreamError::OutcomeUnknown(format!("a message was stored, then: {error}")));
            }
            settled => settled?,
        };
        let Some(uid) = settled.uids.first().copied().flatten() else { return Ok(None) };
        if !overlay.is_empty() {
            let change = FlagChange { mode: FlagChangeMode::Add, flags: overlay, keywords: Keywords::EMPTY };
            self.mailbox.folder(folder).await?.store(vec![uid], change, None).await?;
        }
        Ok(Some(AppendUid { uid_validity: settled.uid_validity, uid, made: true }))
    }

    /// The server's own copy of a message that was just submitted, in place of a second one that a client stores in Sent
    /// Items: it gets the client's bytes and flags. `None` if the message is not such a copy, or the server's does not come.
    async fn take_sent_copy(
        &self,
        folder: &FolderKey,
        folder_gid: Gid,
        message: &NewMessage,
        read: &Arc<Message>,
        keep: bool,
    ) -> Result<Option<AppendUid>, UpstreamError> {
        let now = Instant::now();
        let (_, mailbox) = self.context().upstream.mailbox().await?;
        let sent_items = mailbox.gid_of(mailbox.info().folders.sent_items);
        if sent_items != Some(folder_gid) || self.submissions.is_empty(now) {
            return Ok(None);
        }
        let read = Arc::clone(read);
        let likeness =
            self.context().share().compute(message.content.len() as u64, move || Likeness::of(&read)).await?;
        let Some(mark) = self.submissions.find(&likeness, now) else { return Ok(None) };
        let Some(gid) = self.await_copy(&mark, now + COPY_PATIENCE).await? else {
            tracing::info!("the server's copy of a sent message does not come; storing the client's");
            return Ok(None);
        };
        let checking = self.context().unchecked.begin(folder_gid);
        if keep && let Err(error) = self.keep_with_copy(folder_gid, gid, &message.content).await {
            // Nothing is lost: without an original the copy is rendered.
            tracing::info!(%error, "could not keep the original of a sent message");
        }
        drop(checking);
        let settled = {
            let opened = self.mailbox.folder(folder).await?;
            let settled = opened.settle(Settling { came: vec![gid], ..Settling::default() }).await?;
            if let Some(uid) = settled.uids.first().copied().flatten() {
                let (flags, keywords) = (message.flags, message.keywords.clone());
                let change = FlagChange { mode: FlagChangeMode::Add, flags, keywords };
                opened.store(vec![uid], change, None).await?;
            }
            settled
        };
        let uid = settled.uids.first().copied().flatten();
        Ok(uid.map(|uid| AppendUid { uid_validity: settled.uid_validity, uid, made: false }))
    }

    /// Waits until the copy of a submission is in Sent Items.
    async fn await_copy(&self, mark: &SubmissionMark, deadline: Instant) -> Result<Option<Gid>, UpstreamError> {
        loop {
            let find = |mailbox: Mailbox| async move {
                let copies = mark.in_sent_items(&mailbox).await?;
                Ok(copies.first().and_then(|mid| mailbox.gid_of(*mid)))
            };
            let found = self.context().upstream.ask(Kind::FindCopy, Lane::Interactive, find).await?;
            if found.is_some() || Instant::now() >= deadline {
                return Ok(found);
            }
            tokio::time::sleep(COPY_PAUSE).await;
        }
    }

    /// Gives the server's copy of a sent message the bytes that its client stores.
    async fn keep_with_copy(&self, folder: Gid, gid: Gid, original: &Bytes) -> Result<(), UpstreamError> {
        let lane = Lane::of(original);
        let Some(content) = self.stored_content(lane, folder, gid).await? else { return Ok(()) };
        if original::has(&content) {
            return Ok(());
        }
        let original = original.clone();
        let kept =
            &self.context().share().compute(original.len() as u64, move || original::kept(&content, &original)).await?;
        let amend = |mailbox: Mailbox| async move {
            let folder = mailbox.resolve(folder).await?;
            mailbox.meet(&[gid]).await?;
            let Some(mid) = mailbox.id_of(gid) else { return Ok(None) };
            Ok(mailbox.amend_message(folder, mid, kept).await?.change_key)
        };
        let change_key = self.context().upstream.ask(Kind::Complete, lane, amend).await?;
        self.check_original(lane, folder, &Stored { gid, change_key }).await.map(drop)
    }

    /// A message as it is stored; `None` if it is gone.
    async fn stored_content(&self, lane: Lane, folder: Gid, gid: Gid) -> Result<Option<MessageContent>, UpstreamError> {
        let options = self.context().fetch_options();
        let fetch = |mailbox: Mailbox| async move {
            let folder = mailbox.resolve(folder).await?;
            mailbox.meet(&[gid]).await?;
            let Some(mid) = mailbox.id_of(gid) else { return Ok(None) };
            let mut fetch = mailbox.fetch_messages(folder, &[mid], options);
            let Some(Fetched::Message { content, .. }) = fetch.next().await? else { return Ok(None) };
            while fetch.next().await?.is_some() {}
            Ok(Some(*content))
        };
        self.context().upstream.ask(Kind::Complete, lane, fetch).await
    }

    async fn create(
        &self,
        lane: Lane,
        folder: Gid,
        content: &MessageContent,
        on_save: &(dyn Fn() + Send + Sync),
    ) -> Result<Option<Stored>, UpstreamError> {
        self.context().upstream.perform(&mut Append::new(folder, lane, content, on_save)).await
    }

    /// Reads a stored message back. If the server made something else of it than was sent, the digest stored with the
    /// original does not hold, and the one of what it made takes its place: unless somebody else was quicker and saved the
    /// message meanwhile, or it can't be told. Tells in which state of the message the original is what is shown of it.
    async fn check_original(
        &self,
        lane: Lane,
        folder: Gid,
        stored: &Stored,
    ) -> Result<Option<StoredBytes>, UpstreamError> {
        let Some(content) = self.stored_content(lane, folder, stored.gid).await? else { return Ok(None) };
        let version = content.properties.binary(tags::PidTagChangeKey).map(<[u8]>::to_vec);
        let size = u32::try_from(original::announced_len(&content)).ok();
        let digest = original::announced_digest(&content);
        let known = |key: Option<Vec<u8>>| {
            Some(StoredBytes { gid: stored.gid, change_key: key?, size: size?, digest: digest? })
        };
        let bytes = MailboxContext::rendered_bytes(&content);
        let seal = self.context().share().compute(bytes, move || original::reseal(&content)).await?;
        if version.is_none() || version != stored.change_key {
            tracing::debug!(gid = ?stored.gid, "changed while it was stored, or of an unknown version");
            return Ok(None);
        }
        let Some(seal) = seal else { return Ok(known(version)) };
        tracing::debug!(gid = ?stored.gid, "the upstream made something else of a message; taking the digest of that");
        let seal = &seal;
        let put = |mailbox: Mailbox| async move {
            let folder = mailbox.resolve(folder).await?;
            mailbox.meet(&[stored.gid]).await?;
            let Some(mid) = mailbox.id_of(stored.gid) else { return Ok(None) };
            let update = MessageUpdate { mid, set: seal.clone(), delete: Vec::new() };
            mailbox.update_messages(folder, &[update]).await?.pop().transpose()
        };
        let sealed = self.context().upstream.ask(Kind::Complete, lane, put).await?;
        Ok(sealed.filter(|sealed| sealed.before == version).and_then(|sealed| known(sealed.after)))
    }
}

/// Whether an operation that was refused is one that fills a message, so that another content may be taken.
fn is_about_content(operation: &str, code: ErrorCode) -> bool {
    let filling = [
        RopId::SET_PROPERTIES,
        RopId::OPEN_STREAM,
        RopId::WRITE_STREAM,
        RopId::COMMIT_STREAM,
        RopId::MODIFY_RECIPIENTS,
        RopId::CREATE_ATTACHMENT,
        RopId::SAVE_CHANGES_ATTACHMENT,
        RopId::OPEN_EMBEDDED_MESSAGE,
    ];
    let whatever_it_says = [
        ErrorCode::ACCESS_DENIED,
        ErrorCode::QUOTA_EXCEEDED,
        ErrorCode::NP_QUOTA_EXCEEDED,
        ErrorCode::NOT_ENOUGH_MEMORY,
        ErrorCode::INSUFFICIENT_RESOURCES,
        ErrorCode::SERVER_BUSY,
    ];
    filling.iter().any(|rop| rop.name() == operation) && !whatever_it_says.contains(&code)
}

/// The message with its flags, and its original if it is to be kept.
fn converted(read: &Message, message: &NewMessage, keep: bool) -> Result<MessageContent, ConvertError> {
    mime_to_mapi::parse(read, purpose(message)).map(|content| finished(content, message, keep))
}

/// A message that the upstream takes in no other form: all of it as text.
fn as_text(message: &NewMessage, keep: bool) -> MessageContent {
    finished(mime_to_mapi::as_text(&message.content, purpose(message)), message, keep)
}

fn purpose(message: &NewMessage) -> Purpose<'_> {
    Purpose::Append {
        flags: message.flags.difference(OVERLAY),
        keywords: &message.keywords,
        internal_date: FileTime::from_unix_seconds(message.internal_date.unwrap_or_else(now)),
    }
}

fn finished(mut content: MessageContent, message: &NewMessage, keep: bool) -> MessageContent {
    let (before, no_keywords) = flags::from_properties(&content.properties);
    let wanted = (message.flags.difference(OVERLAY), &message.keywords);
    let edit = flags::edit((before, &no_keywords), wanted, FileTime::from_unix_seconds(now()));
    for (key, value) in edit.set.iter() {
        content.properties.set(key.clone(), value.clone());
    }
    if keep {
        original::keep(&mut content, &message.content);
    }
    content
}

/// Seconds since 1970-01-01 UTC.
fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    i64::try_from(now).unwrap_or(i64::MAX)
}
