use std::time::Instant;

use mail_core::listener::proxy::{self, Header};
use mail_core::sasl::Mechanism;
use smtp_front::command;
use smtp_front::data::{DataReceiver, LineEnds};
use smtp_front::session::{Action, Authentication, Policy, Session};
use smtp_front::submit::{Envelope, Grant, SubmitError};

use super::cut;

/// The largest message that sessions take.
const MAX_MESSAGE: usize = 1 << 10;

/// Command lines.
pub fn command(data: &[u8]) {
    if let Ok(command) = command::parse(data) {
        assert!(!command.verb().is_empty());
    }
}

/// Messages after DATA, and the same bytes as chunks.
pub fn data(data: &[u8]) {
    let pieces = cut(data);
    let whole = pieces.concat();
    let expected = receive(&[&whole]);
    assert_eq!(expected, receive(&pieces));
    let end = whole.windows(5).position(|window| window == b"\r\n.\r\n").map(|at| at + 5);
    let end = if whole.starts_with(b".\r\n") { Some(3) } else { end };
    assert_eq!(expected.0, end, "only CRLF.CRLF ends a message");
    let lines = line_ends(&[&whole]);
    assert_eq!(lines, line_ends(&pieces));
    assert_eq!(lines, line_ends(&[&lines]), "what has whole line ends is left alone");
}

/// Where the message ended, and its content.
fn receive(pieces: &[&[u8]]) -> (Option<usize>, Vec<u8>) {
    let mut receiver = DataReceiver::new();
    let (mut at, mut content) = (0, Vec::new());
    for piece in pieces {
        let progress = receiver.receive(piece, &mut content);
        at += progress.consumed;
        if progress.complete {
            return (Some(at), content);
        }
    }
    (None, content)
}

fn line_ends(pieces: &[&[u8]]) -> Vec<u8> {
    let (mut ends, mut content) = (LineEnds::default(), Vec::new());
    pieces.iter().for_each(|piece| ends.receive(piece, &mut content));
    ends.finish(&mut content);
    content
}

/// What a proxy says first.
pub fn proxy(data: &[u8]) {
    match proxy::parse(data) {
        Ok(Header::Complete { len, source }) => {
            assert!(len <= data.len());
            for cut in 0..len {
                let Ok(Header::Partial(more)) = proxy::parse(&data[..cut]) else { panic!("complete before its end") };
                assert!(more > 0 && cut + more <= len, "no byte behind the header is asked for");
            }
            assert_eq!(proxy::parse(&data[..len]), Ok(Header::Complete { len, source }));
        }
        Ok(Header::Partial(more)) => assert!(more > 0),
        Err(_) => {}
    }
}

/// Whole connections.
pub fn session(data: &[u8]) {
    let pieces = cut(data);
    let whole = pieces.concat();
    // STARTTLS is judged by what has arrived behind it, so there cutting does make a difference.
    let starttls = whole.first().is_some_and(|byte| byte % 2 == 0);
    let (said, submitted) = converse(&[&whole], starttls);
    if !starttls {
        let cut = converse(&pieces, false);
        assert_eq!((&said, &submitted), (&cut.0, &cut.1));
    }
    for line in said.split_inclusive(|byte| *byte == b'\n') {
        assert!(
            line.is_ascii() && line.len() <= 512 && line.ends_with(b"\r\n") && line[..3].iter().all(u8::is_ascii_digit)
        );
    }
}

/// What the server said, and what was submitted.
fn converse(pieces: &[&[u8]], starttls: bool) -> (Vec<u8>, Vec<(Envelope, Vec<u8>)>) {
    let now = Instant::now();
    let policy = Policy {
        starttls,
        allow_plaintext_auth: !starttls,
        authentication: if starttls { Authentication::Optional } else { Authentication::Required },
        mechanisms: Mechanism::ALL.to_vec(),
        max_message: MAX_MESSAGE,
        max_recipients: 3,
        ..Policy::default()
    };
    let mut session = Session::new(policy, false, now);
    let (mut said, mut stored, mut submitted) = (Vec::new(), Vec::new(), Vec::new());
    for piece in [&[][..]].iter().chain(pieces) {
        session.receive(piece, now);
        while let Some(action) = session.poll(now) {
            match action {
                Action::Send(bytes) => said.extend_from_slice(&bytes),
                Action::StartTls => session.tls_started(now),
                Action::Login(credentials) => {
                    let known = !credentials.user.starts_with('x');
                    let result = if known { Ok(Grant::default()) } else { Err(SubmitError::AuthenticationFailed) };
                    session.login_done(result, now);
                }
                Action::Guest => session.guest_done(Ok(Grant { max_message: Some(100) }), now),
                Action::CheckSender(_) => session.sender_done(Ok(()), now),
                Action::CheckRecipient(_) => session.recipient_done(Ok(()), now),
                Action::Store(bytes) => {
                    stored.extend_from_slice(&bytes);
                    assert!(!bytes.is_empty() && stored.len() <= MAX_MESSAGE);
                }
                Action::Discard => stored.clear(),
                Action::Submit(envelope) => {
                    assert!(!envelope.recipients.is_empty() && envelope.recipients.len() <= 3);
                    let message: Vec<u8> = std::mem::take(&mut stored);
                    let line_ends = message.iter().filter(|byte| matches!(byte, b'\r' | b'\n')).count();
                    assert_eq!(line_ends, 2 * message.windows(2).filter(|pair| pair == b"\r\n").count());
                    submitted.push((envelope, message));
                    session.submit_done(Ok(()), now);
                }
                Action::Close => {}
            }
        }
    }
    (said, submitted)
}
