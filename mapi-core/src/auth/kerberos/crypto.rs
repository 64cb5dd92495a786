use std::fmt;

use aes::cipher::generic_array::GenericArray;
use aes::cipher::{BlockDecrypt, BlockEncrypt, KeyInit};
use aes::{Aes128, Aes256};
use hmac::{Hmac, Mac};
use sha1::Sha1;
use zeroize::Zeroizing;

const BLOCK: usize = 16;
/// Bytes of a checksum: HMAC-SHA1, truncated.
const CHECKSUM: usize = 12;
/// Iterations where nothing else is said (RFC 3962 4).
const DEFAULT_ITERATIONS: u32 = 4096;
/// Most iterations that are done because somebody says so: about a tenth of a second.
const MAX_ITERATIONS: u32 = 1 << 16;

/// An encryption type (RFC 3962 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EncryptionType {
    /// aes128-cts-hmac-sha1-96.
    Aes128,
    /// aes256-cts-hmac-sha1-96.
    Aes256,
}

/// What a key is used for (RFC 4120 7.5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Usage {
    /// Timestamp of pre-authentication.
    Timestamp = 1,
    /// Ticket.
    Ticket = 2,
    /// Encrypted part of the answer to AS-REQ.
    InitialAnswer = 3,
    /// Checksum over the body of TGS-REQ.
    ServiceRequestChecksum = 6,
    /// Authenticator of TGS-REQ.
    ServiceRequest = 7,
    /// Encrypted part of the answer to TGS-REQ.
    ServiceAnswer = 8,
    /// Authenticator of AP-REQ.
    Authenticator = 11,
    /// Encrypted part of AP-REP.
    ServerProof = 12,
}

/// Why something can't be decrypted or made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CryptoError {
    /// Not made with this key, or changed on the way.
    Integrity,
    /// Too short to be anything encrypted.
    Short,
    /// A key of another length than its type has.
    KeyLength,
    /// A number of iterations that nobody should ask for.
    Iterations(u32),
}

/// A key. Wiped when dropped.
#[derive(Clone)]
pub struct Key {
    kind: EncryptionType,
    bytes: Zeroizing<Vec<u8>>,
}

impl EncryptionType {
    /// All of them, the strongest first.
    pub const ALL: [Self; 2] = [Self::Aes256, Self::Aes128];

    /// The number that stands for it.
    pub fn number(self) -> i64 {
        match self {
            Self::Aes128 => 17,
            Self::Aes256 => 18,
        }
    }

    /// The type of a number; `None` for types that are not spoken.
    pub fn from_number(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }

    /// The number of its checksum type, hmac-sha1-96-aes….
    pub fn checksum_number(self) -> i64 {
        match self {
            Self::Aes128 => 15,
            Self::Aes256 => 16,
        }
    }

    /// Bytes of a key.
    pub fn key_length(self) -> usize {
        match self {
            Self::Aes128 => 16,
            Self::Aes256 => 32,
        }
    }
}

impl Key {
    /// A key of these bytes.
    ///
    /// # Errors
    /// [`CryptoError::KeyLength`].
    pub fn new(kind: EncryptionType, bytes: &[u8]) -> Result<Self, CryptoError> {
        if bytes.len() != kind.key_length() {
            return Err(CryptoError::KeyLength);
        }
        Ok(Self { kind, bytes: Zeroizing::new(bytes.to_vec()) })
    }

    /// The key that a password makes with a salt (RFC 3962 4). `parameters`: what the KDC says of it, four bytes with the
    /// number of iterations.
    ///
    /// # Errors
    /// [`CryptoError::Iterations`] if that is none, or more than anybody needs.
    pub fn from_password(
        kind: EncryptionType,
        password: &str,
        salt: &[u8],
        parameters: Option<&[u8]>,
    ) -> Result<Self, CryptoError> {
        let iterations = match parameters {
            None => DEFAULT_ITERATIONS,
            Some(bytes) => bytes.try_into().map(u32::from_be_bytes).unwrap_or(0),
        };
        if iterations == 0 || iterations > MAX_ITERATIONS {
            return Err(CryptoError::Iterations(iterations));
        }
        let bytes = pbkdf2(password.as_bytes(), salt, iterations, kind.key_length());
        Self { kind, bytes }.derive(b"kerberos")
    }

    /// Its type.
    pub fn kind(&self) -> EncryptionType {
        self.kind
    }

