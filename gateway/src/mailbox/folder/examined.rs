use bytes::Bytes;
use mail_core::message::{Message, Outline};
use mail_core::work::pieces;
use sha2::{Digest, Sha256};

use crate::ledger::RenderingRecord;
use crate::line::error::UpstreamError;
use crate::share::Share;

/// Header blocks of more bytes are not kept apart from the message.
const OUTLINE_BYTES: usize = 16 << 10;

/// A rendering, and what was found in it.
pub(super) struct Examined {
    /// Its size and digest.
    pub record: RenderingRecord,
    /// All of it, and its structure.
    pub message: Message,
    /// What listings need of it, unless that is large.
    pub outline: Option<Outline>,
}

impl Examined {
    /// Looks at a rendering.
    ///
    /// # Errors
    /// [`UpstreamError::NoRoom`] and the like where a large one waits for its turn in vain.
    pub async fn of(bytes: Bytes, share: &Share) -> Result<Self, UpstreamError> {
        share.compute(bytes.len() as u64, move || Self::now(bytes)).await
    }

    fn now(bytes: Bytes) -> Self {
        let mut hash = Sha256::new();
        pieces(&bytes).for_each(|piece| hash.update(piece));
        let size = u32::try_from(bytes.len()).expect("renderings are bounded far below 4 GiB");
        let record = RenderingRecord { size, digest: hash.finalize().into() };
        let message = Message::new(bytes);
        let outline = Outline::of(message.root(), OUTLINE_BYTES);
        Self { record, message, outline }
    }
}
