use super::reducer::Draft;
use super::{Delta, FolderState};
use crate::ledger::{FolderCommit, FolderOverview, StoredFolder};

/// UIDNEXT of folders that were never read. Clients ask for it in all of a mailbox's folders, and to read each of them for that
/// would take hundreds of requests, where PidTagArticleNumNext, which the list of folders has, tells as much: it is higher
/// than the number of messages, and grows with each that comes. What was told holds: the first round gives UIDs that end below
/// what PidTagArticleNumNext is then.
impl FolderState {
    /// The commit that fixes UIDVALIDITY and UIDNEXT of a folder that was never read.
    pub fn foretell(uid_validity: u32, next_article: u32) -> FolderCommit {
        Self::new(uid_validity).foretelling(next_article)
    }

    /// The commit that fixes a higher UIDNEXT of a folder that was never read; nothing if it stands there already.
    pub fn foretell_more(stored: FolderOverview, next_article: u32) -> Option<FolderCommit> {
        let FolderOverview { head, next_article: before, run, .. } = stored;
        let is_new = before.is_none_or(|before| before < next_article);
        let state = Self::from_stored(StoredFolder { head, rows: Vec::new(), next_article: before, run });
        (is_new && !state.was_read()).then(|| state.foretelling(next_article))
    }

    fn foretelling(&self, next_article: u32) -> FolderCommit {
        let mut draft = Draft::new(self);
        let head = &mut draft.commit.head;
        head.uid_next = head.uid_next.max(next_article);
        draft.commit.next_article = Some(next_article);
        draft.commit
    }

    /// From which UID on the first round goes that finds so many messages, if UIDNEXT was told before. (PidTagArticleNumNext also
    /// grows when a message is saved again, so UIDNEXT may grow by more than messages came.)
    pub(super) fn first_foretold(&self, delta: &Delta, messages: usize) -> Option<u32> {
        let is_foretold = !self.was_read() && self.next_article.is_some() && self.run.uid_floor == 0;
        let first = delta.next_article?.checked_sub(u32::try_from(messages).ok()?)?;
        (is_foretold && self.gids().next().is_none() && first > 0).then_some(first)
    }
}

#[cfg(test)]
mod tests {
    use mail_core::{FlagSet, Keywords};
    use mapi_core::id::{Gid, GlobalCounter, Guid};

    use super::super::RemoteMessage;
    use super::*;

    fn round(messages: u64, next_article: Option<u32>) -> Delta {
        let message = |n| RemoteMessage {
            gid: Gid { replica_guid: Guid([1; 16]), counter: GlobalCounter::new(n) },
            flags: FlagSet::EMPTY,
            keywords: Keywords::EMPTY,
            internal_date: 0,
            state: None,
        };
        let changed = (1..=messages).map(message).collect();
        Delta { changed, complete: true, next_article, ics: vec![1], ..Delta::default() }
    }

    fn uids(delta: &Delta) -> (u32, Vec<u32>) {
        let mut state = FolderState::new(7);
        state.absorb(FolderState::foretell(7, 50));
        assert_eq!((state.head().uid_validity, state.head().uid_next, state.was_read()), (7, 50, false));
        state.absorb(state.round(delta).expect("a commit"));
        assert!(state.was_read());
        (state.head().uid_next, state.rows().iter().map(|row| row.uid).collect())
    }

    #[test]
    fn what_was_told_holds() {
        assert_eq!(uids(&round(3, Some(50))), (50, vec![47, 48, 49]), "nothing came since");
        assert_eq!(uids(&round(4, Some(51))), (51, vec![47, 48, 49, 50]), "one came");
        assert_eq!(uids(&round(2, Some(51))), (51, vec![49, 50]), "one came, two went");
        assert_eq!(uids(&round(49, Some(50))), (50, (1..50).collect()));
        // What can't be.
        assert_eq!(uids(&round(50, Some(50))).0, 100);
        assert_eq!(uids(&round(2, None)), (52, vec![50, 51]), "the server doesn't tell any more");
    }

    #[test]
    fn what_was_told_of_an_empty_folder_holds() {
        let mut state = FolderState::new(7);
        state.absorb(FolderState::foretell(7, 1));
        let stored = |state: &FolderState| FolderOverview {
            head: state.head().clone(),
            messages: 0,
            next_article: state.next_article,
            run: *state.run(),
        };
        assert!(FolderState::foretell_more(stored(&state), 1).is_none());
        state.absorb(FolderState::foretell_more(stored(&state), 5).expect("four came"));
        assert_eq!(state.head().uid_next, 5);
        state.absorb(state.round(&round(1, None)).expect("a commit"));
        assert_eq!((state.head().uid_next, state.rows().first().map(|row| row.uid)), (6, Some(5)));
        assert!(FolderState::foretell_more(stored(&state), 9).is_none(), "it was read");
    }

    #[test]
    fn without_it_uids_begin_with_one() {
        let state = FolderState::new(7);
        let commit = state.round(&round(3, Some(50))).expect("a commit");
        assert_eq!((commit.head.uid_next, commit.upserts.first().map(|row| row.uid)), (4, Some(1)));
    }
}
