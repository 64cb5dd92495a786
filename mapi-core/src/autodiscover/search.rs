use std::collections::VecDeque;

use super::json::{decode_json, json_target};
use super::{
    AllowedHosts, Attempt, AutodiscoverAnswer, AutodiscoverError, MailboxSettings, PATH, Question, Reply, Step,
    XmlError,
};
use crate::auth::PlainHttp;
use crate::client::EndpointUrl;

/// Redirects followed in all, by status or by answer.
const MAX_REDIRECTS: usize = 5;
/// Questions asked in all.
const MAX_QUESTIONS: usize = 32;
/// Hosts of one answer of DNS that are asked.
const MAX_HOSTS: usize = 4;

/// Where credentials may go, and whether unencrypted.
#[derive(Debug, Clone)]
pub struct Bounds {
    /// Hosts beyond these get nothing at all.
    pub allowed: AllowedHosts,
    /// Whether redirects and settings may name plain http URLs.
    pub plain_http: PlainHttp,
}

/// The search for the settings of an address: which question is next, and what its reply leads to. Whatever is answered,
/// every question goes to an allowed host.
///
/// The order is that of [MS-OXDISCO] 3.1.5, with Autodiscover v2 behind the hosts that the domain suggests.
#[derive(Debug)]
pub struct Search {
    bounds: Bounds,
    url: Option<EndpointUrl>,
    address: String,
    queue: VecDeque<Question>,
    /// Of the queue, what could not be asked.
    left_out: Vec<Attempt>,
    asked: Vec<(Question, String)>,
    current: Option<Question>,
    redirects: usize,
    failure: Option<AutodiscoverError>,
    outcome: Option<Result<MailboxSettings, AutodiscoverError>>,
}

impl Bounds {
    /// The URL, if credentials may go there.
    ///
    /// # Errors
    /// [`AutodiscoverError::Url`], [`AutodiscoverError::NotAllowed`].
    pub fn check(&self, url: &str) -> Result<EndpointUrl, AutodiscoverError> {
        let parsed = EndpointUrl::parse(url, self.plain_http)
            .map_err(|why| AutodiscoverError::Url(url.chars().take(200).collect(), why.to_string()))?;
        if self.allowed.allows(parsed.host()) {
            Ok(parsed)
        } else {
            Err(AutodiscoverError::NotAllowed(parsed.host().to_owned()))
        }
    }
}

impl Search {
    /// A search for `address`: at `url`, or wherever its domain suggests.
    pub fn new(bounds: Bounds, url: Option<EndpointUrl>, address: &str) -> Self {
        let mut search = Self {
            bounds,
            url,
            address: address.to_owned(),
            queue: VecDeque::new(),
            left_out: Vec::new(),
            asked: Vec::new(),
            current: None,
            redirects: 0,
            failure: None,
            outcome: None,
        };
        search.begin();
        search
    }

    /// The address that is asked for now.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Questions that could not be asked since this was called last, and why not.
    pub fn left_out(&mut self) -> Vec<Attempt> {
        std::mem::take(&mut self.left_out)
    }

    /// The next question; `None` at the end of the search.
    pub fn question(&mut self) -> Option<Question> {
        while self.outcome.is_none() {
            let Some(question) = self.queue.pop_front() else { break };
            let asked = (question.clone(), self.address.clone());
            if self.asked.contains(&asked) || self.asked.len() == MAX_QUESTIONS {
                self.keep(AutodiscoverError::TooManyRedirects);
                continue;
            }
            self.asked.push(asked);
            if let Err(error) = self.may_ask(&question) {
                self.keep(error.clone());
                let address = self.address.clone();
                self.left_out.push(Attempt { question: Ok(question), address, outcome: Err(error) });
                continue;
            }
            self.current = Some(question.clone());
            return Some(question);
        }
        None
    }

