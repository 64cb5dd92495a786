use std::fmt;
use std::time::SystemTime;

use secrecy::{ExposeSecret, SecretString};

use super::ap;
use super::asn1::{
    GENERAL_STRING, INTEGER, application, encrypted_data, field, flags, integer, octets, read_integer, sequence,
    string, take_encrypted, take_integer, take_key, take_octets, take_string,
};
use super::crypto::{CryptoError, EncryptionType, Key, Usage};
use super::error::{KerberosError, Refusal};
use super::kdc_error::{KdcError, error_code};
use super::principal::{NameType, Principal};
use super::ticket::{self, Ticket};
use super::{MAX_MESSAGE, time};
use crate::auth::der::{Der, OCTET_STRING, SEQUENCE, context, element};

/// Seconds for which tickets are asked; KDCs give less.
const LIFETIME: u64 = 24 * 60 * 60;
/// Entries that are read of a list.
const MAX_ENTRIES: usize = 32;
/// The KDC may give the user another name than the one asked for.
const CANONICALIZE: u32 = 1 << (31 - 15);

const AS_REQ: u8 = 10;
const AS_REP: u8 = 11;
const TGS_REQ: u8 = 12;
const TGS_REP: u8 = 13;

const PA_TGS_REQ: i64 = 1;
const PA_ENC_TIMESTAMP: i64 = 2;
const PA_ETYPE_INFO2: i64 = 19;
const PA_FX_COOKIE: i64 = 133;

/// What a user proves himself with.
#[derive(Clone)]
pub enum Secret {
    /// A password.
    Password(SecretString),
    /// The keys that it makes, as keytabs have them.
    Keys(Vec<Key>),
}

/// What is to be done next.
#[derive(Debug)]
pub enum Progress {
    /// Send this to the KDC.
    Ask(Vec<u8>),
    /// That's it.
    Ticket(Box<Ticket>),
}

/// Gets the first ticket, that of the ticket-granting service, by showing that a secret is known (RFC 4120 3.1). The
/// secret is shown once only: whatever the KDC says then is final.
#[derive(Debug)]
pub struct InitialExchange {
    client: Principal,
    secret: Secret,
    nonce: u32,
    /// The key that was shown.
    shown: Option<Key>,
}

/// Gets the ticket of a service (RFC 4120 3.3).
#[derive(Debug)]
pub struct ServiceExchange {
    granting: Ticket,
    service: Principal,
    nonce: u32,
}

/// How a key is made of a password.
struct KeyInfo {
    kind: EncryptionType,
    salt: Option<Vec<u8>>,
    parameters: Option<Vec<u8>>,
}

impl InitialExchange {
    /// An exchange for `client`. `nonce` must be random.
    pub fn new(client: Principal, secret: Secret, nonce: u32) -> Self {
        Self { client, secret, nonce: nonce >> 1, shown: None }
    }

    /// The first message: who, without any proof, so that the KDC says how keys are made.
    pub fn request(&self, now: SystemTime) -> Vec<u8> {
        self.encode(now, &[])
    }

    /// What the KDC's answer leads to. `random` must be new for each call.
    ///
    /// # Errors
    /// See [`KerberosError`].
    pub fn answer(&mut self, bytes: &[u8], now: SystemTime, random: [u8; 16]) -> Result<Progress, KerberosError> {
        if bytes.len() > MAX_MESSAGE {
            return Err(KerberosError::Malformed("it is too long"));
        }
        let Some(error) = KdcError::decode(bytes) else { return self.ticket(bytes) };
        if error.code == error_code::PREAUTHENTICATION_REQUIRED && self.shown.is_none() {
            let data = padata(error.data.as_deref().unwrap_or_default());
            let key = self.key(&data)?;
            let (seconds, micros) = time::unix(now);
            let stamp = sequence(&[field(0, &time::encode(seconds)), field(1, &integer(i64::from(micros)))]);
            let cipher = key.encrypt(Usage::Timestamp, random, &stamp);
            let mut proofs = vec![(PA_ENC_TIMESTAMP, encrypted_data(key.kind(), &cipher))];
            let cookie = data.into_iter().find(|(kind, _)| *kind == PA_FX_COOKIE);
            proofs.extend(cookie.map(|(kind, value)| (kind, value.to_vec())));
            self.shown = Some(key);
            return Ok(Progress::Ask(self.encode(now, &proofs)));
        }
        Err(failure(error, now))
    }

