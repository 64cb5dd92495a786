use std::time::SystemTime;

use super::asn1::{application, take_encrypted, take_string};
use super::crypto::Key;
use super::principal::Principal;
use super::time;
use crate::auth::der::{Der, SEQUENCE, context, element};

/// Seconds before its end from which on a ticket is not used any more.
const MARGIN: u64 = 5 * 60;

/// A ticket and the session key that belongs to it, which together let somebody in.
#[derive(Debug, Clone)]
pub struct Ticket {
    /// Whose it is.
    pub client: Principal,
    /// For which service.
    pub service: Principal,
    /// The session key.
    pub key: Key,
    /// When it ends, in seconds since 1970.
    pub end: u64,
    /// As the service wants to see it: the whole element.
    pub(super) bytes: Vec<u8>,
}

impl Ticket {
    /// Whether it can still be used for a while.
    pub fn is_fresh(&self, now: SystemTime) -> bool {
        time::unix(now).0 + MARGIN < self.end
    }
}

/// The outside of a ticket (RFC 4120 5.3).
pub(super) struct Outside<'a> {
    pub(super) service: Principal,
    pub(super) kind: i64,
    pub(super) cipher: &'a [u8],
}

pub(super) const TICKET: u8 = application(1);

/// The ticket in a field, as a whole element, and its parts.
pub(super) fn take<'a>(fields: &mut Der<'a>, number: u8) -> Option<(Vec<u8>, Outside<'a>)> {
    let contents = fields.take_explicit(context(number), TICKET)?;
    Some((element(TICKET, contents), outside(contents)?))
}

/// The parts of a ticket's contents.
fn outside(contents: &[u8]) -> Option<Outside<'_>> {
    let mut ticket = Der::new(Der::new(contents).take(SEQUENCE)?);
    ticket.take(context(0))?;
    let realm = take_string(&mut ticket, 1)?;
    let service = Principal::take_name(&mut ticket, 2, realm)?;
    let (kind, cipher) = take_encrypted(&mut ticket, 3)?;
    Some(Outside { service, kind, cipher })
}
