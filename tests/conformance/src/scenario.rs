use std::fmt;
use std::time::Instant;

use futures::future::BoxFuture;

use super::report::compare;
use super::{Bench, Expected, Line, Report, Target, Trouble, Verdict};

/// One thing that is tried out on a server.
pub struct Scenario {
    /// A short name, also of its scratch folder.
    pub name: &'static str,
    /// What it needs beyond a mailbox.
    pub needs: Needs,
    /// What it is to see.
    pub expected: &'static [Expected],
    /// Tries it.
    pub run: for<'a> fn(&'a mut Bench) -> BoxFuture<'a, Result<(), Trouble>>,
}

/// What a scenario needs beyond a mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Nothing.
    Nothing,
    /// A second user.
    SecondUser,
    /// An address book.
    AddressBook,
}

impl fmt::Debug for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scenario").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Needs {
    /// Why a scenario cannot run, if it cannot.
    fn missing(self, target: &Target) -> Option<&'static str> {
        match self {
            Self::SecondUser if target.second.is_none() => Some("no second user was named"),
            Self::AddressBook if target.user.settings.endpoints.nspi.is_none() => Some("no address book is known"),
            _ => None,
        }
    }
}

/// Runs `scenarios`, one after the other, and compares what they see. `progress` hears of each that is done.
pub async fn run(target: &Target, scenarios: &[Scenario], mut progress: impl FnMut(&str)) -> Report {
    let mut report = Report::default();
    for scenario in scenarios {
        if let Some(why) = scenario.needs.missing(target) {
            report.lines.push(Line {
                scenario: scenario.name,
                field: String::new(),
                expected: "",
                seen: String::new(),
                verdict: Verdict::Skipped(why),
            });
            continue;
        }
        let began = Instant::now();
        let lines = match Bench::open(target, scenario.name).await {
            Ok(bench) => compare(scenario.name, scenario.expected, &see(bench, scenario).await),
            Err(error) => compare(scenario.name, &[], &[("not begun".to_owned(), error.to_string())]),
        };
        progress(&format!("{}: {:.1} s", scenario.name, began.elapsed().as_secs_f64()));
        report.lines.extend(lines);
    }
    report
}

/// What a scenario sees. That it stopped early, or left something behind, is seen too.
async fn see(mut bench: Bench, scenario: &Scenario) -> Vec<(String, String)> {
    if let Err(error) = (scenario.run)(&mut bench).await {
        bench.see("stopped", error);
    }
    bench.close().await
}
