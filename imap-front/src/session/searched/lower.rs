use std::borrow::Cow;

use mail_core::work::spend;

/// So many bytes of text are one piece of work.
pub(super) const PIECE: usize = 32 << 10;

/// A text in which all white space between words is one space: how a field is folded means nothing, and clients show it in
/// different manners.
pub(super) fn spaced(text: &str) -> Cow<'_, str> {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    let bytes = text.as_bytes();
    let even = !bytes.iter().any(|byte| is_space(byte) && *byte != b' ') && !bytes.windows(2).any(|pair| pair == b"  ");
    if even {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    space(text, &mut out);
    Cow::Owned(out)
}

/// A long text as [`spaced`] has it, piece by piece.
pub(super) fn spaced_in_pieces(text: &str, each: &mut dyn FnMut(&str)) {
    let mut out = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rest.floor_char_boundary(PIECE));
        space(piece, &mut out);
        rest = after;
        // A space that is last stays: the next one may follow.
        let ready = out.len() - usize::from(out.ends_with(' '));
        each(out.get(..ready).unwrap_or_default());
        out.drain(..ready);
    }
    each(&out);
}

fn space(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            ' ' | '\t' | '\r' | '\n' if out.ends_with(' ') => {}
            '\t' | '\r' | '\n' => out.push(' '),
            c => out.push(c),
        }
    }
}

/// Turns text that comes in pieces into lower case.
#[derive(Default)]
pub(super) struct Lowering {
    /// What waits for more: what ends a word may look different.
    pending: String,
}

impl Lowering {
    pub(super) fn push(&mut self, text: &str, each: &mut dyn FnMut(&str)) {
        let mut rest = text;
        while !rest.is_empty() {
            let room = PIECE.saturating_sub(self.pending.len()).max(4);
            let (piece, after) = rest.split_at(rest.floor_char_boundary(room));
            self.pending.push_str(piece);
            rest = after;
            if self.pending.len() + 4 > PIECE {
                let end = self.pending.rfind([' ', '\n']).map_or(self.pending.len(), |space| space + 1);
                self.give(end, each);
            }
        }
    }

    pub(super) fn finish(mut self, each: &mut dyn FnMut(&str)) {
        self.give(self.pending.len(), each);
    }

    fn give(&mut self, end: usize, each: &mut dyn FnMut(&str)) {
        spend(end);
        each(&self.pending.get(..end).unwrap_or_default().to_lowercase());
        self.pending.drain(..end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lower(text: &str) -> String {
        let mut out = String::new();
        let mut lowering = Lowering::default();
        lowering.push(text, &mut |piece| out.push_str(piece));
        lowering.finish(&mut |piece| out.push_str(piece));
        out
    }

    #[test]
    fn pieces_make_no_difference() {
        let text = format!("{} ΟΔΟΣ {}needle{}", "Ä".repeat(PIECE), "İ x".repeat(PIECE), "é".repeat(PIECE));
        assert_eq!(lower(&text), text.to_lowercase());
        assert_eq!(lower(&"Ä".repeat(PIECE)), "ä".repeat(PIECE));
        let text = format!("{} \r\n\t{}", "a  b\n".repeat(PIECE), " ".repeat(3 * PIECE));
        for shift in 0..7 {
            let text = format!("{}{text}", " ".repeat(shift));
            let mut in_pieces = String::new();
            spaced_in_pieces(&text, &mut |piece| in_pieces.push_str(piece));
            assert_eq!(in_pieces, spaced(&text));
        }
    }
}
