//! What servers of this kind do differently. Facts about Exchange are marked with the requirement of Microsoft's protocol
//! test suites that they come from.

mod kinds;
mod sets;

pub use kinds::{Overflow, StaleSave, UnknownRecipient};

/// Ways in which servers of this kind differ from each other. The defaults are what Microsoft's test suites expect of
/// Exchange 2013 to 2019, where they say something; what "is not covered" by them is a guess.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manners {
    /// A save sets PidTagMessageStatus back to 0 (seen on Gromox). Default: no; not covered.
    pub save_resets_status: bool,
    /// A submission replaces PidTagInternetMessageId (seen on Gromox). Default: no; not covered.
    pub replace_message_id: bool,
    /// Bcc recipients stand in the header that everybody gets (seen on Gromox). Default: no; not covered.
    pub shows_bcc: bool,
    /// The server's own users become recipients of type EX when a message is submitted. Default: yes; not covered.
    pub resolve_recipients: bool,
    /// What happens to mail for an unknown local address. Default: a report; not covered.
    pub unknown_recipient: UnknownRecipient,
    /// Recipients that a message may have to be submitted; beyond that `ecTooManyRecips` (0x505, seen on Gromox). Default:
    /// any number; a matter of configuration, not covered.
    pub most_recipients: Option<usize>,
    /// RopQueryRows is chained only without EnablePackedBuffers (seen on Gromox) instead of only with it. Default: no; not
    /// covered.
    pub chain_rows_unpacked: bool,
    /// Recipient rows that RopOpenMessage returns at most. Default: `None`, as many as fit the answer, by RowId
    /// (\[MS-OXCMSG\] R328).
    pub open_message_rows: Option<usize>,
    /// Near the end of a full answer RopOpenMessage returns no recipient row and leaves RowCount unwritten: what stands
    /// there, 0x77 here, is no count (seen on Gromox). Default: no.
    pub unwritten_row_count: bool,
    /// RopCreateMessage tells the id already (seen on Gromox). Default: no (\[MS-OXCMSG\] R991).
    pub create_returns_id: bool,
    /// RopSaveChangesMessage and RopSaveChangesAttachment take any SaveFlags. Default: no; `ecNotSupported` for more than
    /// one of KeepOpenReadOnly, KeepOpenReadWrite, ForceSave (\[MS-OXCMSG\] R466; R1906 and R1907 for messages).
    pub combined_save_flags: bool,
    /// A save with KeepOpenReadOnly leaves a handle that is closed for writing, as the name says. Default: no
    /// (\[MS-OXCMSG\] R2192).
    pub read_only_after_save: bool,
    /// ForceSave has no effect (seen on Gromox). Default: it has (\[MS-OXCMSG\] R724, R3022).
    pub ignores_force: bool,
    /// What a save without ForceSave answers after somebody else's. Default: success without effect (\[MS-OXCMSG\] R1643
    /// for 2013 and 2016; R1916 says that 2019 does not answer `ecObjectModified` either).
    pub stale_save: StaleSave,
    /// Properties that only the server sets (size, access, status, and after the first save flags and times) can be set,
    /// and then the *save* fails with `ecError` (\[MS-OXCMSG\] R1644, R1867, R1868). Without it RopSetProperties names
    /// them as problems. Default: yes.
    pub refuses_at_save: bool,
    /// PidTagSourceKey is a column of tables (it is not on Gromox). Default: no; not covered.
    pub source_key_column: bool,
    /// RopGetPropertiesSpecific and RopGetPropertiesAll heed PropertySizeLimit. Default: no (\[MS-OXCPRPT\] R9070102,
    /// R90707).
    pub honors_size_limit: bool,
    /// RopIdFromLongTermId makes a replica known that it did not know, and answers an id that opens nothing
    /// (\[MS-OXCSTOR\] R1246, R951). Without it: `ecNotFound`. Default: yes.
    pub registers_replicas: bool,
    /// FastTransfer streams bring the properties of messages, recipients and attachments in another order each time: an
    /// order depends on `seed` and on how many came before. Recipients and attachments themselves stay in theirs. Default:
    /// no; not covered.
    pub shuffle_properties: bool,
    /// What everything random starts from, so that it is the same in every run.
    pub seed: u64,
    /// PartialCompletion tells of deletions, moves and copies of messages and of deletions of folders that something stayed
    /// behind (\[MS-OXCFOLD\] R991, R1147, R997, R586, R1114, R1131, R408). RopCopyFolder always says 0 (R271502). That
    /// messages which are gone count as left behind is not covered. Default: yes.
    pub honest_completion: bool,
    /// RopSetReadFlags does so, too. Default: no (\[MS-OXCMSG\] R3021, R3012).
    pub honest_read_completion: bool,
    /// Deletions and moves without the right to them succeed with PartialCompletion 1 (\[MS-OXCFOLD\] R408, R503, R1147,
    /// R586, R1114; for messages and moved folders the ReturnValue is not covered). Otherwise: `ecAccessDenied`. Default:
    /// yes.
    pub denied_is_partial: bool,
    /// A deletion, move or copy leaves out what stands behind a message that is gone beyond recovery; a deletion does not
    /// even say so (seen on Gromox). Default: no; not covered.
    pub stops_at_gone: bool,
    /// Messages that were deleted softly can be listed and opened with the flags for it. Default: no (\[MS-OXCFOLD\] R1017;
    /// \[MS-OXCMSG\] R335, R326).
    pub lists_soft_deleted: bool,
    /// Soft deletes are told in MetaTagIdsetNoLongerInScope (seen on Gromox) instead of MetaTagIdsetDeleted. Default: no
    /// (\[MS-OXCFXICS\] R72001, R7200101).
    pub soft_deletes_leave_scope: bool,
    /// The final state of a folder without any read-state change claims in MetaTagCnsetRead all that will ever happen: a
    /// client that keeps it is not told the next ones (seen on Gromox). Default: no (\[MS-OXCFXICS\] R2068, R2087).
    pub cnset_read_trap: bool,
    /// Final states claim the change numbers up to the folder's highest (seen on Gromox: what they claim may shrink)
    /// instead of up to the mailbox's. Default: no; not covered.
    pub cnset_of_folder: bool,
    /// RopSynchronizationGetTransferState includes MetaTagIdsetGiven (seen on Gromox). Default: no; not covered.
    pub transfer_state_with_given: bool,
    /// RopSetMessageStatus answers the new status (seen on Gromox) instead of the former one. Default: no (\[MS-OXCMSG\]
    /// R784).
    pub status_answers_new: bool,
    /// A failing RopWriteStream answers without WrittenSize (seen on Gromox). Default: no; not covered.
    pub failed_write_is_short: bool,
    /// Bytes that a stream can grow to; beyond that RopWriteStream fails with `ecTooBig` (\[MS-OXCPRPT\], in its text). How
    /// many is a matter of configuration, not covered; Gromox refused 34 million characters and took 10 million.
    pub largest_stream: usize,
    /// A mailbox without room refuses changes of messages that are there and writes to their streams with
    /// [`STORE_FULL`](crate::store::STORE_FULL) (seen on Gromox). Otherwise only what is new is refused, with
    /// `ecQuotaExceeded`. Default: no; not covered.
    pub full_refuses_changes: bool,
    /// What becomes of an Execute whose answers do not fit. Default: that of 2016 and 2019 (\[MS-OXCROPS\] R20009,
    /// R454502).
    pub overflow: Overflow,
    /// A changed property of a folder, its name too, is told as a modification with message counts, as changed counts are
    /// (seen on Gromox). Default: no, a modification without any; neither says what changed (\[MS-OXCNOTIF\] R199).
    pub folder_changes_as_counts: bool,
    /// NewMail notifications tell the flags of the message (seen on Gromox). Default: no, 0 (\[MS-OXCNOTIF\] R214002).
    pub arrivals_tell_flags: bool,
    /// A NotificationWait's answer sets all cookies of the context, the sequence as it was after the last Execute that was
    /// answered (\[MS-OXCMAPIHTTP\] R1261). Otherwise only the one that names the context (seen on Gromox). Default: yes.
    pub wait_tells_sequence: bool,
    /// Answers have a PENDING without line end, and PROCESSING twice (seen on Gromox). Default: no (\[MS-OXCMAPIHTTP\]
    /// R1372, R1135, R1185).
    pub sloppy_answers: bool,
    /// Answers leave in chunks of at most so many bytes, whatever stands in them. Default: no; not covered.
    pub answer_pieces: Option<usize>,
    /// Answers are compressed and XORed whatever the request's flags say. Default: no; not covered.
    pub packs_always: bool,
    /// X-ResponseCode has numbers of this server's own (Gromox's). Default: no (\[MS-OXCMAPIHTTP\] R141 to R149).
    pub own_response_codes: bool,
    /// The replica that RopLogon names is that of no object (seen on Gromox). Default: no (\[MS-OXCSTOR\] R131: its ReplId
    /// and ReplGuid belong together; that folders have it is not covered).
    pub foreign_logon_replica: bool,
    /// Names that nobody has resolve as ambiguous ones do (seen on Gromox). Default: no (\[MS-OXNSPI\] R88 to R90, R618 to
    /// R624).
    pub unknown_names_ambiguous: bool,
    /// Anybody may log on to any mailbox; ResponseFlags tell his rights, and folders stay closed (\[MS-OXCSTOR\] R3905001,
    /// R1346). Otherwise the logon of somebody without any right fails. Default: yes.
    pub logon_without_rights: bool,
    /// Every so many Executes of a session are answered by RopBackoff. Default: none; not covered.
    pub busy_every: Option<u64>,
    /// Every so many RopFastTransferSourceGetBuffer of a session are answered by `ecServerBusy`. Default: none; not covered.
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
            most_recipients: None,
            chain_rows_unpacked: false,
            open_message_rows: None,
            unwritten_row_count: false,
            create_returns_id: false,
            combined_save_flags: false,
            read_only_after_save: false,
            ignores_force: false,
            stale_save: StaleSave::Ignored,
            refuses_at_save: true,
            source_key_column: false,
            honors_size_limit: false,
            registers_replicas: true,
            shuffle_properties: false,
            seed: 0,
            honest_completion: true,
            honest_read_completion: false,
            denied_is_partial: true,
            stops_at_gone: false,
            lists_soft_deleted: false,
            soft_deletes_leave_scope: false,
            cnset_read_trap: false,
            cnset_of_folder: false,
            transfer_state_with_given: false,
            status_answers_new: false,
            failed_write_is_short: false,
            largest_stream: 512 << 20,
            full_refuses_changes: false,
            overflow: Overflow::TooSmall,
            folder_changes_as_counts: false,
            arrivals_tell_flags: false,
            wait_tells_sequence: true,
            sloppy_answers: false,
            answer_pieces: None,
            packs_always: false,
            own_response_codes: false,
            foreign_logon_replica: false,
            unknown_names_ambiguous: false,
            logon_without_rights: true,
            busy_every: None,
            transfer_busy_every: None,
        }
    }
}
