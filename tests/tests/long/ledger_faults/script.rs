use gateway::ledger::{FolderCommit, FolderHead, MessageRecord, RenderingRecord, Run, Stage};
use mapi_core::id::{Gid, GlobalCounter, Guid};

/// The mailbox.
pub const MAILBOX: Guid = Guid([7; 16]);

/// One thing that is done with a ledger.
#[derive(Debug, Clone)]
pub enum Step {
    /// A commit to the folder with this number.
    Commit(u64, FolderCommit),
    /// A part of a round is staged.
    Stage(u64, Stage),
    /// The file is closed for a while.
    Idle,
    /// The gateway is started again.
    Restart,
}

/// The folder with this number.
pub fn folder(number: u64) -> Gid {
    Gid { replica_guid: Guid([9; 16]), counter: GlobalCounter::new(number) }
}

/// A message as it is in the folder's version.
pub fn record(uid: u32, version: u64) -> MessageRecord {
    MessageRecord {
        uid,
        gid: folder(1_000_000 + u64::from(uid)),
        modseq: version,
        server_flags: u8::try_from(version % 4).unwrap_or(0),
        overlay_set: 0,
        overlay_cleared: 0,
        keywords: ["Work"].into_iter().collect(),
        internal_date: 1_700_000_000 + i64::from(uid),
        rendering: (!uid.is_multiple_of(3))
            .then_some(RenderingRecord { size: uid, digest: [u8::try_from(uid % 251).unwrap_or(0); 32] }),
        changed_at: version,
        suspect: false,
        state: None,
    }
}

/// A commit that makes this version of a folder: messages that are new or changed, and some that go.
pub fn commit(version: u64, changed: std::ops::Range<u32>, gone: &[u32]) -> FolderCommit {
    let head = FolderHead {
        version,
        uid_validity: 5,
        uid_next: 10_000,
        uid_ceiling: 12_000,
        highest_modseq: version,
        ics: version.to_le_bytes().to_vec(),
    };
    FolderCommit {
        expected_version: version - 1,
        head,
        upserts: changed.map(|uid| record(uid, version)).collect(),
        tombstones: gone.iter().map(|uid| (*uid, version)).collect(),
        reset: false,
        next_article: Some(7),
        run: (version == 1).then_some(Run { number: 3, ..Run::default() }),
    }
}

/// What a ledger goes through in a day, in short.
pub fn day() -> Vec<Step> {
    let base = |version: u64| version.to_le_bytes().to_vec();
    let stage = |version, uid, staged| Stage {
        base: base(version),
        staged,
        ics: vec![1],
        complete: false,
        messages: vec![record(uid, version)],
    };
    vec![
        Step::Commit(1, commit(1, 1..60, &[])),
        Step::Commit(2, commit(1, 1..5, &[])),
        Step::Commit(1, commit(2, 10..20, &[3, 4])),
        Step::Stage(1, stage(2, 60, 0)),
        Step::Stage(1, stage(2, 61, 1)),
        Step::Idle,
        Step::Commit(1, commit(3, 60..62, &[])),
        Step::Restart,
        Step::Commit(2, commit(2, 5..40, &[1])),
        Step::Commit(1, commit(4, 62..64, &[5])),
    ]
}
