use crate::proto::order::Order;
use crate::proto::response::Output;
use crate::proto::return_options::ReturnOptions;
use crate::proto::sequence::format_set;
use crate::session::view::View;

/// What a search found, in its order, as it is shown: SEARCH or SORT (RFC 3501 7.2.5, RFC 5256 4), or ESEARCH (RFC 4731 3.1) where
/// it is said what is to be returned.
pub(super) struct SearchResponse<'a> {
    pub view: &'a View,
    pub tag: &'a str,
    pub uid: bool,
    pub order: &'a Order,
    pub returns: Option<ReturnOptions>,
    /// Whether MODSEQ was searched for.
    pub by_modseq: bool,
    pub found: &'a [u32],
}

impl SearchResponse<'_> {
    /// Writes it, if one is due.
    pub fn write(&self, out: &mut Output) {
        match self.returns {
            None => self.write_plain(out),
            Some(returns) if returns.is_shown() => self.write_extended(returns, out),
            Some(_) => {}
        }
    }

    /// The messages that the response is about, which are those that are saved (RFC 5182 2.1, RFC 9394 3.2): where all are
    /// counted or shown, all of them, and otherwise those that are shown.
    pub fn meant(&self) -> Vec<u32> {
        let all = self.returns.is_none_or(|returns| {
            returns.all || returns.count || !(returns.min || returns.max || returns.partial.is_some())
        });
        let mut meant = self.found.to_vec();
        if let Some(returns) = self.returns.filter(|_| !all) {
            let min = self.found.first().filter(|_| returns.min);
            let max = self.found.last().filter(|_| returns.max);
            let partial = returns.partial.map_or(&[][..], |partial| partial.of(self.found));
            meant = min.into_iter().chain(max).chain(partial).copied().collect();
        }
        meant.sort_unstable();
        meant.dedup();
        meant
    }

    fn write_plain(&self, out: &mut Output) {
        out.text(if *self.order == Order::Mailbox { "* SEARCH" } else { "* SORT" });
        for shown in self.found.iter().filter_map(|uid| self.shown(*uid)) {
            out.text(" ").number(shown);
        }
        if let Some(modseq) = self.modseq() {
            out.text(" (MODSEQ ").number(modseq).text(")");
        }
        out.text("\r\n");
    }

    fn write_extended(&self, returns: ReturnOptions, out: &mut Output) {
        let set = |found: &[u32]| format_set(found.iter().filter_map(|uid| self.shown(*uid)));
        out.text("* ESEARCH (TAG ").string(self.tag.as_bytes()).text(")");
        if self.uid {
            out.text(" UID");
        }
        if let Some(min) = self.found.first().filter(|_| returns.min).and_then(|uid| self.shown(*uid)) {
            out.text(" MIN ").number(min);
        }
        if let Some(max) = self.found.last().filter(|_| returns.max).and_then(|uid| self.shown(*uid)) {
            out.text(" MAX ").number(max);
        }
        if returns.all && !self.found.is_empty() {
            out.text(" ALL ").text(&set(self.found));
        }
        if let Some(partial) = returns.partial {
            let piece = partial.of(self.found);
            let piece = if piece.is_empty() { "NIL".to_owned() } else { set(piece) };
            out.text(" PARTIAL (").text(&partial.to_string()).text(" ").text(&piece).text(")");
        }
        if returns.count {
            out.text(" COUNT ").number(self.found.len() as u64);
        }
        if let Some(modseq) = self.modseq() {
            out.text(" MODSEQ ").number(modseq);
        }
        out.text("\r\n");
    }

    /// The highest MODSEQ of what is meant (RFC 7162 3.1.10).
    fn modseq(&self) -> Option<u64> {
        let rows = || self.meant().into_iter().filter_map(|uid| self.view.row(uid)).map(|row| row.modseq).max();
        self.by_modseq.then(rows).flatten()
    }

    fn shown(&self, uid: u32) -> Option<u32> {
        if self.uid { Some(uid) } else { self.view.number(uid) }
    }
}
