use imap_front::frame::{Expect, Frame, FrameLimits, Framer, Refusal};
use imap_front::message;
use imap_front::proto::lower::lower;
use imap_front::proto::response::Output;
use mail_core::message::{Message, Section, SectionText};
use mail_core::utf7;

use super::cut;

/// Longer than the longest tag that is echoed, or what is seen of it would depend on the cutting.
const LIMITS: FrameLimits = FrameLimits { line: 200, literals: 64, append: 300, discard: 1000 };

/// Lines and literals.
pub fn frame(data: &[u8]) {
    let pieces = cut(data);
    assert_eq!(frames(&[&pieces.concat()]), frames(&pieces));
}

fn frames(pieces: &[&[u8]]) -> Vec<Frame> {
    let mut framer = Framer::new(usize::MAX);
    let mut out: Vec<Frame> = Vec::new();
    for piece in pieces {
        framer.feed(piece).expect("there is no bound");
        while let Some(frame) = framer.next(Expect::Command, &LIMITS) {
            let fatal = matches!(&frame, Frame::Refused(Refusal { fatal: true, .. }));
            match (out.last_mut(), frame) {
                (Some(Frame::Piece(before)), Frame::Piece(piece)) => *before = [&before[..], &piece].concat().into(),
                (_, frame) => out.push(frame),
            }
            if fatal {
                return out;
            }
        }
    }
    out
}

/// Commands, and mailbox names.
pub fn command(data: &[u8]) {
    match lower(data) {
        Ok(tagged) => assert!(!tagged.tag.is_empty()),
        Err(error) => assert!(!error.text.is_empty()),
    }
    if let Some(name) = utf7::decode(data) {
        assert_eq!(utf7::decode(utf7::encode(&name).as_bytes()), Some(name));
    }
}

/// What FETCH shows of a message.
pub fn message(data: &[u8]) {
    let read = Message::new(data.to_vec().into());
    let mut output = Output::default();
    message::write_envelope(read.fields(), &mut output);
    message::write_body(read.root(), true, &mut output);
    for part in [vec![], vec![1], vec![2, 1]] {
        let subject = || vec!["subject".to_owned()];
        for text in [
            SectionText::Whole,
            SectionText::Header,
            SectionText::HeaderFields(subject()),
            SectionText::HeaderFieldsNot(subject()),
            SectionText::Text,
            SectionText::Mime,
        ] {
            let _ = read.section(&Section { part: part.clone(), text });
        }
    }
}
