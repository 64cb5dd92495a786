use std::fmt;
use std::time::SystemTime;

use super::ap::{AP_REP, AP_REQ, AUTHENTICATOR, Accepted, ENC_AP_REP_PART, GSS_CHECKSUM};
use super::asn1::{
    application, encrypted_data, field, integer, sequence, take_encrypted, take_flags, take_integer, take_key,
    take_octets, take_string,
};
use super::crypto::{Key, Usage};
use super::principal::Principal;
use super::{ticket, time};
use crate::auth::der::{Der, SEQUENCE, context, element};

/// Seconds by which clocks may differ.
const SKEW: u64 = 5 * 60;

/// Why a service does not accept what it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceRefusal {
    /// No AP-REQ, or not one of GSS-API.
    Malformed,
    /// The ticket was made for another key.
    WrongKey,
    /// The authenticator was not made by the ticket's owner.
    WrongClient,
    /// The ticket is not valid now.
    Expired,
    /// The clocks differ too much.
    Clock,
}

/// The service's side: reads AP-REQ with its keys, as keytabs have them (RFC 4120 3.2.3). Replays are not noticed: the
/// caller has to remember what it saw, or be sure that nobody listens.
///
/// # Errors
/// See [`ServiceRefusal`].
pub fn accept(keys: &[Key], request: &[u8], now: SystemTime, random: [u8; 16]) -> Result<Accepted, ServiceRefusal> {
    let malformed = ServiceRefusal::Malformed;
    let (outside, authenticator) = read_request(request).ok_or(malformed)?;
    let fitting = keys.iter().filter(|key| key.kind().number() == outside.kind);
    let mut opened = fitting.filter_map(|key| key.decrypt(Usage::Ticket, outside.cipher).ok());
    let inside = opened.next().ok_or(ServiceRefusal::WrongKey)?;
    let (key, client, end) = read_ticket(&inside).ok_or(malformed)?;
    let plain = key.decrypt(Usage::Authenticator, authenticator).map_err(|_| ServiceRefusal::WrongClient)?;
    let shown = Shown::decode(&plain).ok_or(malformed)?;
    if !shown.client.same_name(&client) {
        return Err(ServiceRefusal::WrongClient);
    }
    let (own, _) = time::unix(now);
    if own > end.saturating_add(SKEW) {
        return Err(ServiceRefusal::Expired);
    }
    if own.abs_diff(shown.seconds) > SKEW {
        return Err(ServiceRefusal::Clock);
    }
    let part = sequence(&[field(0, &time::encode(shown.seconds)), field(1, &integer(shown.micros))]);
    let cipher = key.encrypt(Usage::ServerProof, random, &element(ENC_AP_REP_PART, &part));
    let reply =
        sequence(&[field(0, &integer(5)), field(1, &integer(15)), field(2, &encrypted_data(key.kind(), &cipher))]);
    Ok(Accepted {
        client,
        service: outside.service,
        channel_bindings: shown.channel_bindings,
        key,
        reply: element(AP_REP, &reply),
    })
}

fn read_request(request: &[u8]) -> Option<(ticket::Outside<'_>, &[u8])> {
    let mut fields = Der::new(Der::new(Der::new(request).take(AP_REQ)?).take(SEQUENCE)?);
    take_integer(&mut fields, 0)?;
    take_integer(&mut fields, 1)?;
    take_flags(&mut fields, 2)?;
    let (_, outside) = ticket::take(&mut fields, 3)?;
    let (_, authenticator) = take_encrypted(&mut fields, 4)?;
    Some((outside, authenticator))
}

/// EncTicketPart (RFC 4120 5.3): session key, client, end.
fn read_ticket(plain: &[u8]) -> Option<(Key, Principal, u64)> {
    let mut fields = Der::new(Der::new(Der::new(plain).take(application(3))?).take(SEQUENCE)?);
    take_flags(&mut fields, 0)?;
    let key = take_key(&mut fields, 1)?.ok()?;
    let realm = take_string(&mut fields, 2)?;
    let client = Principal::take_name(&mut fields, 3, realm)?;
    for number in 4..=6 {
        fields.take(context(number));
    }
    Some((key, client, time::take(&mut fields, 7)?))
}

/// What an authenticator says.
struct Shown {
    client: Principal,
    channel_bindings: [u8; 16],
    micros: i64,
    seconds: u64,
}

impl Shown {
    fn decode(plain: &[u8]) -> Option<Self> {
        let mut fields = Der::new(Der::new(Der::new(plain).take(AUTHENTICATOR)?).take(SEQUENCE)?);
        take_integer(&mut fields, 0)?;
        let realm = take_string(&mut fields, 1)?;
        let client = Principal::take_name(&mut fields, 2, realm)?;
        let mut checksum = Der::new(fields.take_explicit(context(3), SEQUENCE)?);
        if take_integer(&mut checksum, 0)? != GSS_CHECKSUM {
            return None;
        }
        let (_, rest) = take_octets(&mut checksum, 1)?.split_first_chunk::<4>()?;
        let channel_bindings = *rest.first_chunk::<16>()?;
        let micros = take_integer(&mut fields, 4)?;
        let seconds = time::take(&mut fields, 5)?;
        Some(Self { client, channel_bindings, micros, seconds })
    }
}

impl fmt::Display for ServiceRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "no AP-REQ of GSS-API",
            Self::WrongKey => "the ticket is for another key",
            Self::WrongClient => "the authenticator is somebody else's",
            Self::Expired => "the ticket is not valid any more",
            Self::Clock => "the clocks differ too much",
        })
    }
}

impl std::error::Error for ServiceRefusal {}
