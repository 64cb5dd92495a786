//! What the user may do in a folder. Servers that leave something out do not say why: PartialCompletion is all they tell
//! ([MS-OXCFOLD] R991, R1147), so that the rights are read to explain it.

use mapi_core::ErrorCode;
use mapi_core::id::Gid;
use mapi_core::mailbox::Mailbox;
use mapi_core::property::{PropertyKey, tags};

use super::context::MailboxContext;
use crate::line::error::UpstreamError;
use crate::line::kind::Kind;
use crate::line::upstream::Lane;

/// A right in a folder ([MS-OXCPERM] 2.2.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Right {
    /// To put messages into it.
    Create,
    /// To delete messages in it, own ones at least.
    Delete,
}

impl Right {
    /// Bits of PidTagRights of which one is enough.
    fn bits(self) -> i32 {
        match self {
            Self::Create => 0x02,
            Self::Delete => 0x10 | 0x40,
        }
    }

    fn operation(self) -> &'static str {
        match self {
            Self::Create => "RopMoveCopyMessages",
            Self::Delete => "RopDeleteMessages",
        }
    }
}

/// Whether the user certainly lacks a right. Servers that don't tell the rights make nobody lack any.
///
/// # Errors
/// The upstream can't be asked.
pub(crate) async fn lacks(context: &MailboxContext, folder: Gid, right: Right) -> Result<bool, UpstreamError> {
    let read = |mailbox: Mailbox| async move {
        let folder = mailbox.resolve(folder).await?;
        mailbox.folder_properties(folder, &[PropertyKey::Tag(tags::PidTagRights)]).await
    };
    let bag = context.upstream.ask(Kind::ReadRights, Lane::Interactive, read).await?;
    Ok(bag.integer(tags::PidTagRights).is_some_and(|rights| rights & right.bits() == 0))
}

/// That a right is missing.
pub(crate) fn denied(right: Right) -> UpstreamError {
    UpstreamError::Refused { operation: right.operation().into(), code: ErrorCode::ACCESS_DENIED }
}
