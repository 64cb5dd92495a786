//! The bytes of appended messages, kept with them.
//!
//! Exchange takes a message apart; what is put together again says the same in other bytes. A message that a client
//! appended therefore carries its original in a named property, compressed, and in a second one the digest of its
//! content. The original is served as long as that digest holds. Both travel with copies and moves, and serve every gateway,
//! whether it has a ledger or not.
//!
//! | property ([`own_property`], PtypBinary) | holds |
//! |---|---|
//! | `Original` | version 1, size (8 bytes, little-endian), SHA-256 of the bytes, the bytes as raw deflate (RFC 1951); or version 2 and the same with the bytes as they are, where deflate would not make them shorter |
//! | `OriginalContent` | version 1, SHA-256 over the content |
//!
//! The digest covers what the message says, not how it is kept: no flags, no read state, no times of change, no change
//! keys; properties in an order of their own. It is made of what is sent to the server, so that message, original and digest
//! are stored in one step; a server that stores something else is asked for it, and the digest of its version put in place.

mod digest;

use std::io::{Read, Write};

use bytes::Bytes;
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use mail_core::work::{pieces, spend};
use mapi_core::message::{MessageContent, PropertyBag};
use mapi_core::property::{PropertyKey, PropertyType, PropertyValue};
use sha2::{Digest, Sha256};

use self::digest::digest;
use crate::own_property;

/// The forms of `Original`.
const DEFLATED: u8 = 1;
const STORED: u8 = 2;
/// By so many bytes it is seen whether deflate makes a message shorter.
const SAMPLE: usize = 64 << 10;
/// The rules of [`digest`].
const DIGEST_VERSION: u8 = 1;
/// Version, size, SHA-256.
const HEAD: usize = 1 + 8 + 32;
/// So many bytes are decompressed at a time.
const INFLATED: usize = 16 << 10;

fn keys() -> [PropertyKey; 2] {
    [own_property::ORIGINAL.key(), own_property::ORIGINAL_CONTENT.key()]
}

/// Makes a message carry its original.
pub fn keep(content: &mut MessageContent, original: &[u8]) {
    let kept = kept(content, original);
    content.properties.extend(kept.iter().map(|(key, value)| (key.clone(), value.clone())));
}

/// The properties that make a message with this content carry its original.
pub fn kept(content: &MessageContent, original: &[u8]) -> PropertyBag {
    let mut kept = sealed(&digest(content));
    let [original_key, _] = keys();
    kept.set(original_key, PropertyValue::Binary(packed(original)));
    kept
}

/// The property that says that the original a message carries is that of its content, if the one it has does not.
pub fn reseal(content: &MessageContent) -> Option<PropertyBag> {
    let digest = digest(content);
    (has(content) && recorded(content) != Some(&digest)).then(|| sealed(&digest))
}

/// Whether a message carries an original.
pub fn has(content: &MessageContent) -> bool {
    packed_of(content).is_some()
}

/// Bytes of the original that a message says it carries; 0 if it carries none.
pub fn announced_len(content: &MessageContent) -> usize {
    packed_of(content).map_or(0, announced_by)
}

/// The same by the beginning of the property that holds it.
pub fn announced_by(packed: &[u8]) -> usize {
    let head = packed.get(1..9).and_then(|head| head.first_chunk());
    head.map_or(0, |size| usize::try_from(u64::from_le_bytes(*size)).unwrap_or(usize::MAX))
}

/// SHA-256 of the original that a message says it carries.
pub fn announced_digest(content: &MessageContent) -> Option<[u8; 32]> {
    packed_of(content)?.get(9..)?.first_chunk().copied()
}

/// The original of a message, if it carries one of at most `max_bytes` that is undamaged and of its content.
pub fn of(content: &MessageContent, max_bytes: usize) -> Option<Bytes> {
    let packed = packed_of(content)?;
    let recorded = recorded(content)?;
    if *recorded != digest(content) {
        return None;
    }
    let original = unpacked(packed, max_bytes);
    if original.is_none() {
        tracing::warn!("the original kept with a message is damaged or too large");
    }
    original.map(Bytes::from)
}

fn packed_of(content: &MessageContent) -> Option<&[u8]> {
    content.properties.get_named(&own_property::ORIGINAL.name(), PropertyType::BINARY).and_then(PropertyValue::as_bytes)
}

/// The digest of the content that the original belongs to, if it is one by the rules of now.
fn recorded(content: &MessageContent) -> Option<&[u8; 32]> {
    let name = own_property::ORIGINAL_CONTENT.name();
    let recorded = content.properties.get_named(&name, PropertyType::BINARY).and_then(PropertyValue::as_bytes);
    let (version, digest) = recorded?.split_first()?;
    if *version == DIGEST_VERSION { digest.try_into().ok() } else { None }
}

fn sealed(digest: &[u8; 32]) -> PropertyBag {
    let [_, content_key] = keys();
    let value = [&[DIGEST_VERSION][..], digest].concat();
    PropertyBag::from_iter([(content_key, PropertyValue::Binary(value))])
}

