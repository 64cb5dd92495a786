use mail_core::{MessageRow, Row};
use mapi_core::id::Gid;

use super::visible_flags::visible_flags;
use crate::ledger::{MessageRecord, RenderingRecord, StateMark};

/// What the gateway knows of a message beside what sessions see: where it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageSource {
    uid: u32,
    /// Its global id.
    pub gid: Gid,
    /// Its recorded rendering.
    pub rendering: Option<RenderingRecord>,
    /// Its bytes must be compared with the recorded rendering before they are served.
    pub suspect: bool,
    server_flags: u8,
    overlay_set: u8,
    overlay_cleared: u8,
    changed_at: u64,
    state: Option<StateMark>,
}

impl MessageSource {
    /// Whether it is to be rendered, or rendered again.
    pub fn is_unrendered(&self) -> bool {
        self.rendering.is_none() || self.suspect
    }
}

/// Counts those that are to be rendered.
impl Row for MessageSource {
    type Counts = u32;

    fn uid(&self) -> u32 {
        self.uid
    }

    fn counts(&self) -> u32 {
        u32::from(self.is_unrendered())
    }
}

/// What sessions see of a message, and the rest. A run that was lost may have shown the message with other flags, so whoever
/// asks what changed since then must be told of it: its MODSEQ is not below `modseq_floor`.
pub(super) fn split(record: MessageRecord, modseq_floor: u64) -> (MessageRow, MessageSource) {
    let row = MessageRow {
        uid: record.uid,
        flags: visible_flags(&record),
        modseq: record.modseq.max(modseq_floor),
        internal_date: record.internal_date,
        size: record.rendering.filter(|_| !record.suspect).map(|rendering| rendering.size),
        keywords: record.keywords,
    };
    let source = MessageSource {
        uid: record.uid,
        gid: record.gid,
        rendering: record.rendering,
        suspect: record.suspect,
        server_flags: record.server_flags,
        overlay_set: record.overlay_set,
        overlay_cleared: record.overlay_cleared,
        changed_at: record.changed_at,
        state: record.state,
    };
    (row, source)
}

/// The reverse of [`split`].
pub(super) fn join(row: &MessageRow, source: &MessageSource) -> MessageRecord {
    MessageRecord {
        uid: row.uid,
        gid: source.gid,
        modseq: row.modseq,
        server_flags: source.server_flags,
        overlay_set: source.overlay_set,
        overlay_cleared: source.overlay_cleared,
        keywords: row.keywords.clone(),
        internal_date: row.internal_date,
        rendering: source.rendering,
        changed_at: source.changed_at,
        suspect: source.suspect,
        state: source.state,
    }
}
