//! One copy in Sent Items, whoever makes it: the server keeps one of everything that is submitted, and many clients append
//! one of their own.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use mail_core::message::Message;
use mail_core::work::spend;
use sha2::{Digest, Sha256};

use crate::operation::mark::SubmissionMark;

/// For how long a submission is remembered.
const LIFETIME: Duration = Duration::from_secs(10 * 60);
/// Submissions remembered per account.
const MAX_SUBMISSIONS: usize = 500;

/// What was submitted lately.
#[derive(Debug, Default)]
pub struct Submissions {
    recent: Mutex<VecDeque<Submission>>,
}

#[derive(Debug)]
struct Submission {
    likeness: Likeness,
    mark: SubmissionMark,
    at: Instant,
}

impl Submissions {
    /// A message was taken whose copy the server keeps.
    pub fn note(&self, likeness: Likeness, mark: SubmissionMark, now: Instant) {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if recent.len() >= MAX_SUBMISSIONS {
            recent.pop_front();
        }
        recent.push_back(Submission { likeness, mark, at: now });
    }

    /// Whether there is anything to find.
    pub fn is_empty(&self, now: Instant) -> bool {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        while recent.front().is_some_and(|sent| now.duration_since(sent.at) >= LIFETIME) {
            recent.pop_front();
        }
        recent.is_empty()
    }

    /// The mark of the last submission within ten minutes that says the same.
    pub fn find(&self, likeness: &Likeness, now: Instant) -> Option<SubmissionMark> {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let mut like = recent.iter().rev().filter(|sent| sent.likeness == *likeness);
        like.find(|sent| now.duration_since(sent.at) < LIFETIME).map(|sent| sent.mark.clone())
    }
}

/// What a message and a client's own copy of it have in common: SHA-256 over the header without the fields that clients keep
/// to themselves, however it is folded and in whatever order, and the body, whatever its line ends are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Likeness([u8; 32]);

impl Likeness {
    /// That of a message.
    pub fn of(message: &Message) -> Self {
        // The sum of the fields' digests: whatever their order is, and however many there are.
        let mut sum = [0u8; 32];
        message.fields().lines().for_each(|line| add(&mut sum, line));
        let mut rest = message.body();
        let mut hash = Sha256::new_with_prefix(sum);
        let mut empty = 0;
        while let Some((line, after)) = next_line(rest) {
            rest = after;
            spend(line.len() + 1);
            if line.is_empty() {
                // Line ends at the end of a message are added and taken away on the way.
                empty += 1;
                continue;
            }
            (0..std::mem::take(&mut empty)).for_each(|_| hash.update(b"\n"));
            hash.update(b"\n");
            hash.update(line);
        }
        Self(hash.finalize().into())
    }
}

/// Adds the digest of a field that both have, as a number of 256 bits.
fn add(sum: &mut [u8; 32], field: &[u8]) {
    let Some(shared) = shared(field) else { return };
    let mut carry = 0;
    for (byte, more) in sum.iter_mut().zip(Sha256::digest(shared)) {
        let total = u16::from(*byte) + u16::from(more) + carry;
        *byte = (total & 0xFF) as u8;
        carry = total >> 8;
    }
}

/// The next line without its end, and what follows.
fn next_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    if bytes.is_empty() {
        return None;
    }
    let end = bytes.iter().position(|byte| *byte == b'\n');
    let (line, rest) = end.map_or((bytes, &bytes[bytes.len()..]), |end| (&bytes[..end], &bytes[end + 1..]));
    Some((line.strip_suffix(b"\r").unwrap_or(line), rest))
}

/// A field as both have it: name in lower case, space collapsed; `None` for those that a client has for itself.
fn shared(field: &[u8]) -> Option<Vec<u8>> {
    let colon = field.iter().position(|byte| *byte == b':').unwrap_or(field.len());
    let (name, value) = field.split_at(colon);
    let name = words(name).to_ascii_lowercase();
    if is_private(&name) {
        return None;
    }
    Some([name, words(value)].concat())
}

