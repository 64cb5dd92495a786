use bytes::Bytes;
use mail_core::FlagChange;
use mail_core::message::Section;
use secrecy::SecretString;

use super::append_message::AppendMessage;
use super::event_group::EventGroup;
use super::message_set::MessageSet;
use super::metadata_request::MetadataRequest;
use super::order::Order;
use super::partial_range::PartialRange;
use super::search::SearchRequest;
use super::sequence::SequenceSet;
pub use super::status_item::StatusItem;

/// A command with its tag.
#[derive(Debug)]
pub struct Tagged {
    /// Its tag.
    pub tag: String,
    /// The command.
    pub request: Request,
}

/// A command, independent of the library that parsed it. Mailbox names are in Unicode, `INBOX` in upper case.
#[allow(missing_docs, reason = "the names are those of RFC 3501 6 and RFC 9051 6")]
#[derive(Debug)]
pub enum Request {
    Capability,
    Noop,
    Logout,
    StartTls,
    /// COMPRESS DEFLATE (RFC 4978).
    Compress,
    Id(Vec<(String, Option<String>)>),
    Login {
        user: String,
        password: SecretString,
    },
    /// `initial` is the initial response as it came, in base64 (RFC 4959).
    Authenticate {
        mechanism: String,
        initial: Option<SecretString>,
    },
    Namespace,
    List(ListRequest),
    Lsub {
        reference: String,
        pattern: String,
    },
    Status {
        mailbox: String,
        items: Vec<StatusItem>,
    },
    /// Names of extensions in upper case (RFC 5161).
    Enable(Vec<String>),
    /// SELECT, or EXAMINE if `read_only`.
    Select {
        mailbox: String,
        read_only: bool,
        parameters: SelectParameters,
    },
    Unselect,
    Close,
    Check,
    /// EXPUNGE, or UID EXPUNGE (RFC 4315) of a set.
    Expunge {
        uids: Option<MessageSet>,
    },
    Fetch {
        set: MessageSet,
        uid: bool,
        items: Vec<FetchItem>,
        modifiers: FetchModifiers,
    },
    Store {
        set: MessageSet,
        uid: bool,
        silent: bool,
        change: FlagChange,
        /// UNCHANGEDSINCE (RFC 7162 3.1.3).
        unchanged_since: Option<u64>,
    },
    /// SEARCH, SORT (RFC 5256) or THREAD (RFC 5256), and what is to be shown of messages that come to what is found (RFC 5465 7).
    Search(Box<SearchRequest>, Vec<FetchItem>),
    /// RFC 5267 4.3.5, with the tags of the searches.
    CancelUpdate(Vec<String>),
    /// RFC 10022: batches of so many messages; the first and the last that is wanted, or all.
    UidBatches {
        size: u32,
        batches: Option<(u32, u32)>,
    },
    /// COPY, or MOVE (RFC 6851) if `remove`.
    Copy {
        set: MessageSet,
        uid: bool,
        mailbox: String,
        remove: bool,
    },
    Append {
        mailbox: String,
        messages: Vec<AppendMessage>,
    },
    /// REPLACE (RFC 8508) of a message, the last one without a number.
    Replace {
        number: Option<u32>,
        uid: bool,
        mailbox: String,
        message: Box<AppendMessage>,
    },
    /// CREATE, for special uses (RFC 6154 3) if any are named, in upper case without `\\`.
    Create {
        mailbox: String,
        uses: Vec<String>,
    },
    Delete(String),
    Rename {
        from: String,
        to: String,
    },
    /// SUBSCRIBE, or UNSUBSCRIBE.
    Subscribe {
        mailbox: String,
        subscribed: bool,
    },
    /// GETQUOTA of a root (RFC 9208).
    GetQuota(String),
    /// GETQUOTAROOT of a mailbox (RFC 9208).
    GetQuotaRoot(String),
    /// SETQUOTA of a root, whatever it is to be (RFC 9208).
    SetQuota(String),
    /// GETMETADATA (RFC 5464).
    GetMetadata(MetadataRequest),
    /// SETMETADATA of a mailbox, or the server if that is empty (RFC 5464): names in lower case, and values.
    SetMetadata {
        mailbox: String,
        entries: Vec<(String, Option<Bytes>)>,
    },
    /// NOTIFY SET, or NONE (RFC 5465 3.1).
    Notify(Option<Box<NotifyRequest>>),
    Idle,
}

