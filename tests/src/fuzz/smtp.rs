use std::time::Instant;

use bytes::Bytes;
use smtp_front::command;
use smtp_front::data::DataReceiver;
use smtp_front::session::{Action, Policy, Session};
use smtp_front::submit::{Envelope, SubmitError};

use super::cut;

/// Command lines.
pub fn command(data: &[u8]) {
    if let Ok(command) = command::parse(data) {
        assert!(!command.verb().is_empty());
    }
}

/// Messages after DATA.
pub fn data(data: &[u8]) {
    let pieces = cut(data);
    let whole = pieces.concat();
    let expected = receive(&[&whole]);
    assert_eq!(expected, receive(&pieces));
    let end = whole.windows(5).position(|window| window == b"\r\n.\r\n").map(|at| at + 5);
    let end = if whole.starts_with(b".\r\n") { Some(3) } else { end };
    assert_eq!(expected.0, end, "only CRLF.CRLF ends a message");
}

/// Where the message ended, and the message if it is within the limit.
fn receive(pieces: &[&[u8]]) -> (Option<usize>, Option<Bytes>) {
    let mut receiver = DataReceiver::new(1 << 10);
    let mut at = 0;
    for piece in pieces {
        let progress = receiver.receive(piece);
        at += progress.consumed;
        if progress.complete {
            return (Some(at), receiver.finish().ok());
        }
    }
    (None, None)
}

/// Whole connections.
pub fn session(data: &[u8]) {
    let pieces = cut(data);
    let whole = pieces.concat();
    // STARTTLS is judged by what has arrived behind it, so there cutting does make a difference.
    let starttls = whole.first().is_some_and(|byte| byte % 2 == 0);
    let (said, submitted) = converse(&[&whole], starttls);
    if !starttls {
        assert_eq!((&said, &submitted), (&converse(&pieces, false).0, &converse(&pieces, false).1));
    }
    for line in said.split_inclusive(|byte| *byte == b'\n') {
        assert!(
            line.is_ascii() && line.len() <= 512 && line.ends_with(b"\r\n") && line[..3].iter().all(u8::is_ascii_digit)
        );
    }
}

fn converse(pieces: &[&[u8]], starttls: bool) -> (Vec<u8>, Vec<(Envelope, Bytes)>) {
    let now = Instant::now();
    let policy = Policy {
        starttls,
        allow_plaintext_auth: !starttls,
        max_message: 1 << 10,
        max_recipients: 3,
        ..Policy::default()
    };
    let mut session = Session::new(policy, false, now);
    let (mut said, mut submitted) = (Vec::new(), Vec::new());
    for piece in [&[][..]].iter().chain(pieces) {
        session.receive(piece, now);
        while let Some(action) = session.poll(now) {
            match action {
                Action::Send(bytes) => said.extend_from_slice(&bytes),
                Action::StartTls => session.tls_started(now),
                Action::Login(credentials) => {
                    let known = !credentials.user.starts_with('x');
                    session.login_done(if known { Ok(()) } else { Err(SubmitError::AuthenticationFailed) }, now);
                }
                Action::Submit(envelope, message) => {
                    submitted.push((envelope, message));
                    session.submit_done(Ok(()), now);
                }
                Action::Close => {}
            }
        }
    }
    (said, submitted)
}
