use super::html::{Cell, Page};
use super::incidents::{self, ago};
use super::observed::Observed;
use super::readiness::Ready;
use crate::metric::Row;

/// Rows of a table at most; of what is slow, the slowest.
const MOST: usize = 15;

/// The page for people.
pub(super) fn page(observed: &Observed, ready: Ready, with_names: bool) -> String {
    let mut page = Page::default();
    summary(&mut page, observed, ready);
    connections(&mut page, observed);
    slow(&mut page, observed);
    upstream(&mut page, observed);
    let failures = observed.recent.incidents();
    let failures: Vec<_> = failures.iter().take(MOST).map(|incident| incidents::row(incident, with_names)).collect();
    let heads: &[&str] = if with_names {
        &["When", "User", "What failed", "Why", "What to do"]
    } else {
        &["When", "What failed", "Why", "What to do"]
    };
    page.table("What failed last", heads, failures, "Nothing has failed since the start.");
    devices(&mut page, observed);
    page.heading("A user");
    page.paragraph("The state of a user's folders, and what failed for him. It needs the token of the configuration.");
    page.user_form();
    page.document("mapi-gateway: status")
}

fn summary(page: &mut Page, observed: &Observed, ready: Ready) {
    let accounts = observed.accounts.open_accounts();
    let sessions: usize = accounts.iter().map(|account| account.context().upstream.sessions()).sum();
    page.paragraph(&format!("Version {}, started {}.", env!("CARGO_PKG_VERSION"), ago(observed.started)));
    page.verdict("Upstream", ready.upstream, if ready.upstream { "answers" } else { "does not answer" });
    page.verdict("Ledger", ready.ledger, if ready.ledger { "can be written" } else { "can't be written" });
    let restart = (observed.restart)();
    if !restart.is_empty() {
        page.verdict("Configuration", false, &format!("needs a restart for {}", restart.join(", ")));
    }
    page.paragraph(&format!("{} accounts are open, with {sessions} sessions.", accounts.len()));
    let memory = &observed.accounts.bounds().budget;
    for (name, budget) in [("Memory for messages", memory), ("Disk for messages that come in", &observed.disk)] {
        page.paragraph(&format!("{name}: {} of {} taken.", size(budget.used()), size(budget.limits().total)));
    }
}

fn connections(page: &mut Page, observed: &Observed) {
    let mut rows = Vec::new();
    for row in observed.recorder.rows("mapi_gateway_connections") {
        let count = |name: &str| {
            let same = |other: &Row| other.labels == row.labels;
            observed.recorder.rows(name).into_iter().find(same).map_or(0.0, |row| row.value)
        };
        let (all, refused) = (count("mapi_gateway_connections_total"), count("mapi_gateway_connections_refused_total"));
        let numbers = [row.value, all, refused].map(|number| Cell::Number(number.to_string()));
        rows.push(std::iter::once(Cell::Text(row.labels.join(" "))).chain(numbers).collect());
    }
    page.table("Connections", &["Listener", "Open", "Since the start", "Sent away"], rows, "Nobody has connected yet.");
    for gate in &observed.gates {
        let (open, waiting) = gate.gate.open();
        page.paragraph(&format!("{}: {open} open, {waiting} of them not logged in.", gate.name));
    }
    let logins = observed.recorder.rows("mapi_gateway_logins_total").into_iter().map(|row| {
        let mut cells: Vec<_> = row.labels.into_iter().map(Cell::Text).collect();
        cells.push(Cell::Number(row.value.to_string()));
        cells
    });
    page.table("Logins", &["Protocol", "Outcome", "Count"], logins.collect(), "Nobody has logged in yet.");
}

fn slow(page: &mut Page, observed: &Observed) {
    let mut rows: Vec<(String, Row)> = Vec::new();
    for (name, of) in [
        ("mapi_gateway_imap_command_seconds", "IMAP"),
        ("mapi_gateway_smtp_message_seconds", "SMTP message"),
        ("mapi_gateway_operation_seconds", "operation"),
    ] {
        rows.extend(
            observed.recorder.rows(name).into_iter().map(|row| (format!("{of} {}", row.labels.join(", ")), row)),
        );
    }
    let mean = |row: &Row| if row.value > 0.0 { row.seconds / row.value } else { 0.0 };
    rows.sort_by(|(_, one), (_, other)| mean(other).total_cmp(&mean(one)));
    let rows = rows.into_iter().take(MOST).map(|(name, row)| timed(name, &row));
    page.table("What takes longest", TIMED, rows.collect(), "Nothing has been done yet.");
}

const TIMED: &[&str] = &["What", "Count", "Mean", "95 of 100 within"];

fn timed(name: String, row: &Row) -> Vec<Cell> {
    let mean = if row.value > 0.0 { row.seconds / row.value } else { 0.0 };
    let most = row.most.map_or("more than 120 s".to_owned(), |most| format!("{most} s"));
    vec![
        Cell::Text(name),
        Cell::Number(row.value.to_string()),
        Cell::Number(format!("{:.1} ms", mean * 1e3)),
        Cell::Number(most),
    ]
}

fn upstream(page: &mut Page, observed: &Observed) {
    let rows = observed.recorder.rows("mapi_gateway_upstream_request_seconds");
    let rows = rows.iter().take(MOST).map(|row| timed(row.labels.join(", "), row));
    page.table("Requests to the upstream", TIMED, rows.collect(), "None yet.");
    let paused = observed.accounts.settings().paused_hosts();
    let busy: f64 = observed.recorder.rows("mapi_gateway_upstream_busy_total").iter().map(|row| row.value).sum();
    page.paragraph(&format!("The upstream has said {busy} times that it is busy."));
    for (host, pause) in paused.iter().take(MOST) {
        page.verdict("Throttled", false, &format!("{host} wants to be left alone for {} s", pause.as_secs()));
    }
}

fn devices(page: &mut Page, observed: &Observed) {
    let devices = (observed.devices)();
    let rows = devices.iter().map(|device| {
        let sent = device.sent();
        let last = sent.last.map_or("not since the start".to_owned(), ago);
        let failed = sent.failed.map_or(Cell::Text(String::new()), |time| Cell::Bad(ago(time)));
        vec![Cell::Text(device.name().to_owned()), Cell::Number(sent.messages.to_string()), Cell::Text(last), failed]
    });
    page.table("Devices", &["Device", "Messages", "Last sent", "Last failure"], rows.collect(), "There are none.");
}

fn size(bytes: u64) -> String {
    match bytes {
        0..10_240 => format!("{bytes} bytes"),
        10_240..10_485_760 => format!("{} KiB", bytes >> 10),
        _ => format!("{} MiB", bytes >> 20),
    }
}
