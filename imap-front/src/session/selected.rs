use std::collections::BTreeSet;
use std::sync::Arc;

use mail_core::{Change, FlagChange, FlagChangeMode, FlagSet, FolderKey, Keywords, MessageRow, RecentMark, Snapshot};

use super::contexts::{Coming, Contexts};
use super::enabled::Enabled;
use super::object_id::mailbox_id;
use super::recent::Recent;
use super::shows::Shows;
use super::view::View;
use crate::proto::request::StatusItem;
use crate::proto::response::{Output, is_keyword};
use crate::proto::sequence::{Ranges, format_set};

/// How many keywords FLAGS lists.
const MAX_LISTED_KEYWORDS: usize = 128;

/// The selected folder as this session's client knows it.
pub(crate) struct Selected {
    pub read_only: bool,
    /// Which folder it is.
    pub id: Option<FolderKey>,
    /// NOTIFY showed what came up to this UID.
    pub shown_up_to: u32,
    view: View,
    /// The client was told everything of the newest state but which messages are gone.
    only_expunges_left: bool,
    /// The client was told of all changes up to this MODSEQ. What it is told of later ones while it is not told which messages are
    /// gone may be about later ones still.
    told: u64,
    /// Those that FLAGS listed.
    keywords: BTreeSet<String>,
    /// The state whose keywords were listed last.
    listed: Arc<Snapshot>,
    quiet: Option<Quiet>,
    /// The searches that are followed.
    pub contexts: Contexts,
}

/// The folder can't be followed any more: another UIDVALIDITY, or a message appeared among older ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Diverged;

/// Whose flags the next [`Selected::sync`] need not tell. UIDs ascend.
pub(crate) enum Quiet {
    /// The client was told their newest flags, and MODSEQ if it knows of that.
    Shown(Vec<u32>),
    /// The client knows what its own change makes of the flags it knew (`.SILENT`).
    Silent(Vec<u32>, FlagChange),
}

impl Selected {
    pub fn new(snapshot: Arc<Snapshot>, read_only: bool, recent: Arc<RecentMark>) -> Self {
        let mut selected = Self {
            read_only,
            id: None,
            shown_up_to: snapshot.rows().last().map_or(0, |row| row.uid),
            listed: snapshot.clone(),
            told: snapshot.highest_modseq(),
            view: View::new(snapshot, Recent::new(recent, read_only)),
            only_expunges_left: false,
            keywords: BTreeSet::new(),
            quiet: None,
            contexts: Contexts::default(),
        };
        for (_, row) in selected.view.known.rows().counting(|counts| counts.with_keywords > 0) {
            note_keywords(&mut selected.keywords, &row.keywords);
        }
        selected
    }

    pub fn set_newest(&mut self, snapshot: Arc<Snapshot>) {
        self.only_expunges_left &= Arc::ptr_eq(&self.view.newest, &snapshot);
        self.view.newest = snapshot;
    }

    /// Remembers what a search found, for `$` (RFC 5182).
    pub fn save(&mut self, found: Ranges) {
        self.view.saved = Arc::new(found);
    }

    pub fn quiet(&mut self, quiet: Quiet) {
        self.quiet = Some(quiet);
    }

    /// Messages that come to what a search found were shown.
    pub fn came(&mut self, coming: &Coming, output: &mut Output) {
        self.contexts.came(coming, &self.view, output);
    }

    /// All flags that change from now on are told.
    pub fn tell_all(&mut self) {
        self.quiet = None;
    }

    /// Whether there is something that the client was not told: of flags alone, if `flags`.
    pub fn has_news(&self, numbers_may_change: bool, flags: bool) -> bool {
        if Arc::ptr_eq(&self.view.known, &self.view.newest) || (self.only_expunges_left && !numbers_may_change) {
            return false;
        }
        let mut changes = self.view.newest.rows().changes_since(self.view.known.rows());
        flags || changes.any(|change| !matches!(change, Change::Changed(..)))
    }

    /// What the store published last, to be given to [`Selected::shown`] later.
    pub fn newest(&self) -> Arc<Snapshot> {
        self.view.newest.clone()
    }

    /// The client was shown the flags of these messages, the first of them when `since` was the newest state. If that is
    /// another one by now, some of what was shown may be old: then all changes are told.
    pub fn shown(&mut self, uids: Vec<u32>, since: &Arc<Snapshot>) {
        if Arc::ptr_eq(since, &self.view.newest) {
            self.quiet = Some(Quiet::Shown(uids));
        }
    }

    /// What the client knows, and what the folder is by now.
    pub fn view(&self) -> &View {
        &self.view
    }

