use std::sync::Arc;
use std::time::Instant;

use mapi_core::auth::AuthError;
use mapi_core::autodiscover::{Attempt, AutodiscoverError, Discovery, Question, Step as Answer};
use mapi_core::client::EndpointUrl;

use super::anonymous::Anonymous;
use super::report::{Finding, Steps};
use super::step::AUTODISCOVER;
use super::{Status, explain};
use crate::line::connector::Connector;
use crate::line::discovered::Target;

/// What is known of the way to the mailbox.
pub(super) struct Located {
    /// Where the mailbox is, if that was found out.
    pub(super) target: Option<Target>,
    /// The host that stands between: the mailbox's, or the one of Autodiscover that did not help.
    pub(super) url: Option<EndpointUrl>,
    /// Autodiscover took the credentials.
    pub(super) accepted: bool,
    /// Autodiscover refused the credentials.
    pub(super) refused: Option<AuthError>,
}

/// Finds the mailbox: by the configuration, or by Autodiscover, showing each question.
pub(super) async fn locate(steps: &mut Steps<'_>, connector: &Connector) -> Located {
    let began = Instant::now();
    let mut located = Located { target: None, url: None, accepted: false, refused: None };
    let found = match connector.configured_target() {
        Ok(Some(target)) => {
            let found = Finding::ok("not asked: upstream.emsmdb_url and upstream.legacy_dn say where the mailbox is");
            located.url = Some(target.endpoints.emsmdb.clone());
            let found = described(found, &target);
            located.target = Some(target);
            found
        }
        Ok(None) => ask(connector, &mut located).await,
        Err(error) => Finding::failed(error.to_string(), "correct the URLs in [upstream]"),
    };
    steps.record(AUTODISCOVER, began, found);
    located
}

async fn ask(connector: &Connector, located: &mut Located) -> Finding {
    let discovery = match connector.discovery() {
        Ok(discovery) => discovery,
        Err(error) => return Finding::failed(error.to_string(), "correct upstream.autodiscover_url"),
    };
    let mut attempts = Vec::new();
    let result = discovery.find_observed(connector.user(), &mut |attempt| attempts.push(attempt)).await;
    located.accepted =
        attempts.iter().any(|attempt| matches!(attempt.outcome, Ok(Answer::Done(_) | Answer::AskFor(_))));
    located.url = most_telling(&attempts);
    let mut found = match result {
        Ok(found) => match connector.found_target(found) {
            Ok(target) => {
                located.url = Some(target.endpoints.emsmdb.clone());
                let found = described(Finding { status: Status::Ok, details: Vec::new(), next: None }, &target);
                located.target = Some(target);
                found
            }
            Err(error) => Finding::failed(error.to_string(), "correct the URLs in [upstream]"),
        },
        Err(error) => {
            let found = Finding::failed(error.to_string(), explain::autodiscover(&error));
            if let AutodiscoverError::Unauthorized(error) = error {
                located.refused = Some(error);
            }
            found
        }
    };
    found.details.splice(0..0, attempts.iter().map(told));
    found
}

/// The schemes that Autodiscover offers at `url`, asked without credentials.
pub(super) async fn offered(discovery: Discovery, url: EndpointUrl, user: &str) -> Option<Vec<String>> {
    let discovery = Discovery { url: Some(url), credentials: Arc::new(Anonymous), ..discovery };
    match discovery.find(user).await {
        Err(AutodiscoverError::Unauthorized(AuthError::NotOffered(offered))) => Some(offered),
        _ => None,
    }
}

/// A question and its answer on a line.
fn told(attempt: &Attempt) -> String {
    let outcome = match &attempt.outcome {
        Ok(Answer::Done(settings)) => format!("settings of {}", settings.legacy_dn),
        Ok(Answer::Ask(questions)) => {
            let there: Vec<_> = questions.iter().map(Question::to_string).collect();
            format!("leads to {}", there.join(", "))
        }
        Ok(Answer::AskFor(address)) => format!("redirects to the address {address}"),
        Err(AutodiscoverError::NotAllowed(host)) => {
            format!("{host} is not among the hosts that may be given credentials")
        }
        Err(error) => error.to_string().trim_start_matches("autodiscover: ").to_owned(),
    };
    format!("{} for {}: {outcome}", attempt.asked(), attempt.address)
}

/// The URL whose host is worth a closer look: the last one that was asked at all.
fn most_telling(attempts: &[Attempt]) -> Option<EndpointUrl> {
    // Of the questions without credentials none goes where the password goes.
    let asked = |attempt: &&Attempt| {
        attempt.with_credentials().is_some() && !matches!(attempt.outcome, Err(AutodiscoverError::NotAllowed(_)))
    };
    // A host that answered tells more than one that could not be reached.
    let answered =
        |attempt: &&Attempt| asked(attempt) && !matches!(attempt.outcome, Err(AutodiscoverError::Unreachable(_)));
    let attempt = attempts.iter().rfind(answered).or_else(|| attempts.iter().find(asked))?;
    attempt.with_credentials().cloned()
}

fn described(mut found: Finding, target: &Target) -> Finding {
    found.add(format!("mailbox: {}", target.endpoints.emsmdb));
    found.add(format!("legacyExchangeDN: {}", target.legacy_dn));
    match &target.endpoints.nspi {
        Some(url) => found.add(format!("address book: {url}")),
        None => found.warn(
            "address book: none known, so that messages whose senders are known by it only can't be shown",
            "set upstream.nspi_url",
        ),
    }
    found
}
