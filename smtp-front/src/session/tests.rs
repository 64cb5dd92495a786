//! Dialogues: what the client says, what the server answers, what it wants done.

use std::time::Duration;

use mail_core::Secret;
use mail_core::sasl::Mechanism;
use proptest::prelude::*;
use secrecy::ExposeSecret;

use super::*;
use crate::submit::Address;

/// A session with a backend of one user, `alice` with password `demo`, that keeps what was submitted.
struct Dialogue {
    session: Session,
    now: Instant,
    stored: Vec<u8>,
    submitted: Vec<(Envelope, Vec<u8>)>,
    submit_results: Vec<SubmitError>,
    tls: bool,
    closed: bool,
}

impl Dialogue {
    fn new(policy: Policy, encrypted: bool) -> Self {
        let now = Instant::now();
        let session = Session::new(policy, encrypted, now);
        let mut dialogue =
            Self { session, now, stored: vec![], submitted: vec![], submit_results: vec![], tls: false, closed: false };
        assert_eq!(dialogue.run(), "220 mx.test ESMTP ready\r\n");
        dialogue
    }

    fn secure() -> Self {
        Self::new(policy(), true)
    }

    /// Logged in and greeted.
    fn ready(policy: Policy) -> Self {
        let mut dialogue = Self::new(policy, true);
        dialogue.say("EHLO c\r\n");
        assert_eq!(dialogue.say("AUTH PLAIN AGFsaWNlAGRlbW8=\r\n"), "235 2.7.0 Authentication succeeded\r\n");
        dialogue
    }

    fn say(&mut self, text: impl AsRef<[u8]>) -> String {
        self.session.receive(text.as_ref(), self.now);
        self.run()
    }

    /// The codes of the replies to these lines.
    fn codes(&mut self, text: &str) -> Vec<u16> {
        codes(&self.say(text))
    }

    fn run(&mut self) -> String {
        let mut out = String::new();
        while let Some(action) = self.session.poll(self.now) {
            assert!(!self.closed, "nothing comes after Close");
            match action {
                Action::Send(bytes) => out.push_str(std::str::from_utf8(&bytes).unwrap()),
                Action::StartTls => self.tls = true,
                Action::Login(Credentials { user, secret }) => {
                    assert!(!format!("{secret:?}").contains("demo"));
                    let (Secret::Password(text) | Secret::Bearer(text)) = &secret;
                    let result = match (user.as_str(), text.expose_secret()) {
                        ("alice", "demo") => Ok(Grant::default()),
                        ("small", "demo") => Ok(Grant { max_message: Some(100) }),
                        ("down", _) => Err(SubmitError::Unavailable("upstream is down".to_owned())),
                        _ => Err(SubmitError::AuthenticationFailed),
                    };
                    self.session.login_done(result, self.now);
                }
                Action::Guest => self.session.guest_done(Ok(Grant { max_message: Some(100) }), self.now),
                Action::CheckSender(sender) => {
                    let result = match sender.as_ref().map(Address::as_str) {
                        Some("evil@b") => Err(SubmitError::SenderDenied("not you".to_owned())),
                        _ => Ok(()),
                    };
                    self.session.sender_done(result, self.now);
                }
                Action::CheckRecipient(recipient) => {
                    let result = match recipient.address.as_str() {
                        "nobody@b" => Err(SubmitError::RecipientRefused("unknown".to_owned())),
                        _ => Ok(()),
                    };
                    self.session.recipient_done(result, self.now);
                }
                Action::Store(bytes) => {
                    assert!(!bytes.is_empty());
                    self.stored.extend_from_slice(&bytes);
                }
                Action::Discard => self.stored.clear(),
                Action::Submit(envelope) => {
                    let accepted = out.matches("Message accepted").count();
                    assert!(accepted <= self.submitted.len(), "250 only after the backend's answer");
                    self.submitted.push((envelope, std::mem::take(&mut self.stored)));
                    let result = self.submit_results.pop().map_or(Ok(()), Err);
                    self.session.submit_done(result, self.now);
                }
                Action::Close => self.closed = true,
            }
        }
        out
    }
}

fn policy() -> Policy {
    Policy {
        hostname: "mx.test".to_owned(),
        max_message: 1000,
        max_recipients: 3,
        max_transactions: 5,
        ..Policy::default()
    }
}

