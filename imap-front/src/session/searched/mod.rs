mod found;
mod places;
mod sought;
mod text;

use std::cell::OnceCell;

use chrono::{Datelike, NaiveDate};
use mail_core::message::Message;

pub(crate) use sought::{Place, Sought};

use found::Found;

/// What SEARCH looks at of a message: each place once, for all keys, and no more than they ask for. Of what is decoded only
/// that is kept which was found.
pub(crate) struct Searched<'a> {
    message: &'a Message,
    /// All of it is there, and not just its header.
    full: bool,
    sought: &'a Sought,
    /// For each place that something is sought in.
    found: Vec<OnceCell<Found>>,
    sent: OnceCell<Option<NaiveDate>>,
}

impl<'a> Searched<'a> {
    /// A message, of which only the header may be there.
    pub fn new(message: &'a Message, full: bool, sought: &'a Sought) -> Self {
        let found = std::iter::repeat_with(OnceCell::new).take(sought.places()).collect();
        Self { message, full, sought, found, sent: OnceCell::new() }
    }

    /// The day that the `Date` field names, in its own time zone.
    pub fn sent_day(&self) -> Option<NaiveDate> {
        *self.sent.get_or_init(|| {
            let date = self.message.fields().date("Date")?;
            NaiveDate::from_ymd_opt(i32::from(date.year), u32::from(date.month), u32::from(date.day))
                .filter(|date| date.year() > 0)
        })
    }

    /// Whether a place contains a word, both of them sought; nothing if the place is not there.
    pub fn contains(&self, place: Place<&str>, word: &str) -> Option<bool> {
        let is_there = self.full || matches!(place, Place::Field(_) | Place::Addresses(_));
        if !is_there {
            return None;
        }
        let Some((number, words)) = self.sought.place(place) else { return Some(false) };
        let look = || match place {
            Place::Field(name) => places::in_fields(self.message.fields(), name, words),
            Place::Addresses(name) => places::in_addresses(self.message.fields(), name, words),
            Place::Headers => places::in_headers(self.message.root(), words),
            Place::Body => places::in_body(self.message.root(), words),
        };
        Some(self.found.get(number)?.get_or_init(look).has(words, word))
    }
}
