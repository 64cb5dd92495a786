//! What devices and attackers really say over SMTP, one dialogue for each manner, named after it.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mail_core::listener::TlsMode;
use mail_core::spool::SpoolConfig;
use rustls::pki_types::ServerName;
use smtp_front::rate::{RateLimit, RateTable};
use smtp_front::server::{AccessConfig, ServerConfig};
use smtp_front::session::{Authentication, Policy};
use smtp_front::submit::Address;
use tests::smtp_talk::{Talk, TalkServer, policy, tls};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// A server that demands a login.
async fn server() -> TalkServer {
    TalkServer::start(ServerConfig { policy: policy(), ..ServerConfig::default() }, "").await
}

/// A server that demands none.
async fn open_server() -> TalkServer {
    let policy = Policy { authentication: Authentication::Optional, ..policy() };
    TalkServer::start(ServerConfig { policy, ..ServerConfig::default() }, "127.").await
}

async fn logged_in(server: &TalkServer) -> Talk<TcpStream> {
    let mut talk = server.talk().await;
    talk.logs_in().await;
    talk
}

/// What arrives if this is sent after `354`.
async fn content(sent: &[u8]) -> Vec<u8> {
    let server = server().await;
    let mut talk = logged_in(&server).await;
    talk.begins().await;
    talk.sends(sent).await;
    talk.hears("250 2.0.0 ").await;
    talk.says("QUIT", "221 ").await;
    server.backend.submitted().remove(0).message
}

/// The sender of a message whose MAIL command is this.
async fn sender(mail: &str) -> Option<String> {
    let server = server().await;
    let mut talk = logged_in(&server).await;
    talk.says(mail, "250 2.1.0 ").await;
    talk.says("RCPT TO:<bob@example.test>", "250 ").await;
    talk.says("DATA", "354 ").await;
    talk.says(".", "250 ").await;
    server.backend.submitted().remove(0).envelope.sender.as_ref().map(Address::to_string)
}

// Logging in.

#[tokio::test]
async fn auth_login_with_the_exact_prompts() {
    let alive = server().await;
    let mut talk = alive.talk().await;
    talk.says("EHLO MFP07", "250-").await;
    assert_eq!(talk.says("AUTH LOGIN", "334 ").await, "334 VXNlcm5hbWU6\r\n");
    assert_eq!(talk.says("YWxpY2U=", "334 ").await, "334 UGFzc3dvcmQ6\r\n");
    talk.says("ZGVtbw==", "235 2.7.0 ").await;
}

#[tokio::test]
async fn auth_login_with_the_user_on_the_command_line() {
    let alive = server().await;
    let mut talk = alive.talk().await;
    talk.says("EHLO x", "250-").await;
    assert_eq!(talk.says("AUTH LOGIN YWxpY2U=", "334 ").await, "334 UGFzc3dvcmQ6\r\n");
    talk.says("ZGVtbw==", "235 2.7.0 ").await;
}

#[tokio::test]
async fn auth_in_any_letter_case() {
    for (auth, user, password) in [("auth login", "YWxpY2U=", "ZGVtbw=="), ("Auth Login", "YWxpY2U", "ZGVtbw")] {
        let alive = server().await;
        let mut talk = alive.talk().await;
        talk.says("ehlo x", "250-").await;
        talk.says(auth, "334 ").await;
        talk.says(user, "334 ").await;
        talk.says(password, "235 ").await;
    }
}

#[tokio::test]
async fn auth_plain_with_and_without_initial_response() {
    let token = STANDARD.encode("\0alice\0demo");
    let alive = server().await;
    let mut talk = alive.talk().await;
    talk.says("EHLO x", "250-").await;
    talk.says(&format!("AUTH PLAIN {token}"), "235 ").await;
    let alive = server().await;
    let mut talk = alive.talk().await;
    talk.says("EHLO x", "250-").await;
    assert_eq!(talk.says("AUTH PLAIN", "334 ").await, "334 \r\n");
    talk.says(&token, "235 ").await;
    let alive = server().await;
    let mut talk = alive.talk().await;
    talk.says("EHLO x", "250-").await;
    talk.says(&format!("auth plain {}", STANDARD.encode("alice\0alice\0demo")), "235 ").await;
}

#[tokio::test]
async fn auth_after_helo() {
    let alive = server().await;
    let mut talk = alive.talk().await;
    talk.says("HELO printer", "250 mx.test").await;
    talk.says("AUTH LOGIN", "334 ").await;
    talk.says("YWxpY2U=", "334 ").await;
    talk.says("ZGVtbw==", "235 ").await;
    talk.begins().await;
    talk.says(".", "250 ").await;
}