fn codes(output: &str) -> Vec<u16> {
    let last = |line: &&str| line.as_bytes().get(3) != Some(&b'-');
    output.lines().filter(last).map(|line| line[..3].parse().unwrap()).collect()
}

#[test]
fn a_whole_conversation() {
    let mut d = Dialogue::secure();
    assert_eq!(
        d.say("EHLO client.example\r\n"),
        "250-mx.test\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250-8BITMIME\r\n250-CHUNKING\r\n250-DSN\r\n\
         250-ENHANCEDSTATUSCODES\r\n250-LIMITS RCPTMAX=3 MAILMAX=5\r\n250-SMTPUTF8\r\n250-AUTH PLAIN LOGIN\r\n\
         250 HELP\r\n"
    );
    assert_eq!(d.say("AUTH PLAIN AGFsaWNlAGRlbW8=\r\n"), "235 2.7.0 Authentication succeeded\r\n");
    assert_eq!(d.say("MAIL FROM:<alice@example.test> SIZE=20 BODY=8BITMIME\r\n"), "250 2.1.0 Sender OK\r\n");
    assert_eq!(d.say("RCPT TO:<bob@example.test>\r\n"), "250 2.1.5 Recipient OK\r\n");
    assert_eq!(d.say("DATA\r\n"), "354 Start mail input, end with <CRLF>.<CRLF>\r\n");
    assert_eq!(d.say("Subject: x\r\n\r\n..dot\r\n"), "");
    assert_eq!(d.say(".\r\n"), "250 2.0.0 Message accepted\r\n");
    assert_eq!(d.say("QUIT\r\n"), "221 2.0.0 Bye\r\n");
    assert!(d.closed);
    let (envelope, message) = &d.submitted[0];
    assert_eq!(envelope.sender.as_ref().map(Address::as_str), Some("alice@example.test"));
    assert_eq!(envelope.recipients.iter().map(|to| to.address.as_str()).collect::<Vec<_>>(), ["bob@example.test"]);
    assert_eq!(&message[..], b"Subject: x\r\n\r\n.dot\r\n");
}

#[test]
fn helo_and_small_commands() {
    let mut d = Dialogue::secure();
    assert_eq!(d.say("HELO scanner\r\n"), "250 mx.test\r\n");
    assert_eq!(d.say("NOOP\r\n"), "250 2.0.0 OK\r\n");
    assert_eq!(d.codes("VRFY bob\r\nHELP\r\nRSET\r\n"), [252, 214, 250]);
    assert_eq!(d.codes("EXPN x\r\n\r\nXYZ\r\nNOOP\0\r\n"), [502, 500, 500, 500]);
    assert_eq!(d.codes("noop\n"), [250]);
    assert_eq!(d.codes("GET / HTTP/1.1\r\nHost: x\r\n"), [421]);
    assert!(d.closed);
}

#[test]
fn auth_in_every_manner() {
    for dialogue in [
        &["AUTH PLAIN AGFsaWNlAGRlbW8=\r\n"][..],
        &["auth plain\r\n", "AGFsaWNlAGRlbW8=\r\n"],
        &["AUTH LOGIN\r\n", "YWxpY2U=\r\n", "ZGVtbw==\r\n"],
        &["AUTH login YWxpY2U=\r\n", "ZGVtbw\r\n"],
    ] {
        let mut d = Dialogue::secure();
        d.say("EHLO c\r\n");
        let answers: Vec<String> = dialogue.iter().map(|line| d.say(line)).collect();
        let (last, challenges) = answers.split_last().unwrap();
        assert_eq!(codes(last), [235]);
        assert!(challenges.iter().all(|challenge| codes(challenge) == [334]), "{challenges:?}");
        assert_eq!(d.codes("AUTH PLAIN AGFsaWNlAGRlbW8=\r\n"), [503], "only once");
    }
    let mut d = Dialogue::secure();
    d.say("EHLO c\r\n");
    assert_eq!(d.say("AUTH PLAIN\r\n"), "334 \r\n");
    assert_eq!(d.say("*\r\n"), "501 5.7.0 Authentication cancelled\r\n");
    assert_eq!(d.say("AUTH LOGIN\r\n"), "334 VXNlcm5hbWU6\r\n");
    assert_eq!(d.say("YWxpY2U=\r\n"), "334 UGFzc3dvcmQ6\r\n");
    assert_eq!(d.say("ZGVtbw==\r\n"), "235 2.7.0 Authentication succeeded\r\n");
}

