use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use gateway::mutant::Mutant;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::damage::Damage;
use super::scenario::Scenario;
use super::stage::{Content, Held, Stage, TARGET};

/// How long a point may take as a whole.
const POINT_TIME: Duration = Duration::from_secs(400);
/// A scenario is over for the upstream when no request came for this long.
const QUIET: Duration = Duration::from_millis(400);

/// One fault at one place of one scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    /// What the user does.
    pub scenario: Scenario,
    /// What goes wrong.
    pub damage: Damage,
    /// Which request or event it befalls, from 1.
    pub at: u64,
}

/// What a point came to.
#[derive(Debug)]
pub enum Outcome {
    /// Every promise held.
    Held,
    /// One did not.
    Broken(String),
    /// The scenario made fewer requests this time.
    NotReached,
}

/// What all points came to.
#[derive(Debug, Default)]
pub struct Report {
    /// Points that were reached.
    pub tried: usize,
    /// Those at which everything held.
    pub held: usize,
    /// The others, in words.
    pub broken: Vec<String>,
    /// Points that were not reached, as timing differs.
    pub not_reached: usize,
    /// Points of each scenario that were reached.
    pub tried_of: BTreeMap<String, usize>,
}

/// Which points are visited.
#[derive(Debug, Clone, Copy)]
pub struct Extent {
    /// Every so-manieth point of each scenario, all kinds and all requests in turn.
    pub every: usize,
    /// The same of scenarios with many messages, which take longer.
    pub every_of_many: usize,
    /// Only where the gateway is killed.
    pub only_kills: bool,
    /// Stop at the first point that fails.
    pub until_broken: bool,
}

/// Counts what each scenario asks of the upstream, and visits the points.
pub async fn sweep(scenarios: &[Scenario], extent: Extent, mutant: Option<Mutant>) -> Report {
    let mut report = Report::default();
    let stop = Arc::new(AtomicBool::new(false));
    let jobs = std::thread::available_parallelism().map_or(2, usize::from) * 4;
    let slots = Arc::new(Semaphore::new(jobs));
    let mut tasks = JoinSet::new();
    for &scenario in scenarios {
        let (slots, stop) = (Arc::clone(&slots), Arc::clone(&stop));
        tasks.spawn(async move {
            let counted = {
                let _slot = slots.acquire().await;
                guarded(scenario, measure(scenario, mutant)).await
            };
            let mut outcomes = Vec::new();
            let points = match counted {
                Ok(counts) => points(scenario, &counts, extent),
                Err(violation) => {
                    stop.store(true, Ordering::Release);
                    outcomes.push(("without a fault".to_owned(), Outcome::Broken(violation)));
                    Vec::new()
                }
            };
            let mut visits = JoinSet::new();
            for point in points {
                let (slots, stop) = (Arc::clone(&slots), Arc::clone(&stop));
                visits.spawn(async move {
                    let _slot = slots.acquire().await;
                    if extent.until_broken && stop.load(Ordering::Acquire) {
                        return (String::new(), Outcome::NotReached);
                    }
                    let outcome = visit(point, mutant).await;
                    if matches!(outcome, Outcome::Broken(_)) {
                        stop.store(true, Ordering::Release);
                    }
                    (format!("request {}: {}", point.at, point.damage), outcome)
                });
            }
            outcomes.extend(visits.join_all().await);
            (scenario, outcomes)
        });
    }
    for (scenario, outcomes) in tasks.join_all().await {
        report.tried_of.insert(format!("{scenario:?}"), 0);
        for (name, outcome) in outcomes {
            report.add(scenario, &name, outcome);
        }
    }
    report
}

impl Report {
    /// What is wrong with the sweep itself: scenarios of which nothing was tried, or many points that were not reached.
    pub fn gaps(&self) -> Vec<String> {
        let untried = self.tried_of.iter().filter(|(_, tried)| **tried == 0);
        let mut gaps: Vec<String> = untried.map(|(scenario, _)| format!("{scenario}: no point was tried")).collect();
        if self.not_reached * 10 > self.tried {
            gaps.push(format!("{} points were not reached, {} were", self.not_reached, self.tried));
        }
        gaps
    }

    fn add(&mut self, scenario: Scenario, name: &str, outcome: Outcome) {
        if matches!(outcome, Outcome::NotReached) {
            self.not_reached += 1;
            return;
        }
        self.tried += 1;
        *self.tried_of.entry(format!("{scenario:?}")).or_default() += 1;
        match outcome {
            Outcome::Held | Outcome::NotReached => self.held += 1,
            Outcome::Broken(what) => self.broken.push(format!("{scenario:?} {name}: {what}")),
        }
    }
}

/// How many requests and events each kind of damage could meet.
struct Counts {
    requests: u64,
    waits: u64,
    events: u64,
}

