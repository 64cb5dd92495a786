//! How large a mailbox may grow ([MS-OXCSTOR] 2.2.2.1). The limits are properties of the store, in KiB.

use mapi_core::ErrorCode;
use mapi_core::property::tags::{
    PidTagMaxSubmitMessageSize, PidTagProhibitReceiveQuota, PidTagProhibitSendQuota, PidTagStorageQuotaLimit,
};
use mapi_core::property::{PropertyTag, PropertyValue};

use super::{Mailbox, StoreResult};

/// `MAPI_E_STORE_FULL`: what some servers answer to a change in a mailbox without room.
pub const STORE_FULL: ErrorCode = ErrorCode(0x8004_060C);

/// The limits of a mailbox in KiB; `None` is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Quota {
    /// The owner is warned (PidTagStorageQuotaLimit); nothing else happens.
    pub warn: Option<u32>,
    /// Nothing is sent any more (PidTagProhibitSendQuota).
    pub send: Option<u32>,
    /// Nothing is received, created or copied any more (PidTagProhibitReceiveQuota).
    pub receive: Option<u32>,
    /// Larger messages are not sent (PidTagMaxSubmitMessageSize).
    pub submit: Option<u32>,
}

impl Mailbox {
    /// Sets the limits.
    pub fn set_quota(&mut self, quota: Quota) {
        let limits = [
            (PidTagStorageQuotaLimit, quota.warn),
            (PidTagProhibitSendQuota, quota.send),
            (PidTagProhibitReceiveQuota, quota.receive),
            (PidTagMaxSubmitMessageSize, quota.submit),
        ];
        for (tag, limit) in limits {
            match limit {
                Some(kib) => drop(self.properties_mut().set(tag, PropertyValue::Integer32(kib.cast_signed()))),
                None => drop(self.properties_mut().remove(&tag.into())),
            }
        }
    }

    /// Bytes of all messages that are not deleted.
    pub fn size(&self) -> u64 {
        self.folders().map(|folder| self.folder_size(folder).unsigned_abs()).sum()
    }

    /// Whether a message of `size` bytes may be sent.
    ///
    /// # Errors
    /// `ecQuotaExceeded`, `ecMaxSubmissionExceeded`.
    pub fn may_send(&self, size: u32) -> StoreResult<()> {
        let largest = self.properties().integer(PidTagMaxSubmitMessageSize);
        if largest.is_some_and(|kib| u64::from(size) > u64::from(kib.cast_unsigned()) * 1024) {
            return Err(ErrorCode::MAX_SUBMISSION_EXCEEDED);
        }
        self.room(PidTagProhibitSendQuota, 0)
    }

    /// Whether a new message of `size` bytes may come in.
    ///
    /// # Errors
    /// `ecQuotaExceeded`.
    pub fn may_receive(&self, size: u32) -> StoreResult<()> {
        self.room(PidTagProhibitReceiveQuota, size)
    }

    /// Whether a message that is there may be changed.
    ///
    /// # Errors
    /// [`STORE_FULL`], on servers that refuse it in a mailbox without room.
    pub fn may_change(&self) -> StoreResult<()> {
        let full = self.manners().full_refuses_changes && self.room_left() == Some(0);
        if full { Err(STORE_FULL) } else { Ok(()) }
    }

    /// Bytes that the mailbox may still grow by; `None`: any number.
    pub fn room_left(&self) -> Option<u64> {
        let kib = self.properties().integer(PidTagProhibitReceiveQuota)?;
        Some((u64::from(kib.cast_unsigned()) * 1024).saturating_sub(self.size()))
    }

    fn room(&self, tag: PropertyTag, more: u32) -> StoreResult<()> {
        let Some(kib) = self.properties().integer(tag) else { return Ok(()) };
        let limit = u64::from(kib.cast_unsigned()) * 1024;
        if self.size() + u64::from(more) > limit { Err(ErrorCode::QUOTA_EXCEEDED) } else { Ok(()) }
    }
}