#[tokio::test]
async fn auth_cancelled_wrong_and_repeated() {
    let alive = server().await;
    let mut talk = alive.talk().await;
    talk.says("EHLO x", "250-").await;
    talk.says("AUTH LOGIN", "334 ").await;
    talk.says("*", "501 5.7.0 ").await;
    talk.says("AUTH LOGIN Ym9i", "334 ").await;
    talk.says("ZGVtbw==", "535 5.7.8 ").await;
    talk.says("AUTH CRAM-MD5", "504 5.5.4 ").await;
    talk.says("AUTH PLAIN AGFsaWNlAGRlbW8=", "235 ").await;
    talk.says("AUTH PLAIN AGFsaWNlAGRlbW8=", "503 ").await;
}

// Saying hello.

#[tokio::test]
async fn helo_only_sender_without_login() {
    let server = open_server().await;
    let mut talk = server.talk().await;
    talk.says("HELO ups", "250 mx.test").await;
    talk.begins().await;
    talk.says("Subject: on battery\r\n\r\n.", "250 2.0.0 ").await;
    talk.says("QUIT", "221 ").await;
    assert_eq!(server.backend.submitted()[0].message, b"Subject: on battery\r\n\r\n");
}

#[tokio::test]
async fn helo_with_any_name_or_none() {
    let server = server().await;
    for name in [
        "my_scanner",
        "HP LaserJet 4",
        "192.168.1.5",
        "[192.168.1.5]",
        "[IPv6:fe80::1]",
        "-",
        "scanner.",
        "drücker",
        "",
    ] {
        let mut talk = server.talk().await;
        talk.says(&format!("HELO {name}"), "250 mx.test").await;
        talk.says(&format!("EHLO {name}"), "250-mx.test").await;
    }
    let mut talk = server.talk().await;
    talk.says("HELO", "250 ").await;
    talk.sends(b"HELO B\xfcro 3\r\n").await;
    talk.hears("250 ").await;
}

#[tokio::test]
async fn a_login_is_demanded_where_no_guest_is_known() {
    let server = server().await;
    let mut talk = server.talk().await;
    talk.says("HELO x", "250 ").await;
    talk.says("MAIL FROM:<a@b>", "530 5.7.0 ").await;
    let policy = Policy { authentication: Authentication::Optional, ..policy() };
    let strange = TalkServer::start(ServerConfig { policy, ..ServerConfig::default() }, "192.0.2.").await;
    let mut talk = strange.talk().await;
    talk.says("HELO x", "250 ").await;
    talk.says("MAIL FROM:<a@b>", "530 5.7.0 ").await;
    talk.says("RCPT TO:<a@b>", "503 ").await;
}

// Commands.

#[tokio::test]
async fn lower_case_verbs_and_blanks() {
    let server = server().await;
    let mut talk = server.talk().await;
    talk.says("ehlo x", "250-").await;
    talk.says("auth plain AGFsaWNlAGRlbW8=", "235 ").await;
    talk.says("mail from: <alice@example.test> ", "250 ").await;
    talk.says("rcpt to: bob@example.test", "250 ").await;
    talk.says("data ", "354 ").await;
    talk.says(".", "250 ").await;
    talk.says("quit ", "221 ").await;
}

#[tokio::test]
async fn spaces_behind_the_colon() {
    assert_eq!(sender("MAIL FROM: <alice@example.test>").await.as_deref(), Some("alice@example.test"));
    assert_eq!(sender("MAIL FROM : < alice@example.test >").await.as_deref(), Some("alice@example.test"));
}

#[tokio::test]
async fn missing_angle_brackets() {
    assert_eq!(sender("MAIL FROM:alice@example.test").await.as_deref(), Some("alice@example.test"));
    assert_eq!(sender("MAIL FROM: alice@example.test SIZE=9").await.as_deref(), Some("alice@example.test"));
}

#[tokio::test]
async fn null_sender() {
    assert_eq!(sender("MAIL FROM:<>").await, None);
}

#[tokio::test]
async fn senders_that_nobody_can_answer() {
    for address in ["scanner", "root@localhost", "copier@printer_1.local", "ups@[192.168.1.5]"] {
        assert_eq!(sender(&format!("MAIL FROM:<{address}>")).await.as_deref(), Some(address));
    }
}

