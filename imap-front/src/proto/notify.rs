//! NOTIFY (RFC 5465 8).

use std::collections::BTreeSet;

use super::cursor::Cursor;
use super::event_group::{EventGroup, Events, MailboxFilter};
use super::mailbox_name::Names;
use super::request::{FetchItem, NotifyRequest, Request, SelectedEvents};

/// What follows `NOTIFY ` up to the line end. `fetch_items` understands what FETCH would be given.
pub(super) fn parse(
    arguments: &[u8],
    names: Names,
    fetch_items: impl Fn(&[u8]) -> Option<Vec<FetchItem>>,
) -> Option<Request> {
    if arguments.eq_ignore_ascii_case(b"NONE") {
        return Some(Request::Notify(None));
    }
    let mut cursor = Cursor::new(arguments);
    if !cursor.skip_word("SET ") {
        return None;
    }
    let mut request = NotifyRequest { status: cursor.skip_word("STATUS "), ..NotifyRequest::default() };
    let mut selected_named = false;
    loop {
        cursor.expect(b'(')?;
        let filter = match cursor.word()?.as_str() {
            word @ ("SELECTED" | "SELECTED-DELAYED") => {
                // Only one of them (RFC 5465 6.1).
                if std::mem::replace(&mut selected_named, true) {
                    return None;
                }
                Err(word == "SELECTED-DELAYED")
            }
            "INBOXES" | "PERSONAL" => Ok(MailboxFilter::Personal),
            "SUBSCRIBED" => Ok(MailboxFilter::Subscribed),
            "SUBTREE" => Ok(MailboxFilter::Subtree(mailboxes(&mut cursor, names)?)),
            "MAILBOXES" => Ok(MailboxFilter::Mailboxes(mailboxes(&mut cursor, names)?)),
            _ => return None,
        };
        cursor.expect(b' ')?;
        let Named { events, items, unsupported } = named(&mut cursor, &fetch_items)?;
        cursor.expect(b')')?;
        request.unsupported |= unsupported;
        match filter {
            // Of the selected mailbox only events of messages (RFC 5465 6.1).
            Err(_) if !events.is_of_messages() => return None,
            Err(delayed) if events.messages => {
                request.selected =
                    Some(SelectedEvents { delayed, flags: events.flags, items: items.unwrap_or_default() });
            }
            Err(_) => {}
            // Messages of other mailboxes are not shown (RFC 5465 8).
            Ok(_) if items.is_some() => return None,
            Ok(filter) => request.groups.push(EventGroup { filter, events }),
        }
        if cursor.is_at_end() {
            return Some(Request::Notify(Some(Box::new(request))));
        }
        cursor.expect(b' ')?;
    }
}

/// One mailbox, or several in parentheses.
fn mailboxes(cursor: &mut Cursor<'_>, names: Names) -> Option<BTreeSet<String>> {
    cursor.expect(b' ')?;
    let mut found = BTreeSet::new();
    if cursor.peek() != Some(b'(') {
        found.insert(names.read(&cursor.string(false)?));
        return Some(found);
    }
    cursor.expect(b'(')?;
    loop {
        found.insert(names.read(&cursor.string(false)?));
        if cursor.peek() == Some(b')') {
            cursor.expect(b')')?;
            return Some(found);
        }
        cursor.expect(b' ')?;
    }
}

#[derive(Default)]
struct Named {
    events: Events,
    items: Option<Vec<FetchItem>>,
    unsupported: bool,
}

