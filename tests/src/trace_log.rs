//! Everything that every crate logs for one test, down to trace level. Tests of one process have runtimes of their own, by
//! which their logs are told apart.

use std::collections::HashMap;
use std::io::Write;
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

use tokio::runtime::{Handle, Id};
use tracing_subscriber::filter::dynamic_filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{fmt, registry};

/// By the runtime in which something is logged. Those that nobody asked to keep are not here.
static LOGS: Mutex<Option<HashMap<Id, Vec<u8>>>> = Mutex::new(None);

fn lock() -> MutexGuard<'static, Option<HashMap<Id, Vec<u8>>>> {
    LOGS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The log of the runtime that this is called in, if it is kept.
fn with_own<R>(act: impl FnOnce(&mut Vec<u8>) -> R) -> Option<R> {
    let runtime = Handle::try_current().ok()?.id();
    lock().as_mut()?.get_mut(&runtime).map(act)
}

struct Log;

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        with_own(|log| log.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Begins to keep the log of the runtime that this is called in, if that has not begun yet.
///
/// # Panics
/// Outside of a runtime, and if the process has another subscriber.
pub fn keep() {
    static SUBSCRIBED: Once = Once::new();
    SUBSCRIBED.call_once(|| {
        let kept = dynamic_filter_fn(|_, _| with_own(|_| ()).is_some());
        let lines = fmt::layer().with_ansi(false).with_writer(|| Log);
        registry().with(lines).with(kept).try_init().expect("no other subscriber");
    });
    lock().get_or_insert_default().entry(Handle::current().id()).or_default();
}

/// What was logged so far in the runtime that this is called in.
pub fn logged() -> String {
    with_own(|log| String::from_utf8_lossy(log).into_owned()).unwrap_or_default()
}
