use std::collections::BTreeSet;

use mapi_core::message::MessageContent;

use super::address::Route;
use super::message_header;

/// The distinguished names whose SMTP addresses a rendering of `message` needs, ascending, each once.
pub fn needed_dns(message: &MessageContent) -> Vec<String> {
    let mut names = BTreeSet::new();
    let mut messages = vec![message];
    while let Some(message) = messages.pop() {
        for party in message_header::parties(message) {
            if let Route::Directory(dn) = party.route {
                names.insert(dn);
            }
        }
        messages.extend(message.attachments.iter().filter_map(|attachment| attachment.embedded.as_deref()));
    }
    names.into_iter().collect()
}
