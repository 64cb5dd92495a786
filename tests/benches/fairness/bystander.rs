use std::time::{Duration, Instant};

use tests::imap_client::ImapClient;
use tests::smtp_client::SmtpClient;
use tests::stack::PASSWORD;
use tests::until::until;

use crate::figures::Figures;
use crate::inside::Inside;
use crate::stage::Stage;

/// The other user, and whom he writes to.
pub const BYSTANDER: &str = "bob@example.test";
pub const FRIEND: &str = "carol@example.test";

/// NOOPs between two SELECTs, and SELECTs between two submissions.
const NOOPS: usize = 10;
const SELECTS: usize = 3;
/// The bounds are about percentiles: so many times at least.
const FEWEST: Fewest = Fewest { noops: 300, selects: 30, submissions: 10 };

struct Fewest {
    noops: usize,
    selects: usize,
    submissions: usize,
}

/// What somebody sees of the gateway.
pub struct Bystander {
    imap: ImapClient,
    smtp: SmtpClient,
    message: String,
    noops: Vec<Duration>,
    selects: Vec<Duration>,
    submissions: Vec<Duration>,
    /// What the upstream took of each SELECT and of each submission, by its own clock.
    upstream: (Vec<Duration>, Vec<Duration>),
}

/// What was seen, in the gateway and by the client.
#[derive(Debug)]
pub struct Seen {
    pub noop: (Figures, Figures),
    pub select: (Figures, Figures),
    /// Of the upstream, by its own clock, for each SELECT.
    pub select_upstream: Figures,
    /// In the gateway without the upstream's own time.
    pub submission: (Figures, Figures),
}

impl Bystander {
    pub async fn begin(stage: &Stage) -> Self {
        let mut imap = ImapClient::login(stage.gateway.imap, BYSTANDER, PASSWORD).await;
        imap.command("SELECT INBOX").await.ok();
        let smtp = SmtpClient::login(stage.gateway.smtp, BYSTANDER, PASSWORD).await;
        let message = format!("From: {BYSTANDER}\r\nTo: {FRIEND}\r\nSubject: small\r\n\r\n");
        let message = message + &("x".repeat(78) + "\r\n").repeat((10 << 10) / 80);
        let (noops, selects, submissions, upstream) = Default::default();
        let mut bystander = Self { imap, smtp, message, noops, selects, submissions, upstream };
        // What happens only once is not counted.
        bystander.look(stage, 2).await;
        bystander.submit(stage).await;
        bystander.forget();
        bystander
    }

    fn forget(&mut self) {
        for times in
            [&mut self.noops, &mut self.selects, &mut self.submissions, &mut self.upstream.0, &mut self.upstream.1]
        {
            times.clear();
        }
    }

    /// Does what users do, for so long at least, and tells how long it took.
    pub async fn measure(mut self, stage: &Stage, duration: Duration) -> Seen {
        let began = Instant::now();
        while began.elapsed() < duration
            || self.noops.len() < FEWEST.noops
            || self.selects.len() < FEWEST.selects
            || self.submissions.len() < FEWEST.submissions
        {
            for _ in 0..SELECTS {
                self.look(stage, NOOPS).await;
            }
            self.submit(stage).await;
        }
        self.seen(stage).await
    }

    async fn look(&mut self, stage: &Stage, noops: usize) {
        for number in 0..noops {
            // Not in step with anything.
            tokio::time::sleep(Duration::from_millis(1 + (self.noops.len() + number) as u64 * 7 % 11)).await;
            let began = Instant::now();
            self.imap.command("NOOP").await.ok();
            self.noops.push(began.elapsed());
        }
        let folder = if self.selects.len().is_multiple_of(2) { "\"Sent Items\"" } else { "INBOX" };
        let (before, began) = (upstream(stage), Instant::now());
        self.imap.command(&format!("SELECT {folder}")).await.ok();
        self.selects.push(began.elapsed());
        self.upstream.0.push(upstream(stage) - before);
    }

    async fn submit(&mut self, stage: &Stage) {
        self.smtp.expect(&format!("MAIL FROM:<{BYSTANDER}>"), "250").await;
        self.smtp.expect(&format!("RCPT TO:<{FRIEND}>"), "250").await;
        self.smtp.expect("DATA", "354").await;
        let (before, began) = (upstream(stage), Instant::now());
        self.smtp.expect(&format!("{}.", self.message), "250").await;
        self.submissions.push(began.elapsed());
        self.upstream.1.push(upstream(stage) - before);
    }

    async fn seen(self, stage: &Stage) -> Seen {
        let inside = || Inside::of(BYSTANDER, stage.gateway.log());
        // What is logged behind the last answer takes a moment; what was before the measurement is more.
        until("the log tells of the last submission", async || inside().submissions().len() > self.submissions.len())
            .await;
        let inside = inside();
        let noops = last(inside.commands("NOOP"), self.noops.len());
        let selects = last(inside.commands("SELECT"), self.selects.len());
        let submissions = last(inside.submissions(), self.submissions.len());
        let own = submissions.into_iter().zip(&self.upstream.1).map(|(all, upstream)| all.saturating_sub(*upstream));
        Seen {
            noop: (Figures::of(noops), Figures::of(self.noops)),
            select: (Figures::of(selects), Figures::of(self.selects)),
            select_upstream: Figures::of(self.upstream.0),
            submission: (Figures::of(own), Figures::of(self.submissions)),
        }
    }
}

/// What the upstream took so far.
fn upstream(stage: &Stage) -> Duration {
    stage.sandbox.time_spent_on(BYSTANDER).expect("a user")
}

fn last(mut times: Vec<Duration>, count: usize) -> Vec<Duration> {
    assert!(times.len() >= count, "the log tells of {} of {count}", times.len());
    times.split_off(times.len() - count)
}
