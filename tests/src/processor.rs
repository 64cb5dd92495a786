//! The processor time that processes use (Linux: `/proc/…/schedstat`).

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

/// How often threads are looked at while something goes on: more often than threads end that have nothing to do.
const PERIOD: Duration = Duration::from_millis(200);
/// What goes on behind an answer belongs to it.
const SETTLING: Duration = Duration::from_millis(50);

/// The processor time that the threads of some processes have used so far, in nanoseconds, by thread.
#[derive(Debug, Clone, Default)]
pub struct Processor(HashMap<PathBuf, u64>);

impl Processor {
    /// Of these processes. Those that have ended count for nothing.
    pub fn of(processes: &[u32]) -> Self {
        let mut used = Self::default();
        used.look(processes);
        used
    }

    fn look(&mut self, processes: &[u32]) {
        let tasks = processes.iter().flat_map(|id| std::fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten());
        let used = |task: std::fs::DirEntry| {
            // A thread may end meanwhile.
            let text = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
            Some((task.path(), text.split(' ').next()?.parse().ok()?))
        };
        self.0.extend(tasks.flatten().filter_map(used));
    }

    /// What was used since `before`. A thread that came meanwhile counts as a whole.
    pub fn since(&self, before: &Self) -> Duration {
        let used = |(task, now): (&PathBuf, &u64)| now.saturating_sub(before.0.get(task).copied().unwrap_or(0));
        Duration::from_nanos(self.0.iter().map(used).sum())
    }
}

/// Does something, and tells what the processes used for it, also with threads that ended meanwhile. `processes` is asked
/// again and again, as there may come more.
pub async fn used_for<T>(processes: impl Fn() -> Vec<u32>, work: impl Future<Output = T>) -> (T, Duration) {
    let before = Processor::of(&processes());
    let mut used = before.clone();
    let mut work = std::pin::pin!(work);
    let done = loop {
        match tokio::time::timeout(PERIOD, &mut work).await {
            Ok(done) => break done,
            Err(_) => used.look(&processes()),
        }
    };
    tokio::time::sleep(SETTLING).await;
    used.look(&processes());
    (done, used.since(&before))
}

/// The processes that a process has started and that run.
pub fn children_of(parent: u32) -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let is_child = |id: &u32| {
        // `11041 (anvil) S 11040 …`; the name may hold anything.
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        let fields = stat.rsplit_once(") ").map(|(_, fields)| fields.split(' '));
        fields.and_then(|mut fields| fields.nth(1)?.parse().ok()) == Some(parent)
    };
    ids.filter(is_child).collect()
}