#[tokio::test]
async fn auth_parameter_on_mail() {
    for auth in ["<>", "alice@example.test", "+3D"] {
        let mail = format!("MAIL FROM:<alice@example.test> AUTH={auth} SIZE=100");
        assert_eq!(sender(&mail).await.as_deref(), Some("alice@example.test"));
    }
}

#[tokio::test]
async fn noop_with_arguments() {
    let alive = server().await;
    let mut talk = alive.talk().await;
    talk.says("NOOP are you there", "250 ").await;
    talk.says("noop", "250 ").await;
}

#[tokio::test]
async fn questions_are_answered_safely() {
    let alive = server().await;
    let mut talk = alive.talk().await;
    talk.says("HELP", "214 ").await;
    talk.says("VRFY alice", "252 ").await;
    talk.says("EXPN everybody", "502 ").await;
    talk.says("EHLO x", "250-").await;
    talk.says("VRFY nobody-at-all", "252 ").await;
}

#[tokio::test]
async fn the_whole_session_at_once() {
    let server = open_server().await;
    let mut talk = server.connect().await;
    let message = "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nSubject: x\r\n\r\nbody\r\n.\r\n";
    talk.sends(format!("EHLO x\r\n{message}{message}QUIT\r\n")).await;
    for start in ["220 ", "250-", "250 ", "250 ", "354 ", "250 ", "250 ", "250 ", "354 ", "250 ", "221 "] {
        talk.hears(start).await;
    }
    talk.hears_the_end().await;
    assert_eq!(server.backend.submitted().len(), 2);
}

#[tokio::test]
async fn quit_without_waiting() {
    let server = server().await;
    let mut talk = logged_in(&server).await;
    talk.begins().await;
    let mut stream = talk.into_stream();
    stream.write_all(b"Subject: x\r\n\r\n.\r\nQUIT\r\n").await.expect("sent");
    drop(stream);
    assert_eq!(server.backend.arrival().await.message, b"Subject: x\r\n\r\n");
}

#[tokio::test]
async fn a_message_cut_off_is_none() {
    let server = server().await;
    let mut talk = logged_in(&server).await;
    talk.begins().await;
    let mut stream = talk.into_stream();
    stream.write_all(b"Subject: x\r\n\r\nhalf\r\n.\r").await.expect("sent");
    stream.shutdown().await.expect("closed");
    Talk::new(stream).hears_the_end().await;
    assert!(server.backend.submitted().is_empty());
}

// Content.

#[tokio::test]
async fn bare_line_feeds_become_line_ends() {
    assert_eq!(content(b"Subject: x\n\none\ntwo\n\r\n.\r\n").await, b"Subject: x\r\n\r\none\r\ntwo\r\n\r\n");
    let alive = server().await;
    let mut talk = alive.talk().await;
    talk.sends("EHLO x\nAUTH PLAIN AGFsaWNlAGRlbW8=\n").await;
    talk.hears("250-").await;
    talk.hears("235 ").await;
}

#[tokio::test]
async fn bare_carriage_returns_become_line_ends() {
    assert_eq!(content(b"Subject: x\r\rone\rtwo\r\n.\r\n").await, b"Subject: x\r\n\r\none\r\ntwo\r\n");
}

#[tokio::test]
async fn lines_over_998_bytes() {
    let long = format!("Subject: x\r\n\r\n{}\r\n", "x".repeat(100_000));
    assert_eq!(content(format!("{long}.\r\n").as_bytes()).await, long.as_bytes());
}

#[tokio::test]
async fn raw_eight_bit_content() {
    let message = b"Subject: \xdcber \xff\x80\r\n\r\nB\xfcro \0 \xe2\x82\xac\r\n";
    assert_eq!(content(&[&message[..], b".\r\n"].concat()).await, message);
}

#[tokio::test]
async fn empty_body() {
    assert_eq!(content(b"Subject: x\r\n.\r\n").await, b"Subject: x\r\n");
    assert_eq!(content(b"\r\n.\r\n").await, b"\r\n");
    assert_eq!(content(b".\r\n").await, b"");
}

#[tokio::test]
async fn dots_at_line_starts() {
    assert_eq!(content(b"..\r\n...\r\n.x\r\n.\r\n").await, b".\r\n..\r\nx\r\n");
}

