//! Our part of Kerberos against MIT's, without the gateway.

use std::io::Write;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use mapi_core::auth::kerberos::{
    EncryptionType, InitialExchange, KerberosError, Keytab, NameType, Principal, Progress, Refusal, Secret, Ticket,
};
use mapi_core::auth::{AuthChannel, AuthStep, Credentials, KerberosCredentials, TicketSource, tls_server_end_point};
use mapi_core::client::{KerberosLogin, KerberosSecret};
use secrecy::{ExposeSecret, SecretString};

use super::kdc::{Kdc, REALM};
use super::stack::{Identity, PASSWORD};

fn user(name: &str) -> Principal {
    Principal::of_user(name, REALM).expect("a name")
}

fn login(kdc: &Kdc, name: &str, secret: Secret) -> KerberosLogin {
    KerberosLogin::new(Arc::new(kdc.kdcs()), user(name), KerberosSecret::Secret(secret))
}

fn password(text: &str) -> Secret {
    Secret::Password(SecretString::from(text))
}

/// Passwords, keytabs and credential caches of every encryption type, and what is said of wrong ones.
pub async fn every_way_to_a_ticket() {
    let kdc = Kdc::start(&[("alice", PASSWORD), ("old", PASSWORD)], &["localhost"]);
    kdc.admin("cpw -e aes128-cts-hmac-sha1-96:normal -pw Kx7-hunter-two old");
    let ticket = login(&kdc, "alice", password(PASSWORD)).ticket("localhost").await.expect("a ticket");
    assert_eq!(
        (ticket.service.to_string(), ticket.client.to_string()),
        (format!("HTTP/localhost@{REALM}"), format!("alice@{REALM}"))
    );
    assert_eq!(ticket.key.kind(), EncryptionType::Aes256);
    assert!(ticket.is_fresh(SystemTime::now()));
    login(&kdc, "old", password(PASSWORD)).ticket("localhost").await.expect("a ticket by AES-128");

    kdc.admin(&format!("ktadd -norandkey -k {} alice", kdc.path("alice.keytab").display()));
    let keytab = Keytab::decode(&std::fs::read(kdc.path("alice.keytab")).expect("readable")).expect("a keytab");
    let keys = keytab.keys(&user("alice"));
    assert_eq!(keys.len(), 2);
    let by_keytab = |name| {
        let secret = KerberosSecret::Keytab(kdc.path("alice.keytab"));
        KerberosLogin::new(Arc::new(kdc.kdcs()), user(name), secret)
    };
    by_keytab("alice").ticket("localhost").await.expect("a ticket by a keytab file");
    let nobody = by_keytab("old").ticket("localhost").await.expect_err("alice's keys").to_string();
    assert!(nobody.contains("alice.keytab: no AES key of old@"), "{nobody}");
    login(&kdc, "alice", Secret::Keys(keys.clone())).ticket("localhost").await.expect("a ticket by a keytab");
    let weak = keys.into_iter().filter(|key| key.kind() == EncryptionType::Aes128).collect();
    login(&kdc, "alice", Secret::Keys(weak)).ticket("localhost").await.expect("a ticket by one key");

    let (cache, keytab) = (kdc.path("cache"), kdc.path("alice.keytab"));
    let text = |path: &std::path::Path| path.to_str().expect("text").to_owned();
    kdc.run("kinit", &["-k", "-t", &text(&keytab), "-c", &text(&cache), "alice"]);
    let by_cache = |name| {
        let secret = KerberosSecret::CredentialCache(cache.clone());
        KerberosLogin::new(Arc::new(kdc.kdcs()), user(name), secret)
    };
    by_cache("alice").ticket("localhost").await.expect("a ticket by a credential cache");
    let other = by_cache("old").ticket("localhost").await.expect_err("alice's tickets");
    assert!(other.to_string().contains(&format!("are of alice@{REALM}")), "{other}");

    let failure = async |name: &str, secret: &str, host: &str| {
        login(&kdc, name, password(secret)).ticket(host).await.expect_err("refused").to_string()
    };
    let wrong = login(&kdc, "alice", password("wrong")).ticket("localhost").await.expect_err("refused");
    assert_eq!(wrong, KerberosError::Refused(Refusal::WrongSecret));
    assert!(failure("nobody", PASSWORD, "localhost").await.contains("no such user"));
    let unknown = failure("alice", PASSWORD, "elsewhere").await;
    assert!(unknown.contains("no such service") && unknown.contains("setspn"), "{unknown}");
    kdc.admin("modprinc -allow_tix old");
    assert!(failure("old", PASSWORD, "localhost").await.contains("locked or disabled"));
    kdc.admin("modprinc +allow_tix -pwexpire yesterday old");
    assert!(failure("old", PASSWORD, "localhost").await.contains("password has expired"));
}

