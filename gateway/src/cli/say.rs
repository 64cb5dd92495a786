/// Writes a line to standard output, as `println!` does. Who reads it may have stopped (`mapi-gateway check … | head`): then the
/// rest is for nobody, and the exit status says what came of it all the same.
macro_rules! say {
    ($($line:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), $($line)*);
    }};
}
pub(super) use say;
