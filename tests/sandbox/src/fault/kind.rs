use std::time::Duration;

use mapi_core::ErrorCode;

/// How a request fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// It is not processed; the connection is closed without an answer.
    CloseBefore,
    /// It is processed; the connection is closed without an answer.
    CloseAfter,
    /// It is processed; the connection is closed in the middle of the answer.
    CutAnswer,
    /// It is not processed; an HTTP status such as 503 or 429, with Retry-After if given, answers it.
    HttpStatus {
        /// The status.
        status: u16,
        /// Retry-After in whole seconds.
        retry_after: Option<Duration>,
    },
    /// It is not processed: its session context is gone, which the answer says. A Connect goes through.
    LoseContextBefore,
    /// It is processed and answered; then its session context is gone.
    LoseContextAfter,
    /// It is not processed and gets no answer for as long as the client waits.
    HangBefore {
        /// PROCESSING and PENDING come all the while.
        keep_alives: bool,
    },
    /// It is processed and gets no answer for as long as the client waits.
    HangAfter {
        /// PROCESSING and PENDING come all the while.
        keep_alives: bool,
    },
    /// An Execute is not processed; RopBackoff answers it. Other requests go through.
    Backoff(Duration),
    /// An Execute is not processed; this ErrorCode answers it. Other requests go through.
    Fail(ErrorCode),
    /// It is not processed; this StatusCode answers it, over HTTP 200 and X-ResponseCode 0. PING, whose answer has none, goes
    /// through. [`FaultKind::BUSY`] is one.
    Status(u32),
    /// An Execute is processed, but RopLogon in it returns this: `ecServerPaused` 0x47F, for one, of a server that had too
    /// many logons to a mailbox in a short time ([MS-OXCSTOR] R3103). Other requests go through.
    RefuseLogon(ErrorCode),
}

impl FaultKind {
    /// A server that is too busy says so by StatusCode 0x6BB, `RPC_S_SERVER_TOO_BUSY` ([MS-OXCROPS] R4543).
    pub const BUSY: Self = Self::Status(0x6BB);

    /// One of each way that a single request may fail, for sweeps over every request of a scenario. Those that hang are
    /// among them without keep-alives: how long they take is up to the client's patience.
    pub const SWEEP: [Self; 10] = [
        Self::CloseBefore,
        Self::CloseAfter,
        Self::CutAnswer,
        Self::HttpStatus { status: 503, retry_after: None },
        Self::LoseContextBefore,
        Self::LoseContextAfter,
        Self::HangBefore { keep_alives: false },
        Self::HangAfter { keep_alives: false },
        Self::Backoff(Duration::from_millis(20)),
        Self::BUSY,
    ];

    /// Whether the request has its effects although it fails.
    pub fn is_processed(self) -> bool {
        matches!(self, Self::CloseAfter | Self::CutAnswer | Self::LoseContextAfter | Self::HangAfter { .. })
    }
}