#[tokio::test]
async fn large_messages_lie_in_files() {
    let spool = Arc::new(SpoolConfig { memory_bytes: 10_000, ..SpoolConfig::default() });
    let server = TalkServer::start(ServerConfig { policy: policy(), spool, ..ServerConfig::default() }, "").await;
    let mut talk = logged_in(&server).await;
    for (lines, spooled) in [(10, false), (100_000, true)] {
        talk.begins().await;
        let message: String = (0..lines).map(|line| format!("line {line}\r\n")).collect();
        talk.sends(&message).await;
        talk.says(".", "250 ").await;
        let submitted = server.backend.submitted().pop().expect("submitted");
        assert!(submitted.message == message.as_bytes() && submitted.spooled == spooled, "{lines} lines");
    }
}

#[tokio::test]
async fn too_large_is_said_at_mail_and_at_the_end() {
    let policy = Policy { max_message: 1000, ..policy() };
    let server = TalkServer::start(ServerConfig { policy, ..ServerConfig::default() }, "").await;
    let mut talk = logged_in(&server).await;
    talk.says("MAIL FROM:<a@b> SIZE=1001", "552 5.3.4 ").await;
    talk.begins().await;
    talk.says(&format!("{}\r\n.", "x".repeat(1500)), "552 5.3.4 ").await;
    talk.says("NOOP", "250 ").await;
    talk.begins().await;
    talk.says("x\r\n.", "250 ").await;
    assert_eq!(server.backend.submitted().len(), 1);
}

// Chunks.

#[tokio::test]
async fn chunks_with_last() {
    let server = server().await;
    let mut talk = logged_in(&server).await;
    talk.sends(
        "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 12\r\nSubject: x\r\nBDAT 10 LAST\r\n\r\n.\r\nx\r\n\r\nNOOP\r\n",
    )
    .await;
    for start in ["250 ", "250 ", "250 2.0.0 12 octets", "250 2.0.0 Message", "250 2.0.0 OK"] {
        talk.hears(start).await;
    }
    assert_eq!(server.backend.submitted()[0].message, b"Subject: x\r\n\r\n.\r\nx\r\n\r\n");
}

#[tokio::test]
async fn chunks_of_no_bytes() {
    let server = server().await;
    let mut talk = logged_in(&server).await;
    talk.sends("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 0\r\nBDAT 3\r\nabcBDAT 0 LAST\r\n").await;
    for start in ["250 ", "250 ", "250 2.0.0 0 octets", "250 2.0.0 3 octets", "250 2.0.0 Message"] {
        talk.hears(start).await;
    }
    assert_eq!(server.backend.submitted()[0].message, b"abc");
}

#[tokio::test]
async fn chunks_are_not_mixed_with_data() {
    let server = server().await;
    let mut talk = logged_in(&server).await;
    talk.sends("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 3\r\nabcDATA\r\nRSET\r\n").await;
    for start in ["250 ", "250 ", "250 ", "503 ", "250 "] {
        talk.hears(start).await;
    }
    talk.begins().await;
    talk.says("x\r\n.", "250 ").await;
    assert_eq!(server.backend.submitted()[0].message, b"x\r\n", "nothing of the chunk is left");
}

#[tokio::test]
async fn a_refused_chunk_holds_no_commands() {
    let server = server().await;
    let mut talk = logged_in(&server).await;
    let evil = "MAIL FROM:<evil@b>\r\nRCPT TO:<a@b>\r\nDATA\r\n.\r\n";
    talk.sends(format!("BDAT {}\r\n{evil}NOOP\r\n", evil.len())).await;
    talk.hears("503 5.5.1 ").await;
    talk.hears("250 2.0.0 OK").await;
    assert!(server.backend.submitted().is_empty());
}

#[tokio::test]
async fn chunks_that_are_too_large_are_read_to_their_last_byte() {
    let policy = Policy { max_message: 1000, ..policy() };
    let server = TalkServer::start(ServerConfig { policy, ..ServerConfig::default() }, "").await;
    let mut talk = logged_in(&server).await;
    talk.sends(format!("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 1500 LAST\r\n{}NOOP\r\n", "QUIT\r\n".repeat(250)))
        .await;
    for start in ["250 ", "250 ", "552 5.3.4 ", "250 2.0.0 OK"] {
        talk.hears(start).await;
    }
    talk.says("BDAT x", "501 ").await;
    talk.hears_the_end().await;
}

// Smuggling: what others may take for the end of a message must not be one here, and nothing in it a command.

