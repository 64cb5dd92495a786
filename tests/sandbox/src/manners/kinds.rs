/// What a server does with mail for a local address that nobody has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UnknownRecipient {
    /// It accepts the mail and sends a non-delivery report, as Exchange does.
    #[default]
    Report,
    /// It refuses the submission with `ecWarnCancelMessage`; nobody gets the message.
    Refuse,
}

/// What becomes of an Execute whose answers do not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Overflow {
    /// RopBufferTooSmall gives back what was not run (2016 and 2019).
    #[default]
    TooSmall,
    /// What fits no buffer, however large, fails the whole Execute with StatusCode `ecBufferTooSmall` although what came
    /// before it ran; where a larger MaxRopOut would do it is RopBufferTooSmall (2013).
    Status,
    /// The Execute fails with ErrorCode `ecBufferTooSmall` although what came before ran (seen on Gromox).
    Error,
}

/// What a save answers, without ForceSave, if somebody else saved the message since it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StaleSave {
    /// Success, but nothing is committed.
    #[default]
    Ignored,
    /// `ecObjectModified`.
    Refused,
}
