//! The gateway as a process of its own: it can die as processes do, and its memory is its own.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use gateway::mutant::Mutant;

use crate::stack::PLAIN_LISTENERS;

/// How long the program may take to listen, and to end.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is to be started.
#[derive(Debug, Clone, Copy)]
pub struct Settings<'a> {
    /// The program, as `env!("CARGO_BIN_EXE_gateway-under-test")` tells tests and benchmarks.
    pub program: &'a str,
    /// Where its configuration, ledger and log are.
    pub directory: &'a Path,
    /// The sandbox.
    pub upstream: SocketAddr,
    /// More keys of `[upstream]`.
    pub upstream_keys: &'a str,
    /// More keys of `[ledger]`.
    pub ledger_keys: &'a str,
    /// Listeners of both kinds, and further sections.
    pub sections: &'a str,
    /// What is logged, as `log.filter` has it.
    pub log: &'a str,
    /// A seeded bug.
    pub mutant: Option<Mutant>,
}

impl<'a> Settings<'a> {
    /// The program with listeners without TLS.
    pub fn new(program: &'a str, directory: &'a Path, upstream: SocketAddr) -> Self {
        Self {
            program,
            directory,
            upstream,
            upstream_keys: "",
            ledger_keys: "",
            sections: PLAIN_LISTENERS,
            log: "info",
            mutant: None,
        }
    }
}

/// A gateway process.
pub struct Gateway {
    program: PathBuf,
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
    /// Starts the program.
    ///
    /// # Errors
    /// It did not come to listen.
    pub async fn start(settings: Settings<'_>) -> Result<Self, String> {
        let text = format!(
            r#"
            [upstream]
            domains = ["example.test"]
            autodiscover_url = "http://{upstream}/autodiscover/autodiscover.xml"
            auth = "basic"
            allow_plain_http = true
            {ahead}
            {keys}
            [ledger]
            directory = "{place}/ledger"
            {ledger}
            {sections}
            [log]
            format = "json"
            filter = "{log}"
            "#,
            upstream = settings.upstream,
            // Requests that nobody asked for would be counted and measured.
            ahead = if settings.upstream_keys.contains("render_ahead") { "" } else { "render_ahead_seconds = 0" },
            keys = settings.upstream_keys,
            ledger = settings.ledger_keys,
            place = settings.directory.display(),
            sections = settings.sections,
            log = settings.log,
        );
        std::fs::write(settings.directory.join("gateway.toml"), text).expect("written");
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 1));
        let mut gateway = Self {
            program: settings.program.into(),
            directory: settings.directory.to_owned(),
            mutant: settings.mutant,
            running: Arc::default(),
            starts: 0,
            imap: nowhere,
            smtp: nowhere,
        };
        gateway.ensure_running().await?;
        Ok(gateway)
    }

    /// What kills it.
    pub fn axe(&self) -> Axe {
        Axe(Arc::clone(&self.running))
    }

    /// Starts it over the same ledger, if it is dead.
    ///
    /// # Errors
    /// It did not come to listen.
    pub async fn ensure_running(&mut self) -> Result<(), String> {
        if self.lock().is_some() {
            return Ok(());
        }
        self.starts += 1;
        let log = self.log_file();
        let mut command = Command::new(&self.program);
        command.args(["run", "--config"]).arg(self.directory.join("gateway.toml")).env_remove("RUST_LOG");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&log).expect("a log"));
        if let Some(mutant) = self.mutant {
            command.env("GATEWAY_MUTANT", mutant.name());
        }
        *self.lock() = Some(command.spawn().expect("the gateway starts"));
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let text = std::fs::read_to_string(&log).unwrap_or_default();
            if let (Some(imap), Some(smtp)) = (listens(&text, "IMAP listens"), listens(&text, "SMTP listens")) {
                (self.imap, self.smtp) = (imap, smtp);
                return Ok(());
            }
        }
        Err("the gateway did not start to listen".to_owned())
    }

    /// Ends it as administrators do (SIGTERM), and waits until it has ended.
    ///
    /// # Errors
    /// It did not end.
    pub async fn stop(&mut self) -> Result<(), String> {
        self.end_by("TERM").await.map(drop)
    }

    /// Sends a signal that ends it, and waits until it has; how it ended, or `None` if it was dead before.
    ///
    /// # Errors
    /// It did not end.
    pub async fn end_by(&mut self, signal: &str) -> Result<Option<ExitStatus>, String> {
        let Some(mut child) = self.lock().take() else { return Ok(None) };
        let mut kill = Command::new("kill");
        kill.args(["-s", signal]).arg(child.id().to_string()).status().map_err(|error| format!("kill: {error}"))?;
        let began = Instant::now();
        loop {
            if let Some(status) = child.try_wait().map_err(|error| error.to_string())? {
                return Ok(Some(status));
            }
            if began.elapsed() > PATIENCE {
                child.kill().expect("a child can be killed");
                return Err("the gateway did not end".to_owned());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// The id of the running process.
    ///
    /// # Errors
    /// The process is dead.
    pub fn process_id(&self) -> Result<u32, String> {
        self.lock().as_ref().map(Child::id).ok_or_else(|| "the gateway is dead".to_owned())
    }

    /// A figure of the running process in kibibytes, such as `VmRSS` (memory now) or `VmHWM` (the most it had), as Linux
    /// tells it.
    ///
    /// # Errors
    /// The process is dead, or this is another system.
    pub fn memory(&self, figure: &str) -> Result<u64, String> {
        let id = self.process_id()?;
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).map_err(|error| error.to_string())?;
        let line = status.lines().find_map(|line| line.strip_prefix(figure)?.strip_prefix(':'));
        let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        number.ok_or_else(|| format!("no {figure} in /proc/{id}/status"))
    }

    /// How many files and sockets the process has open.
    ///
    /// # Errors
    /// The process is dead, or this is another system.
    pub fn descriptors(&self) -> Result<usize, String> {
        let id = self.process_id()?;
        std::fs::read_dir(format!("/proc/{id}/fd")).map(Iterator::count).map_err(|error| error.to_string())
    }

    /// What the last process has logged, a JSON object per line.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    /// The end of the last process's log.
    pub fn last_words(&self) -> String {
        let text = self.log();
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
