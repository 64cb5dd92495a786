use std::time::{Duration, Instant};

use mapi_core::client::Client;
use mapi_core::mailbox::{Mailbox, MailboxError, OpenOptions};
use mapi_core::message::PropertyBag;
use mapi_core::property::PropertyValue;

use super::explain;
use super::report::{Finding, Steps};
use super::step::NOTIFICATION;
use crate::line::connector::Connector;
use crate::line::discovered::Target;
use crate::own_property;

/// How long a notification may take. Servers that hold it back this long hold it back for good.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits for a notification of a change that a second session makes, as new mail would be told.
///
/// The change is a private property of the mailbox's root folder, which no client shows; it is deleted again at once.
pub(super) async fn wait_for_one(steps: &mut Steps<'_>, connector: &Connector, mailbox: &Mailbox, target: &Target) {
    let began = Instant::now();
    let found = attempt(connector, mailbox, target)
        .await
        .unwrap_or_else(|error| Finding::failed(error.to_string(), explain::mailbox(&error)));
    steps.record(NOTIFICATION, began, found);
}

async fn attempt(connector: &Connector, mailbox: &Mailbox, target: &Target) -> Result<Finding, MailboxError> {
    mailbox.changes_so_far().await?;
    let name = own_property::CHECK.name();
    let key = own_property::CHECK.key();
    let client = Client::new(&connector.client_settings(target));
    client.connect().await?;
    let options = OpenOptions { names: vec![name], subscribe: false };
    let writer = Mailbox::open(client, &target.legacy_dn, options).await?;
    let root = writer.info().folders.root;

    let listen = async { tokio::time::timeout(PATIENCE, news(mailbox)).await.map(|heard| (heard, Instant::now())) };
    let write = async {
        let set = PropertyBag::from_iter([(key.clone(), PropertyValue::Boolean(true))]);
        let written = writer.set_folder_properties(root, &set, &[]).await;
        (written, Instant::now())
    };
    let (heard, (written, at)) = tokio::join!(listen, write);
    let removed = writer.set_folder_properties(root, &PropertyBag::default(), &[key]).await;
    writer.close().await;
    written?;
    removed?;
    Ok(match heard {
        Ok((heard, when)) => {
            heard?;
            let milliseconds = when.saturating_duration_since(at).as_millis();
            Finding::ok(format!("heard {milliseconds} ms after another session changed something"))
        }
        Err(_) => Finding::failed(
            format!("nothing was heard within {} s of a change by another session", PATIENCE.as_secs()),
            "check that a proxy on the way passes answers on as they come (no buffering) and keeps waiting requests open; until then new mail shows late",
        ),
    })
}

/// Returns as soon as something changed.
async fn news(mailbox: &Mailbox) -> Result<(), MailboxError> {
    while mailbox.changes().await?.is_empty() {}
    Ok(())
}