    fn ticket(&self, bytes: &[u8]) -> Result<Progress, KerberosError> {
        let reply = Reply::decode(bytes, AS_REP).ok_or(KerberosError::Malformed("it is no AS-REP"))?;
        // A name that the KDC looked up comes back as what it found.
        if self.client.kind != NameType::Enterprise && !reply.client.same_name(&self.client) {
            return Err(KerberosError::Malformed("the ticket is somebody else's"));
        }
        let key = match &self.shown {
            Some(key) if key.kind().number() == reply.kind => key.clone(),
            _ => self.key_of(reply.kind, &reply.padata)?,
        };
        let plain = key.decrypt(Usage::InitialAnswer, reply.cipher).map_err(|error| match error {
            // Without a proof before, this is where a wrong password shows.
            CryptoError::Integrity if self.shown.is_none() => KerberosError::Refused(Refusal::WrongSecret),
            error => error.into(),
        })?;
        let granting = Principal::ticket_granting(&reply.client.realm);
        reply.ticket(&plain, self.nonce, &granting).map(Box::new).map(Progress::Ticket)
    }

    /// The key that the KDC wants, of those that it names and this exchange can make.
    fn key(&self, data: &[(i64, &[u8])]) -> Result<Key, KerberosError> {
        let infos = key_infos(data);
        let make = |info: &KeyInfo| match &self.secret {
            Secret::Password(password) => {
                let default = self.client.salt();
                let salt = info.salt.as_deref().unwrap_or(default.as_bytes());
                let key = Key::from_password(info.kind, password.expose_secret(), salt, info.parameters.as_deref());
                Some(key.map_err(KerberosError::from))
            }
            Secret::Keys(keys) => keys.iter().find(|key| key.kind() == info.kind).cloned().map(Ok),
        };
        infos.iter().find_map(make).unwrap_or(Err(KerberosError::NoCommonEncryption))
    }

    fn key_of(&self, kind: i64, data: &[(i64, &[u8])]) -> Result<Key, KerberosError> {
        let kind = EncryptionType::from_number(kind).ok_or(KerberosError::NoCommonEncryption)?;
        match &self.secret {
            Secret::Keys(keys) => {
                keys.iter().find(|key| key.kind() == kind).cloned().ok_or(KerberosError::NoCommonEncryption)
            }
            Secret::Password(password) => {
                let told = key_infos(data).into_iter().find(|info| info.kind == kind);
                let info = told.unwrap_or(KeyInfo { kind, salt: None, parameters: None });
                let salt = info.salt.unwrap_or_else(|| self.client.salt().into_bytes());
                let password = password.expose_secret();
                Ok(Key::from_password(kind, password, &salt, info.parameters.as_deref())?)
            }
        }
    }

    fn encode(&self, now: SystemTime, proofs: &[(i64, Vec<u8>)]) -> Vec<u8> {
        let options = if self.client.kind == NameType::Enterprise { CANONICALIZE } else { 0 };
        let kinds: Vec<_> = match &self.secret {
            Secret::Password(_) => EncryptionType::ALL.to_vec(),
            Secret::Keys(keys) => {
                EncryptionType::ALL.into_iter().filter(|kind| keys.iter().any(|key| key.kind() == *kind)).collect()
            }
        };
        let service = Principal::ticket_granting(&self.client.realm);
        let end = time::unix(now).0 + LIFETIME;
        let body = body(options, Some(&self.client), &service, end, self.nonce, &kinds);
        message(AS_REQ, proofs, &body)
    }
}

impl ServiceExchange {
    /// An exchange for a ticket of `service`, by the ticket of the ticket-granting service. `nonce` must be random.
    pub fn new(granting: Ticket, service: Principal, nonce: u32) -> Self {
        Self { granting, service, nonce: nonce >> 1 }
    }