/// Runs a scenario without a fault, which has to hold as well.
async fn measure(scenario: Scenario, mutant: Option<Mutant>) -> Held<Counts> {
    let mut stage = Stage::set(scenario.content(), None, mutant).await?;
    scenario.prepare(&mut stage).await?;
    let [waits, told] = Damage::of_notifications();
    let kinds = [Damage::KillBefore, waits[0], told[0]];
    let now = |stage: &Stage| kinds.map(|kind| kind.count(&stage.sandbox));
    quiet(&stage).await;
    let before = now(&stage);
    scenario.act(&mut stage).await?;
    quiet(&stage).await;
    let after = now(&stage);
    finish(&mut stage).await?;
    let [requests, waits, events] = [0, 1, 2].map(|kind| after[kind] - before[kind]);
    Ok(Counts { requests, waits, events })
}

async fn quiet(stage: &Stage) {
    let count = || Damage::KillBefore.count(&stage.sandbox);
    let mut before = count();
    loop {
        tokio::time::sleep(QUIET).await;
        let now = count();
        if now == before {
            return;
        }
        before = now;
    }
}

/// All points of a scenario, or every so-manieth in a way that all kinds and all requests have their turn.
fn points(scenario: Scenario, counts: &Counts, extent: Extent) -> Vec<Point> {
    let [waits, told] = Damage::of_notifications();
    // Waits and notifications matter where nothing else tells what happened.
    let (waits, told) = if scenario == Scenario::Arrival { (waits, told) } else { Default::default() };
    let kinds = [(Damage::of_requests(), counts.requests), (waits, counts.waits), (told, counts.events)];
    let mut all = Vec::new();
    for (damages, count) in kinds {
        for (number, damage) in damages.into_iter().enumerate() {
            if extent.only_kills && !matches!(damage, Damage::KillBefore | Damage::KillAfter) {
                continue;
            }
            let every = match scenario.content() {
                Content::Few(_) => extent.every,
                Content::Many(_) => extent.every_of_many,
            };
            let (number, every) = (number as u64 + scenario as u64, every as u64);
            all.extend((1..=count).filter(|at| (at + number).is_multiple_of(every)).map(|at| Point {
                scenario,
                damage,
                at,
            }));
        }
    }
    all
}

async fn visit(point: Point, mutant: Option<Mutant>) -> Outcome {
    let reached = Arc::new(AtomicBool::new(false));
    let result = guarded(point.scenario, play(point, mutant, Arc::clone(&reached))).await;
    match result {
        Ok(()) if !reached.load(Ordering::Acquire) => Outcome::NotReached,
        Ok(()) => Outcome::Held,
        Err(violation) => Outcome::Broken(violation),
    }
}

async fn play(point: Point, mutant: Option<Mutant>, reached: Arc<AtomicBool>) -> Held<()> {
    let Point { scenario, damage, at } = point;
    let mut stage = Stage::set(scenario.content(), Some(damage), mutant).await?;
    let played = async {
        scenario.prepare(&mut stage).await?;
        quiet(&stage).await;
        let armed = damage.arm(&stage.sandbox, stage.gateway.axe(), at);
        let acted = scenario.act(&mut stage).await;
        if acted.is_ok() && !armed.is_hit() {
            // What comes after the user was answered is part of it.
            quiet(&stage).await;
        }
        reached.store(armed.is_hit(), Ordering::Release);
        stage.sandbox.faults().disarm();
        acted?;
        finish(&mut stage).await
    };
    let result = played.await;
    result.map_err(|violation| format!("{violation}\n{}", stage.gateway.last_words()))
}

/// The client comes to see what is there, and sees it again after a restart.
async fn finish(stage: &mut Stage) -> Held<()> {
    for folder in ["INBOX", TARGET] {
        stage.agree(folder).await?;
    }
    stage.survive_restart().await
}

/// Bounds a point in time, and makes a violation of a panic.
async fn guarded<T: Send + 'static>(
    scenario: Scenario,
    work: impl Future<Output = Held<T>> + Send + 'static,
) -> Held<T> {
    let task = tokio::spawn(tokio::time::timeout(POINT_TIME, work));
    match task.await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(format!("{scenario:?} did not end in {} s", POINT_TIME.as_secs())),
        Err(error) => Err(format!("panicked: {error}")),
    }
}

/// The scenarios of a list of names, comma-separated; all if there is none.
pub fn named(names: Option<&str>) -> Vec<Scenario> {
    let wanted: Option<HashSet<String>> = names.map(|names| names.split(',').map(str::to_lowercase).collect());
    let is_wanted = |scenario: &Scenario| {
        wanted.as_ref().is_none_or(|wanted| wanted.contains(&format!("{scenario:?}").to_lowercase()))
    };
    Scenario::all().into_iter().filter(is_wanted).collect()
}
