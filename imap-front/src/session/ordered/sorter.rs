use std::cmp::Ordering;
use std::sync::Arc;

use mail_core::message::{Address, Fields, Message};
use mail_core::{FetchNeed, MessageRow, work};

use super::base_subject::BaseSubject;
use super::collation::collated;
use crate::proto::order::{SortBy, SortKey};

/// What a comparison costs beside the bytes of texts, in steps.
const STEPS_PER_COMPARISON: usize = 16;
/// The longest text that is compared: those that are the same up to there are the same.
const MAX_TEXT: usize = 8 << 10;
/// What an entry takes beside its values.
const ENTRY: u64 = 32;

/// Messages to be sorted (RFC 5256 3).
pub(crate) struct Sorter {
    keys: Arc<[SortKey]>,
    entries: Vec<(u32, Values)>,
    bytes: u64,
}

/// What a message is compared by, a value for each key.
#[derive(Debug)]
pub(crate) struct Values(Box<[Value]>);

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Value {
    Number(i64),
    Text(Box<[u8]>),
}

/// Looks at messages.
#[derive(Clone)]
pub(crate) struct Looking(Arc<[SortKey]>);

impl Sorter {
    pub fn new(keys: &[SortKey]) -> Self {
        Self { keys: keys.into(), entries: Vec::new(), bytes: 0 }
    }

    pub fn need(&self, row: &MessageRow) -> Option<FetchNeed> {
        let is_row = |by| matches!(by, SortBy::Arrival | SortBy::Size);
        if self.keys.iter().any(|key| !is_row(key.by)) {
            return Some(FetchNeed::Outline);
        }
        let by_size = self.keys.iter().any(|key| key.by == SortBy::Size);
        (by_size && row.size.is_none()).then_some(FetchNeed::Size)
    }

    pub fn looking(&self) -> Looking {
        Looking(Arc::clone(&self.keys))
    }

    pub fn add(&mut self, uid: u32, values: Values) {
        let text = |value: &Value| if let Value::Text(text) = value { text.len() } else { 0 };
        let bytes: usize = values.0.iter().map(|value| size_of::<Value>() + text(value)).sum();
        self.bytes += ENTRY + bytes as u64;
        self.entries.push((uid, values));
    }

    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The UIDs in their order; where all keys are the same, ascending.
    pub fn sorted(mut self) -> Vec<u32> {
        let keys = self.keys;
        self.entries.sort_unstable_by(|(uid, values), (other_uid, others)| {
            work::spend(STEPS_PER_COMPARISON);
            let differs = keys.iter().zip(values.0.iter().zip(&others.0)).find_map(|(key, (value, other))| {
                let order = if key.reverse { other.compare(value) } else { value.compare(other) };
                order.is_ne().then_some(order)
            });
            differs.unwrap_or_else(|| uid.cmp(other_uid))
        });
        self.entries.into_iter().map(|(uid, _)| uid).collect()
    }
}

impl Value {
    fn compare(&self, other: &Self) -> Ordering {
        if let (Self::Text(one), Self::Text(other)) = (self, other) {
            work::spend(one.len().min(other.len()));
        }
        self.cmp(other)
    }
}

impl Looking {
    pub fn look(&self, row: &MessageRow, size: Option<u32>, message: &Message) -> Values {
        let value = |key: &SortKey| match key.by {
            SortBy::Arrival => Value::Number(row.internal_date),
            SortBy::Size => Value::Number(row.size.or(size).unwrap_or_default().into()),
            SortBy::Date => Value::Number(sent(row, message)),
            SortBy::Subject => {
                let subject = message.fields().text("Subject").unwrap_or_default();
                Value::Text(collated(&BaseSubject::of(&subject).text, MAX_TEXT))
            }
            SortBy::Cc => address(message.fields(), "Cc", Address::mailbox),
            SortBy::From => address(message.fields(), "From", Address::mailbox),
            SortBy::To => address(message.fields(), "To", Address::mailbox),
            SortBy::DisplayFrom => address(message.fields(), "From", Address::display),
            SortBy::DisplayTo => address(message.fields(), "To", Address::display),
        };
        Values(self.0.iter().map(value).collect())
    }
}

/// When a message was sent, or if it does not say so, when it came (RFC 5256 2.2).
pub(super) fn sent(row: &MessageRow, message: &Message) -> i64 {
    let sent = message.fields().date("Date").and_then(|date| date.unix_seconds);
    sent.unwrap_or(row.internal_date)
}

fn address(fields: Fields<'_>, name: &str, text: fn(&Address) -> String) -> Value {
    Value::Text(fields.addresses(name).first().map(text).map_or_else(Box::default, |text| collated(&text, MAX_TEXT)))
}
