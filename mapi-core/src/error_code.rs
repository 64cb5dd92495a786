use std::fmt;

/// A MAPI return value or error code ([MS-OXCDATA] 2.4).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct ErrorCode(pub u32);

macro_rules! error_codes {
    ($($constant:ident = $value:literal, $name:literal;)*) => {
        impl ErrorCode {
            $(#[doc = concat!("`", $name, "`, ", stringify!($value), ".")]
            pub const $constant: Self = Self($value);)*

            /// The name in the specifications, if this crate knows it.
            pub fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some($name),)*
                    _ => None,
                }
            }
        }
    };
}

error_codes! {
    NONE = 0x0000_0000, "ecNone";
    ERRORS_RETURNED = 0x0004_0380, "ecWarnWithErrors";
    WARN_CANCEL_MESSAGE = 0x0004_0580, "ecWarnCancelMessage";
    PARTIAL_COMPLETION = 0x0004_0680, "ecPartialCompletion";
    UNKNOWN_USER = 0x0000_03EB, "ecUnknownUser";
    UNKNOWN_CODE_PAGE = 0x0000_03EF, "ecUnknownCodePage";
    LOGIN_PERM = 0x0000_03F2, "ecLoginPerm";
    SEARCH_FOLDER = 0x0000_0460, "ecSearchFolder";
    NOT_SEARCH_FOLDER = 0x0000_0461, "ecNotSearchFolder";
    INVALID_RECIPS = 0x0000_0467, "ecInvalidRecips";
    WRONG_SERVER = 0x0000_0478, "ecWrongServer";
    BUFFER_TOO_SMALL = 0x0000_047D, "ecBufferTooSmall";
    SERVER_BUSY = 0x0000_0480, "ecServerBusy";
    RPC_FORMAT = 0x0000_04B6, "ecRpcFormat";
    NULL_OBJECT = 0x0000_04B9, "ecNullObject";
    MAX_OBJECTS_EXCEEDED = 0x0000_04D7, "ecMaxObjsExceeded";
    QUOTA_EXCEEDED = 0x0000_04D9, "ecQuotaExceeded";
    MAX_SUBMISSION_EXCEEDED = 0x0000_04DA, "ecMaxSubmissionExceeded";
    MAX_ATTACHMENT_EXCEEDED = 0x0000_04DB, "ecMaxAttachmentExceeded";
    SEND_AS_DENIED = 0x0000_04DC, "ecSendAsDenied";
    SHUTOFF_QUOTA_EXCEEDED = 0x0000_04DD, "ecShutoffQuotaExceeded";
    CLIENT_VERSION_DISALLOWED = 0x0000_04DF, "ecClientVerDisallowed";
    FORMAT = 0x0000_04ED, "ecFormat";
    NO_CREATE_RIGHT = 0x0000_04FF, "ecNoCreateRight";
    NO_CREATE_SUBFOLDER_RIGHT = 0x0000_0502, "ecNoCreateSubfolderRight";
    DST_NULL_OBJECT = 0x0000_0503, "ecDstNullObject";
    MSG_CYCLE = 0x0000_0504, "ecMsgCycle";
    TOO_MANY_RECIPS = 0x0000_0505, "ecTooManyRecips";
    PROTOCOL_DISABLED = 0x0000_07D8, "ecProtocolDisabled";
    WAIT_REJECTED = 0x0000_07EE, "ecNotificationWaitRejected";
    STREAM_ACCESS_DENIED = 0x8003_0005, "StreamAccessDenied";
    STREAM_SEEK = 0x8003_0019, "StreamSeekError";
    STREAM_INVALID_PARAM = 0x8003_0057, "StreamInvalidParam";
    STREAM_SIZE = 0x8003_0070, "StreamSizeError";
    ERROR = 0x8000_4005, "ecError";
    NOT_SUPPORTED = 0x8004_0102, "ecNotSupported";
    INVALID_ENTRY_ID = 0x8004_0107, "ecInvalidEntryId";
    INVALID_OBJECT = 0x8004_0108, "ecInvalidObject";
    OBJECT_MODIFIED = 0x8004_0109, "ecObjectModified";
    OBJECT_DELETED = 0x8004_010A, "ecObjectDeleted";
    INSUFFICIENT_RESOURCES = 0x8004_010E, "ecInsufficientResrc";
    NOT_FOUND = 0x8004_010F, "ecNotFound";
    VERSION_MISMATCH = 0x8004_0110, "ecVersionMismatch";
    LOGIN_FAILURE = 0x8004_0111, "ecLoginFailure";
    UNABLE_TO_ABORT = 0x8004_0114, "ecUnableToAbort";
    RPC_FAILED = 0x8004_0115, "ecRpcFailed";
    TOO_COMPLEX = 0x8004_0117, "ecTooComplex";
    COMPUTED = 0x8004_011A, "ecComputed";
    CORRUPT_DATA = 0x8004_011B, "ecCorruptData";
    TOO_BIG = 0x8004_0305, "ecTooBig";
    INVALID_BOOKMARK = 0x8004_0405, "ecInvalidBookmark";
    NOT_IN_QUEUE = 0x8004_0601, "ecNotInQueue";
    DUPLICATE_NAME = 0x8004_0604, "ecDuplicateName";
    NOT_INITIALIZED = 0x8004_0605, "ecNotInitialized";
    NO_RECIPIENTS = 0x8004_0607, "ecNoRecipients";
    ROOT_FOLDER = 0x8004_060B, "ecRootFolder";
    NP_QUOTA_EXCEEDED = 0x8004_0900, "ecNPQuotaExceeded";
    ACCESS_DENIED = 0x8007_0005, "ecAccessDenied";
    NOT_ENOUGH_MEMORY = 0x8007_000E, "ecMAPIOOM";
    INVALID_PARAM = 0x8007_0057, "ecInvalidParam";
}

impl ErrorCode {
    /// Whether the operation did what was asked: 0, or ErrorsReturned, which comes with data.
    pub fn is_success(self) -> bool {
        matches!(self, Self::NONE | Self::ERRORS_RETURNED)
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{name} ({:#010X})", self.0),
            None => write!(f, "{:#010X}", self.0),
        }
    }
}

impl fmt::Debug for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
