use std::time::Duration;

use crate::row::{Bound, Row};
use crate::side::Taken;
use crate::stage::Cache;

/// Figures below this are not told apart.
const GRAIN: Duration = Duration::from_millis(5);

/// What one row took of both servers, each time.
pub struct Figures {
    pub row: &'static Row,
    cache: Cache,
    gateway: Vec<Taken>,
    dovecot: Vec<Taken>,
    /// What the gateway's upstream took for its requests, by its own clock.
    upstream: Vec<Duration>,
}

impl Figures {
    pub fn new(row: &'static Row, cache: Cache) -> Self {
        Self { row, cache, gateway: Vec::new(), dovecot: Vec::new(), upstream: Vec::new() }
    }

    pub fn add(&mut self, gateway: Taken, upstream: Duration, dovecot: Taken) {
        self.gateway.push(gateway);
        self.upstream.push(upstream);
        self.dovecot.push(dovecot);
    }

    /// Says the medians, and whether they are within the bound.
    ///
    /// # Errors
    /// They are not.
    pub fn tell(&self) -> Result<(), String> {
        let (gateway, dovecot, upstream) = (medians(&self.gateway), medians(&self.dovecot), median(&self.upstream));
        let limits = self.limits(dovecot, upstream);
        let within = limits.is_none_or(|limit| gateway.wall <= limit.wall && gateway.processor <= limit.processor);
        println!(
            "| {} | {} | {} | {:.2} / {:.2} | {:.3} | {}{} |",
            self.row.name,
            shown(dovecot),
            shown(gateway),
            ratio(gateway.wall, dovecot.wall),
            ratio(gateway.processor, dovecot.processor),
            upstream.as_secs_f64(),
            limits.map_or_else(|| "-".to_owned(), shown),
            if within { "" } else { " **missed**" },
        );
        match limits {
            Some(limit) if !within => Err(format!(
                "{} ({:?} cache): {} s of clock / processor, bound {} s",
                self.row.name,
                self.cache,
                shown(gateway),
                shown(limit)
            )),
            _ => Ok(()),
        }
    }

    fn limits(&self, dovecot: Taken, upstream: Duration) -> Option<Taken> {
        let times = |factor: f64| Taken {
            wall: dovecot.wall.mul_f64(factor) + GRAIN,
            processor: dovecot.processor.mul_f64(factor) + GRAIN,
        };
        match (self.row.bound, self.cache) {
            (Bound::None, _) => None,
            (Bound::Same, _) | (Bound::Body, Cache::Large) => Some(times(1.0)),
            (Bound::Body, Cache::Default) => Some(times(4.0)),
            (Bound::Write, _) => {
                let own = times(1.2);
                Some(Taken { wall: own.wall + upstream, ..own })
            }
        }
    }
}

pub fn head() {
    println!("seconds by the clock / of the server's processors, medians");
    println!("| | Dovecot | gateway | gateway / Dovecot | upstream | bound |\n|---|---|---|---|---|---|");
}

fn shown(taken: Taken) -> String {
    format!("{:.3} / {:.3}", taken.wall.as_secs_f64(), taken.processor.as_secs_f64())
}

fn ratio(one: Duration, other: Duration) -> f64 {
    one.as_secs_f64() / other.as_secs_f64().max(1e-6)
}

fn medians(all: &[Taken]) -> Taken {
    let of = |what: fn(&Taken) -> Duration| median(&all.iter().map(what).collect::<Vec<_>>());
    Taken { wall: of(|taken| taken.wall), processor: of(|taken| taken.processor) }
}

fn median(all: &[Duration]) -> Duration {
    let mut sorted = all.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}
