use std::time::SystemTime;

use super::asn1::{
    application, encrypted_data, field, flags, integer, octets, sequence, string, take_encrypted, take_integer,
};
use super::crypto::{Key, Usage};
use super::error::KerberosError;
use super::principal::Principal;
use super::ticket::Ticket;
use super::time;
use crate::auth::der::{Der, SEQUENCE, element};

pub(super) const AP_REQ: u8 = application(14);
pub(super) const AP_REP: u8 = application(15);
pub(super) const AUTHENTICATOR: u8 = application(2);
pub(super) const ENC_AP_REP_PART: u8 = application(27);

/// The checksum type that carries what GSS-API adds (RFC 4121 4.1.1).
pub(super) const GSS_CHECKSUM: i64 = 0x8003;
/// The service shall prove itself (RFC 4120 5.5.1).
const MUTUAL_REQUIRED: u32 = 1 << (31 - 2);
/// GSS_C_MUTUAL_FLAG and GSS_C_INTEG_FLAG (RFC 4121 4.1.1.1).
const GSS_FLAGS: u32 = 2 | 32;

/// How a ticket is shown.
#[derive(Debug, Clone, Copy, Default)]
pub struct ApOptions {
    /// MD5 of the channel bindings, see [`crate::auth::hash_of_bindings`].
    pub channel_bindings: Option<[u8; 16]>,
}

/// What the service's proof is checked against.
#[derive(Debug)]
pub struct Proof {
    key: Key,
    seconds: u64,
    micros: u32,
}

/// Who showed a ticket to a service, and how.
#[derive(Debug)]
pub struct Accepted {
    /// The client.
    pub client: Principal,
    /// The service that the ticket is for.
    pub service: Principal,
    /// MD5 of its channel bindings; zeros if it has none.
    pub channel_bindings: [u8; 16],
    /// The session key of the ticket.
    pub key: Key,
    /// AP-REP, which proves the service to the client.
    pub reply: Vec<u8>,
}

/// AP-REQ, which shows `ticket` to its service (RFC 4120 3.2.2), and what the service must answer with. `random` and
/// `sequence` must be new for each call.
pub fn prove(
    ticket: &Ticket,
    options: ApOptions,
    now: SystemTime,
    random: [u8; 16],
    sequence: u32,
) -> (Vec<u8>, Proof) {
    let mut checksum = Vec::with_capacity(24);
    checksum.extend_from_slice(&16u32.to_le_bytes());
    checksum.extend_from_slice(&options.channel_bindings.unwrap_or_default());
    checksum.extend_from_slice(&GSS_FLAGS.to_le_bytes());
    let authenticator = Authenticator {
        client: &ticket.client,
        checksum: (GSS_CHECKSUM, checksum),
        now,
        sequence: Some(sequence >> 1),
    };
    let message = encode(ticket, MUTUAL_REQUIRED, Usage::Authenticator, random, &authenticator);
    let (seconds, micros) = time::unix(now);
    (message, Proof { key: ticket.key.clone(), seconds, micros })
}

impl Proof {
    /// Checks AP-REP: whoever made it could read the ticket.
    ///
    /// # Errors
    /// [`KerberosError::Malformed`]: it is no such message, or made by somebody else.
    pub fn verify(&self, reply: &[u8]) -> Result<(), KerberosError> {
        let cipher = read_reply(reply).ok_or(KerberosError::Malformed("it is no AP-REP"))?;
        let plain = self.key.decrypt(Usage::ServerProof, cipher)?;
        let read = || {
            let mut fields = Der::new(Der::new(Der::new(&plain).take(ENC_AP_REP_PART)?).take(SEQUENCE)?);
            Some((time::take(&mut fields, 0)?, take_integer(&mut fields, 1)?))
        };
        match read() {
            Some(said) if said == (self.seconds, i64::from(self.micros)) => Ok(()),
            _ => Err(KerberosError::Malformed("the service's proof is for another request")),
        }
    }
}

fn read_reply(reply: &[u8]) -> Option<&[u8]> {
    let mut fields = Der::new(Der::new(Der::new(reply).take(AP_REP)?).take(SEQUENCE)?);
    take_integer(&mut fields, 0)?;
    take_integer(&mut fields, 1)?;
    take_encrypted(&mut fields, 2).map(|(_, cipher)| cipher)
}

/// Authenticator (RFC 4120 5.5.1).
pub(super) struct Authenticator<'a> {
    pub(super) client: &'a Principal,
    /// Type and value.
    pub(super) checksum: (i64, Vec<u8>),
    pub(super) now: SystemTime,
    pub(super) sequence: Option<u32>,
}

impl Authenticator<'_> {
    fn encode(&self) -> Vec<u8> {
        let (seconds, micros) = time::unix(self.now);
        let (kind, value) = &self.checksum;
        let mut fields = vec![
            field(0, &integer(5)),
            field(1, &string(&self.client.realm)),
            field(2, &self.client.encode_name()),
            field(3, &sequence(&[field(0, &integer(*kind)), field(1, &octets(value))])),
            field(4, &integer(i64::from(micros))),
            field(5, &time::encode(seconds)),
        ];
        fields.extend(self.sequence.map(|sequence| field(7, &integer(i64::from(sequence)))));
        element(AUTHENTICATOR, &sequence(&fields))
    }
}

/// AP-REQ.
pub(super) fn encode(
    ticket: &Ticket,
    options: u32,
    usage: Usage,
    random: [u8; 16],
    authenticator: &Authenticator<'_>,
) -> Vec<u8> {
    let cipher = ticket.key.encrypt(usage, random, &authenticator.encode());
    let fields = [
        field(0, &integer(5)),
        field(1, &integer(14)),
        field(2, &flags(options)),
        field(3, &ticket.bytes),
        field(4, &encrypted_data(ticket.key.kind(), &cipher)),
    ];
    element(AP_REQ, &sequence(&fields))
}
