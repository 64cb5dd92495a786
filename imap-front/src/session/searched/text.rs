use std::borrow::Cow;

use mail_core::work::spend;

use crate::proto::case::fold;

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

/// Folds the case of a text that comes in pieces of any size.
#[derive(Default)]
pub(super) struct Folding {
    /// What was folded of the last piece.
    folded: String,
}

impl Folding {
    pub(super) fn push(&mut self, text: &str, each: &mut dyn FnMut(&str)) {
        let mut rest = text;
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(rest.floor_char_boundary(PIECE));
            spend(piece.len());
            self.folded.clear();
            fold(piece, &mut self.folded);
            each(&self.folded);
            rest = after;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::case::folded;

    #[test]
    fn pieces_make_no_difference() {
        let text = format!("{} ΟΔΟΣ {}needle{}", "Ä".repeat(PIECE), "İ x".repeat(PIECE), "é".repeat(PIECE));
        let mut in_pieces = String::new();
        Folding::default().push(&text, &mut |piece| in_pieces.push_str(piece));
        assert_eq!(in_pieces, folded(&text));
        let text = format!("{} \r\n\t{}", "a  b\n".repeat(PIECE), " ".repeat(3 * PIECE));
        for shift in 0..7 {
            let text = format!("{}{text}", " ".repeat(shift));
            let mut in_pieces = String::new();
            spaced_in_pieces(&text, &mut |piece| in_pieces.push_str(piece));
            assert_eq!(in_pieces, spaced(&text));
        }
    }
}
