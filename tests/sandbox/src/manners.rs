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
    /// Bcc recipients stand in the header that everybody gets (seen on Gromox).
    pub shows_bcc: bool,
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
    /// PartialCompletion tells that messages were passed over (seen on Gromox). Exchange since 2010 always answers 0.
    pub honest_completion: bool,
    /// A deletion, move or copy leaves out what stands behind a message that is gone beyond recovery; a deletion does not
    /// even say so (seen on Gromox).
    pub stops_at_gone: bool,
    /// Soft deletes are told in MetaTagIdsetNoLongerInScope (seen on Gromox) instead of MetaTagIdsetDeleted.
    pub soft_deletes_leave_scope: bool,
    /// The final state of a folder without any read-state change claims in MetaTagCnsetRead all that will ever happen: a
    /// client that keeps it is not told the next ones (seen on Gromox).
    pub cnset_read_trap: bool,
    /// Final states claim the change numbers up to the folder's highest (seen on Gromox: what they claim may shrink)
    /// instead of up to the mailbox's.
    pub cnset_of_folder: bool,
    /// RopSynchronizationGetTransferState includes MetaTagIdsetGiven (seen on Gromox).
    pub transfer_state_with_given: bool,
    /// RopSetMessageStatus answers the new status (seen on Gromox) instead of the former one.
    pub status_answers_new: bool,
    /// Answers that do not fit fail the whole Execute with `ecBufferTooSmall`, although what came before them ran (seen
    /// on Gromox). Otherwise RopBufferTooSmall gives back what was not run.
    pub overflow_fails: bool,
    /// Answers have a PENDING without line end, and PROCESSING twice (seen on Gromox).
    pub sloppy_answers: bool,
    /// Answers leave in chunks of at most so many bytes, whatever stands in them.
    pub answer_pieces: Option<usize>,
    /// Answers are compressed and XORed whatever the request's flags say.
    pub packs_always: bool,
    /// X-ResponseCode has numbers of this server's own (Gromox's).
    pub own_response_codes: bool,
    /// The replica that RopLogon names is that of no object (seen on Gromox).
    pub foreign_logon_replica: bool,
    /// Names that nobody has resolve as ambiguous ones do (seen on Gromox).
    pub unknown_names_ambiguous: bool,
    /// Anybody may log on to any mailbox; folders stay closed (seen on Gromox). Otherwise the logon of somebody without any
    /// right fails.
    pub logon_without_rights: bool,
    /// Every so many Executes of a session are answered by RopBackoff.
    pub busy_every: Option<u64>,
    /// Every so many RopFastTransferSourceGetBuffer of a session are answered by `ecServerBusy`.
    pub transfer_busy_every: Option<u64>,
}

impl Default for Manners {
    fn default() -> Self {
        Self {
            save_resets_status: false,
            replace_message_id: false,
            shows_bcc: false,
            resolve_recipients: true,
            unknown_recipient: UnknownRecipient::Report,
            chain_rows_unpacked: false,
            open_message_rows: 5,
            create_returns_id: false,
            source_key_column: false,
            shuffle_properties: false,
            seed: 0,
            honest_completion: false,
            stops_at_gone: false,
            soft_deletes_leave_scope: false,
            cnset_read_trap: false,
            cnset_of_folder: false,
            transfer_state_with_given: false,
            status_answers_new: false,
            overflow_fails: false,
            sloppy_answers: false,
            answer_pieces: None,
            packs_always: false,
            own_response_codes: false,
            foreign_logon_replica: false,
            unknown_names_ambiguous: false,
            logon_without_rights: false,
            busy_every: None,
            transfer_busy_every: None,
        }
    }
}

impl Manners {
    /// The manners of Gromox, as far as they were seen.
    pub fn gromox() -> Self {
        Self {
            save_resets_status: true,
            replace_message_id: true,
            shows_bcc: true,
            unknown_recipient: UnknownRecipient::Refuse,
            chain_rows_unpacked: true,
            create_returns_id: true,
            honest_completion: true,
            stops_at_gone: true,
            soft_deletes_leave_scope: true,
            cnset_read_trap: true,
            cnset_of_folder: true,
            transfer_state_with_given: true,
            status_answers_new: true,
            overflow_fails: true,
            sloppy_answers: true,
            own_response_codes: true,
            foreign_logon_replica: true,
            unknown_names_ambiguous: true,
            logon_without_rights: true,
            ..Self::default()
        }
    }

    /// Everything at once that a correct client survives without its user noticing.
    pub fn rude() -> Self {
        Self {
            save_resets_status: true,
            replace_message_id: true,
            open_message_rows: 1,
            create_returns_id: true,
            shuffle_properties: true,
            seed: 4711,
            soft_deletes_leave_scope: true,
            cnset_read_trap: true,
            cnset_of_folder: true,
            transfer_state_with_given: true,
            status_answers_new: true,
            sloppy_answers: true,
            answer_pieces: Some(509),
            packs_always: true,
            own_response_codes: true,
            foreign_logon_replica: true,
            unknown_names_ambiguous: true,
            busy_every: Some(4),
            transfer_busy_every: Some(3),
            ..Self::default()
        }
    }

    /// The manners of that name: `default`, `gromox` or `rude`.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "default" => Some(Self::default()),
            "gromox" => Some(Self::gromox()),
            "rude" => Some(Self::rude()),
            _ => None,
        }
    }
}