    /// The UIDs of the messages marked `\Deleted` of which the client knows.
    pub fn deleted(&self) -> Vec<u32> {
        let deleted = self.view.newest.rows().counting(|counts| counts.deleted > 0).map(|(_, row)| row.uid);
        deleted.filter(|uid| self.view.known.rows().get(*uid).is_some()).collect()
    }

    /// The untagged responses of SELECT.
    pub fn describe(&self, enabled: Enabled, output: &mut Output) {
        self.write_flags(output);
        self.write_counts(output);
        if !enabled.uid_only()
            && let Some((position, _)) = self.view.known.rows().counting(|counts| counts.unseen > 0).next()
        {
            let number = position + 1;
            output.status("*", "OK", Some(&format!("UNSEEN {number}")), "First unseen message");
        }
        let view = &self.view.known;
        output.status("*", "OK", Some(&format!("UIDVALIDITY {}", view.uid_validity())), "UIDs valid");
        output.status("*", "OK", Some(&format!("UIDNEXT {}", view.uid_next())), "Predicted next UID");
        self.write_highest_modseq(output);
    }

    /// HIGHESTMODSEQ: the MODSEQ up to which the client was told of everything (RFC 7162 3.1.2.1, 6).
    pub fn write_highest_modseq(&self, output: &mut Output) {
        output.status("*", "OK", Some(&self.highest_modseq()), "All changes up to this one were told");
    }

    /// The response code of that.
    pub fn highest_modseq(&self) -> String {
        format!("HIGHESTMODSEQ {}", self.told)
    }

    /// Lists keywords that are new, as FETCH is to show none that FLAGS did not (RFC 9051 7.3.5).
    pub fn list_keywords(&mut self, output: &mut Output) {
        if Arc::ptr_eq(&self.listed, &self.view.newest) {
            return;
        }
        let listed = std::mem::replace(&mut self.listed, self.view.newest.clone());
        let before = self.keywords.len();
        for change in self.view.newest.rows().changes_since(listed.rows()) {
            if let Change::Came(row) | Change::Changed(_, row) = change {
                note_keywords(&mut self.keywords, &row.keywords);
            }
        }
        if self.keywords.len() > before {
            self.write_flags(output);
        }
    }

    /// Tells the client what changed since it was last told, as far as allowed, with UIDs if `uid`.
    pub fn sync(
        &mut self,
        output: &mut Output,
        enabled: Enabled,
        numbers_may_change: bool,
        uid: bool,
    ) -> Result<(), Diverged> {
        let quiet = self.quiet.take();
        if Arc::ptr_eq(&self.view.known, &self.view.newest) {
            return Ok(());
        }
        if !self.only_expunges_left || numbers_may_change {
            self.tell(output, enabled, numbers_may_change, uid, quiet.as_ref())?;
        }
        if !self.only_expunges_left {
            self.told = self.view.newest.highest_modseq();
        } else if enabled.condstore() {
            // The client must not take a MODSEQ that it was shown for one up to which it knows everything (RFC 7162 3.2, 6).
            self.write_highest_modseq(output);
        }
        Ok(())
    }

    fn tell(
        &mut self,
        output: &mut Output,
        enabled: Enabled,
        numbers_may_change: bool,
        uid: bool,
        quiet: Option<&Quiet>,
    ) -> Result<(), Diverged> {
        let Difference { gone, told } = difference(&self.view.known, &self.view.newest, quiet, enabled)?;
        let before = self.view.known.clone();
        let mut known = before.rows().len();
        self.only_expunges_left = !gone.is_empty() && !numbers_may_change;
        let next = if !self.only_expunges_left {
            if !self.contexts.is_empty() {
                let gone = gone.iter().map(|(_, row)| row.uid).collect();
                self.contexts.gone(&self.view, &gone, output);
            }
            if enabled.vanished() && !gone.is_empty() {
                let uids = format_set(gone.iter().map(|(_, row)| row.uid));
                output.text("* VANISHED ").text(&uids).text("\r\n");
            } else {
                // From the end, so that the numbers of those before stay as they are.
                for (number, _) in gone.iter().rev() {
                    output.text("* ").number(*number as u64).text(" EXPUNGE\r\n");
                }
            }
            known -= gone.len();
            self.view.newest.clone()
        } else {
            Arc::new(keep_gone(&gone, &self.view.newest))
        };
        let grown = next.rows().len() > known;
        self.view.known = next;
        if grown {
            self.view.recent.told(&self.view.known);
            self.write_counts(output);
        }
        self.list_keywords(output);
        let shows = enabled.shows(uid);
        for (changed, flags) in told {
            self.write_fetch(changed, Shows { flags, ..shows }, output);
        }
        if !self.contexts.is_empty() {
            self.contexts.changed(&before, &self.view, output);
        }
        Ok(())
    }

