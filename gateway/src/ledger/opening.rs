use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use mapi_core::id::{Gid, Guid};

use super::{Epoch, EpochEntry, FolderHead, Reached, Run};

/// The time for which a ledger's storage is open: what was proved of it, and what was written since, so that everybody who
/// works with the same ledger knows.
#[derive(Debug)]
pub struct Opening {
    instance: Guid,
    doubts: u32,
    /// Stands in the storage too, so that it is known again when it was closed for a while.
    token: u32,
    folders: Mutex<HashMap<Gid, Known>>,
}

/// What is known of a folder in an opening.
#[derive(Debug, Clone, Copy, Default)]
struct Known {
    /// The version that is known to be durable.
    version: u64,
    /// The run that was begun.
    begun: Option<u32>,
    /// What stands in the ledger and in the epoch.
    confirmed: Option<EpochEntry>,
}

/// How a ledger's records of a folder stand to what was ever told of the folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// They are the newest ones.
    Current,
    /// They may be older: a copy that was restored, or what a crash left. (The two look alike: a copy of a running gateway's
    /// files is what a crash at that moment would have left.) A run that they know nothing of may have come as far as this.
    Behind(Reached),
    /// They are of a time before the folder was begun anew with the UIDVALIDITY that it had last.
    Superseded,
}

impl Opening {
    /// The opening of the ledger `instance`, which was opened `doubts` times without having been closed in order before.
    /// `token` is to be another one for each opening.
    pub fn new(instance: Guid, doubts: u32, token: u32) -> Self {
        Self { instance, doubts, token, folders: Mutex::default() }
    }

    /// The random id of the ledger instance, made when it was created. Another ledger, or this one recreated, has another.
    pub fn instance(&self) -> Guid {
        self.instance
    }

    /// What tells this opening from others.
    pub(super) fn token(&self) -> u32 {
        self.token
    }

    /// This version of a folder is durable; 0 if the folder was forgotten.
    pub(super) fn saw(&self, folder: Gid, version: u64) {
        self.folders().entry(folder).or_default().version = version;
    }

    /// The durable versions of folders, as far as they are known.
    pub(super) fn versions(&self) -> Vec<(Gid, u64)> {
        let folders = self.folders();
        folders.iter().filter(|(_, known)| known.version > 0).map(|(folder, known)| (*folder, known.version)).collect()
    }

    /// How often the ledger, since it was made, was opened without having been closed in order before, this opening
    /// included. Runs that began before the last time may have gone on beyond what the ledger has of them.
    pub fn doubts(&self) -> u32 {
        self.doubts
    }

    /// Judges what the ledger holds of a folder by what its epoch remembers.
    pub fn judge(&self, folder: &Gid, (head, run): (&FolderHead, &Run), epoch: &Epoch) -> Standing {
        if self.begun(folder) == Some(run.number) {
            return Standing::Current;
        }
        let reached = epoch.reached(self.instance);
        // A run that is the last one, and was not cut off.
        let whole = run.doubts == self.doubts;
        let current = match epoch.entry(self.instance) {
            Some(entry) if entry.uid_validity > head.uid_validity => return Standing::Superseded,
            Some(entry) => {
                let known = (head.uid_validity, head.uid_ceiling, run.number);
                whole && (entry.uid_validity, entry.ceiling, entry.run) == known
            }
            // Other ledgers may have pushed it out.
            None if reached != Reached::default() => false,
            // Neither has anything: no run ever began, for it would have been noted before its first UID was used.
            None if run.number == 0 && head.uid_ceiling <= 1 => true,
            // Nothing can be proved where the user may not write.
            None => whole,
        };
        if current { Standing::Current } else { Standing::Behind(reached) }
    }

    /// The run of a folder that was begun in this opening.
    pub fn begun(&self, folder: &Gid) -> Option<u32> {
        self.folders().get(folder).and_then(|known| known.begun)
    }

    /// A run was begun: it stands in the ledger.
    pub fn begin(&self, folder: Gid, run: u32) {
        self.folders().entry(folder).or_default().begun = Some(run);
    }

