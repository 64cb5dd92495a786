/// What a server does with mail for a local address that nobody has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UnknownRecipient {
    /// It accepts the mail and sends a non-delivery report, as Exchange does.
    #[default]
    Report,
    /// It refuses the submission with `ecWarnCancelMessage`; nobody gets the message.
    Refuse,
}

/// Ways in which servers of this kind differ from each other. The defaults are Exchange's, where they are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manners {
    /// A save sets PidTagMessageStatus back to 0 (seen on Gromox).
    pub save_resets_status: bool,
    /// A submission replaces PidTagInternetMessageId (seen on Gromox).
    pub replace_message_id: bool,
    /// The server's own users become recipients of type EX when a message is submitted.
    pub resolve_recipients: bool,
    /// What happens to mail for an unknown local address.
    pub unknown_recipient: UnknownRecipient,
    /// RopQueryRows is chained only without EnablePackedBuffers (seen on Gromox) instead of only with it.
    pub chain_rows_unpacked: bool,
    /// Recipient rows that RopOpenMessage returns at most.
    pub open_message_rows: usize,
    /// RopCreateMessage tells the id already (seen on Gromox).
    pub create_returns_id: bool,
    /// PidTagSourceKey is a column of tables (it is not on Gromox).
    pub source_key_column: bool,
    /// FastTransfer streams bring the properties of messages, recipients and attachments in another order each time: an
    /// order depends on `seed` and on how many came before. Recipients and attachments themselves stay in theirs.
    pub shuffle_properties: bool,
    /// What everything random starts from, so that it is the same in every run.
    pub seed: u64,
}

impl Default for Manners {
    fn default() -> Self {
        Self {
            save_resets_status: false,
            replace_message_id: false,
            resolve_recipients: true,
            unknown_recipient: UnknownRecipient::Report,
            chain_rows_unpacked: false,
            open_message_rows: 5,
            create_returns_id: false,
            source_key_column: false,
            shuffle_properties: false,
            seed: 0,
        }
    }
}
