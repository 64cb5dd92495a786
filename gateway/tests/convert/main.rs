//! Conversion between MAPI and MIME: known answers, a corpus that goes there and back, properties.

mod corpus;
mod golden;
mod inputs;
mod invariants;
mod observe;
mod round_trip;
mod support;
