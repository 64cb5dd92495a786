use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::load::{Kind, Servers};

/// A process that loads the gateway, on one core. It is killed when this is dropped.
pub struct Generator {
    child: Child,
    input: Option<ChildStdin>,
    output: Option<BufReader<ChildStdout>>,
}

impl Generator {
    /// Starts it, and waits until it could begin.
    ///
    /// # Errors
    /// It came to no beginning.
    pub async fn start(kind: Kind, servers: &Servers, users: &[&str]) -> Result<Self, String> {
        let mut command = Command::new(std::env::current_exe().map_err(|error| error.to_string())?);
        command.args(["generate", kind.name(), &servers.imap.to_string(), &servers.smtp.to_string()]).args(users);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|error| error.to_string())?;
        let (input, output) = (child.stdin.take(), child.stdout.take().map(BufReader::new));
        let mut generator = Self { child, input, output };
        let (output, ready) = blocking(generator.output.take(), |output| {
            let mut ready = String::new();
            output.read_line(&mut ready).map(|_| ready)
        })
        .await?;
        generator.output = Some(output);
        if ready.is_empty() { Err(format!("the load {} did not begin", kind.name())) } else { Ok(generator) }
    }

    /// Lets it begin.
    ///
    /// # Errors
    /// It has ended.
    pub fn begin(&mut self) -> Result<(), String> {
        let input = self.input.as_mut().ok_or("no pipe")?;
        input.write_all(b"go\n").map_err(|error| format!("the load has ended: {error}"))
    }

    /// Ends it: its connections end too. Gives what it did.
    ///
    /// # Errors
    /// It failed, or did nothing.
    pub async fn end(mut self) -> Result<String, String> {
        drop(self.input.take());
        let (_, did) = blocking(self.output.take(), |output| {
            let mut did = String::new();
            output.read_to_string(&mut did).map(|_| did)
        })
        .await?;
        let ended = self.child.wait().map_err(|error| error.to_string())?;
        let did = did.trim().to_owned();
        if ended.success() { Ok(did) } else { Err(format!("the load was none: {ended}, {did}")) }
    }
}

impl Drop for Generator {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads off the threads on which everything else goes on.
async fn blocking<T: Send + 'static>(
    output: Option<BufReader<ChildStdout>>,
    read: impl FnOnce(&mut BufReader<ChildStdout>) -> std::io::Result<T> + Send + 'static,
) -> Result<(BufReader<ChildStdout>, T), String> {
    let mut output = output.ok_or("no pipe")?;
    let read = tokio::task::spawn_blocking(move || read(&mut output).map(|read| (output, read)));
    read.await.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
}