    /// `* n FETCH (UID u FLAGS (...) MODSEQ (m))`, or `* u UIDFETCH (...)`, with what is newest of a message.
    pub fn write_fetch(&self, uid: u32, shows: Shows, output: &mut Output) {
        let (Some(number), Some(row)) = (self.view.number(uid), self.view.row(uid)) else { return };
        if shows.uid_only {
            output.text("* ").number(uid).text(" UIDFETCH (");
        } else {
            output.text("* ").number(number).text(" FETCH (");
        }
        let mut space = "";
        if shows.uid {
            output.text("UID ").number(uid);
            space = " ";
        }
        if shows.flags {
            output.text(space).text("FLAGS ").flags(row.flags, &row.keywords, self.view.is_recent(uid));
            space = " ";
        }
        if shows.modseq {
            output.text(space).text("MODSEQ (").number(row.modseq).text(")");
        }
        output.text(")\r\n");
    }

    fn write_counts(&self, output: &mut Output) {
        output.text("* ").number(self.view.count()).text(" EXISTS\r\n");
        output.text("* ").number(self.view.recent.count(self.view.known.rows()) as u64).text(" RECENT\r\n");
    }

    fn write_flags(&self, output: &mut Output) {
        let system = FlagSet::NAMES.map(|(_, name)| name);
        let all = || system.into_iter().chain(self.keywords.iter().map(String::as_str));
        output.text("* FLAGS ").list(all()).text("\r\n");
        output.text("* OK [PERMANENTFLAGS ");
        if self.read_only {
            output.text("()] No permanent flags permitted\r\n");
        } else {
            output.list(all().chain(["\\*"])).text("] Flags permitted\r\n");
        }
    }
}

/// What STATUS shows of a folder, written in the order asked.
pub(crate) fn write_status(
    name: &str,
    id: &FolderKey,
    items: &[StatusItem],
    status: &mail_core::FolderStatus,
    output: &mut Output,
) {
    output.text("* STATUS ").mailbox(name).text(" (");
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            output.text(" ");
        }
        match item {
            StatusItem::Messages => output.text("MESSAGES ").number(status.messages),
            StatusItem::Recent => output.text("RECENT ").number(status.recent),
            StatusItem::UidNext => output.text("UIDNEXT ").number(status.uid_next),
            StatusItem::UidValidity => output.text("UIDVALIDITY ").number(status.uid_validity),
            StatusItem::Unseen => output.text("UNSEEN ").number(status.unseen),
            StatusItem::HighestModSeq => output.text("HIGHESTMODSEQ ").number(status.highest_modseq),
            StatusItem::Size => output.text("SIZE ").number(status.size),
            StatusItem::Deleted => output.text("DELETED ").number(status.deleted),
            StatusItem::MailboxId => output.text("MAILBOXID (").text(&mailbox_id(id)).text(")"),
            StatusItem::DeletedStorage => output.text("DELETED-STORAGE ").number(status.deleted_storage),
        };
    }
    output.text(")\r\n");
}

struct Difference<'a> {
    /// Messages that are gone, with their numbers, ascending.
    gone: Vec<(usize, &'a MessageRow)>,
    /// UIDs of which the client must be told, and whether of their flags: else only of their MODSEQ.
    told: Vec<(u32, bool)>,
}

fn difference<'a>(
    old: &'a Snapshot,
    new: &'a Snapshot,
    quiet: Option<&Quiet>,
    enabled: Enabled,
) -> Result<Difference<'a>, Diverged> {
    if old.uid_validity() != new.uid_validity() {
        return Err(Diverged);
    }
    let last = old.rows().last().map_or(0, |row| row.uid);
    let mut difference = Difference { gone: Vec::new(), told: Vec::new() };
    for change in new.rows().changes_since(old.rows()) {
        match change {
            Change::Came(row) if row.uid < last => return Err(Diverged),
            Change::Came(_) => {}
            Change::Gone(position, known) => difference.gone.push((position + 1, known)),
            Change::Changed(known, row) => {
                let changed = known.flags != row.flags || known.keywords != row.keywords;
                let covered = quiet.is_some_and(|quiet| quiet.covers(known, row));
                // After a silent STORE the client knows the flags, but not their MODSEQ.
                let shown = covered && matches!(quiet, Some(Quiet::Shown(_)));
                if (changed && !covered) || (enabled.condstore() && known.modseq != row.modseq && !shown) {
                    difference.told.push((row.uid, !covered));
                }
            }
        }
    }
    Ok(difference)
}