    /// Its bytes, which are secret.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Encrypts (RFC 3961 5.3). `confounder` must be random.
    pub fn encrypt(&self, usage: Usage, confounder: [u8; 16], plain: &[u8]) -> Vec<u8> {
        let mut data = Vec::with_capacity(BLOCK + plain.len() + CHECKSUM);
        data.extend_from_slice(&confounder);
        data.extend_from_slice(plain);
        let code = self.usage_key(usage, 0x55).hmac(&data);
        self.usage_key(usage, 0xAA).cbc_encrypt(&mut data);
        data.extend_from_slice(&code);
        data
    }

    /// Decrypts what [`Key::encrypt`] made.
    ///
    /// # Errors
    /// [`CryptoError::Short`], [`CryptoError::Integrity`].
    pub fn decrypt(&self, usage: Usage, data: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
        let length = data.len().checked_sub(CHECKSUM).filter(|&length| length >= BLOCK).ok_or(CryptoError::Short)?;
        let (data, code) = data.split_at(length);
        let mut plain = Zeroizing::new(data.to_vec());
        self.usage_key(usage, 0xAA).cbc_decrypt(&mut plain);
        if !same(&self.usage_key(usage, 0x55).hmac(&plain), code) {
            return Err(CryptoError::Integrity);
        }
        plain.drain(..BLOCK);
        Ok(plain)
    }

    /// A checksum of the type that belongs to the key's (RFC 3961 5.4).
    pub fn checksum(&self, usage: Usage, data: &[u8]) -> [u8; 12] {
        self.usage_key(usage, 0x99).hmac(data)
    }

    /// Ke, Ki or Kc, as `purpose` says (RFC 3961 5.3).
    fn usage_key(&self, usage: Usage, purpose: u8) -> Self {
        let mut constant = [0; 5];
        constant[..4].copy_from_slice(&(usage as u32).to_be_bytes());
        constant[4] = purpose;
        self.derive(&constant).expect("derived keys have the length of their type")
    }

    /// DK (RFC 3961 5.1).
    fn derive(&self, constant: &[u8]) -> Result<Self, CryptoError> {
        let mut block = [0; BLOCK];
        block.copy_from_slice(&n_fold(constant, BLOCK));
        let cipher = Cipher::new(self);
        let mut bytes = Zeroizing::new(Vec::with_capacity(self.kind.key_length()));
        while bytes.len() < self.kind.key_length() {
            cipher.encrypt(&mut block);
            bytes.extend_from_slice(&block);
        }
        Self::new(self.kind, &bytes)
    }

    fn hmac(&self, data: &[u8]) -> [u8; CHECKSUM] {
        let mut mac = <Hmac<Sha1> as Mac>::new_from_slice(&self.bytes).expect("HMAC takes keys of any length");
        mac.update(data);
        let mut code = [0; CHECKSUM];
        code.copy_from_slice(&mac.finalize().into_bytes()[..CHECKSUM]);
        code
    }

    /// CBC with ciphertext stealing, and an initial vector of zeros (RFC 3962 6). At least a block.
    fn cbc_encrypt(&self, data: &mut [u8]) {
        let cipher = Cipher::new(self);
        let length = data.len();
        let mut previous = [0; BLOCK];
        let mut before = [0; BLOCK];
        for start in (0..length).step_by(BLOCK) {
            let mut block = [0; BLOCK];
            let end = length.min(start + BLOCK);
            block[..end - start].copy_from_slice(&data[start..end]);
            block.iter_mut().zip(previous).for_each(|(byte, other)| *byte ^= other);
            cipher.encrypt(&mut block);
            before = previous;
            previous = block;
            if end - start == BLOCK {
                data[start..end].copy_from_slice(&block);
            }
        }
        // The last two blocks change places, and the one that is last then is cut.
        if length > BLOCK {
            let last = last_block(length);
            data[last - BLOCK..last].copy_from_slice(&previous);
            data[last..].copy_from_slice(&before[..length - last]);
        }
    }

