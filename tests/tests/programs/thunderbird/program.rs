//! Thunderbird as a process, with a profile of its own.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use libtest_mimic::Failed;
use serde_json::Value;
use tempfile::TempDir;

use super::log::ImapLog;
use super::marionette::Marionette;

/// How long it may take to start or end.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long an action may take.
const ACTION: Duration = Duration::from_secs(30);
/// How long its answer may take on top: Thunderbird itself ends actions, unless it hangs.
const ANSWER: Duration = Duration::from_secs(10);

/// What is not to happen on its own: pages for new users, noise, and connections to elsewhere. All else is as Thunderbird
/// comes.
const PREFERENCES: &str = r#"
user_pref("marionette.port", 0);
user_pref("app.donation.eoy.version.viewed", 999);
user_pref("app.update.disabledForTesting", true);
user_pref("datareporting.policy.dataSubmissionPolicyBypassNotification", true);
user_pref("extensions.update.enabled", false);
user_pref("mail.biff.play_sound", false);
user_pref("mail.biff.show_alert", false);
user_pref("mail.inappnotifications.enabled", false);
user_pref("mail.provider.suppress_dialog_on_startup", true);
user_pref("mail.rights.version", 1);
user_pref("mail.server.default.use_condstore", true);
user_pref("mail.shell.checkDefaultClient", false);
user_pref("mailnews.start_page.enabled", false);
user_pref("network.proxy.type", 1);
user_pref("network.proxy.http", "127.0.0.1");
user_pref("network.proxy.http_port", 9);
user_pref("network.proxy.ssl", "127.0.0.1");
user_pref("network.proxy.ssl_port", 9);
"#;

/// A profile, and the program that runs with it. Dropping it ends the program.
pub struct Thunderbird {
    home: TempDir,
    running: Option<(Child, Marionette)>,
    starts: u32,
}

impl Thunderbird {
    /// With an empty profile.
    pub async fn start() -> Result<Self, Failed> {
        let home = tempfile::tempdir()?;
        std::fs::create_dir(home.path().join("profile"))?;
        std::fs::write(home.path().join("profile/user.js"), PREFERENCES)?;
        let mut thunderbird = Self { home, running: None, starts: 0 };
        thunderbird.launch().await?;
        Ok(thunderbird)
    }

    /// Ends it as its user does, and starts it again with the same profile.
    pub async fn restart(&mut self) -> Result<(), Failed> {
        self.quit().await?;
        self.launch().await
    }

    /// Ends it as its user does.
    pub async fn quit(&mut self) -> Result<(), Failed> {
        let (child, marionette) = self.running.as_mut().ok_or("it does not run")?;
        tokio::time::timeout(ACTION, marionette.quit()).await.map_err(|_| "Thunderbird hangs")??;
        let began = Instant::now();
        while child.try_wait()?.is_none() {
            if began.elapsed() > PATIENCE {
                return Err("Thunderbird does not end".into());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.running = None;
        Ok(())
    }

    /// Calls a function of `actions.js`.
    pub async fn call(&mut self, action: &str, argument: Value) -> Result<Value, Failed> {
        let (_, marionette) = self.running.as_mut().ok_or("it does not run")?;
        let call = marionette.call(action, argument, ACTION);
        tokio::time::timeout(ACTION + ANSWER, call).await.map_err(|_| format!("{action}: Thunderbird hangs"))?
    }

    /// A place for files of the test.
    pub fn directory(&self) -> &Path {
        self.home.path()
    }

    /// What it said and heard by IMAP since it was started the last time.
    pub fn imap_log(&self) -> ImapLog {
        ImapLog::read(&self.log_file("imap.moz_log"))
    }

    async fn launch(&mut self) -> Result<(), Failed> {
        self.starts += 1;
        let profile = self.home.path().join("profile");
        let port_file = profile.join("MarionetteActivePort");
        if port_file.exists() {
            std::fs::remove_file(&port_file)?;
        }
        let said = File::create(self.log_file("out"))?;
        let child = Command::new("thunderbird")
            .args(["--headless", "--marionette", "--remote-allow-system-access", "--no-remote", "--profile"])
            .arg(&profile)
            .env("HOME", self.home.path())
            // Two Thunderbirds with one directory for temporary files take each other's drafts.
            .env("TMPDIR", self.home.path())
            .env("LC_ALL", "C.UTF-8")
            .env("MOZ_LOG", "IMAP:4,timestamp,sync")
            .env("MOZ_LOG_FILE", self.log_file("imap"))
            .env("MOZ_CRASHREPORTER_DISABLE", "1")
            .env_remove("DISPLAY")
            .env_remove("XDG_CACHE_HOME")
            .env_remove("XDG_CONFIG_HOME")
            .env_remove("DBUS_SESSION_BUS_ADDRESS")
            .stdin(Stdio::null())
            .stdout(said.try_clone()?)
            .stderr(said)
            .spawn()?;
        let mut child = Killed(Some(child));
        let began = Instant::now();
        let port = loop {
            let text = std::fs::read_to_string(&port_file).unwrap_or_default();
            if let Ok(port) = text.parse() {
                break port;
            }
            if child.ended()? || began.elapsed() > PATIENCE {
                let said = std::fs::read_to_string(self.log_file("out")).unwrap_or_default();
                return Err(format!("Thunderbird does not start:\n{said}").into());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        let marionette = tokio::time::timeout(PATIENCE, Marionette::connect(port)).await??;
        self.running = child.0.take().map(|child| (child, marionette));
        self.call("watch", Value::Null).await?;
        Ok(())
    }

    fn log_file(&self, name: &str) -> PathBuf {
        self.home.path().join(format!("{}.{name}", self.starts))
    }
}

impl Drop for Thunderbird {
    fn drop(&mut self) {
        drop(Killed(self.running.take().map(|(child, _)| child)));
    }
}

/// A process that ends with this.
struct Killed(Option<Child>);

impl Killed {
    fn ended(&mut self) -> Result<bool, Failed> {
        Ok(self.0.as_mut().is_none_or(|child| !matches!(child.try_wait(), Ok(None))))
    }
}

impl Drop for Killed {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
