//! Marionette, by which Mozilla's programs are driven: JSON over TCP, each packet with its length in front.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use libtest_mimic::Failed;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// The functions that scripts call.
const ACTIONS: &str = include_str!("actions.js");
/// No packet is larger.
const LARGEST: usize = 64 << 20;

/// A connection with a session. Dropping a call leaves it in the middle of an answer: it is of no use after that.
pub struct Marionette {
    stream: BufReader<TcpStream>,
    next_id: u64,
}

impl Marionette {
    /// Connects to a program of this machine, and waits until its first window is there.
    pub async fn connect(port: u16) -> Result<Self, Failed> {
        let stream = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
        let mut client = Self { stream: BufReader::new(stream), next_id: 0 };
        let greeting = client.packet().await?;
        if greeting["marionetteProtocol"] != 3 {
            return Err(format!("an unknown protocol: {greeting}").into());
        }
        // What asks something is to stay until it is seen.
        client.command("WebDriver:NewSession", json!({"unhandledPromptBehavior": "ignore"})).await?;
        client.command("Marionette:SetContext", json!({"value": "chrome"})).await?;
        Ok(client)
    }

    /// Calls a function of `actions.js` in the program's first window; what its promise comes to.
    pub async fn call(&mut self, action: &str, argument: Value, patience: Duration) -> Result<Value, Failed> {
        let script = format!(
            "const [action, argument, done] = arguments;\n{ACTIONS}\nPromise.resolve().then(() => \
             actions[action](argument)).then(value => done({{ value }}), error => done({{ error: `${{error}}\\n${{error?.stack \
             ?? \"\"}}` }}));"
        );
        let milliseconds = u64::try_from(patience.as_millis())?;
        self.command("WebDriver:SetTimeouts", json!({"script": milliseconds})).await?;
        let script =
            json!({"script": script, "args": [action, argument], "sandbox": "system", "filename": "actions.js"});
        let mut answer = self.command("WebDriver:ExecuteAsyncScript", script).await?;
        match &answer["value"]["error"] {
            Value::Null => Ok(answer["value"]["value"].take()),
            error => Err(format!("{action}: {}", error.as_str().unwrap_or("?")).into()),
        }
    }

    /// Asks the program to end, as its menu does.
    pub async fn quit(&mut self) -> Result<(), Failed> {
        self.command("Marionette:Quit", json!({"flags": ["eAttemptQuit"]})).await.map(drop)
    }

    async fn command(&mut self, name: &str, parameters: Value) -> Result<Value, Failed> {
        self.next_id += 1;
        let text = json!([0, self.next_id, name, parameters]).to_string();
        self.stream.get_mut().write_all(format!("{}:{text}", text.len()).as_bytes()).await?;
        let mut answer = self.packet().await?;
        if answer[0] != 1 || answer[1] != self.next_id {
            return Err(format!("{name}: another answer: {answer}").into());
        }
        if !answer[2].is_null() {
            return Err(format!("{name}: {}", answer[2]).into());
        }
        Ok(answer[3].take())
    }

    async fn packet(&mut self) -> Result<Value, Failed> {
        let mut size = 0;
        loop {
            match self.stream.read_u8().await? {
                b':' => break,
                digit @ b'0'..=b'9' if size < LARGEST => size = size * 10 + usize::from(digit - b'0'),
                other => return Err(format!("no length: {other:#x}").into()),
            }
        }
        let mut bytes = vec![0; size];
        self.stream.read_exact(&mut bytes).await?;
        Ok(serde_json::from_slice(&bytes)?)
    }
}
