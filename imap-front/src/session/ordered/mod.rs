//! The orders of what a search finds: SORT and THREAD (RFC 5256). Of each message no more is kept than its place needs.

mod base_subject;
mod collation;
mod forest;
mod message_id;
mod nest;
mod sorter;
mod threader;
mod threads;

use mail_core::message::Message;
use mail_core::{FetchNeed, MessageRow};

use super::view::View;
use crate::proto::order::Order;
use crate::proto::response::Output;

use sorter::{Sorter, Values};
use threader::{Look, Threader};

/// What the place of one message depends on.
#[derive(Debug)]
pub struct Told(Inner);

#[derive(Debug)]
enum Inner {
    Sort(Values),
    Thread(Look),
}

/// Messages that are being put in order.
pub(crate) enum Ordered {
    Sort(Sorter),
    Thread(Threader),
}

/// How messages are looked at, for many at a time.
#[derive(Clone)]
pub(crate) enum Looking {
    Sort(sorter::Looking),
    Thread(threader::Looking),
}

/// What came of it.
pub(crate) enum Placed {
    Sorted(Vec<u32>),
    Threads(Output),
}

impl Ordered {
    /// Nothing yet, for an order that is not that of the mailbox.
    pub fn new(order: &Order) -> Option<Self> {
        match order {
            Order::Mailbox => None,
            Order::Sorted(keys) => Some(Self::Sort(Sorter::new(keys))),
            Order::Threads(algorithm) => Some(Self::Thread(Threader::new(*algorithm))),
        }
    }

    /// What must be known of a message beside its row.
    pub fn need(&self, row: &MessageRow) -> Option<FetchNeed> {
        match self {
            Self::Sort(sorter) => sorter.need(row),
            Self::Thread(_) => Some(FetchNeed::Outline),
        }
    }

    pub fn looking(&self) -> Looking {
        match self {
            Self::Sort(sorter) => Looking::Sort(sorter.looking()),
            Self::Thread(threader) => Looking::Thread(threader.looking()),
        }
    }

    /// Adds a message. UIDs ascend for threads, where it counts which message came first.
    pub fn add(&mut self, row: &MessageRow, told: Told) {
        match (self, told.0) {
            (Self::Sort(sorter), Inner::Sort(values)) => sorter.add(row.uid, values),
            (Self::Thread(threader), Inner::Thread(look)) => threader.add(row, look),
            _ => {}
        }
    }

    /// The memory that it takes, about.
    pub fn bytes(&self) -> u64 {
        match self {
            Self::Sort(sorter) => sorter.bytes(),
            Self::Thread(threader) => threader.bytes(),
        }
    }

    /// The order, or the threads as they are shown of this view, by UID if `uid`.
    pub fn placed(self, view: &View, uid: bool) -> Placed {
        match self {
            Self::Sort(sorter) => Placed::Sorted(sorter.sorted()),
            Self::Thread(threader) => {
                let shown = |message: u32| if uid { Some(message) } else { view.number(message) };
                Placed::Threads(threader.threads(shown))
            }
        }
    }
}

impl Looking {
    /// Looks at a message; `size` is its RFC822.SIZE.
    pub fn look(&self, row: &MessageRow, size: Option<u32>, message: &Message) -> Told {
        Told(match self {
            Self::Sort(looking) => Inner::Sort(looking.look(row, size, message)),
            Self::Thread(looking) => Inner::Thread(looking.look(row, message)),
        })
    }
}