    /// What the reply to the question asked last leads to.
    pub fn answer(&mut self, reply: Reply) -> Attempt {
        let Some(question) = self.current.take() else {
            let nothing = AutodiscoverError::Unreachable("nothing was asked".to_owned());
            return Attempt { question: Err(String::new()), address: self.address.clone(), outcome: Err(nothing) };
        };
        let address = self.address.clone();
        let outcome = self.step(&question, reply);
        match outcome.clone() {
            Ok(Step::Done(settings)) => self.outcome = Some(Ok(*settings)),
            Ok(step) => self.follow(step),
            // Asking elsewhere with a password that was refused would count as one more wrong password.
            Err(error @ AutodiscoverError::Unauthorized(_)) => self.outcome = Some(Err(error)),
            Err(error) => self.keep(error),
        }
        Attempt { question: Ok(question), address, outcome }
    }

    /// What came of it all.
    ///
    /// # Errors
    /// What says most about why no host gave settings.
    pub fn end(self) -> Result<MailboxSettings, AutodiscoverError> {
        let domain = domain(&self.address).unwrap_or_default().to_owned();
        self.outcome.unwrap_or_else(|| Err(self.failure.unwrap_or(AutodiscoverError::NotAllowed(domain))))
    }

    fn follow(&mut self, step: Step) {
        self.redirects += 1;
        if self.redirects > MAX_REDIRECTS {
            self.outcome = Some(Err(AutodiscoverError::TooManyRedirects));
            return;
        }
        match step {
            Step::Ask(questions) => questions.into_iter().rev().for_each(|question| self.queue.push_front(question)),
            Step::AskFor(address) => {
                self.address = address;
                self.begin();
            }
            Step::Done(_) => {}
        }
    }

    /// The questions that an address suggests.
    fn begin(&mut self) {
        self.queue.clear();
        if let Some(url) = &self.url {
            self.queue.push_back(Question::Settings(url.clone()));
            return;
        }
        let Some(domain) = domain(&self.address).map(str::to_owned) else { return };
        let hosts = [domain.clone(), format!("autodiscover.{domain}")];
        for host in &hosts {
            self.suggest(&format!("https://{host}{PATH}"), Question::Settings);
        }
        for host in &hosts {
            self.suggest_quietly(&format!("https://{host}{}", json_target(&self.address)), Question::Json);
        }
        // Nothing secret goes there, so that it may be http.
        let [_, host] = hosts;
        if self.bounds.allowed.allows(&host)
            && let Ok(url) = EndpointUrl::parse(&format!("http://{host}{PATH}"), PlainHttp::Allow)
        {
            self.queue.push_back(Question::Redirect(url));
        }
        if self.bounds.allowed.allows(&domain) {
            self.queue.push_back(Question::Srv(format!("_autodiscover._tcp.{domain}")));
        }
    }

    fn suggest(&mut self, url: &str, question: fn(EndpointUrl) -> Question) {
        match self.bounds.check(url) {
            Ok(url) => self.queue.push_back(question(url)),
            Err(error) => {
                let address = self.address.clone();
                self.left_out.push(Attempt { question: Err(url.to_owned()), address, outcome: Err(error) });
            }
        }
    }

    fn suggest_quietly(&mut self, url: &str, question: fn(EndpointUrl) -> Question) {
        self.queue.extend(self.bounds.check(url).ok().map(question));
    }

    fn may_ask(&self, question: &Question) -> Result<(), AutodiscoverError> {
        match question.url().filter(|url| !self.bounds.allowed.allows(url.host())) {
            Some(url) => Err(AutodiscoverError::NotAllowed(url.host().to_owned())),
            None => Ok(()),
        }
    }