fn packed(original: &[u8]) -> Vec<u8> {
    let mut out = vec![DEFLATED];
    out.extend((original.len() as u64).to_le_bytes());
    out.extend(sha256(original));
    let middle = original.len().saturating_sub(SAMPLE) / 2;
    let sample = &original[middle..original.len().min(middle + SAMPLE)];
    let shrinks = |deflated: usize| deflated < sample.len() / 16 * 15;
    if sample.len() == original.len() {
        // The sample is all there is to do.
        out = deflated(original, out);
        if shrinks(out.len() - HEAD) {
            return out;
        }
    } else if shrinks(deflated(sample, Vec::new()).len()) {
        out.reserve(original.len() / 2);
        return deflated(original, out);
    }
    out.truncate(HEAD);
    if let Some(form) = out.first_mut() {
        *form = STORED;
    }
    out.extend_from_slice(original);
    out
}

/// Bytes as raw deflate, appended to others. They are compressed fast, as a client waits for it.
fn deflated(bytes: &[u8], out: Vec<u8>) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(out, Compression::fast());
    let written = pieces(bytes).try_for_each(|piece| encoder.write_all(piece)).and_then(|()| encoder.finish());
    written.expect("writing to memory does not fail")
}

fn unpacked(packed: &[u8], max_bytes: usize) -> Option<Vec<u8>> {
    let (&version, rest) = packed.split_first()?;
    let (size, rest) = rest.split_first_chunk::<8>()?;
    let (digest, packed) = rest.split_first_chunk::<32>()?;
    let size = usize::try_from(u64::from_le_bytes(*size)).ok().filter(|size| *size <= max_bytes)?;
    let out = match version {
        DEFLATED => inflated(packed, size)?,
        STORED if packed.len() == size => packed.to_vec(),
        _ => return None,
    };
    (out.len() == size && sha256(&out) == *digest).then_some(out)
}

/// What raw deflate holds, one byte more than expected at the most.
fn inflated(packed: &[u8], expected: usize) -> Option<Vec<u8>> {
    // Deflate makes at most 1032 bytes of one: what is announced is allocated only if it can be there.
    let mut out = Vec::with_capacity(expected.min(packed.len().saturating_mul(1032)));
    let mut decoder = DeflateDecoder::new(packed).take(expected as u64 + 1);
    while decoder.by_ref().take(INFLATED as u64).read_to_end(&mut out).ok()? > 0 {
        spend(INFLATED);
    }
    Some(out)
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    pieces(bytes).for_each(|piece| hash.update(piece));
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use mapi_core::property::tags;
    use proptest::prelude::*;

    use super::*;

    fn note(body: &str) -> MessageContent {
        let properties = PropertyBag::from_iter([
            (tags::PidTagSubject, PropertyValue::String("s".into())),
            (tags::PidTagBody, PropertyValue::String(body.into())),
        ]);
        MessageContent { properties, ..MessageContent::default() }
    }

    #[test]
    fn an_original_is_served_until_the_content_changes() {
        let mut content = note("hello\r\n");
        assert!(!has(&content) && of(&content, 100).is_none() && announced_len(&content) == 0);
        assert!(reseal(&content).is_none(), "no original");
        keep(&mut content, b"Subject: s\n\nhello");
        assert!(reseal(&content).is_none() && announced_len(&content) == 17);
        assert_eq!(of(&content, 100).as_deref(), Some(&b"Subject: s\n\nhello"[..]));
        assert_eq!(of(&content, 5), None, "too large");
        content.properties.set(tags::PidTagMessageFlags, PropertyValue::Integer32(1));
        content.properties.set(tags::PidTagFlagStatus, PropertyValue::Integer32(2));
        assert!(of(&content, 100).is_some(), "flags are no content");
        let body = content.properties.set(tags::PidTagBody, PropertyValue::String("hello!".into()));
        assert_eq!(of(&content, 100), None, "edited");
        let seal = reseal(&content).expect("does not hold");
        content.properties.extend(seal.iter().map(|(key, value)| (key.clone(), value.clone())));
        assert!(of(&content, 100).is_some(), "sealed anew");
        content.properties.set(tags::PidTagBody, body.expect("a body"));
        assert_eq!(of(&content, 100), None);
    }

    #[test]
    fn what_does_not_get_shorter_is_kept_as_it_is() {
        let mut state = 1_u64;
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            state.to_be_bytes()[0]
        };
        let noise: Vec<u8> = (0..300_000).map(|_| random()).collect();
        assert_eq!(packed(&noise).len(), HEAD + noise.len());
        assert_eq!(unpacked(&packed(&noise), noise.len()), Some(noise));
        let text = b"Subject: x\r\n".repeat(30_000);
        assert!(packed(&text).len() < text.len() / 20);
    }

    #[test]
    fn a_damaged_original_is_not_served() {
        let mut content = note("x");
        keep(&mut content, &b"abc\r\n".repeat(50));
        let [key, _] = keys();
        let whole = content.properties.remove(&key).and_then(|value| value.as_bytes().map(<[u8]>::to_vec));
        let whole = whole.expect("kept");
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            content.properties.set(key.clone(), PropertyValue::Binary(damaged));
            let served = of(&content, 1000);
            assert!(served.is_none_or(|bytes| *bytes == b"abc\r\n".repeat(50)), "byte {at}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn any_bytes_come_back(original in proptest::collection::vec(any::<u8>(), 0..2000)) {
            prop_assert_eq!(unpacked(&packed(&original), original.len()), Some(original));
        }

        #[test]
        fn arbitrary_bytes_never_panic(packed in proptest::collection::vec(any::<u8>(), 0..200)) {
            unpacked(&packed, 1 << 20);
        }
    }
}
