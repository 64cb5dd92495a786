use std::time::Instant;

use mapi_core::fasttransfer::MessageLimits;
use mapi_core::id::{FolderId, MessageId};
use mapi_core::mailbox::{ContentsQuery, FetchOptions, Fetched, Mailbox, MailboxError};
use mapi_core::message::MessageContent;
use mapi_core::property::{PropertyRow, SortOrder, SortOrderKind, tags};

use super::explain;
use super::report::Finding;
use crate::convert::mapi_to_mime::{self, RenderContext, RenderLimits, ResolvedAddresses};
use crate::line::connector::Connector;
use crate::mailbox::context::RENDER_DOMAIN;

/// Folders shown; mailboxes may have thousands.
const SHOWN: usize = 100;

/// The folders with their counts.
pub(super) async fn folders(mailbox: &Mailbox) -> Finding {
    let rows = match mailbox.folders(&[]).await {
        Ok(rows) => rows,
        Err(error) => return Finding::failed(error.to_string(), explain::mailbox(&error)),
    };
    let messages: u64 = rows.iter().map(|row| u64::from(row.counters.total)).sum();
    let mut found = Finding::ok(format!("{} folders, {messages} messages", rows.len()));
    for row in rows.iter().take(SHOWN) {
        let indent = "  ".repeat(row.depth.clamp(1, 20) as usize);
        let class = match row.container_class.as_str() {
            "" | "IPF.Note" => String::new(),
            class => format!(" ({class})"),
        };
        found.add(format!(
            "{indent}{}{class}: {} messages, {} unread",
            row.name, row.counters.total, row.counters.unread
        ));
    }
    if let Some(more) = rows.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        found.add(format!("  and {more} more"));
    }
    found
}

/// Fetches and renders the newest message of the inbox. Nothing of its content is shown.
pub(super) async fn newest_message(mailbox: &Mailbox, connector: &Connector, max_bytes: usize) -> Finding {
    let inbox = mailbox.info().folders.inbox;
    let began = Instant::now();
    let fetched = match fetch_newest(mailbox, inbox, max_bytes).await {
        Ok(Some(fetched)) => fetched,
        Ok(None) => return Finding::ok("the inbox is empty: no message was rendered"),
        Err(error) => return Finding::failed(error.to_string(), explain::mailbox(&error)),
    };
    let (mid, content, bytes) = match fetched {
        Fetched::Message { mid, content, bytes } => (mid, content, bytes),
        Fetched::Growing { .. } | Fetched::Missing(_) => {
            return Finding::ok("the newest message of the inbox was deleted meanwhile");
        }
        Fetched::Unreadable { why, .. } => {
            let reason = format!("the newest message of the inbox can't be read: {why}");
            return Finding::warning(
                reason,
                "mail programs are shown a stand-in; see whether Outlook can open the message",
            );
        }
        Fetched::TooLarge { bytes, .. } => {
            let reason = format!("the newest message of the inbox has more than {bytes} bytes, the configured limit");
            return Finding::warning(reason, "raise upstream.max_message_bytes if such messages are wanted");
        }
    };
    let milliseconds = began.elapsed().as_millis();
    let read = format!("the newest message of the inbox: {bytes} bytes read in {milliseconds} ms");
    let source_key = mailbox.gid_of(mid).map(|gid| gid.to_bytes()).unwrap_or_default();
    let began = Instant::now();
    match render(connector, &content, &source_key).await {
        Ok(length) => {
            let milliseconds = began.elapsed().as_millis();
            Finding::ok(read).and(format!("rendered as {length} bytes of MIME in {milliseconds} ms"))
        }
        Err((reason, next)) => {
            let mut found = Finding::failed(reason, next);
            found.details.insert(0, read);
            found
        }
    }
}

async fn fetch_newest(mailbox: &Mailbox, inbox: FolderId, max_bytes: usize) -> Result<Option<Fetched>, MailboxError> {
    let query = ContentsQuery {
        columns: vec![tags::PidTagMid],
        sort: vec![SortOrder { tag: tags::PidTagMessageDeliveryTime, order: SortOrderKind::Descending }],
        limit: Some(1),
        ..ContentsQuery::default()
    };
    let mut newest = None;
    let id = |row: &PropertyRow| row.values.first()?.value()?.as_i64().map(MessageId::from_i64);
    let take = |rows: Vec<PropertyRow>| newest = newest.or_else(|| rows.iter().find_map(id));
    mailbox.contents_rows(inbox, &query, take).await?;
    let Some(mid) = newest else { return Ok(None) };
    let defaults = FetchOptions::default();
    let limits = MessageLimits { bytes: max_bytes as u64, ..defaults.limits };
    mailbox.fetch_messages(inbox, &[mid], FetchOptions { limits, ..defaults }).next().await
}

/// The length of the rendering; or why there is none, and what to do.
async fn render(connector: &Connector, content: &MessageContent, source_key: &[u8]) -> Result<usize, (String, String)> {
    let names = mapi_to_mime::needed_dns(content);
    let mut addresses = ResolvedAddresses::default();
    if !names.is_empty() {
        let book = |error: crate::line::error::UpstreamError| {
            let next = "the address book must be reachable: check upstream.nspi_url, or what Autodiscover says of it";
            (format!("the address book: {error}"), next.to_owned())
        };
        let found = connector.resolve(&names).await.map_err(book)?;
        names.iter().zip(found).for_each(|(name, address)| addresses.insert(name, address));
    }
    let limits = RenderLimits::default();
    let context = RenderContext { source_key, addresses: &addresses, domain: RENDER_DOMAIN, limits };
    let rendered = mapi_to_mime::render(content, &context);
    let next = "report this with the message's kind and a log at log.filter = \"debug\"";
    rendered.map(|rendering| rendering.bytes.len()).map_err(|error| (error.to_string(), next.to_owned()))
}
