use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use gateway::mutant::Mutant;
use tests::stack::PLAIN_LISTENERS;

/// How long the program may take to listen.
const START_TIME: Duration = Duration::from_secs(60);

/// The gateway as a process of its own, so that it can die as processes do.
pub struct Gateway {
    directory: PathBuf,
    mutant: Option<Mutant>,
    running: Arc<Mutex<Option<Child>>>,
    starts: u32,
    /// Where IMAP listens.
    pub imap: SocketAddr,
    /// Where SMTP listens.
    pub smtp: SocketAddr,
}

/// Kills the process at once, from wherever.
#[derive(Clone)]
pub struct Axe(Arc<Mutex<Option<Child>>>);

impl Axe {
    /// SIGKILL.
    pub fn fall(&self) {
        if let Some(mut child) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            child.kill().expect("a child can be killed");
            child.wait().expect("it is dead");
        }
    }
}

impl Gateway {
    /// Starts the program with its configuration, ledger and log in `directory`.
    pub async fn start(
        directory: &Path,
        upstream: SocketAddr,
        request_timeout: Duration,
        mutant: Option<Mutant>,
    ) -> Result<Self, String> {
        let text = format!(
            r#"
            [upstream]
            domains = ["example.test"]
            autodiscover_url = "http://{upstream}/autodiscover/autodiscover.xml"
            auth = "basic"
            allow_plain_http = true
            request_timeout_seconds = {timeout}
            [ledger]
            directory = "{place}/ledger"
            {PLAIN_LISTENERS}
            [log]
            format = "json"
            "#,
            timeout = request_timeout.as_secs(),
            place = directory.display(),
        );
        std::fs::write(directory.join("gateway.toml"), text).expect("written");
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 1));
        let running = Arc::default();
        let directory = directory.to_owned();
        let mut gateway = Self { directory, mutant, running, starts: 0, imap: nowhere, smtp: nowhere };
        gateway.ensure_running().await?;
        Ok(gateway)
    }

    /// What kills it.
    pub fn axe(&self) -> Axe {
        Axe(Arc::clone(&self.running))
    }

    /// Starts it over the same ledger, if it is dead.
    pub async fn ensure_running(&mut self) -> Result<(), String> {
        if self.lock().is_some() {
            return Ok(());
        }
        self.starts += 1;
        let log = self.log_file();
        let mut command = Command::new(env!("CARGO_BIN_EXE_gateway-under-test"));
        command.args(["run", "--config"]).arg(self.directory.join("gateway.toml")).env_remove("RUST_LOG");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&log).expect("a log"));
        if let Some(mutant) = self.mutant {
            command.env("GATEWAY_MUTANT", mutant.name());
        }
        *self.lock() = Some(command.spawn().expect("the gateway starts"));
        let began = Instant::now();
        while began.elapsed() < START_TIME {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let text = std::fs::read_to_string(&log).unwrap_or_default();
            if let (Some(imap), Some(smtp)) = (listens(&text, "IMAP listens"), listens(&text, "SMTP listens")) {
                (self.imap, self.smtp) = (imap, smtp);
                return Ok(());
            }
        }
        Err("the gateway did not start to listen".to_owned())
    }

    /// The end of the last process's log.
    pub fn last_words(&self) -> String {
        let text = std::fs::read_to_string(self.log_file()).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(12)..].join("\n")
    }

    fn log_file(&self) -> PathBuf {
        self.directory.join(format!("{}.log", self.starts))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Child>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.axe().fall();
    }
}

/// The address in the log line with this message.
fn listens(log: &str, message: &str) -> Option<SocketAddr> {
    let line = log.lines().find(|line| line.contains(message))?;
    let record: serde_json::Value = serde_json::from_str(line).ok()?;
    record["fields"]["address"].as_str()?.parse().ok()
}
