//! The gateway signs its users in by Kerberos.

use std::net::Ipv4Addr;
use std::process::{Command, Stdio};
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use exchange_sandbox::auth::{KerberosPolicy, Refusal, Scheme};
use mapi_core::auth::kerberos::{EncryptionType, KdcError, Key, Principal, error_code};
use tests::smtp_client::{SmtpClient, plain_token};
use tests::trace_log::logged;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::kdc::{Kdc, REALM};
use super::stack::{ALICE, Identity, PASSWORD, Setup, Stack};

const ONLY: &str = "auth = \"kerberos\"";

fn kdc() -> Kdc {
    Kdc::start(&[("alice", PASSWORD)], &["localhost"])
}

pub async fn passwords_become_tickets() {
    let kdc = kdc();
    let stack = Stack::start(Setup::new(&kdc)).await;
    stack.use_it().await;
    assert_eq!(stack.sandbox.auth().refusals(), []);
    let (tickets, ntlm) = stack.signed_in();
    assert!(tickets >= 2 && ntlm == 0, "{tickets} tickets, {ntlm} by NTLM");
    // Both hosts are one, so that one ticket serves all connections.
    let of_services = kdc.log().lines().filter(|line| line.contains("TGS_REQ") && line.contains("ISSUE")).count();
    assert!(of_services <= 2, "{of_services} tickets asked for");
    for name in ["alice", "EXAMPLE\\alice", "Alice@Example.Test"] {
        let status = stack.imap_login(name, PASSWORD).await;
        // Capitals are others to MIT's KDC; NTLM takes over there.
        assert!(status.starts_with("OK"), "{name}: {status}");
    }
}

pub async fn services_that_look_at_each_request() {
    let kdc = kdc();
    let kerberos = KerberosPolicy { each_request: true, ..Setup::new(&kdc).kerberos };
    let setup = Setup { kerberos, upstream: ONLY, schemes: &[Scheme::Kerberos], ..Setup::new(&kdc) };
    let stack = Stack::start(setup).await;
    stack.use_it().await;
    assert!(stack.signed_in().0 > 5);
}

pub async fn a_wrong_password_goes_no_further() {
    let kdc = kdc();
    let stack = Stack::start(Setup::new(&kdc)).await;
    let status = stack.imap_login(ALICE, "wrong-one").await;
    assert!(status.starts_with("NO [AUTHENTICATIONFAILED]"), "{status}");
    // No second try by another scheme, no other host: accounts are locked by that.
    assert_eq!(kdc.log().matches("PREAUTH_FAILED").count(), 1);
    assert_eq!((stack.sandbox.auth().refusals(), stack.signed_in()), (vec![], (0, 0)));
    let mut smtp = SmtpClient::connect(stack.smtp).await;
    smtp.expect("EHLO test", "250").await;
    smtp.expect(&format!("AUTH PLAIN {}", plain_token(ALICE, "wrong-two")), "535 5.7.8").await;
    assert!(logged().contains("the KDC refuses the user: wrong password"));
}

pub async fn without_a_kdc_ntlm_takes_over() {
    let mut kdc = kdc();
    let (auto, only) = (Setup::new(&kdc), Setup { upstream: ONLY, ..Setup::new(&kdc) });
    kdc.stop();
    let stack = Stack::start(auto).await;
    stack.use_it().await;
    let (tickets, ntlm) = stack.signed_in();
    assert!(tickets == 0 && ntlm > 0);
    assert!(logged().contains("no KDC can be reached: 127.0.0.1"));
    // Where nothing else is allowed, that's no wrong password.
    let stack = Stack::start(only).await;
    let status = stack.imap_login(ALICE, PASSWORD).await;
    assert!(status.starts_with("NO [UNAVAILABLE]"), "{status}");
}

pub async fn without_a_service_principal_ntlm_takes_over() {
    let kdc = kdc();
    let stack = Stack::start(Setup { host: "127.0.0.1", ..Setup::new(&kdc) }).await;
    stack.use_it().await;
    assert_eq!(stack.signed_in().0, 0);
    assert!(logged().contains("no such service"));
}

pub async fn a_service_with_another_key() {
    let kdc = kdc();
    let wrong = || KerberosPolicy {
        keys: vec![Key::new(EncryptionType::Aes256, &[1; 32]).expect("a key")],
        ..Setup::new(&kdc).kerberos
    };
    let stack = Stack::start(Setup { kerberos: wrong(), ..Setup::new(&kdc) }).await;
    stack.use_it().await;
    assert_eq!(stack.signed_in().0, 0);
    // A new ticket might have helped, so that two are tried.
    assert_eq!(stack.sandbox.auth().refusals(), [Refusal::WrongKey; 2]);
}

pub async fn channel_bindings_are_enforced() {
    let kdc = kdc();
    let setup = Setup { proxy: Some(Identity::new()), upstream: ONLY, ..Setup::new(&kdc) };
    let stack = Stack::start(setup).await;
    let status = stack.imap_login(ALICE, PASSWORD).await;
    assert!(status.starts_with("NO [AUTHENTICATIONFAILED]"), "{status}");
    assert_eq!(stack.sandbox.auth().refusals(), [Refusal::WrongBinding; 2]);
    assert!(logged().contains("Extended Protection"));
}

pub async fn an_impostor_is_not_believed() {
    let kdc = kdc();
    let kerberos = KerberosPolicy { impostor: true, ..Setup::new(&kdc).kerberos };
    let stack = Stack::start(Setup { kerberos, ..Setup::new(&kdc) }).await;
    let status = stack.imap_login(ALICE, PASSWORD).await;
    assert!(status.starts_with("NO [UNAVAILABLE]"), "{status}");
    assert!(logged().contains("the server's proof of itself"));
    // The certificate is proof enough where the service gives none.
    let kerberos = KerberosPolicy { mute: true, ..Setup::new(&kdc).kerberos };
    let stack = Stack::start(Setup { kerberos, upstream: ONLY, ..Setup::new(&kdc) }).await;
    stack.use_it().await;
}

