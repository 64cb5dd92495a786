//! Dovecot, to compare with: a server of its own in a directory of its own, which knows every user by the password of the
//! stack and keeps mail in Maildirs. Nothing that the system has of it is used but the programs.

use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::maildir::Maildir;
use crate::processor::children_of;
use crate::stack::PASSWORD;

/// Debian puts it where only root looks for programs.
const PROGRAMS: [&str; 3] = ["/usr/sbin/dovecot", "/usr/local/sbin/dovecot", "/usr/bin/dovecot"];
/// How long it may take to listen, and to end.
const PATIENCE: Duration = Duration::from_secs(30);
/// Who mail belongs to where root starts it (Dovecot lets root have none): nobody.
const NOBODY: u32 = 65534;

/// A running server. It is stopped when this is dropped.
pub struct Dovecot {
    program: PathBuf,
    directory: PathBuf,
    running: Option<Child>,
    /// Where IMAP listens, without TLS.
    pub imap: SocketAddr,
}

impl Dovecot {
    /// The program.
    ///
    /// # Errors
    /// It is not installed; says how to get it.
    pub fn program() -> Result<PathBuf, String> {
        let found = PROGRAMS.iter().map(PathBuf::from).find(|path| path.is_file());
        found.ok_or_else(|| "Dovecot is not installed: apt-get install dovecot-imapd (Debian, Ubuntu)".to_owned())
    }

    /// Starts it over what is in `directory`.
    ///
    /// # Errors
    /// It is not installed, or did not come to listen.
    pub async fn start(directory: &Path) -> Result<Self, String> {
        let program = Self::program()?;
        let free = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
        let imap = free.map_err(|error| format!("no free port: {error}"))?;
        let mut dovecot = Self { program, directory: directory.to_owned(), running: None, imap };
        dovecot.write_configuration().map_err(|error| format!("{}: {error}", directory.display()))?;
        dovecot.ensure_running().await?;
        Ok(dovecot)
    }

    /// Starts it again over the same directory, if it doesn't run.
    ///
    /// # Errors
    /// It did not come to listen.
    pub async fn ensure_running(&mut self) -> Result<(), String> {
        if self.running.is_some() {
            return Ok(());
        }
        let mut command = Command::new(&self.program);
        command.arg("-F").arg("-c").arg(self.directory.join("dovecot.conf")).stdin(Stdio::null());
        self.running = Some(command.spawn().map_err(|error| format!("{}: {error}", self.program.display()))?);
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            if greets(self.imap).await {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let log = std::fs::read_to_string(self.directory.join("log")).unwrap_or_default();
        Err(format!("Dovecot did not come to listen: {log}"))
    }

    /// Ends it (SIGTERM), and waits until it has.
    pub fn stop(&mut self) {
        let Some(mut child) = self.running.take() else { return };
        // It may have ended.
        let _ = Command::new("kill").arg(child.id().to_string()).stderr(Stdio::null()).status();
        let began = Instant::now();
        while matches!(child.try_wait(), Ok(None)) {
            if began.elapsed() > PATIENCE {
                let _ = child.kill();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Its processes: the one that was started, and those that this one has started.
    pub fn processes(&self) -> Vec<u32> {
        let Some(first) = self.running.as_ref().map(Child::id) else { return Vec::new() };
        [first].into_iter().chain(children_of(first)).collect()
    }

    /// A user's inbox.
    pub fn inbox(&self, user: &str) -> Maildir {
        Maildir::new(self.directory.join("mail").join(user))
    }

    /// Gives mail that was put into a user's Maildir to those who may have it.
    ///
    /// # Errors
    /// What the file system says.
    pub fn hand_over(&self, user: &str) -> std::io::Result<()> {
        let (_, [owner, group]) = owner()?;
        own(&self.directory.join("mail").join(user), owner, group)
    }

    fn write_configuration(&self) -> std::io::Result<()> {
        let (is_root, [owner, group]) = owner()?;
        for name in ["mail", "home"] {
            let path = self.directory.join(name);
            std::fs::create_dir_all(&path)?;
            chown(&path, Some(owner), Some(group))?;
        }
        // Temporary directories are their maker's alone.
        std::fs::set_permissions(&self.directory, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
        // Where it is not root it can't become anybody else.
        let same = |option: &str| String::from_utf8_lossy(&run("id", option)).trim().to_owned();
        let users = if is_root {
            String::new()
        } else {
            let (user, group) = (same("-un"), same("-gn"));
            format!("default_internal_user = {user}\ndefault_login_user = {user}\ndefault_internal_group = {group}\n")
        };
        let text = format!(
            "protocols = imap\nlisten = 127.0.0.1\nssl = no\ndisable_plaintext_auth = no\n\
             base_dir = {place}/run\nstate_dir = {place}/state\nlog_path = {place}/log\n\
             mail_location = maildir:{place}/mail/%u\nfirst_valid_uid = 1\nmail_max_userip_connections = 100\n{users}\
             passdb {{\n  driver = static\n  args = password={PASSWORD}\n}}\n\
             userdb {{\n  driver = static\n  args = uid={owner} gid={group} home={place}/home/%u\n}}\n\
             service imap-login {{\n  chroot =\n  inet_listener imap {{\n    port = {port}\n  }}\n  \
             inet_listener imaps {{\n    port = 0\n  }}\n}}\nservice anvil {{\n  chroot =\n}}\n",
            place = self.directory.display(),
            port = self.imap.port(),
        );
        std::fs::write(self.directory.join("dovecot.conf"), text)
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Whether this is root, and who mail belongs to.
fn owner() -> std::io::Result<(bool, [u32; 2])> {
    let this = std::fs::metadata("/proc/self")?;
    Ok(if this.uid() == 0 { (true, [NOBODY; 2]) } else { (false, [this.uid(), this.gid()]) })
}

fn own(path: &Path, owner: u32, group: u32) -> std::io::Result<()> {
    chown(path, Some(owner), Some(group))?;
    if path.is_dir() {
        for entry in std::fs::read_dir(path)? {
            own(&entry?.path(), owner, group)?;
        }
    }
    Ok(())
}

fn run(program: &str, argument: &str) -> Vec<u8> {
    Command::new(program).arg(argument).output().map(|output| output.stdout).unwrap_or_default()
}

async fn greets(address: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect(address).await else { return false };
    let mut greeting = [0; 4];
    let read = tokio::time::timeout(PATIENCE, stream.read_exact(&mut greeting)).await;
    matches!(read, Ok(Ok(_))) && &greeting == b"* OK"
}
