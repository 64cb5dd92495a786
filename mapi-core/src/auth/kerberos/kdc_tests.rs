use std::time::{Duration, UNIX_EPOCH};

use proptest::prelude::*;

use super::super::{ApOptions, ServiceRefusal, accept, prove};
use super::*;

const REALM: &str = "EXAMPLE.TEST";

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::new(1_700_000_000, 123_456_000)
}

fn alice() -> Principal {
    Principal::of_user("alice", REALM).expect("a name")
}

fn exchange(password: &str) -> InitialExchange {
    InitialExchange::new(alice(), Secret::Password(SecretString::from(password)), 0x8000_0002)
}

fn key(byte: u8) -> Key {
    Key::new(EncryptionType::Aes256, &[byte; 32]).expect("a key")
}

fn encryption_key(key: &Key) -> Vec<u8> {
    sequence(&[field(0, &integer(key.kind().number())), field(1, &octets(key.bytes()))])
}

fn told() -> Vec<u8> {
    let entry = |number: i64, salt: &str| {
        sequence(&[field(0, &integer(number)), field(1, &string(salt)), field(2, &octets(&[0, 0, 0, 9]))])
    };
    let info = sequence(&[entry(23, "old"), entry(18, "EXAMPLE.TESTalice")]);
    let pa = |kind: i64, value: &[u8]| sequence(&[field(1, &integer(kind)), field(2, &octets(value))]);
    sequence(&[pa(PA_ETYPE_INFO2, &info), pa(PA_FX_COOKIE, b"MIT"), pa(PA_ENC_TIMESTAMP, b"")])
}

fn error(code: i64, data: Option<Vec<u8>>) -> Vec<u8> {
    KdcError { code, time: 1_700_003_600, text: None, data }.encode(&Principal::ticket_granting(REALM))
}

/// A ticket for alice, made with `key(service)`.
fn ticket_bytes(service: &Principal, service_key: &Key, session: &Key) -> Vec<u8> {
    let inside = sequence(&[
        field(0, &flags(0)),
        field(1, &encryption_key(session)),
        field(2, &string(REALM)),
        field(3, &alice().encode_name()),
        field(4, &sequence(&[field(0, &integer(0)), field(1, &octets(b""))])),
        field(5, &time::encode(1_700_000_000)),
        field(7, &time::encode(1_700_036_000)),
    ]);
    let cipher = service_key.encrypt(Usage::Ticket, [5; 16], &element(application(3), &inside));
    let outside = sequence(&[
        field(0, &integer(5)),
        field(1, &string(REALM)),
        field(2, &service.encode_name()),
        field(3, &encrypted_data(service_key.kind(), &cipher)),
    ]);
    element(application(1), &outside)
}

fn reply(kind: u8, service: &Principal, nonce: u32, answer_key: &Key, usage: Usage, session: &Key) -> Vec<u8> {
    let part = sequence(&[
        field(0, &encryption_key(session)),
        field(1, &sequence(&[])),
        field(2, &integer(i64::from(nonce))),
        field(4, &flags(0)),
        field(5, &time::encode(1_700_000_000)),
        field(7, &time::encode(1_700_036_000)),
        field(9, &string(REALM)),
        field(10, &service.encode_name()),
    ]);
    let cipher = answer_key.encrypt(usage, [6; 16], &element(application(if kind == AS_REP { 25 } else { 26 }), &part));
    let message = sequence(&[
        field(0, &integer(5)),
        field(1, &integer(i64::from(kind))),
        field(3, &string(REALM)),
        field(4, &alice().encode_name()),
        field(5, &ticket_bytes(service, &key(9), session)),
        field(6, &encrypted_data(answer_key.kind(), &cipher)),
    ]);
    element(application(kind), &message)
}

fn granting(session: &Key) -> Ticket {
    let mut exchange = exchange("secret");
    let ask = exchange.answer(&error(25, Some(told())), now(), [1; 16]).expect("asked for a proof");
    assert!(matches!(ask, Progress::Ask(_)));
    let shown = exchange.shown.clone().expect("shown");
    let service = Principal::ticket_granting(REALM);
    let reply = reply(AS_REP, &service, 0x4000_0001, &shown, Usage::InitialAnswer, session);
    match exchange.answer(&reply, now(), [2; 16]).expect("a ticket") {
        Progress::Ticket(ticket) => *ticket,
        Progress::Ask(_) => panic!("asks again"),
    }
}

