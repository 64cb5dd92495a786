use std::num::NonZeroU64;

use mail_core::Keywords;
use mapi_core::id::{Gid, GlobalCounter, Guid};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

/// What is stored once per folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FolderHead {
    /// Grows by one with each commit.
    pub version: u64,
    /// UIDVALIDITY.
    pub uid_validity: u32,
    /// UIDNEXT.
    pub uid_next: u32,
    /// UIDs below this were reserved in the mailbox (the epoch) before they were used.
    pub uid_ceiling: u32,
    /// HIGHESTMODSEQ.
    pub highest_modseq: u64,
    /// The ICS state with which the next round starts ([`mapi_core::fasttransfer::SyncState::to_bytes`]); empty for none.
    pub ics: Vec<u8>,
}

/// What is stored per message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageRecord {
    /// UID.
    pub uid: u32,
    /// The message's global id.
    #[serde(serialize_with = "write_gid", deserialize_with = "read_gid")]
    pub gid: Gid,
    /// MODSEQ of the last visible change.
    pub modseq: u64,
    /// The flags the server keeps, as bits of [`mail_core::FlagSet`].
    pub server_flags: u8,
    /// The overlay: flags that only the gateway keeps (`\Deleted`).
    pub overlay_set: u8,
    /// The overlay: server flags that a client took away and the server can't (`\Draft`).
    pub overlay_cleared: u8,
    /// Keywords.
    #[serde(serialize_with = "write_keywords", deserialize_with = "read_keywords")]
    pub keywords: Keywords,
    /// INTERNALDATE, seconds since 1970-01-01 UTC.
    pub internal_date: i64,
    /// Size and SHA-256 digest of the rendering, once known.
    pub rendering: Option<RenderingRecord>,
    /// The folder's version when the message was last reported as new or changed. What was downloaded before that may be
    /// older than the message.
    pub changed_at: u64,
    /// The message changed upstream after its rendering was recorded: bytes are served only after a check.
    pub suspect: bool,
    /// Which state of the message was reported last, if the server told it. Ledgers of earlier versions don't have it.
    #[serde(skip)]
    pub state: Option<StateMark>,
}

impl MessageRecord {
    /// The form in which it is stored.
    ///
    /// # Errors
    /// None that are known of.
    pub(super) fn to_bytes(&self) -> postcard::Result<Vec<u8>> {
        let stored = postcard::to_stdvec(self)?;
        match &self.state {
            Some(state) => postcard::to_extend(state, stored),
            None => Ok(stored),
        }
    }

    /// The reverse of [`MessageRecord::to_bytes`].
    ///
    /// # Errors
    /// These are other bytes.
    pub(super) fn from_bytes(bytes: &[u8]) -> postcard::Result<Self> {
        let (record, rest) = postcard::take_from_bytes::<Self>(bytes)?;
        let state = if rest.is_empty() { None } else { Some(postcard::from_bytes(rest)?) };
        Ok(Self { state, ..record })
    }
}

/// Tells one state of a message from every other one: the first eight bytes of SHA-256 over PidTagChangeKey.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateMark(NonZeroU64);

impl StateMark {
    /// That of a message with this PidTagChangeKey; none if that is empty.
    pub fn of(change_key: &[u8]) -> Option<Self> {
        let digest = Sha256::digest(change_key);
        let (first, _) = digest.split_first_chunk::<8>()?;
        (!change_key.is_empty()).then_some(Self(NonZeroU64::new(u64::from_le_bytes(*first)).unwrap_or(NonZeroU64::MIN)))
    }
}

/// What is recorded of a rendering.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenderingRecord {
    /// Bytes.
    pub size: u32,
    /// SHA-256 over the bytes.
    pub digest: [u8; 32],
}

