use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mapi_core::auth::kerberos::{
    ApOptions, CredentialCache, EncryptionType, InitialExchange, KdcError, Key, Keytab, Principal, Progress, Secret,
    ServiceExchange, Ticket, Token, accept, prove,
};
use mapi_core::client::dns;

const REALM: &str = "EXAMPLE.TEST";

/// What KDCs, services and name servers answer, and files of tickets and keys.
pub fn kerberos(data: &[u8]) {
    let now = UNIX_EPOCH + Duration::from_secs(1_795_000_000);
    exchanges(data, now);
    if let Some(error) = KdcError::decode(data) {
        assert_eq!(KdcError::decode(&error.encode(&Principal::ticket_granting(REALM))), Some(error));
    }
    if let Some(token) = Token::decode(data) {
        assert_eq!(Token::decode(&token.encode()), Some(token));
    }
    if let Ok(keytab) = Keytab::decode(data) {
        keytab.principals().for_each(|principal| drop(keytab.keys(principal)));
        drop(accept(&keytab.all_keys(), data, now, [3; 16]));
    }
    if let Ok(cache) = CredentialCache::decode(data) {
        cache.granting().map(|ticket| ticket.is_fresh(now));
    }
    let key = Key::new(EncryptionType::Aes256, &[7; 32]).expect("a key");
    drop(accept(&[key], data, now, [3; 16]));
    let name = "_kerberos._tcp.example.test";
    if let Ok(answer) = dns::decode(7, name, data) {
        assert!(answer.records.is_sorted_by_key(|record| record.priority));
    }
}

fn exchanges(data: &[u8], now: SystemTime) {
    let alice = Principal::of_user("alice", REALM).expect("a name");
    let mut exchange = InitialExchange::new(alice, Secret::Password("secret".into()), 1);
    if let Ok(Progress::Ask(proof)) = exchange.answer(data, now, [1; 16]) {
        assert!(!proof.is_empty());
        // The secret is shown once.
        assert!(!matches!(exchange.answer(data, now, [2; 16]), Ok(Progress::Ask(_))));
    }
    let ticket = ticket();
    let exchange = ServiceExchange::new(ticket.clone(), Principal::http("mail.test", REALM), 1);
    drop(exchange.answer(data, now));
    let (_, proof) = prove(&ticket, ApOptions::default(), now, [1; 16], 1);
    assert!(proof.verify(data).is_err(), "nobody else has the key");
}

/// Out of a credential cache, as there is no other way to make one.
fn ticket() -> Ticket {
    let counted = |bytes: &[u8]| [&(bytes.len() as u32).to_be_bytes()[..], bytes].concat();
    let name = |parts: &[&str]| {
        let parts: Vec<Vec<u8>> = parts.iter().map(|part| counted(part.as_bytes())).collect();
        let head = [1, parts.len() as u32].map(u32::to_be_bytes).concat();
        [head, counted(REALM.as_bytes()), parts.concat()].concat()
    };
    let cache = [
        &[5, 4, 0, 0][..],
        &name(&["alice"]),
        &name(&["alice"]),
        &name(&["krbtgt", REALM]),
        &18u16.to_be_bytes(),
        &counted(&[7; 32]),
        &[0xFF; 16],
        &[0; 13],
        &counted(b"ticket"),
        &counted(b""),
    ]
    .concat();
    let cache = CredentialCache::decode(&cache).expect("a cache");
    cache.granting().expect("a ticket").clone()
}
