use std::sync::Arc;
use std::time::{Instant, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use imap_front::session::{Session, SessionConfig};
use mail_core::Accepts;
use mapi_core::auth::ntlm::{Authenticate, Challenge, MAX_MESSAGE, Negotiate, NtlmClient, NtlmContext};
use mapi_core::auth::spnego::{NegTokenInit, NegTokenResp};
use mapi_core::auth::{AuthChannel, BearerCredentials, Credentials, PlainHttp, SignInName, tls_server_end_point};

/// What a server sends while the gateway signs in: tokens, and a certificate; and what a client does to sign in to IMAP.
pub fn sign_in(data: &[u8]) {
    tls_server_end_point(data);
    access_token(data);
    if let Some(init) = NegTokenInit::decode(data) {
        assert_eq!(NegTokenInit::decode(&init.encode()).as_ref(), Some(&init));
    }
    if let Some(response) = NegTokenResp::decode(data) {
        assert_eq!(NegTokenResp::decode(&response.encode()).as_ref(), Some(&response));
    }
    if let Ok(message) = Negotiate::decode(data) {
        assert_eq!(Negotiate::decode(&message.encode()), Ok(message));
    }
    // Fields may overlap in what is read, and not in what is written.
    let fits = |bytes: &Vec<u8>| bytes.len() <= MAX_MESSAGE;
    if let Ok(message) = Challenge::decode(data)
        && let Some(bytes) = Some(message.encode()).filter(fits)
    {
        assert_eq!(Challenge::decode(&bytes).as_ref(), Ok(&message));
    }
    if let Ok(message) = Authenticate::decode(data)
        && let Some(bytes) = Some(message.encode()).filter(fits)
    {
        assert_eq!(Authenticate::decode(&bytes).as_ref(), Ok(&message));
    }
    let context = NtlmContext { channel_bindings: None, target_name: "HTTP/mail.test", now: 0 };
    let mut client = NtlmClient::new(SignInName::parse("EX\\alice"), "secret".into(), [0; 8]);
    client.step(&[], &context).expect("a first message");
    if let Ok(answer) = client.step(data, &context) {
        assert!(Authenticate::decode(&answer).is_ok() || !fits(&answer));
    }
}

/// What a client says with an access token, and what a server does about it.
fn access_token(data: &[u8]) {
    let accepts = Accepts { passwords: true, tokens: true };
    let config = Arc::new(SessionConfig { accepts, ..SessionConfig::default() });
    for mechanism in ["PLAIN", "XOAUTH2", "OAUTHBEARER"] {
        let command = format!("a AUTHENTICATE {mechanism} {}\r\n", STANDARD.encode(data));
        let mut session = Session::new(Arc::clone(&config), true, Instant::now());
        session.command(command.as_bytes(), false, Instant::now());
        while session.next_action().is_some() {}
    }
    let channel =
        AuthChannel { host: "mail.test", encrypted: true, server_certificate: None, now: SystemTime::UNIX_EPOCH };
    let credentials = BearerCredentials::new("access-token".into(), PlainHttp::Refuse).expect("a token");
    let mut scheme = credentials.scheme();
    scheme.start(channel);
    let _ = scheme.step(&[String::from_utf8_lossy(data).into_owned()], channel);
}