/// What is stored of a folder's last run: the time from its first change after the ledger was opened until the ledger was
/// closed. Before a run gives a UID, moves MODSEQ or fixes the bytes of a UID, it stands in the ledger and in the epoch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Its number: higher than that of every run before, also of those that were lost. 0 if there was none yet.
    pub number: u32,
    /// [`super::Opening::doubts`] when it began.
    pub doubts: u32,
    /// UIDs below this may have been given by a run that was lost, and so may other bytes than those of today to messages
    /// whose rendering is not recorded. 0 if none was lost.
    pub uid_floor: u32,
    /// A run that was lost may have shown any message with a MODSEQ below this. 0 if none was lost.
    pub modseq_floor: u64,
}

/// Everything stored of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFolder {
    /// The head.
    pub head: FolderHead,
    /// The messages, ascending by UID.
    pub rows: Vec<MessageRecord>,
    /// PidTagArticleNumNext as of the last round, if the server has it.
    pub next_article: Option<u32>,
    /// Its last run.
    pub run: Run,
}

/// What is stored of a folder beside its messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderOverview {
    /// The head.
    pub head: FolderHead,
    /// How many messages it had.
    pub messages: u32,
    /// As [`StoredFolder::next_article`].
    pub next_article: Option<u32>,
    /// Its last run.
    pub run: Run,
}

/// Which messages of a folder went.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tombstones {
    /// All that went with a MODSEQ above this are remembered.
    pub complete_after: u64,
    /// UIDs that were expunged, with the MODSEQ of their going, ascending by UID.
    pub gone: Vec<(u32, u64)>,
}

/// One round's result.
#[derive(Debug, Clone)]
pub struct FolderCommit {
    /// The version the round started from; 0 if nothing was stored.
    pub expected_version: u64,
    /// The new head; its version must be `expected_version + 1`.
    pub head: FolderHead,
    /// Rows that are new or changed.
    pub upserts: Vec<MessageRecord>,
    /// UIDs that go, with the MODSEQ of their going.
    pub tombstones: Vec<(u32, u64)>,
    /// Forget all rows and tombstones first (new UIDVALIDITY).
    pub reset: bool,
    /// PidTagArticleNumNext, if it is known anew; a reset forgets it.
    pub next_article: Option<u32>,
    /// The run that begins.
    pub run: Option<Run>,
}

/// What has come so far of a round that takes several requests, kept so that a restart goes on instead of beginning anew.
/// Nobody sees it before the round is committed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StagedRound {
    /// The ICS state with which the round goes on.
    pub ics: Vec<u8>,
    /// The round started from nothing.
    pub complete: bool,
    /// The messages that were reported, without UIDs.
    pub messages: Vec<MessageRecord>,
}

/// An addition to a [`StagedRound`].
#[derive(Debug, Clone)]
pub struct Stage {
    /// The committed ICS state from which the round started.
    pub base: Vec<u8>,
    /// The messages that are staged already; with 0 what was staged before is forgotten.
    pub staged: u32,
    /// See [`StagedRound::ics`].
    pub ics: Vec<u8>,
    /// See [`StagedRound::complete`].
    pub complete: bool,
    /// Messages reported since.
    pub messages: Vec<MessageRecord>,
}

fn write_gid<S: Serializer>(gid: &Gid, serializer: S) -> Result<S::Ok, S::Error> {
    (gid.replica_guid.0, gid.counter.value()).serialize(serializer)
}

fn read_gid<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Gid, D::Error> {
    let (guid, counter) = <([u8; 16], u64)>::deserialize(deserializer)?;
    Ok(Gid { replica_guid: Guid(guid), counter: GlobalCounter::new(counter) })
}

fn write_keywords<S: Serializer>(keywords: &Keywords, serializer: S) -> Result<S::Ok, S::Error> {
    // Formats without marks need the length first.
    keywords.iter().collect::<Vec<_>>().serialize(serializer)
}

fn read_keywords<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Keywords, D::Error> {
    Ok(Vec::<String>::deserialize(deserializer)?.into_iter().collect())
}
