use mail_core::work::{BudgetLimits, WorkLimits};
use serde::{Deserialize, Serialize};

/// What all clients' work may take together.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsConfig {
    /// Bytes of memory for messages while they are read, converted, searched and sent, beside what is cached.
    pub memory_bytes: u64,
    /// The same of one user.
    pub memory_bytes_per_user: u64,
    /// Seconds for which a command waits for memory while nobody before it is served, before it is refused.
    pub wait_seconds: u64,
    /// Seconds for which what is under way may go on when the gateway stops. A submission that is cut off may be sent twice,
    /// so this is close to what service managers and container engines grant at most by default (30 s).
    pub stop_seconds: u64,
    /// How many pieces of CPU work are done at a time; 0 is one less than there are cores.
    pub cpu_threads: usize,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        let BudgetLimits { total, per_owner, patience } = BudgetLimits::default();
        Self {
            memory_bytes: total,
            memory_bytes_per_user: per_owner,
            wait_seconds: patience.as_secs(),
            stop_seconds: 25,
            cpu_threads: 0,
        }
    }
}

impl LimitsConfig {
    /// The bounds of memory.
    pub fn budget(&self) -> BudgetLimits {
        let patience = std::time::Duration::from_secs(self.wait_seconds);
        BudgetLimits { total: self.memory_bytes, per_owner: self.memory_bytes_per_user, patience }
    }

    /// The bounds of CPU work.
    pub fn work(&self) -> WorkLimits {
        let default = WorkLimits::default();
        WorkLimits { running: if self.cpu_threads == 0 { default.running } else { self.cpu_threads }, ..default }
    }
}