/// A secret that was refused is not shown again, however many connections need it.
pub async fn a_wrong_password_is_tried_once() {
    let kdc = Kdc::start(&[("alice", PASSWORD)], &["localhost"]);
    let login = login(&kdc, "alice", password("wrong"));
    let (a, b, c) = tokio::join!(login.ticket("localhost"), login.ticket("elsewhere"), login.ticket("localhost"));
    for outcome in [a, b, c] {
        assert_eq!(outcome.err(), Some(KerberosError::Refused(Refusal::WrongSecret)));
    }
    assert_eq!(kdc.log().matches("PREAUTH_FAILED").count(), 1, "{}", kdc.log());
}

/// The KDC itself says that clocks differ.
pub async fn clocks_that_differ() {
    let kdc = Kdc::start(&[("alice", PASSWORD)], &[]);
    for (now, side) in [
        (SystemTime::now() + Duration::from_secs(3_600), "ahead of"),
        (SystemTime::now() - Duration::from_secs(3_600), "behind"),
    ] {
        let mut exchange = InitialExchange::new(user("alice"), password(PASSWORD), 5);
        let answer = kdc.kdcs().ask(&exchange.request(now)).await.expect("an answer");
        let Ok(Progress::Ask(proof)) = exchange.answer(&answer, now, [1; 16]) else { panic!("no proof asked for") };
        let answer = kdc.kdcs().ask(&proof).await.expect("an answer");
        let error = exchange.answer(&answer, now, [1; 16]).expect_err("refused").to_string();
        assert!(error.contains(side) && error.contains("NTP"), "{error}");
    }
}

/// MIT's GSS-API takes our token with the right channel binding only, and we take its proof.
pub async fn an_independent_service_accepts() {
    let kdc = Kdc::start(&[("alice", PASSWORD)], &["localhost"]);
    let source = Arc::new(login(&kdc, "alice", password(PASSWORD)));
    let certificate = Identity::new().certificate;
    let channel = AuthChannel {
        host: "localhost",
        encrypted: true,
        server_certificate: Some(&certificate),
        now: SystemTime::now(),
    };
    let right = tls_server_end_point(&certificate).expect("a binding");
    let mut scheme = KerberosCredentials::new(source).scheme();
    assert!(matches!(scheme.start(channel), AuthStep::Fetch));
    let AuthStep::Send(header) = scheme.fetch(channel).await else { panic!("no token") };
    let token = header.expose_secret().strip_prefix("Negotiate ").expect("the scheme").to_owned();

    let refused = accept(&kdc, &token, &[&right[..right.len() - 1], &[0]].concat());
    assert!(refused.starts_with("refused:") && refused.to_lowercase().contains("channel binding"), "{refused}");
    let accepted = accept(&kdc, &token, &right);
    let (name, answer) = accepted.trim().split_once(' ').expect("a name and a token");
    assert_eq!(name, format!("alice@{REALM}"));
    scheme.served(&[format!("Negotiate {answer}")], channel).expect("the service's proof");
    assert!(matches!(scheme.start(channel), AuthStep::Done));
}

fn accept(kdc: &Kdc, token: &str, bindings: &[u8]) -> String {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/programs/kerberos/accept.py");
    // Debian's, which knows Debian's packages, whatever other Python is in front.
    let mut command = kdc.command("/usr/bin/python3");
    command.arg(script).env("KRB5_KTNAME", kdc.path("http.keytab"));
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
    let bindings: String = bindings.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut input = child.stdin.take().expect("piped");
    writeln!(input, "{token}\n{bindings}").expect("written");
    drop(input);
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// A name of another domain than the realm is looked up by the KDC; MIT's finds none without an alias, and says so.
pub async fn names_that_are_looked_up() {
    let kdc = Kdc::start(&[("alice", PASSWORD)], &["localhost"]);
    let principal = user("alice@elsewhere.test");
    assert_eq!(principal.kind, NameType::Enterprise);
    let login = KerberosLogin::new(Arc::new(kdc.kdcs()), principal, KerberosSecret::Secret(password(PASSWORD)));
    let error: Result<Arc<Ticket>, _> = login.ticket("localhost").await;
    assert!(error.expect_err("unknown").to_string().contains("no such user"));
}
