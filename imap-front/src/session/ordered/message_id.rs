use std::hash::{BuildHasher, RandomState};

/// A message id, by which nobody can make two the same who does not know the seed: whatever the ids are, they take the same room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Hashed(u64, u64);

/// Hashes texts alike, of one command.
#[derive(Clone)]
pub(super) struct Seed(RandomState, RandomState);

impl Seed {
    pub fn new() -> Self {
        Self(RandomState::new(), RandomState::new())
    }

    pub fn hash(&self, text: &[u8]) -> Hashed {
        Hashed(self.0.hash_one(text), self.1.hash_one(text))
    }
}

/// The message ids in a field (RFC 5322 3.6.4), without quotes and space: `<"a"@b>` is `<a@b>` (RFC 5256 3). What has no at
/// sign is none.
pub(super) fn message_ids(field: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let mut rest = field;
    std::iter::from_fn(move || {
        loop {
            let start = rest.iter().position(|byte| *byte == b'<')?;
            let (id, after) = read(rest.get(start + 1..)?)?;
            rest = after;
            if id.contains(&b'@') {
                return Some(id);
            }
        }
    })
}

/// What stands before the bracket that closes it.
fn read(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut id = Vec::new();
    let mut quoted = false;
    let mut bytes = text.iter().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'>' if !quoted => return Some((id, text.get(at + 1..)?)),
            b'"' => quoted = !quoted,
            b'\\' if quoted => id.extend(bytes.next().map(|(_, byte)| *byte)),
            b' ' | b'\t' | b'\r' | b'\n' if !quoted => {}
            byte => id.push(*byte),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answers() {
        for (field, expected) in [
            ("<a@b>", &["a@b"][..]),
            ("<\"a b\\\"c\"@d> text <e@f><g@h>", &["a b\"c@d", "e@f", "g@h"]),
            ("<a @ b>", &["a@b"]),
            ("<none> <a@b>", &["a@b"]),
            ("<a@b", &[]),
            ("a@b", &[]),
            ("<\"a@b> <c@d>", &[]),
        ] {
            let found: Vec<_> = message_ids(field.as_bytes()).map(|id| String::from_utf8(id).unwrap()).collect();
            assert_eq!(found, expected, "{field}");
        }
    }
}
