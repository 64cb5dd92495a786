use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use super::xml::MAX_DOCUMENT;
use super::{
    AllowedHosts, AutodiscoverAnswer, AutodiscoverError, AutodiscoverRequest, MailboxSettings, PATH, ProtocolUrls,
    Subject,
};
use crate::auth::{Credentials, PlainHttp};
use crate::client::{Counters, EndpointUrl, Endpoints, ExchangeError, Outgoing, Timeouts, Tls, Transport};
use crate::http::header;
use crate::session::ResponseHead;

/// Redirects followed in all, by status or by answer.
const MAX_REDIRECTS: usize = 5;

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
}

/// Settings, with URLs that were checked.
#[derive(Debug, Clone)]
pub struct Found {
    /// As the server gave them.
    pub settings: MailboxSettings,
    /// The first of its URLs that are allowed.
    pub endpoints: Endpoints,
}

/// One question on the way to the settings, and what came of it.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// Where it was asked, or would have been.
    pub url: String,
    /// The address it was asked for.
    pub address: String,
    /// What came of it.
    pub outcome: Result<Step, AutodiscoverError>,
}

/// What an answer leads to.
#[derive(Debug, Clone)]
pub enum Step {
    /// These are the settings; their URLs are not checked yet.
    Done(Box<MailboxSettings>),
    /// Ask there instead.
    Ask(EndpointUrl),
    /// Ask for this address instead.
    AskFor(String),
}

impl Discovery {
    /// The settings of the mailbox `address`: asked for at the configured URL, or at `https://<domain>` and then
    /// `https://autodiscover.<domain>`.
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
        let mut address = address.to_owned();
        let mut queue = self.candidates(&address, observe);
        let mut asked = Vec::new();
        let mut redirects = 0;
        let mut failure = None;
        while let Some(url) = queue.pop_front() {
            let question = (url, address.clone());
            if asked.contains(&question) {
                keep(&mut failure, AutodiscoverError::TooManyRedirects);
                continue;
            }
            asked.push(question.clone());
            let step = self.ask(&question.0, &address).await;
            observe(Attempt { url: question.0.to_string(), address: address.clone(), outcome: step.clone() });
            if let Ok(Step::Ask(_) | Step::AskFor(_)) = step {
                redirects += 1;
                if redirects > MAX_REDIRECTS {
                    return Err(AutodiscoverError::TooManyRedirects);
                }
            }
            match step {
                Ok(Step::Done(settings)) => match self.endpoints(&settings) {
                    Ok(endpoints) => return Ok(Found { settings: *settings, endpoints }),
                    Err(error) => return Err(error),
                },
                Ok(Step::Ask(url)) => queue.push_front(url),
                Ok(Step::AskFor(other)) => {
                    address = other;
                    queue = self.candidates(&address, observe);
                }
                // Asking elsewhere with a password that was refused would count as one more wrong password.
                Err(error @ AutodiscoverError::Unauthorized(_)) => return Err(error),
                Err(error) => {
                    tracing::debug!(url = %question.0, %error, "autodiscover failed");
                    keep(&mut failure, error);
                }
            }
        }
        let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
        Err(failure.unwrap_or_else(|| AutodiscoverError::NotAllowed(domain.to_owned())))
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
        let mut failure = None;
        for url in urls.candidates() {
            match self.checked(url) {
                Ok(url) => return Ok(Some(url)),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        failure.map_or(Ok(None), Err)
    }

    fn checked(&self, url: &str) -> Result<EndpointUrl, AutodiscoverError> {
        let parsed = EndpointUrl::parse(url, self.plain_http)
            .map_err(|why| AutodiscoverError::Url(url.chars().take(200).collect(), why.to_string()))?;
        if self.allowed.allows(parsed.host()) {
            Ok(parsed)
        } else {
            Err(AutodiscoverError::NotAllowed(parsed.host().to_owned()))
        }
    }

    fn candidates(&self, address: &str, observe: &mut (dyn FnMut(Attempt) + Send)) -> VecDeque<EndpointUrl> {
        if let Some(url) = &self.url {
            return VecDeque::from([url.clone()]);
        }
        let Some((_, domain)) = address.rsplit_once('@') else { return VecDeque::new() };
        let mut allowed = VecDeque::new();
        for url in [format!("https://{domain}{PATH}"), format!("https://autodiscover.{domain}{PATH}")] {
            match self.checked(&url) {
                Ok(url) => allowed.push_back(url),
                Err(error) => observe(Attempt { url, address: address.to_owned(), outcome: Err(error) }),
            }
        }
        allowed
    }

    async fn ask(&self, url: &EndpointUrl, address: &str) -> Result<Step, AutodiscoverError> {
        if !self.allowed.allows(url.host()) {
            return Err(AutodiscoverError::NotAllowed(url.host().to_owned()));
        }
        let request = AutodiscoverRequest { subject: Subject::Address(address.to_owned()) };
        let headers = [
            ("Host", url.host_header()),
            ("Content-Type", "text/xml; charset=utf-8".to_owned()),
            (header::X_MAPI_HTTP_CAPABILITY, "1".to_owned()),
        ];
        let outgoing = Outgoing {
            target: url.target(),
            headers: &headers,
            body: Bytes::from(request.encode()),
            max_body: 0,
            max_text: MAX_DOCUMENT,
        };
        let (credentials, counters) = (self.credentials.clone(), Arc::new(Counters::default()));
        let mut transport = Transport::new(url.clone(), self.tls.clone(), credentials, self.timeouts, counters);
        let received = transport.exchange(&outgoing).await.map_err(|error| match error {
            ExchangeError::Auth(error) => AutodiscoverError::Unauthorized(error),
            ExchangeError::NotSent(why) | ExchangeError::Unknown(why) | ExchangeError::Invalid(why) => {
                AutodiscoverError::Unreachable(why)
            }
        })?;
        match received.head.status {
            200 => {}
            301 | 302 | 303 | 307 | 308 => return Ok(Step::Ask(self.location(url, &received.head)?)),
            status => return Err(AutodiscoverError::HttpStatus(status)),
        }
        if !received.complete {
            return Err(AutodiscoverError::Unreadable(super::XmlError::TooLarge("document", MAX_DOCUMENT)));
        }
        match AutodiscoverAnswer::decode(&received.text).map_err(AutodiscoverError::Unreadable)? {
            AutodiscoverAnswer::Settings(settings) => Ok(Step::Done(settings)),
            AutodiscoverAnswer::RedirectUrl(url) => Ok(Step::Ask(self.checked(&url)?)),
            AutodiscoverAnswer::RedirectAddress(address) => Ok(Step::AskFor(address)),
            AutodiscoverAnswer::Error { code, message } => Err(AutodiscoverError::Refused(code, message)),
        }
    }

    fn location(&self, asked: &EndpointUrl, head: &ResponseHead) -> Result<EndpointUrl, AutodiscoverError> {
        let location = head.header("Location").unwrap_or("").trim();
        if location.starts_with('/') && !location.starts_with("//") {
            let scheme = if asked.is_tls() { "https" } else { "http" };
            return self.checked(&format!("{scheme}://{}{location}", asked.host_header()));
        }
        self.checked(location)
    }
}

fn keep(failure: &mut Option<AutodiscoverError>, error: AutodiscoverError) {
    if failure.as_ref().is_none_or(|known| known.weight() < error.weight()) {
        *failure = Some(error);
    }
}
