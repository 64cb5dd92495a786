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
    PROFILE_NOT_CONFIGURED = 0x0000_011C, "ecProfileNotConfigured";
    UNKNOWN_USER = 0x0000_03EB, "ecUnknownUser";
    UNKNOWN_CODE_PAGE = 0x0000_03EF, "ecUnknownCodePage";
    LOGIN_PERM = 0x0000_03F2, "ecLoginPerm";
    PARAMETER_OVERFLOW = 0x0000_0450, "ecParameterOverflow";
    SEARCH_FOLDER = 0x0000_0460, "ecSearchFolder";
    NOT_SEARCH_FOLDER = 0x0000_0461, "ecNotSearchFolder";
    INVALID_RECIPS = 0x0000_0467, "ecInvalidRecips";
    WRONG_SERVER = 0x0000_0478, "ecWrongServer";
    BUFFER_TOO_SMALL = 0x0000_047D, "ecBufferTooSmall";
    SERVER_PAUSED = 0x0000_047F, "ecServerPaused";
    SERVER_BUSY = 0x0000_0480, "ecServerBusy";
    SEARCH_FOLDER_SCOPE_VIOLATION = 0x0000_0490, "ecSearchFolderScopeViolation";
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
    MAILBOX_IN_TRANSIT = 0x0000_050C, "ecMailboxInTransit";
    SERVER_TOO_BUSY = 0x0000_06BB, "RPC_S_SERVER_TOO_BUSY";
    PROTOCOL_DISABLED = 0x0000_07D8, "ecProtocolDisabled";
    WAIT_REJECTED = 0x0000_07EE, "ecNotificationWaitRejected";
    MAILBOX_DISABLED = 0x0000_096C, "ecMailboxDisabled";
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
    NOT_ENOUGH_DISK = 0x8004_010D, "MAPI_E_NOT_ENOUGH_DISK";
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
    STORE_FULL = 0x8004_060C, "MAPI_E_STORE_FULL";
    NP_QUOTA_EXCEEDED = 0x8004_0900, "ecNPQuotaExceeded";
    NOT_IMPLEMENTED = 0x8004_0FFF, "ecNotImplemented";
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

impl ErrorCode {
    /// Whether the server only wants to be asked later; nothing ran. 0x6BB comes instead of RopBackoff ([MS-OXCROPS]
    /// 3.2.5.2), ecServerPaused to those who log on too often to mailboxes of other servers ([MS-OXCSTOR] 3.2.5.1.3).
    pub fn is_busy(self) -> bool {
        matches!(self, Self::SERVER_BUSY | Self::SERVER_PAUSED | Self::SERVER_TOO_BUSY)
    }

    /// Whether the server has no room for another session or object now, or lost touch with its store, whatever was asked
    /// for. ecLoginFailure is what those get whose sessions are used up; a wrong password is HTTP's 401.
    pub fn is_out_of_resources(self) -> bool {
        matches!(
            self,
            Self::LOGIN_FAILURE
                | Self::MAX_OBJECTS_EXCEEDED
                | Self::RPC_FAILED
                | Self::INSUFFICIENT_RESOURCES
                | Self::NOT_ENOUGH_MEMORY
        )
    }

    /// Whether the mailbox, or what it lies on, is full.
    pub fn is_over_quota(self) -> bool {
        matches!(
            self,
            Self::STORE_FULL
                | Self::QUOTA_EXCEEDED
                | Self::SHUTOFF_QUOTA_EXCEEDED
                | Self::NP_QUOTA_EXCEEDED
                | Self::NOT_ENOUGH_DISK
        )
    }

    /// Whether a message, or one of its values, is larger than the server takes.
    pub fn is_too_large(self) -> bool {
        matches!(
            self,
            Self::MAX_SUBMISSION_EXCEEDED | Self::MAX_ATTACHMENT_EXCEEDED | Self::TOO_BIG | Self::STREAM_SIZE
        )
    }

    /// Whether the object asked for is not there (any more).
    pub fn is_gone(self) -> bool {
        matches!(self, Self::NOT_FOUND | Self::OBJECT_DELETED)
    }

    /// Whether the user may not do this.
    pub fn is_denied(self) -> bool {
        matches!(
            self,
            Self::ACCESS_DENIED
                | Self::LOGIN_PERM
                | Self::NO_CREATE_RIGHT
                | Self::NO_CREATE_SUBFOLDER_RIGHT
                | Self::STREAM_ACCESS_DENIED
        )
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_named_and_sorted_by_what_helps() {
        assert_eq!(ErrorCode(0x8004_060C).to_string(), "MAPI_E_STORE_FULL (0x8004060C)");
        assert_eq!(ErrorCode(0x505).to_string(), "ecTooManyRecips (0x00000505)");
        for code in [0x450, 0x461, 0x47D, 0x47F, 0x490, 0x4B9, 0x6BB, 0x8004_0605, 0x8004_0FFF] {
            assert!(ErrorCode(code).name().is_some(), "{code:#X}");
        }
        let codes = [ErrorCode::STORE_FULL, ErrorCode::SERVER_PAUSED, ErrorCode::TOO_BIG, ErrorCode::NONE];
        let sorted = codes.map(|code| (code.is_over_quota(), code.is_busy(), code.is_too_large()));
        assert_eq!(sorted, [(true, false, false), (false, true, false), (false, false, true), (false, false, false)]);
    }
}