pub async fn clocks_that_differ_are_explained() {
    let kdc = kdc();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let port = listener.local_addr().expect("bound").port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let length = stream.read_u32().await.expect("a length");
            let mut message = vec![0; length as usize];
            stream.read_exact(&mut message).await.expect("a message");
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
            let error = KdcError { code: error_code::CLOCK_SKEW, time: now.as_secs() + 7_200, text: None, data: None };
            let answer = error.encode(&Principal::ticket_granting(REALM));
            stream.write_u32(answer.len() as u32).await.expect("written");
            stream.write_all(&answer).await.expect("written");
        }
    });
    let sections = format!("[upstream.kerberos]\nrealm = \"{REALM}\"\nkdc = [\"127.0.0.1:{port}\"]\n");
    let stack = Stack::start(Setup { sections: sections.clone(), ..Setup::new(&kdc) }).await;
    stack.use_it().await;
    assert_eq!(stack.signed_in().0, 0);
    let log = logged();
    let line = log.lines().find(|line| line.contains("behind that of the KDC")).expect("explained");
    assert!(line.contains("WARN") && line.contains("NTP"), "{line}");
    let stack = Stack::start(Setup { sections, upstream: ONLY, ..Setup::new(&kdc) }).await;
    let status = stack.imap_login(ALICE, PASSWORD).await;
    assert!(status.starts_with("NO [UNAVAILABLE]"), "{status}");
}

pub async fn devices_with_a_keytab_or_a_cache() {
    let kdc = kdc();
    let (keytab, cache, secret) = (kdc.path("alice.keytab"), kdc.path("cache"), kdc.path("device"));
    let text = |path: &std::path::Path| path.to_str().expect("text").to_owned();
    kdc.admin(&format!("ktadd -k {} alice", text(&keytab)));
    kdc.run("kinit", &["-k", "-t", &text(&keytab), "-c", &text(&cache), "alice"]);
    std::fs::write(&secret, "device").expect("written");
    for file in [format!("keytab_file = '{}'", text(&keytab)), format!("credential_cache_file = '{}'", text(&cache))] {
        let tail = format!(
            "[[smtp.device]]\nname = \"scanner\"\nuser = \"scanner\"\nuser_password_file = '{}'\nmailbox = \"{ALICE}\"\n{file}\n",
            text(&secret)
        );
        let stack = Stack::start(Setup { tail, ..Setup::new(&kdc) }).await;
        let mut smtp = SmtpClient::login(stack.smtp, "scanner", "device").await;
        let message = format!("From: {ALICE}\r\nTo: {ALICE}\r\nSubject: scanned\r\n\r\nx");
        smtp.send(ALICE, &[ALICE], &message).await;
        let (tickets, ntlm) = stack.signed_in();
        assert!(tickets > 0 && ntlm == 0, "{file}");
    }
}

pub async fn a_check_tells_the_scheme() {
    let mut kdc = kdc();
    let stack = Stack::start(Setup::new(&kdc)).await;
    let (seen, good) = check(&stack).await;
    assert!(good && seen.contains("localhost: Kerberos") && !seen.contains("not Kerberos"), "{seen}");
    kdc.stop();
    let (seen, good) = check(&stack).await;
    assert!(good && seen.contains("localhost: NTLM"), "{seen}");
    assert!(seen.contains("localhost: not Kerberos: no Kerberos ticket: no KDC can be reached"), "{seen}");
}

async fn check(stack: &Stack) -> (String, bool) {
    let secret = stack.directory.path().join("password");
    std::fs::write(&secret, PASSWORD).expect("written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_gateway-under-test"));
    command.args(["check", "--user", ALICE, "--config"]).arg(stack.directory.path().join("gateway.toml"));
    command.arg("--password-file").arg(secret).stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || command.output()).await.expect("no panic").expect("it runs");
    let seen = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (seen, output.status.success())
}

pub async fn no_secret_reaches_a_log() {
    let kdc = kdc();
    let stack = Stack::start(Setup::new(&kdc)).await;
    stack.use_it().await;
    stack.imap_login(ALICE, &format!("{PASSWORD}x")).await;
    let log = logged();
    assert!(log.contains("TRACE") && log.contains("Kerberos ticket"), "the log is no trace");
    let mut secrets = vec![PASSWORD.to_owned(), STANDARD.encode(PASSWORD), plain_token(ALICE, PASSWORD)];
    let list = |bytes: &[u8]| bytes.iter().map(u8::to_string).collect::<Vec<_>>().join(", ");
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let salt = format!("{REALM}alice");
    for kind in EncryptionType::ALL {
        let key = Key::from_password(kind, PASSWORD, salt.as_bytes(), None).expect("a key");
        secrets.extend([list(key.bytes()), hex(key.bytes()), STANDARD.encode(key.bytes())]);
    }
    let keys = stack.sandbox.auth().ticket_keys();
    assert!(!keys.is_empty());
    for key in keys {
        secrets.extend([list(key.bytes()), hex(key.bytes()), STANDARD.encode(key.bytes())]);
    }
    let lower = log.to_lowercase();
    for secret in secrets {
        assert!(!lower.contains(&secret.to_lowercase()), "{secret} is logged");
    }
    // A ticket with its authenticator: enough to sign in elsewhere for a few minutes.
    assert!(!log.contains("Negotiate YII"), "a ticket is logged");
}
