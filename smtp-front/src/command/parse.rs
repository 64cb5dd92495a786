use secrecy::SecretString;

use super::path::{Kind, parse_path};
use super::{Command, CommandError, MailParameters, RcptParameters};

/// Commands of SMTP and its extensions that this server knows of and does not have.
const NOT_IMPLEMENTED: [&str; 7] = ["TURN", "ATRN", "ETRN", "SEND", "SOML", "SAML", "BURL"];
/// First words of HTTP: a browser was pointed at this port (see RFC 5321 7.9; the connection is closed).
const OTHER_PROTOCOLS: [&str; 8] = ["GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT", "PATCH", "DELETE"];

/// Reads one command line without its line end.
///
/// # Errors
/// See [`CommandError`].
pub fn parse(line: &[u8]) -> Result<Command, CommandError> {
    if std::str::from_utf8(line).is_err() && is_greeting(line) {
        return parse(String::from_utf8_lossy(line).as_bytes());
    }
    let line = std::str::from_utf8(line).map_err(|_| CommandError::Characters)?;
    if line.chars().any(|letter| letter.is_control() && letter != '\t') {
        return Err(CommandError::Characters);
    }
    let line = line.trim_matches([' ', '\t']);
    let (verb, arguments) = line.split_once([' ', '\t']).unwrap_or((line, ""));
    let arguments = arguments.trim_start_matches([' ', '\t']);
    match verb.to_ascii_uppercase().as_str() {
        // The name is only logged, so any text will do, even none (RFC 5321 4.1.4: never refuse because of it).
        "EHLO" => Ok(Command::Ehlo(arguments.to_owned())),
        "HELO" => Ok(Command::Helo(arguments.to_owned())),
        "STARTTLS" => without_arguments(arguments, Command::StartTls),
        "AUTH" => auth(arguments),
        "MAIL" => mail(arguments),
        "RCPT" => rcpt(arguments),
        "DATA" => without_arguments(arguments, Command::Data),
        "BDAT" => bdat(arguments).ok_or(CommandError::ChunkSize),
        "RSET" => without_arguments(arguments, Command::Rset),
        "QUIT" => without_arguments(arguments, Command::Quit),
        "NOOP" => Ok(Command::Noop),
        "HELP" => Ok(Command::Help),
        "VRFY" if arguments.is_empty() => Err(CommandError::Arguments("VRFY address")),
        "VRFY" => Ok(Command::Vrfy),
        "EXPN" => Ok(Command::Expn),
        verb if NOT_IMPLEMENTED.contains(&verb) => Err(CommandError::NotImplemented),
        verb if OTHER_PROTOCOLS.contains(&verb) => Err(CommandError::OtherProtocol),
        _ => Err(CommandError::Unknown),
    }
}

/// Whether the line is HELO or EHLO, whose argument may come in any character set.
fn is_greeting(line: &[u8]) -> bool {
    let verb = line.trim_ascii_start().get(..5).unwrap_or_default().to_ascii_uppercase();
    matches!(verb.as_slice(), b"HELO " | b"EHLO " | b"HELO\t" | b"EHLO\t")
}

fn without_arguments(arguments: &str, command: Command) -> Result<Command, CommandError> {
    if arguments.is_empty() { Ok(command) } else { Err(CommandError::Arguments("no arguments allowed")) }
}

/// `"AUTH" SP sasl-mech [SP initial-response]`, RFC 4954 4.
fn auth(arguments: &str) -> Result<Command, CommandError> {
    let mut words = arguments.split_ascii_whitespace();
    let mechanism = words.next().ok_or(CommandError::Arguments("AUTH mechanism"))?.to_ascii_uppercase();
    let initial = words.next().map(SecretString::from);
    if words.next().is_some() {
        return Err(CommandError::Arguments("AUTH mechanism [initial-response]"));
    }
    Ok(Command::Auth { mechanism, initial })
}