    fn cbc_decrypt(&self, data: &mut [u8]) {
        let cipher = Cipher::new(self);
        let length = data.len();
        if length < BLOCK {
            return;
        }
        let whole = if length > BLOCK { last_block(length) - BLOCK } else { length };
        let mut previous = [0; BLOCK];
        for block in data[..whole].chunks_exact_mut(BLOCK) {
            let mut plain = [0; BLOCK];
            plain.copy_from_slice(block);
            let encrypted = plain;
            cipher.decrypt(&mut plain);
            plain.iter_mut().zip(previous).for_each(|(byte, other)| *byte ^= other);
            block.copy_from_slice(&plain);
            previous = encrypted;
        }
        if length > BLOCK {
            let last = whole + BLOCK;
            let mut mixed = [0; BLOCK];
            mixed.copy_from_slice(&data[whole..last]);
            cipher.decrypt(&mut mixed);
            // What was stolen completes the block before.
            let mut stolen = mixed;
            stolen[..length - last].copy_from_slice(&data[last..]);
            for (place, (byte, other)) in data[last..].iter_mut().zip(mixed.iter().zip(stolen)) {
                *place = byte ^ other;
            }
            cipher.decrypt(&mut stolen);
            for (place, (byte, other)) in data[whole..last].iter_mut().zip(stolen.iter().zip(previous)) {
                *place = byte ^ other;
            }
        }
    }
}

/// Where the last block begins, which may be a part of one.
fn last_block(length: usize) -> usize {
    (length - 1) / BLOCK * BLOCK
}

enum Cipher {
    Aes128(Box<Aes128>),
    Aes256(Box<Aes256>),
}

impl Cipher {
    fn new(key: &Key) -> Self {
        let proof = "a key has the length of its type";
        match key.kind {
            EncryptionType::Aes128 => Self::Aes128(Box::new(Aes128::new_from_slice(&key.bytes).expect(proof))),
            EncryptionType::Aes256 => Self::Aes256(Box::new(Aes256::new_from_slice(&key.bytes).expect(proof))),
        }
    }

    fn encrypt(&self, block: &mut [u8; BLOCK]) {
        let block = GenericArray::from_mut_slice(block);
        match self {
            Self::Aes128(cipher) => cipher.encrypt_block(block),
            Self::Aes256(cipher) => cipher.encrypt_block(block),
        }
    }

    fn decrypt(&self, block: &mut [u8; BLOCK]) {
        let block = GenericArray::from_mut_slice(block);
        match self {
            Self::Aes128(cipher) => cipher.decrypt_block(block),
            Self::Aes256(cipher) => cipher.decrypt_block(block),
        }
    }
}

/// PBKDF2 with HMAC-SHA1 (RFC 8018 5.2).
fn pbkdf2(password: &[u8], salt: &[u8], iterations: u32, length: usize) -> Zeroizing<Vec<u8>> {
    let keyed = <Hmac<Sha1> as Mac>::new_from_slice(password).expect("HMAC takes keys of any length");
    let mut out = Zeroizing::new(Vec::with_capacity(length + 20));
    for number in 1u32.. {
        let mut mac = keyed.clone();
        mac.update(salt);
        mac.update(&number.to_be_bytes());
        let mut round = mac.finalize().into_bytes();
        let mut block = Zeroizing::new([0u8; 20]);
        block.copy_from_slice(&round);
        for _ in 1..iterations {
            let mut mac = keyed.clone();
            mac.update(&round);
            round = mac.finalize().into_bytes();
            block.iter_mut().zip(&round).for_each(|(byte, other)| *byte ^= other);
        }
        out.extend_from_slice(&block[..]);
        if out.len() >= length {
            break;
        }
    }
    out.truncate(length);
    out
}

/// Stretches or shrinks to `length` bytes so that every bit counts (RFC 3961 5.1).
fn n_fold(input: &[u8], length: usize) -> Vec<u8> {
    let (bits, total) = (input.len() * 8, least_common_multiple(input.len(), length));
    let mut sums = vec![0u32; length];
    for at in 0..total {
        // Every repetition is turned right by 13 bits more than the one before.
        let turned = 13 * (at / input.len()) % bits;
        let first = (at % input.len() * 8 + bits - turned) % bits;
        let byte = (0..8).fold(0u32, |byte, bit| {
            let bit = (first + bit) % bits;
            byte << 1 | u32::from(input[bit / 8] >> (7 - bit % 8) & 1)
        });
        sums[at % length] += byte;
    }
    // One's complement addition: what is carried out at the front comes in at the end.
    while sums.iter().any(|&sum| sum > 0xFF) {
        for at in (0..length).rev() {
            let carry = sums[at] >> 8;
            sums[at] &= 0xFF;
            sums[(at + length - 1) % length] += carry;
        }
    }
    sums.into_iter().map(|sum| sum as u8).collect()
}

