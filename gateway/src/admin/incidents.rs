use std::time::SystemTime;

use super::html::Cell;
use crate::telemetry::Incident;

/// What is logged, and what to do about it.
const NEXT: &[(&str, &str)] = &[
    ("a mistake: everything goes on", "find it with `mapi-gateway config check`, correct it, send SIGHUP"),
    ("needs a restart", "restart the gateway when it suits"),
    ("secret of the configuration is refused", "put the mailbox's present password into its password_file"),
    ("device's mailbox can't be opened", "try `mapi-gateway check` with the device's mailbox and password"),
    ("too many wrong passwords", "find the program that has an old password, or who guesses"),
    ("invalid peer certificate", "add the authority to upstream.ca_file, or correct the server's certificate"),
    ("may not be given credentials", "if the host is yours, add it to upstream.hosts"),
    ("can't sign in", "compare upstream.auth with what the server offers: `mapi-gateway check`"),
    ("ledger", "look at the disk of ledger.directory: room, rights, I/O errors"),
    ("no room for it now", "raise limits.memory_bytes, or see who loads the gateway"),
    ("busy", "the server asks for rest, which it gets; if it stays so, see its throttling policy"),
    ("no answer", "see whether server, DNS and firewall let this machine through: `mapi-gateway check`"),
    ("login failed", "go the way of this login with `mapi-gateway check`"),
];

/// A row of a table: when, what, why, and what next. Without names where they must not be seen.
pub(super) fn row(incident: &Incident, with_names: bool) -> Vec<Cell> {
    let shown = |text: &str| if with_names { text.to_owned() } else { nameless(text, incident) };
    let mut why = incident.error.as_deref().map(shown).unwrap_or_default();
    if let Some(device) = &incident.device {
        why = format!("{why} (device {device})");
    }
    let whole = format!("{} {}", incident.message, incident.error.as_deref().unwrap_or_default()).to_lowercase();
    let next = NEXT.iter().find(|(part, _)| whole.contains(part)).map_or("see the log at this time", |(_, next)| next);
    let message = shown(&incident.message);
    let message = if incident.is_error { Cell::Bad(message) } else { Cell::Text(message) };
    let mut row = vec![Cell::Number(ago(incident.time)), message, Cell::Text(why), Cell::Text(next.to_owned())];
    if with_names {
        row.insert(1, Cell::Text(incident.user.clone().unwrap_or_default()));
    }
    row
}

/// How long ago.
pub(super) fn ago(time: SystemTime) -> String {
    let seconds = SystemTime::now().duration_since(time).unwrap_or_default().as_secs();
    match seconds {
        0..60 => format!("{seconds} s ago"),
        60..3600 => format!("{} min ago", seconds / 60),
        3600..172_800 => format!("{} h ago", seconds / 3600),
        _ => format!("{} days ago", seconds / 86_400),
    }
}

/// Words that name somebody are left out: what has the form of an address or an account, and the user's own name.
fn nameless(text: &str, incident: &Incident) -> String {
    let user = incident.user.as_deref().unwrap_or_default().to_lowercase();
    let local = user.split('@').next().unwrap_or_default();
    let names = |word: &str| {
        let word = word.to_lowercase();
        word.contains(['@', '\\', '/']) && !word.contains("://") && !word.starts_with('/')
            || !local.is_empty() && word.contains(local)
    };
    let words: Vec<&str> = text.split(' ').map(|word| if names(word) { "…" } else { word }).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_named() {
        let incident = Incident {
            time: SystemTime::now(),
            is_error: false,
            message: "login failed".into(),
            error: Some("no mailbox of Alice, <alice@example.test> or EXAMPLE\\alice: bob@example.test may".into()),
            user: Some("alice@example.test".into()),
            device: None,
        };
        let text = |with_names| {
            let cells = row(&incident, with_names).into_iter().map(|cell| match cell {
                Cell::Text(text) | Cell::Number(text) | Cell::Bad(text) => text,
            });
            cells.collect::<Vec<_>>().join("|")
        };
        let nameless = text(false).to_lowercase();
        assert!(
            !nameless.contains("alice") && !nameless.contains("bob") && nameless.contains("no mailbox of"),
            "{nameless}"
        );
        assert!(nameless.ends_with("|go the way of this login with `mapi-gateway check`"), "{nameless}");
        assert!(text(true).contains("|alice@example.test|"));
    }
}
