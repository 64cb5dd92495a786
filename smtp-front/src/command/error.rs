use thiserror::Error;

/// Why a line is no command that can be obeyed. `session` maps each to a reply in one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CommandError {
    /// No such command.
    #[error("command not recognized")]
    Unknown,
    /// A command of SMTP that this server does not have.
    #[error("command not implemented")]
    NotImplemented,
    /// A command of HTTP: another protocol's client was tricked into talking to this server.
    #[error("this is not a web server")]
    OtherProtocol,
    /// The line has control characters or is not UTF-8.
    #[error("invalid characters in command")]
    Characters,
    /// The command's arguments are wrong; the text says what is expected.
    #[error("syntax: {0}")]
    Arguments(&'static str),
    /// MAIL FROM's address is broken.
    #[error("bad sender address syntax")]
    Sender,
    /// RCPT TO's address is broken.
    #[error("bad recipient address syntax")]
    Recipient,
    /// BDAT with a size that can't be read: nobody knows where the next command begins.
    #[error("syntax: BDAT size [LAST]")]
    ChunkSize,
    /// A parameter of an extension that is not offered.
    #[error("parameter not recognized or not implemented")]
    UnknownParameter,
    /// A known parameter with a bad value, or given twice.
    #[error("bad value of parameter {0}")]
    BadParameter(&'static str),
}
