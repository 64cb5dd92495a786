use std::path::Path;

use tests::corpus;
use tests::letters::{Parties, letters};

/// A message and what it is.
pub struct Sample {
    pub kind: String,
    pub bytes: Vec<u8>,
}

impl Sample {
    /// Whether its header says when it was sent.
    pub fn has_date(&self) -> bool {
        let header = self.bytes.split(|byte| *byte == b'\n').take_while(|line| !line.trim_ascii().is_empty());
        header.into_iter().any(|line| line.get(..5).is_some_and(|name| name.eq_ignore_ascii_case(b"date:")))
    }
}

/// A thousand messages of the corpora that are in the repository.
pub fn messages() -> Vec<Sample> {
    let others: Vec<_> = (0..3).map(|n| format!("other{n}@example.test")).collect();
    let parties = Parties { sender: "alice@example.test", receiver: "bob@example.test", others: &others };
    let letters =
        letters(300, parties).into_iter().map(|letter| sample(&format!("letter: {}", letter.kind), letter.bytes));
    let whole = corpus::messages(700).into_iter().map(|one| sample(one.kind, one.bytes));
    let seeds = ["mime_parse", "imap_message"].into_iter().flat_map(seeds);
    whole.chain(letters).chain(seeds).chain(conversation(200)).collect()
}

/// Messages that refer to each other, and to what is not there, and have subjects of several talks.
fn conversation(count: usize) -> impl Iterator<Item = Sample> {
    let mut state = 5256u64;
    let mut chance = move |below: usize| {
        // Knuth's MMIX.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    const SUBJECTS: [&str; 6] = ["Lunch", "Budget", "[list] Budget", "=?utf-8?q?=C3=84pfel?=", "", "lunch"];
    const PREFIXES: [&str; 6] = ["", "", "Re: ", "Fwd: ", "RE[2]: ", "[x] re : "];
    (0..count).map(move |number| {
        let mut head = format!("From: {}@example.org\r\n", ["a", "b", "c"][chance(3)]);
        let trailer = if chance(8) == 0 { " (fwd)" } else { "" };
        let subject = format!("{}{}{trailer}", PREFIXES[chance(6)], SUBJECTS[chance(6)]);
        head += &format!("Subject: {}\r\n", subject.trim().replace("  ", " "));
        head += &format!("Date: Mon, 5 Jan 2026 {:02}:{:02}:00 +0000\r\n", chance(24), chance(60));
        head += &format!("Message-ID: <{}@talk.example>\r\n", if chance(30) == 0 { 7 } else { number });
        let mut others =
            || (0..=chance(3)).map(|_| format!("<{}@talk.example>", chance(count + 20))).collect::<Vec<_>>();
        match number % 3 {
            0 => head += &format!("References: {}\r\n", others().join("\r\n ")),
            1 => head += &format!("In-Reply-To: {}\r\n", others().join(" ")),
            _ => {}
        }
        sample("conversation", format!("{head}\r\nx\r\n").into_bytes())
    })
}

/// The inputs of a fuzz target.
fn seeds(target: &str) -> Vec<Sample> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let entries = std::fs::read_dir(&directory).expect("a corpus").flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    let read = |name: String| sample(&format!("{target}/{name}"), std::fs::read(directory.join(name)).expect("a seed"));
    names.into_iter().map(read).collect()
}

fn sample(kind: &str, bytes: Vec<u8>) -> Sample {
    Sample { kind: kind.to_owned(), bytes }
}