#[test]
fn auth_failures() {
    let mut d = Dialogue::new(Policy { max_auth_failures: 9, ..policy() }, true);
    assert_eq!(d.codes("AUTH PLAIN AGFsaWNlAGRlbW8=\r\n"), [503], "EHLO first");
    d.say("EHLO c\r\n");
    assert_eq!(d.say("AUTH PLAIN AGJvYgB4\r\n"), "535 5.7.8 authentication credentials invalid\r\n");
    assert_eq!(d.say("AUTH PLAIN AGRvd24AeA==\r\n"), "454 4.7.0 upstream is down\r\n");
    assert_eq!(
        d.codes("AUTH CRAM-MD5\r\nAUTH PLAIN =\r\nAUTH PLAIN !\r\nAUTH LOGIN\r\n\r\nAA\r\n"),
        [504, 501, 501, 334, 334, 535]
    );
    assert_eq!(d.codes(&format!("AUTH PLAIN\r\n{}\r\n", "A".repeat(40_000))), [334, 500]);
    assert_eq!(d.codes("MAIL FROM:<a@b>\r\n"), [530], "still not in");

    let mut d = Dialogue::secure();
    d.say("EHLO c\r\n");
    assert_eq!(
        d.codes("AUTH PLAIN AGJvYgB4\r\nAUTH PLAIN AGJvYgB4\r\nAUTH PLAIN AGJvYgB4\r\nNOOP\r\n"),
        [535, 535, 535, 421]
    );
    assert!(d.closed);
}

#[test]
fn no_passwords_in_the_clear() {
    let mut d = Dialogue::new(Policy { starttls: true, ..policy() }, false);
    let ehlo = d.say("EHLO c\r\n");
    assert!(ehlo.contains("250-STARTTLS") && !ehlo.contains("AUTH"), "{ehlo}");
    assert_eq!(d.say("AUTH PLAIN AGFsaWNlAGRlbW8=\r\n"), "538 5.7.11 Encryption is required for authentication\r\n");
    assert_eq!(d.say("MAIL FROM:<a@b>\r\n"), "530 5.7.0 Must issue a STARTTLS command first\r\n");
    assert_eq!(d.say("STARTTLS\r\n"), "220 2.0.0 Ready to start TLS\r\n");
    assert!(d.tls);
    d.session.tls_started(d.now);
    assert_eq!(d.codes("AUTH PLAIN AGFsaWNlAGRlbW8=\r\n"), [503], "EHLO again");
    let ehlo = d.say("EHLO c\r\n");
    assert!(!ehlo.contains("STARTTLS") && ehlo.contains("250-AUTH PLAIN LOGIN"), "{ehlo}");
    assert_eq!(d.codes("STARTTLS\r\nAUTH PLAIN AGFsaWNlAGRlbW8=\r\nMAIL FROM:<a@b>\r\n"), [503, 235, 250]);

    let mut d = Dialogue::new(policy(), false);
    assert_eq!(d.codes("EHLO c\r\nSTARTTLS\r\nAUTH LOGIN\r\n"), [250, 502, 538]);
    assert_eq!(d.say("MAIL FROM:<a@b>\r\n"), "530 5.7.0 Authentication required\r\n");

    let mut d = Dialogue::new(Policy { allow_plaintext_auth: true, ..policy() }, false);
    assert!(d.say("EHLO c\r\n").contains("AUTH PLAIN LOGIN"));
    assert_eq!(d.codes("AUTH PLAIN AGFsaWNlAGRlbW8=\r\n"), [235]);
}

#[test]
fn nothing_is_injected_before_tls() {
    let mut d = Dialogue::new(Policy { starttls: true, ..policy() }, false);
    d.say("EHLO c\r\n");
    assert_eq!(d.codes("STARTTLS\r\nEHLO evil\r\nAUTH PLAIN AGFsaWNlAGRlbW8=\r\n"), [554]);
    assert!(d.closed && !d.tls);

    // What arrives later than the line, yet before the handshake, is forgotten with the rest.
    let mut d = Dialogue::new(Policy { starttls: true, ..policy() }, false);
    d.say("EHLO c\r\nSTARTTLS\r\n");
    assert_eq!(d.say("EHLO evil\r\nNOOP\r\n"), "");
    d.session.tls_started(d.now);
    assert_eq!(d.run(), "");
    assert_eq!(d.say("NOOP\r\n"), "250 2.0.0 OK\r\n");
}

