//! What holds after any sequence of rounds, renderings, overlays and restorations.

use std::collections::{BTreeMap, HashMap, HashSet};

use mail_core::{FlagChange, FlagChangeMode, Keywords};
use mapi_core::id::{GlobalCounter, Guid, ReplicaGuidSet};
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::ledger::StateMark;

#[derive(Debug, Clone)]
enum Deed {
    Round {
        changed: Vec<(u64, bool)>,
        deleted: Vec<u64>,
        read: Vec<u64>,
        complete: bool,
    },
    /// UIDs, counted from the end of the rows, with the content that the rendering is of.
    Record {
        offers: Vec<(usize, u8)>,
        fresh: bool,
    },
    Delete(u32),
    /// The gateway sets a flag of a message. Somebody may edit that before, of which no round told, and after.
    Flag {
        counter: u64,
        edited_before: bool,
        edited_after: bool,
    },
    /// The state of so many deeds ago is restored.
    Restore(usize),
}

fn deeds() -> impl Strategy<Value = Deed> {
    let counter = || 1..12u64;
    prop_oneof![
        4 => (vec((counter(), any::<bool>()), 0..6), vec(counter(), 0..3), vec(counter(), 0..3), prop::bool::weighted(0.1))
            .prop_map(|(changed, deleted, read, complete)| Deed::Round { changed, deleted, read, complete }),
        4 => (vec((0..8usize, 0..3u8), 1..6), any::<bool>()).prop_map(|(offers, fresh)| Deed::Record { offers, fresh }),
        1 => (1..12u32).prop_map(Deed::Delete),
        3 => (counter(), prop::bool::weighted(0.3), prop::bool::weighted(0.3))
            .prop_map(|(counter, edited_before, edited_after)| Deed::Flag { counter, edited_before, edited_after }),
        1 => (0..6usize).prop_map(Deed::Restore),
    ]
}

fn gid(counter: u64) -> Gid {
    Gid { replica_guid: Guid([9; 16]), counter: GlobalCounter::new(counter) }
}

/// The messages as the server has them.
#[derive(Default)]
struct Server(BTreeMap<u64, Kept>);

#[derive(Default, Clone, Copy)]
struct Kept {
    content: u8,
    changes: u64,
}

impl Kept {
    fn state(self) -> StateMark {
        StateMark::of(&self.changes.to_be_bytes()).expect("eight bytes")
    }

    fn rendering(self) -> RenderingRecord {
        RenderingRecord { size: 1, digest: [self.content; 32] }
    }
}

impl Server {
    fn get(&self, counter: u64) -> Kept {
        self.0.get(&counter).copied().unwrap_or_default()
    }

    /// Somebody saves a message, which may add something to its content.
    fn save(&mut self, counter: u64, more: u8) {
        let kept = self.0.entry(counter).or_default();
        kept.content = kept.content.wrapping_add(more);
        kept.changes += 1;
    }

    fn reported(&self, counter: u64, flags: FlagSet) -> RemoteMessage {
        let state = Some(self.get(counter).state());
        RemoteMessage { gid: gid(counter), flags, keywords: Keywords::EMPTY, internal_date: 0, state }
    }

    fn plain(&self, counter: &u64) -> RemoteMessage {
        self.reported(*counter, FlagSet::EMPTY)
    }
}

fn set(counters: &[u64]) -> ReplicaGuidSet {
    let mut set = ReplicaGuidSet::new();
    counters.iter().for_each(|counter| set.insert(gid(*counter)));
    set
}

/// Everything that was ever told.
#[derive(Default)]
struct Told {
    gids: BTreeMap<u32, Gid>,
    digests: BTreeMap<u32, [u8; 32]>,
    modseq: u64,
    runs: u32,
}

impl Told {
    fn check(&mut self, state: &FolderState, server: &Server) -> Result<(), TestCaseError> {
        let gids: HashSet<Gid> = state.rows().iter().map(|row| row.gid).collect();
        prop_assert_eq!(gids.len(), state.rows().len(), "one message, two UIDs");
        prop_assert!(state.rows().is_sorted_by(|a, b| a.uid < b.uid));
        prop_assert!(state.rows().iter().all(|row| state.uid_of(&row.gid) == Some(row.uid)));
        let snapshot = state.view().snapshot;
        prop_assert!(snapshot.highest_modseq() >= self.modseq, "MODSEQ goes back");
        self.modseq = snapshot.highest_modseq();
        let highest = self.gids.keys().next_back().copied().unwrap_or(0);
        for row in state.rows() {
            prop_assert!(row.uid < snapshot.uid_next());
            let known = self.gids.get(&row.uid);
            prop_assert!(known.is_some_and(|gid| *gid == row.gid) || row.uid > highest, "UID given twice");
            self.gids.insert(row.uid, row.gid);
            let kept = server.get(row.gid.counter.value());
            if row.state == Some(kept.state()) && !row.suspect && row.rendering.is_some() {
                prop_assert_eq!(row.rendering, Some(kept.rendering()), "other content is trusted");
            }
            if let Some(rendering) = row.rendering {
                let first = *self.digests.entry(row.uid).or_insert(rendering.digest);
                prop_assert_eq!(first, rendering.digest, "other bytes for a UID");
            }
        }
        Ok(())
    }
}

