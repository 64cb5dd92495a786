use std::collections::HashMap;

use mail_core::message::Message;
use mail_core::{MessageRow, work};

use super::base_subject::BaseSubject;
use super::collation::collated;
use super::forest::Forest;
use super::message_id::{Hashed, Seed, message_ids};
use super::sorter::sent;
use super::threads::{Entry, ordered_subject, references, refs};
use crate::proto::order::ThreadAlgorithm;
use crate::proto::response::Output;

/// What one of these takes, with what is made of it in the end.
const NODE: u64 = 96;
const ENTRY: u64 = 128;
/// What a link costs, in steps.
const STEPS_PER_LINK: usize = 64;

/// Messages of which threads are made (RFC 5256 3), and how they refer to each other.
pub(crate) struct Threader {
    algorithm: ThreadAlgorithm,
    seed: Seed,
    forest: Forest,
    /// The nodes by message id.
    known: HashMap<Hashed, u32>,
    /// For each node its message: a position in `entries` and one more, 0 while none is known.
    messages: Vec<u32>,
    entries: Vec<Entry>,
}

/// What was seen in a message.
#[derive(Debug)]
pub(crate) struct Look {
    id: Option<Hashed>,
    references: Vec<Hashed>,
    sent: i64,
    subject: Option<Hashed>,
    is_reply: bool,
}

/// Looks at messages.
#[derive(Clone)]
pub(crate) struct Looking {
    algorithm: ThreadAlgorithm,
    seed: Seed,
}

impl Threader {
    pub fn new(algorithm: ThreadAlgorithm) -> Self {
        Self {
            algorithm,
            seed: Seed::new(),
            forest: Forest::default(),
            known: HashMap::new(),
            messages: vec![0],
            entries: Vec::new(),
        }
    }

    pub fn looking(&self) -> Looking {
        Looking { algorithm: self.algorithm, seed: self.seed.clone() }
    }

    pub fn bytes(&self) -> u64 {
        NODE * u64::from(self.forest.len()) + ENTRY * self.entries.len() as u64
    }

    /// Adds a message and links it (REFERENCES, step 1).
    pub fn add(&mut self, row: &MessageRow, look: Look) {
        let Look { id, references, sent, subject, is_reply } = look;
        let (uid, arrived) = (row.uid, row.internal_date);
        self.entries.push(Entry { uid, sent, arrived, subject, is_reply });
        if self.algorithm == ThreadAlgorithm::OrderedSubject {
            return;
        }
        let entry = u32::try_from(self.entries.len()).unwrap_or_default();
        // A message without an id is alone, and so is one whose id another one has.
        let node = id.map(|id| self.node(id)).filter(|node| self.messages.get(*node as usize) == Some(&0));
        let node = node.unwrap_or_else(|| self.new_node());
        if let Some(message) = self.messages.get_mut(node as usize) {
            *message = entry;
        }
        let mut last = 0;
        for reference in references {
            work::spend(STEPS_PER_LINK);
            let next = self.node(reference);
            if last != 0 {
                self.forest.link(last, next);
            }
            last = next;
        }
        if self.forest.parent(node) != last {
            self.forest.cut(node);
        }
        if last != 0 {
            self.forest.link(last, node);
        }
    }

    /// The response; `shown` tells what is shown of a UID.
    pub fn threads(self, shown: impl Fn(u32) -> Option<u32>) -> Output {
        let nest = match self.algorithm {
            ThreadAlgorithm::OrderedSubject => ordered_subject(&self.entries),
            ThreadAlgorithm::References => references(&self.forest, &self.messages, &self.entries),
            ThreadAlgorithm::Refs => refs(&self.forest, &self.messages, &self.entries),
        };
        let mut out = Output::default();
        out.text("* THREAD");
        nest.write(&mut out, |entry| self.entries.get(entry).and_then(|entry| shown(entry.uid)));
        out.text("\r\n");
        out
    }

    fn node(&mut self, id: Hashed) -> u32 {
        if let Some(node) = self.known.get(&id) {
            return *node;
        }
        let node = self.new_node();
        self.known.insert(id, node);
        node
    }

    fn new_node(&mut self) -> u32 {
        self.messages.push(0);
        self.forest.add()
    }
}

impl Looking {
    pub fn look(&self, row: &MessageRow, message: &Message) -> Look {
        let fields = message.fields();
        let sent = sent(row, message);
        let (mut id, mut references) = (None, Vec::new());
        if self.algorithm != ThreadAlgorithm::OrderedSubject {
            let ids = |name: &str| fields.unfolded(name).unwrap_or_default();
            let hash = |id: Vec<u8>| self.seed.hash(&id);
            id = message_ids(&ids("Message-ID")).next().map(hash);
            references = message_ids(&ids("References")).map(hash).collect();
            if references.is_empty() {
                references = message_ids(&ids("In-Reply-To")).take(1).map(hash).collect();
            }
        }
        let (mut subject, mut is_reply) = (None, false);
        if self.algorithm != ThreadAlgorithm::Refs {
            let base = BaseSubject::of(&fields.text("Subject").unwrap_or_default());
            is_reply = base.is_reply;
            subject = (!base.text.is_empty()).then(|| self.seed.hash(&collated(&base.text, usize::MAX)));
        }
        Look { id, references, sent, subject, is_reply }
    }
}
