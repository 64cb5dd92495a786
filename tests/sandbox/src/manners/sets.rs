use super::{Manners, Overflow, StaleSave, UnknownRecipient};

impl Manners {
    /// The manners of Gromox, as far as they were seen.
    pub fn gromox() -> Self {
        Self {
            save_resets_status: true,
            replace_message_id: true,
            shows_bcc: true,
            unknown_recipient: UnknownRecipient::Refuse,
            chain_rows_unpacked: true,
            unwritten_row_count: true,
            create_returns_id: true,
            combined_save_flags: true,
            ignores_force: true,
            stale_save: StaleSave::Refused,
            refuses_at_save: false,
            honest_read_completion: true,
            denied_is_partial: false,
            stops_at_gone: true,
            lists_soft_deleted: true,
            soft_deletes_leave_scope: true,
            cnset_read_trap: true,
            cnset_of_folder: true,
            transfer_state_with_given: true,
            status_answers_new: true,
            failed_write_is_short: true,
            largest_stream: 64 << 20,
            full_refuses_changes: true,
            overflow: Overflow::Error,
            folder_changes_as_counts: true,
            arrivals_tell_flags: true,
            wait_tells_sequence: false,
            sloppy_answers: true,
            own_response_codes: true,
            foreign_logon_replica: true,
            unknown_names_ambiguous: true,
            ..Self::default()
        }
    }

    /// Everything at once that a correct client survives without its user noticing.
    pub fn rude() -> Self {
        Self {
            save_resets_status: true,
            replace_message_id: true,
            open_message_rows: Some(1),
            create_returns_id: true,
            read_only_after_save: true,
            stale_save: StaleSave::Refused,
            honors_size_limit: true,
            registers_replicas: false,
            shuffle_properties: true,
            seed: 4711,
            soft_deletes_leave_scope: true,
            cnset_read_trap: true,
            cnset_of_folder: true,
            transfer_state_with_given: true,
            status_answers_new: true,
            failed_write_is_short: true,
            folder_changes_as_counts: true,
            arrivals_tell_flags: true,
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
