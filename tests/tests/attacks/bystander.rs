use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tests::until::until;

/// Bob, who looks into his inbox again and again, in a process of his own (`tests/src/bin/bystander.rs`).
pub struct Bystander {
    process: Child,
    /// Lines that he wrote: one when he began, and one for each time he was served.
    lines: Arc<AtomicUsize>,
}

impl Bystander {
    /// Lets him begin, and waits until he has.
    pub async fn begin(imap: SocketAddr) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bystander"));
        command.arg(imap.to_string()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().expect("the bystander starts");
        let output = process.stdout.take().expect("a pipe");
        let lines = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&lines);
        std::thread::spawn(move || {
            for _ in BufReader::new(output).lines().map_while(Result::ok) {
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
        let mut bystander = Self { process, lines };
        bystander.has_written(1).await;
        bystander
    }

    /// Waits until he was served so many times from now on.
    pub async fn is_served(&mut self, times: usize) {
        // What he was in the midst of may have begun earlier.
        let lines = self.lines.load(Ordering::Relaxed) + 1 + times;
        self.has_written(lines).await;
    }

    /// Ends, and fails if something was refused.
    pub async fn leave(mut self) {
        drop(self.process.stdin.take());
        let mut ended = None;
        until("the bystander leaves", async || {
            ended = self.process.try_wait().expect("a child");
            ended.is_some()
        })
        .await;
        assert!(ended.is_some_and(|status| status.success()), "the bystander was refused something");
    }

    async fn has_written(&mut self, lines: usize) {
        until("the bystander is served", async || {
            let ended = self.process.try_wait().expect("a child");
            assert!(ended.is_none(), "the bystander was refused something");
            self.lines.load(Ordering::Relaxed) >= lines
        })
        .await;
    }
}

impl Drop for Bystander {
    fn drop(&mut self) {
        // In the midst of a test that fails.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
