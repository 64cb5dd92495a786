use mail_core::work::Owner;

use super::html::{Cell, Page};
use super::incidents;
use super::observed::Observed;
use crate::account::Account;

/// Folders and incidents at most.
const MOST: usize = 200;

/// What is known of a user, for those who may see it.
pub(super) fn page(observed: &Observed, name: &str) -> String {
    let name = name.trim();
    let mut page = Page::default();
    let accounts = observed.accounts.open_accounts();
    let own: Vec<_> = accounts.iter().filter(|account| account.context().user().eq_ignore_ascii_case(name)).collect();
    if own.is_empty() {
        page.paragraph("No account of this user is open: nobody has logged in lately.");
    }
    for account in own {
        of_account(&mut page, observed, account);
    }
    let about = observed.recent.incidents();
    let about =
        about.iter().filter(|incident| incident.user.as_ref().is_some_and(|user| user.eq_ignore_ascii_case(name)));
    let rows = about.take(MOST).map(|incident| incidents::row(incident, true)).collect();
    page.table(
        "What failed last",
        &["When", "User", "What failed", "Why", "What to do"],
        rows,
        "Nothing that is remembered.",
    );
    page.user_form();
    page.document(&format!("mapi-gateway: {name}"))
}

fn of_account(page: &mut Page, observed: &Observed, account: &Account) {
    let context = account.context();
    page.heading(&format!("Account of {}", context.user()));
    let refused = context.is_locked_out();
    page.verdict("Upstream", !refused, if refused { "does not let the user in any more" } else { "lets the user in" });
    let listens = context.subscription_alive();
    page.verdict("Notifications", listens, if listens { "flow" } else { "are not known to flow" });
    let owner: Owner = context.share().owner().clone();
    for gate in &observed.gates {
        page.paragraph(&format!("{} connections: {}", gate.name, gate.gate.of_user(&owner)));
    }
    page.paragraph(&format!("Sessions with the upstream: {}", context.upstream.sessions()));
    page.paragraph(&format!("Last used {} s ago", context.idle_for().as_secs()));
    let tree = account.mailbox().newest_tree();
    let rows = account.mailbox().open_folders().into_iter().take(MOST).map(|folder| {
        let (view, gid) = (folder.view(), folder.gid());
        let entry = tree.as_ref().and_then(|tree| tree.entry(&gid));
        let name = entry.map_or_else(|| gid.to_string(), |entry| entry.name.clone());
        let snapshot = &view.snapshot;
        vec![
            Cell::Text(name),
            Cell::Number(snapshot.rows().len().to_string()),
            Cell::Number(view.unrendered().count().to_string()),
            Cell::Number(snapshot.uid_validity().to_string()),
            Cell::Number(snapshot.uid_next().to_string()),
            Cell::Number(snapshot.highest_modseq().to_string()),
            Cell::Text(if folder.read_only() { "read only" } else { "" }.to_owned()),
        ]
    });
    let heads = ["Folder", "Messages", "Of unknown size", "UIDVALIDITY", "UIDNEXT", "HIGHESTMODSEQ", ""];
    page.table("Open folders", &heads, rows.collect(), "None is open.");
}
