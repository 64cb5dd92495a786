use mail_core::Secret;
use mail_core::sasl::{Exchange, Mechanism, Step};

/// Attempts to log in: the first byte says by which mechanism and whether its response comes with the command; the lines
/// behind it are what the client says.
pub fn sasl(data: &[u8]) {
    let Some((&first, rest)) = data.split_first() else { return };
    let mechanism = Mechanism::ALL[usize::from(first) % Mechanism::ALL.len()];
    let mut lines = rest.split(|byte| *byte == b'\n');
    let initial = if first & 0x80 == 0 { None } else { lines.next() };
    let Ok((mut exchange, mut step)) = Exchange::begin(mechanism, initial) else { return };
    let mut refused = false;
    for line in lines {
        match &step {
            Step::Challenge(challenge) => assert!(challenge.is_ascii() && challenge.len() < 100),
            Step::Check(credentials) => {
                assert!(!credentials.user.is_empty() && !refused);
                assert_eq!(mechanism.is_bearer(), matches!(credentials.secret, Secret::Bearer(_)));
                refused = exchange.refused().is_some();
                assert_eq!(refused, mechanism.is_bearer(), "who has a token hears why it is refused");
            }
        }
        let Ok(next) = exchange.answer(line) else { return };
        assert!(!refused, "after that nothing leads on");
        step = next;
    }
}
