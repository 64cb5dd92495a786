use std::sync::Arc;
use std::time::Instant;

use mapi_core::auth::AuthError;
use mapi_core::client::{Client, ClientError, ClientSettings};
use mapi_core::mailbox::{Mailbox, OpenOptions};

use super::anonymous::{Anonymous, scheme_names};
use super::autodiscover::Located;
use super::checked::Checked;
use super::report::{Finding, Steps};
use super::step::{AUTHENTICATION, CONNECT, LOGON};
use super::{autodiscover, explain};
use crate::line::connector::{self, Connector};
use crate::line::discovered::Target;

/// Authenticates, opens a session and logs on to the mailbox; `None` if one of these failed.
pub(super) async fn open(
    steps: &mut Steps<'_>,
    checked: &Checked,
    connector: &Connector,
    located: Located,
) -> Option<(Mailbox, Target)> {
    let began = Instant::now();
    let configured = checked.config.upstream.auth.to_string();
    let offered = offered(connector, &located).await;
    let offers = offered.as_deref().map(|offered| format!("the server offers {}", scheme_names(offered)));
    let refused = |error: &AuthError| {
        let (reason, next) = explain::authentication(error, offered.as_deref(), &configured);
        let mut found = Finding::failed(reason, next);
        found.details.extend(offers.clone());
        found.details.extend(connector.choices());
        found.add(format!("upstream.auth = {configured}, user {}", connector.user()));
        found
    };
    // A password that was refused once is not tried again: that would count as one more wrong password.
    if let Some(error) = &located.refused {
        steps.record(AUTHENTICATION, began, refused(error));
        return None;
    }
    let mut accepted = Finding::ok(format!("{} is let in by upstream.auth = {configured}", connector.user()));
    accepted.details.extend(offers.clone());
    let Some(target) = located.target else {
        if located.accepted {
            accepted.details.extend(connector.choices());
            steps.record(AUTHENTICATION, began, accepted);
        }
        return None;
    };

    let client = Client::new(&connector.client_settings(&target));
    let connecting = Instant::now();
    let connected = client.connect().await;
    accepted.details.extend(connector.choices());
    let connected = match connected {
        Ok(connected) => connected,
        Err(ClientError::Unauthorized(error)) => {
            steps.record(AUTHENTICATION, began, refused(&error));
            return None;
        }
        Err(error) => {
            let undecided =
                matches!(error, ClientError::Unreachable(_) | ClientError::OutcomeUnknown(_) | ClientError::TooSlow(_));
            if undecided && !located.accepted {
                let next = "see the next step: the server did not come to it";
                steps.record(AUTHENTICATION, began, Finding::warning("not decided", next));
            } else {
                steps.record(AUTHENTICATION, began, accepted);
            }
            steps.record(CONNECT, connecting, Finding::failed(error.to_string(), explain::client(&error)));
            return None;
        }
    };
    steps.record(AUTHENTICATION, began, accepted);
    let mut found = Finding::ok(format!("session of {}", connected.display_name));
    found.add(match client.server_application() {
        Some(server) => format!("the server is {server}"),
        None => "the server doesn't say what it is".to_owned(),
    });
    steps.record(CONNECT, connecting, found);

    let began = Instant::now();
    let options = OpenOptions { names: connector::property_names(), subscribe: true };
    let mailbox = match Mailbox::open(client.clone(), &target.legacy_dn, options).await {
        Ok(mailbox) => mailbox,
        Err(error) => {
            steps.record(LOGON, began, Finding::failed(error.to_string(), explain::mailbox(&error)));
            drop(client.disconnect().await);
            return None;
        }
    };
    let info = mailbox.info();
    let mut found = Finding::ok(format!("mailbox {}", info.mailbox_guid));
    found.details.extend(info.owner_name.as_ref().map(|name| format!("of {name}")));
    if !info.owner {
        found.warn("the user is not its owner", "expect changes to be refused where the user has no rights");
    }
    steps.record(LOGON, began, found);
    Some((mailbox, target))
}

/// The schemes that the server offers to somebody who brings no credentials.
async fn offered(connector: &Connector, located: &Located) -> Option<Vec<String>> {
    let Some(target) = &located.target else {
        return autodiscover::offered(connector.discovery().ok()?, located.url.clone()?, connector.user()).await;
    };
    let settings = ClientSettings { credentials: Arc::new(Anonymous), ..connector.client_settings(target) };
    match Client::new(&settings).connect().await {
        Err(ClientError::Unauthorized(AuthError::NotOffered(offered))) => Some(offered),
        _ => None,
    }
}
