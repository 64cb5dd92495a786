use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::timeout;

use super::json::MAX_JSON;
use super::search::{Bounds, Search};
use super::xml::MAX_DOCUMENT;
use super::{
    AllowedHosts, Attempt, AutodiscoverError, AutodiscoverRequest, MailboxSettings, ProtocolUrls, Question, Reply,
    Subject,
};
use crate::auth::{Credentials, PlainHttp};
use crate::client::dns::Resolver;
use crate::client::{Counters, EndpointUrl, Endpoints, ExchangeError, Outgoing, Received, Timeouts, Tls, Transport};
use crate::http::header;

/// Asks for the settings of addresses.
#[derive(Debug, Clone)]
pub struct Discovery {
    /// Where to ask. `None`: at the hosts that the domain of the address suggests.
    pub url: Option<EndpointUrl>,
    /// Where credentials may go; nothing is sent to other hosts.
    pub allowed: AllowedHosts,
    /// Whether redirects and settings may name plain http URLs.
    pub plain_http: PlainHttp,
    /// Who asks.
    pub credentials: Arc<dyn Credentials>,
    /// For https.
    pub tls: Tls,
    /// How long things may take.
    pub timeouts: Timeouts,
    /// How long one question may take in all.
    pub patience: Duration,
    /// For the hosts that DNS names.
    pub resolver: Resolver,
}

/// Settings, with URLs that were checked.
#[derive(Debug, Clone)]
pub struct Found {
    /// As the server gave them.
    pub settings: MailboxSettings,
    /// The first of its URLs that are allowed.
    pub endpoints: Endpoints,
}

impl Discovery {
    /// The settings of the mailbox `address`: asked for at the configured URL, or wherever its domain suggests, see
    /// [`Search`].
    ///
    /// # Errors
    /// What says most about why no host gave settings; see [`AutodiscoverError`].
    pub async fn find(&self, address: &str) -> Result<Found, AutodiscoverError> {
        self.find_observed(address, &mut |_| {}).await
    }

    /// [`Discovery::find`], telling `observe` of every question, also of those that are not asked because their host is
    /// not allowed.
    ///
    /// # Errors
    /// As [`Discovery::find`].
    pub async fn find_observed(
        &self,
        address: &str,
        observe: &mut (dyn FnMut(Attempt) + Send),
    ) -> Result<Found, AutodiscoverError> {
        let mut search = Search::new(self.bounds(), self.url.clone(), address);
        while let Some(question) = search.question() {
            search.left_out().into_iter().for_each(&mut *observe);
            let reply = match timeout(self.patience, self.ask(&question, search.address())).await {
                Ok(reply) => reply,
                Err(_) => {
                    Reply::Failed(AutodiscoverError::Unreachable(format!("no answer within {:?}", self.patience)))
                }
            };
            let attempt = search.answer(reply);
            // What the user is refused is told at the end.
            if let Err(error) = &attempt.outcome
                && !matches!(error, AutodiscoverError::Unauthorized(_))
            {
                tracing::debug!(asked = attempt.asked(), %error, "autodiscover failed");
            }
            observe(attempt);
        }
        search.left_out().into_iter().for_each(observe);
        let settings = search.end()?;
        let endpoints = self.endpoints(&settings)?;
        Ok(Found { settings, endpoints })
    }

    /// The first allowed URL of each service.
    ///
    /// # Errors
    /// No URL for the mailbox store, or none that is allowed.
    pub fn endpoints(&self, settings: &MailboxSettings) -> Result<Endpoints, AutodiscoverError> {
        let emsmdb = self.first_allowed(&settings.emsmdb)?.ok_or(AutodiscoverError::NoMapiHttp)?;
        let nspi = self.first_allowed(&settings.nspi).unwrap_or_else(|error| {
            tracing::warn!(%error, "address book left out");
            None
        });
        Ok(Endpoints { emsmdb, nspi })
    }

    fn first_allowed(&self, urls: &ProtocolUrls) -> Result<Option<EndpointUrl>, AutodiscoverError> {
        let bounds = self.bounds();
        let mut failure = None;
        for url in urls.candidates() {
            match bounds.check(url) {
                Ok(url) => return Ok(Some(url)),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        failure.map_or(Ok(None), Err)
    }

    fn bounds(&self) -> Bounds {
        Bounds { allowed: self.allowed.clone(), plain_http: self.plain_http }
    }

    /// Asks one question. Credentials go with those for settings only, and nothing goes to hosts that are not allowed.
    pub async fn ask(&self, question: &Question, address: &str) -> Reply {
        if let Some(url) = question.url().filter(|url| !self.allowed.allows(url.host())) {
            return Reply::Failed(AutodiscoverError::NotAllowed(url.host().to_owned()));
        }
        match question {
            Question::Settings(url) => self.settings(url, address).await,
            Question::Json(url) | Question::Redirect(url) => {
                let headers = [("Host", url.host_header()), ("Accept", "application/json".to_owned())];
                let outgoing = Outgoing {
                    target: url.target(),
                    headers: &headers,
                    body: Bytes::new(),
                    max_body: 0,
                    max_text: MAX_JSON,
                    limit: self.timeouts.of_bytes(MAX_JSON),
                };
                reply(self.transport(url).get_without_credentials(&outgoing).await)
            }
            Question::Srv(name) => match self.resolver.srv(name).await {
                Ok(records) => Reply::Hosts(records.into_iter().map(|record| (record.host, record.port)).collect()),
                Err(error) => Reply::Failed(AutodiscoverError::Unreachable(error.to_string())),
            },
        }
    }

    async fn settings(&self, url: &EndpointUrl, address: &str) -> Reply {
        let request = AutodiscoverRequest { subject: Subject::Address(address.to_owned()) };
        let headers = [
            ("Host", url.host_header()),
            ("Content-Type", "text/xml; charset=utf-8".to_owned()),
            (header::X_MAPI_HTTP_CAPABILITY, "1".to_owned()),
            // A gateway that tells mail clients where IMAP is does not answer another one, nor itself.
            ("X-Mapi-Gateway", "search".to_owned()),
        ];
        let outgoing = Outgoing {
            target: url.target(),
            headers: &headers,
            body: Bytes::from(request.encode()),
            max_body: 0,
            max_text: MAX_DOCUMENT,
            limit: self.timeouts.of_bytes(MAX_DOCUMENT),
        };
        reply(self.transport(url).exchange(&outgoing).await)
    }

    fn transport(&self, url: &EndpointUrl) -> Transport {
        let (credentials, counters) = (self.credentials.clone(), Arc::new(Counters::default()));
        Transport::new(url.clone(), self.tls.clone(), credentials, self.timeouts, counters)
    }
}

fn reply(received: Result<Received, ExchangeError>) -> Reply {
    match received {
        Ok(received) => Reply::Http {
            status: received.head.status,
            location: received.head.header("Location").map(str::to_owned),
            body: received.complete.then_some(received.text),
        },
        Err(ExchangeError::Auth(error)) => Reply::Failed(AutodiscoverError::Unauthorized(error)),
        Err(ExchangeError::TooSlow(limit)) => {
            Reply::Failed(AutodiscoverError::Unreachable(format!("no whole answer within {limit:?}")))
        }
        Err(ExchangeError::NotSent(why) | ExchangeError::Unknown(why) | ExchangeError::Invalid(why)) => {
            Reply::Failed(AutodiscoverError::Unreachable(why))
        }
    }
}