/// `NONE`, or events in parentheses (RFC 5465 5). MessageNew, MessageExpunge and FlagChange should come together, but the RFC's own
/// examples (3.1, with erratum 1804) and other servers have each alone: then it stands for those that it can't do without.
fn named(cursor: &mut Cursor<'_>, fetch_items: impl Fn(&[u8]) -> Option<Vec<FetchItem>>) -> Option<Named> {
    let mut named = Named::default();
    if cursor.peek() != Some(b'(') {
        return (cursor.word()? == "NONE").then_some(named);
    }
    cursor.expect(b'(')?;
    let (mut new, mut expunge, mut annotations) = (false, false, false);
    loop {
        let event = cursor.atom()?.to_ascii_uppercase();
        match event.as_slice() {
            b"MESSAGENEW" => {
                new = true;
                if cursor.rest().starts_with(b" (") {
                    cursor.expect(b' ')?;
                    named.items = Some(fetch_items(cursor.parenthesised()?)?);
                }
            }
            b"MESSAGEEXPUNGE" => expunge = true,
            b"FLAGCHANGE" => named.events.flags = true,
            b"ANNOTATIONCHANGE" => annotations = true,
            b"MAILBOXNAME" => named.events.names = true,
            b"SUBSCRIPTIONCHANGE" => named.events.subscriptions = true,
            b"MAILBOXMETADATACHANGE" => named.events.metadata = true,
            b"SERVERMETADATACHANGE" => named.events.server_metadata = true,
            _ => named.unsupported = true,
        }
        if cursor.peek() == Some(b')') {
            break;
        }
        cursor.expect(b' ')?;
    }
    cursor.expect(b')')?;
    named.unsupported |= annotations;
    named.events.messages = new || expunge || named.events.flags || annotations;
    Some(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &str) -> Option<Option<Box<NotifyRequest>>> {
        let items = |text: &[u8]| (text == b"(UID BODY.PEEK[HEADER.FIELDS (\")\" To)])").then(|| vec![FetchItem::Uid]);
        match parse(arguments.as_bytes(), Names::default(), items) {
            Some(Request::Notify(request)) => Some(request),
            _ => None,
        }
    }

    #[test]
    fn known_answers() {
        assert_eq!(parsed("none"), Some(None));
        let request = parsed(
            "SET STATUS (selected-delayed (MessageNew (UID BODY.PEEK[HEADER.FIELDS (\")\" To)]) MessageExpunge FlagChange)) \
             (subtree (Lists inbox) (MessageNew MessageExpunge)) (inboxes NONE) (mailboxes \"a b\" (MailboxName)) \
             (personal (mailboxmetadatachange ServerMetadataChange))",
        );
        let request = request.flatten().unwrap();
        assert!(request.status && !request.unsupported);
        assert_eq!(request.selected, Some(SelectedEvents { delayed: true, flags: true, items: vec![FetchItem::Uid] }));
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let messages = Events { messages: true, ..Events::default() };
        assert_eq!(
            request.groups,
            [
                EventGroup { filter: MailboxFilter::Subtree(names(&["Lists", "INBOX"])), events: messages },
                EventGroup { filter: MailboxFilter::Personal, events: Events::default() },
                EventGroup {
                    filter: MailboxFilter::Mailboxes(names(&["a b"])),
                    events: Events { names: true, ..Events::default() }
                },
                EventGroup {
                    filter: MailboxFilter::Personal,
                    events: Events { metadata: true, server_metadata: true, ..Events::default() }
                },
            ]
        );
        let nothing = parsed("SET (selected NONE)").flatten().unwrap();
        assert_eq!(*nothing, NotifyRequest::default());
        for unsupported in ["SET (selected (MessageNew MessageExpunge AnnotationChange))", "SET (personal (x-news))"] {
            assert!(parsed(unsupported).flatten().unwrap().unsupported, "{unsupported}");
        }
    }

    #[test]
    fn an_event_stands_for_those_that_it_needs() {
        for (alone, flags) in [("MessageNew", false), ("MessageExpunge", false), ("FlagChange", true)] {
            let request = parsed(&format!("SET (personal ({alone}))")).flatten().unwrap();
            let events = request.groups.first().unwrap().events;
            assert_eq!((events.messages, events.flags), (true, flags), "{alone}");
        }
    }

    #[test]
    fn what_does_not_fit_together() {
        for arguments in [
            "",
            "SET",
            "SET STATUS",
            "SET (selected)",
            "SET (selected (MessageNew MessageExpunge)) (selected-delayed NONE)",
            "SET (selected (MailboxName))",
            "SET (selected (MailboxMetadataChange))",
            "SET (selected-delayed (ServerMetadataChange))",
            "SET (personal (MessageNew (UID BODY.PEEK[HEADER.FIELDS (\")\" To)]) MessageExpunge))",
            "SET (selected (MessageNew (NOTHING) MessageExpunge))",
            "SET (subtree () NONE)",
            "SET (mailboxes NONE)",
            "SET (others NONE)",
            "SET (personal ())",
            "SET (personal NONE)(personal NONE)",
            "SET (personal NONE) ",
            "NONE x",
        ] {
            assert_eq!(parsed(arguments), None, "{arguments}");
        }
    }
}
