//! The channel binding `tls-server-end-point` (RFC 5929 4): ties an authentication to the certificate of the TLS connection
//! that it goes over.

use md5::{Digest, Md5};
use sha2::{Sha224, Sha256, Sha384, Sha512};

use super::der::{Der, OID, SEQUENCE, context};

const PREFIX: &[u8] = b"tls-server-end-point:";

/// PKCS #1, 1.2.840.113549.1.1; the last number says which algorithm.
const PKCS1: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01];
/// ecdsa-with-SHA2, 1.2.840.10045.4.3; likewise.
const ECDSA_SHA2: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03];
/// ecdsa-with-SHA1, 1.2.840.10045.4.1.
const ECDSA_SHA1: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x01];
/// SHA-2, 2.16.840.1.101.3.4.2; the last number says which.
const SHA2: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02];

/// The application data of the binding: `tls-server-end-point:` and the hash of the certificate, taken with the hash of the
/// certificate's own signature, with SHA-256 in place of MD5 and SHA-1 (RFC 5929 4.1).
///
/// `None` for signature algorithms without one hash (Ed25519), for which no such binding is defined, and for what is no
/// certificate.
pub fn tls_server_end_point(certificate: &[u8]) -> Option<Vec<u8>> {
    let hash = match signature_hash(certificate)? {
        Hash::Sha224 => Sha224::digest(certificate).to_vec(),
        Hash::Sha256 => Sha256::digest(certificate).to_vec(),
        Hash::Sha384 => Sha384::digest(certificate).to_vec(),
        Hash::Sha512 => Sha512::digest(certificate).to_vec(),
    };
    Some([PREFIX, &hash].concat())
}

/// MD5 over the gss_channel_bindings_struct with `application_data` and no addresses (RFC 4121 4.1.1.2): the value of the
/// AV pair MsvAvChannelBindings ([MS-NLMP] 2.2.2.1) and of the checksum of a Kerberos authenticator.
pub fn hash_of_bindings(application_data: &[u8]) -> [u8; 16] {
    let mut hash = Md5::new();
    // Types and lengths of both addresses.
    hash.update([0; 16]);
    hash.update((application_data.len() as u32).to_le_bytes());
    hash.update(application_data);
    hash.finalize().into()
}

/// SHA-256 of a certificate as tools show it: `AB:CD:…`.
pub(super) fn fingerprint(certificate: &[u8]) -> String {
    Sha256::digest(certificate).iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
}

enum Hash {
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

/// Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm, signature } (RFC 5280 4.1).
fn signature_hash(certificate: &[u8]) -> Option<Hash> {
    let mut fields = Der::new(Der::new(certificate).take(SEQUENCE)?);
    fields.take(SEQUENCE)?;
    let mut algorithm = Der::new(fields.take(SEQUENCE)?);
    let oid = algorithm.take(OID)?;
    if oid == ECDSA_SHA1 {
        return Some(Hash::Sha256);
    }
    let (&last, arc) = oid.split_last()?;
    match (arc, last) {
        // md5, sha1
        (PKCS1, 4 | 5) => Some(Hash::Sha256),
        (PKCS1, 10) => pss_hash(algorithm),
        (PKCS1, 11) | (ECDSA_SHA2, 2) => Some(Hash::Sha256),
        (PKCS1, 12) | (ECDSA_SHA2, 3) => Some(Hash::Sha384),
        (PKCS1, 13) | (ECDSA_SHA2, 4) => Some(Hash::Sha512),
        (PKCS1, 14) | (ECDSA_SHA2, 1) => Some(Hash::Sha224),
        _ => None,
    }
}

/// RSASSA-PSS names its hash in the parameters; SHA-1, that is SHA-256 here, if it doesn't (RFC 4055 3.1).
fn pss_hash(mut algorithm: Der<'_>) -> Option<Hash> {
    let mut parameters = Der::new(algorithm.take(SEQUENCE)?);
    let Some(hash) = parameters.take_explicit(context(0), SEQUENCE) else { return Some(Hash::Sha256) };
    let (&last, arc) = Der::new(hash).take(OID)?.split_last()?;
    match (arc, last) {
        (SHA2, 1) => Some(Hash::Sha256),
        (SHA2, 2) => Some(Hash::Sha384),
        (SHA2, 3) => Some(Hash::Sha512),
        (SHA2, 4) => Some(Hash::Sha224),
        (SHA2, _) => None,
        _ => Some(Hash::Sha256),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519};

    use super::super::der::element;
    use super::*;

    /// Microsoft's example of Extended Protection with NTLM ("NTLM and Channel Binding Hash").
    #[test]
    fn the_published_example() {
        let hash = [
            0xEA, 0x05, 0xFE, 0xFE, 0xCC, 0x6B, 0x0B, 0xD5, 0x71, 0xDB, 0xBC, 0x5B, 0xAA, 0x3E, 0xD4, 0x53, 0x86, 0xD0,
            0x44, 0x68, 0x35, 0xF7, 0xB7, 0x4C, 0x85, 0x62, 0x1B, 0x99, 0x83, 0x47, 0x5F, 0x95,
        ];
        let expected = [0x65, 0x86, 0xE9, 0x9D, 0x81, 0xC2, 0xFC, 0x98, 0x4E, 0x47, 0x17, 0x2F, 0xD4, 0xDD, 0x03, 0x10];
        assert_eq!(hash_of_bindings(&[PREFIX, &hash].concat()), expected);
    }

    #[test]
    fn the_hash_is_that_of_the_signature() {
        let binding = |algorithm| {
            let key = KeyPair::generate_for(algorithm).expect("a key");
            let certificate = CertificateParams::new(vec!["mail.test".to_owned()]).expect("a name").self_signed(&key);
            let der = certificate.expect("a certificate").der().to_vec();
            (tls_server_end_point(&der), der)
        };
        let (p256, der) = binding(&PKCS_ECDSA_P256_SHA256);
        assert_eq!(p256, Some([PREFIX, &Sha256::digest(&der)].concat()));
        let (p384, der) = binding(&PKCS_ECDSA_P384_SHA384);
        assert_eq!(p384, Some([PREFIX, &Sha384::digest(&der)].concat()));
        assert_eq!(binding(&PKCS_ED25519).0, None);
    }

    #[test]
    fn weak_and_parametrised_hashes() {
        let certificate =
            |algorithm: &[u8]| element(SEQUENCE, &[element(SEQUENCE, b""), element(SEQUENCE, algorithm)].concat());
        let length = |algorithm: &[u8]| tls_server_end_point(&certificate(algorithm)).map(|b| b.len() - PREFIX.len());
        let pkcs1 = |last| element(OID, &[PKCS1, &[last]].concat());
        for (last, expected) in [(4, 32), (5, 32), (11, 32), (12, 48), (13, 64), (14, 28)] {
            assert_eq!(length(&pkcs1(last)), Some(expected), "{last}");
        }
        assert_eq!(length(&element(OID, ECDSA_SHA1)), Some(32));
        let pss = |hash: u8| {
            let hash = element(SEQUENCE, &element(OID, &[SHA2, &[hash]].concat()));
            [pkcs1(10), element(SEQUENCE, &element(context(0), &hash))].concat()
        };
        assert_eq!(length(&pss(2)), Some(48));
        assert_eq!(length(&[pkcs1(10), element(SEQUENCE, b"")].concat()), Some(32));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn anything_may_come(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            tls_server_end_point(&bytes);
        }
    }
}