impl Request {
    /// The command's name, for logs and replies.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Capability => "CAPABILITY",
            Self::Noop => "NOOP",
            Self::Logout => "LOGOUT",
            Self::StartTls => "STARTTLS",
            Self::Compress => "COMPRESS",
            Self::Id(_) => "ID",
            Self::Login { .. } => "LOGIN",
            Self::Authenticate { .. } => "AUTHENTICATE",
            Self::Namespace => "NAMESPACE",
            Self::List(_) => "LIST",
            Self::Lsub { .. } => "LSUB",
            Self::Status { .. } => "STATUS",
            Self::Enable(_) => "ENABLE",
            Self::Select { read_only: false, .. } => "SELECT",
            Self::Select { .. } => "EXAMINE",
            Self::Unselect => "UNSELECT",
            Self::Close => "CLOSE",
            Self::Check => "CHECK",
            Self::Expunge { uids: None } => "EXPUNGE",
            Self::Expunge { .. } => "UID EXPUNGE",
            Self::Fetch { uid: false, .. } => "FETCH",
            Self::Fetch { .. } => "UID FETCH",
            Self::Store { uid: false, .. } => "STORE",
            Self::Store { .. } => "UID STORE",
            Self::Search(search, _) => match (&search.order, search.uid) {
                (Order::Mailbox, false) => "SEARCH",
                (Order::Mailbox, true) => "UID SEARCH",
                (Order::Sorted(_), false) => "SORT",
                (Order::Sorted(_), true) => "UID SORT",
                (Order::Threads(_), false) => "THREAD",
                (Order::Threads(_), true) => "UID THREAD",
            },
            Self::CancelUpdate(_) => "CANCELUPDATE",
            Self::UidBatches { .. } => "UIDBATCHES",
            Self::GetQuota(_) => "GETQUOTA",
            Self::GetQuotaRoot(_) => "GETQUOTAROOT",
            Self::SetQuota(_) => "SETQUOTA",
            Self::GetMetadata(_) => "GETMETADATA",
            Self::SetMetadata { .. } => "SETMETADATA",
            Self::Notify(_) => "NOTIFY",
            Self::Idle => "IDLE",
            Self::Copy { uid: false, remove: false, .. } => "COPY",
            Self::Copy { uid: true, remove: false, .. } => "UID COPY",
            Self::Copy { uid: false, .. } => "MOVE",
            Self::Copy { .. } => "UID MOVE",
            Self::Append { .. } => "APPEND",
            Self::Replace { uid: false, .. } => "REPLACE",
            Self::Replace { .. } => "UID REPLACE",
            Self::Create { .. } => "CREATE",
            Self::Delete(_) => "DELETE",
            Self::Rename { .. } => "RENAME",
            Self::Subscribe { subscribed: true, .. } => "SUBSCRIBE",
            Self::Subscribe { .. } => "UNSUBSCRIBE",
        }
    }
}

/// LIST with the extensions of RFC 5258, RFC 5819 and RFC 6154.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListRequest {
    /// The reference name.
    pub reference: String,
    /// The patterns, in Unicode.
    pub patterns: Vec<String>,
    /// Whether it is in the extended form.
    pub extended: bool,
    /// Only subscribed ones.
    pub select_subscribed: bool,
    /// Only ones with a special use.
    pub select_special_use: bool,
    /// Also parents of ones that match the selection.
    pub recursive_match: bool,
    /// Show `\Subscribed`.
    pub return_subscribed: bool,
    /// STATUS of each one, too (RFC 5819): the items of it that are known.
    pub return_status: Option<Vec<StatusItem>>,
}

/// What SELECT and EXAMINE are asked for beside the mailbox.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SelectParameters {
    /// CONDSTORE (RFC 7162 3.1.8).
    pub condstore: bool,
    /// QRESYNC (RFC 7162 3.2.5).
    pub known: Option<KnownState>,
}

/// What a client knows of a mailbox that it selects again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownState {
    /// The UIDVALIDITY of what it knows.
    pub uid_validity: u32,
    /// It knows of all changes up to this MODSEQ.
    pub modseq: u64,
    /// The messages it knows; all if absent.
    pub uids: Option<SequenceSet>,
    /// Message numbers, and the UIDs that these messages have for all it knows, both ascending.
    pub matches: Option<(SequenceSet, SequenceSet)>,
}

/// What NOTIFY SET asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NotifyRequest {
    /// The counts of the other mailboxes are to be told first.
    pub status: bool,
    /// Of the selected mailbox, if something of it is to be told.
    pub selected: Option<SelectedEvents>,
    /// Of the others.
    pub groups: Vec<EventGroup>,
    /// An event was named that is not known here.
    pub unsupported: bool,
}

/// What of the selected mailbox is to be told (RFC 5465 6.1).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SelectedEvents {
    /// Which messages went is to be told only where numbers may change.
    pub delayed: bool,
    /// FlagChange.
    pub flags: bool,
    /// What is to be told of new messages.
    pub items: Vec<FetchItem>,
}

/// Which of the messages FETCH is to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FetchModifiers {
    /// CHANGEDSINCE (RFC 7162 3.1.4.1): those with a higher MODSEQ.
    pub changed_since: Option<u64>,
    /// VANISHED (RFC 7162 3.2.6): tell which are gone, too.
    pub vanished: bool,
    /// PARTIAL (RFC 9394 3.3): only these of them.
    pub partial: Option<PartialRange>,
}

/// What FETCH can show.
#[allow(missing_docs, reason = "the names are those of RFC 3501 6.4.5")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FetchItem {
    Flags,
    Uid,
    InternalDate,
    /// RFC 7162 3.1.4.2
    ModSeq,
    Size,
    Envelope,
    /// `BODY` without a section: the structure without extension data.
    Body,
    BodyStructure,
    Rfc822,
    Rfc822Header,
    Rfc822Text,
    /// `BINARY[part]<partial>` (RFC 3516 4.2); without part numbers the message.
    Binary {
        part: Vec<u32>,
        /// First byte, and how many at most.
        partial: Option<(u32, u32)>,
        /// Whether `\\Seen` stays as it is.
        peek: bool,
    },
    /// `BINARY.SIZE[part]` (RFC 3516 4.2)
    BinarySize(Vec<u32>),
    /// RFC 8474 5.1
    EmailId,
    /// RFC 8474 5.2
    ThreadId,
    /// RFC 8970: only where it is at hand if `lazy`.
    Preview {
        lazy: bool,
    },
    /// `BODY[section]<partial>`
    Section {
        section: Section,
        /// First byte, and how many at most.
        partial: Option<(u32, u32)>,
        /// Whether `\Seen` stays as it is.
        peek: bool,
    },
}

impl FetchItem {
    /// Whether fetching it marks the message as seen.
    pub fn sets_seen(&self) -> bool {
        matches!(
            self,
            Self::Rfc822 | Self::Rfc822Text | Self::Section { peek: false, .. } | Self::Binary { peek: false, .. }
        )
    }
}