    /// The message to the KDC. `random` must be new for each call.
    pub fn request(&self, now: SystemTime, random: [u8; 16]) -> Vec<u8> {
        let body = body(0, None, &self.service, self.granting.end, self.nonce, &EncryptionType::ALL);
        let key = &self.granting.key;
        let checksum = key.checksum(Usage::ServiceRequestChecksum, &body);
        let checksum = (key.kind().checksum_number(), checksum.to_vec());
        let authenticator = ap::Authenticator { client: &self.granting.client, checksum, now, sequence: None };
        let request = ap::encode(&self.granting, 0, Usage::ServiceRequest, random, &authenticator);
        message(TGS_REQ, &[(PA_TGS_REQ, request)], &body)
    }

    /// The ticket in the KDC's answer.
    ///
    /// # Errors
    /// See [`KerberosError`].
    pub fn answer(&self, bytes: &[u8], now: SystemTime) -> Result<Ticket, KerberosError> {
        if bytes.len() > MAX_MESSAGE {
            return Err(KerberosError::Malformed("it is too long"));
        }
        if let Some(error) = KdcError::decode(bytes) {
            return Err(match failure(error, now) {
                // The secret was right: nothing that is said here is about it.
                KerberosError::Refused(refusal) => {
                    KerberosError::Unusable(format!("no ticket for the service: {refusal}"))
                }
                error => error,
            });
        }
        let reply = Reply::decode(bytes, TGS_REP).ok_or(KerberosError::Malformed("it is no TGS-REP"))?;
        if !reply.client.same_name(&self.granting.client) {
            return Err(KerberosError::Malformed("the ticket is somebody else's"));
        }
        if reply.kind != self.granting.key.kind().number() {
            return Err(KerberosError::Malformed("it is encrypted by another key"));
        }
        let plain = self.granting.key.decrypt(Usage::ServiceAnswer, reply.cipher)?;
        reply.ticket(&plain, self.nonce, &self.service)
    }
}

/// What a KDC's error means.
fn failure(error: KdcError, now: SystemTime) -> KerberosError {
    match error.code {
        error_code::PREAUTHENTICATION_FAILED => KerberosError::Refused(Refusal::WrongSecret),
        error_code::CLIENT_REVOKED => KerberosError::Refused(Refusal::Revoked),
        error_code::NAME_EXPIRED => KerberosError::Refused(Refusal::AccountExpired),
        error_code::KEY_EXPIRED => KerberosError::Refused(Refusal::PasswordExpired),
        error_code::NO_COMMON_ENCRYPTION => KerberosError::NoCommonEncryption,
        error_code::CLOCK_SKEW => {
            let own = i64::try_from(time::unix(now).0).unwrap_or(i64::MAX);
            KerberosError::Clock(own.saturating_sub(i64::try_from(error.time).unwrap_or(i64::MAX)))
        }
        _ => KerberosError::Kdc(KdcError { data: None, ..error }),
    }
}

/// KDC-REQ-BODY (RFC 4120 5.4.1).
fn body(
    options: u32,
    client: Option<&Principal>,
    service: &Principal,
    end: u64,
    nonce: u32,
    kinds: &[EncryptionType],
) -> Vec<u8> {
    let kinds: Vec<_> = kinds.iter().map(|kind| integer(kind.number())).collect();
    let mut fields = vec![field(0, &flags(options))];
    fields.extend(client.map(|client| field(1, &client.encode_name())));
    fields.extend([
        field(2, &string(&service.realm)),
        field(3, &service.encode_name()),
        field(5, &time::encode(end)),
        field(7, &integer(i64::from(nonce))),
        field(8, &sequence(&kinds)),
    ]);
    sequence(&fields)
}

/// KDC-REQ.
fn message(kind: u8, padata: &[(i64, Vec<u8>)], body: &[u8]) -> Vec<u8> {
    let mut fields = vec![field(1, &integer(5)), field(2, &integer(i64::from(kind)))];
    if !padata.is_empty() {
        let list: Vec<_> = padata
            .iter()
            .map(|(kind, value)| sequence(&[field(1, &integer(*kind)), field(2, &octets(value))]))
            .collect();
        fields.push(field(3, &sequence(&list)));
    }
    fields.push(field(4, body));
    element(application(kind), &sequence(&fields))
}

/// A list of PA-DATA; nothing of what is none.
fn padata(bytes: &[u8]) -> Vec<(i64, &[u8])> {
    let Some(list) = Der::new(bytes).take(SEQUENCE) else { return Vec::new() };
    entries(list).filter_map(|mut entry| Some((take_integer(&mut entry, 1)?, take_octets(&mut entry, 2)?))).collect()
}

