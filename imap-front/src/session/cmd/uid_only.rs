use crate::proto::request::Request;
use crate::proto::search::SearchKey;

/// Whether a command takes or tells message numbers: it is refused once they are not used (RFC 9586).
pub(super) fn needs_numbers(request: &Request) -> bool {
    match request {
        Request::Select { parameters, .. } => parameters.known.as_ref().is_some_and(|known| known.matches.is_some()),
        Request::Search(search, _) if search.uid => has_numbers(&search.key),
        // Those with a form that takes UIDs.
        request => {
            matches!(request.name(), "FETCH" | "STORE" | "SEARCH" | "SORT" | "THREAD" | "COPY" | "MOVE" | "REPLACE")
        }
    }
}

/// Recursion is as deep as the grammar allows keys to nest.
fn has_numbers(key: &SearchKey) -> bool {
    match key {
        SearchKey::Numbers(_) => true,
        SearchKey::Not(key) => has_numbers(key),
        SearchKey::Or(one, other) => has_numbers(one) || has_numbers(other),
        SearchKey::And(keys) => keys.iter().any(has_numbers),
        _ => false,
    }
}
