use std::time::Duration;

/// Times of the same thing, in milliseconds and order.
#[derive(Debug, Clone, Default)]
pub struct Figures(Vec<f64>);

impl Figures {
    pub fn of(times: impl IntoIterator<Item = Duration>) -> Self {
        let mut all: Vec<f64> = times.into_iter().map(|time| time.as_secs_f64() * 1e3).collect();
        all.sort_unstable_by(f64::total_cmp);
        Self(all)
    }

    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// What so many percent do not exceed; endless if there is nothing.
    pub fn percentile(&self, percent: usize) -> f64 {
        let rank = (self.0.len() * percent).div_ceil(100).max(1);
        self.0.get(rank - 1).copied().unwrap_or(f64::INFINITY)
    }

    /// Two percentiles.
    pub fn shown(&self, one: usize, other: usize) -> String {
        format!("{:.1} / {:.1}", self.percentile(one), self.percentile(other))
    }
}