proptest! {
    #[test]
    fn no_message_has_two_uids_and_nothing_goes_back(deeds in vec(deeds(), 1..40)) {
        let mut state = FolderState::new(1);
        let mut told = Told::default();
        let mut former = vec![state.clone()];
        let mut server = Server::default();
        for deed in deeds {
            match deed {
                Deed::Round { changed, deleted, read, complete } => {
                    // Who changes a message may change its content.
                    changed.iter().for_each(|(counter, edit)| server.save(*counter, u8::from(*edit)));
                    let message = |(counter, flag): &(u64, bool)| {
                        server.reported(*counter, if *flag { FlagSet::FLAGGED } else { FlagSet::EMPTY })
                    };
                    let delta = Delta {
                        changed: changed.iter().map(message).collect(),
                        deleted: set(&deleted),
                        read: set(&read),
                        complete,
                        ics: vec![state.head().version as u8],
                        ..Delta::default()
                    };
                    state.round(&delta).into_iter().for_each(|commit| state.absorb(commit));
                }
                Deed::Record { offers, fresh } => {
                    let version = if fresh { state.head().version } else { state.head().version.saturating_sub(3) };
                    let mut edited = Vec::new();
                    let mut offer = |(at, n): &(usize, u8)| {
                        let row = state.rows().into_iter().rev().nth(*at)?;
                        let counter = row.gid.counter.value();
                        // Downloads race with changes that no round has reported yet.
                        if *n > 0 {
                            server.save(counter, *n);
                            edited.push(counter);
                        }
                        let rendering = server.get(counter).rendering();
                        Some(OfferedRendering { uid: row.uid, gid: row.gid, version, rendering })
                    };
                    let offers: Vec<_> = offers.iter().filter_map(&mut offer).collect();
                    if offers.iter().any(|offer| state.may_have_been_served_otherwise(offer.uid)) {
                        let delta = Delta { changed: edited.iter().map(|counter| server.plain(counter)).collect(), ..Delta::default() };
                        state.round(&delta).into_iter().for_each(|commit| state.absorb(commit));
                    }
                    let (commit, verdicts) = state.record_renderings(&offers);
                    commit.into_iter().for_each(|commit| state.absorb(commit));
                    for (offer, verdict) in offers.iter().zip(verdicts) {
                        if verdict == RenderingVerdict::Same {
                            let recorded = state.row(offer.uid).and_then(|row| row.rendering);
                            prop_assert_eq!(recorded, Some(offer.rendering), "served, but not recorded");
                        }
                    }
                }
                Deed::Delete(uid) => {
                    let flags = FlagChange { mode: FlagChangeMode::Add, flags: FlagSet::DELETED, keywords: Keywords::EMPTY };
                    state.store_overlay(&[uid], &flags).into_iter().for_each(|commit| state.absorb(commit));
                }
                Deed::Flag { counter, edited_before, edited_after } => {
                    if edited_before {
                        server.save(counter, 1);
                    }
                    let before = server.get(counter).state();
                    server.save(counter, 0);
                    let own = HashMap::from([(gid(counter), OwnChange { before, after: server.get(counter).state() })]);
                    if edited_after {
                        server.save(counter, 1);
                    }
                    let changed = vec![server.reported(counter, FlagSet::FLAGGED)];
                    let ics = vec![state.head().version as u8];
                    let delta = Delta { changed, own, ics, ..Delta::default() };
                    state.round(&delta).into_iter().for_each(|commit| state.absorb(commit));
                }
                Deed::Restore(ago) => {
                    let ceiling = state.head().uid_next.max(state.run().uid_floor);
                    state = former[former.len().saturating_sub(ago + 1)].clone();
                    told.runs += 1;
                    let modseq_floor = u64::from(told.runs) << 32;
                    let uid_floor = ceiling.max(state.head().uid_next).max(state.run().uid_floor);
                    let run = Run { number: told.runs, doubts: 0, uid_floor, modseq_floor };
                    state.begin_run(run, uid_floor + 1000).into_iter().for_each(|commit| state.absorb(commit));
                    // Everything that happened since the copy is reported again.
                    let changed = server.0.keys().filter(|counter| state.uid_of(&gid(**counter)).is_some());
                    let delta = Delta { changed: changed.map(|counter| server.plain(counter)).collect(), ics: vec![0], ..Delta::default() };
                    state.round(&delta).into_iter().for_each(|commit| state.absorb(commit));
                }
            }
            told.check(&state, &server)?;
            former.push(state.clone());
        }
    }
}