#[tokio::test]
async fn smuggling() {
    let ends = [
        "\n.\n",
        "\n.\r\n",
        "\r\n.\n",
        "\r.\r",
        "\r.\r\n",
        "\r\n.\r",
        "\n.\r",
        "\r.\n",
        "\r\r\n.\r\r\n",
        "\r\n.\r\r\n",
        "\r\n\0.\r\n",
        "\r\n.\0\r\n",
        "\0\r\n.\0\r\n",
        "\r\n. \r\n",
        "\r\n .\r\n",
        "\r\n..\r\n",
        "\r\n.\x0b\r\n",
        "\r\n.\u{85}\r\n",
        "\u{2028}.\u{2028}",
        "\n\n.\n\n",
        "\n\r.\n\r",
        "\r\n.\t\r\n",
    ];
    for end in ends {
        let server = server().await;
        let mut talk = logged_in(&server).await;
        talk.begins().await;
        talk.sends(format!("one{end}MAIL FROM:<evil@b>\r\nRCPT TO:<a@b>\r\nDATA\r\ntwo\r\n.\r\n")).await;
        talk.hears("250 2.0.0 Message").await;
        talk.says("NOOP", "250 2.0.0 OK").await;
        let submitted = server.backend.submitted();
        assert_eq!(submitted.len(), 1, "{end:?}");
        assert!(submitted[0].message.ends_with(b"MAIL FROM:<evil@b>\r\nRCPT TO:<a@b>\r\nDATA\r\ntwo\r\n"), "{end:?}");
    }
}

#[tokio::test]
async fn nothing_smuggled_out_looks_like_an_end() {
    // What is passed on has whole line ends only, so that the next server sees lines where this one saw them.
    let message = content(b"a\n.\nb\r.\rc\n..\nd\r\n.\r\n").await;
    assert_eq!(message, b"a\r\n.\r\nb\r\n.\r\nc\r\n.\r\nd\r\n");
}

#[tokio::test]
async fn other_protocols_are_sent_away() {
    let alive = server().await;
    let mut talk = alive.talk().await;
    talk.sends("POST / HTTP/1.1\r\nHost: x\r\n\r\nEHLO x\r\n").await;
    talk.hears("421 ").await;
}

// TLS.

fn starttls() -> (TlsMode, TlsConnector) {
    let (server, client) = tls();
    (TlsMode::StartTls(server), client)
}

#[tokio::test]
async fn starttls_injection() {
    let (tls, _) = starttls();
    let config = ServerConfig { tls, policy: policy(), ..ServerConfig::default() };
    let server = TalkServer::start(config, "").await;
    let mut talk = server.talk().await;
    talk.says("EHLO x", "250-").await;
    talk.sends("STARTTLS\r\nEHLO evil\r\nAUTH PLAIN AGFsaWNlAGRlbW8=\r\nMAIL FROM:<evil@b>\r\n").await;
    talk.hears("554 5.5.1 ").await;
    talk.hears_the_end().await;
}

#[tokio::test]
async fn a_login_before_starttls_counts_for_nothing_in_it() {
    let (tls, connector) = starttls();
    let policy = Policy { authentication: Authentication::Optional, ..policy() };
    let server = TalkServer::start(ServerConfig { tls, policy, ..ServerConfig::default() }, "127.").await;
    let mut talk = server.talk().await;
    talk.says("EHLO x", "250-").await;
    // A guest's transaction, then TLS in the midst of it.
    talk.says("MAIL FROM:<a@b>", "250 ").await;
    talk.says("RCPT TO:<c@d>", "250 ").await;
    talk.says("STARTTLS", "220 ").await;
    let name = ServerName::try_from("localhost").expect("a name");
    let mut talk = Talk::new(connector.connect(name, talk.into_stream()).await.expect("TLS"));
    talk.says("DATA", "503 ").await;
    talk.says("MAIL FROM:<a@b>", "503 5.5.1 Say EHLO first").await;
    let ehlo = talk.says("EHLO x", "250-").await;
    assert!(!ehlo.contains("STARTTLS"), "{ehlo}");
    talk.says("STARTTLS", "503 ").await;
    talk.logs_in().await;
    talk.begins().await;
    talk.says(".", "250 ").await;
}

#[tokio::test]
async fn no_password_without_tls() {
    let (tls, _) = starttls();
    let policy = Policy { allow_plaintext_auth: false, ..policy() };
    let server = TalkServer::start(ServerConfig { tls, policy, ..ServerConfig::default() }, "").await;
    let mut talk = server.talk().await;
    let ehlo = talk.says("EHLO x", "250-").await;
    assert!(ehlo.contains("STARTTLS") && !ehlo.contains("AUTH"), "{ehlo}");
    talk.says("AUTH PLAIN AGFsaWNlAGRlbW8=", "538 5.7.11 ").await;
    talk.says("AUTH LOGIN", "538 5.7.11 ").await;
}

