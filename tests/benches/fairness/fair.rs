use std::time::Duration;

use exchange_sandbox::{Fault, FaultKind, Requests};
use tests::stack::ALICE;

use crate::Measured;
use crate::bystander::{BYSTANDER, Bystander, FRIEND, Seen};
use crate::generator::Generator;
use crate::inside::Inside;
use crate::load::Kind;
use crate::stage::{Stage, with_attachment, with_text};

/// How long is measured under each load, at least.
const DURATION: Duration = Duration::from_secs(20);
/// How long a load goes on before it is measured.
const SETTLING: Duration = Duration::from_secs(3);
/// How often what was sent and appended is taken away.
const EMPTYING: Duration = Duration::from_secs(4);

/// Milliseconds in the gateway.
const NOOP_BOUND: f64 = 50.0;
const SELECT_BOUND: f64 = 200.0;
/// Above the quiet time.
const SUBMISSION_BOUND: f64 = 250.0;

/// One user loads the gateway in one way after the other; another one's times meanwhile, beside those when it is quiet.
pub async fn measure(loads: &[Kind]) -> Measured {
    println!(
        "milliseconds in the gateway, and in brackets as the client sees it; a submission in the gateway is without the"
    );
    println!("time that the upstream took by its own clock");
    println!(
        "{:>8} | {:>30} | {:>30} | {:>34} | the load",
        "", "NOOP p50 / p99", "SELECT p50 / p99", "10 KiB submission p50 / p95"
    );
    let quiet = quiet().await?;
    show("quiet", &quiet, "");
    let submission_bound = quiet.submission.0.percentile(95) + SUBMISSION_BOUND;
    let mut missed = Vec::new();
    for kind in loads {
        let (seen, did) = match under(*kind).await {
            Ok(seen) => seen,
            Err(why) => {
                missed.push(format!("{}: {why}", kind.name()));
                continue;
            }
        };
        show(kind.name(), &seen, &did);
        let within = [
            ("NOOP, p99", seen.noop.0.percentile(99), NOOP_BOUND),
            ("SELECT, p99", seen.select.0.percentile(99), SELECT_BOUND),
            ("submission, p95", seen.submission.0.percentile(95), submission_bound),
        ];
        let over = within.iter().filter(|(_, figure, bound)| figure > bound);
        missed.extend(over.map(|(what, figure, bound)| {
            format!(
                "{}: {what} in the gateway: {figure:.1} ms, bound {bound:.0} ms; the upstream's time for SELECT, p99: {:.1} ms",
                kind.name(),
                seen.select_upstream.percentile(99)
            )
        }));
    }
    if missed.is_empty() { Ok(()) } else { Err(missed.join("\n")) }
}

fn show(name: &str, seen: &Seen, did: &str) {
    let pair = |(inside, outside): &(crate::figures::Figures, crate::figures::Figures), one, other| {
        format!("{} ({}) ×{}", inside.shown(one, other), outside.shown(one, other), inside.count())
    };
    println!(
        "{name:>8} | {:>30} | {:>30} | {:>34} | {did}",
        pair(&seen.noop, 50, 99),
        pair(&seen.select, 50, 99),
        pair(&seen.submission, 50, 95)
    );
}

async fn quiet() -> Result<Seen, String> {
    let stage = stage().await?;
    let bystander = Bystander::begin(&stage).await;
    Ok(bystander.measure(&stage, DURATION).await)
}

/// Everything is new for each load, so that none pays for the one before.
async fn under(kind: Kind) -> Result<(Seen, String), String> {
    let stage = stage().await?;
    match kind {
        Kind::Search => stage.deliver(ALICE, with_text(11 << 20)),
        // More than is cached.
        Kind::Fetch | Kind::Slow => {
            for number in 0..8 {
                stage.deliver(ALICE, if number % 2 == 0 { with_attachment(20 << 20) } else { with_text(20 << 20) });
            }
        }
        _ => stage.fill(ALICE, 100),
    }
    let bystander = Bystander::begin(&stage).await;
    let mut generator = Generator::start(kind, &stage.servers(), &[ALICE]).await?;
    if kind == Kind::Stuck {
        let endless = Fault::new(FaultKind::HangBefore { keep_alives: true }, Requests::Any, 1);
        stage.sandbox.faults().arm(endless.times(u64::MAX).of_user(ALICE));
    }
    generator.begin()?;
    let emptying = async {
        loop {
            tokio::time::sleep(EMPTYING).await;
            if matches!(kind, Kind::Append | Kind::Submit) {
                stage.empty(ALICE);
            }
        }
    };
    let measuring = async {
        tokio::time::sleep(SETTLING).await;
        bystander.measure(&stage, DURATION).await
    };
    let seen = tokio::select! {
        seen = measuring => seen,
        () = emptying => return Err("never".to_owned()),
    };
    Ok((seen, generator.end().await?))
}

async fn stage() -> Result<Stage, String> {
    let stage = Stage::set(&[ALICE, BYSTANDER, FRIEND], Inside::FILTER).await?;
    stage.fill(BYSTANDER, 200);
    Ok(stage)
}