/// Text whose words have one space before each of them but the first.
fn words(text: &[u8]) -> Vec<u8> {
    let words = text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(&b' ')
}

/// Fields that clients write into their own copy only.
fn is_private(name: &[u8]) -> bool {
    const NAMES: [&[u8]; 12] = [
        b"bcc",
        b"resent-bcc",
        b"fcc",
        b"status",
        b"x-status",
        b"x-uid",
        b"x-keywords",
        b"x-account-key",
        b"x-identity-key",
        b"x-template",
        b"content-length",
        b"lines",
    ];
    const FAMILIES: [&[u8]; 6] =
        [b"x-mozilla-", b"x-evolution-", b"x-kmail-", b"x-claws-", b"x-sylpheed-", b"x-apple-"];
    NAMES.contains(&name) || FAMILIES.iter().any(|family| name.starts_with(family))
}

#[cfg(test)]
mod tests {
    use mapi_core::message::PropertyBag;
    use proptest::prelude::*;

    use super::*;

    fn likeness(message: &[u8]) -> Likeness {
        Likeness::of(&Message::new(message.to_vec().into()))
    }

    const SENT: &[u8] = b"From: a@x\r\nTo: b@x,\r\n c@x\r\nSubject: s\r\nMessage-ID: <1@x>\r\n\r\none\r\n\r\ntwo\r\n";

    #[test]
    fn what_a_client_adds_to_its_own_copy_does_not_count() {
        let own = b"X-Mozilla-Status: 0001\nX-Identity-Key: id1\nFCC: imap://x/Sent\nFrom: a@x\nTo: b@x, c@x\nBcc: d@x,\n e@x\n\
                    Message-ID: <1@x>\nSubject: s\n\none\n\ntwo";
        assert_eq!(likeness(SENT), likeness(own));
    }

    #[test]
    fn what_a_message_says_counts() {
        let sent = String::from_utf8_lossy(SENT);
        for (here, there) in [
            ("a@x", "b@x"),
            ("c@x", "d@x"),
            ("Subject: s", "Subject: t"),
            ("<1@x>", "<2@x>"),
            ("one", "on"),
            ("two", "t wo"),
            ("one\r\n\r\n", "one\r\n"),
            ("\r\n\r\none", "\r\nX-Spam: y\r\n\r\none"),
            ("Subject: s", "Subject: s\r\nSubject: s"),
        ] {
            let other = sent.replacen(here, there, 1);
            assert_ne!(likeness(SENT), likeness(other.as_bytes()), "{here}");
        }
    }

    #[test]
    fn submissions_are_remembered_for_ten_minutes() {
        let (submissions, start) = (Submissions::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        let mark = || SubmissionMark::put_on(&mut PropertyBag::default());
        let (like, first, second) = (likeness(SENT), mark(), mark());
        assert!(submissions.is_empty(start));
        submissions.note(like.clone(), first.clone(), start);
        submissions.note(likeness(b"other"), mark(), at(1));
        assert_eq!(submissions.find(&like, at(599)), Some(first));
        assert_eq!(submissions.find(&like, at(600)), None);
        submissions.note(like.clone(), second.clone(), at(300));
        assert_eq!(submissions.find(&like, at(600)), Some(second));
        assert!(!submissions.is_empty(at(600)) && submissions.is_empty(at(900)));
        (0..2 * MAX_SUBMISSIONS).for_each(|_| submissions.note(like.clone(), mark(), start));
        assert_eq!(submissions.recent.lock().expect("not poisoned").len(), MAX_SUBMISSIONS);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn arbitrary_bytes_never_panic(message in proptest::collection::vec(any::<u8>(), 0..300)) {
            likeness(&message);
        }

        #[test]
        fn line_ends_do_not_count(text in "[a-c: \n]{0,60}") {
            let crlf = text.replace('\n', "\r\n");
            prop_assert_eq!(likeness(text.as_bytes()), likeness(crlf.as_bytes()));
        }
    }
}
