use std::time::Instant;

use serde::Serialize;

use super::step::{
    AUTHENTICATION, AUTODISCOVER, CLIENT_SETTINGS, CONFIGURATION, CONNECT, CONNECTION, FOLDERS, LEDGER, LOGON, MESSAGE,
    NOTIFICATION, SPOOL,
};

const ORDER: [&str; 12] = [
    CONFIGURATION,
    AUTODISCOVER,
    CONNECTION,
    AUTHENTICATION,
    CONNECT,
    LOGON,
    FOLDERS,
    MESSAGE,
    NOTIFICATION,
    LEDGER,
    SPOOL,
    CLIENT_SETTINGS,
];

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// As it should.
    Ok,
    /// It works, but something should be changed.
    Warning,
    /// It doesn't work.
    Failed,
    /// It was not tried, because an earlier step failed.
    Skipped,
}

/// A step of the check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Its name.
    pub name: &'static str,
    /// How it ended.
    pub status: Status,
    /// How long it took.
    pub milliseconds: u64,
    /// What was found, a line each.
    pub details: Vec<String>,
    /// What the administrator does next, if there is something to do.
    pub next: Option<String>,
}

/// All steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// In their order.
    pub steps: Vec<Step>,
}

impl Report {
    /// Whether something doesn't work.
    pub fn failed(&self) -> bool {
        self.steps.iter().any(|step| step.status == Status::Failed)
    }
}

/// What came of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub(super) status: Status,
    pub(super) details: Vec<String>,
    pub(super) next: Option<String>,
}

impl Finding {
    /// As it should be.
    pub fn ok(detail: impl Into<String>) -> Self {
        Self { status: Status::Ok, details: vec![detail.into()], next: None }
    }

    /// It doesn't work.
    pub fn failed(reason: impl Into<String>, next: impl Into<String>) -> Self {
        Self { status: Status::Failed, details: vec![reason.into()], next: Some(next.into()) }
    }

    /// It doesn't work; why will be added.
    pub(super) fn failed_silently(next: impl Into<String>) -> Self {
        Self { status: Status::Failed, details: Vec::new(), next: Some(next.into()) }
    }

    /// It works, but `reason`.
    pub fn warning(reason: impl Into<String>, next: impl Into<String>) -> Self {
        Self { status: Status::Warning, details: vec![reason.into()], next: Some(next.into()) }
    }

    /// One more line.
    pub fn add(&mut self, detail: impl Into<String>) {
        self.details.push(detail.into());
    }

    /// One more line.
    #[must_use]
    pub fn and(mut self, detail: impl Into<String>) -> Self {
        self.add(detail);
        self
    }

    /// Makes a good finding a warning; a failure stays what it is.
    pub fn warn(&mut self, reason: impl Into<String>, next: impl Into<String>) {
        self.add(reason);
        if self.status == Status::Ok {
            self.status = Status::Warning;
            self.next = Some(next.into());
        }
    }
}

/// Steps as they end.
pub(super) struct Steps<'a> {
    done: Vec<Step>,
    on_step: Box<dyn FnMut(&Step) + Send + 'a>,
}

impl<'a> Steps<'a> {
    pub(super) fn new(on_step: impl FnMut(&Step) + Send + 'a) -> Self {
        Self { done: Vec::new(), on_step: Box::new(on_step) }
    }

    /// A step that `began` then ended.
    pub(super) fn record(&mut self, name: &'static str, began: Instant, found: Finding) {
        self.skip_until(name);
        let milliseconds = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        // Servers' texts may end up in a terminal.
        let details = found.details.iter().map(|line| printable(line)).collect();
        let next = found.next.as_deref().map(printable);
        self.push(Step { name, status: found.status, milliseconds, details, next });
    }

    /// All steps before `name` that did not come about are skipped.
    pub(super) fn skip_until(&mut self, name: &str) {
        for skipped in ORDER.into_iter().skip(self.done.len()).take_while(|step| *step != name) {
            let details = vec!["not tried: an earlier step failed".to_owned()];
            self.push(Step { name: skipped, status: Status::Skipped, milliseconds: 0, details, next: None });
        }
    }

    pub(super) fn into_report(self) -> Report {
        Report { steps: self.done }
    }

    fn push(&mut self, step: Step) {
        (self.on_step)(&step);
        self.done.push(step);
    }
}

/// The text on one line, without what terminals would act on.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{FFFD}' } else { c }).take(1000).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_that_did_not_come_about_are_skipped() {
        let mut seen = Vec::new();
        let mut steps = Steps::new(|step: &Step| seen.push((step.name, step.status)));
        steps.record(CONFIGURATION, Instant::now(), Finding::ok("good"));
        steps.record(AUTODISCOVER, Instant::now(), Finding::failed("bad\x1b[2J", "mend"));
        steps.record(LEDGER, Instant::now(), Finding::warning("tmpfs", "mount"));
        steps.skip_until("");
        let report = steps.into_report();
        assert!(report.failed());
        assert_eq!(report.steps[1].details, ["bad\u{FFFD}[2J"]);
        assert_eq!(seen.len(), ORDER.len());
        assert!(seen[2..9].iter().all(|(_, status)| *status == Status::Skipped));
        assert_eq!(seen[9], (LEDGER, Status::Warning));
    }

    #[test]
    fn a_failure_stays_one() {
        let mut found = Finding::failed("no", "do this");
        found.warn("besides", "do that");
        assert_eq!((found.status, found.next.as_deref()), (Status::Failed, Some("do this")));
    }
}