/// `"MAIL FROM:" Reverse-path [SP Mail-parameters]`, RFC 5321 4.1.1.2.
fn mail(arguments: &str) -> Result<Command, CommandError> {
    let path = after_keyword(arguments, "FROM").ok_or(CommandError::Arguments("MAIL FROM:<address>"))?;
    let (sender, rest) = parse_path(path, Kind::Sender).ok_or(CommandError::Sender)?;
    require_separated(rest, CommandError::Sender)?;
    Ok(Command::Mail { sender, parameters: MailParameters::parse(rest)? })
}

/// `"RCPT TO:" Forward-path [SP Rcpt-parameters]`, RFC 5321 4.1.1.3.
fn rcpt(arguments: &str) -> Result<Command, CommandError> {
    let path = after_keyword(arguments, "TO").ok_or(CommandError::Arguments("RCPT TO:<address>"))?;
    let (recipient, rest) = parse_path(path, Kind::Recipient).ok_or(CommandError::Recipient)?;
    require_separated(rest, CommandError::Recipient)?;
    let recipient = recipient.ok_or(CommandError::Recipient)?;
    Ok(Command::Rcpt { recipient, parameters: RcptParameters::parse(rest)? })
}

/// `"BDAT" SP chunk-size [SP "LAST"]`, RFC 3030 2.
fn bdat(arguments: &str) -> Option<Command> {
    let mut words = arguments.split_ascii_whitespace();
    let size = words.next().filter(|size| size.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok()?;
    let last = match words.next() {
        None => false,
        Some(word) => word.eq_ignore_ascii_case("LAST").then_some(true)?,
    };
    words.next().is_none().then_some(Command::Bdat { size, last })
}

/// What follows `FROM:` or `TO:`, in any letter case, with spaces around the colon.
fn after_keyword<'a>(arguments: &'a str, keyword: &str) -> Option<&'a str> {
    let (word, rest) = arguments.split_once(':')?;
    word.trim_end().eq_ignore_ascii_case(keyword).then(|| rest.trim_start())
}