#[test]
fn a_password_becomes_a_proof_to_a_service() {
    let session = key(3);
    let granting = granting(&session);
    assert_eq!((granting.end, granting.client.clone()), (1_700_036_000, alice()));
    assert!(granting.is_fresh(now()) && !granting.is_fresh(now() + Duration::from_secs(35_800)));

    let service = Principal::http("mail.test", REALM);
    let exchange = ServiceExchange::new(granting, service.clone(), 10);
    exchange.request(now(), [3; 16]);
    let of_service = key(4);
    let answer = reply(TGS_REP, &service, 5, &session, Usage::ServiceAnswer, &of_service);
    let ticket = exchange.answer(&answer, now()).expect("a ticket");

    let options = ApOptions { channel_bindings: Some([8; 16]) };
    let (request, proof) = prove(&ticket, options, now(), [4; 16], 77);
    let accepted = accept(&[key(1), key(9)], &request, now(), [5; 16]).expect("accepted");
    assert_eq!((accepted.client, accepted.service, accepted.channel_bindings), (alice(), service, [8; 16]));
    assert_eq!(proof.verify(&accepted.reply), Ok(()));

    // Nobody else can prove to be the service, nor can the proof serve another time.
    let (_, other) = prove(&ticket, options, now() + Duration::from_micros(1), [4; 16], 77);
    assert!(other.verify(&accepted.reply).is_err());
    for at in 0..accepted.reply.len() {
        let mut changed = accepted.reply.clone();
        changed[at] ^= 1;
        drop(proof.verify(&changed));
    }
    let late = now() + Duration::from_secs(400);
    assert_eq!(accept(&[key(9)], &request, late, [5; 16]).err(), Some(ServiceRefusal::Clock));
    let late = now() + Duration::from_secs(40_000);
    assert_eq!(accept(&[key(9)], &request, late, [5; 16]).err(), Some(ServiceRefusal::Expired));
    assert_eq!(accept(&[key(1)], &request, now(), [5; 16]).err(), Some(ServiceRefusal::WrongKey));
}

#[test]
fn a_secret_is_shown_once() {
    let mut exchange = exchange("wrong");
    exchange.answer(&error(25, Some(told())), now(), [1; 16]).expect("asked for a proof");
    for (code, expected) in [(24, Refusal::WrongSecret), (18, Refusal::Revoked), (23, Refusal::PasswordExpired)] {
        let refused = exchange.answer(&error(code, Some(told())), now(), [1; 16]);
        assert_eq!(refused.err(), Some(KerberosError::Refused(expected)));
    }
    let again = exchange.answer(&error(25, Some(told())), now(), [1; 16]);
    assert!(matches!(again, Err(KerberosError::Kdc(_))), "{again:?}");
}

#[test]
fn clocks_and_encryption_types_are_explained() {
    let skew = exchange("secret").answer(&error(37, None), now(), [1; 16]).expect_err("skew");
    assert_eq!(skew, KerberosError::Clock(-3_600));
    assert!(skew.to_string().contains("3600 s behind"), "{skew}");
    let nothing = exchange("secret").answer(&error(25, None), now(), [1; 16]);
    assert_eq!(nothing.err(), Some(KerberosError::NoCommonEncryption));
}

#[test]
fn answers_to_other_questions_are_not_believed() {
    let session = key(3);
    let granting = granting(&session);
    let service = Principal::http("mail.test", REALM);
    let exchange = ServiceExchange::new(granting, service.clone(), 10);
    let answer = |service: &Principal, nonce, key: &Key| {
        exchange.answer(&reply(TGS_REP, service, nonce, key, Usage::ServiceAnswer, &session), now()).err()
    };
    assert_eq!(answer(&service, 5, &session), None);
    let malformed = |error| matches!(error, Some(KerberosError::Malformed(_)));
    assert!(malformed(answer(&service, 6, &session)));
    assert!(malformed(answer(&service, 5, &key(7))));
    assert!(malformed(answer(&Principal::http("evil.test", REALM), 5, &session)));
    let referral = Principal { realm: REALM.into(), ..Principal::ticket_granting("OTHER.TEST") };
    assert_eq!(answer(&referral, 5, &session), Some(KerberosError::OtherRealm(referral)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn anything_may_come(bytes in prop::collection::vec(any::<u8>(), 0..200), at in 0usize..600, with: u8) {
        drop(exchange("secret").answer(&bytes, now(), [1; 16]));
        let service = Principal::ticket_granting(REALM);
        let mut reply = reply(AS_REP, &service, 1, &key(3), Usage::InitialAnswer, &key(4));
        let length = reply.len();
        reply[at % length] = with;
        drop(exchange("secret").answer(&reply, now(), [1; 16]));
        let mut error = error(25, Some(told()));
        let length = error.len();
        error[at % length] = with;
        drop(exchange("secret").answer(&error, now(), [1; 16]));
    }
}