// Who may come.

/// A PROXY protocol header for a client with an IPv4 address.
fn proxy_header(client: [u8; 4]) -> Vec<u8> {
    [&mail_core::listener::proxy::SIGNATURE[..], b"\x21\x11\0\x0c", &client, &[10, 0, 0, 1, 0x10, 0xe1, 0, 25]].concat()
}

async fn behind_proxy(networks: &[&str]) -> TalkServer {
    let access = AccessConfig {
        networks: networks.iter().map(|network| network.parse().expect("a network")).collect(),
        proxies: vec!["127.0.0.1".parse().expect("a network")],
        ..AccessConfig::default()
    };
    let policy = Policy { authentication: Authentication::Optional, ..policy() };
    TalkServer::start(ServerConfig { policy, access, ..ServerConfig::default() }, "192.0.2.").await
}

#[tokio::test]
async fn the_proxy_says_who_the_client_is() {
    let server = behind_proxy(&[]).await;
    for (client, reply) in [([192, 0, 2, 7], "250 "), ([198, 51, 100, 7], "530 ")] {
        let mut talk = server.connect().await;
        talk.sends([&proxy_header(client)[..], b"HELO x\r\n"].concat()).await;
        talk.hears("220 ").await;
        talk.hears("250 ").await;
        talk.says("MAIL FROM:<a@b>", reply).await;
    }
    let server = behind_proxy(&["192.0.2.0/24"]).await;
    let mut talk = server.connect().await;
    talk.sends(proxy_header([198, 51, 100, 7])).await;
    talk.hears("554 5.7.1 ").await;
    talk.hears_the_end().await;
}

#[tokio::test]
async fn a_proxy_that_says_nothing_is_not_served() {
    let server = behind_proxy(&[]).await;
    let mut talk = server.connect().await;
    talk.sends("EHLO a client that is not known\r\n").await;
    talk.hears_the_end().await;
}

#[tokio::test]
async fn a_proxys_own_connection_is_no_guest() {
    let policy = Policy { authentication: Authentication::Optional, ..policy() };
    let access = AccessConfig { proxies: vec!["127.0.0.1".parse().expect("a network")], ..AccessConfig::default() };
    let server = TalkServer::start(ServerConfig { policy, access, ..ServerConfig::default() }, "127.").await;
    let mut talk = server.connect().await;
    talk.sends([&mail_core::listener::proxy::SIGNATURE[..], b"\x20\0\0\0"].concat()).await;
    talk.hears("220 ").await;
    talk.says("HELO x", "250 ").await;
    talk.says("MAIL FROM:<a@b>", "530 ").await;
}

#[tokio::test]
async fn nobody_else_may_send_a_proxy_header() {
    let server = open_server().await;
    let mut talk = server.talk().await;
    talk.sends([&proxy_header([192, 0, 2, 7])[..], b"HELO x\r\n"].concat()).await;
    // Its lines are no commands but for the QUIT in it, which is why it is there.
    talk.hears("500 ").await;
    talk.hears("500 ").await;
    talk.hears("500 ").await;
    talk.hears("221 ").await;
}

#[tokio::test]
async fn clients_elsewhere_are_sent_away() {
    let access = AccessConfig { networks: vec!["192.0.2.0/24".parse().expect("a network")], ..AccessConfig::default() };
    let server = TalkServer::start(ServerConfig { policy: policy(), access, ..ServerConfig::default() }, "").await;
    let mut talk = server.connect().await;
    talk.hears("554 5.7.1 ").await;
    talk.hears_the_end().await;
}

#[tokio::test]
async fn connections_and_messages_are_rated() {
    let hourly = |count| Some(Arc::new(RateTable::new(RateLimit { count, period: Duration::from_secs(3600) })));
    let access = AccessConfig { connections: hourly(2), messages: hourly(2), ..AccessConfig::default() };
    let server = TalkServer::start(ServerConfig { policy: policy(), access, ..ServerConfig::default() }, "").await;
    let mut talk = logged_in(&server).await;
    talk.begins().await;
    talk.says(".", "250 ").await;
    let mut other = logged_in(&server).await;
    other.begins().await;
    other.says(".", "250 ").await;
    other.says("MAIL FROM:<a@b>", "450 4.7.1 ").await;
    server.connect().await.hears("421 4.7.0 ").await;
}