#[test]
fn commands_out_of_order() {
    let mut d = Dialogue::ready(policy());
    assert_eq!(
        d.codes("RCPT TO:<a@b>\r\nDATA\r\nMAIL FROM:<a@b>\r\nMAIL FROM:<a@b>\r\nDATA\r\n"),
        [503, 503, 250, 503, 554]
    );
    assert_eq!(d.codes("RCPT TO:<a@b>\r\nRSET\r\nDATA\r\n"), [250, 250, 503]);
    assert_eq!(d.codes("MAIL FROM:<a@b>\r\nRCPT TO:<a@b>\r\nEHLO d\r\nDATA\r\n"), [250, 250, 250, 503]);
}

#[test]
fn transactions_are_pipelined_and_follow_each_other() {
    let mut d = Dialogue::ready(policy());
    let one = "MAIL FROM:<>\r\nRCPT TO:<a@b>\r\nRCPT TO:<bad\r\nRCPT TO:<c@d>\r\nDATA\r\none\r\n.\r\n";
    assert_eq!(
        d.codes(&format!("{one}{one}QUIT\r\n")),
        [250, 250, 501, 250, 354, 250, 250, 250, 501, 250, 354, 250, 221]
    );
    assert_eq!(d.submitted.len(), 2);
    assert_eq!(d.submitted[1].0.sender, None);
    assert_eq!(d.submitted[1].0.recipients.len(), 2);
}

#[test]
fn the_backends_refusal_is_the_reply() {
    let mut d = Dialogue::ready(policy());
    d.submit_results =
        vec![SubmitError::SenderDenied("not you".to_owned()), SubmitError::OutcomeUnknown("lost".to_owned())];
    let one = "MAIL FROM:<a@b>\r\nRCPT TO:<a@b>\r\nDATA\r\n.\r\n";
    assert!(d.say(one).ends_with("\r\n451 4.4.2 lost\r\n"));
    assert!(d.say(one).ends_with("\r\n550 5.7.60 not you\r\n"));
    assert!(d.say(one).ends_with("\r\n250 2.0.0 Message accepted\r\n"));
    assert_eq!(d.submitted[0].1, b"");
}

#[test]
fn nothing_smuggled_becomes_a_second_message() {
    for end in ["\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r\n.\r", "\r\n\0.\r\n"] {
        let mut d = Dialogue::ready(policy());
        let smuggled = format!("one{end}MAIL FROM:<evil@b>\r\nRCPT TO:<a@b>\r\nDATA\r\ntwo\r\n.\r\n");
        assert_eq!(d.codes(&format!("MAIL FROM:<a@b>\r\nRCPT TO:<a@b>\r\nDATA\r\n{smuggled}")), [250, 250, 354, 250]);
        assert_eq!(d.submitted.len(), 1, "{end:?}");
    }
}

#[test]
fn limits() {
    let mut d = Dialogue::ready(policy());
    assert_eq!(d.codes("MAIL FROM:<a@b> SIZE=1001\r\n"), [552]);
    assert_eq!(d.codes("MAIL FROM:<a@b> SIZE=1000\r\n"), [250]);
    assert_eq!(d.codes(&"RCPT TO:<a@b>\r\n".repeat(4)), [250, 250, 250, 452]);
    assert_eq!(d.codes("DATA\r\n"), [354]);
    assert_eq!(d.say("x".repeat(1100)), "");
    assert_eq!(d.say("\r\n.\r\n"), "552 5.3.4 Message is larger than this server takes\r\n");
    assert_eq!(d.codes("MAIL FROM:<a@b>\r\nRCPT TO:<a@b>\r\nDATA\r\n"), [250, 250, 354]);
    assert_eq!(d.codes(&"x".repeat(2100)), [552], "an endless message ends the connection");
    assert!(d.closed && d.submitted.is_empty());

    let mut d = Dialogue::ready(policy());
    assert_eq!(d.say(format!("NOOP {}\r\nNOOP\r\n", "x".repeat(5000))), "500 5.5.2 Line too long\r\n250 2.0.0 OK\r\n");
    assert_eq!(d.codes(&"x\r\n".repeat(20)), [vec![500; 9], vec![421]].concat());
    assert!(d.closed);
}