/// The sequences in a sequence.
fn entries(list: &[u8]) -> impl Iterator<Item = Der<'_>> {
    let mut list = Der::new(list);
    std::iter::from_fn(move || list.take(SEQUENCE).map(Der::new)).take(MAX_ENTRIES)
}

/// ETYPE-INFO2 (RFC 4120 5.2.7.5), of it what is spoken here.
fn key_infos(data: &[(i64, &[u8])]) -> Vec<KeyInfo> {
    let Some((_, value)) = data.iter().find(|(kind, _)| *kind == PA_ETYPE_INFO2) else { return Vec::new() };
    let Some(list) = Der::new(value).take(SEQUENCE) else { return Vec::new() };
    let read = |mut entry: Der<'_>| {
        let kind = EncryptionType::from_number(read_integer(entry.take_explicit(context(0), INTEGER)?)?)?;
        let salt = entry.take_explicit(context(1), GENERAL_STRING).map(<[u8]>::to_vec);
        let parameters = entry.take_explicit(context(2), OCTET_STRING).map(<[u8]>::to_vec);
        Some(KeyInfo { kind, salt, parameters })
    };
    entries(list).filter_map(read).collect()
}

/// KDC-REP (RFC 4120 5.4.2).
struct Reply<'a> {
    padata: Vec<(i64, &'a [u8])>,
    client: Principal,
    bytes: Vec<u8>,
    kind: i64,
    cipher: &'a [u8],
}

impl<'a> Reply<'a> {
    fn decode(bytes: &'a [u8], kind: u8) -> Option<Self> {
        let mut fields = Der::new(Der::new(Der::new(bytes).take(application(kind))?).take(SEQUENCE)?);
        if take_integer(&mut fields, 0)? != 5 || take_integer(&mut fields, 1)? != i64::from(kind) {
            return None;
        }
        let padata = fields.take(context(2)).map(padata).unwrap_or_default();
        let realm = take_string(&mut fields, 3)?;
        let client = Principal::take_name(&mut fields, 4, realm)?;
        let (bytes, _) = ticket::take(&mut fields, 5)?;
        let (kind, cipher) = take_encrypted(&mut fields, 6)?;
        Some(Self { padata, client, bytes, kind, cipher })
    }

    /// The ticket, by the encrypted part, which must answer the question asked.
    fn ticket(self, plain: &[u8], nonce: u32, wanted: &Principal) -> Result<Ticket, KerberosError> {
        let malformed = KerberosError::Malformed;
        let part = Part::decode(plain).ok_or(malformed("its encrypted part can't be read"))?;
        if part.nonce & 0xFFFF_FFFF != i64::from(nonce) {
            return Err(malformed("it answers another question"));
        }
        if !part.service.same_name(wanted) {
            return Err(match part.service.parts.first() {
                Some(first) if first == "krbtgt" => KerberosError::OtherRealm(part.service),
                _ => malformed("the ticket is for another service"),
            });
        }
        let key = part.key?;
        Ok(Ticket { client: self.client, service: part.service, key, end: part.end, bytes: self.bytes })
    }
}

/// EncKDCRepPart.
struct Part {
    key: Result<Key, CryptoError>,
    nonce: i64,
    end: u64,
    service: Principal,
}

impl Part {
    fn decode(plain: &[u8]) -> Option<Self> {
        let (tag, contents) = Der::new(plain).next()?;
        // KDCs confuse the two.
        if tag != application(25) && tag != application(26) {
            return None;
        }
        let mut fields = Der::new(Der::new(contents).take(SEQUENCE)?);
        let key = take_key(&mut fields, 0)?;
        fields.take(context(1))?;
        let nonce = take_integer(&mut fields, 2)?;
        fields.take(context(3));
        fields.take(context(4))?;
        fields.take(context(5))?;
        fields.take(context(6));
        let end = time::take(&mut fields, 7)?;
        fields.take(context(8));
        let realm = take_string(&mut fields, 9)?;
        let service = Principal::take_name(&mut fields, 10, realm)?;
        Some(Self { key, nonce, end, service })
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Password(_) => "Password(…)",
            Self::Keys(_) => "Keys(…)",
        })
    }
}

#[cfg(test)]
#[path = "kdc_tests.rs"]
mod tests;