fn require_separated(rest: &str, error: CommandError) -> Result<(), CommandError> {
    if rest.is_empty() || rest.starts_with([' ', '\t']) { Ok(()) } else { Err(error) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use secrecy::ExposeSecret;

    use super::*;

    fn mail_of(line: &str) -> (Option<String>, MailParameters) {
        match parse(line.as_bytes()) {
            Ok(Command::Mail { sender, parameters }) => (sender.map(|sender| sender.to_string()), parameters),
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn takes_any_letter_case_and_blanks() {
        for (line, verb) in [
            ("EHLO a", "EHLO"),
            ("ehlo [192.0.2.1]", "EHLO"),
            ("hElO my scanner  ", "HELO"),
            (" starttls", "STARTTLS"),
            ("Data ", "DATA"),
            ("RSET", "RSET"),
            ("noop whatever", "NOOP"),
            ("QUIT\t", "QUIT"),
            ("help mail", "HELP"),
            ("vrfy alice", "VRFY"),
            ("expn list", "EXPN"),
            ("EHLO", "EHLO"),
            ("helo ", "HELO"),
            ("bdat 86 last", "BDAT"),
            ("BDAT 0", "BDAT"),
            ("rcpt to: <a@b>", "RCPT"),
            ("RCPT TO:a@b", "RCPT"),
        ] {
            assert_eq!(parse(line.as_bytes()).map(|command| command.verb()), Ok(verb), "{line}");
        }
        assert!(matches!(parse(b"HELO B\xfcro"), Ok(Command::Helo(name)) if name == "B\u{fffd}ro"));
        assert!(matches!(parse(b"BDAT 7  LAST"), Ok(Command::Bdat { size: 7, last: true })));
        assert!(matches!(parse(b"BDAT 18446744073709551615"), Ok(Command::Bdat { size: u64::MAX, last: false })));
    }

    #[test]
    fn reads_mail_as_devices_send_it() {
        let none = MailParameters::default();
        let alice = Some("alice@example.test".to_owned());
        for line in [
            "MAIL FROM:<alice@example.test>",
            "mail from: <alice@example.test> ",
            "MAIL FROM :alice@example.test",
            "MAIL  From:\talice@example.test",
        ] {
            assert_eq!(mail_of(line), (alice.clone(), none.clone()), "{line}");
        }
        assert_eq!(mail_of("MAIL FROM:<>"), (None, none.clone()));
        assert_eq!(mail_of("MAIL FROM: <>"), (None, none.clone()));
        for line in ["MAIL FROM:<scanner>", "MAIL FROM:scanner"] {
            assert_eq!(mail_of(line), (Some("scanner".to_owned()), none.clone()), "{line}");
        }
        let parameters = MailParameters { size: Some(5), eight_bit: true, ..MailParameters::default() };
        let eight_bit = mail_of("MAIL FROM:<alice@example.test> BODY=8BITMIME SIZE=5");
        assert_eq!(eight_bit, (alice.clone(), parameters.clone()));
        assert_eq!(mail_of("MAIL FROM:alice@example.test BODY=8BITMIME SIZE=5"), (alice, parameters));
    }

    #[test]
    fn reads_auth_and_hides_the_response() {
        let command = parse(b"auth plain AGEAYg==").unwrap();
        assert!(!format!("{command:?}").contains("AGEAYg"));
        let Command::Auth { mechanism, initial: Some(initial) } = command else { panic!() };
        assert_eq!((mechanism.as_str(), initial.expose_secret()), ("PLAIN", "AGEAYg=="));
        assert!(matches!(parse(b"AUTH LOGIN"), Ok(Command::Auth { initial: None, .. })));
    }

    #[test]
    fn refuses_with_the_reason() {
        use CommandError::*;
        for (line, error) in [
            (&b""[..], Unknown),
            (b"FOO", Unknown),
            (b"MAILFROM:<a@b>", Unknown),
            (b"ETRN x", NotImplemented),
            (b"BDAT", ChunkSize),
            (b"BDAT x", ChunkSize),
            (b"BDAT +3", ChunkSize),
            (b"BDAT 18446744073709551616", ChunkSize),
            (b"BDAT 3 FIRST", ChunkSize),
            (b"BDAT 3 LAST x", ChunkSize),
            (b"GET / HTTP/1.1", OtherProtocol),
            (b"NOOP \r", Characters),
            (b"NOOP \0", Characters),
            (b"NOOP \xff", Characters),
            (b"DATA now", Arguments("no arguments allowed")),
            (b"VRFY", Arguments("VRFY address")),
            (b"AUTH", Arguments("AUTH mechanism")),
            (b"AUTH PLAIN a b", Arguments("AUTH mechanism [initial-response]")),
            (b"MAIL <a@b>", Arguments("MAIL FROM:<address>")),
            (b"MAIL TO:<a@b>", Arguments("MAIL FROM:<address>")),
            (b"MAIL FROM:", Sender),
            (b"MAIL FROM:<a@b>SIZE=1", Sender),
            (b"RCPT TO:<>", Recipient),
            (b"RCPT TO:<a@b", Recipient),
            (b"RCPT TO:<a>", Recipient),
            (b"RCPT TO:<a@b> SIZE=3", UnknownParameter),
            (b"MAIL FROM:<a@b> SIZE=x", BadParameter("SIZE")),
        ] {
            assert_eq!(parse(line).map(|command| command.verb()), Err(error), "{}", line.escape_ascii());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn arbitrary_bytes_never_panic(line in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&line);
        }

        #[test]
        fn arbitrary_arguments_never_panic(verb in "(?i)MAIL FROM:|RCPT TO:|AUTH |EHLO |BDAT ", rest in "\\PC{0,60}") {
            let _ = parse(format!("{verb}{rest}").as_bytes());
        }
    }
}