#[test]
fn clocks() {
    let mut d = Dialogue::new(policy(), true);
    let start = d.now;
    assert_eq!(d.session.deadline(), Some(start + Duration::from_secs(30)));
    d.now += Duration::from_secs(20);
    d.say("EHLO c\r\n");
    assert_eq!(d.session.deadline(), Some(start + Duration::from_secs(30)), "talking does not help");
    // The backend takes 15 seconds to say no.
    d.session.receive(b"AUTH PLAIN AGJvYgB4\r\n", d.now);
    assert!(matches!(d.session.poll(d.now), Some(Action::Login(_))));
    assert_eq!((d.session.deadline(), d.session.wants_input()), (None, false));
    d.now += Duration::from_secs(15);
    d.session.login_done(Err(SubmitError::AuthenticationFailed), d.now);
    assert_eq!(codes(&d.run()), [535]);
    assert_eq!(d.session.deadline(), Some(start + Duration::from_secs(45)));
    assert_eq!(d.codes("AUTH PLAIN AGFsaWNlAGRlbW8=\r\n"), [235]);
    assert_eq!(d.session.deadline(), Some(d.now + Duration::from_secs(300)));
    d.session.timeout();
    assert_eq!(d.run(), "421 4.4.2 Timeout, closing connection\r\n");
    assert!(d.closed);

    let mut d = Dialogue::ready(policy());
    d.say("MAIL FROM:<a@b>\r\nRCPT TO:<a@b>\r\nDATA\r\nhalf a message");
    d.session.shutdown();
    assert_eq!(d.codes("\r\n.\r\n"), [421]);
    assert!(d.closed && d.submitted.is_empty());
}

fn transaction(d: &mut Dialogue) {
    assert_eq!(d.codes("MAIL FROM:<a@b>\r\nRCPT TO:<a@b>\r\n"), [250, 250]);
}

#[test]
fn chunks_make_a_message() {
    let mut d = Dialogue::ready(policy());
    transaction(&mut d);
    assert_eq!(d.say("BDAT 12\r\nSubject: x\r\n"), "250 2.0.0 12 octets received\r\n");
    assert_eq!(d.codes("NOOP\r\nBDAT 0\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"), [250, 250, 503, 503, 503]);
    assert_eq!(d.say("BDAT 12 LAST\r\n\r\nQUIT\r\n.\r\n"), "");
    assert_eq!(d.say("x"), "250 2.0.0 Message accepted\r\n");
    assert_eq!(d.submitted[0].1, b"Subject: x\r\n\r\nQUIT\r\n.\r\nx");

    transaction(&mut d);
    assert_eq!(d.codes("bdat 4\r\na\nb\rBDAT 0 last\r\n"), [250, 250]);
    assert_eq!(d.submitted[1].1, b"a\r\nb\r\n", "line ends across chunks");
    transaction(&mut d);
    assert_eq!(d.codes("BDAT 0 LAST\r\n"), [250], "an empty message");
    transaction(&mut d);
    assert_eq!(d.codes("BDAT 3\r\nabcRSET\r\nBDAT 3 LAST\r\nabc"), [250, 250, 503], "RSET forgets what came");
    assert!(d.stored.is_empty());
    assert_eq!(d.submitted.len(), 3);
}

#[test]
fn refused_chunks_are_read_to_their_last_byte() {
    let mut d = Dialogue::ready(policy());
    assert_eq!(d.codes("BDAT 6\r\nQUIT\r\nNOOP\r\n"), [503, 250], "without MAIL");
    assert_eq!(d.codes("MAIL FROM:<a@b>\r\nBDAT 6 LAST\r\nQUIT\r\nNOOP\r\nRSET\r\n"), [250, 554, 250, 250]);
    transaction(&mut d);
    let large = "x".repeat(600);
    let script = format!("BDAT 600\r\n{large}BDAT 600\r\n{large}BDAT 600 LAST\r\n{large}NOOP\r\n");
    assert_eq!(d.codes(&script), [250, 552, 503, 250]);
    assert!(d.stored.is_empty() && d.submitted.is_empty());
    transaction(&mut d);
    assert_eq!(d.codes(&format!("BDAT 1200 LAST\r\n{large}{large}NOOP\r\n")), [552, 250]);
    transaction(&mut d);
    assert_eq!(d.codes("BDAT 99999999999\r\nNOOP\r\n"), [552], "nobody waits for that");
    assert!(d.closed);
    let mut d = Dialogue::ready(policy());
    assert_eq!(d.codes("BDAT many\r\nNOOP\r\n"), [501], "where the next command is, nobody knows");
    assert!(d.closed);
}

