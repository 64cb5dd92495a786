//! Keys and proofs of NTLMv2 ([MS-NLMP] 3.3.2).

use std::time::{SystemTime, UNIX_EPOCH};

use hmac::{Hmac, Mac};
use md4::{Digest, Md4};
use md5::Md5;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::utf16::utf16;
use crate::auth::SignInName;

/// Seconds from 1601 to 1970.
const EPOCH_DIFFERENCE: u64 = 11_644_473_600;

/// ResponseKeyNT: what a password and a name make. Wiped when dropped, and as good as the password itself.
pub struct ResponseKey(Zeroizing<[u8; 16]>);

impl ResponseKey {
    /// NTOWFv2: HMAC-MD5 under the MD4 of the password, over the name with its user part in upper case.
    pub fn new(password: &SecretString, name: &SignInName) -> Self {
        let password = password.expose_secret();
        // The whole length at once, so that no reallocation leaves a copy behind.
        let mut wide = Zeroizing::new(Vec::with_capacity(password.len() * 2));
        wide.extend(password.encode_utf16().flat_map(u16::to_le_bytes));
        let hash: Zeroizing<[u8; 16]> = Zeroizing::new(Md4::digest(wide.as_slice()).into());
        let user: String = name.user.chars().map(upper).collect();
        Self(Zeroizing::new(hmac_md5(&hash, &[&utf16(&user), &utf16(&name.domain)])))
    }

    /// NTProofStr: shows knowledge of the password for one challenge and the client's `temp`.
    pub fn proof(&self, server_challenge: &[u8; 8], temp: &[u8]) -> [u8; 16] {
        hmac_md5(&self.0, &[server_challenge, temp])
    }

    /// SessionBaseKey, which without key exchange is the exported session key, too.
    pub fn session_key(&self, proof: &[u8; 16]) -> Zeroizing<[u8; 16]> {
        Zeroizing::new(hmac_md5(&self.0, &[proof]))
    }
}

/// MIC: over the three messages of an exchange, the last of them with zeros in the place of the code
/// ([MS-NLMP] 3.1.5.1.2).
pub fn message_integrity_code(session_key: &[u8; 16], messages: [&[u8]; 3]) -> [u8; 16] {
    hmac_md5(session_key, &messages)
}

/// Whether two proofs are the same. Takes the same time wherever they differ.
pub fn same(left: &[u8; 16], right: &[u8; 16]) -> bool {
    left.iter().zip(right).fold(0, |different, (a, b)| different | (a ^ b)) == 0
}

/// A time as FILETIME: 100 nanoseconds since 1601 ([MS-DTYP] 2.3.3). Times before 1970 are 1970.
pub fn filetime(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    (since.as_secs() + EPOCH_DIFFERENCE) * 10_000_000 + u64::from(since.subsec_nanos() / 100)
}

fn hmac_md5(key: &[u8; 16], parts: &[&[u8]]) -> [u8; 16] {
    let mut mac = Hmac::<Md5>::new_from_slice(key).expect("HMAC takes keys of any length");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

/// Upper case as Windows has it: one character becomes one character (ß stays).
fn upper(c: char) -> char {
    let mut upper = c.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// [MS-NLMP] 4.2.1 and 4.2.4.1.3.
    const CHALLENGE: [u8; 8] = [0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF];
    const TEMP: &[u8] = b"\x01\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\0\0\0\0\
        \x02\0\x0C\0D\0o\0m\0a\0i\0n\0\x01\0\x0C\0S\0e\0r\0v\0e\0r\0\0\0\0\0\0\0\0\0";

    fn key(user: &str) -> ResponseKey {
        ResponseKey::new(
            &SecretString::from("Password"),
            &SignInName { user: user.to_owned(), domain: "Domain".to_owned() },
        )
    }

    /// [MS-NLMP] 4.2.4.1 and 4.2.4.2.
    #[test]
    fn the_published_values() {
        let key = key("User");
        let response_key =
            [0x0C, 0x86, 0x8A, 0x40, 0x3B, 0xFD, 0x7A, 0x93, 0xA3, 0x00, 0x1E, 0xF2, 0x2E, 0xF0, 0x2E, 0x3F];
        let proof = [0x68, 0xCD, 0x0A, 0xB8, 0x51, 0xE5, 0x1C, 0x96, 0xAA, 0xBC, 0x92, 0x7B, 0xEB, 0xEF, 0x6A, 0x1C];
        let session = [0x8D, 0xE4, 0x0C, 0xCA, 0xDB, 0xC1, 0x4A, 0x82, 0xF1, 0x5C, 0xB0, 0xAD, 0x0D, 0xE9, 0x5C, 0xA3];
        assert_eq!(*key.0, response_key);
        assert_eq!(key.proof(&CHALLENGE, TEMP), proof);
        assert_eq!(*key.session_key(&proof), session);
    }

    #[test]
    fn only_the_user_is_in_upper_case_and_keeps_its_length() {
        assert_eq!(*key("User").0, *key("uSER").0);
        assert_eq!("straße ǆ é".chars().map(upper).collect::<String>(), "STRAßE Ǆ É");
    }

    #[test]
    fn times_and_comparisons() {
        assert_eq!(filetime(UNIX_EPOCH), 116_444_736_000_000_000);
        assert_eq!(filetime(UNIX_EPOCH + Duration::from_secs(1_495_570_387)), 131_400_439_870_000_000);
        assert!(same(&[1; 16], &[1; 16]) && !same(&[1; 16], &[2; 16]));
    }
}