fn least_common_multiple(a: usize, b: usize) -> usize {
    let (mut x, mut y) = (a, b);
    while y != 0 {
        (x, y) = (y, x % y);
    }
    a / x * b
}

/// Takes the same time wherever they differ.
fn same(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len() && left.iter().zip(right).fold(0, |different, (a, b)| different | (a ^ b)) == 0
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({:?}, …)", self.kind)
    }
}

impl fmt::Display for CryptoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integrity => write!(f, "not encrypted with this key, or changed on the way"),
            Self::Short => write!(f, "too short to be encrypted"),
            Self::KeyLength => write!(f, "a key of another length than its type has"),
            Self::Iterations(number) => write!(f, "{number} iterations are asked for to make a key of the password"),
        }
    }
}

impl std::error::Error for CryptoError {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
        let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("digits"), 16).expect("digits");
        digits.chunks(2).map(pair).collect()
    }

    /// RFC 3961 A.1.
    #[test]
    fn folding_as_published() {
        for (text, length, expected) in [
            ("012345", 8, "be072631276b1955"),
            ("password", 7, "78a07b6caf85fa"),
            ("Rough Consensus, and Running Code", 8, "bb6ed30870b7f0e0"),
            ("password", 21, "59e4a8ca7c0385c3c37b3f6d2000247cb6e6bd5b3e"),
            ("MASSACHVSETTS INSTITVTE OF TECHNOLOGY", 24, "db3b0d8f0b061e603282b308a50841229ad798fab9540c1b"),
            ("Q", 21, "518a54a2 15a8452a 518a54a2 15a8452a 518a54a2 15"),
            ("ba", 21, "fb25d531 ae897449 9f52fd92 ea9857c4 ba24cf29 7e"),
            ("kerberos", 8, "6b65726265726f73"),
            ("kerberos", 16, "6b65726265726f737b9b5b2b93132b93"),
            ("kerberos", 21, "8372c236344e5f1550cd0747e15d62ca7a5a3bcea4"),
            ("kerberos", 32, "6b65726265726f737b9b5b2b93132b935c9bdcdad95c9899c4cae4dee6d6cae4"),
        ] {
            assert_eq!(n_fold(text.as_bytes(), length), hex(expected), "{length}-fold of {text}");
        }
    }

    /// RFC 3962 B, "sample PBKDF2 HMAC-SHA1 test vectors".
    #[test]
    fn passwords_as_published() {
        let clef = "\u{1d11e}";
        let x64 = "X".repeat(64);
        let x65 = "X".repeat(65);
        let five: &[u8] = &[0x12, 0x34, 0x56, 0x78, 0x78, 0x56, 0x34, 0x12];
        let vectors: [(u32, &str, &[u8], &str, &str); 7] = [
            (
                1,
                "password",
                b"ATHENA.MIT.EDUraeburn",
                "42263c6e89f4fc28b8df68ee09799f15",
                "fe697b52bc0d3ce14432ba036a92e65bbb52280990a2fa27883998d72af30161",
            ),
            (
                2,
                "password",
                b"ATHENA.MIT.EDUraeburn",
                "c651bf29e2300ac27fa469d693bdda13",
                "a2e16d16b36069c135d5e9d2e25f896102685618b95914b467c67622225824ff",
            ),
            (
                1200,
                "password",
                b"ATHENA.MIT.EDUraeburn",
                "4c01cd46d632d01e6dbe230a01ed642a",
                "55a6ac740ad17b4846941051e1e8b0a7548d93b0ab30a8bc3ff16280382b8c2a",
            ),
            (
                5,
                "password",
                five,
                "e9b23d52273747dd5c35cb55be619d8e",
                "97a4e786be20d81a382d5ebc96d5909cabcdadc87ca48f574504159f16c36e31",
            ),
            (
                1200,
                &x64,
                b"pass phrase equals block size",
                "59d1bb789a828b1aa54ef9c2883f69ed",
                "89adee3608db8bc71f1bfbfe459486b05618b70cbae22092534e56c553ba4b34",
            ),
            (
                1200,
                &x65,
                b"pass phrase exceeds block size",
                "cb8005dc5f90179a7f02104c0018751d",
                "d78c5c9cb872a8c9dad4697f0bb5b2d21496c82beb2caeda2112fceea057401b",
            ),
            (
                50,
                clef,
                b"EXAMPLE.COMpianist",
                "f149c1f2e154a73452d43e7fe62a56e5",
                "4b6d9839f84406df1f09cc166db4b83c571848b784a3d6bdc346589a3e393f9e",
            ),
        ];
        for (iterations, password, salt, aes128, aes256) in vectors {
            for (kind, expected) in [(EncryptionType::Aes128, aes128), (EncryptionType::Aes256, aes256)] {
                let parameters = iterations.to_be_bytes();
                let key = Key::from_password(kind, password, salt, Some(&parameters)).expect("a key");
                assert_eq!(key.bytes(), hex(expected), "{iterations} {password} {kind:?}");
            }
        }
        for parameters in [&[0u8, 0, 0, 0][..], &[0xFF; 4], &[1], &[]] {
            let refused = Key::from_password(EncryptionType::Aes128, "x", b"y", Some(parameters));
            assert!(matches!(refused, Err(CryptoError::Iterations(_))));
        }
    }

    /// RFC 3962 B, "some test vectors for CBC with ciphertext stealing".
    #[test]
    fn stealing_as_published() {
        let key = Key::new(EncryptionType::Aes128, &hex("636869636b656e207465726979616b69")).expect("a key");
        let plain = b"I would like the General Gau's Chicken, please, and wonton soup.";
        for (length, expected) in [
            (17, "c6353568f2bf8cb4d8a580362da7ff7f97"),
            (31, "fc00783e0efdb2c1d445d4c8eff7ed2297687268d6ecccc0c07b25e25ecfe5"),
            (32, "39312523a78662d5be7fcbcc98ebf5a897687268d6ecccc0c07b25e25ecfe584"),
            (47, "97687268d6ecccc0c07b25e25ecfe584b3fffd940c16a18c1b5549d2f838029e39312523a78662d5be7fcbcc98ebf5"),
            (48, "97687268d6ecccc0c07b25e25ecfe5849dad8bbb96c4cdc03bc103e1a194bbd839312523a78662d5be7fcbcc98ebf5a8"),
            (
                64,
                "97687268d6ecccc0c07b25e25ecfe58439312523a78662d5be7fcbcc98ebf5a8\
                 4807efe836ee89a526730dbc2f7bc8409dad8bbb96c4cdc03bc103e1a194bbd8",
            ),
        ] {
            let mut data = plain[..length].to_vec();
            key.cbc_encrypt(&mut data);
            assert_eq!(data, hex(expected), "{length} bytes");
            key.cbc_decrypt(&mut data);
            assert_eq!(data, plain[..length]);
        }
    }

    #[test]
    fn what_was_changed_is_noticed() {
        let key = Key::new(EncryptionType::Aes256, &[7; 32]).expect("a key");
        let good = key.encrypt(Usage::Ticket, [3; 16], b"plain text");
        assert_eq!(key.decrypt(Usage::Ticket, &good).expect("good").as_slice(), b"plain text");
        assert_eq!(key.decrypt(Usage::Authenticator, &good).err(), Some(CryptoError::Integrity));
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            assert_eq!(key.decrypt(Usage::Ticket, &bad).err(), Some(CryptoError::Integrity), "{at}");
        }
        assert_eq!(key.decrypt(Usage::Ticket, &good[..20]).err(), Some(CryptoError::Short));
        assert_eq!(format!("{key:?}"), "Key(Aes256, …)");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn round_trip(plain in prop::collection::vec(any::<u8>(), 0..100), confounder: [u8; 16], strong: bool) {
            let kind = if strong { EncryptionType::Aes256 } else { EncryptionType::Aes128 };
            let key = Key::new(kind, &vec![9; kind.key_length()]).expect("a key");
            let encrypted = key.encrypt(Usage::ServiceAnswer, confounder, &plain);
            prop_assert_eq!(encrypted.len(), plain.len() + 28);
            prop_assert_eq!(key.decrypt(Usage::ServiceAnswer, &encrypted).expect("good").to_vec(), plain);
        }

        #[test]
        fn anything_may_come(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let key = Key::new(EncryptionType::Aes128, &[9; 16]).expect("a key");
            prop_assert!(key.decrypt(Usage::Ticket, &bytes).is_err());
        }
    }
}