#[test]
fn the_backend_judges_senders_and_recipients() {
    let mut d = Dialogue::ready(policy());
    assert_eq!(d.say("MAIL FROM:<evil@b>\r\n"), "550 5.7.60 not you\r\n");
    assert_eq!(d.codes("RCPT TO:<a@b>\r\nMAIL FROM:<a@b>\r\nRCPT TO:<nobody@b>\r\nDATA\r\n"), [503, 250, 550, 554]);
    assert_eq!(d.codes("RCPT TO:<a@b>\r\nDATA\r\n.\r\n"), [250, 354, 250]);
    assert_eq!(d.submitted[0].0.recipients.len(), 1);
}

#[test]
fn guessing_recipients_ends() {
    let mut d = Dialogue::ready(Policy { max_errors: 2, ..policy() });
    let guesses = "RCPT TO:<nobody@b>\r\n".repeat(9);
    assert_eq!(d.codes(&format!("MAIL FROM:<a@b>\r\n{guesses}")), [250, 550, 550, 550, 550, 550, 421]);
}

#[test]
fn guests_where_they_are_welcome() {
    let open = Policy { authentication: Authentication::Optional, starttls: true, ..policy() };
    let mut d = Dialogue::new(open, false);
    assert_eq!(
        d.codes("MAIL FROM:<a@b>\r\nHELO c\r\nMAIL FROM:<a@b> SIZE=101\r\nMAIL FROM:<a@b>\r\n"),
        [503, 250, 552, 250]
    );
    assert_eq!(d.session.deadline(), Some(d.now + Duration::from_secs(300)), "let in");
    assert_eq!(d.codes("RCPT TO:<a@b>\r\nDATA\r\n"), [250, 354]);
    assert_eq!(d.codes(&format!("{}\r\n.\r\n", "x".repeat(101))), [552], "within what it was granted");
    assert_eq!(d.codes("MAIL FROM:<a@b>\r\nRCPT TO:<a@b>\r\nDATA\r\n.\r\n"), [250, 250, 354, 250]);
    assert_eq!(d.codes("STARTTLS\r\n"), [220], "a guest may still encrypt and log in");
    d.session.tls_started(d.now);
    assert_eq!(d.codes("EHLO c\r\nAUTH PLAIN AGFsaWNlAGRlbW8=\r\n"), [250, 235]);
    assert_eq!(d.codes("MAIL FROM:<a@b> SIZE=101\r\nAUTH PLAIN AGFsaWNlAGRlbW8=\r\n"), [250, 503]);
}

#[test]
fn smtputf8_and_reports() {
    let mut d = Dialogue::ready(policy());
    assert_eq!(
        d.codes("MAIL FROM:<jürgen@bücher.example>\r\nMAIL FROM:<a@b>\r\nRCPT TO:<é@b>\r\nRSET\r\n"),
        [553, 250, 553, 250]
    );
    assert_eq!(
        d.codes("MAIL FROM:<jürgen@bücher.example> SMTPUTF8 RET=HDRS ENVID=a+2B1\r\nRCPT TO:<é@b> NOTIFY=NEVER\r\n"),
        [250, 250]
    );
    assert_eq!(
        d.codes("RCPT TO:<c@d> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;c@e\r\nRCPT TO:<c@d> NOTIFY=x\r\nDATA\r\n.\r\n"),
        [250, 501, 354, 250]
    );
    let envelope = &d.submitted[0].0;
    assert!(envelope.utf8);
    assert_eq!((envelope.ret, envelope.envelope_id.as_deref()), (Some(crate::submit::Return::Headers), Some("a+2B1")));
    assert_eq!(envelope.recipients[0].notify, Some(crate::submit::Notify::default()));
    assert_eq!(envelope.recipients[1].original.as_deref(), Some("rfc822;c@e"));
    let mut d = Dialogue::ready(Policy { smtputf8: false, ..policy() });
    assert!(!d.say("EHLO c\r\n").contains("SMTPUTF8"));
    assert_eq!(d.codes("MAIL FROM:<a@b> SMTPUTF8\r\n"), [555]);
}