    fn step(&self, question: &Question, reply: Reply) -> Result<Step, AutodiscoverError> {
        match (question, reply) {
            (_, Reply::Failed(error)) => Err(error),
            (Question::Srv(name), Reply::Hosts(hosts)) => self.hosts(name, hosts),
            (Question::Srv(_), Reply::Http { .. }) | (_, Reply::Hosts(_)) => {
                Err(AutodiscoverError::Unreachable("a reply to another question".to_owned()))
            }
            (Question::Settings(url), Reply::Http { status: 301..=303 | 307 | 308, location, .. }) => {
                Ok(Step::Ask(vec![Question::Settings(self.location(url, location)?)]))
            }
            (Question::Json(url), Reply::Http { status: 301..=303 | 307 | 308, location, .. }) => {
                Ok(Step::Ask(vec![Question::Json(self.location(url, location)?)]))
            }
            // The path is a path on the host that it redirects to, which must be named.
            (Question::Redirect(_), Reply::Http { status: 301 | 302 | 303 | 307 | 308, location, .. }) => {
                let url = self.bounds.check(location.as_deref().unwrap_or_default().trim())?;
                Ok(Step::Ask(vec![Question::Settings(url)]))
            }
            (Question::Redirect(_), Reply::Http { status, .. }) => Err(AutodiscoverError::HttpStatus(status)),
            (Question::Json(_), Reply::Http { status: 200, body, .. }) => {
                let url = decode_json(&whole(body)?).map_err(AutodiscoverError::Unreadable)?;
                Ok(Step::Ask(vec![Question::Settings(self.bounds.check(&url)?)]))
            }
            (Question::Settings(_), Reply::Http { status: 200, body, .. }) => {
                match AutodiscoverAnswer::decode(&whole(body)?).map_err(AutodiscoverError::Unreadable)? {
                    AutodiscoverAnswer::Settings(settings) => Ok(Step::Done(settings)),
                    AutodiscoverAnswer::RedirectUrl(url) => {
                        Ok(Step::Ask(vec![Question::Settings(self.bounds.check(&url)?)]))
                    }
                    AutodiscoverAnswer::RedirectAddress(address) => Ok(Step::AskFor(address)),
                    AutodiscoverAnswer::Error { code, message } => Err(AutodiscoverError::Refused(code, message)),
                }
            }
            (_, Reply::Http { status, .. }) => Err(AutodiscoverError::HttpStatus(status)),
        }
    }

    fn hosts(&self, name: &str, hosts: Vec<(String, u16)>) -> Result<Step, AutodiscoverError> {
        let mut failure = AutodiscoverError::Unreachable(format!("DNS knows no {name}"));
        let mut questions = Vec::new();
        for (host, port) in hosts.into_iter().take(MAX_HOSTS) {
            match self.bounds.check(&format!("https://{host}:{port}{PATH}")) {
                Ok(url) => questions.push(Question::Settings(url)),
                Err(error) => failure = error,
            }
        }
        if questions.is_empty() { Err(failure) } else { Ok(Step::Ask(questions)) }
    }

    fn location(&self, asked: &EndpointUrl, location: Option<String>) -> Result<EndpointUrl, AutodiscoverError> {
        let location = location.as_deref().unwrap_or_default().trim();
        if location.starts_with('/') && !location.starts_with("//") {
            let scheme = if asked.is_tls() { "https" } else { "http" };
            return self.bounds.check(&format!("{scheme}://{}{location}", asked.host_header()));
        }
        self.bounds.check(location)
    }

    fn keep(&mut self, error: AutodiscoverError) {
        if self.failure.as_ref().is_none_or(|known| known.weight() < error.weight()) {
            self.failure = Some(error);
        }
    }
}

fn domain(address: &str) -> Option<&str> {
    address.rsplit_once('@').map(|(_, domain)| domain).filter(|domain| !domain.is_empty())
}

fn whole(body: Option<Vec<u8>>) -> Result<Vec<u8>, AutodiscoverError> {
    body.ok_or(AutodiscoverError::Unreadable(XmlError::TooLarge("document", super::xml::MAX_DOCUMENT)))
}

#[cfg(test)]
#[path = "search_tests.rs"]
mod tests;
