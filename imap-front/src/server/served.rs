use std::time::Instant;

use mail_core::work::Owner;
use tracing::Level;

/// How long the commands of a connection take in here: from the moment their last byte was read, or the command before was
/// answered, until their answer is written. Each becomes an event of level TRACE with the target `imap_front::served` and the
/// fields `user` (before login the client's network), `command` and `micros`, and counts in the histogram
/// `mapi_gateway_imap_command_seconds`.
#[derive(Default)]
pub(super) struct Served {
    /// When something was last read, unless that belongs to a command that runs or ran.
    read: Option<Instant>,
    running: Option<Instant>,
    /// Those whose answers are not written yet.
    answered: Vec<Answered>,
}

struct Answered {
    command: &'static str,
    status: &'static str,
    began: Instant,
}

impl Served {
    /// Something was read while no command ran.
    pub fn read(&mut self, now: Instant) {
        self.read = Some(now);
    }

    /// A command is complete.
    pub fn begins(&mut self, now: Instant) {
        self.running = Some(self.read.take().unwrap_or(now));
    }

    /// The command's answer is made.
    pub fn answered(&mut self, command: &'static str, status: &'static str) {
        let began = self.running.take();
        self.answered.extend(began.map(|began| Answered { command, status, began }));
    }

    /// Everything that was made is written.
    pub fn written(&mut self, owner: impl Fn() -> Owner) {
        for Answered { command, status, began } in self.answered.drain(..) {
            let time = began.elapsed();
            metrics::histogram!("mapi_gateway_imap_command_seconds", "command" => command, "status" => status)
                .record(time);
            if !tracing::enabled!(target: "imap_front::served", Level::TRACE) {
                continue;
            }
            let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
            tracing::trace!(target: "imap_front::served", user = %owner(), command, micros);
        }
    }
}