#[test]
fn bearer_tokens_where_they_are_taken() {
    let d = &mut Dialogue::secure();
    assert_eq!(d.codes("EHLO c\r\nAUTH XOAUTH2 dXNlcg==\r\n"), [250, 504]);
    let taking = Policy { mechanisms: vec![Mechanism::XOauth2, Mechanism::OauthBearer], ..policy() };
    let d = &mut Dialogue::new(taking, true);
    assert!(d.say("EHLO c\r\n").contains("250-AUTH XOAUTH2 OAUTHBEARER\r\n"));
    assert_eq!(d.codes("AUTH PLAIN AGFsaWNlAGRlbW8=\r\n"), [504]);
    // user=alice ^A auth=Bearer wrong ^A ^A
    let refused = d.say("AUTH XOAUTH2 dXNlcj1hbGljZQFhdXRoPUJlYXJlciB3cm9uZwEB\r\n");
    assert_eq!(refused, "334 eyJzdGF0dXMiOiI0MDEiLCJzY2hlbWVzIjoiYmVhcmVyIn0=\r\n");
    assert_eq!(d.codes("AQ==\r\n"), [535]);
    // n,a=alice, ^A auth=Bearer demo ^A ^A
    assert_eq!(d.codes("AUTH OAUTHBEARER\r\nbixhPWFsaWNlLAFhdXRoPUJlYXJlciBkZW1vAQE=\r\n"), [334, 235]);
}

#[test]
fn a_connection_has_an_end() {
    let mut d = Dialogue::ready(policy());
    assert_eq!(
        d.codes(&"MAIL FROM:<a@b>\r\nRSET\r\n".repeat(6)),
        [250, 250, 250, 250, 250, 250, 250, 250, 250, 250, 421]
    );
    assert!(d.closed);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn cutting_the_input_changes_nothing(mut cuts in proptest::collection::vec(0usize..300, 0..12)) {
        let script = "EHLO c\r\nAUTH LOGIN\r\nYWxpY2U=\r\nZGVtbw==\r\nMAIL FROM:<a@b> SIZE=9\r\nRCPT TO:<c@d>\r\nFOO\r\n\
            DATA\r\nSubject: x\r\n\r\n..\r\n.x\r\ny\nz\n.\n\r\n.\r\nRSET\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n.\r\n\
            MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 9\r\na\rb\nc\r\n.\rBDAT 2 LAST\r\n\n.BDAT 6\r\nNOOP\r\n\
            NOOP\r\nQUIT\r\n".as_bytes();
        let mut whole = Dialogue::secure();
        let expected = whole.say(script);
        cuts.retain(|cut| *cut <= script.len());
        cuts.extend([0, script.len()]);
        cuts.sort_unstable();
        let mut pieces = Dialogue::secure();
        let answers: String = cuts.windows(2).map(|cut| pieces.say(&script[cut[0]..cut[1]])).collect();
        prop_assert_eq!(answers, expected);
        prop_assert_eq!(pieces.submitted, whole.submitted);
    }

    #[test]
    fn arbitrary_bytes_never_panic(logged_in: bool, pieces in proptest::collection::vec(
        prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..60),
            "(EHLO c|AUTH PLAIN|AUTH LOGIN|=|\\*|MAIL FROM:<a@b>|RCPT TO:<a@b>|DATA|BDAT 7|BDAT 3 LAST|STARTTLS|RSET|\\.)\r\n".prop_map(String::into_bytes),
        ], 0..30)) {
        let policy = Policy { starttls: true, ..policy() };
        let mut d = if logged_in { Dialogue::ready(policy) } else { Dialogue::new(policy, false) };
        for piece in pieces {
            for line in d.say(&piece).lines() {
                prop_assert!(line.len() < 512 && line.as_bytes()[..3].iter().all(u8::is_ascii_digit), "{}", line);
            }
        }
    }
}