    /// What stands both in the ledger and in the epoch, written in this opening.
    pub fn confirmed(&self, folder: &Gid) -> Option<EpochEntry> {
        self.folders().get(folder).and_then(|known| known.confirmed)
    }

    /// The epoch has what the ledger has.
    pub fn confirm(&self, folder: Gid, entry: EpochEntry) {
        self.folders().entry(folder).or_default().confirmed = Some(entry);
    }

    fn folders(&self) -> MutexGuard<'_, HashMap<Gid, Known>> {
        self.folders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use mapi_core::id::GlobalCounter;

    use super::*;

    const INSTANCE: Guid = Guid([1; 16]);

    fn gid() -> Gid {
        Gid { replica_guid: Guid([9; 16]), counter: GlobalCounter::new(1) }
    }

    fn head(uid_validity: u32, uid_ceiling: u32) -> FolderHead {
        FolderHead { version: 1, uid_validity, uid_next: 1, uid_ceiling, highest_modseq: 1, ics: Vec::new() }
    }

    fn run(number: u32, doubts: u32) -> Run {
        Run { number, doubts, ..Run::default() }
    }

    fn epoch(uid_validity: u32, ceiling: u32, run: u32) -> Epoch {
        let mut epoch = Epoch::default();
        epoch.set(EpochEntry { instance: INSTANCE, uid_validity, ceiling, run });
        epoch
    }

    fn judge(doubts: u32, head: &FolderHead, run: Run, epoch: &Epoch) -> Standing {
        Opening::new(INSTANCE, doubts, 0).judge(&gid(), (head, &run), epoch)
    }

    #[test]
    fn only_the_last_run_closed_in_order_is_current() {
        let noted = epoch(7, 2000, 3);
        let behind = Standing::Behind(Reached { run: 3, ceiling: 2000 });
        assert_eq!(judge(1, &head(7, 2000), run(3, 1), &noted), Standing::Current);
        assert_eq!(judge(2, &head(7, 2000), run(3, 1), &noted), behind, "cut off, or copied while it ran");
        assert_eq!(judge(1, &head(7, 2000), run(2, 1), &noted), behind, "copied before the last run");
        assert_eq!(judge(1, &head(7, 1000), run(3, 1), &noted), behind, "copied before the last block");
        assert_eq!(judge(1, &head(7, 2000), run(4, 1), &noted), behind, "killed before it was noted");
        assert_eq!(judge(1, &head(6, 2000), run(3, 1), &noted), Standing::Superseded);
        assert_eq!(judge(1, &head(8, 1), run(3, 1), &noted), behind, "begun anew, not yet noted");
    }

    #[test]
    fn a_run_of_this_opening_is_current_whatever_the_epoch_says() {
        let opening = Opening::new(INSTANCE, 5, 0);
        opening.begin(gid(), 4);
        let judged = opening.judge(&gid(), (&head(7, 2000), &run(4, 5)), &epoch(7, 2000, 3));
        assert_eq!(judged, Standing::Current, "it is just being noted by somebody else");
    }

    #[test]
    fn nothing_is_proved_by_an_epoch_that_can_not_be_written() {
        let empty = Epoch::default();
        assert_eq!(judge(3, &head(7, 1), run(0, 0), &empty), Standing::Current, "nothing was ever given out");
        assert_eq!(judge(1, &head(7, 2000), run(3, 1), &empty), Standing::Current);
        assert_eq!(judge(2, &head(7, 2000), run(3, 1), &empty), Standing::Behind(Reached::default()));
    }

    #[test]
    fn an_entry_that_others_pushed_out_may_have_been_of_this_ledger() {
        let mut full = epoch(7, 5000, 9);
        for n in 2..=9 {
            full.set(EpochEntry { instance: Guid([n; 16]), uid_validity: 50, ceiling: 1000, run: 1 });
        }
        let behind = Standing::Behind(Reached { run: 9, ceiling: 5000 });
        assert_eq!(judge(1, &head(7, 2000), run(3, 1), &full), behind);
        assert_eq!(judge(1, &head(7, 1), run(0, 0), &full), behind);
    }
}