/// The newest state with the messages that are gone still among the others.
fn keep_gone(gone: &[(usize, &MessageRow)], new: &Snapshot) -> Snapshot {
    let mut rows = new.rows().clone();
    for (_, known) in gone {
        rows.put((*known).clone());
    }
    new.with_rows(rows)
}

fn note_keywords(known: &mut BTreeSet<String>, keywords: &Keywords) {
    for keyword in keywords.iter().filter(|keyword| is_keyword(keyword)) {
        if known.len() < MAX_LISTED_KEYWORDS && !known.contains(keyword) {
            known.insert(keyword.to_owned());
        }
    }
}

impl Quiet {
    fn covers(&self, known: &MessageRow, row: &MessageRow) -> bool {
        match self {
            Self::Shown(uids) => uids.binary_search(&row.uid).is_ok(),
            Self::Silent(uids, change) => {
                uids.binary_search(&row.uid).is_ok()
                    && (row.flags, &row.keywords) == (changed_flags(known.flags, change), &changed(known, change))
            }
        }
    }
}

fn changed_flags(flags: FlagSet, change: &FlagChange) -> FlagSet {
    match change.mode {
        FlagChangeMode::Replace => change.flags,
        FlagChangeMode::Add => flags.union(change.flags),
        FlagChangeMode::Remove => flags.difference(change.flags),
    }
}

fn changed(row: &MessageRow, change: &FlagChange) -> Keywords {
    match change.mode {
        _ if change.keywords.is_empty() && change.mode != FlagChangeMode::Replace => row.keywords.clone(),
        FlagChangeMode::Replace => change.keywords.clone(),
        FlagChangeMode::Add => row.keywords.iter().chain(change.keywords.iter()).collect(),
        FlagChangeMode::Remove => row.keywords.iter().filter(|keyword| !change.keywords.contains(keyword)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::sequence::SequenceSet;

    fn row(uid: u32, flags: FlagSet) -> MessageRow {
        MessageRow { uid, flags, keywords: Keywords::EMPTY, modseq: 1, internal_date: 0, size: None }
    }

    fn folder(uid_validity: u32, rows: impl IntoIterator<Item = MessageRow>) -> Arc<Snapshot> {
        Arc::new(Snapshot::new(uid_validity, 200, 1, rows.into_iter().collect()))
    }

    fn snapshot(uids: &[u32]) -> Arc<Snapshot> {
        folder(1, uids.iter().map(|uid| row(*uid, FlagSet::EMPTY)))
    }

    fn synced(selected: &mut Selected, newest: Arc<Snapshot>, numbers_may_change: bool) -> String {
        let mut output = Output::default();
        selected.set_newest(newest);
        selected.sync(&mut output, Enabled::default(), numbers_may_change, false).unwrap();
        String::from_utf8(output.take().unwrap_or_default().to_vec()).unwrap()
    }

    #[test]
    fn expunges_wait_until_numbers_may_change() {
        let mut selected = Selected::new(snapshot(&[1, 2, 5, 7]), false, Arc::default());
        let newest = folder(1, [row(2, FlagSet::EMPTY), row(7, FlagSet::SEEN), row(101, FlagSet::EMPTY)]);
        assert_eq!(
            synced(&mut selected, newest.clone(), false),
            "* 5 EXISTS\r\n* 5 RECENT\r\n* 4 FETCH (FLAGS (\\Seen \\Recent))\r\n"
        );
        assert_eq!(synced(&mut selected, newest.clone(), false), "");
        let after = |from| SequenceSet(vec![(Some(from), None)]).into();
        assert_eq!(selected.view().resolve(&after(3), false), Ok(vec![5, 7, 101]));
        assert!(selected.view().is_gone(5));
        assert_eq!(synced(&mut selected, newest, true), "* 3 EXPUNGE\r\n* 1 EXPUNGE\r\n");
        assert_eq!(selected.view().resolve(&after(1), true), Ok(vec![2, 7, 101]));
    }

    #[test]
    fn what_cannot_be_followed() {
        let mut output = Output::default();
        let renewed = folder(2, [1, 5].map(|uid| row(uid, FlagSet::EMPTY)));
        for newest in [snapshot(&[1, 3, 5]), renewed] {
            let mut selected = Selected::new(snapshot(&[1, 5]), false, Arc::default());
            selected.set_newest(newest);
            assert_eq!(selected.sync(&mut output, Enabled::default(), true, false), Err(Diverged));
        }
    }
}
