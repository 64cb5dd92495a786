use super::crypto::{EncryptionType, Key};
use super::error::KerberosError;
use super::principal::{NameType, Principal};
use super::ticket::Ticket;

/// Tickets and components that are read.
const MAX_TICKETS: usize = 256;
const MAX_PARTS: u32 = 8;

/// The tickets of a credential cache file, format 5.4 as `kinit` and `k5start` write it (big-endian).
#[derive(Debug, Clone)]
pub struct CredentialCache {
    /// Whose tickets they are.
    pub owner: Principal,
    tickets: Vec<Ticket>,
}

impl CredentialCache {
    /// Reads a file's bytes. Tickets with keys of types that are not spoken are left out.
    ///
    /// # Errors
    /// [`KerberosError::Unusable`]: no credential cache, or a damaged one.
    pub fn decode(bytes: &[u8]) -> Result<Self, KerberosError> {
        let rest = bytes
            .strip_prefix(&[5, 4])
            .ok_or_else(|| KerberosError::Unusable("it is no credential cache of format 5.4".into()))?;
        let mut reader = Reader(rest);
        let read = |reader: &mut Reader<'_>| {
            let header = usize::from(u16::from_be_bytes(*reader.fixed()?));
            reader.bytes(header)?;
            let owner = reader.principal()?;
            let mut tickets = Vec::new();
            while !reader.0.is_empty() && tickets.len() < MAX_TICKETS {
                tickets.extend(reader.ticket()?);
            }
            Some(Self { owner, tickets })
        };
        read(&mut reader).ok_or_else(|| {
            let at = bytes.len() - reader.0.len();
            KerberosError::Unusable(format!("the credential cache is damaged at byte {at}"))
        })
    }

    /// The ticket of the ticket-granting service of the owner's realm.
    pub fn granting(&self) -> Option<&Ticket> {
        let wanted = Principal::ticket_granting(&self.owner.realm);
        self.tickets.iter().rfind(|ticket| ticket.service.same_name(&wanted))
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn fixed<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (chunk, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(chunk)
    }

    fn bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let (chunk, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(chunk)
    }

    fn number(&mut self) -> Option<u32> {
        self.fixed().map(|bytes| u32::from_be_bytes(*bytes))
    }

    fn counted(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        self.bytes(length)
    }

    fn text(&mut self) -> Option<String> {
        std::str::from_utf8(self.counted()?).ok().map(str::to_owned)
    }

    fn principal(&mut self) -> Option<Principal> {
        let name = self.number()?;
        let count = self.number().filter(|count| *count <= MAX_PARTS)?;
        let realm = self.text()?;
        let parts = (0..count).map(|_| self.text()).collect::<Option<Vec<_>>>()?;
        let kind = match name {
            1 => NameType::Principal,
            2 => NameType::Service,
            10 => NameType::Enterprise,
            name => NameType::Other(i64::from(name)),
        };
        Some(Principal { realm, kind, parts })
    }

    /// A ticket, or nothing if its key is not spoken; `None` if it is damaged.
    fn ticket(&mut self) -> Option<Option<Ticket>> {
        let client = self.principal()?;
        let service = self.principal()?;
        let kind = u16::from_be_bytes(*self.fixed()?);
        let key = self.counted()?;
        // Times of authentication, begin, end, last renewal.
        self.number()?;
        self.number()?;
        let end = u64::from(self.number()?);
        self.number()?;
        // Whether the key is of another ticket's session; flags.
        self.fixed::<1>()?;
        self.number()?;
        // Addresses, authorization data: lists of a type and bytes.
        for _ in 0..2 {
            for _ in 0..self.number()? {
                self.fixed::<2>()?;
                self.counted()?;
            }
        }
        let bytes = self.counted()?.to_vec();
        self.counted()?;
        let key = EncryptionType::from_number(i64::from(kind)).and_then(|kind| Key::new(kind, key).ok());
        Some(key.map(|key| Ticket { client, service, key, end, bytes }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn counted(bytes: &[u8]) -> Vec<u8> {
        [&(bytes.len() as u32).to_be_bytes()[..], bytes].concat()
    }

    fn principal(parts: &[&str]) -> Vec<u8> {
        let mut out = [1u32.to_be_bytes(), (parts.len() as u32).to_be_bytes()].concat();
        out.extend(counted(b"EXAMPLE.TEST"));
        parts.iter().for_each(|part| out.extend(counted(part.as_bytes())));
        out
    }

    fn cache() -> Vec<u8> {
        let mut out = vec![5, 4, 0, 12, 0, 1, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0];
        out.extend(principal(&["alice"]));
        for (service, end) in [(["krbtgt", "EXAMPLE.TEST"], 1_700_000_000u32), (["HTTP", "mail.test"], 5)] {
            out.extend(principal(&["alice"]));
            out.extend(principal(&service));
            out.extend(18u16.to_be_bytes());
            out.extend(counted(&[7; 32]));
            [0, 0, end, 0].iter().for_each(|time: &u32| out.extend(time.to_be_bytes()));
            out.push(0);
            [0u32, 0, 0].iter().for_each(|number| out.extend(number.to_be_bytes()));
            out.extend(counted(b"ticket"));
            out.extend(counted(b""));
        }
        out
    }

    #[test]
    fn the_granting_ticket_is_found() {
        let read = CredentialCache::decode(&cache()).expect("a cache");
        assert_eq!(read.owner.to_string(), "alice@EXAMPLE.TEST");
        let ticket = read.granting().expect("a ticket");
        assert_eq!(
            (ticket.end, ticket.bytes.as_slice(), ticket.key.bytes()),
            (1_700_000_000, &b"ticket"[..], &[7; 32][..])
        );
        let bytes = cache();
        assert!(CredentialCache::decode(&bytes[..bytes.len() - 1]).is_err());
        assert!(CredentialCache::decode(b"\x05\x03").is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn anything_may_come(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            drop(CredentialCache::decode(&[&[5, 4][..], &bytes].concat()));
        }
    }
}
