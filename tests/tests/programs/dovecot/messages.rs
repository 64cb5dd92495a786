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
    whole.chain(letters).chain(seeds).collect()
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
