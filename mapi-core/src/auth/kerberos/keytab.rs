use super::crypto::{EncryptionType, Key};
use super::error::KerberosError;
use super::principal::{NameType, Principal};

/// Entries and components that are read.
const MAX_ENTRIES: usize = 1024;
const MAX_PARTS: usize = 8;

/// The keys of a keytab file, format 5.2 as MIT and Heimdal write it (big-endian).
#[derive(Debug, Clone, Default)]
pub struct Keytab {
    entries: Vec<(Principal, u32, Key)>,
}

impl Keytab {
    /// Reads a file's bytes. Keys of types that are not spoken are left out.
    ///
    /// # Errors
    /// [`KerberosError::Unusable`]: no keytab, or a damaged one.
    pub fn decode(bytes: &[u8]) -> Result<Self, KerberosError> {
        let broken = |at: usize| KerberosError::Unusable(format!("the keytab is damaged at byte {at}"));
        let mut rest = bytes
            .strip_prefix(&[5, 2])
            .ok_or_else(|| KerberosError::Unusable("it is no keytab of format 5.2".into()))?;
        let mut entries = Vec::new();
        while let Some((length, after)) = rest.split_first_chunk::<4>() {
            let at = bytes.len() - rest.len();
            let length = i32::from_be_bytes(*length);
            if length == 0 {
                break;
            }
            let size = usize::try_from(length.unsigned_abs()).map_err(|_| broken(at))?;
            let (entry, after) = after.split_at_checked(size).ok_or_else(|| broken(at))?;
            rest = after;
            // A negative length: a deleted entry.
            if length > 0 {
                if entries.len() == MAX_ENTRIES {
                    return Err(KerberosError::Unusable(format!("the keytab has more than {MAX_ENTRIES} entries")));
                }
                entries.extend(read_entry(entry).ok_or_else(|| broken(at))?);
            }
        }
        Ok(Self { entries })
    }

    /// The newest keys of `principal`; all of these have the same version.
    pub fn keys(&self, principal: &Principal) -> Vec<Key> {
        let of = || self.entries.iter().filter(|(owner, ..)| owner.same_name(principal));
        let newest = of().map(|(_, version, _)| *version).max();
        of().filter(|(_, version, _)| Some(*version) == newest).map(|(.., key)| key.clone()).collect()
    }

    /// Every key, of every principal.
    pub fn all_keys(&self) -> Vec<Key> {
        self.entries.iter().map(|(.., key)| key.clone()).collect()
    }

    /// The principals, in the file's order.
    pub fn principals(&self) -> impl Iterator<Item = &Principal> {
        self.entries.iter().map(|(principal, ..)| principal)
    }
}

/// An entry, or nothing if its type is not spoken; `None` if it is damaged.
fn read_entry(entry: &[u8]) -> Option<Option<(Principal, u32, Key)>> {
    let (count, mut rest) = entry.split_first_chunk::<2>()?;
    let count = usize::from(u16::from_be_bytes(*count));
    if count > MAX_PARTS {
        return None;
    }
    let realm = take_text(&mut rest)?;
    let parts = (0..count).map(|_| take_text(&mut rest)).collect::<Option<Vec<_>>>()?;
    // Kind of name, time, short version, type of key.
    let (fixed, after) = rest.split_first_chunk::<11>()?;
    let [n0, n1, n2, n3, _, _, _, _, short_version, k0, k1] = *fixed;
    let name = i64::from(u32::from_be_bytes([n0, n1, n2, n3]));
    rest = after;
    let bytes = take_counted(&mut rest)?;
    let version = match rest.first_chunk::<4>().map(|long| u32::from_be_bytes(*long)) {
        Some(long) if long != 0 => long,
        _ => u32::from(short_version),
    };
    let kind = if name == 1 { NameType::Principal } else { NameType::Other(name) };
    let Some(encryption) = EncryptionType::from_number(i64::from(u16::from_be_bytes([k0, k1]))) else {
        return Some(None);
    };
    let key = Key::new(encryption, bytes).ok()?;
    Some(Some((Principal { realm, kind, parts }, version, key)))
}

fn take_text(rest: &mut &[u8]) -> Option<String> {
    take_counted(rest).and_then(|bytes| std::str::from_utf8(bytes).ok()).map(str::to_owned)
}

fn take_counted<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, after) = rest.split_first_chunk::<2>()?;
    let (bytes, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
    *rest = after;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(name: &str, version: u32, kind: u16, key: &[u8]) -> Vec<u8> {
        let counted = |bytes: &[u8]| [&(bytes.len() as u16).to_be_bytes()[..], bytes].concat();
        let body = [
            &1u16.to_be_bytes()[..],
            &counted(b"EXAMPLE.TEST"),
            &counted(name.as_bytes()),
            &1u32.to_be_bytes(),
            &[0; 4],
            &[version as u8],
            &kind.to_be_bytes(),
            &counted(key),
            &version.to_be_bytes(),
        ]
        .concat();
        [&(body.len() as i32).to_be_bytes()[..], &body].concat()
    }

    #[test]
    fn the_newest_keys_count() {
        let hole = [&(-8i32).to_be_bytes()[..], &[0xEE; 8]].concat();
        let bytes = [
            &[5, 2][..],
            &entry("alice", 1, 18, &[1; 32]),
            &hole,
            &entry("alice", 300, 18, &[2; 32]),
            &entry("alice", 300, 17, &[3; 16]),
            &entry("alice", 300, 23, &[4; 16]),
            &entry("bob", 301, 17, &[5; 16]),
        ]
        .concat();
        let keytab = Keytab::decode(&bytes).expect("a keytab");
        let alice = Principal::of_user("alice", "EXAMPLE.TEST").expect("a name");
        let keys: Vec<_> = keytab.keys(&alice).iter().map(|key| (key.kind(), key.bytes()[0])).collect();
        assert_eq!(keys, [(EncryptionType::Aes256, 2), (EncryptionType::Aes128, 3)]);
        assert_eq!(keytab.all_keys().len(), 4);
        assert!(Keytab::decode(&bytes[..bytes.len() - 1]).is_err());
        assert!(Keytab::decode(b"\x05\x01").is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn anything_may_come(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            drop(Keytab::decode(&[&[5, 2][..], &bytes].concat()));
        }
    }
}
